"""A log fetched and thrown away. Usage: fetch_with_httpx.py URL ENTRIES LIMIT STEP CONCURRENCY."""

import sys
from concurrent.futures import ThreadPoolExecutor

import httpx

_HEADERS = {"x-satusky-api-key": "sandbox-key", "accept-encoding": "identity"}

if __name__ == "__main__":
    url, (entries, limit, step, concurrency) = sys.argv[1], map(int, sys.argv[2:])
    with httpx.Client(headers=_HEADERS) as client, ThreadPoolExecutor(concurrency) as pool:

        def fetch(offset: int) -> int:
            """Return how many bytes came; none is kept."""
            with client.stream("GET", url, params={"limit": limit, "offset": offset}) as response:
                response.raise_for_status()
                return sum(map(len, response.iter_raw()))

        print(sum(pool.map(fetch, range(0, entries, step))))
