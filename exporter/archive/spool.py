"""Batches of rows in one Arrow file beside the bundle, for as long as they are needed.

What would take more memory than it should, DuckDB does within bounds. It is imported where it is asked, since
most exports never ask it.
"""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from math import isqrt
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from exporter.entries.schema import SCHEMA

if TYPE_CHECKING:
    import duckdb

_MOVED = "SELECT id FROM spool GROUP BY id HAVING min(timestamp) < max(timestamp)"
_SORTED = "SELECT * FROM spool ORDER BY timestamp, id, source_sha256"
_LEAST = 128  # MiB that a database may take
_BUFFER = 1 << 20
_ROWS = 4_096
_COPIES, _AROUND = 3, 128  # of each id, and bytes of other things a row, that it takes to compare all ids


class Spool:
    """A new file of batches; they are read when all have been added."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._sink = pa.output_stream(str(path), buffer_size=_BUFFER)
        self._writer = pa.ipc.new_file(self._sink, SCHEMA)
        self._compared = 0

    def add(self, batch: pa.RecordBatch) -> None:
        """Append a batch."""
        self._writer.write_batch(batch)
        self._compared += _COPIES * batch["id"].nbytes + _AROUND * batch.num_rows

    @contextmanager
    def opened(self, *columns: str) -> Iterator[pa.ipc.RecordBatchFileReader]:
        """Read the batches, or these columns of them; nothing can be added any more."""
        self._end()
        options = pa.ipc.IpcReadOptions(included_fields=[SCHEMA.get_field_index(name) for name in columns])
        with pa.OSFile(str(self._path)) as source:
            yield pa.ipc.open_file(source, options=options)

    def moved(self, *, held: int) -> frozenset[str]:
        """Find the ids that came with more than one time: in ``held`` bytes of memory, or on the disk."""
        if not self._compared:
            return frozenset()
        if self._compared <= held:
            return self._moved_in_memory()
        with self._database("id", "timestamp", memory=_LEAST) as database:
            return frozenset(id_ for (id_,) in database.execute(_MOVED).fetchall())

    def _moved_in_memory(self) -> frozenset[str]:
        """Hold the time of every row against that of the last row with its id."""
        with self.opened("id", "timestamp") as reader:
            batches = map(reader.get_batch, range(reader.num_record_batches))
            copied = [pa.concat_batches([batch]) for batch in batches]  # apart from the columns left unread
        rows = pa.concat_batches(copied)
        ids = rows["id"].dictionary_encode()
        last = pc.inverse_permutation(ids.indices, max_index=len(ids.dictionary) - 1)
        moved = pc.not_equal(rows["timestamp"], rows["timestamp"].take(last).take(ids.indices))
        return frozenset(rows["id"].filter(moved).to_pylist())

    def sorted(self) -> Iterator[pa.RecordBatch]:
        """Yield the rows ascending by (timestamp, id, source_sha256), sorted on the disk."""
        self._end()
        with self._database(memory=_memory(self._path.stat().st_size)) as database:
            yield from database.sql(_SORTED).to_arrow_reader(_ROWS)

    @contextmanager
    def _database(self, *columns: str, memory: int) -> Iterator["duckdb.DuckDBPyConnection"]:
        """Open a database of so many MiB that sees the batches, or these columns of them, as ``spool``."""
        import duckdb  # noqa: PLC0415 - most exports ask no database

        bounds: dict[str, str | bool | int | float | list[str]] = {
            "memory_limit": f"{memory}MiB",
            "threads": 1,  # each holds memory of its own
            "temp_directory": str(self._path.with_suffix(".spill")),
        }
        with self.opened(*columns) as reader, duckdb.connect(config=bounds) as database:
            database.execute("SET TimeZone = 'UTC'")
            batches = map(reader.get_batch, range(reader.num_record_batches))
            database.register("spool", pa.RecordBatchReader.from_batches(reader.schema, batches))
            yield database

    def _end(self) -> None:
        if not self._sink.closed:
            with closing(self._sink):
                self._writer.close()

    def close(self) -> None:
        """Remove the file."""
        try:
            self._end()
        finally:
            self._path.unlink(missing_ok=True)


def _memory(size: int) -> int:
    """Return how many MiB it takes to sort a spool of ``size`` bytes, and a half more.

    Sorting on the disk makes the fewer runs the more memory it has, and holds a block of each while it merges
    them: what it takes grows with the square root of the size.
    """
    return max(_LEAST, 6 * isqrt(size >> 20))
