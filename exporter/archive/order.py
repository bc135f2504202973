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
from types import TracebackType
from typing import Self

import pyarrow as pa
import pyarrow.compute as pc

from exporter.entries.schema import SCHEMA

_ORDER = [("timestamp", "ascending"), ("id", "ascending"), ("source_sha256", "ascending")]


class Runs:
    """The runs of one export, spooled to ``path``; a context manager that closes the spool."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._sink = pa.OSFile(str(path), "wb")
        self._writer = pa.ipc.new_file(self._sink, SCHEMA)
        self._starts: list[datetime] = []
        self.repeated = 0
        """Rows that were the same entry again, byte for byte."""
        self.conflicts: list[str] = []
        """Ids that came with two different bodies; the one with the smallest digest was kept."""

    def add(self, batch: pa.RecordBatch) -> None:
        """Spool the rows of one page; they may be in any order and may repeat."""
        if batch.num_rows == 0:
            return
        run = batch.sort_by(_ORDER)
        self._writer.write_batch(run)
        self._starts.append(run["timestamp"][0].as_py())

    def merged(self) -> Iterator[pa.Table]:
        """Yield all rows ascending by (timestamp, id), one per id, in tables of no particular size."""
        self._close()
        with pa.memory_map(str(self._path)) as source:
            reader = pa.ipc.open_file(source)
            order = sorted(range(len(self._starts)), key=self._starts.__getitem__)
            pending = SCHEMA.empty_table()
            for run, following in zip_longest(order, order[1:]):
                arrived = pa.Table.from_batches([reader.get_batch(run)])
                pending = pa.concat_tables([pending, arrived]).sort_by(_ORDER)
                if following is None:
                    yield self._unique(pending)
                    return
                ready = pc.sum(pc.less(pending["timestamp"], self._starts[following])).as_py() or 0
                if ready:
                    yield self._unique(pending.slice(0, ready))
                    pending = pending.slice(ready).combine_chunks()

    def _unique(self, rows: pa.Table) -> pa.Table:
        if rows.num_rows < len(("one", "two")):
            return rows
        first, second = rows.slice(0, rows.num_rows - 1), rows.slice(1)
        same_id = pc.and_(
            pc.equal(first["id"], second["id"]), pc.equal(first["timestamp"], second["timestamp"])
        )
        same_body = pc.equal(first["source_sha256"], second["source_sha256"])
        conflicting = pc.and_(same_id, pc.invert(same_body))
        self.conflicts.extend(second.filter(conflicting)["id"].to_pylist())
        self.repeated += pc.sum(pc.and_(same_id, same_body)).as_py()
        keep = pa.concat_arrays([pa.array([True]), *pc.invert(same_id).chunks])
        return rows.filter(keep)

    def _close(self) -> None:
        if not self._sink.closed:
            self._writer.close()
            self._sink.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._close()
        self._path.unlink(missing_ok=True)
