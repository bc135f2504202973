"""Time stamps after RFC 3161: an authority's word that a signature was there at a certain time.

A token covers the signature file as it is, so it shows that the signing came before the key expired or was
stolen. What an authority answers is signed by it, so plain http, which most of them speak, does no harm.
Before a token is kept it is held against the request; its signature needs the authority's root certificate,
and is checked by whoever has that.
"""

import hashlib
import ssl
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import httpx
import stamina
from cryptography import x509
from rfc3161_client import (
    HashAlgorithm,
    PKIStatus,
    TimestampRequestBuilder,
    TimeStampResponse,
    VerificationError,
    VerifierBuilder,
    decode_timestamp_response,
)

from exporter.errors import StampError, UsageError

_ATTEMPTS = 3
_FIRST_WAIT = 0.2
_MOST = 1 << 20
_NOT_DER = (ValueError, TypeError, KeyError, IndexError, OverflowError)
_HASHES = {
    "2.16.840.1.101.3.4.2.1": hashlib.sha256,
    "2.16.840.1.101.3.4.2.2": hashlib.sha384,
    "2.16.840.1.101.3.4.2.3": hashlib.sha512,
}
_SEQUENCE, _EXPLICIT, _LONG = 0x30, 0xA0, 0x80
_CERTIFICATES = _EXPLICIT
"""The tag of ``SignedData.certificates`` (RFC 5652 section 5.1), which is the same."""


class TokenError(Exception):
    """A token that cannot be read, is about something else, or does not lead to the root that was given."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A token, read but not checked."""

    response: TimeStampResponse = field(repr=False)
    """The authority's whole answer."""

    @property
    def time(self) -> datetime:
        """The time that it states, in UTC."""
        return self.response.tst_info.gen_time.astimezone(UTC)

    def covers(self, content: bytes) -> bool:
        """Whether it is about these bytes."""
        imprint = self.response.tst_info.message_imprint
        hashing = _HASHES.get(imprint.hash_algorithm.dotted_string)
        return hashing is not None and hashing(content).digest() == imprint.message


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


def parse_token(answer: bytes) -> Token:
    """Read an authority's answer; raises :class:`TokenError` where it holds no token."""
    if len(answer) > _MOST:
        raise TokenError(f"larger than {_MOST:,} bytes")
    try:
        response = decode_timestamp_response(_with_sorted_certificates(answer))
        token = Token(response=response)
        _ = token.time  # an answer without a token has none
    except _NOT_DER as error:
        raise TokenError(f"no token: {str(error)[:200]}") from error
    return token


def check_token(token: Token, content: bytes, roots: Sequence[x509.Certificate]) -> None:
    """Check that an authority below one of the roots stamped ``content``, at a time when it might.

    The certificates need to be valid at the token's time, not now. Raises :class:`TokenError`.
    """
    if not token.covers(content):
        raise TokenError("about other bytes")
    try:
        VerifierBuilder(roots=list(roots)).build().verify_message(token.response, content)
    except (VerificationError, *_NOT_DER) as error:
        raise TokenError(_reason(str(error))) from error


def load_roots(path: Path) -> list[x509.Certificate]:
    """Read PEM certificates; raises :class:`~exporter.errors.UsageError` where there are none."""
    try:
        return x509.load_pem_x509_certificates(path.read_bytes())
    except (OSError, ValueError) as error:
        raise UsageError(
            f"{path} holds no certificate in PEM form ({error}).",
            "Name the root certificate that the time-stamping authority publishes.",
        ) from error


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
        if len(body) > _MOST:
            raise TokenError(f"it answers more than {_MOST:,} bytes")
    return body


def _reason(text: str) -> str:
    """Shorten what OpenSSL says, an error stack, to what a person can use."""
    for part in ("Verify error: ", 'reason: "'):
        if part in text:
            return text.partition(part)[2].partition('"')[0]
    return text[:200]


def _with_sorted_certificates(answer: bytes) -> bytes:
    """Return the answer with its certificates in the order that DER wants of a SET, whatever theirs was.

    OpenSSL's own authority does not sort them, and the package that reads tokens insists. They are not among
    what is signed; the signer's own is named in what is.
    """
    try:
        _, token = list(_elements(answer, *_content(answer, 0, _SEQUENCE)))[:2]
        _, wrapped = list(_elements(answer, *_content(answer, token[0], _SEQUENCE)))[:2]
        signed = _content(answer, _content(answer, wrapped[0], _EXPLICIT)[0], _SEQUENCE)
        place = next(at for at in _elements(answer, *signed) if answer[at[0]] == _CERTIFICATES)
        begin, end = _content(answer, place[0], _CERTIFICATES)
        certificates = sorted(answer[at:after] for at, after in _elements(answer, begin, end))
    except (*_NOT_DER, StopIteration):
        return answer
    return answer[:begin] + b"".join(certificates) + answer[end:]


def _content(data: bytes, at: int, tag: int) -> tuple[int, int]:
    """Return where the content of the element at ``at`` begins and ends; raises :class:`ValueError`."""
    if data[at] != tag:
        raise ValueError("another element")
    length, begin = data[at + 1], at + 2
    if length >= _LONG:
        count = length - _LONG
        length, begin = int.from_bytes(data[begin : begin + count], "big"), begin + count
    if begin + length > len(data):
        raise ValueError("longer than the data")
    return begin, begin + length


def _elements(data: bytes, begin: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield where each element between two places begins and ends."""
    while begin < end:
        _, after = _content(data, begin, data[begin])
        yield begin, after
        begin = after
