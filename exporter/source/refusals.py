"""What the platform says in place of an answer, and what follows from it: another attempt, or none."""

import httpx
import msgspec

from exporter.errors import AuthorizationError, SourceError
from exporter.source.bodies import Payload
from exporter.source.credentials import Key
from exporter.source.headers import retry_after
from exporter.source.retries import TemporaryError

_SHOWN = 300
_ERROR_BODY = (msgspec.MsgspecError, RecursionError, UnicodeDecodeError)
_NOT_ACCEPTED = frozenset({httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN})
_NOT_TAKEN = frozenset(
    {
        httpx.codes.BAD_REQUEST,
        httpx.codes.REQUEST_URI_TOO_LONG,
        httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE,
        httpx.codes.UNPROCESSABLE_ENTITY,
        httpx.codes.REQUEST_HEADER_FIELDS_TOO_LARGE,
    }
)
_AGAIN = frozenset({httpx.codes.REQUEST_TIMEOUT, httpx.codes.TOO_MANY_REQUESTS})


class NotFoundError(SourceError):
    """The platform knows no such path (404)."""


class _Envelope(msgspec.Struct):
    message: str = ""


class RefusedError(SourceError):
    """The platform refuses the request as it is: a limit, an offset or a filter that it does not take."""


def refuse(response: httpx.Response, body: Payload, key: Key) -> None:
    """Raise what follows from the status, unless it is 200.

    That is :class:`TemporaryError` where the same request may be answered later,
    :class:`AuthorizationError` on 401 and 403, :class:`NotFoundError` on 404, :class:`RefusedError` where the
    request itself is not taken, and else :class:`SourceError`.
    """
    status = response.status_code
    if status == httpx.codes.OK:
        return
    if status in _AGAIN or response.is_server_error:
        raise TemporaryError(status, retry_after(response))
    stated = said(response, body, key)
    if is_not_accepted(response):
        raise not_accepted(stated, key)
    if status == httpx.codes.NOT_FOUND:
        raise NotFoundError(
            f"The platform knows no {response.request.url.path} ({stated}).",
            "Check the path in --api-url, and --org.",
        )
    if response.has_redirect_location:
        raise SourceError(
            f"The platform redirects to {shown(response.headers.get('location', ''), key)!r};"
            " the key is not sent there.",
            "Give the final address as --api-url, if you trust it.",
        )
    kind = RefusedError if status in _NOT_TAKEN else SourceError
    raise kind(
        f"The platform refuses the request ({stated}).", "Check the options against the platform's manual."
    )


def is_not_accepted(response: httpx.Response) -> bool:
    """Tell whether the platform does not accept the key, which no other attempt can change."""
    return response.status_code in _NOT_ACCEPTED


def not_accepted(stated: str, key: Key) -> AuthorizationError:
    """Make the error for a key that the platform does not accept, which it ``stated`` so."""
    return AuthorizationError(
        f"The platform does not accept the key ({stated}).",
        f"Check that the key, from {key.origin}, is current and without quotes, may read the audit log, and "
        "belongs to the organization.",
    )


def said(response: httpx.Response, body: Payload, key: Key) -> str:
    """Return the status, and the message of an error envelope where the body is one."""
    stated = "" if body.is_large else _message(body.whole())
    status = f"HTTP {response.status_code}"
    return f"{status}: {shown(stated, key)}" if stated else status


def shown(text: str, key: Key) -> str:
    """Return what the platform said in a form that can be shown: short, and without the key."""
    return key.redact(text if len(text) <= _SHOWN else text[:_SHOWN] + "…")


def _message(body: bytes) -> str:
    try:
        return msgspec.json.decode(body, type=_Envelope).message
    except _ERROR_BODY:
        return ""
