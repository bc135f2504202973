"""Where to connect, as whom, and by which way: what would send the key unprotected is refused."""

import socket
import ssl
import threading
import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.cookiejar import Cookie, CookieJar, DefaultCookiePolicy
from pathlib import Path
from typing import Any
from weakref import WeakSet

import httpx

from exporter import __version__
from exporter.errors import UsageError
from exporter.hosts import host_of
from exporter.source.credentials import Key

_LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})
_LAST_PORT = 65_535


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """Where to connect, as whom, and how patiently."""

    base_url: str
    """Base URL of the API; https, or http to this machine."""

    key: Key
    """The API key, sent in ``x-satusky-api-key``."""

    timeout: float = 30.0
    """Seconds that one request may take."""

    retry_for: float = 600.0
    """Seconds for which a failing request is tried again.

    30 at most until the platform has answered once, unless it names a time itself (``Retry-After``).
    """

    rate: float | None = None
    """Requests a second at most, retries included; ``None`` for no limit."""

    proxy: str | None = field(default=None, repr=False)
    """URL of the proxy to use, which may hold a password; ``None`` for what the environment says."""

    ca_bundle: Path | None = None
    """PEM certificates to trust instead of the usual ones."""


class Sockets:
    """The sockets that requests go out on, so that those under way can be ended from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: WeakSet[socket.socket] = WeakSet()
        self._ended = False

    def note(self, _event: str, told: Mapping[str, Any]) -> None:
        """Take a note of a socket that the HTTP library tells of, as its extension ``trace``."""
        stream = told.get("return_value")
        if stream is None or not hasattr(stream, "get_extra_info"):
            return
        with self._lock:
            self._open.add(stream.get_extra_info("socket"))
            ended = self._ended
        if ended:
            self.end()

    def end(self) -> None:
        """End all of them, and those that are yet to come: whoever reads from one is told that it closed."""
        with self._lock:
            self._ended = True
            for each in self._open:
                with suppress(OSError):  # it is closed already
                    socket.socket.shutdown(each, socket.SHUT_RDWR)  # beneath TLS, which another thread reads


class _Sendable(DefaultCookiePolicy):
    """Takes the cookies that a request can carry: over any other the library fails when it makes the next."""

    def set_ok(self, cookie: Cookie, request: urllib.request.Request) -> bool:
        return f"{cookie.name}{cookie.value}".isascii() and super().set_ok(cookie, request)


def trusted(base_url: str) -> str:
    """Return the URL without a slash at its end; raise :class:`UsageError` where the key may not go there."""
    try:
        url = httpx.URL(base_url)
        host = host_of(url)
    except (httpx.InvalidURL, UnicodeError) as error:
        raise UsageError(
            f"--api-url is not a URL: {error}.", "Give one such as https://api.example/v1/cli."
        ) from error
    if url.userinfo or {"?", "#"} & set(base_url):  # also an empty query, which would swallow the path
        raise UsageError(
            "--api-url holds a user name, a query or a fragment.",
            "Give the base URL alone; the key has its own options.",
        )
    if (url.port or 0) > _LAST_PORT:  # the system would take another
        raise UsageError(
            f"--api-url names the port {url.port}, which does not exist.", f"Give one up to {_LAST_PORT}."
        )
    if not host:
        raise UsageError("--api-url names no host.", "Give one such as https://api.example/v1/cli.")
    if url.scheme != "https" and not (url.scheme == "http" and host in _LOCAL_HOSTS):
        raise UsageError(
            f"The key would travel unprotected to {base_url}.", "Use https; plain http is for localhost only."
        )
    return base_url.rstrip("/")


def open_http(connection: Connection) -> httpx.Client:
    """Make the HTTP client. Proxies of the environment are for https: plain http stays on this machine.

    Raises :class:`UsageError` where the connection cannot be made as it was asked for.
    """
    tls = _tls(connection)
    try:
        return httpx.Client(
            headers={
                "x-satusky-api-key": connection.key.reveal(),
                "accept": "application/json",
                "accept-encoding": "identity",
                "cache-control": "no-cache",  # another look has to reach the log itself
                "user-agent": f"audit-export/{__version__}",
            },
            cookies=CookieJar(_Sendable()),
            timeout=connection.timeout,
            verify=tls,
            proxy=_proxy(connection, tls),
            follow_redirects=False,
            trust_env=httpx.URL(connection.base_url).scheme == "https",
        )
    except (ImportError, ValueError, httpx.InvalidURL):
        # Not chained: the library quotes the proxy's URL, which may hold a password.
        raise UsageError(
            "The proxy that the environment names cannot be used.",
            "Check HTTPS_PROXY and ALL_PROXY, an http or https URL or unset, and NO_PROXY.",
        ) from None


def _proxy(connection: Connection, tls: ssl.SSLContext) -> httpx.Proxy | None:
    """Return the proxy that was asked for, trusted as the platform is where it speaks https itself.

    Its URL may hold a password, so no message repeats it.
    """
    if connection.proxy is None:
        return None
    try:
        proxy = httpx.Proxy(connection.proxy)
        host = host_of(proxy.url)
    except (ValueError, httpx.InvalidURL):
        proxy, host = None, ""
    if proxy is None or proxy.url.scheme not in ("http", "https") or not host:
        raise UsageError(
            "--proxy is not the URL of an http or https proxy.", "Give one such as http://proxy.example:3128."
        )
    if httpx.URL(connection.base_url).scheme == "http" and host not in _LOCAL_HOSTS:
        raise UsageError(
            f"The key would travel unprotected to the proxy at {host}.",
            "Reach this machine without --proxy, or use an https API.",
        )
    if proxy.url.scheme == "https":
        proxy.ssl_context = tls
    return proxy


def _tls(connection: Connection) -> ssl.SSLContext:
    """Return whom to trust: nobody where nothing speaks TLS; to read the system's roots takes a while."""
    ca_bundle = connection.ca_bundle
    if not (ca_bundle or connection.proxy) and httpx.URL(connection.base_url).scheme == "http":
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        if ca_bundle is not None and ca_bundle.is_fifo():
            raise UsageError(
                f"The CA bundle {ca_bundle} is a pipe, which can be read but once.",
                "Name a file of PEM certificates: it is read for each place that a run connects to.",
            )
        return ssl.create_default_context(cafile=None if ca_bundle is None else str(ca_bundle))
    except (OSError, ssl.SSLError) as error:
        raise UsageError(
            f"The CA bundle {ca_bundle} cannot be used ({error}).",
            "Name a readable file of PEM certificates.",
        ) from error
