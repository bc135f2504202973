"""A time-stamping authority, and asking it for a token (RFC 3161 section 3.4, over HTTP).

What an authority answers is signed by it, so plain http, which most of them speak, does no harm. Before a
token is kept it is held against the request; its signature needs the authority's root certificate, and is
checked by whoever has that.
"""

import logging
import ssl
import time
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from rfc3161_client import HashAlgorithm, PKIStatus, TimestampRequestBuilder
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    stop_after_attempt,
    stop_after_delay,
    wait_exponential_jitter,
)

from exporter.errors import StampError, UsageError, reason_of
from exporter.evidence.timestamp import MOST, Token, TokenError, parse_token
from exporter.hosts import host_of

_log = logging.getLogger(__name__)

_ATTEMPTS = 3
_PATIENCE = 45.0  # seconds
_EXAMPLE = "Give one such as http://timestamp.example/tsa."
_backoff = wait_exponential_jitter(multiplier=0.2, max=5.0)  # seconds


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
            host = host_of(url)
        except (httpx.InvalidURL, UnicodeError) as error:
            raise UsageError(f"--tsa-url is not a URL: {error}.", _EXAMPLE) from error
        if url.userinfo:
            raise UsageError(
                "--tsa-url holds a user name or password, which the record of the run would show.",
                "Use an authority, or a proxy, that needs none.",
            )
        if url.scheme not in {"http", "https"} or not host:
            raise UsageError(f"--tsa-url {self.url} is no http or https address.", _EXAMPLE)


def request_token(content: bytes, authority: Authority) -> bytes:
    """Have an authority stamp ``content`` and return its answer, as it came.

    Raises :class:`~exporter.errors.StampError` where it cannot be asked or reached, or does not stamp these
    bytes.
    """
    request = (
        TimestampRequestBuilder().data(content).hash_algorithm(HashAlgorithm.SHA256).nonce(nonce=True).build()
    )
    try:
        answer = _send(request.as_bytes(), authority)
        _refuse_other(parse_token(answer), content, request.nonce)
    except (httpx.HTTPError, UnicodeError, _BusyError, TokenError) as error:
        raise StampError(
            f"The time-stamping authority {authority.url} gave no token ({reason_of(error)}).",
            "Run the same command again later, which asks for it again; check --tsa-url if none ever comes.",
        ) from error
    return answer


def _refuse_other(token: Token, content: bytes, nonce: int | None) -> None:
    granted = token.response.status == PKIStatus.GRANTED
    if not granted or not token.covers(content) or token.response.tst_info.nonce != nonce:
        raise TokenError("it is not about this request")


def _send(body: bytes, authority: Authority) -> bytes:
    headers = {"content-type": "application/timestamp-query", "accept": "application/timestamp-reply"}
    again = Retrying(
        retry=retry_if_exception_type((httpx.TransportError, _BusyError)),
        stop=stop_after_attempt(_ATTEMPTS) | stop_after_delay(_PATIENCE),
        wait=_backoff,
        before_sleep=_log_retry,
        reraise=True,
    )
    with _open_http(authority) as client:
        for attempt in again:
            with attempt, client.stream("POST", authority.url, content=body, headers=headers) as response:
                if response.is_server_error:
                    raise _BusyError(f"HTTP {response.status_code}")
                if response.status_code != httpx.codes.OK:
                    raise TokenError(f"HTTP {response.status_code}")
                return _bounded(response, authority.timeout)
    raise AssertionError("the last attempt ends with a result or an exception")


def _open_http(authority: Authority) -> httpx.Client:
    try:
        trusted = ssl.create_default_context(cafile=authority.ca_bundle) if authority.ca_bundle else True
        return httpx.Client(verify=trusted, proxy=authority.proxy, timeout=authority.timeout)
    except OSError as error:
        named = authority.ca_bundle or "that SSL_CERT_FILE names"
        raise StampError(
            f"The time-stamping authority {authority.url} was not asked: the CA bundle {named} cannot be "
            f"used ({error.strerror or error}).",
            "Name a readable file of PEM certificates, then run the same command again.",
        ) from error
    except (ImportError, ValueError, httpx.InvalidURL):
        # Not chained: the library quotes the proxy's URL, which may hold a password.
        raise StampError(
            f"The time-stamping authority {authority.url} was not asked: the proxy cannot be used.",
            "Check --proxy, HTTP_PROXY, HTTPS_PROXY and ALL_PROXY: an http or https URL, or unset; then run "
            "the same command again.",
        ) from None


def _log_retry(state: RetryCallState) -> None:
    error = None if state.outcome is None else state.outcome.exception()
    reason = "none given" if error is None else reason_of(error)
    _log.warning("Trying the time-stamping authority again in %.1f seconds: %s", state.upcoming_sleep, reason)


def _bounded(response: httpx.Response, timeout: float) -> bytes:
    body, began = b"", time.monotonic()
    for chunk in response.iter_bytes():
        body += chunk
        if len(body) > MOST:
            raise TokenError(f"it answers more than {MOST:,} bytes")
        if time.monotonic() - began > timeout:
            raise TokenError("its answer took longer than --timeout")
    return body
