import csv
import io
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.archive.csv import CsvWriter
from exporter.archive.files import HashingFile
from exporter.archive.text import as_text
from exporter.entries.schema import SCHEMA
from tests.pages import Entry, entry, page

ACTIVE = ("=", "+", "-", "@", "\t", "\r", "\n", "\0")
CELLS = st.none() | st.text() | st.builds(str.__add__, st.sampled_from([*ACTIVE, "'", '"', ","]), st.text())


def write(path: Path, *entries: Entry) -> bytes:
    """Write ``entries`` as CSV and return the file's content."""
    path.unlink(missing_ok=True)
    writer = CsvWriter(HashingFile(path), SCHEMA)
    writer.write(as_text(pa.Table.from_batches([page(*entries).batch])))
    assert writer.finish().rows == len(entries)
    return path.read_bytes()


def read(content: bytes) -> list[dict[str, str]]:
    """Read CSV with the standard library's module, in its strict mode."""
    return list(csv.DictReader(io.StringIO(content.decode(), newline=""), strict=True))


def test_a_file_reads_exactly_so(tmp_path: Path) -> None:
    content = write(
        tmp_path / "audit.csv",
        entry(
            changes={"n": [1, 2.50]}, metadata={"a": "b, c"}, resource_name="=1+1", user_agent="", flag=True
        ),
    )

    digest = page(
        entry(
            changes={"n": [1, 2.50]}, metadata={"a": "b, c"}, resource_name="=1+1", user_agent="", flag=True
        )
    ).batch["source_sha256"][0]
    assert content.decode() == (
        "id,timestamp,organization_id,actor_id,actor_email,actor_type,ip_address,user_agent,action,"
        "resource_type,resource_id,resource_name,request_id,changes,metadata,extra,source_sha256\r\n"
        '"log_1","2026-01-02T03:04:05.000000Z",,,,,,"","deploy",,,"\'=1+1",,'
        '"[{""field"":""n"",""old"":1,""new"":2.5}]","{""a"":""b, c""}","{""flag"":true}",'
        f'"{digest}"\r\n'
    )


def test_an_empty_table_is_its_heading(tmp_path: Path) -> None:
    content = write(tmp_path / "audit.csv")

    assert content.decode() == ",".join(SCHEMA.names) + "\r\n"
    assert read(content) == []


@given(names=st.lists(CELLS, max_size=4))
def test_pythons_csv_module_reads_what_was_written_and_defusing_is_reversible(
    names: list[str | None], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "defused.csv"

    cells = [
        row["resource_name"] for row in read(write(path, *(entry(resource_name=name) for name in names)))
    ]

    assert [cell.removeprefix("'") for cell in cells] == [name or "" for name in names]
    assert not any(cell.startswith(ACTIVE) for cell in cells)


@pytest.mark.parametrize("field", ["id", "action", "user_agent", "actor_email", "request_id", "resource_id"])
def test_a_formula_is_defused_in_whichever_column_it_stands(tmp_path: Path, field: str) -> None:
    (row,) = read(write(tmp_path / "audit.csv", entry(**{field: '=HYPERLINK("http://evil.example")'})))

    assert row[field] == '\'=HYPERLINK("http://evil.example")'


def test_a_formula_that_is_metadata_stays_inside_its_json(tmp_path: Path) -> None:
    (row,) = read(write(tmp_path / "audit.csv", entry(metadata="=1+1", changes={"=1": ["=2", "=3"]}, x=-1)))

    assert (row["metadata"], row["extra"]) == ('"=1+1"', '{"x":-1}')
    assert row["changes"] == '[{"field":"=1","old":"=2","new":"=3"}]'


def test_metadata_that_is_a_negative_number_is_defused(tmp_path: Path) -> None:
    (row,) = read(write(tmp_path / "audit.csv", entry(metadata=-1)))

    assert row["metadata"] == "'-1"


def test_null_is_bare_and_an_empty_text_is_quoted_so_that_both_come_back(tmp_path: Path) -> None:
    path = tmp_path / "audit.csv"
    write(path, entry(id="1", user_agent=None), entry(id="2", user_agent=""))

    query = "SELECT user_agent FROM read_csv(?, all_varchar = true, allow_quoted_nulls = false) ORDER BY id"
    assert duckdb.execute(query, [str(path)]).fetchall() == [(None,), ("",)]


def test_a_line_break_inside_a_value_does_not_end_its_row(tmp_path: Path) -> None:
    values: list[Any] = ["a\r\nb", "a\nb", "a\rb", 'a"\r\n"b', "\u2028"]

    rows = read(write(tmp_path / "audit.csv", *(entry(user_agent=value) for value in values)))

    assert [row["user_agent"] for row in rows] == values


def test_a_value_of_megabytes_is_written_whole(tmp_path: Path) -> None:
    content = write(tmp_path / "audit.csv", entry(user_agent="x" * 3_000_000))

    assert b'"' + b"x" * 3_000_000 + b'"' in content
