"""Whose signature counts: an allowed-signers file, as ``ssh-keygen(1)`` describes and reads it."""

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from exporter.errors import UsageError
from exporter.evidence.manifest import NAMESPACE
from exporter.files import read_whole

_MOST = 4 << 20  # bytes
_LINE = re.compile(
    r"""[ \t]* (?P<principals> "[^"]*" | [^ \t"]+ ) [ \t]+
    (?: (?P<options> (?: "[^"]*" | [^ \t"] )+ ) [ \t]+ )?
    (?P<kind> (?:sk-)? (?:ssh|ecdsa) - [a-z0-9@.-]+ ) [ \t]+
    (?P<key> [A-Za-z0-9+/=]+ ) (?: [ \t].* )?""",
    re.VERBOSE,
)
_OPTION = re.compile(r'([a-z-]+)(?:="([^"]*)")?(?:,(?=.)|$)', re.IGNORECASE)
_TIME_FORMATS = {8: "%Y%m%d", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """One line of an allowed-signers file: a key, for whom, for what and when it counts."""

    principals: str
    """Patterns of the identities, separated by commas."""

    key: bytes
    """The public key as OpenSSH encodes it."""

    namespaces: str = "*"
    """Patterns of what signatures may be for."""

    valid_after: datetime | None = None
    """First instant at which the key counts."""

    valid_before: datetime | None = None
    """Last instant at which the key counts."""

    authority: bool = False
    """Whether the key signs keys rather than bundles."""

    def speaks_for(self, identity: str | None) -> bool:
        """Whether the key is one of ``identity``; any identity will do where none is asked for."""
        return identity is None or _matches(self.principals, identity)

    @property
    def may_sign_bundles(self) -> bool:
        """Whether the file lets the key sign bundles at all."""
        return not self.authority and _matches(self.namespaces, NAMESPACE)

    def counts_at(self, moment: datetime) -> bool:
        """Whether the key was valid at an instant."""
        begun = self.valid_after is None or self.valid_after <= moment
        return begun and (self.valid_before is None or moment <= self.valid_before)

    @property
    def validity(self) -> str:
        """When the key counts, for people."""
        bounds = (("from", self.valid_after), ("until", self.valid_before))
        return " ".join(f"{word} {bound:%Y-%m-%dT%H:%M:%SZ}" for word, bound in bounds if bound) or "always"


def load_signers(path: Path) -> Sequence[Signer]:
    """Read an allowed-signers file; raises :class:`~exporter.errors.UsageError` as :func:`parse_signers`."""
    content = read_whole(
        path,
        most=_MOST,
        name=str(path),
        remedy="Name a file with the lines of those alone who sign bundles.",
    )
    return parse_signers(content.decode("utf-8", errors="replace"), name=str(path))


def parse_signers(text: str, *, name: str) -> Sequence[Signer]:
    """Read the lines of the file called ``name``; raises :class:`UsageError` for one that is none.

    Times without a ``Z`` are local ones, as ``ssh-keygen`` takes them.
    """
    signers = []
    for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), start=1):
        if line.strip(" \t") and not line.lstrip(" \t").startswith("#"):
            try:
                signers.append(_signer(line))
            except ValueError as error:
                raise UsageError(
                    f"Line {number} of {name} cannot be read ({error}).",
                    "It should be: IDENTITY [OPTIONS] ssh-ed25519 KEY, as ssh-keygen(1) describes.",
                ) from error
    if not signers:
        raise UsageError(
            f"{name} names no signer.", "Ask whoever signs the bundles for a line with their key."
        )
    return signers


def _signer(line: str) -> Signer:
    read = _LINE.fullmatch(line)
    if read is None:
        raise ValueError("no public key")
    kind, text, options = read["kind"].encode(), read["key"].encode(), _options(read["options"] or "")
    try:
        key = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError("the key is not base64") from error
    if key[4 : 4 + len(kind)] != kind or base64.b64encode(key) != text:
        raise ValueError("the key is not whole, or of another kind than it says")
    return Signer(
        principals=read["principals"].strip('"'),
        key=key,
        namespaces=options.get("namespaces", "*"),
        valid_after=_moment(options.get("valid-after")),
        valid_before=_moment(options.get("valid-before")),
        authority="cert-authority" in options,
    )


def _options(text: str) -> dict[str, str]:
    known = {"cert-authority": False, "namespaces": True, "valid-after": True, "valid-before": True}
    options: dict[str, str] = {}
    at = 0
    while at < len(text):
        option = _OPTION.match(text, at)
        if option is None or known.get(option[1].lower()) is not (option[2] is not None):
            raise ValueError(f"unknown option {text[at : at + 40]!r}")
        if option[1].lower() in options:
            raise ValueError(f"option {option[1]!r} is there twice")
        options[option[1].lower()] = option[2] or ""
        at = option.end()
    return options


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    digits = text.removesuffix("Z")
    if len(digits) not in _TIME_FORMATS or not (digits.isascii() and digits.isdigit()):
        raise ValueError(f"{text!r} is no time")
    moment = datetime.strptime(digits, _TIME_FORMATS[len(digits)])  # noqa: DTZ007 - given one below
    moment = moment.replace(tzinfo=UTC) if text.endswith("Z") else moment.astimezone(UTC)
    if moment.timestamp() <= 0:
        raise ValueError(f"{text!r} is before all keys")
    return moment


def _matches(patterns: str, value: str) -> bool:
    """Match a pattern list (``ssh_config(5)``, PATTERNS): ``*``, ``?``, and ``!`` to exclude."""
    matched = False
    for pattern in patterns.split(","):
        negated = pattern.startswith("!")
        wildcards = re.escape(pattern.removeprefix("!")).replace(r"\*", ".*").replace(r"\?", ".")
        if re.fullmatch(wildcards, value, re.DOTALL):
            if negated:
                return False
            matched = True
    return matched
