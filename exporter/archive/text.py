"""The two columns that Parquet holds as types and text formats write as text."""

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from exporter.entries.changes import Change

_encoder = msgspec.json.Encoder()


def as_text(table: pa.Table) -> pa.Table:
    """Return ``table`` with ``timestamp`` as RFC 3339 text in microseconds and ``changes`` as JSON text.

    A change whose old or new value was not given lacks that key, so that it stays apart from JSON's null.
    """
    moments = pc.strftime(table["timestamp"], "%Y-%m-%dT%H:%M:%SZ")
    changes = pa.array(map(_changes_text, table["changes"].to_pylist()), type=pa.string())
    table = table.set_column(table.schema.get_field_index("timestamp"), "timestamp", moments)
    return table.set_column(table.schema.get_field_index("changes"), "changes", changes)


def _changes_text(changes: list[Change] | None) -> str | None:
    if changes is None:
        return None
    return _encoder.encode([_change(change) for change in changes]).decode()


def _change(change: Change) -> dict[str, str | msgspec.Raw | None]:
    values = {name: msgspec.Raw(text) for name in ("old", "new") if (text := change[name]) is not None}
    return {"field": change["field"], **values}
