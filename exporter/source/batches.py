"""The rows of a list response that is too large for memory, in batches that lie in a file without a name."""

import tempfile
import weakref
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import msgspec
import pyarrow as pa

from exporter.entries.envelope import Body
from exporter.entries.normalize import Rows, normalize
from exporter.entries.schema import SCHEMA
from exporter.entries.stream import Splitter
from exporter.errors import RecordError

_TOGETHER = 2_048  # rows: of each response that covers an instant, the merge holds one batch
_HEAVY = 16 << 20  # bytes of entries that are not gathered any further, however few they are
_OUTLINE = ["id", "timestamp", "action", "actor_id", "actor_email"]


class Batches:
    """The rows of one response, a batch at a time, as often as need be."""

    def __init__(self, folder: Path | None) -> None:
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - it lives as long as this does
        weakref.finalize(self, self._file.close)
        self._writer = pa.ipc.new_file(pa.PythonFile(self._file, mode="w"), SCHEMA)
        self._observations: Counter[str] = Counter()
        self._left_out: dict[str, str] = {}
        self._outlines: list[pa.RecordBatch] = []
        self.size = 0
        """Number of rows."""

    def add(self, rows: Rows) -> None:
        """Append rows."""
        self._writer.write_batch(rows.batch)
        self._observations.update(rows.observations)
        self._left_out |= rows.left_out
        self._outlines.append(rows.batch.select(_OUTLINE))
        self.size += rows.batch.num_rows

    def finish(self) -> Rows:
        """End it; return all rows in outline: ids, times, actions and actors, for the walk."""
        self._writer.close()
        outline = pa.concat_batches(self._outlines)
        self._outlines.clear()
        return Rows(batch=outline, observations=self._observations, left_out=self._left_out)

    def __iter__(self) -> Iterator[Rows]:
        reader = pa.ipc.open_file(pa.PythonFile(self._file, mode="r"))
        observations, left_out = self._observations, self._left_out
        for number in range(reader.num_record_batches):
            yield Rows(batch=reader.get_batch(number), observations=observations, left_out=left_out)
            observations, left_out = Counter(), {}


def read_batches(
    chunks: Iterator[bytes], *, source: str, folder: Path | None, lenient: bool = False
) -> tuple[Body, Rows, Batches]:
    """Take a list response apart: its envelope, its rows in outline, and its rows.

    Raises :class:`SourceError` as :func:`~exporter.entries.envelope.parse_list` does and, where the response
    is whole, :class:`RecordError` as :func:`~exporter.entries.normalize.normalize` does.
    """
    splitter, batches = Splitter(), Batches(folder)
    waiting: list[msgspec.Raw] = []
    weight = 0
    unusable: RecordError | None = None

    def place(entries: list[msgspec.Raw], *, least: int) -> None:
        nonlocal waiting, weight, unusable
        if unusable is not None:
            return  # nothing becomes of the rest, which may not fit into memory
        waiting += entries
        weight += sum(map(len, entries))
        if len(waiting) < least and weight < _HEAVY:
            return
        try:
            where = f"{source}, from its entry {batches.size:,} on,"
            batches.add(normalize(waiting, source=where, lenient=lenient))
        except RecordError as error:  # a response that is not whole is not to be judged by its entries
            unusable = error
        waiting, weight = [], 0

    for chunk in chunks:
        place(splitter.feed(chunk), least=_TOGETHER)
    last, envelope = splitter.finish()
    place(last, least=0)
    if unusable is not None:
        raise unusable
    return replace(envelope, entries=[]), batches.finish(), batches
