"""The body of a list response: where the entries are, and what the platform says of them.

Accepted shapes: a bare array; an object that holds the array as ``audit_logs``, ``entries`` or ``data``; and
the envelope ``{"error", "message", "count", "data"}`` around either. An empty list may come as ``null``, as
Go writes it, and a byte-order mark is passed over (RFC 8259, section 8.1). Entries in two lists are refused:
those of one would be overlooked. Halves of characters in escapes are overlooked here, and so is how deep an
entry is nested. Entries are kept as the bytes that were received, so that each can be hashed before anything
reads it.
"""

import codecs
from dataclasses import dataclass, replace

import msgspec
import pyarrow as pa

from exporter.entries.depth import without_depths
from exporter.entries.surrogates import without_halves
from exporter.errors import SourceError

ENTRY_KEYS = ("audit_logs", "entries", "data")
"""Keys that may hold the list, the first that is given."""

UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError)
"""What reading JSON raises where it is none, or not of the shape that was asked for."""

SEVERAL = "there are several lists in it"
"""What is said of a body that has entries in more than one place, or beside an empty list."""

_NOTHING = msgspec.Raw()


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """One list response, taken apart."""

    entries: list[msgspec.Raw]
    """The entries, in the order received, each the bytes it came as."""

    total: int | None
    """How many entries the platform says there are, where it says so."""

    limit: int | None
    """The limit the platform says it applied, where it says so."""


class _Object(msgspec.Struct):
    error: msgspec.Raw = _NOTHING
    message: msgspec.Raw = _NOTHING
    data: msgspec.Raw = _NOTHING
    audit_logs: msgspec.Raw = _NOTHING
    entries: msgspec.Raw = _NOTHING
    total: msgspec.Raw = _NOTHING
    limit: msgspec.Raw = _NOTHING
    offset: msgspec.Raw = _NOTHING


class _Numbers(msgspec.Struct):
    total: int | None = None
    limit: int | None = None
    offset: int | None = None  # nothing looks at it, but the format says what it has to be


class _Listing(_Numbers, kw_only=True):
    audit_logs: list[msgspec.Raw]
    entries: msgspec.Raw = _NOTHING
    data: msgspec.Raw = _NOTHING


class _Usual(msgspec.Struct):
    """What the public client reads, taken apart in one go."""

    data: _Listing
    error: bool = False
    audit_logs: msgspec.Raw = _NOTHING
    entries: msgspec.Raw = _NOTHING

    @property
    def is_clear(self) -> bool:
        """Whether it states no failure, and has one list alone."""
        others = (self.audit_logs, self.entries, self.data.entries, self.data.data)
        return not self.error and not any(others)


_usual = msgspec.json.Decoder(_Usual)
_object = msgspec.json.Decoder(_Object)
_array = msgspec.json.Decoder(list[msgspec.Raw] | None)
_numbers = msgspec.json.Decoder(_Numbers)
_string = msgspec.json.Decoder(str)


def parse_list(body: bytes) -> Body:
    """Take a list response apart.

    Raises :class:`SourceError` when the body is not JSON of a known shape, or says ``"error": true``.
    """
    try:
        return _parse_whole(body.removeprefix(codecs.BOM_UTF8))
    except UNREADABLE as error:
        raise not_a_list(error) from error


def not_a_list(reason: object) -> SourceError:
    """Make the error for a body that is no list of entries, or none that can be read."""
    return _not("a list of audit entries", reason)


def _not(what: str, reason: object) -> SourceError:
    return SourceError(
        f"The platform answered with something that is not {what} ({reason}).",
        "Check --api-url; a proxy or a sign-in page may be answering in the platform's place.",
    )


def parse_entry(body: bytes) -> msgspec.Raw:
    """Return the one entry of a single-entry response, bare or inside the envelope's ``data``.

    Raises :class:`SourceError` as :func:`parse_list` does.
    """
    body = body.removeprefix(codecs.BOM_UTF8)
    try:
        body.decode()
        readable = without_depths(without_halves(body))
        envelope = _object.decode(readable)
    except UNREADABLE as error:
        raise _not("an audit entry", error) from error
    _refuse_failure(envelope)
    if not _is_given(envelope.data):
        return msgspec.Raw(body)
    (entry,) = _as_received([envelope.data], readable, body)
    return entry


def _parse_whole(body: bytes) -> Body:
    try:
        return _parse(body)
    except (RecursionError, msgspec.DecodeError):
        readable = without_depths(without_halves(body))
        if readable == body:
            raise
    parsed = _parse(readable)
    return replace(parsed, entries=_as_received(parsed.entries, readable, body))


def _as_received(entries: list[msgspec.Raw], readable: bytes, body: bytes) -> list[msgspec.Raw]:
    """Return the same stretches of ``body`` as ``entries``, views into ``readable``, which is as long."""
    begin = pa.py_buffer(readable).address  # not by what an entry says, which may stand elsewhere too
    stretches = [(pa.py_buffer(entry).address - begin, len(memoryview(entry))) for entry in entries]
    return [msgspec.Raw(body[at : at + size]) for at, size in stretches]


def _parse(body: bytes) -> Body:
    try:
        usual = _usual.decode(body)
    except msgspec.ValidationError:
        usual = None
    if usual is not None and usual.is_clear:
        data = usual.data
        return Body(entries=data.audit_logs, total=data.total, limit=data.limit)
    if _is_array(body):
        return Body(entries=_array.decode(body) or [], total=None, limit=None)
    envelope = _object.decode(body)
    _refuse_failure(envelope)
    inner, outer = envelope, []
    if _is_given(envelope.data) and not _is_array(bytes(envelope.data)):
        inner, outer = _object.decode(envelope.data), [envelope.audit_logs, envelope.entries]
    lists = [raw for raw in (getattr(inner, key) for key in ENTRY_KEYS) if bytes(raw)]
    if not lists:
        raise msgspec.ValidationError(f"no {', '.join(ENTRY_KEYS)} in it")
    found = next(filter(_is_given, lists), lists[0])
    if any(_is_array(bytes(raw)) and _array.decode(raw) for raw in (*lists, *outer) if raw is not found):
        raise msgspec.ValidationError(SEVERAL)
    numbers = [raw or b"null" for raw in (inner.total, inner.limit, inner.offset)]
    said = _numbers.decode(b'{"total":%b,"limit":%b,"offset":%b}' % tuple(numbers))
    return Body(entries=_array.decode(found) or [], total=said.total, limit=said.limit)


def _is_given(raw: msgspec.Raw) -> bool:
    return bytes(raw) not in (b"", b"null")


def _is_array(body: bytes) -> bool:
    return body.lstrip()[:1] == b"["


def _refuse_failure(envelope: _Object) -> None:
    if _is_given(envelope.error) and bytes(envelope.error) != b"false":
        given = (raw for raw in (envelope.message, envelope.error) if bytes(raw)[:1] == b'"')
        told = next(filter(None, map(_string.decode, given)), "no message given")
        raise SourceError(
            f"The platform reports a failure: {told}.",
            "Try again later; if it persists, ask the platform's support with this message.",
        )
