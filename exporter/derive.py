"""Responses into archives: the deterministic heart.

What is written depends on nothing but the entries that were received and the selection: not on when, how, in
how many pages or in what order they came.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import pyarrow as pa
import pyarrow.compute as pc

from exporter.archive.files import HashingFile, Written
from exporter.archive.formats import FORMATS, Archives
from exporter.archive.moved import PLACES
from exporter.archive.order import Runs
from exporter.archive.parquet import ParquetWriter
from exporter.archive.spool import Spool
from exporter.entries import normalize
from exporter.entries.normalize import Rows
from exporter.entries.schema import SCHEMA
from exporter.evidence.scratch import unwritable
from exporter.facts import NAMED, Check, Result, Selection, Window, counted, rfc3339
from exporter.record import Run
from exporter.record import selection as selection_of
from exporter.source.platform import recorded_rows

_BYTES_ONLY = "entry-in-other-bytes"

OBSERVATIONS = normalize.OBSERVATIONS | {
    _BYTES_ONLY: "Entries that came again with the same content in other bytes; the smallest digest is kept"
}
"""Oddities that are counted on the way to the archives: what each means, by its name."""

_USER_COLUMNS = ("actor_id", "actor_email")


@dataclass(frozen=True, slots=True, kw_only=True)
class Derived:
    """The archives, and what was counted while they were made."""

    files: dict[str, Written]
    """The archives by format."""

    received: int
    """Entries in all pages, repeats included."""

    outside: int
    """Entries received that were not selected: outside the window, or not matching the filters."""

    repeated: int
    """Entries selected that came again, byte for byte."""

    rewritten: int
    """Entries selected that came again with the same content in other bytes."""

    conflicts: tuple[str, ...]
    """The id of every selected row that was left out because its id had come with another content."""

    strays: tuple[str, ...]
    """The id of every row whose id had also come, unselected, with another time; ascending."""

    left_out: tuple[str, ...]
    """Which entries cannot be rows and were left out, and why; each once, however often it came."""

    rows: int
    """Entries in the archives, one per id."""

    nulls: dict[str, int]
    """Nulls in each column."""

    earliest: str | None
    """Time of the first row, RFC 3339."""

    latest: str | None
    """Time of the last row, RFC 3339."""

    observations: dict[str, int]
    """How often each oddity was met, by its name."""

    @property
    def checks(self) -> list[Check]:
        """What the archives themselves can answer."""
        counts = {name: file.rows for name, file in self.files.items()}
        expected = self.received - self.outside - self.repeated - self.rewritten - len(self.conflicts)
        contradicting = (*self.conflicts, *self.strays)
        checks = [_records_check(self.left_out)] if self.left_out else []
        return [
            *checks,
            Check(
                id="one-content",
                what="Every id came with one content, however often it was read",
                expected="0 ids with several contents",
                found=counted(contradicting),
                result=Result.CONTRADICTS if contradicting else Result.AS_EXPECTED,
            ),
            Check(
                id="counts",
                what="The raw responses and every archive hold the same entries",
                expected=f"{expected:,} in each",
                found=", ".join(f"{count:,} {name}" for name, count in counts.items()),
                result=Result.AS_EXPECTED if set(counts.values()) == {expected} else Result.DIFFERS,
            ),
        ]


def _records_check(left_out: Sequence[str]) -> Check:
    return Check(
        id="records",
        what="Every record has what places it in the archive: an id, a time and an action",
        expected="0 left out",
        found=f"{len(left_out):,} left out: {'; '.join(left_out[:NAMED])}",
        result=Result.DIFFERS,
    )


class Derivation:
    """Archives in the making: pages go in, in any order; a context manager that cleans up after itself."""

    def __init__(self, selection: Selection, to: Path, formats: Collection[str] = FORMATS) -> None:
        self._selection = selection
        self._to = to
        self._formats = formats
        self._elsewhere = Spool(to / "elsewhere.arrow", PLACES)
        self._runs = Runs(to / "runs.arrow", self._elsewhere)
        self._overlap = Runs(to / "overlap-runs.arrow")
        self._received = self._selected = 0
        self._left_out: dict[str, str] = {}
        self._observations: Counter[str] = Counter()

    def add(self, page: Rows) -> None:
        """Take the rows of a page; those that were not selected are counted and left out."""
        matching = _matching(page.batch, self._selection)
        kept = _inside(matching, self._selection.window)
        self._runs.add(kept)
        if self._selection.overlap is not None:
            self._overlap.add(_inside(matching, self._selection.overlap))
        if kept.num_rows < page.batch.num_rows:
            self._elsewhere.add(page.batch.select(PLACES.names))
        self._received += page.batch.num_rows
        self._selected += kept.num_rows
        self._observations.update(page.observations)
        for digest, name in page.left_out.items():
            self._left_out.setdefault(digest, name)

    def write_overlap(self) -> tuple[Path, list[str]]:
        """Write the entries of the overlap as Parquet into the folder, for as long as this is open.

        Returns the file, and the ids that came with two contents.
        """
        path = self._to / "overlap.parquet"
        with closing(ParquetWriter(HashingFile(path), SCHEMA)) as writer:
            for table in self._overlap.merged():
                writer.write(table)
            writer.finish()
        return path, self._overlap.conflicts

    def add_late(self, ids: Collection[str]) -> None:
        """Take entries of the overlap into the archives."""
        late = pa.array(sorted(ids), type=pa.string())
        for batch in self._overlap.batches():
            kept = batch.filter(pc.is_in(batch["id"], late))
            self._runs.add(kept)
            self._selected += kept.num_rows

    def finish(self) -> Derived:
        """Write the archives into the folder, and say what is in them."""
        runs = self._runs
        files, nulls, edges = _write(runs, self._selection.window, self._to, self._formats)
        return Derived(
            files=files,
            received=self._received,
            outside=self._received - self._selected,
            repeated=runs.repeated,
            rewritten=runs.rewritten,
            conflicts=tuple(runs.conflicts),
            strays=tuple(sorted(runs.strays)),
            left_out=tuple(f"{name} (SHA-256 {digest})" for digest, name in self._left_out.items()),
            rows=self._selected - runs.repeated - runs.rewritten - len(runs.conflicts),
            nulls=nulls,
            earliest=edges[0],
            latest=edges[1],
            observations=dict(self._observations) | {_BYTES_ONLY: runs.rewritten},
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with closing(self._runs), closing(self._overlap), closing(self._elsewhere):
            (self._to / "overlap.parquet").unlink(missing_ok=True)


def derive(
    pages: Iterable[Rows], selection: Selection, to: Path, formats: Collection[str] = FORMATS
) -> Derived:
    """Write the archives of ``selection`` from ``pages``, in any order, into the folder ``to``."""
    with Derivation(selection, to, formats) as derivation:
        for page in pages:
            derivation.add(page)
        derivation.add_late(selection.late)
        return derivation.finish()


def derive_again(responses: Path, run: Run, folder: Path, formats: Collection[str]) -> Derived:
    """Derive archives of a bundle from its responses, which could be read, into a temporary folder.

    Raises :class:`~exporter.errors.OutputError` where that cannot be written.
    """
    rows = recorded_rows(responses, lenient=run.options.allow_partial)
    try:
        return derive(rows, selection_of(run), folder, formats)
    except OSError as error:
        if error.errno is None:
            raise
        raise unwritable(error) from error


def _write(
    runs: Runs, window: Window, to: Path, formats: Collection[str]
) -> tuple[dict[str, Written], dict[str, int], tuple[str | None, str | None]]:
    schema = SCHEMA.with_metadata(
        {
            **SCHEMA.metadata,
            "audit-export.since": rfc3339(window.since),
            "audit-export.until": rfc3339(window.until),
        }
    )
    nulls = dict.fromkeys(SCHEMA.names, 0)
    edges: tuple[str | None, str | None] = (None, None)
    with closing(Archives(to, schema, formats)) as archives:
        for table in runs.merged():
            archives.write(table)
            for name in nulls:
                nulls[name] += table[name].null_count
            first, last = (rfc3339(table["timestamp"][place].as_py()) for place in (0, -1))
            edges = (edges[0] or first, last)
        return archives.finish(), nulls, edges


def _matching(batch: pa.RecordBatch, selection: Selection) -> pa.RecordBatch:
    """Keep what the filters of an extract ask for; a user is named by id or by e-mail address."""
    if selection.action is not None:
        batch = batch.filter(pc.equal(batch["action"], selection.action))
    if selection.user is not None:
        named = (pc.fill_null(pc.equal(batch[name], selection.user), False) for name in _USER_COLUMNS)
        batch = batch.filter(pc.or_(*named))
    return batch


def _inside(batch: pa.RecordBatch, window: Window) -> pa.RecordBatch:
    moments = batch["timestamp"]
    since, until = (pa.scalar(moment, type=moments.type) for moment in (window.since, window.until))
    inside = pc.and_(pc.greater_equal(moments, since), pc.less(moments, until))
    return batch if inside.true_count == batch.num_rows else batch.filter(inside)
