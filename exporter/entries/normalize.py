"""Entries as received into rows of the table, a page at a time.

Each column has an ordered list of places where the platform is known to put its value; the first that holds
one wins. Nothing is dropped: a field that no column took goes to ``extra`` as JSON text, and
``source_sha256`` names the bytes the row was made from.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256

import msgspec
import pyarrow as pa

from exporter.entries.changes import Change, compact, parse_changes
from exporter.entries.depth import LEVELS, is_too_deep
from exporter.entries.literals import numbers, strings
from exporter.entries.moments import Moment, parse_number, parse_text
from exporter.entries.repeats import gives_twice
from exporter.entries.schema import COLUMNS, SCHEMA
from exporter.entries.surrogates import without_halves
from exporter.entries.usual import read_usual
from exporter.errors import RecordError

_NO_ZONE = "timestamp-without-zone"
_CUT = "timestamp-below-microsecond"
_ODD_CHANGES = "changes-of-unknown-shape"
_HALVES = "half-a-character"
_TWICE = "key-given-twice"

OBSERVATIONS = {
    _NO_ZONE: "Timestamps that named no zone and were taken as UTC",
    _CUT: "Timestamps with digits below the microsecond; the full text is in the column extra",
    _ODD_CHANGES: "Changes in none of the known shapes; they are in the column extra as received",
    _HALVES: "Entries with half a character in an escape, which no text can hold; U+FFFD stands in its place",
    _TWICE: "Entries with a key that was given twice in one object; the last value counts",
}
"""Oddities that are counted while entries become rows: what each means, by its name."""

_PLACES: dict[str, tuple[tuple[str, ...], ...]] = {
    "id": (("id",),),
    "organization_id": (("organization_id",),),
    "actor_id": (("actor_id",), ("user_id",), ("user", "id")),
    "actor_email": (("actor_email",), ("user_email",), ("user", "email")),
    "actor_type": (("actor_type",),),
    "ip_address": (("ip_address",), ("ip",)),
    "user_agent": (("user_agent",),),
    "action": (("action",),),
    "resource_type": (("resource_type",), ("resource", "type")),
    "resource_id": (("resource_id",), ("resource", "id")),
    "resource_name": (("resource_name",), ("resource", "name")),
    "request_id": (("request_id",), ("metadata", "request_id")),
}
_TIMES = ("created_at", "timestamp")
_METADATA = ("metadata", "details")
_NESTED = ("user", "resource")
_DIGITS = 64

_object = msgspec.json.Decoder(dict[str, msgspec.Raw])
_string = msgspec.json.Decoder(str)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """The rows of one page."""

    batch: pa.RecordBatch
    """One row per entry, in the order received, with :data:`~exporter.entries.schema.SCHEMA`."""

    observations: Counter[str]
    """How often each oddity was met, by its name."""

    left_out: Mapping[str, str] = field(default_factory=dict)
    """Entries that cannot be rows: which they are and why, by the SHA-256 of their bytes."""


def normalize(entries: Sequence[msgspec.Raw], *, source: str, lenient: bool = False) -> Rows:
    """Turn a page of entries into rows; ``source`` names the page in errors.

    Raises :class:`RecordError` for an entry that is no object, has no id, time or action, or is nested too
    deeply; where ``lenient``, it is left out instead, and named.
    """
    digests = _digests(entries)
    usual = read_usual(entries, digests)
    observations = Counter({_CUT: sum(one.cut for one in usual)})
    places = [place for one in usual for place in one.places]
    left = sorted(set(range(len(entries))).difference(places))
    batches = [one.batch for one in usual]
    unusable: dict[int, str] = {}
    if left or not usual:
        batches.append(read_one_by_one(entries, digests, left, observations, unusable))
    if unusable and not lenient:
        raise _refusal(*next(iter(unusable.items())), source)
    batch = batches[0] if len(batches) == 1 else pa.concat_batches(batches)
    order = [*places, *(place for place in left if place not in unusable)]
    if order != sorted(order):
        batch = batch.take(pa.array(sorted(range(len(order)), key=order.__getitem__)))
    left_out = {
        digests[place].as_py(): f"entry {place} of {source}: {why}" for place, why in unusable.items()
    }
    return Rows(batch=batch, observations=observations, left_out=left_out)


def _digests(entries: Sequence[msgspec.Raw]) -> pa.StringArray:
    """Return the SHA-256 of each, in hexadecimal digits; these are written for all of them at once."""
    content = b"".join([sha256(entry).digest() for entry in entries]).hex().encode()
    return strings(content, numbers([_DIGITS] * len(entries)))


def read_one_by_one(
    entries: Sequence[msgspec.Raw],
    digests: pa.StringArray,
    places: Sequence[int],
    observations: Counter[str],
    unusable: dict[int, str],
) -> pa.RecordBatch:
    """Read the entries at ``places`` by themselves, whatever they hold; ``unusable`` takes what cannot be."""
    columns: dict[str, list[object]] = {column.name: [] for column in COLUMNS}
    for place in places:
        seen: Counter[str] = Counter()
        try:
            row = _Entry(bytes(entries[place]), seen).row(seen)
        except _UNREADABLE as error:
            unusable[place] = str(error)
            continue
        observations.update(seen)
        row["source_sha256"] = digests[place].as_py()
        for name, cells in columns.items():
            cells.append(row.get(name))
    arrays = [pa.array(columns[field.name], type=field.type) for field in SCHEMA]
    return pa.RecordBatch.from_arrays(arrays, schema=SCHEMA)


def _refusal(place: int, why: str, source: str) -> RecordError:
    return RecordError(
        f"Entry {place} of {source} cannot be placed in the archive: {why}.",
        "Nothing was skipped or published; report the entry to the platform. In an export, "
        "--allow-partial leaves it out.",
    )


class _UnusableError(Exception):
    """The entry lacks what every row must have, or is nested too deeply."""


_UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, _UnusableError)


class _Entry:
    """One entry while its fields are being handed out to columns."""

    def __init__(self, raw: bytes, observations: Counter[str]) -> None:
        if is_too_deep(raw):
            raise _UnusableError(f"it is nested more than {LEVELS} levels deep")
        readable = without_halves(raw)
        observations[_HALVES] += readable != raw
        observations[_TWICE] += gives_twice(readable)
        raw = readable
        self._fields = {name: bytes(value) for name, value in _object.decode(raw).items()}
        self._left = set(self._fields)
        self._nested = {
            name: _object.decode(self._fields[name])
            for name in (*_NESTED, "metadata")
            if self._fields.get(name, b"")[:1] == b"{"
        }

    def row(self, observations: Counter[str]) -> dict[str, object]:
        row: dict[str, object] = {name: self._first(places) for name, places in _PLACES.items()}
        self._place_user(row)
        self._place_nested(row)
        for name in ("id", "action"):
            if not row[name]:
                raise _UnusableError(f"it has no {name}")
        row["timestamp"] = self._timestamp(observations)
        row["changes"] = self._changes(observations)
        row["metadata"] = self._metadata()
        row["extra"] = self._extra()
        return row

    def _first(self, places: Sequence[tuple[str, ...]]) -> str | None:
        for place in places:
            text = self._text(place)
            if text is not None:
                if len(place) == 1:
                    self._left.discard(place[0])
                return text
        return None

    def _text(self, place: tuple[str, ...]) -> str | None:
        fields = self._fields if len(place) == 1 else self._nested.get(place[0], {})
        raw = bytes(fields.get(place[-1], b"null"))
        match raw[:1]:
            case b'"':
                return _string.decode(raw)
            case b"n" | b"{" | b"[":
                return None
            case _:
                return raw.decode()

    def _place_user(self, row: dict[str, object]) -> None:
        """Take a plain ``user`` for an e-mail address when it has an ``@``, for an id otherwise."""
        user = self._text(("user",))
        if user is None:
            return
        column = "actor_email" if "@" in user else "actor_id"
        if row[column] is None:
            row[column] = user
            self._left.discard("user")

    def _place_nested(self, row: dict[str, object]) -> None:
        """Count an object as placed when the value of each of its members stands in a column."""
        for name in _NESTED:
            members = self._nested.get(name)
            columns = {places[-1][1]: column for column, places in _PLACES.items() if name in places[-1][:-1]}
            if members is not None and all(
                bytes(value) == b"null"
                or (member in columns and self._text((name, member)) == row[columns[member]] is not None)
                for member, value in members.items()
            ):
                self._left.discard(name)

    def _timestamp(self, observations: Counter[str]) -> datetime:
        for name in _TIMES:
            raw = self._fields.get(name, b"null")
            if raw == b"null":
                continue
            moment = _moment(raw)
            if moment is None:
                raise _UnusableError(f"its time cannot be read: {raw[:40].decode(errors='replace')}")
            observations[_NO_ZONE] += moment.zoneless
            observations[_CUT] += moment.cut
            if not moment.cut:
                self._left.discard(name)
            return moment.value
        raise _UnusableError("it has no time")

    def _changes(self, observations: Counter[str]) -> list[Change] | None:
        raw = self._fields.get("changes", b"null")
        if raw == b"null":
            return None
        changes = parse_changes(raw)
        if changes is None:
            observations[_ODD_CHANGES] += 1
        else:
            self._left.discard("changes")
        return changes

    def _metadata(self) -> str | None:
        for name in _METADATA:
            raw = self._fields.get(name, b"null")
            if raw != b"null":
                self._left.discard(name)
                return compact(raw)
        return None

    def _extra(self) -> str | None:
        left = [name for name in self._fields if name in self._left and self._fields[name] != b"null"]
        if not left:
            return None
        members = (f"{msgspec.json.encode(name).decode()}:{compact(self._fields[name])}" for name in left)
        return "{" + ",".join(members) + "}"


def _moment(raw: bytes) -> Moment | None:
    match raw[:1]:
        case b'"':
            return parse_text(_string.decode(raw))
        case _:
            return parse_number(raw.decode())
