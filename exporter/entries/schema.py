"""The table: one row per entry, the same columns in Parquet, CSV and JSONL."""

from dataclasses import dataclass

import pyarrow as pa

VERSION = "1"
"""Version of the table, carried in the Parquet metadata; a column added or changed raises it."""

CHANGES = pa.list_(
    pa.struct([pa.field("field", pa.string()), pa.field("old", pa.string()), pa.field("new", pa.string())])
)
"""Arrow type of ``changes``: one struct per changed field; ``old`` and ``new`` are JSON text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of the table."""

    name: str
    """Name in all three formats."""

    type: pa.DataType
    """Arrow type; CSV and JSONL write it as text."""

    description: str
    """What it holds, for the reader of a bundle."""

    required: bool = False
    """Whether a row without it is refused."""


COLUMNS = (
    Column(name="id", type=pa.string(), required=True, description="The entry's id, unique in the log."),
    Column(
        name="timestamp",
        type=pa.timestamp("us", tz="UTC"),
        required=True,
        description="When the action happened, in UTC, cut to microseconds.",
    ),
    Column(name="organization_id", type=pa.string(), description="The organization the log belongs to."),
    Column(name="actor_id", type=pa.string(), description="Id of the user or service that acted."),
    Column(name="actor_email", type=pa.string(), description="E-mail address of the actor."),
    Column(name="actor_type", type=pa.string(), description="Kind of actor, as the platform names it."),
    Column(name="ip_address", type=pa.string(), description="Address that the request came from."),
    Column(name="user_agent", type=pa.string(), description="Program that sent the request."),
    Column(name="action", type=pa.string(), required=True, description="What was done."),
    Column(name="resource_type", type=pa.string(), description="Kind of thing that was acted on."),
    Column(name="resource_id", type=pa.string(), description="Id of the thing that was acted on."),
    Column(name="resource_name", type=pa.string(), description="Name of the thing that was acted on."),
    Column(name="request_id", type=pa.string(), description="Ties the entry to the API's access log."),
    Column(
        name="changes",
        type=CHANGES,
        description="What changed, field by field; old and new values are JSON text.",
    ),
    Column(name="metadata", type=pa.string(), description="The entry's metadata, as JSON text."),
    Column(name="extra", type=pa.string(), description="Every field no other column holds, as JSON text."),
    Column(
        name="source_sha256",
        type=pa.string(),
        description="SHA-256 of the entry's bytes as received, 64 hexadecimal digits.",
    ),
)

SCHEMA = pa.schema(
    [
        pa.field(column.name, column.type, nullable=not column.required).with_metadata(
            {"description": column.description}
        )
        for column in COLUMNS
    ],
    metadata={"audit-export.schema": VERSION},
)
"""The Arrow schema of the table, every column documented in its field metadata."""
