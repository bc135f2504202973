"""Runs on one archive never overlap, and the lock leaves no trace."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from exporter.errors import BusyError, OutputError
from exporter.evidence.bundle import archive_folder
from exporter.evidence.coverage import sealed_bundles
from exporter.evidence.lock import held


def test_a_second_run_is_turned_away(tmp_path: Path) -> None:
    archive = tmp_path / "evidence" / "acme"

    with held(archive, timeout=0):
        with (
            pytest.raises(BusyError, match="Another run holds the archive") as busy,
            held(archive, timeout=0),
        ):
            pass
        assert archive.is_dir()

    assert busy.value.exit_code == 75
    assert list(tmp_path.iterdir()) == []


def test_another_archive_is_not_held(tmp_path: Path) -> None:
    with held(tmp_path / "acme", timeout=0), held(tmp_path / "globex", timeout=0):
        pass


def test_a_held_archive_lists_as_one_that_is_not(tmp_path: Path) -> None:
    archive = archive_folder(tmp_path, identity="org-1", name="Acme")

    with held(archive, timeout=0):
        assert archive_folder(tmp_path, identity="org-1", name="Acme") == archive
        assert sealed_bundles(archive) == []
        assert [path.name[0] for path in archive.iterdir()] == ["."]


def test_what_was_in_the_archive_stays(tmp_path: Path) -> None:
    (tmp_path / "acme" / "000001_x").mkdir(parents=True)

    with held(tmp_path / "acme", timeout=0):
        pass

    assert list((tmp_path / "acme").iterdir()) == [tmp_path / "acme" / "000001_x"]


def test_a_lock_file_that_nobody_holds_is_no_hindrance(tmp_path: Path) -> None:
    (tmp_path / ".lock").write_text("left by a run that was killed")

    with held(tmp_path, timeout=0):
        pass

    assert list(tmp_path.iterdir()) == []


def test_those_who_wait_come_in_one_at_a_time(tmp_path: Path) -> None:
    inside: list[int] = []
    most: list[int] = []

    def visit(number: int) -> None:
        with held(tmp_path / "evidence" / "acme", timeout=30):
            inside.append(number)
            time.sleep(0.01)
            most.append(len(inside))
            inside.remove(number)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(visit, range(24)))

    assert most == [1] * 24


def test_an_archive_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(OutputError, match="cannot be written"), held(tmp_path / "file" / "acme", timeout=0):
        pass
