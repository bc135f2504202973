"""Serve an app over real HTTP: beside the caller, for tests and benchmarks, or in the foreground."""

import asyncio
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from exporter.sandbox.app import BASE

_EVERY_ADDRESS = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - nothing is bound here
"""What stands for all addresses of a machine when listening, and where that can be reached from itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """Where a running sandbox can be reached."""

    origin: str
    """``http://127.0.0.1:PORT``"""

    base_url: str
    """``http://127.0.0.1:PORT/v1/cli``, what a client takes as its API's address."""


class _Protocol(H11Protocol):
    """HTTP/1.1 that sends at once and hands its transport to the app, which may want to reset it."""

    def __init__(
        self,
        config: uvicorn.Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, dict(app_state), _loop)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in H11Protocol
        super().connection_made(transport)
        # asyncio does this only for sockets made with IPPROTO_TCP; without it a page takes 40 ms longer.
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.app_state["transport"] = transport


@contextmanager
def serving(app: ASGIApp, host: str = "127.0.0.1", port: int = 0) -> Iterator[Served]:
    """Serve ``app`` from a thread for as long as the context lasts.

    Port 0 takes any free one. Raises OSError when the address cannot be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, port), family=family) as listener:
        server = uvicorn.Server(
            uvicorn.Config(
                app,
                http=_Protocol,
                ws="none",
                lifespan="off",
                log_config=None,
                log_level="critical",
                access_log=False,
                date_header=False,
                server_header=False,
                proxy_headers=False,
                timeout_graceful_shutdown=5,
            )
        )
        thread = threading.Thread(target=server.run, args=([listener],), name="sandbox")
        thread.start()
        try:
            yield _served(host, listener.getsockname()[1])
        finally:
            server.should_exit = True
            thread.join()


def serve_forever(
    app: ASGIApp, host: str, port: int, ready: Callable[[Served], None] = lambda _served: None
) -> None:
    """Serve ``app`` until SIGINT or SIGTERM, then return; ``ready`` is told where, once it is reachable.

    To be called from the main thread. Raises OSError when the address cannot be had.
    """
    stop = threading.Event()
    signals = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, lambda _number, _frame: stop.set()) for number in signals]
    try:
        with serving(app, host, port) as served:
            ready(served)
            while not stop.wait(timeout=1):  # Windows handles signals only between waits
                pass
    finally:
        for number, handler in zip(signals, before, strict=True):
            signal.signal(number, handler)


def _served(host: str, port: int) -> Served:
    host = _EVERY_ADDRESS.get(host, host)
    origin = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    return Served(origin=origin, base_url=origin + BASE)
