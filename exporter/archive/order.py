"""Pages in any order of arrival into one ascending sequence without repeats, in bounded memory.

Every page becomes a sorted *run* in an Arrow file beside the bundle. Runs are then taken in the order of
their earliest entry; whatever is older than the earliest entry of the next run can be written out, since
nothing still to come can precede it. Memory is bounded by the runs that overlap at one instant: two for a log
that is read newest first, one for each slice where slices are united.
"""

from collections.abc import Iterator
from datetime import datetime
from itertools import zip_longest
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from exporter.entries.compare import same_content
from exporter.entries.schema import SCHEMA

_ORDER = [("timestamp", "ascending"), ("id", "ascending"), ("source_sha256", "ascending")]
_MOVED = "SELECT id FROM runs GROUP BY id HAVING min(timestamp) < max(timestamp)"
_MEMORY = "128MB"


class Runs:
    """The runs of one export, spooled to ``path`` until they are closed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._sink = pa.OSFile(str(path), "wb")
        self._writer = pa.ipc.new_file(self._sink, SCHEMA)
        self._starts: list[datetime] = []
        self.repeated = 0
        """Rows that were the same entry again, byte for byte."""
        self.conflicts: list[str] = []
        """The id of every row that was left out because its id had come with another content.

        The earliest is kept, and of several at one time the one with the smallest digest.
        """
        self.rewritten = 0
        """Rows that were left out because only their bytes differed: the same content, written otherwise."""

    def add(self, batch: pa.RecordBatch) -> None:
        """Spool the rows of one page; they may be in any order and may repeat."""
        if batch.num_rows == 0:
            return
        run = batch.sort_by(_ORDER)
        self._writer.write_batch(run)
        self._starts.append(run["timestamp"][0].as_py())

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield the runs as they were spooled, in the order in which their pages came."""
        self._close()
        with pa.OSFile(str(self._path)) as source:
            reader = pa.ipc.open_file(source)
            for run in range(reader.num_record_batches):
                yield reader.get_batch(run)

    def merged(self) -> Iterator[pa.Table]:
        """Yield all rows ascending by (timestamp, id), one per id, in tables of no particular size."""
        self._close()
        moved = self._moved()
        with pa.OSFile(str(self._path)) as source:
            reader = pa.ipc.open_file(source)
            met: set[str] = set()
            for rows in self._ordered(reader):
                kept = self._first_of(moved, met, self._unique(rows))
                if kept.num_rows:
                    yield kept

    def _ordered(self, reader: pa.ipc.RecordBatchFileReader) -> Iterator[pa.Table]:
        order = sorted(range(len(self._starts)), key=self._starts.__getitem__)
        pending = SCHEMA.empty_table()
        for run, following in zip_longest(order, order[1:]):
            arrived = pa.Table.from_batches([reader.get_batch(run)])
            pending = pa.concat_tables([pending, arrived]).sort_by(_ORDER)
            if following is None:
                yield pending
                return
            ready = pc.sum(pc.less(pending["timestamp"], self._starts[following])).as_py() or 0
            if ready:
                yield pending.slice(0, ready)
                pending = pending.slice(ready).combine_chunks()

    def _moved(self) -> frozenset[str]:
        """Find the ids that came with more than one time: their rows do not meet in the order."""
        columns = [SCHEMA.get_field_index(name) for name in ("id", "timestamp")]
        options = pa.ipc.IpcReadOptions(included_fields=columns)
        spill = str(self._path.with_suffix(".spill"))
        with (
            pa.OSFile(str(self._path)) as source,
            duckdb.connect(config={"memory_limit": _MEMORY, "temp_directory": spill}) as database,
        ):
            reader = pa.ipc.open_file(source, options=options)
            batches = (reader.get_batch(run) for run in range(reader.num_record_batches))
            database.register("runs", pa.RecordBatchReader.from_batches(reader.schema, batches))
            return frozenset(id_ for (id_,) in database.execute(_MOVED).fetchall())

    def _first_of(self, moved: frozenset[str], met: set[str], rows: pa.Table) -> pa.Table:
        """Keep the first row of each id that moved; ``met`` are those that had theirs."""
        if not moved:
            return rows
        keep = []
        for id_ in rows["id"].to_pylist():
            keep.append(id_ not in met)
            if id_ in met:
                self.conflicts.append(id_)
            elif id_ in moved:
                met.add(id_)
        return rows.filter(pa.array(keep))

    def _unique(self, rows: pa.Table) -> pa.Table:
        if rows.num_rows < len(("one", "two")):
            return rows
        first, second = rows.slice(0, rows.num_rows - 1), rows.slice(1)
        same_id = pc.and_(
            pc.equal(first["id"], second["id"]), pc.equal(first["timestamp"], second["timestamp"])
        )
        same_body = pc.equal(first["source_sha256"], second["source_sha256"])
        self._judge(first, second, pc.and_(same_id, pc.invert(same_body)))
        self.repeated += pc.sum(pc.and_(same_id, same_body)).as_py()
        keep = pa.concat_arrays([pa.array([True]), *pc.invert(same_id).chunks])
        return rows.filter(keep)

    def _judge(self, first: pa.Table, second: pa.Table, differing: pa.ChunkedArray) -> None:
        """Tell rows of other bytes only from those of another content than the row before."""
        pairs = zip(first.filter(differing).to_pylist(), second.filter(differing).to_pylist(), strict=True)
        for before, after in pairs:
            if same_content(before, after):
                self.rewritten += 1
            else:
                self.conflicts.append(after["id"])

    def _close(self) -> None:
        if not self._sink.closed:
            self._writer.close()
            self._sink.close()

    def close(self) -> None:
        """Remove the spool."""
        self._close()
        self._path.unlink(missing_ok=True)
