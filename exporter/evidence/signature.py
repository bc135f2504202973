"""Signatures in OpenSSH's format (``PROTOCOL.sshsig``), made and checked without its programs.

``ssh-keygen -Y sign`` refuses to run where the user has no name, as in many containers, and asks where a
signature is there already. So the framing, which is a few length-prefixed strings, is done here; the keys and
the mathematics are those of the package ``cryptography``. ``ssh-keygen -Y verify`` checks what this makes.
"""

import base64
import binascii
import hashlib
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from exporter.evidence.manifest import NAMESPACE

_MAGIC = b"SSHSIG"
_VERSION = 1
_BEGIN, _END = b"-----BEGIN SSH SIGNATURE-----\n", b"-----END SSH SIGNATURE-----\n"
_LINE = 70  # characters of the armour, as ssh-keygen breaks it
_MOST = 16_384  # bytes
_HASHES = {b"sha256": hashlib.sha256, b"sha512": hashlib.sha512}
_RSA_HASHES: dict[bytes, hashes.HashAlgorithm] = {
    b"rsa-sha2-256": hashes.SHA256(),
    b"rsa-sha2-512": hashes.SHA512(),
}
_CURVES: dict[bytes, hashes.HashAlgorithm] = {
    b"ecdsa-sha2-nistp256": hashes.SHA256(),
    b"ecdsa-sha2-nistp384": hashes.SHA384(),
    b"ecdsa-sha2-nistp521": hashes.SHA512(),
}
_KINDS = {b"ssh-ed25519", b"ssh-rsa", *_CURVES}
"""Kinds of keys that are checked here; ``ssh-keygen`` knows those on security tokens and certificates too."""

PrivateKey = Ed25519PrivateKey | ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
"""The kinds of key that sign bundles."""

_Public = Ed25519PublicKey | ec.EllipticCurvePublicKey | rsa.RSAPublicKey


class SignatureError(Exception):
    """A signature that is not in its one form, or not one over what it should be over."""


class UnknownAlgorithmError(Exception):
    """A signature that may be good, but of a kind that is not known here."""


class SigningKey:
    """A private key to sign bundles with. Its text form is the fingerprint."""

    def __init__(self, private: PrivateKey) -> None:
        self._private = private
        self.public = _blob(private.public_key())
        """The public key as OpenSSH encodes it."""

    @property
    def fingerprint(self) -> str:
        """The public key's fingerprint as ``ssh-keygen -l`` prints it."""
        return fingerprint(self.public)

    @property
    def algorithm(self) -> str:
        """The kind of key, by OpenSSH's name for it."""
        return _first_string(self.public).decode()

    def sign(self, message: bytes) -> bytes:
        """Return a signature over ``message``, armoured, as ``ssh-keygen -Y sign`` writes it."""
        inner = _inner_signature(self._private, _signed_data(b"sha512", message))
        fields = [self.public, NAMESPACE.encode(), b"", b"sha512", inner]
        return _armour(_MAGIC + _VERSION.to_bytes(4, "big") + b"".join(map(_string, fields)))

    def __repr__(self) -> str:
        return f"SigningKey({self.fingerprint})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """A signature, taken apart but not yet checked."""

    key: bytes
    """The public key that it names, as OpenSSH encodes it."""

    namespace: bytes
    """What it says to be for."""

    hash: bytes
    """Name of the algorithm that the message was hashed with."""

    inner: bytes
    """The signature proper, with its algorithm."""


def fingerprint(key: bytes) -> str:
    """Return a public key's SHA-256 fingerprint as ``ssh-keygen -l`` prints it."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(key).digest()).rstrip(b"=").decode()


def parse_signature(text: bytes) -> Signature:
    """Take a signature apart; raises :class:`SignatureError` for anything but its one form."""
    inside = text.removeprefix(_BEGIN).removesuffix(_END)
    try:
        blob = base64.b64decode(inside.replace(b"\n", b""), validate=True)
    except binascii.Error as error:
        raise SignatureError(f"not base64: {error}") from error
    if len(text) > _MOST or _armour(blob) != text:
        raise SignatureError("not in the one form that OpenSSH writes")
    head = _MAGIC + _VERSION.to_bytes(4, "big")
    key, namespace, reserved, algorithm, inner = _strings(blob.removeprefix(head), 5)
    if not blob.startswith(head) or reserved:
        raise SignatureError("not a signature of version 1")
    return Signature(key=key, namespace=namespace, hash=algorithm, inner=inner)


def check_signature(signature: Signature, message: bytes) -> None:
    """Check that ``signature`` was made over ``message``, for this purpose, with the key that it names.

    Whether that key is to be trusted is another question. Raises :class:`SignatureError` where it was not,
    and :class:`UnknownAlgorithmError` where that cannot be told.
    """
    if signature.namespace != NAMESPACE.encode():
        raise SignatureError(f"made for another purpose: {signature.namespace[:100]!r}")
    if signature.hash not in _HASHES:
        raise UnknownAlgorithmError(f"hash algorithm {signature.hash[:50]!r}")
    public = _public_key(signature.key)
    algorithm, value = _strings(signature.inner, 2)
    try:
        _verify(public, algorithm, value, _signed_data(signature.hash, message))
    except InvalidSignature as error:
        raise SignatureError("not made over these bytes with this key") from error


def _verify(public: _Public, algorithm: bytes, value: bytes, data: bytes) -> None:
    if isinstance(public, rsa.RSAPublicKey):
        if algorithm not in _RSA_HASHES:
            raise SignatureError(f"algorithm {algorithm[:50]!r} for an RSA key")
        public.verify(value, data, padding.PKCS1v15(), _RSA_HASHES[algorithm])
        return
    if algorithm != _first_string(_blob(public)):
        raise SignatureError(f"algorithm {algorithm[:50]!r} for another kind of key")
    if isinstance(public, Ed25519PublicKey):
        public.verify(value, data)
        return
    r, s = (int.from_bytes(number, "big") for number in _strings(value, 2))
    if _string(_mpint(r)) + _string(_mpint(s)) != value:
        raise SignatureError("numbers not in their one form")
    public.verify(encode_dss_signature(r, s), data, ec.ECDSA(_CURVES[algorithm]))


def _inner_signature(private: PrivateKey, data: bytes) -> bytes:
    if isinstance(private, rsa.RSAPrivateKey):
        signed = private.sign(data, padding.PKCS1v15(), hashes.SHA512())
        return _string(b"rsa-sha2-512") + _string(signed)
    algorithm = _first_string(_blob(private.public_key()))
    if isinstance(private, Ed25519PrivateKey):
        return _string(algorithm) + _string(private.sign(data))
    r, s = decode_dss_signature(private.sign(data, ec.ECDSA(_CURVES[algorithm])))
    return _string(algorithm) + _string(_string(_mpint(r)) + _string(_mpint(s)))


def _signed_data(algorithm: bytes, message: bytes) -> bytes:
    digest = _HASHES[algorithm](message).digest()
    return _MAGIC + b"".join(map(_string, (NAMESPACE.encode(), b"", algorithm, digest)))


def _public_key(blob: bytes) -> _Public:
    name = _first_string(blob)
    try:
        public = serialization.load_ssh_public_key(name + b" " + base64.b64encode(blob))
    except UnsupportedAlgorithm as error:
        raise UnknownAlgorithmError(f"key of kind {name[:50]!r}") from error
    except (ValueError, TypeError, NotImplementedError) as error:
        raise SignatureError(f"no public key: {error}") from error
    if name not in _KINDS or not isinstance(public, _Public):
        raise UnknownAlgorithmError(f"key of kind {name[:50]!r}")
    if _blob(public) != blob:
        raise SignatureError("a public key that is not in its one form")
    return public


def _blob(public: _Public) -> bytes:
    line = public.public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    return base64.b64decode(line.split()[1])


def _armour(blob: bytes) -> bytes:
    text = base64.b64encode(blob)
    lines = (text[at : at + _LINE] + b"\n" for at in range(0, len(text), _LINE))
    return _BEGIN + b"".join(lines) + _END


def _string(content: bytes) -> bytes:
    """Write a string as SSH does (RFC 4251 section 5): its length, then itself."""
    return len(content).to_bytes(4, "big") + content


def _mpint(number: int) -> bytes:
    """Write a positive integer as SSH does (RFC 4251 section 5), without its length."""
    return number.to_bytes(number.bit_length() // 8 + 1, "big")


def _first_string(content: bytes) -> bytes:
    length = int.from_bytes(content[:4], "big")
    return content[4 : 4 + length]


def _strings(content: bytes, count: int) -> list[bytes]:
    """Read exactly ``count`` strings and nothing after them; raises :class:`SignatureError`."""
    found, left = [], content
    for _ in range(count):
        found.append(_first_string(left))
        left = left[4 + len(found[-1]) :]
    if b"".join(map(_string, found)) != content:
        raise SignatureError("strings that are not as long as they say")
    return found
