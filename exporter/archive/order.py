"""Pages in any order of arrival into one ascending sequence without repeats, in bounded memory.

Every page becomes a *run* in an Arrow file beside the bundle. Runs are then taken in the order of their
earliest entry; whatever is older than the earliest entry of the next run can be written out, since nothing
still to come can precede it. That holds little of a log that is read newest first, or in slices. Where more
runs overlap at one instant than should be held in memory, DuckDB sorts the spool instead, on the disk.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import zip_longest
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from exporter.archive.moved import moved_ids
from exporter.archive.spool import Spool
from exporter.entries.compare import content_of
from exporter.entries.literals import flags
from exporter.entries.schema import SCHEMA

_ORDER = [("timestamp", "ascending"), ("id", "ascending"), ("source_sha256", "ascending")]
_HELD = 64 << 20  # bytes
_TOGETHER = 2 << 20  # bytes of runs that are sorted at once: one run at a time would be many small tables


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """The rows of one page in the spool."""

    first: int
    """Time of its earliest row, in microseconds since 1970."""

    last: int
    """Time of its latest row, likewise."""

    size: int
    """Bytes it takes in memory."""

    place: int
    """Which of the spool's batches it is."""


class Runs:
    """The runs of one export, spooled to ``path`` until they are closed.

    ``elsewhere`` are the ids and times of what was received besides. ``held`` is how many bytes of
    overlapping runs may be held in memory.
    """

    def __init__(self, path: Path, *elsewhere: Spool, held: int = _HELD) -> None:
        self._held = held
        self._spool = Spool(path)
        self._elsewhere = elsewhere
        self._runs: list[_Run] = []
        self.repeated = 0
        """Rows that were the same entry again, byte for byte."""
        self.conflicts: list[str] = []
        """The id of every row that was left out because its id had come with another content.

        The earliest is kept, and of several at one time the one with the smallest digest.
        """
        self.strays: set[str] = set()
        """The id of every row that had come elsewhere as well, with another time."""
        self.rewritten = 0
        """Rows that were left out because only their bytes differed: the same content, written otherwise."""

    def add(self, batch: pa.RecordBatch) -> None:
        """Spool the rows of one page; they may be in any order and may repeat."""
        if batch.num_rows == 0:
            return
        self._spool.add(batch)
        edges = pc.min_max(batch["timestamp"])
        self._runs.append(
            _Run(first=edges["min"].value, last=edges["max"].value, size=batch.nbytes, place=len(self._runs))
        )

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield the runs as they were spooled, in the order in which their pages came."""
        with self._spool.opened() as reader:
            for run in range(reader.num_record_batches):
                yield reader.get_batch(run)

    def merged(self) -> Iterator[pa.Table]:
        """Yield all rows ascending by (timestamp, id), one per id, in tables of no particular size."""
        if not self._runs:
            return
        moved = moved_ids(self._spool, *self._elsewhere)
        met: set[str] = set()
        order = sorted(self._runs, key=lambda run: run.first)
        for rows in self._sorted() if _overlapping(order) > self._held else self._streamed(order):
            kept = self._first_of(moved, met, self._unique(rows))
            if kept.num_rows:
                yield kept
        self.strays = met.difference(self.conflicts)

    def _streamed(self, order: list[_Run]) -> Iterator[pa.Table]:
        """Yield all rows in order, rows of one instant together, holding the runs that overlap."""
        pending = [SCHEMA.empty_table()]
        gathered = 0
        with self._spool.opened() as reader:
            for run, following in zip_longest(order, order[1:]):
                arrived = reader.get_batch(run.place)
                pending.append(pa.Table.from_batches([arrived]))
                gathered += run.size
                if following is not None and gathered < _TOGETHER:
                    continue
                rows = pa.concat_tables(pending).sort_by(_ORDER)
                ready = rows.num_rows if following is None else _earlier(rows, following.first)
                if ready:
                    yield rows.slice(0, ready)
                pending, gathered = [rows.slice(ready).combine_chunks()], 0

    def _sorted(self) -> Iterator[pa.Table]:
        """Yield all rows in order, rows of one instant together, as DuckDB sorts them."""
        pending = SCHEMA.empty_table()
        for batch in self._spool.sorted():
            rows = pa.concat_tables([pending, pa.Table.from_batches([batch]).cast(SCHEMA)])
            ready = _earlier(rows, rows["timestamp"][-1].value)
            if ready:
                yield rows.slice(0, ready)
            pending = rows.slice(ready).combine_chunks()
        yield pending

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
        return rows.filter(flags(keep))

    def _unique(self, rows: pa.Table) -> pa.Table:
        if rows.num_rows <= 1:
            return rows
        first, second = rows.slice(0, rows.num_rows - 1), rows.slice(1)
        same_id = pc.and_(
            pc.equal(first["id"], second["id"]), pc.equal(first["timestamp"], second["timestamp"])
        )
        if not pc.any(same_id).as_py():
            return rows
        same_body = pc.equal(first["source_sha256"], second["source_sha256"])
        self._judge(first, second, pc.and_(same_id, pc.invert(same_body)))
        self.repeated += pc.sum(pc.and_(same_id, same_body)).as_py()
        keep = pa.concat_arrays([flags([True]), *pc.invert(same_id).chunks])
        return rows.filter(keep)

    def _judge(self, first: pa.Table, second: pa.Table, differing: pa.ChunkedArray) -> None:
        """Tell rows whose content another of their id and time has from those of a content of their own."""
        pairs = zip(first.filter(differing).to_pylist(), second.filter(differing).to_pylist(), strict=True)
        judged, met = None, set[str]()
        for before, after in pairs:
            place = after["id"], after["timestamp"]
            if place != judged:
                judged, met = place, {content_of(before)}
            content = content_of(after)
            if content in met:
                self.rewritten += 1
            else:
                self.conflicts.append(after["id"])
            met.add(content)

    def close(self) -> None:
        """Remove the spool."""
        self._spool.close()


def _overlapping(order: list[_Run]) -> int:
    """Return the bytes of the runs that overlap at one instant, at most; ``order`` is by start."""
    open_runs: list[tuple[int, int]] = []
    held = most = 0
    for run in order:
        while open_runs and open_runs[0][0] < run.first:
            held -= heappop(open_runs)[1]
        heappush(open_runs, (run.last, run.size))
        held += run.size
        most = max(most, held)
    return most


def _earlier(rows: pa.Table, moment: int) -> int:
    """Return how many of the sorted ``rows`` are earlier than a time in microseconds since 1970."""
    earlier = pc.less(rows["timestamp"], pa.scalar(moment, rows["timestamp"].type))
    return pc.sum(earlier).as_py() or 0
