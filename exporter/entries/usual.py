"""Entries of the usual shapes, read a page and a column at a time.

This is the fast way to the rows of :mod:`exporter.entries.normalize`, which reads entry by entry and alone
defines what a row is. An entry goes this way only where nothing of it can be lost: what was read from it
would be exactly as long, written again, as the bytes that came. A key that stands twice, an escape in a text
and white space between tokens make the bytes longer, and nothing makes them shorter.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import accumulate, chain
from operator import attrgetter

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
from msgspec import UNSET, Raw, UnsetType
from msgspec.structs import astuple

from exporter.entries.changes import compact, parse_changes
from exporter.entries.repeats import gives_twice
from exporter.entries.schema import CHANGES, SCHEMA

_Text = str | UnsetType | None
_ABSENT = Raw()


class _Flat(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """An entry as the public client reads it: dialect B."""

    id: str = ""
    created_at: str = ""
    action: str = ""
    organization_id: _Text = UNSET
    actor_id: _Text = UNSET
    actor_email: _Text = UNSET
    actor_type: _Text = UNSET
    resource_type: _Text = UNSET
    resource_id: _Text = UNSET
    resource_name: _Text = UNSET
    ip_address: _Text = UNSET
    user_agent: _Text = UNSET
    request_id: _Text = UNSET
    changes: Raw = _ABSENT
    metadata: Raw = _ABSENT


class _Nested(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """An entry as documented: dialect A."""

    id: str = ""
    timestamp: str = ""
    action: str = ""
    ip: _Text = UNSET
    request_id: _Text = UNSET
    user: Raw = _ABSENT
    resource: Raw = _ABSENT
    changes: Raw = _ABSENT
    details: Raw = _ABSENT


class _User(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    id: _Text = UNSET
    email: _Text = UNSET


class _Resource(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    type: _Text = UNSET
    id: _Text = UNSET
    name: _Text = UNSET


class _Request(msgspec.Struct, gc=False):
    request_id: str | None = None


class _Pair(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    old: Raw = _ABSENT
    new: Raw = _ABSENT


_Columns = dict[str, pa.Array]

_TIME = r"\A(19[7-9]\d|2[01]\d\d)-\d\d-\d\dT([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,9})?Z\z"
_ANY_TIME = "1970-01-01T00:00:00Z"
_SPACE = r"[ \t\r\n]"
_NULL, _EMPTY = b"null", b"{}"
_NULLS = (b"", _NULL)
_JSON = ("changes", "metadata", "details", "user", "resource")
_ALL = pa.scalar(True)
_UNREADABLE = (msgspec.MsgspecError, RecursionError, UnicodeDecodeError, pa.ArrowInvalid)

_requests = msgspec.json.Decoder(list[_Request | None])
_request = msgspec.json.Decoder(_Request | None)
_pairs = msgspec.json.Decoder(list[dict[str, _Pair] | None])


@dataclass(frozen=True, slots=True, kw_only=True)
class Usual:
    """The entries of a page that were read the fast way."""

    batch: pa.RecordBatch
    """Their rows, in the order received."""

    places: list[int]
    """Where each of them stood in the page."""

    cut: int
    """How many of their times had digits below the microsecond."""


def read_usual(entries: Sequence[Raw], digests: Sequence[str]) -> list[Usual]:
    """Read what can be read the fast way; every other entry is left to be read by itself.

    ``digests`` are the SHA-256 of the entries, as the table has them.
    """
    found: list[Usual] = []
    left: Sequence[int] = range(len(entries))
    for kind, columns in ((_Flat, _flat), (_Nested, _nested)):
        if left:
            try:
                usual = _read(kind, columns, entries, digests, left)
            except _UNREADABLE:
                continue
            found.append(usual)
            left = sorted(set(left).difference(usual.places))
    return found


def _read(
    kind: type[msgspec.Struct],
    columns: "Callable[[_Objects], tuple[_Columns, pa.Array]]",
    entries: Sequence[Raw],
    digests: Sequence[str],
    places: Sequence[int],
) -> Usual:
    found, usual = columns(_Objects(kind, [entries[place] for place in places]))
    moments, cut, known = _moments(found["timestamp"])
    usual = pc.and_(usual, known)
    for required in ("id", "action"):
        usual = pc.and_(usual, pc.greater(pc.binary_length(found[required]), 0))
    time = "created_at" if kind is _Flat else "timestamp"
    found["extra"] = pa.nulls(len(places), pa.string())
    if cut.true_count:
        text = pc.binary_join_element_wise(f'{{"{time}":"', found["timestamp"], '"}', "")
        found["extra"] = pc.if_else(cut, text, found["extra"])
    found["timestamp"] = moments
    found["source_sha256"] = pa.array([digests[place] for place in places], pa.string())
    nothing = pa.nulls(len(places), pa.string())
    batch = pa.RecordBatch.from_arrays([found.get(name, nothing) for name in SCHEMA.names], schema=SCHEMA)
    if usual.true_count == len(places):
        return Usual(batch=batch, places=list(places), cut=cut.true_count)
    kept = [place for place, good in zip(places, usual.to_pylist(), strict=True) if good]
    return Usual(batch=batch.filter(usual), places=kept, cut=pc.and_(cut, usual).true_count)


def _flat(entries: "_Objects") -> tuple[_Columns, pa.Array]:
    texts, raws = entries.texts, entries.raws
    changes, known = _changes(raws["changes"])
    requests, plain = _request_ids(raws["metadata"])
    columns = texts | {
        "timestamp": texts["created_at"],
        "request_id": pc.coalesce(texts["request_id"], requests),
        "changes": changes,
        "metadata": _json(raws["metadata"]),
    }
    return columns, pc.and_(entries.whole, pc.and_(known, plain))


def _nested(entries: "_Objects") -> tuple[_Columns, pa.Array]:
    texts, raws = entries.texts, entries.raws
    user, resource = _members(_User, raws["user"]), _members(_Resource, raws["resource"])
    changes, known = _changes(raws["changes"])
    columns = texts | {
        "actor_id": user.texts["id"],
        "actor_email": user.texts["email"],
        "ip_address": texts["ip"],
        "resource_type": resource.texts["type"],
        "resource_id": resource.texts["id"],
        "resource_name": resource.texts["name"],
        "changes": changes,
        "metadata": _json(raws["details"]),
    }
    return columns, pc.and_(pc.and_(entries.whole, known), pc.and_(user.whole, resource.whole))


class _Objects:
    """JSON objects of one kind, by column; where an object of another kind came, an empty one stands."""

    def __init__(self, kind: type[msgspec.Struct], raws: Sequence[Raw | bytes]) -> None:
        came = raws
        try:
            values = _decoder(kind).decode(_array(raws))
        except msgspec.MsgspecError:
            came = [raw if _is_of(kind, raw) else _EMPTY for raw in raws]
            values = _decoder(kind).decode(_array(came))
        self.texts: dict[str, pa.Array] = {}
        """Columns of text."""

        self.raws: dict[str, list[bytes]] = {}
        """Columns of JSON; what is not given is empty."""

        self._unset: dict[str, list[int]] = {}
        columns = zip(*map(astuple, values), strict=True)  # half the time of asking for name by name
        for name, cells in zip(kind.__struct_fields__, columns, strict=True):
            if name in _JSON:
                self.raws[name] = list(map(bytes, cells))
            else:
                self._add_text(name, cells)
        self._count = len(raws)
        sizes = list(map(len, raws))
        self.whole = _ALL if came is raws and sum(sizes) == self._written() else self._as_long_as(sizes)
        """Whether each came as exactly as many bytes as it takes to write what was read."""

    def _add_text(self, name: str, cells: Sequence[str | UnsetType | None]) -> None:
        try:
            self.texts[name] = pa.array(cells, pa.string())
        except pa.ArrowTypeError:  # not every object has it
            self._unset[name] = [cell is UNSET for cell in cells]
            self.texts[name] = pa.array([None if cell is UNSET else cell for cell in cells], pa.string())

    def _written(self) -> int:
        """Return how many bytes all of them take in JSON."""
        total = 0
        for name, texts in self.texts.items():
            given = len(texts) - sum(self._unset.get(name, ()))
            values = len(texts) - texts.null_count
            total += given * len(f'"{name}":,') + values * len('""') + (given - values) * len("null")
            total += pc.sum(pc.binary_length(texts)).as_py() or 0
        for name, cells in self.raws.items():
            total += sum(map(len, cells)) + (len(cells) - cells.count(b"")) * len(f'"{name}":,')
        return total + self._count * (len("{}") - len(","))

    def _as_long_as(self, sizes: list[int]) -> pa.Array:
        """Tell of each whether it takes so many bytes."""
        written = [len("{}") - len(",")] * self._count
        for name, texts in self.texts.items():
            around = len(f'"{name}":,')
            unset = self._unset.get(name, [False] * self._count)
            sizes_of_texts = pc.binary_length(texts).to_pylist()
            for place, (size, absent) in enumerate(zip(sizes_of_texts, unset, strict=True)):
                if not absent:
                    written[place] += around + (len("null") if size is None else size + len('""'))
        for name, cells in self.raws.items():
            for place, cell in enumerate(cells):
                written[place] += len(cell) + len(f'"{name}":,') if cell else 0
        return pa.array([max(one, len(_EMPTY)) == size for one, size in zip(written, sizes, strict=True)])


def _members(kind: type[msgspec.Struct], raws: Sequence[bytes]) -> _Objects:
    """Read objects inside entries; one that is null or not given is as good as an empty one."""
    return _Objects(kind, [_EMPTY if raw in _NULLS else raw for raw in raws])


@cache
def _decoder(kind: type[msgspec.Struct]) -> msgspec.json.Decoder[list[msgspec.Struct]]:
    return msgspec.json.Decoder(list[kind])  # type: ignore[valid-type]  # the kind is known when it runs


def _array(raws: Sequence[Raw | bytes]) -> bytes:
    return b"[" + b",".join(raws) + b"]"


def _is_of(kind: type[msgspec.Struct], raw: Raw | bytes) -> bool:
    try:
        _decoder(kind).decode(_array([raw]))
    except msgspec.MsgspecError:
        return False
    return True


def _moments(texts: pa.Array) -> tuple[pa.Array, pa.Array, pa.Array]:
    """Return times cut to microseconds, whether digits were cut, and whether each is of the usual form."""
    known = pc.match_substring_regex(texts, _TIME)
    if known.true_count < len(texts):
        texts = pc.if_else(known, texts, _ANY_TIME)
    exact = texts.cast(pa.timestamp("ns", "UTC"))
    moments = exact.cast(SCHEMA.field("timestamp").type, safe=False)
    return moments, pc.not_equal(moments.cast(exact.type), exact), known


def _json(raws: Sequence[bytes]) -> pa.Array:
    """Return JSON as text without white space between its tokens; what is null or not given is null."""
    return _compact([None if raw in _NULLS else raw for raw in raws])


def _compact(cells: list[bytes | None]) -> pa.Array:
    texts = pa.array(cells, pa.binary()).cast(pa.string())
    spaced = pc.match_substring_regex(texts, _SPACE)
    if not spaced.true_count:
        return texts
    found = zip(cells, spaced.to_pylist(), strict=True)
    return pa.array([compact(cell) if cell and is_spaced else cell for cell, is_spaced in found], pa.string())


def _request_ids(metadata: Sequence[bytes]) -> tuple[pa.Array, pa.Array]:
    """Return the request ids inside metadata, and whether each is a text or is not there."""
    fits = _ALL
    try:
        found = _requests.decode(_array([raw or _NULL for raw in metadata]))
    except msgspec.ValidationError:
        objects = [raw if raw[:1] == b"{" else _NULL for raw in metadata]
        fitting = [_is_request(raw) for raw in objects]
        fits = pa.array(fitting)
        found = [_request.decode(raw if fit else _NULL) for raw, fit in zip(objects, fitting, strict=True)]
    return pa.array([None if one is None else one.request_id for one in found], pa.string()), fits


def _is_request(raw: bytes) -> bool:
    try:
        _request.decode(raw)
    except msgspec.ValidationError:
        return False
    return True


def _changes(raws: Sequence[bytes]) -> tuple[pa.Array, pa.Array]:
    """Return changes, and whether each is of a known shape or is not there."""
    paired = _paired_changes(raws)
    if paired is not None:
        return paired, _ALL
    twices = [raw not in _NULLS and gives_twice(b'{"changes":%b}' % raw) for raw in raws]
    known = [
        None if raw in _NULLS or twice else parse_changes(raw)
        for raw, twice in zip(raws, twices, strict=True)
    ]
    fits = [one is not None or raw in _NULLS for one, raw in zip(known, raws, strict=True)]
    return pa.array(known, CHANGES), pa.array(fits)


def _paired_changes(raws: Sequence[bytes]) -> pa.Array | None:
    """Read changes that are all ``{"field": {"old": …, "new": …}}``; ``None`` where others are among them."""
    given = _array([raw or _NULL for raw in raws])
    try:
        bodies = _pairs.decode(given)
    except msgspec.MsgspecError:
        return None
    objects = [body for body in bodies if body is not None]
    fields = list(chain.from_iterable(objects))
    pairs = list(chain.from_iterable(map(dict.values, objects)))
    sides = {side: list(map(bytes, map(attrgetter(side), pairs))) for side in ("old", "new")}
    if (b"", b"") in zip(*sides.values(), strict=True) or _length(bodies, fields, sides) != len(given):
        return None
    changes = pa.StructArray.from_arrays(
        [pa.array(fields, pa.string()), *map(_given, sides.values())], fields=list(CHANGES.value_type)
    )
    ends = accumulate([len(body or ()) for body in bodies], initial=0)
    absent = pa.array([body is None for body in bodies], pa.bool_())
    return pa.ListArray.from_arrays(pa.array(ends, pa.int32()), changes, type=CHANGES, mask=absent)


def _length(
    bodies: Sequence[dict[str, _Pair] | None], fields: list[str], sides: dict[str, list[bytes]]
) -> int:
    """Return how many bytes it takes to write ``bodies`` in JSON, with no pair that is empty."""
    nulls, empty = bodies.count(None), bodies.count({})
    total = len("[]") - len(",") + nulls * len("null,") + (len(bodies) - nulls) * len("{},")
    total += len("".join(fields).encode()) + len(fields) * len('"":{},')
    for side, values in sides.items():
        total += len(b"".join(values)) + (len(values) - values.count(b"")) * len(f'"{side}":,')
    return total - len(",") * (len(fields) + len(bodies) - nulls - empty)  # none after the last


def _given(values: Sequence[bytes]) -> pa.Array:
    """Return JSON as text without white space between its tokens; what is not given is null."""
    return _compact([value or None for value in values])
