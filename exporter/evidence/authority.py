"""A time-stamping authority, and asking it for a token (RFC 3161 section 3.4, over HTTP).

What an authority answers is signed by it, so plain http, which most of them speak, does no harm. Before a
token is kept it is held against the request; its signature needs the authority's root certificate, and is
checked by whoever has that.
"""

import ssl
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import stamina
from rfc3161_client import HashAlgorithm, PKIStatus, TimestampRequestBuilder

from exporter.errors import StampError, UsageError
from exporter.evidence.timestamp import MOST, Token, TokenError, parse_token

_ATTEMPTS = 3
_FIRST_WAIT = 0.2


class _BusyError(Exception):
    """The authority may answer another time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """A time-stamping authority, and how to reach it."""

    url: str
    """Where it answers requests; http or https."""

    proxy: str | None = field(default=None, repr=False)
    """URL of the proxy to use, which may hold a password; ``None`` for what the environment says."""

    ca_bundle: Path | None = None
    """PEM certificates to trust for https instead of the usual ones."""

    timeout: float = 30.0
    """Seconds that one request may take."""

    def __post_init__(self) -> None:
        try:
            url = httpx.URL(self.url)
        except httpx.InvalidURL as error:
            raise UsageError(f"--tsa-url is not a URL: {error}.", _EXAMPLE) from error
        if url.scheme not in {"http", "https"} or not url.host:
            raise UsageError(f"--tsa-url {self.url} is no http or https address.", _EXAMPLE)
        if url.userinfo:
            raise UsageError(
                "--tsa-url holds a user name or password, which the record of the run would show.",
                "Use an authority, or a proxy, that needs none.",
            )


_EXAMPLE = "Give one such as http://timestamp.example/tsa."


def request_token(content: bytes, authority: Authority) -> bytes:
    """Have an authority stamp ``content`` and return its answer, as it came.

    Raises :class:`~exporter.errors.StampError` where it cannot be reached or does not stamp these bytes.
    """
    request = (
        TimestampRequestBuilder().data(content).hash_algorithm(HashAlgorithm.SHA256).nonce(nonce=True).build()
    )
    try:
        answer = _send(request.as_bytes(), authority)
        _refuse_other(parse_token(answer), content, request.nonce)
    except (httpx.HTTPError, _BusyError, TokenError) as error:
        reason = str(error) or type(error).__name__
        raise StampError(
            f"The time-stamping authority {authority.url} gave no token ({reason}).",
            "Run the same command again later; it adds the token to the bundle.",
        ) from error
    return answer


def _refuse_other(token: Token, content: bytes, nonce: int | None) -> None:
    granted = token.response.status == PKIStatus.GRANTED
    if not granted or not token.covers(content) or token.response.tst_info.nonce != nonce:
        raise TokenError("it is not about this request")


def _send(body: bytes, authority: Authority) -> bytes:
    context = ssl.create_default_context(cafile=authority.ca_bundle) if authority.ca_bundle else True
    headers = {"content-type": "application/timestamp-query", "accept": "application/timestamp-reply"}
    again = stamina.retry_context(
        on=(httpx.TransportError, _BusyError), attempts=_ATTEMPTS, wait_initial=_FIRST_WAIT
    )
    with httpx.Client(verify=context, proxy=authority.proxy, timeout=authority.timeout) as client:
        for attempt in again:
            with attempt, client.stream("POST", authority.url, content=body, headers=headers) as response:
                if response.is_server_error:
                    raise _BusyError(f"HTTP {response.status_code}")
                if response.status_code != httpx.codes.OK:
                    raise TokenError(f"HTTP {response.status_code}")
                return _bounded(response)
    raise AssertionError("stamina ends with a result or an exception")


def _bounded(response: httpx.Response) -> bytes:
    body = b""
    for chunk in response.iter_bytes():
        body += chunk
        if len(body) > MOST:
            raise TokenError(f"it answers more than {MOST:,} bytes")
    return body
