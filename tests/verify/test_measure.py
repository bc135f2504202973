"""What reading a file tells: the same however it is broken up."""

import csv
import errno
import hashlib
import os
from pathlib import Path

import pytest

from exporter.evidence.container import Folder
from exporter.verify import measure as measures
from exporter.verify.measure import Measure, measure, measuring

CSV = [
    "id,detail\r\n",
    "id,detail\r\na,b\r\nc,d\r\n",
    "id,detail\r\na,b\r\nc,d",
    'id,detail\r\n"a\n\n",b\r\n"c ""d""\n","""\n"""\r\n',
    'id,detail\r\n"","\n""\n"\r\n"x","y\n"',
    'id,detail\r\n"a","b"\r\n"","c\r\n"\r\n',
]


def measured(folder: Path, name: str, content: bytes) -> Measure:
    path = folder / "data" / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    found = measure(Folder(folder), f"data/{name}")
    assert isinstance(found, Measure)
    assert (found.sha256, found.size) == (hashlib.sha256(content).hexdigest(), len(content))
    return found


@pytest.mark.parametrize("chunk", [1, 2, 3, 5, 7, 100])
def test_rows_are_counted_as_a_reader_of_csv_counts_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    monkeypatch.setattr(measures, "_CHUNK", chunk)
    for text in CSV:
        rows = len(list(csv.reader(text.splitlines(keepends=True)))) - 1
        assert measured(tmp_path, "audit.csv", text.encode()).rows == rows, text


def test_a_row_of_csv_without_an_end_is_none(tmp_path: Path) -> None:
    assert measured(tmp_path, "audit.csv", b'id,detail\r\na,b\r\nc,"d\r\n').rows == 1
    assert measured(tmp_path, "audit.csv", b'id,detail\r\na,b\r\nc,"d').rows == 1


@pytest.mark.parametrize("content", [b"", b'"id'])
def test_a_csv_without_even_a_heading_has_no_rows(tmp_path: Path, content: bytes) -> None:
    assert measured(tmp_path, "audit.csv", content).rows == 0


@pytest.mark.parametrize("chunk", [1, 3, 100])
def test_rows_of_json_are_lines_also_where_the_last_has_no_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    monkeypatch.setattr(measures, "_CHUNK", chunk)
    for text, rows in ((b"", 0), (b"{}\n", 1), (b"{}\n{}", 2), (b'{"a":"\\n"}\n{}\n\n', 3)):
        assert measured(tmp_path, "audit.jsonl", text).rows == rows


def test_of_other_files_no_rows_are_counted_and_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    assert measured(tmp_path, "other", b"1\n2\n").rows is None
    (tmp_path / "data" / "link").symlink_to("other")

    with measuring(Folder(tmp_path), ["data/other", "data/link", "data/none"]) as found:
        assert set(found) == {"data/other", "data/link", "data/none"}
        assert len(found) == 3
        assert isinstance(found["data/other"], Measure)
        absent, link = found["data/none"], found["data/link"]
    assert isinstance(absent, FileNotFoundError)
    assert (absent.strerror, absent.__traceback__) == (os.strerror(errno.ENOENT), None)
    assert isinstance(link, OSError)
