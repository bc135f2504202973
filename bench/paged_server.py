"""A log behind a slow network: prepared pages over HTTP on this machine, each answer late by a fixed time.

Usage: ``python paged_server.py PAGES SECONDS``. Prints its port, and ends when its standard input does, or
after an hour. What it sends is cut out of one piece of memory, so that hardly any of the work is its own. It
honours ``limit`` and ``offset`` and takes no notice of other parameters.
"""

import asyncio
import json
import sys
from collections.abc import Sequence
from email.utils import formatdate
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import msgspec

_LONGEST = 3_600.0
_PLACE = {"limit": "20", "offset": "0"}


class _Data(msgspec.Struct):
    audit_logs: list[msgspec.Raw]


class _Page(msgspec.Struct):
    data: _Data


class Log:
    """All entries as they stand in the pages, one after another, ready to be cut anywhere."""

    def __init__(self, files: Sequence[Path]) -> None:
        content = bytearray()
        self._starts = [0]
        for file in files:
            for entry in msgspec.json.decode(file.read_bytes(), type=_Page).data.audit_logs:
                content += bytes(entry) + b","
                self._starts.append(len(content))
        self._content = memoryview(bytes(content))

    def body(self, limit: int, offset: int) -> list[bytes | memoryview]:
        """Return the list response for a page, in pieces."""
        total = len(self._starts) - 1
        first, last = min(offset, total), min(offset + limit, total)
        begin, end = self._starts[first], self._starts[last]
        page = {"audit_logs": [], "limit": limit, "offset": offset, "total": total}
        envelope = {"error": False, "message": "Audit logs retrieved", "count": last - first, "data": page}
        head, _, tail = json.dumps(envelope, separators=(",", ":")).encode().partition(b"[]")
        return [head + b"[", self._content[begin : max(begin, end - 1)], b"]" + tail]


async def serve(log: Log, latency: float) -> None:
    """Serve the log until standard input ends."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                request = await reader.readuntil(b"\r\n\r\n")
                await asyncio.sleep(latency)
                writer.writelines(_response(log, request))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    async with asyncio.timeout(_LONGEST):
        await asyncio.to_thread(sys.stdin.read)


def _response(log: Log, request: bytes) -> list[bytes | memoryview]:
    target = request.split(b" ", 2)[1].decode()
    asked = parse_qs(urlsplit(target).query)
    limit, offset = (int(asked.get(name, [default])[0]) for name, default in _PLACE.items())
    body = log.body(limit, offset)
    head = (
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
        f"content-length: {sum(map(len, body))}\r\ndate: {formatdate(usegmt=True)}\r\n\r\n"
    )
    return [head.encode(), *body]


if __name__ == "__main__":
    pages = sorted(Path(sys.argv[1]).glob("page-*.json"))
    asyncio.run(serve(Log(pages), float(sys.argv[2])))
