"""Time stamps after RFC 3161: an authority's word that a signature was there at a certain time.

A token covers the signature file as it is, so it shows that the signing came before the key expired or was
stolen. Its own signature leads to the authority's root certificate, and counts at the token's time: that the
authority's certificates expired since does not matter.
"""

import hashlib
import ssl
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.utils import CryptographyDeprecationWarning
from rfc3161_client import (
    TimeStampResponse,
    VerificationError,
    VerifierBuilder,
    decode_timestamp_response,
)

from exporter.errors import UsageError
from exporter.files import read_whole

MOST = 1 << 20
"""Bytes that an authority's answer has at most; a token has a few thousand."""

_MOST_ROOTS = 16 << 20  # bytes

_ODD_CERTIFICATE = (
    x509.InvalidVersion,
    x509.DuplicateExtension,
    x509.ExtensionNotFound,
    x509.UnsupportedGeneralNameType,
    UnsupportedAlgorithm,
)
_UNREADABLE = (ValueError, TypeError, KeyError, IndexError, OverflowError, *_ODD_CERTIFICATE)
_HASHES = {
    "2.16.840.1.101.3.4.2.1": hashlib.sha256,
    "2.16.840.1.101.3.4.2.2": hashlib.sha384,
    "2.16.840.1.101.3.4.2.3": hashlib.sha512,
}
_SIGNING_CERTIFICATE = {
    bytes.fromhex("060b2a864886f70d010910020c"),
    bytes.fromhex("060b2a864886f70d010910022f"),
}
"""How a token names its signer's certificate: by SHA-1 (RFC 3161), or by any digest (RFC 5816)."""

_SEQUENCE, _OCTETS, _EXPLICIT, _LONG = 0x30, 0x04, 0xA0, 0x80
_CERTIFICATES = _EXPLICIT
_ATTRIBUTES = _EXPLICIT
"""The tags of ``SignedData.certificates`` and ``SignerInfo.signedAttrs`` (RFC 5652), which are the same."""


class TokenError(Exception):
    """A token that cannot be read, is about something else, or does not lead to the root that was given."""


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


def parse_token(answer: bytes) -> Token:
    """Read an authority's answer; raises :class:`TokenError` where it holds no token."""
    if len(answer) > MOST:
        raise TokenError(f"larger than {MOST:,} bytes")
    try:
        response = decode_timestamp_response(_with_sorted_certificates(answer))
        token = Token(response=response)
        _ = token.time  # an answer without a token has none
    except _UNREADABLE as error:
        raise TokenError(f"no token: {str(error)[:200]}") from error
    return token


def check_token(token: Token, content: bytes, roots: Sequence[x509.Certificate]) -> None:
    """Check that an authority below one of the roots stamped ``content``, at a time when it might.

    The certificates need to be valid at the token's time, not now. Raises :class:`TokenError`.
    """
    if not token.covers(content):
        raise TokenError("about other bytes")
    try:
        with warnings.catch_warnings():  # of oddities in certificates that whoever made the token chose
            warnings.simplefilter("ignore", CryptographyDeprecationWarning)
            VerifierBuilder(roots=list(roots)).build().verify_message(token.response, content)
            _check_named_signer(token.response)
    except (VerificationError, *_UNREADABLE) as error:
        raise TokenError(_reason(str(error))) from error


def _check_named_signer(response: TimeStampResponse) -> None:
    """Check, as ``openssl ts`` does, that the certificate is the one that its signer signed to have.

    Raises :class:`ValueError`.
    """
    signed = response.signed_data
    (signer,) = signed.signer_infos
    certificates = {content: x509.load_der_x509_certificate(content) for content in signed.certificates}
    digests = {
        hashing(content).digest()
        for content, certificate in certificates.items()
        if (certificate.issuer, certificate.serial_number) == (signer.issuer, signer.serial_number)
        for hashing in (hashlib.sha1, *_HASHES.values())
    }
    named = set(_named_certificates(response.as_bytes()))
    if not named or named - digests:
        raise ValueError("it does not name the certificate of its signer")


def _named_certificates(answer: bytes) -> Iterator[bytes]:
    """Yield the digest of the first certificate that each such attribute of the first signer names."""
    token = _inside(answer, 0)[1]
    signed = _inside(answer, _inside(answer, token)[1])[0]
    signer = _inside(answer, _inside(answer, signed)[-1])[0]
    (attributes,) = (at for at in _inside(answer, signer) if answer[at] == _ATTRIBUTES)
    for attribute in _inside(answer, attributes):
        kind, values = _inside(answer, attribute)
        if answer[kind:values] in _SIGNING_CERTIFICATE:
            certificates = _inside(answer, _inside(answer, values)[0])[0]
            first = _inside(answer, certificates)[0]
            (digest,) = (at for at in _inside(answer, first) if answer[at] == _OCTETS)
            begin, end = _content(answer, digest, _OCTETS)
            yield answer[begin:end]


def load_roots(path: Path) -> list[x509.Certificate]:
    """Read PEM certificates; raises :class:`~exporter.errors.UsageError` where there are none."""
    try:
        content = read_whole(
            path,
            most=_MOST_ROOTS,
            name=str(path),
            remedy="Name a file with the root certificates of time-stamping authorities alone.",
        )
        with warnings.catch_warnings():  # of oddities that the authority chose
            warnings.simplefilter("ignore", CryptographyDeprecationWarning)
            roots = x509.load_pem_x509_certificates(content)
        openssl = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        for root in roots:  # one that OpenSSL cannot read is a panic when a token is held against it
            openssl.load_verify_locations(cadata=root.public_bytes(Encoding.DER))
    except (OSError, ValueError, *_ODD_CERTIFICATE) as error:
        raise UsageError(
            f"{path} holds no certificate in PEM form ({error}).",
            "Name the root certificate that the time-stamping authority publishes.",
        ) from error
    return roots


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
    except (*_UNREADABLE, StopIteration):
        return answer
    return answer[:begin] + b"".join(certificates) + answer[end:]


def _inside(data: bytes, at: int) -> list[int]:
    """Return where the elements inside the one at ``at`` begin; raises :class:`ValueError`."""
    return [begin for begin, _ in _elements(data, *_content(data, at, data[at]))]


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
