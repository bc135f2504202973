"""The figures: queries over the archive's Parquet file, answered by DuckDB within bounds.

The engine sees one file and nothing else: no other path, no network, no extension. What a bundle brings along
to be asked can change none of that, nor the bounds, and is given up where it has no end.
"""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Self

import duckdb
import pyarrow as pa

from exporter.errors import OutputError, VerificationError
from exporter.report import queries
from exporter.report.queries import EPOCH, Query, literal

MEMORY = "110MB"
"""What the engine may hold before it spills to disk; the report as a whole stays below 300 MB."""

THREADS = 2
"""Threads that work on a query. Each holds memory of its own: with one for every core of a larger machine, a
million entries would take more than there is."""

AS_WRITTEN = "build_side_probe_side"
"""What the optimizer leaves alone: which side of a join is held in memory. It guesses from sizes that it does
not know, and held a million deployments to find the few that were rolled back. The queries name the smaller
side second."""

READ_LATE = 1_000
"""So many rows may be asked for that the engine first sorts by what decides on the order alone, and then
reads the rest of those rows only; by itself it does so up to fifty."""

PAGEWISE = "true"
"""Whether the file is read page by page, as it is decoded. By itself the engine reads whole columns ahead,
for the sake of files that are far away; a sixth of the time went into memory for that."""

KEEP_FOOTER = "true"
"""Whether the file's footer is kept, and not read again by each query, which took a fifth of their time."""

ARCHIVE = "'data/audit.parquet'"
"""How the shipped set-up names the file, for whoever starts the engine in the bundle's folder."""

IN_UTC = "SET TimeZone = 'UTC';"
"""How the shipped set-up has times shown in UTC. Here that is done before it, as all that may be set."""

TIME_LIMIT = 300.0
"""Seconds after which a question is given up; those of a report take less than one."""

BATCH = 16_384
"""Ids that are held at a time."""

_OF_THIS_MACHINE = ("IO Error", "Out of Memory Error")
_TO_CHECK = "Check the bundle with `audit-export verify`."

Row = dict[str, Any]
"""One row of an answer, by column."""


class Figures:
    """One archive, open for questions; a context manager."""

    def __init__(self, parquet: Path, folder: Path, spill: Path) -> None:
        """Open ``parquet`` as the views that the queries in ``folder`` use.

        ``spill`` is a folder for what memory cannot hold. Here and with every question,
        :class:`~exporter.errors.VerificationError` is raised where the bundle's file or query cannot be what
        was sealed, and ``OutputError`` where the disk has no room, or the answer takes too long.
        """
        self._queries = queries.load(folder)
        self._engine = duckdb.connect(
            config={
                "memory_limit": MEMORY,
                "threads": THREADS,
                "disabled_optimizers": AS_WRITTEN,
                "late_materialization_max_rows": READ_LATE,
                "temp_directory": str(spill),
                "autoinstall_known_extensions": "false",
                "autoload_known_extensions": "false",
                "python_enable_replacements": "false",
            }
        )
        self._engine.execute(f"SET allowed_paths = [{literal(str(parquet))}]")
        self._engine.execute("SET enable_external_access = false")
        self._engine.execute(f"SET disable_parquet_prefetching = {PAGEWISE}")
        self._engine.execute(f"SET parquet_metadata_cache = {KEEP_FOOTER}")
        self._engine.execute(IN_UTC)
        self._engine.execute("SET lock_configuration = true")
        setup = queries.load_setup(folder).replace(IN_UTC, "", 1).replace(ARCHIVE, literal(str(parquet)))
        with self._answering():
            self._engine.execute(setup)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._engine.close()

    @property
    def queries(self) -> list[Query]:
        """The queries that can be asked, in order."""
        return list(self._queries.values())

    def knows(self, name: str) -> bool:
        """Whether the bundle holds the query of that name."""
        return name in self._queries

    def rows(self, name: str, limit: int | None = None) -> list[Row]:
        """Answer the query of that name, as many rows as ``limit`` allows, in the query's own order."""
        bound = "" if limit is None else f" LIMIT {limit:d}"
        return self._ask(f"SELECT * FROM ({self._query(name).sql}) AS answer{bound}")  # noqa: S608 - shipped SQL

    def count(self, name: str) -> int:
        """Count the rows that the query of that name selects."""
        return self._count(self._selected(name))

    def listing(self, name: str, limit: int) -> tuple[int, list[Row]]:
        """Ask the query of that name once; return how many rows it selects, and the first of them."""
        with self._answering():
            self._engine.execute(f"CREATE TEMP TABLE listing AS {self._query(name).sql}")
        rows = self._ask(f"SELECT * FROM listing LIMIT {limit:d}")  # noqa: S608 - a number
        size = self._count("listing")
        self._engine.execute("DROP TABLE listing")
        return size, rows

    def ids(self, name: str) -> Iterator[list[str]]:
        """Yield the ids that the query of that name selects, sorted by their bytes, a batch at a time."""
        for batch in self._batches(self._sorted(name)):
            yield batch.column(0).to_pylist()

    def strays(self, name: str, actions: Sequence[str]) -> int:
        """Count the entries that the query of that name selects and whose action is none of ``actions``."""
        return self._count(f"{self._selected(name)} WHERE NOT {_among(actions)}")

    def lines(self, name: str) -> Iterator[pa.StringArray]:
        """Yield the ids that the query of that name selects, sorted by their bytes, each with a line break.

        They come as Arrow holds them, some thousands at a time: to make a million texts of Python's takes as
        long as to sort them.
        """
        for batch in self._batches(f"SELECT id || chr(10) AS line FROM ({self._sorted(name)})"):  # noqa: S608 - shipped SQL
            yield batch.column(0)

    def lines_by_action(self, groups: Sequence[Sequence[str]]) -> Iterator[tuple[pa.StringArray, pa.Array]]:
        """Yield the ids of all entries of the window as :meth:`lines` does, each with a number.

        It is that of the first group of actions that has the entry's, counted from 1; 0 where none has.
        """
        cases = [f"WHEN {_among(actions)} THEN {place}" for place, actions in enumerate(groups, 1)]
        place = f"CASE {' '.join(cases)} ELSE 0 END" if cases else "0"
        sql = f"SELECT id, cast({place} AS utinyint) AS place FROM audit ORDER BY id"  # noqa: S608 - quoted above
        for batch in self._batches(f"SELECT id || chr(10) AS line, place FROM ({sql})"):  # noqa: S608 - as above
            yield batch.column(0), batch.column(1)

    def entries(self, name: str, ids: list[str], columns: Mapping[str, str]) -> list[Row]:
        """Return those rows of the query of that name that have these ids, in no order.

        ``columns`` says what of them, and as what type.
        """
        wanted = ", ".join(f"cast({column} AS {kind}) AS {column}" for column, kind in columns.items())
        sql = f"SELECT {wanted} FROM {self._selected(name)} WHERE list_contains(?, id)"  # noqa: S608 - shipped SQL
        return self._ask(sql, ids)

    def unplaced(self, name: str) -> int:
        """Count the rows that the query of that name selects and that lack an id or a time."""
        return self._count(f"{self._selected(name)} WHERE id IS NULL OR timestamp IS NULL")

    def months(self, name: str) -> dict[str, int]:
        """Count the entries that the query of that name selects by calendar month, ``2026-07``, in UTC."""
        rows = self._ask(f"SELECT month, count(*) AS n FROM ({self._by_month(name)}) GROUP BY month")  # noqa: S608 - shipped SQL
        return {row["month"]: row["n"] for row in rows}

    def ids_with_months(self, name: str) -> Iterator[tuple[str, str]]:
        """Yield the ids that the query of that name selects, each with its calendar month, in no order."""
        for batch in self._batches(self._by_month(name)):
            yield from zip(batch.column(0).to_pylist(), batch.column(1).to_pylist(), strict=True)

    def _by_month(self, name: str) -> str:
        month = "strftime(timestamp, '%Y-%m') AS month"
        return f"SELECT id, {month} FROM {self._selected(name)}"  # noqa: S608 - shipped SQL

    def _sorted(self, name: str) -> str:
        return f"SELECT id FROM {self._selected(name)} ORDER BY id"  # noqa: S608 - shipped SQL

    def _selected(self, name: str) -> str:
        return f"({self._query(name).unordered}) AS answer"

    def _query(self, name: str) -> Query:
        if name not in self._queries:
            raise VerificationError(f"The bundle holds no data/queries/{name}.", _TO_CHECK)
        return self._queries[name]

    def _count(self, rows: str) -> int:
        number: int = self._ask(f"SELECT count(*) AS n FROM {rows}")[0]["n"]  # noqa: S608 - shipped SQL
        return number

    def _batches(self, sql: str) -> Iterator[pa.RecordBatch]:
        with self._answering():
            yield from self._engine.sql(sql).to_arrow_reader(BATCH)

    def _ask(self, sql: str, *parameters: object) -> list[Row]:
        with self._answering():
            return _rows(self._engine.sql(sql, params=parameters or None).to_arrow_table())

    @contextmanager
    def _answering(self) -> Iterator[None]:
        """Give a question its time, and say as an error of ours why it has no answer."""
        deadline = threading.Timer(TIME_LIMIT, self._engine.interrupt)
        deadline.daemon = True
        deadline.start()
        try:
            yield
        except (duckdb.Error, pa.ArrowException, OSError, ValueError, OverflowError) as error:
            reason = str(error).partition("\n")[0]
            if reason.startswith("INTERRUPT"):
                raise OutputError(
                    f"A query of the bundle had no answer after {TIME_LIMIT:g} seconds.", _TO_CHECK
                ) from error
            if reason.startswith(_OF_THIS_MACHINE):
                raise OutputError(
                    f"The archive could not be asked ({reason}).", "Make room on the disk."
                ) from error
            raise VerificationError(
                f"The bundle's archive cannot be asked as its queries say ({reason}).", _TO_CHECK
            ) from error
        finally:
            deadline.cancel()
            deadline.join()  # one that holds the engine at the end has DuckDB complain of a leak


def _rows(table: pa.Table) -> list[Row]:
    columns = [_values(column) for column in table.itercolumns()]
    return [dict(zip(table.column_names, values, strict=True)) for values in zip(*columns, strict=True)]


def _values(column: pa.ChunkedArray) -> list[Any]:
    """Turn a column into Python values; times by hand, since pyarrow loads pandas for them where it can.

    Sums, which the engine widens beyond 64 bits, come back as whole numbers too.
    """
    if pa.types.is_timestamp(column.type):
        counted = column.cast(pa.timestamp("us", tz="UTC")).cast(pa.int64()).to_pylist()
        return [None if micros is None else EPOCH + timedelta(microseconds=micros) for micros in counted]
    whole = column.cast(pa.int64()) if pa.types.is_decimal(column.type) else column
    values: list[Any] = whole.to_pylist()
    return values


def _among(actions: Sequence[str]) -> str:
    """Write the condition that an entry's action is one of these."""
    return f"coalesce(action, '') IN ({', '.join(map(literal, actions))})"
