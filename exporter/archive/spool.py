"""Batches of rows in one Arrow file beside the bundle, for as long as they are needed.

DuckDB sorts them on the disk, where that is asked for. It is imported there, since most exports never ask.
"""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from math import isqrt
from pathlib import Path

import pyarrow as pa

from exporter.entries.schema import SCHEMA
from exporter.errors import OutputError

_SORTED = "SELECT * FROM spool ORDER BY timestamp, id, source_sha256"
_LEAST = 128  # MiB that a database may take
_BUFFER = 1 << 20  # bytes that are written to the file at a time
_ROWS = 4_096  # in a batch of the sorted answer


class Spool:
    """A new file of batches with ``schema``; they are read when all have been added."""

    def __init__(self, path: Path, schema: pa.Schema = SCHEMA) -> None:
        self.folder = path.parent
        """Where the file lies, and what is too large for memory may."""
        self._path = path
        self._schema = schema
        self._sink = pa.output_stream(str(path), buffer_size=_BUFFER)
        self._writer = pa.ipc.new_file(self._sink, schema)
        self.rows = 0
        """Rows in all batches."""
        self.ids = 0
        """Bytes of their ids."""

    def add(self, batch: pa.RecordBatch) -> None:
        """Append a batch."""
        self._writer.write_batch(batch)
        self.rows += batch.num_rows
        self.ids += batch["id"].nbytes

    @contextmanager
    def opened(self, *columns: str) -> Iterator[pa.ipc.RecordBatchFileReader]:
        """Read the batches, or these columns of them; nothing can be added any more."""
        self._end()
        options = pa.ipc.IpcReadOptions(
            included_fields=[self._schema.get_field_index(name) for name in columns]
        )
        with pa.OSFile(str(self._path)) as source:
            yield pa.ipc.open_file(source, options=options)

    def sorted(self) -> Iterator[pa.RecordBatch]:
        """Yield the rows ascending by (timestamp, id, source_sha256), sorted on the disk.

        Raises :class:`~exporter.errors.OutputError` where that has no room to sort them.
        """
        import duckdb  # noqa: PLC0415 - see above

        with self.opened() as reader:
            bounds: dict[str, str | bool | int | float | list[str]] = {
                "memory_limit": f"{_memory(self._path.stat().st_size)}MiB",
                "threads": 1,  # each holds memory of its own
                "temp_directory": str(self._path.with_suffix(".spill")),
            }
            with duckdb.connect(config=bounds) as database:
                database.execute("SET TimeZone = 'UTC'")
                batches = map(reader.get_batch, range(reader.num_record_batches))
                database.register("spool", pa.RecordBatchReader.from_batches(reader.schema, batches))
                try:
                    yield from database.sql(_SORTED).to_arrow_reader(_ROWS)
                except (duckdb.IOException, duckdb.OutOfMemoryException) as error:
                    reason = str(error).partition("\n")[0].rstrip(".")
                    raise OutputError(
                        f"The entries could not be sorted on the disk ({reason}).",
                        "Make room, then run the same command again.",
                    ) from error

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
