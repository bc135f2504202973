from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from exporter.archive import compare as comparing
from exporter.archive.compare import Differences, compare
from exporter.archive.files import HashingFile
from exporter.archive.parquet import ParquetWriter
from exporter.entries.normalize import Rows
from exporter.entries.schema import SCHEMA
from exporter.errors import OutputError, VerificationError
from exporter.facts import Window
from tests.pages import WINDOW, entry, page, received

REWRITTEN = b'[{"created_at": "2026-01-02T03:04:05Z", "action":   "deploy", "id": "log_1"}]'


def archived(path: Path, *pages: Rows) -> Path:
    with closing(ParquetWriter(HashingFile(path), SCHEMA)) as writer:
        for rows in pages:
            writer.write(pa.Table.from_batches([rows.batch]))
        writer.finish()
    return path


def entries(*ids: str) -> Rows:
    return page(*(entry(id=id_) for id_ in ids))


def test_what_is_new_changed_and_gone_is_told_apart(tmp_path: Path) -> None:
    earlier = archived(tmp_path / "a", entries("log_1", "log_2", "log_3"))
    later = archived(tmp_path / "b", entries("log_1", "log_4"), page(entry(id="log_2", action="other")))

    differences = compare([earlier], later, WINDOW)

    assert differences == Differences(same=1, late=("log_4",), changed=("log_2",), missing=("log_3",))
    assert not differences.strangers


def test_other_bytes_with_the_same_content_are_no_change(tmp_path: Path) -> None:
    earlier = archived(tmp_path / "a", page(entry()))
    later = archived(tmp_path / "b", received(REWRITTEN))

    assert compare([earlier], later, WINDOW) == Differences(
        same=1, late=(), changed=(), missing=(), rewritten=1
    )


def test_an_entry_counts_as_known_when_any_earlier_archive_holds_it(tmp_path: Path) -> None:
    earlier = [
        archived(tmp_path / "a", entries("log_1")),
        archived(tmp_path / "b", entries("log_1", "log_2")),
    ]
    later = archived(tmp_path / "c", entries("log_1", "log_2"))

    assert compare(earlier, later, WINDOW) == Differences(same=2, late=(), changed=(), missing=())


def test_an_entry_is_changed_when_any_earlier_archive_had_another_content(tmp_path: Path) -> None:
    earlier = [
        archived(tmp_path / "a", entries("log_1")),
        archived(tmp_path / "b", page(entry(id="log_1", action="other"))),
    ]
    later = archived(tmp_path / "c", entries("log_1"))

    assert compare(earlier, later, WINDOW).changed == ("log_1",)


def test_entries_outside_the_stretch_do_not_count(tmp_path: Path) -> None:
    earlier = archived(tmp_path / "a", entries("log_1"))
    later = archived(tmp_path / "b", entries("log_2"))
    stretch = Window(since=datetime(2026, 1, 3, tzinfo=UTC), until=datetime(2026, 1, 4, tzinfo=UTC))

    assert compare([earlier], later, stretch) == Differences(same=0, late=(), changed=(), missing=())


def test_entries_that_are_named_count_whatever_their_times_are(tmp_path: Path) -> None:
    stretch = Window(since=datetime(2026, 1, 3, tzinfo=UTC), until=datetime(2026, 1, 4, tzinfo=UTC))
    inside = page(entry(id="log_5", created_at="2026-01-03T00:00:00Z"))
    earlier = archived(tmp_path / "a", entries("log_1", "log_2", "log_4"), inside)
    later = archived(tmp_path / "b", entries("log_1", "log_3", "log_4"), inside)

    differences = compare([earlier], later, stretch, named=["log_3", "log_2", "log_1"])

    assert differences == Differences(same=2, late=("log_3",), changed=(), missing=("log_2",))


def test_a_table_that_cannot_be_read_is_no_defect_of_the_program(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"no table")
    later = archived(tmp_path / "b", entries("log_1"))

    with pytest.raises(VerificationError, match="A table that was sealed cannot be read") as refused:
        compare([tmp_path / "a"], later, WINDOW)
    assert "\n" not in refused.value.what


def test_a_disk_without_room_to_compare_is_no_defect_of_a_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comparing, "_MEMORY", "1MB")
    earlier = archived(tmp_path / "a", entries(*(f"log_{number}" for number in range(5_000))))

    with pytest.raises(OutputError, match="The entries could not be compared") as refused:
        compare([earlier], earlier, WINDOW)
    assert "\n" not in refused.value.what


def test_two_readings_that_share_no_entry_are_of_two_logs(tmp_path: Path) -> None:
    one, other, none = (
        archived(tmp_path / name, entries(*ids))
        for name, ids in (("a", ["log_1"]), ("b", ["log_2"]), ("c", []))
    )

    assert compare([one], other, WINDOW).strangers
    assert not compare([one], none, WINDOW).strangers
    assert not compare([none], one, WINDOW).strangers


@pytest.mark.parametrize("shared", [{"same": 1}, {"changed": ("log_3",)}])
def test_two_readings_that_share_an_entry_are_of_one_log(shared: dict[str, Any]) -> None:
    unlike = Differences(same=0, late=("log_1",), changed=(), missing=("log_2",))

    assert unlike.strangers
    assert not replace(unlike, **shared).strangers
