"""Ids that came with more than one time, found in bounded memory.

Each id is compared with all others, wherever they lie. Where that would take too much memory, a part of the
ids is compared at a time: those whose hashes leave the same remainder.
"""

import pyarrow as pa
import pyarrow.compute as pc

from exporter.archive.spool import Spool
from exporter.entries.literals import flags

_HELD = 128 << 20
_COPIES, _AROUND = 3, 128  # of each id, and bytes of other things a row, that it takes to compare them


def moved_ids(spool: Spool, *, held: int = _HELD) -> frozenset[str]:
    """Find the ids in ``spool`` that came with more than one time, in ``held`` bytes of memory."""
    if not spool.rows:
        return frozenset()
    parts = 1 + (_COPIES * spool.ids + _AROUND * spool.rows) // held
    with spool.opened("id", "timestamp") as reader:
        return frozenset(id_ for part in range(parts) for id_ in _moved(_part(reader, part, parts)))


def _part(reader: pa.ipc.RecordBatchFileReader, part: int, parts: int) -> pa.RecordBatch:
    batches = map(reader.get_batch, range(reader.num_record_batches))
    return pa.concat_batches([_belonging(batch, part, parts) for batch in batches])


def _belonging(batch: pa.RecordBatch, part: int, parts: int) -> pa.RecordBatch:
    """Copy the rows whose id belongs to a part; the batch itself takes memory for its other columns too."""
    if parts == 1:
        return pa.concat_batches([batch])
    return batch.filter(flags([hash(id_) % parts == part for id_ in batch["id"].to_pylist()]))


def _moved(rows: pa.RecordBatch) -> list[str]:
    """Hold the time of every row against that of the last row with its id."""
    ids = rows["id"].dictionary_encode()
    last = pc.inverse_permutation(ids.indices, max_index=len(ids.dictionary) - 1)
    moved = pc.not_equal(rows["timestamp"], rows["timestamp"].take(last).take(ids.indices))
    found: list[str] = rows["id"].filter(moved).to_pylist()
    return found
