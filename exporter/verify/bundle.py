"""A bundle under examination: what is read of it, once and within bounds, and whom the examiner trusts."""

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

import msgspec
from cryptography.x509 import Certificate

from exporter import record
from exporter.evidence import bag
from exporter.evidence.chain import Link
from exporter.evidence.container import Container, was_not_read
from exporter.evidence.coverage import Head
from exporter.evidence.signature import SignatureError, fingerprint, parse_signature
from exporter.evidence.signers import Signer
from exporter.evidence.timestamp import Token, TokenError, check_token, parse_token
from exporter.verify.measure import Measure

SMALL, LARGE = 1 << 20, 64 << 20
"""Bytes that are read at most of a short file, and of one that grows with the log."""

NOT_READABLE = (OSError, ValueError, OverflowError, RecursionError)
"""What the properties below raise where the bundle does not hold what it should."""

_AROUND, _ESCAPED = 128, 6
"""Bytes of a statement around each name in it, and for each of the name's characters, at most."""

_SMALL_FILES = {bag.TAG_MANIFEST, bag.SIGNATURE, bag.TOKEN, bag.DECLARATION, bag.DESCRIPTION}


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """What reached the examiner by another way than the bundle. Whatever is given is asked for."""

    signers: Sequence[Signer] | None = None
    """Whose signatures count."""

    identity: str | None = None
    """Which of them it has to be; any where none is named."""

    roots: Sequence[Certificate] | None = None
    """Root certificates of time-stamping authorities."""

    now: datetime | None = None
    """The examiner's time; a key's validity is held against it where no time stamp says better."""


class _Digest(msgspec.Struct, forbid_unknown_fields=True):
    sha256: str


class _Subject(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    digest: _Digest


class _Place(msgspec.Struct):
    chain: str = ""
    sequence: int = 0
    previous: Head | None = None


class Statement(msgspec.Struct, forbid_unknown_fields=True):
    """``manifest.json``."""

    type: str = msgspec.field(name="_type")
    """What kind of document it is."""

    predicate_type: str = msgspec.field(name="predicateType")
    """What kind of predicate it has."""

    subject: list[_Subject]
    """The payload files."""

    predicate: dict[str, Any]
    """What is said of the run, and of the bundle's place."""


class Bundle:
    """A container that claims to hold a bundle."""

    def __init__(self, container: Container, trust: Trust) -> None:
        self.container = container
        self.trust = trust
        self.measured: Mapping[str, Measure | OSError] = {}
        """What reading told of each payload file that the manifest lists, once they are being read."""
        self._held: dict[str, bytes | OSError] = {}

    def read(self, path: str) -> bytes:
        """Return what a file holds; raises :class:`OSError`, also where it is larger than any that is sealed.

        It is read once: what was signed is what is then taken for its meaning, whatever happens meanwhile.
        """
        if path not in self._held:
            self._held[path] = self._read(path)
        held = self._held[path]
        if isinstance(held, OSError):
            raise held
        return held

    def _read(self, path: str) -> bytes | OSError:
        most = SMALL if path in _SMALL_FILES else LARGE
        if path == bag.STATEMENT:
            most = min(LARGE, self._longest_statement())
        try:
            with self.container.open(path) as file:
                content = file.read(most + 1)
        except OSError as error:
            return error
        return content if len(content) <= most else OSError(f"{path} is larger than {most:,} bytes")

    def _longest_statement(self) -> int:
        """Bytes of a statement, at most: it names the listed files, and the record's filters and overlap."""
        named = list(self.payload)
        with suppress(*NOT_READABLE):
            named += self.run.filters.values()
            if (overlap := self.run.overlap) is not None:
                named += [*overlap.late, *overlap.changed, *overlap.missing]
        return SMALL + sum(_AROUND + _ESCAPED * len(name) for name in named)

    @property
    def root(self) -> str:
        """SHA-256 of its tag manifest: its head. Raises :class:`OSError` where that cannot be read."""
        return hashlib.sha256(self.read(bag.TAG_MANIFEST)).hexdigest()

    def unread(self, *paths: str) -> dict[str, OSError]:
        """Return those of the files that are there and that the system did not let be read, and why."""
        found = {}
        for path in paths:
            try:
                self.read(path)
            except OSError as error:
                if was_not_read(error):
                    found[path] = error
        return found

    @property
    def is_closed(self) -> bool:
        """Whether it could not be looked into at all."""
        return "" in self.container.unlisted

    def has(self, path: str) -> bool:
        """Whether anything at all stands there."""
        return path in self.container.files or path in self.container.odd

    @cached_property
    def token(self) -> Token | None:
        """The time stamp; ``None`` where there is none. Raises :class:`TokenError`."""
        return parse_token(self.read(bag.TOKEN)) if self.has(bag.TOKEN) else None

    @cached_property
    def stamped_at(self) -> datetime | None:
        """The time of signing that an authority vouches for whom the examiner trusts, if any does."""
        try:
            if self.token is None or self.trust.roots is None:
                return None
            check_token(self.token, self.read(bag.SIGNATURE), self.trust.roots)
        except (OSError, TokenError):
            return None
        return self.token.time

    @cached_property
    def signer(self) -> str | None:
        """Fingerprint of the key that its signature names, good or not; ``None`` without one."""
        if not self.has(bag.SIGNATURE) and not self.is_closed:
            return None
        try:
            return fingerprint(parse_signature(self.read(bag.SIGNATURE)).key)
        except (OSError, SignatureError):
            return "unreadable"

    @cached_property
    def stated(self) -> Statement:
        """The statement; raises what ``NOT_READABLE`` names."""
        return msgspec.json.decode(self.read(bag.STATEMENT), type=Statement)

    @property
    def link(self) -> Link | None:
        """The place in a chain that is stated; where none is, one that no bundle has.

        ``None`` for an extract. Raises what ``NOT_READABLE`` names.
        """
        if self.run.filters:
            return None
        try:
            place = msgspec.convert(self.stated.predicate, type=_Place)
        except msgspec.ValidationError:
            place = _Place()
        previous = None if place.previous is None else place.previous.sha256
        return Link(chain=place.chain, sequence=max(1, place.sequence), previous=previous)

    @cached_property
    def run(self) -> record.Run:
        """The record of the run; raises what ``NOT_READABLE`` names."""
        return record.decode(self.read("data/run.json"))

    @cached_property
    def intended(self) -> record.Seal | None:
        """What it was to be sealed with, by its record; ``None`` where that cannot be read."""
        try:
            return self.run.seal
        except NOT_READABLE:
            return None

    @cached_property
    def payload(self) -> dict[str, str]:
        """SHA-256 of every payload file by its path, as the manifest has it; empty where there is none."""
        return self._listed(bag.PAYLOAD_MANIFEST)

    @property
    def lists_payload(self) -> bool:
        """Whether there is a manifest of the payload, whatever it holds, that could be read."""
        return self.has(bag.PAYLOAD_MANIFEST) and not self.unread(bag.PAYLOAD_MANIFEST)

    @cached_property
    def tags(self) -> dict[str, str]:
        """SHA-256 of every tag file by its name, as the tag manifest has it; empty where there is none."""
        return self._listed(bag.TAG_MANIFEST)

    def _listed(self, name: str) -> dict[str, str]:
        try:
            return bag.parse_manifest(self.read(name).decode())
        except (OSError, ValueError):
            return {}
