"""Every value of every row comes back from each of the archives."""

import re
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.archive.text import as_text
from exporter.derive import derive
from exporter.entries.normalize import Rows, normalize
from exporter.entries.schema import SCHEMA
from exporter.errors import RecordError
from exporter.facts import Selection, Window
from tests.entries.test_usual import entries
from tests.pages import WINDOW

CELL = re.compile(r'(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)')
JSON_COLUMNS = ("changes", "metadata", "extra")
MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])
ALWAYS = Window(since=WINDOW.since.replace(year=1500), until=WINDOW.until.replace(year=2500))

Row = dict[str, str | None]


def from_csv(text: str) -> list[Row]:
    """Read RFC 4180 by itself: what is quoted is a text, what is bare and empty is nothing."""
    cells: list[str | None] = []
    lines: list[list[str | None]] = []
    for quoted, bare, end in (found.groups() for found in CELL.finditer(text)):
        value = None if quoted is None else quoted.replace('""', '"')
        cells.append(bare or None if value is None else value.removeprefix("'"))
        if end != ",":
            lines.append(cells)
            cells = []
    return [dict(zip(SCHEMA.names, line, strict=True)) for line in lines[1:]]


def from_jsonl(content: bytes) -> list[Row]:
    """Read each line, JSON columns as the text they are."""
    return [
        {name: value_of(name, bytes(raw)) for name, raw in MEMBERS.decode(line).items()}
        for line in content.split(b"\n")[:-1]
    ]


def value_of(name: str, raw: bytes) -> str | None:
    if name in JSON_COLUMNS and raw != b"null":
        return raw.decode()
    value: str | None = msgspec.json.decode(raw)
    return value


def as_rows(table: pa.Table) -> list[Row]:
    rows: list[Row] = as_text(table).to_pylist()
    return rows


def page_of(sent: list[bytes]) -> Rows | None:
    """Make rows with ids of their own; nothing where one of the entries is refused."""
    numbered = [one[:-1] + f',"id":"log_{number}"}}'.encode() for number, one in enumerate(sent)]
    try:
        return normalize([msgspec.Raw(one) for one in numbered], source="the page")
    except RecordError:
        return None


@settings(max_examples=60)
@given(sent=st.lists(entries(), min_size=1, max_size=4))
def test_every_value_comes_back_from_parquet_from_csv_and_from_json_lines(sent: list[bytes]) -> None:
    page = page_of(sent)
    if page is None:
        return
    order: list[Any] = [("timestamp", "ascending"), ("id", "ascending")]
    expected = pa.Table.from_batches([page.batch]).sort_by(order)

    with TemporaryDirectory() as folder:
        derive([page], Selection(window=ALWAYS), Path(folder))
        parquet = pq.read_table(Path(folder) / "audit.parquet")
        csv = (Path(folder) / "audit.csv").read_bytes().decode()
        jsonl = (Path(folder) / "audit.jsonl").read_bytes()

    assert parquet.to_pylist() == expected.to_pylist()
    assert from_csv(csv) == as_rows(expected)
    assert from_jsonl(jsonl) == as_rows(expected)
