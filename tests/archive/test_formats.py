import resource
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pyarrow as pa
import pytest

from exporter.archive.files import Written
from exporter.archive.formats import Archives
from exporter.entries.schema import SCHEMA
from tests.pages import entry, page

TABLES = 24
MEBIBYTE = 1 << 20


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """Have the system refuse what would make a file larger, as it does where a disk is full."""
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, usual[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, usual)


def write(format_: str, tables: Iterable[pa.Table], to: Path) -> Written:
    """Write tables as one archive."""
    with closing(Archives(to, SCHEMA, [format_])) as archives:
        for table in tables:
            archives.write(table)
        return archives.finish()[format_]


@pytest.mark.parametrize("format_", ["csv", "jsonl"])
def test_what_the_disk_refuses_is_raised_however_many_tables_wait(format_: str, tmp_path: Path) -> None:
    rows = page(*(entry(id=f"{number:04}", user_agent="x" * 1_000) for number in range(1_000)))
    table = pa.Table.from_batches([rows.batch])

    with files_of_at_most(MEBIBYTE), pytest.raises(OSError, match="File too large"):
        write(format_, [table] * TABLES, tmp_path)


@pytest.mark.parametrize("format_", ["csv", "jsonl"])
def test_tables_that_wait_are_written_in_their_order(format_: str, tmp_path: Path) -> None:
    rows = [page(entry(id=f"{number:04}", user_agent="x" * 1_000)).batch for number in range(TABLES)]

    written = write(format_, [pa.Table.from_batches([row]) for row in rows], tmp_path)

    content = written.path.read_text("utf-8")
    places = [content.index(f'"{number:04}"') for number in range(TABLES)]
    assert written.rows == TABLES
    assert list(tmp_path.iterdir()) == [written.path]
    assert places == sorted(places)
