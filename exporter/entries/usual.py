"""Entries of the usual shapes, read a page and a column at a time.

This is the fast way to the rows of :mod:`exporter.entries.normalize`, which reads entry by entry and alone
defines what a row is. An entry goes this way only where nothing of it can be lost: what was read from it
would be exactly as long, written again, as the bytes that came (:mod:`exporter.entries.members`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, reduce
from typing import Any, Generic, TypeVar

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
from msgspec import UNSET, Raw, UnsetType

from exporter.entries.changes import parse_changes
from exporter.entries.literals import flag, flags, joined, numbers, text
from exporter.entries.members import ABSENT, Members, Pairs, Text
from exporter.entries.repeats import gives_twice
from exporter.entries.schema import CHANGES, SCHEMA

_Changes = TypeVar("_Changes", Pairs, Raw)


class _Flat(msgspec.Struct, Generic[_Changes], forbid_unknown_fields=True, gc=False):
    """An entry as the public client reads it: dialect B."""

    id: str = ""
    created_at: str = ""
    action: str = ""
    organization_id: Text = UNSET
    actor_id: Text = UNSET
    actor_email: Text = UNSET
    actor_type: Text = UNSET
    resource_type: Text = UNSET
    resource_id: Text = UNSET
    resource_name: Text = UNSET
    ip_address: Text = UNSET
    user_agent: Text = UNSET
    request_id: Text = UNSET
    changes: _Changes | UnsetType = UNSET
    metadata: Raw = ABSENT


class _User(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    id: Text = UNSET
    email: Text = UNSET


class _Resource(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    type: Text = UNSET
    id: Text = UNSET
    name: Text = UNSET


class _Nested(msgspec.Struct, Generic[_Changes], forbid_unknown_fields=True, gc=False):
    """An entry as documented: dialect A."""

    id: str = ""
    timestamp: str = ""
    action: str = ""
    ip: Text = UNSET
    request_id: Text = UNSET
    user: _User | UnsetType | None = UNSET
    resource: _Resource | UnsetType | None = UNSET
    changes: _Changes | UnsetType = UNSET
    details: Raw = ABSENT


class _Request(msgspec.Struct, gc=False):
    request_id: str | None = None


_Columns = dict[str, pa.Array]
_ReadChanges = Callable[[Members, Sequence[Any]], tuple[pa.ListArray, pa.BooleanArray]]

_TIME = r"\A(19[7-9]\d|2[01]\d\d)-\d\d-\d\dT([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,9})?Z\z"
_ANY_TIME = "1970-01-01T00:00:00Z"
_NULL = b"null"
_ALL = flag(True)
_UNREADABLE = (msgspec.MsgspecError, RecursionError, UnicodeDecodeError, pa.ArrowInvalid)

_request = msgspec.json.Decoder(_Request | None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Usual:
    """The entries of a page that were read the fast way."""

    batch: pa.RecordBatch
    """Their rows, in the order received."""

    places: list[int]
    """Where each of them stood in the page."""

    cut: int
    """How many of their times had digits below the microsecond."""


def read_usual(entries: Sequence[Raw], digests: pa.StringArray) -> list[Usual]:
    """Read what can be read the fast way; every other entry is left to be read by itself.

    ``digests`` are the SHA-256 of the entries, as the table has them.
    """
    found: list[Usual] = []
    left: Sequence[int] = range(len(entries))
    for dialect in (_FLAT, _NESTED):
        if left:
            try:
                usual = _read(dialect, [entries[place] for place in left], left, digests)
            except _UNREADABLE:
                continue
            found.append(usual)
            left = sorted(set(left).difference(usual.places))
    return found


def _read(dialect: "_Dialect", raws: Sequence[Raw], places: Sequence[int], digests: pa.StringArray) -> Usual:
    entries, read_changes = _decoded(dialect, raws)
    members = Members(len(entries))
    columns, plain = dialect.columns(members, entries)
    columns["changes"], known = read_changes(members, [one.changes for one in entries])
    moments, cut, timely = _moments(columns["timestamp"])
    whole = pc.equal(members.sizes, numbers(list(map(len, raws))))
    named = (pc.not_equal(columns[required], text("")) for required in ("id", "action"))
    fast = reduce(pc.and_, (whole, plain, known, timely, *named))
    nothing = pa.nulls(len(raws), pa.string())
    if cut.true_count:
        received = joined(f'{{"{dialect.time}":"', columns["timestamp"], '"}')
        columns["extra"] = pc.if_else(cut, received, nothing)
    columns["timestamp"] = moments
    columns["source_sha256"] = digests if len(places) == len(digests) else digests.take(numbers(places))
    batch = pa.RecordBatch.from_arrays([columns.get(name, nothing) for name in SCHEMA.names], schema=SCHEMA)
    if fast.true_count == len(raws):
        return Usual(batch=batch, places=list(places), cut=cut.true_count)
    kept = [place for place, good in zip(places, fast.to_pylist(), strict=True) if good]
    return Usual(batch=batch.filter(fast), places=kept, cut=pc.and_(cut, fast).true_count)


def _flat(members: Members, entries: Sequence[_Flat[Any]]) -> tuple[_Columns, pa.Array]:
    metadata = [one.metadata for one in entries]
    requests, plain = _request_ids(metadata)
    columns = {
        "id": members.text("id", [one.id for one in entries]),
        "timestamp": members.text("created_at", [one.created_at for one in entries]),
        "organization_id": members.text("organization_id", [one.organization_id for one in entries]),
        "actor_id": members.text("actor_id", [one.actor_id for one in entries]),
        "actor_email": members.text("actor_email", [one.actor_email for one in entries]),
        "actor_type": members.text("actor_type", [one.actor_type for one in entries]),
        "ip_address": members.text("ip_address", [one.ip_address for one in entries]),
        "user_agent": members.text("user_agent", [one.user_agent for one in entries]),
        "action": members.text("action", [one.action for one in entries]),
        "resource_type": members.text("resource_type", [one.resource_type for one in entries]),
        "resource_id": members.text("resource_id", [one.resource_id for one in entries]),
        "resource_name": members.text("resource_name", [one.resource_name for one in entries]),
        "request_id": members.text("request_id", [one.request_id for one in entries]),
        "metadata": _without_null(members.json("metadata", metadata)),
    }
    columns["request_id"] = pc.coalesce(columns["request_id"], requests)
    return columns, plain


def _nested(members: Members, entries: Sequence[_Nested[Any]]) -> tuple[_Columns, pa.Array]:
    users, resources = [one.user for one in entries], [one.resource for one in entries]
    columns = {
        "id": members.text("id", [one.id for one in entries]),
        "timestamp": members.text("timestamp", [one.timestamp for one in entries]),
        "ip_address": members.text("ip", [one.ip for one in entries]),
        "action": members.text("action", [one.action for one in entries]),
        "request_id": members.text("request_id", [one.request_id for one in entries]),
        "metadata": _without_null(members.json("details", [one.details for one in entries])),
    }
    inner = Members(len(entries))
    columns |= {
        "actor_id": inner.text("id", [user.id if user else UNSET for user in users]),
        "actor_email": inner.text("email", [user.email if user else UNSET for user in users]),
    }
    members.object("user", inner.sizes, users)
    inner = Members(len(entries))
    columns |= {
        "resource_type": inner.text("type", [one.type if one else UNSET for one in resources]),
        "resource_id": inner.text("id", [one.id if one else UNSET for one in resources]),
        "resource_name": inner.text("name", [one.name if one else UNSET for one in resources]),
    }
    members.object("resource", inner.sizes, resources)
    return columns, _ALL


def _pairs(members: Members, changes: Sequence[Pairs]) -> tuple[pa.ListArray, pa.Scalar]:
    return members.pairs("changes", changes), _ALL


def _others(members: Members, changes: Sequence[Raw | UnsetType]) -> tuple[pa.ListArray, pa.BooleanArray]:
    """Read changes one by one, and tell of each whether it is of a known shape or is not there."""
    raws = [bytes(one or _NULL) for one in changes]
    members.json("changes", [one or ABSENT for one in changes])
    twices = [raw != _NULL and gives_twice(b'{"changes":%b}' % raw) for raw in raws]
    known = [
        None if raw == _NULL or twice else parse_changes(raw) for raw, twice in zip(raws, twices, strict=True)
    ]
    fits = [one is not None or raw == _NULL for one, raw in zip(known, raws, strict=True)]
    return pa.array(known, CHANGES), flags(fits)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Dialect:
    """How one dialect writes an entry."""

    kinds: Sequence[tuple[type[msgspec.Struct], _ReadChanges]]
    """The types that an entry may have, with how to read its changes; the last takes all changes."""

    columns: Callable[[Members, Sequence[Any]], tuple[_Columns, pa.Array]]
    """Reads every other column, and tells of each entry whether nothing odd is in it."""

    time: str
    """Its name for the time."""


_FLAT = _Dialect(kinds=((_Flat[Pairs], _pairs), (_Flat[Raw], _others)), columns=_flat, time="created_at")
_NESTED = _Dialect(
    kinds=((_Nested[Pairs], _pairs), (_Nested[Raw], _others)), columns=_nested, time="timestamp"
)


def _decoded(dialect: _Dialect, raws: Sequence[Raw]) -> tuple[list[Any], _ReadChanges]:
    """Read entries; where an entry is of none of the dialect's types, one without members stands."""
    for kind, read_changes in dialect.kinds:
        try:
            return list(map(_decoder(kind).decode, raws)), read_changes
        except msgspec.ValidationError:
            continue
    *_, (kind, read_changes) = dialect.kinds
    came = [raw if _fits(_decoder(kind), raw) else b"{}" for raw in raws]
    return list(map(_decoder(kind).decode, came)), read_changes


@cache
def _decoder(kind: type[msgspec.Struct]) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind)


def _fits(decoder: msgspec.json.Decoder[Any], raw: Raw | bytes) -> bool:
    try:
        decoder.decode(raw)
    except msgspec.MsgspecError:
        return False
    return True


def _moments(texts: pa.StringArray) -> tuple[pa.Array, pa.Array, pa.Array]:
    """Return times cut to microseconds, whether digits were cut, and whether each is of the usual form."""
    known = pc.match_substring_regex(texts, _TIME)
    if known.true_count < len(texts):
        texts = pc.if_else(known, texts, text(_ANY_TIME))
    exact = texts.cast(pa.timestamp("ns", "UTC"))
    moments = exact.cast(SCHEMA.field("timestamp").type, safe=False)
    return moments, pc.not_equal(moments.cast(exact.type), exact), known


def _without_null(texts: pa.StringArray) -> pa.StringArray:
    null = pc.fill_null(pc.equal(texts, text("null")), flag(False))
    return pc.if_else(null, text(None), texts) if null.true_count else texts


def _request_ids(metadata: Sequence[Raw]) -> tuple[pa.StringArray, pa.Array]:
    """Return the request ids inside metadata, and whether each is a text or is not there."""
    fits = _ALL
    given: list[Raw | bytes] = [raw or _NULL for raw in metadata]
    try:
        found = list(map(_request.decode, given))
    except msgspec.ValidationError:
        objects = [raw if bytes(raw)[:1] == b"{" else _NULL for raw in given]
        fitting = [_fits(_request, raw) for raw in objects]
        fits = flags(fitting)
        found = [_request.decode(raw if fit else _NULL) for raw, fit in zip(objects, fitting, strict=True)]
    return pa.array([None if one is None else one.request_id for one in found], pa.string()), fits
