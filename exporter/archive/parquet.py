"""The table as Parquet.

The settings are measured ones: zstd level 1, whose files are no larger here than those of level 3, row groups
of 65,536 rows, dictionaries only where values repeat, delta encodings on ``timestamp`` and on the lengths of
``id`` and ``source_sha256``, a Bloom filter on ``id`` and the page index. Random ids share no beginnings: to
encode those took longer, in writing and in every query, and more bytes. Chunks are combined before each row
group, since their number would otherwise change the bytes.
"""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from exporter.archive.files import HashingFile, Written
from exporter.entries.schema import SCHEMA

ROW_GROUP = 65_536
"""Rows in a row group; the last may have fewer."""

_REPEATING = [
    "organization_id",
    "actor_id",
    "actor_email",
    "actor_type",
    "ip_address",
    "user_agent",
    "action",
    "resource_type",
    "resource_id",
    "resource_name",
    "changes.list.element.field",
]
SETTINGS = {
    "compression": "zstd",
    "compression_level": 1,
    "use_dictionary": _REPEATING,
    "column_encoding": {
        "id": "DELTA_LENGTH_BYTE_ARRAY",
        "timestamp": "DELTA_BINARY_PACKED",
        "source_sha256": "DELTA_LENGTH_BYTE_ARRAY",
    },
    "write_page_index": True,
    "bloom_filter_options": {"id": {"ndv": ROW_GROUP, "fpp": 0.01}},
}
"""What pyarrow's writer is told."""


def refuse_other_schema(path: Path) -> None:
    """Raise ``ValueError`` or what pyarrow does where a file is no Parquet file of the table."""
    if not pq.read_schema(path).equals(SCHEMA):
        raise ValueError(f"{path.name} has other columns than the table")


class ParquetWriter:
    """Writes tables to one Parquet file, a row group whenever enough rows have gathered."""

    def __init__(self, file: HashingFile, schema: pa.Schema) -> None:
        self._file = file
        self._rows = 0
        self._gathered = schema.empty_table()
        self._writer = pq.ParquetWriter(
            pa.PythonFile(file, mode="w"),
            schema,
            **SETTINGS,
        )

    def write(self, table: pa.Table) -> None:
        """Append the rows of ``table``."""
        arrived = table.replace_schema_metadata(self._gathered.schema.metadata)
        self._gathered = pa.concat_tables([self._gathered, arrived])
        while self._gathered.num_rows >= ROW_GROUP:
            self._write_group()

    def close(self) -> None:
        """Close the file, finished or not; closing twice does nothing."""
        if not self._file.closed:
            self._writer.close()
            self._file.close()

    def finish(self) -> Written:
        """Write what has gathered, close the file and describe it."""
        if self._gathered.num_rows:
            self._write_group()
        self.close()
        return self._file.written(self._rows)

    def _write_group(self) -> None:
        group = self._gathered.slice(0, ROW_GROUP).combine_chunks()
        self._gathered = self._gathered.slice(ROW_GROUP)
        self._writer.write_table(group, row_group_size=ROW_GROUP)
        self._rows += group.num_rows
