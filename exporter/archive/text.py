"""The two columns that Parquet holds as types and text formats write as text."""

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from exporter.entries.literals import content_of, ends, flag, joined, number

_TO_ESCAPE = r'["\\\x00-\x1f]'
_SPACE = 0x20
"""The first byte that is no control character."""


def as_text(table: pa.Table) -> pa.Table:
    """Return ``table`` with ``timestamp`` as RFC 3339 text in microseconds and ``changes`` as JSON text.

    A change whose old or new value was not given lacks that key, so that it stays apart from JSON's null.
    """
    for name, write in (("timestamp", _moments), ("changes", _changes)):
        text = pa.chunked_array([write(chunk) for chunk in table[name].chunks], pa.string())
        table = table.set_column(table.schema.get_field_index(name), name, text)
    return table


def escaped(texts: pa.StringArray) -> pa.StringArray:
    """Write texts as JSON strings without their quotes (RFC 8259, section 7), escaping what has to be."""
    if _is_plain(content_of(texts)):
        return texts
    special = pc.fill_null(pc.match_substring_regex(texts, _TO_ESCAPE), flag(False))
    written = [msgspec.json.encode(text)[1:-1] for text in texts.filter(special).to_pylist()]
    return pc.replace_with_mask(texts, special, pa.array(written, pa.string()))


def _is_plain(content: memoryview) -> bool:
    """Tell whether nothing in the content of some texts has to be escaped."""
    if not content:
        return True
    numbers = pa.Array.from_buffers(pa.uint8(), len(content), [None, pa.py_buffer(content)])
    least: int = pc.min_max(numbers)["min"].as_py()
    held = bytes(content)
    return least >= _SPACE and b'"' not in held and b"\\" not in held


def _moments(moments: pa.TimestampArray) -> pa.StringArray:
    """Write times in UTC; a tenth of the time that ``strftime`` takes."""
    zoneless = moments.cast(pa.int64()).cast(pa.timestamp("us")).cast(pa.string())
    return joined(pc.binary_replace_slice(zoneless, len("2026-01-01"), len("2026-01-01 "), "T"), "Z")


def _changes(changes: pa.ListArray) -> pa.Array:
    fields, olds, news = changes.flatten().flatten()
    sides = (piece for name, side in (("old", olds), ("new", news)) for piece in _side(f',"{name}":', side))
    objects = joined('{"field":"', escaped(fields), '"', *sides, "}")
    places = ends(pc.fill_null(pc.list_value_length(changes), number(0)))
    lists = pa.ListArray.from_arrays(places, objects, mask=changes.is_null())
    return joined("[", pc.binary_join(lists, ","), "]")


def _side(key: str, values: pa.StringArray) -> list[pa.StringArray | str]:
    """Return what to write of one side of all changes; where it is not given, not the key either."""
    if values.null_count:
        return [pc.fill_null(joined(key, values), "")]
    return [key, values]
