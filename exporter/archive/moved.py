"""Ids that came with more than one time, found in bounded memory.

Each id is compared with all others, wherever they lie. Where that would take too much memory, the rows are
first partitioned into files by the hash of their id, and the ids of one file are compared at a time.
"""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from itertools import chain
from pathlib import Path
from tempfile import TemporaryFile

import pyarrow as pa
import pyarrow.compute as pc

from exporter.archive.spool import Spool
from exporter.entries.literals import number, numbers
from exporter.entries.schema import SCHEMA

PLACES = pa.schema([SCHEMA.field("id"), SCHEMA.field("timestamp")], metadata=SCHEMA.metadata)
"""The columns that are looked at; a spool may have more."""

_HELD = 96 << 20  # bytes
_COPIES, _AROUND = 3, 128  # of each id, and bytes of other things a row, that it takes to compare them
_TOGETHER = 16  # batches; one at a time, each would leave a few rows in every part


def moved_ids(*spools: Spool, held: int = _HELD) -> frozenset[str]:
    """Find the ids in all ``spools`` that came with more than one time, in ``held`` bytes of memory."""
    filled = [spool for spool in spools if spool.rows]
    if not filled:
        return frozenset()
    parts = 1 + sum(_COPIES * spool.ids + _AROUND * spool.rows for spool in filled) // held
    with ExitStack() as stack:
        readers = [stack.enter_context(spool.opened(*PLACES.names)) for spool in filled]
        rows = chain.from_iterable(map(_gathered, readers))
        if parts == 1:
            return frozenset(_moved(rows))
        partitioned = _partitioned(rows, parts, filled[0].folder)
        return frozenset(id_ for part in partitioned for id_ in _moved(part))


def _gathered(reader: pa.ipc.RecordBatchFileReader) -> Iterator[pa.RecordBatch]:
    """Copy the rows, some batches at a time; the batches take memory for their other columns too."""
    count = reader.num_record_batches
    for start in range(0, count, _TOGETHER):
        places = range(start, min(start + _TOGETHER, count))
        yield pa.concat_batches(map(reader.get_batch, places))


def _partitioned(
    rows: Iterable[pa.RecordBatch], parts: int, folder: Path
) -> Iterator[pa.ipc.RecordBatchStreamReader]:
    """Partition rows into files without a name, all rows of one id into one, and yield what each holds."""
    with ExitStack() as stack:
        files = [stack.enter_context(TemporaryFile(dir=folder)) for _ in range(parts)]
        writers = [pa.ipc.new_stream(pa.PythonFile(file, mode="w"), PLACES) for file in files]
        for some in rows:
            belongs = numbers([hash(id_) % parts for id_ in some["id"].to_pylist()])
            for part, writer in enumerate(writers):
                writer.write_batch(some.filter(pc.equal(belongs, number(part))))
        for file, writer in zip(files, writers, strict=True):
            writer.close()
            file.seek(0)
            yield pa.ipc.open_stream(file)


def _moved(batches: Iterable[pa.RecordBatch]) -> list[str]:
    """Hold the time of every row against that of the last row with its id."""
    rows = pa.concat_batches(batches)
    ids = rows["id"].dictionary_encode()
    last = pc.inverse_permutation(ids.indices, max_index=len(ids.dictionary) - 1)
    moved = pc.not_equal(rows["timestamp"], rows["timestamp"].take(last).take(ids.indices))
    found: list[str] = rows["id"].filter(moved).to_pylist()
    return found
