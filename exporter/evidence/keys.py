"""Private keys as OpenSSH keeps them, and their passphrases: read where nobody else may read them."""

import os
import stat
from collections.abc import Mapping
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from exporter.errors import SigningError
from exporter.evidence.signature import PrivateKey, SigningKey
from exporter.files import open_named

PASSPHRASE_VARIABLE = "AUDIT_EXPORT_SIGN_KEY_PASSPHRASE"  # noqa: S105 - a name
"""Environment variable that can hold the passphrase of a key; there is no option that takes it itself."""

_LEAST_RSA_BITS = 2048
_MOST = 65_536  # bytes


def load_signing_key(path: Path, passphrase: bytes | None) -> SigningKey:
    """Read a private key in OpenSSH's format: Ed25519, ECDSA or RSA, encrypted or not.

    Raises :class:`~exporter.errors.SigningError` where it cannot be read, is no such key, or is open to
    others, as ``ssh`` would refuse it.
    """
    if path.suffix == ".pub":
        raise SigningError(
            f"{path} is the public half of a key.", f"Name the private one, {path.with_suffix('')}."
        )
    content = _read_private(path)
    try:
        private = serialization.load_ssh_private_key(content, passphrase)
    except TypeError as error:
        raise SigningError(*_about_passphrase(path, given=passphrase is not None)) from error
    except (ValueError, UnsupportedAlgorithm) as error:
        if passphrase is not None and b"OPENSSH PRIVATE KEY" in content:
            raise SigningError(
                f"The signing key {path} cannot be opened with the passphrase that was given.",
                "Check the passphrase; ssh-keygen -y -P tells whether it fits.",
            ) from error
        raise SigningError(
            f"{path} holds no private key in OpenSSH's format.",
            "Make one with ssh-keygen -t ed25519, or convert one with ssh-keygen -p -f.",
        ) from error
    if isinstance(private, rsa.RSAPrivateKey) and private.key_size < _LEAST_RSA_BITS:
        raise SigningError(
            f"The signing key {path} is an RSA key of {private.key_size} bits, which is too short.",
            "Make one with ssh-keygen -t ed25519.",
        )
    if not isinstance(private, PrivateKey):
        raise SigningError(
            f"The signing key {path} is of a kind that cannot be used here.",
            "Use an Ed25519, ECDSA or RSA key.",
        )
    return SigningKey(private)


def read_passphrase(path: Path | None, environ: Mapping[str, str]) -> bytes | None:
    """Read the passphrase of a key from a file, else from the environment; ``None`` where it is empty.

    One line break at its end belongs to the file. Raises :class:`~exporter.errors.SigningError`.
    """
    if path is None:
        text = environ.get(PASSPHRASE_VARIABLE)
        return os.fsencode(text) if text else None
    return _read_private(path, "passphrase file").removesuffix(b"\n").removesuffix(b"\r") or None


def _read_private(path: Path, what: str = "signing key") -> bytes:
    """Read a file that its owner alone may read; what is checked is what was opened."""
    try:
        with open_named(path) as file:
            status, content = os.fstat(file.fileno()), file.read(_MOST)
    except OSError as error:
        raise SigningError(
            f"The {what} {path} cannot be read ({error.strerror}).",
            "Check the path and its permissions.",
        ) from error
    if os.name == "posix" and stat.S_ISREG(status.st_mode) and status.st_mode & 0o077:
        raise SigningError(
            f"The {what} {path} is open to others on this machine (mode {status.st_mode & 0o777:o}).",
            f"Run chmod 600 {path}, and consider whether the key can still be trusted.",
        )
    return content


def _about_passphrase(path: Path, *, given: bool) -> tuple[str, str]:
    if given:
        return (
            f"The signing key {path} is not encrypted, and a passphrase was given.",
            "Leave --sign-key-passphrase-file and AUDIT_EXPORT_SIGN_KEY_PASSPHRASE out, or name another key.",
        )
    return (
        f"The signing key {path} is encrypted.",
        "Give its passphrase with --sign-key-passphrase-file or in AUDIT_EXPORT_SIGN_KEY_PASSPHRASE.",
    )
