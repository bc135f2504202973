from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from exporter.errors import OutputError
from exporter.evidence.unfinished import Unfinished, forget, unfinished
from exporter.facts import Window

JANUARY = Window(since=datetime(2026, 1, 1, tzinfo=UTC), until=datetime(2026, 2, 1, tzinfo=UTC))
YEAR = Window(since=datetime(2026, 1, 1, tzinfo=UTC), until=datetime(2027, 1, 1, tzinfo=UTC))


def break_off(archive: Path, *, window: Window | None = JANUARY) -> None:
    """Leave a run in the middle, with responses and half an archive."""

    def attempt() -> None:
        with unfinished(archive, "5e") as run:
            run.responses.write_text("responses")
            (run.folder / "data" / "audit.csv").write_text("half")
            (run.folder / "data" / "queries").mkdir()
            if window is not None:
                run.fix(window)
            raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError, match="in the middle"):
        attempt()


def test_a_bundle_is_built_beside_the_others_where_only_its_owner_sees_it(tmp_path: Path) -> None:
    with unfinished(tmp_path / "acme", "5e") as run:
        assert run.folder == tmp_path / "acme" / ".partial-5e"
        assert run.responses.parent.is_dir()
        assert run.window is None


def test_a_run_that_fetched_nothing_leaves_nothing_behind(tmp_path: Path) -> None:
    break_off(tmp_path / "evidence" / "acme", window=None)

    assert list(tmp_path.iterdir()) == []


def test_what_was_fetched_is_kept_with_its_window_and_nothing_else(tmp_path: Path) -> None:
    break_off(tmp_path)

    kept = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    assert kept == {".partial-5e.json", ".partial-5e/data/raw/responses.warc.gz"}
    with unfinished(tmp_path, "5e") as run:
        assert run.window == JANUARY
        assert run.responses.read_text() == "responses"


def test_what_a_killed_run_left_is_brought_back_to_the_responses(tmp_path: Path) -> None:
    killed = Unfinished(tmp_path, "5e")
    killed.begin()
    killed.responses.write_text("responses")
    killed.fix(JANUARY)
    (killed.folder / "data" / "audit.csv").write_text("half")
    (killed.folder / "manifest.json").write_text("half")
    (killed.folder / "data" / "queries").mkdir()
    (killed.folder / "data" / "link").symlink_to(tmp_path)

    with unfinished(tmp_path, "5e") as run:
        left = {path.relative_to(run.folder).as_posix() for path in run.folder.rglob("*")}
    assert left == {"data", "data/raw", "data/raw/responses.warc.gz"}


def test_another_command_does_not_find_it(tmp_path: Path) -> None:
    break_off(tmp_path)

    with unfinished(tmp_path, "6f") as run:
        assert run.window is None
        assert not run.responses.exists()


BACKWARDS = '{"since": "2026-02-01T00:00:00Z", "until": "2026-01-01T00:00:00Z"}'


@pytest.mark.parametrize("record", ["", "{}", "[]", '{"since": 1, "until": 2}', "\x00", BACKWARDS])
def test_without_a_readable_window_a_run_begins_anew(tmp_path: Path, record: str) -> None:
    break_off(tmp_path)
    (tmp_path / ".partial-5e.json").write_text(record)

    with unfinished(tmp_path, "5e") as run:
        assert run.window is None
        assert not run.responses.exists()


def test_what_nobody_can_carry_on_with_is_cleared_away_by_any_command(tmp_path: Path) -> None:
    """The same command may never come: with --since last it is another one, once the archive goes further."""
    before_its_window_was_fixed = Unfinished(tmp_path, "62")
    before_its_window_was_fixed.begin()
    before_its_window_was_fixed.responses.write_text("the first response")
    (tmp_path / ".partial-5f.json").write_text("once its bundle had its name")
    (tmp_path / ".partial-60.new").write_text("while it fixed its window")
    (tmp_path / ".partial-61").mkdir()
    break_off(tmp_path)

    with unfinished(tmp_path, "6f") as run:
        run.fix(JANUARY)
        run.folder.rename(tmp_path / "000001_x")

    assert {path.name for path in tmp_path.iterdir()} == {".partial-5e", ".partial-5e.json", "000001_x"}


def test_a_published_run_leaves_no_record(tmp_path: Path) -> None:
    with unfinished(tmp_path, "5e") as run:
        run.responses.write_text("responses")
        run.fix(JANUARY)
        run.folder.rename(tmp_path / "000001_x")

    assert [path.name for path in tmp_path.iterdir()] == ["000001_x"]


def test_what_is_set_aside_is_kept_and_not_resumed(tmp_path: Path) -> None:
    for text in ("first", "second"):
        with unfinished(tmp_path, "5e") as run:
            assert run.window is None
            run.responses.write_text(text)
            (run.folder / "data" / "audit.csv").write_text("half")
            run.fix(JANUARY)
            assert run.set_aside() == tmp_path / ".refused-5e"

    assert [path.name for path in (tmp_path / ".refused-5e" / "data").iterdir()] == ["raw"]
    assert (tmp_path / ".refused-5e" / "data" / "raw" / "responses.warc.gz").read_text() == "second"
    assert sorted(path.name for path in tmp_path.iterdir()) == [".refused-5e", ".refused-5e.json"]


def test_a_whole_bundle_makes_what_is_left_of_its_window_superfluous(tmp_path: Path) -> None:
    break_off(tmp_path)

    (tmp_path / ".partial-60.json").write_text("{}")
    (tmp_path / ".refused-61").mkdir()
    (tmp_path / ".refused-61.json").write_bytes(msgspec.json.encode(JANUARY))

    forget(tmp_path, Window(since=JANUARY.since, until=datetime(2026, 1, 31, tzinfo=UTC)))
    forget(tmp_path, Window(since=datetime(2026, 1, 2, tzinfo=UTC), until=YEAR.until))
    assert (tmp_path / ".partial-5e").exists()
    forget(tmp_path, JANUARY)
    assert [path.name for path in tmp_path.iterdir()] == [".partial-60.json"]
    break_off(tmp_path)
    forget(tmp_path, YEAR)
    assert not (tmp_path / ".partial-5e").exists()


def test_an_output_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")

    with (
        pytest.raises(OutputError, match=r"file/acme cannot be written"),
        unfinished(tmp_path / "file" / "acme", "5e"),
    ):
        pass


def test_a_folder_that_cannot_be_made_in_the_archive_is_named(tmp_path: Path) -> None:
    (tmp_path / ".partial-5e").write_text("in the way")

    with pytest.raises(OutputError, match=rf"{tmp_path} cannot be written"), unfinished(tmp_path, "5e"):
        pass


def test_what_cannot_be_removed_is_no_reason_to_fail_once_the_bundle_is_published(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    break_off(tmp_path)
    with unfinished(tmp_path, "6f") as run:
        run.fix(JANUARY)
        run.folder.rename(tmp_path / "000001_x")
        monkeypatch.setattr(Path, "unlink", refuse)
        forget(tmp_path, YEAR)

    assert {path.name for path in tmp_path.iterdir()} == {".partial-5e.json", ".partial-6f.json", "000001_x"}
