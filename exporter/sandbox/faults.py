"""What can go wrong between a client and the API, one small ASGI function each."""

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import TypeAlias

from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

FaultyAnswer: TypeAlias = Callable[[ASGIApp, Scope, Receive, Send], Awaitable[None]]


class Fault(StrEnum):
    """A way for one request to fail."""

    RATE_LIMITED = "rate-limited"
    """429 with ``Retry-After``, in the error envelope."""

    UNAVAILABLE = "unavailable"
    """503 in plain text."""

    SERVER_ERROR = "server-error"
    """500 in the error envelope."""

    BAD_GATEWAY = "bad-gateway"
    """502 with a proxy's HTML page."""

    HTML = "html"
    """200 with an HTML page that says to come back later."""

    SIGN_IN = "sign-in"
    """200 with an HTML page that asks to sign in."""

    ERROR_IN_200 = "error-in-200"
    """200 with ``{"error": true, "message": …}``."""

    REDIRECT = "redirect"
    """307 to the same path on the host of the settings."""

    CUT_OFF = "cut-off"
    """The right answer, but half of the promised body, then the end of the connection."""

    RESET = "reset"
    """The connection is reset before a byte of the answer."""


def refusal(status: int, message: str, headers: dict[str, str] | None = None) -> JSONResponse:
    """Make the platform's error envelope, ``{"error": true, "message": …}``."""
    return JSONResponse({"error": True, "message": message}, status, headers)


def _always(response: Response) -> FaultyAnswer:
    async def answer(_app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        await response(scope, receive, send)

    return answer


async def _rate_limited(_app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    wait: int = scope["app"].state.settings.retry_after
    await refusal(429, "Too many requests", {"Retry-After": str(wait)})(scope, receive, send)


async def _redirect(_app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    target = f"{scope['app'].state.settings.redirect_to}{scope['path']}?{scope['query_string'].decode()}"
    await RedirectResponse(target)(scope, receive, send)


async def _cut_off(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    async def half(message: Message) -> None:
        if message["type"] == "http.response.body":
            body = message["body"]
            message = {**message, "body": body[: len(body) // 2], "more_body": True}
        await send(message)

    await app(scope, receive, half)


async def _reset(_app: ASGIApp, scope: Scope, _receive: Receive, _send: Send) -> None:
    transport: asyncio.Transport = scope["state"]["transport"]
    at_once = struct.pack("ii", 1, 0)
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
    transport.abort()
    await asyncio.sleep(0)  # the server learns of it in the loop's next turn


ANSWERS: dict[Fault, FaultyAnswer] = {
    Fault.RATE_LIMITED: _rate_limited,
    Fault.UNAVAILABLE: _always(PlainTextResponse("upstream unavailable\n", 503)),
    Fault.SERVER_ERROR: _always(refusal(500, "Internal server error")),
    Fault.BAD_GATEWAY: _always(HTMLResponse("<html><h1>502 Bad Gateway</h1></html>", 502)),
    Fault.HTML: _always(HTMLResponse("<html><h1>Back in a minute</h1></html>")),
    Fault.SIGN_IN: _always(HTMLResponse("<html><form><input name='password'></form></html>")),
    Fault.ERROR_IN_200: _always(refusal(200, "Failed to fetch audit logs")),
    Fault.REDIRECT: _redirect,
    Fault.CUT_OFF: _cut_off,
    Fault.RESET: _reset,
}
