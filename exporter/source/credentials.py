"""Where the key comes from, and how it is kept from going anywhere else.

In this order: ``--api-key-file``; ``$CREDENTIALS_DIRECTORY/satusky-api-key`` (systemd); ``SATUSKY_API_KEY``;
the profile of the platform's own client under ``~/.satusky``. A user who has logged in with that client needs
no further set-up.
"""

import logging
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn
from urllib.parse import unquote_to_bytes

import msgspec

from exporter.errors import AuthorizationError, UsageError
from exporter.files import open_named

_SYSTEMD_NAME = "satusky-api-key"
_VARIABLE = "SATUSKY_API_KEY"
_REDACTED = "[redacted]"
_LONGEST = 1 << 16
"""Bytes that are read of a key file at most; no key is nearly as long."""
_TELLING = 8  # characters of a key that are of use to a thief; of a key of fewer than 16, half of it
_SHORT = 4  # but no fewer: those of any word would be hidden
_JSON_ESCAPE = re.compile(rb'\\(?:u00([0-7][0-9A-Fa-f])|(["\\/]))')
_ESCAPES = rb"\u00"
_ESCAPED_AS_SUCH = frozenset(b'"\\/')
"""What JSON may write with a mere backslash before it; everything else that a key holds, as ``\\u00…``."""

_log = logging.getLogger(__name__)

_UNREADABLE = (OSError, ValueError, RecursionError)


class Key:
    """An API key that shows itself only when asked to, and that cannot be copied or stored by accident."""

    __slots__ = ("_text", "origin")

    def __init__(self, text: str, *, origin: str) -> None:
        stripped = text.strip()
        if not stripped or not stripped.isascii() or not stripped.isprintable() or " " in stripped:
            raise AuthorizationError(
                f"The API key from {origin} is empty or holds characters that no key has.",
                "Store the key alone, as printable ASCII, and try again.",
            )
        self._text = stripped
        self.origin = origin

    def reveal(self) -> str:
        """Return the key itself, for the request header and for nothing else."""
        return self._text

    def is_token_of(self, profile: "Profile") -> bool:
        """Say whether it is the key that a profile's user logged in with."""
        return profile.token is not None and profile.token.strip() == self._text

    def is_in(self, data: bytes) -> bool:
        """Say whether ``data`` holds the key: as it is, in either case, or escaped as in JSON or a URL."""
        sought = self._text.lower().encode()
        escapes = _ESCAPES if _ESCAPED_AS_SUCH.isdisjoint(sought) else b"\\"
        return any(sought in form.lower() for form in _written_out(data, escapes))

    def redact(self, text: str) -> str:
        """Return ``text`` without the key and without any part of it that is long enough to be of use."""
        size = min(_TELLING, max(_SHORT, len(self._text) // 2))
        lower, key = text.lower(), self._text.lower()
        hidden = bytearray(len(lower))
        for start in range(len(lower) - size + 1):
            if lower[start : start + size] in key:
                hidden[start : start + size] = b"\1" * size
        if len(lower) != len(text):  # some letters outside ASCII have longer lower-case forms
            return _REDACTED if any(hidden) else text
        pieces = re.finditer(rb"\x01+|\x00+", hidden)
        return "".join(_REDACTED if piece[0][0] else text[slice(*piece.span())] for piece in pieces)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a key is not to be copied or stored")

    def __repr__(self) -> str:
        return f"Key(origin={self.origin!r})"


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """A profile of the platform's own client, as far as it is of use here."""

    token: str | None = None
    """The API key of the login; taken out as soon as it was read."""

    api_url: str | None = None
    """Base URL of the API."""

    organization: str | None = None
    """The organization's namespace."""

    current_org_id: str | None = None
    """The organization's id."""

    current_org_name: str | None = None
    """The organization's name."""

    email: str | None = None
    """The user who logged in."""

    user_id: str | None = None
    """The same user's id."""


class _Context(msgspec.Struct):
    active_profile: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """A key, and the profile that goes with it."""

    key: Key
    """The key."""

    profile: Profile
    """The profile in force, without its token; only its address where the key is another one."""


def find_credentials(
    *, key_file: Path | None, profile_name: str | None, environ: Mapping[str, str], home: Path
) -> Credentials:
    """Find the key and the profile.

    Raises :class:`AuthorizationError` when there is no key or it cannot be read, :class:`UsageError` when a
    profile was named that does not exist.
    """
    profile = _read_profile(profile_name or environ.get("SATUSKY_PROFILE"), home / ".satusky")
    key = _find_key(key_file, profile, environ)
    if not key.is_token_of(profile):  # whose it is, nobody said
        profile = Profile(api_url=profile.api_url)
    return Credentials(key=key, profile=msgspec.structs.replace(profile, token=None))


def find_profile(*, profile_name: str | None, environ: Mapping[str, str], home: Path) -> Profile:
    """Find the profile without its token, whether there is a key or not.

    Raises :class:`UsageError` when one was named that does not exist.
    """
    profile = _read_profile(profile_name or environ.get("SATUSKY_PROFILE"), home / ".satusky")
    return msgspec.structs.replace(profile, token=None)


def _find_key(key_file: Path | None, profile: Profile, environ: Mapping[str, str]) -> Key:
    if key_file is not None:
        return Key(_read(key_file), origin=f"file {key_file}")
    if environ.get("CREDENTIALS_DIRECTORY"):
        systemd = Path(environ["CREDENTIALS_DIRECTORY"]) / _SYSTEMD_NAME
        if _is_there(systemd):
            return Key(_read(systemd), origin=f"systemd credential {_SYSTEMD_NAME}")
    if environ.get(_VARIABLE):
        return Key(environ[_VARIABLE], origin=f"environment variable {_VARIABLE}")
    if profile.token:
        return Key(profile.token, origin="profile of the platform's client")
    raise AuthorizationError(
        "There is no API key.",
        f"Set {_VARIABLE}, name a file with --api-key-file, or log in with the platform's own client.",
    )


def _is_there(path: Path) -> bool:
    """Say whether systemd passed a key; a folder that may not be looked into is no answer."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise _unreadable(path, error) from error
    return True


def _read(path: Path) -> str:
    try:
        with open_named(path) as file:
            return file.read(_LONGEST).decode("utf-8-sig", errors="replace")
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: OSError) -> AuthorizationError:
    return AuthorizationError(
        f"The API key file {path} cannot be read: {os.strerror(error.errno or 0)}.",
        "Check the path and its permissions.",
    )


def _read_profile(name: str | None, folder: Path) -> Profile:
    context = folder / "context.json"
    try:
        chosen = name or msgspec.json.decode(context.read_bytes(), type=_Context).active_profile
        path = folder / "profiles" / f"{chosen}.json"
        if path.parent != folder / "profiles":  # a name, not a way to a file that somebody else wrote
            raise ValueError(chosen)
        return msgspec.json.decode(path.read_bytes(), type=Profile)
    except _UNREADABLE as error:
        if name is None:
            if os.access(context, os.F_OK):
                _log.warning(
                    "The profile of the platform's client in %s cannot be read; it is left out.", folder
                )
            return Profile()
        raise UsageError(
            f"The profile {name!r} of the platform's client cannot be read from {folder / 'profiles'}.",
            "Name a profile that exists with --profile, or leave the option out.",
        ) from error


def _written_out(data: bytes, escapes: bytes) -> list[bytes]:
    """Return ``data`` as it is and with its escapes undone, where it has any that begin with ``escapes``."""
    forms = [data]
    if escapes in data:
        forms.append(_JSON_ESCAPE.sub(_unescape, data))
    if b"%" in forms[-1]:
        forms += [unquote_to_bytes(form) for form in forms]
    return forms


def _unescape(match: re.Match[bytes]) -> bytes:
    return bytes.fromhex(match[1].decode()) if match[1] else match[2]
