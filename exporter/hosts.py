"""The host that a URL names, as the network is asked for its address."""

import httpx


def host_of(url: httpx.URL) -> str:
    """Return the host of a URL, empty where it names none.

    Raises :class:`UnicodeError` for one whose address cannot be asked for (IDNA, RFC 3490).
    """
    url.raw_host.decode().encode("idna")
    return url.host
