"""Two readings of one stretch of the log, held against each other entry by entry.

Compared are archives as Parquet files, by DuckDB within bounds; only entries whose bytes differ are looked at
as values.
"""

import tempfile
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from exporter.entries.compare import same_content
from exporter.errors import OutputError, VerificationError
from exporter.facts import Window

if TYPE_CHECKING:
    import duckdb

_MEMORY = "128MB"
_SHARED = "SELECT count(*) FROM (SELECT id FROM earlier INTERSECT SELECT id FROM later)"
_ONLY = "SELECT DISTINCT id FROM {these} ANTI JOIN {those} USING (id) ORDER BY id"
_DIFFERING = """
SELECT DISTINCT {these}.* FROM {these} JOIN {those} USING (id)
WHERE earlier.source_sha256 <> later.source_sha256 ORDER BY id, source_sha256
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Differences:
    """How a later reading compares with earlier ones; ids ascending."""

    same: int
    """Entries found with the content they had."""

    late: tuple[str, ...]
    """Entries that only the later reading has."""

    changed: tuple[str, ...]
    """Entries that had another content."""

    missing: tuple[str, ...]
    """Entries that only an earlier reading has."""

    rewritten: int = 0
    """Entries with the content they had, written in other bytes."""

    @property
    def strangers(self) -> bool:
        """Whether both hold entries and share none, as the logs of two organizations do."""
        return not self.same and not self.changed and bool(self.late) and bool(self.missing)


def compare(
    earlier: Sequence[Path], later: Path, window: Window, *, named: Collection[str] = ()
) -> Differences:
    """Hold the entries of ``window`` in the archive ``later`` against those in all of ``earlier``.

    So are those whose ids are ``named``, whatever their times are. Both are Parquet files with
    :data:`~exporter.entries.schema.SCHEMA`. An entry that several earlier ones hold counts as changed where
    any of them had another content.

    Raises :class:`~exporter.errors.VerificationError` where one cannot be read, and ``OutputError`` where the
    disk has no room to compare them.
    """
    import duckdb  # noqa: PLC0415 - most exports compare with nothing

    with (
        _readable(duckdb),
        tempfile.TemporaryDirectory(prefix="audit-export-") as spill,
        duckdb.connect(config={"memory_limit": _MEMORY, "temp_directory": spill}) as database,
    ):
        database.execute("SET TimeZone = 'UTC'")
        chosen = _inside(window)
        if named:
            database.register("named", pa.table({"id": pa.array(sorted(named), type=pa.string())}))
            chosen += " OR id IN (FROM named)"
        _open(database, "earlier", earlier, chosen)
        _open(database, "later", [later], chosen)
        shared: int = database.sql(_SHARED).fetchall()[0][0]
        differing, changed = _judge(database)
        return Differences(
            same=shared - len(changed),
            late=_only(database, "later", "earlier"),
            changed=tuple(sorted(changed)),
            missing=_only(database, "earlier", "later"),
            rewritten=len(differing - changed),
        )


@contextmanager
def _readable(engine: ModuleType) -> Iterator[None]:
    try:
        yield
    except engine.Error as error:
        reason = str(error).partition("\n")[0]
        if isinstance(error, engine.IOException | engine.OutOfMemoryException):
            raise OutputError(
                f"The entries could not be compared ({reason}).", "Make room on the disk."
            ) from error
        raise VerificationError(
            f"A table that was sealed cannot be read ({reason}).",
            "Check its bundle with `audit-export verify`, and restore it from a copy.",
        ) from error


def _open(database: "duckdb.DuckDBPyConnection", name: str, files: Sequence[Path], chosen: str) -> None:
    database.read_parquet([str(file) for file in files]).filter(chosen).create_view(name)


def _inside(window: Window) -> str:
    since, until = (f"TIMESTAMPTZ '{moment.isoformat()}'" for moment in (window.since, window.until))
    return f"timestamp >= {since} AND timestamp < {until}"


def _only(database: "duckdb.DuckDBPyConnection", these: str, those: str) -> tuple[str, ...]:
    """Return the ids that only ``these`` have."""
    return tuple(id_ for (id_,) in database.sql(_ONLY.format(these=these, those=those)).fetchall())


def _judge(database: "duckdb.DuckDBPyConnection") -> tuple[set[str], set[str]]:
    """Return the ids whose bytes differ, and those of them whose content does."""
    now = {row["id"]: row for row in _rows(database, "later", "earlier")}
    before = _rows(database, "earlier", "later")
    return set(now), {row["id"] for row in before if not same_content(row, now[row["id"]])}


def _rows(database: "duckdb.DuckDBPyConnection", these: str, those: str) -> list[dict[str, Any]]:
    answer = database.sql(_DIFFERING.format(these=these, those=those)).to_arrow_table()
    moments = answer["timestamp"].cast(pa.int64())  # Python times would want a zone library of the machine
    rows: list[dict[str, Any]] = answer.set_column(
        answer.schema.get_field_index("timestamp"), "timestamp", moments
    ).to_pylist()
    return rows
