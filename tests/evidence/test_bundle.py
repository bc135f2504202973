import errno
import fcntl
import hashlib
import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.errors import OutputError, UsageError
from exporter.evidence import bag
from exporter.evidence.bundle import archive_folder, made_folder, publish, refuse_inside, sync

ACME = hashlib.sha256(b"org-1").hexdigest()[:8]


@pytest.fixture
def restrictive() -> Iterator[None]:
    """Set a umask that lets everybody read, as many machines do."""
    before = os.umask(0o022)
    yield
    os.umask(before)


def built(archive: Path) -> Path:
    """Make a folder with a bundle that is not published yet."""
    folder = archive / ".partial-x"
    (folder / "data").mkdir(parents=True)
    return folder


def test_an_archive_is_named_by_a_slug_and_the_digits_of_its_identity(tmp_path: Path) -> None:
    assert archive_folder(tmp_path, identity="org-1", name="Acme, Inc.") == tmp_path / f"acme-inc-{ACME}"


def test_an_archive_is_found_by_its_digits_whatever_it_is_called_now(tmp_path: Path) -> None:
    (tmp_path / f"acme-inc-{ACME}").mkdir()
    (tmp_path / "renamed-00000000").mkdir()
    (tmp_path / f"a-file-{ACME}").write_text("not a folder")

    assert archive_folder(tmp_path, identity="org-1", name="Renamed") == tmp_path / f"acme-inc-{ACME}"
    assert archive_folder(tmp_path, identity="org-2", name="Acme, Inc.").name.startswith("acme-inc-")


@given(name=st.text())
def test_no_name_leads_out_of_the_output_folder(name: str) -> None:
    folder = archive_folder(Path("evidence"), identity="org-1", name=name)

    assert folder.parent == Path("evidence")
    assert folder.name.endswith(f"-{ACME}")
    assert folder.name.isascii()
    assert len(folder.name) <= 49
    assert not folder.name.startswith((".", "-"))


def test_nothing_goes_into_a_bundle_by_whatever_way(tmp_path: Path) -> None:
    bundle, other = tmp_path / "bundle", tmp_path / "other"
    (bundle / "data").mkdir(parents=True)
    other.mkdir()
    for name in (bag.TAG_MANIFEST, bag.STATEMENT):
        (other / name).touch()
    (tmp_path / "link").symlink_to(bundle)

    refuse_inside(bundle, tmp_path / "beside")
    for to in (bundle, bundle / "new", bundle / "data" / ".." / "data", tmp_path / "link", other / "new"):
        with pytest.raises(UsageError, match="lies inside the bundle, which is sealed"):
            refuse_inside(bundle, to)


def test_publishing_gives_the_whole_folder_its_name_and_leaves_nothing_else(tmp_path: Path) -> None:
    folder = built(tmp_path / "acme")
    (folder / "data" / "audit.csv").write_text("whole")

    target = publish(folder, tmp_path / "acme" / "000001_x")

    assert target == tmp_path / "acme" / "000001_x"
    assert (target / "data" / "audit.csv").read_text() == "whole"
    assert list((tmp_path / "acme").iterdir()) == [target]


@pytest.mark.usefixtures("restrictive")
def test_a_published_bundle_is_its_owners_alone(tmp_path: Path) -> None:
    folder = built(tmp_path / "acme")
    (folder / "data" / "queries").mkdir()
    for name in ("manifest.json", "data/run.json", "data/queries/01.sql"):
        (folder / name).write_text("readable by all")

    target = publish(folder, tmp_path / "acme" / "extracts" / "x")

    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in (target, *target.rglob("*"))}
    assert {mode for path, mode in modes.items() if path.is_dir()} == {0o700}
    assert {mode for path, mode in modes.items() if path.is_file()} == {0o600}


@pytest.mark.parametrize("taken", ["folder", "file", "empty folder", "dangling link"])
def test_publishing_replaces_nothing(tmp_path: Path, taken: str) -> None:
    target = tmp_path / "000001_x"
    match taken:
        case "folder":
            (target / "data").mkdir(parents=True)
        case "file":
            target.write_text("evidence")
        case "empty folder":
            target.mkdir()
        case _:
            target.symlink_to(tmp_path / "nowhere")
    before = target.lstat()

    folder = built(tmp_path)

    with pytest.raises(OutputError, match="could not be published"):
        publish(folder, target)

    assert target.lstat().st_ino == before.st_ino
    assert set(tmp_path.iterdir()) == {target, folder}


@pytest.mark.parametrize("refused", [False, True])
def test_on_macos_everything_is_brought_out_of_the_disks_own_memory(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *, refused: bool
) -> None:
    called: list[object] = []

    def request(_: int, number: int) -> None:
        called.append(number)
        if refused:
            raise OSError(errno.ENOTSUP, "no such request")

    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(fcntl, "F_FULLFSYNC", 51, raising=False)
    monkeypatch.setattr(fcntl, "fcntl", request)
    monkeypatch.setattr(os, "fsync", lambda _: called.append("fsync"))

    sync(tmp_path)

    assert called == ([51, "fsync"] if refused else [51])


def test_an_output_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")

    with (
        pytest.raises(OutputError, match=r"file/acme cannot be written"),
        made_folder(tmp_path / "file" / "acme"),
    ):
        pass
    assert (tmp_path / "file").read_text() == "in the way"


def test_an_output_folder_that_leads_to_itself_is_named(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(OutputError, match="loop cannot be written"):
        archive_folder(tmp_path / "loop", identity="acme", name="Acme")


def test_a_working_folder_that_is_gone_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    tmp_path.rmdir()
    archive = archive_folder(Path("evidence"), identity="acme", name="Acme")
    with pytest.raises(OutputError, match="cannot be written"), made_folder(archive):
        pass


@pytest.mark.parametrize("fault", [FileExistsError, FileNotFoundError])
def test_a_folder_that_another_run_takes_along_meanwhile_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: type[OSError]
) -> None:
    faults = [fault, fault]
    mkdir = Path.mkdir

    def vanishing(path: Path, mode: int = 0o777, *, parents: bool = False, exist_ok: bool = False) -> None:
        if faults:
            raise faults.pop()
        mkdir(path, mode, parents=parents, exist_ok=exist_ok)

    monkeypatch.setattr(Path, "mkdir", vanishing)
    with made_folder(tmp_path / "evidence" / "acme"):
        assert (tmp_path / "evidence" / "acme").is_dir()
