"""What cannot be read, or written meanwhile, is not called altered; nor does it hide what is."""

import errno
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from exporter.cli import main
from exporter.facts import Result
from exporter.verify import verify
from exporter.verify.findings import Outcome
from tests.rights import run_without_privileges

FILES = [
    "data/audit.parquet",
    "data/raw/responses.warc.gz",
    "data/run.json",
    "manifest-sha256.txt",
    "tagmanifest-sha256.txt.sig",
]
"""Files that are read for one claim each, and for several."""


def looked_at(path: Path, *options: str) -> tuple[int, dict[str, Any]]:
    """Verify as a user who may not read everything; returns the exit code, and the findings."""
    done = run_without_privileges("verify", "--json", *options, str(path))
    assert done.stderr == ""
    return done.returncode, json.loads(done.stdout)


def bad(result: dict[str, Any]) -> dict[str, str]:
    """Return what the findings that are not as expected found, by their ids."""
    checks = [check for part in (result, *result.get("bundles", ())) for check in part["findings"]]
    return {check["id"]: check["found"] for check in checks if check["result"] in {"differs", "missing"}}


@contextmanager
def closed(folder: Path, rights: int = 0) -> Iterator[None]:
    """Leave a folder these rights meanwhile; afterwards its owner may do all with it again."""
    folder.chmod(rights)
    try:
        yield
    finally:
        folder.chmod(0o700)


@pytest.mark.parametrize("command", [["verify"], ["pack"], ["recheck"], ["report", "--to", "."]])
def test_what_lies_in_a_closed_folder_is_not_said_not_to_exist(tmp_path: Path, command: list[str]) -> None:
    (tmp_path / "evidence" / "archive").mkdir(parents=True)
    with closed(tmp_path / "evidence"):
        done = run_without_privileges(*command, str(tmp_path / "evidence" / "archive"))

    assert (done.returncode, done.stdout) == (2, "")
    assert "lies where this user may not look" in done.stderr


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_may_not_be_read_leaves_a_claim_unchecked(signed: Path, name: str) -> None:
    (signed / name).chmod(0)

    code, found = looked_at(signed, "--reperform")

    assert (code, found["outcome"]) == (3, "not wholly checked")
    assert bad(found["results"][0]) == {}
    assert "Permission denied" in json.dumps(found)


@pytest.mark.parametrize(
    ("place", "rights"), [("data", 0o000), ("data", 0o300), ("data", 0o600), ("data/raw", 0o000)]
)
def test_a_folder_that_may_not_be_read_leaves_a_claim_unchecked(
    signed: Path, place: str, rights: int
) -> None:
    with closed(signed / place, rights):
        code, found = looked_at(signed, "--reperform")

    assert (code, found["outcome"]) == (3, "not wholly checked")
    assert bad(found["results"][0]) == {}


def test_what_was_altered_is_found_beside_what_may_not_be_read(signed: Path) -> None:
    (signed / "data" / "audit.jsonl").chmod(0)
    with (signed / "data" / "audit.csv").open("a") as file:
        file.write("more")

    code, found = looked_at(signed)

    assert (code, found["outcome"]) == (4, "altered")
    assert "not data/audit.csv; not read: data/audit.jsonl (Permission denied)" in json.dumps(found)


def test_a_file_that_is_not_there_is_missing_beside_what_may_not_be_read(signed: Path) -> None:
    (signed / "data" / "audit.jsonl").chmod(0)
    (signed / "data" / "audit.csv").unlink()

    code, found = looked_at(signed)

    assert (code, found["outcome"]) == (4, "incomplete")
    assert bad(found["results"][0])["payload-whole"] == "data/audit.csv"


def test_a_bundle_of_another_user_is_neither_altered_nor_missing_in_its_archive(archive: Path) -> None:
    others = sorted(archive.iterdir())[1]
    with closed(others):
        code, found = looked_at(archive, "--expect-through", "2026-08-31")

    (result,) = found["results"]
    assert (code, found["outcome"]) == (3, "not wholly checked")
    assert bad(result) == {}
    by_id = {check["id"]: check for check in result["findings"]}
    assert by_id["chain-sequence"]["found"] == f"without 000002; not read: {others.name}"
    assert by_id["coverage"]["result"] == "not performed"
    assert result["bundles"][1]["findings"][0]["found"] == "not read: all of it (Permission denied)"
    assert result["bundles"][1]["signing_key"] == "unreadable"


def test_a_bundle_that_is_missing_is_so_beside_one_of_another_user(archive: Path) -> None:
    _, others, removed, _ = sorted(archive.iterdir())
    shutil.rmtree(removed)
    with closed(others):
        code, found = looked_at(archive)

    assert code == 4
    assert bad(found["results"][0]) == {"chain-sequence": "without 000002, 000003"}


def test_a_folder_of_another_user_among_the_bundles_may_be_one(archive: Path) -> None:
    _, second, _, _ = sorted(archive.iterdir())
    renamed = second.rename(archive / "june")
    (archive / "extracts").mkdir(0)
    with closed(renamed):
        code, found = looked_at(archive)

    assert code == 3
    assert bad(found["results"][0]) == {}


@pytest.mark.parametrize("place", ["data", "data/audit.csv", "manifest.json"])
def test_what_may_not_be_read_is_not_packed(signed: Path, tmp_path: Path, place: str) -> None:
    with closed(signed / place, 0o300):
        done = run_without_privileges("pack", str(signed), "--to", str(tmp_path))

    assert done.returncode == 7
    assert f"{signed} could not be " in done.stderr
    assert not list(tmp_path.glob("*.zip"))


@pytest.fixture
def packed(signed: Path, tmp_path: Path) -> Path:
    with pytest.raises(SystemExit):
        main(["pack", str(signed), "--to", str(tmp_path)])
    (path,) = tmp_path.glob("*.zip")
    return path


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has prlimit")
def test_where_temporary_files_have_no_room_that_is_said_and_nothing_else(signed: Path, packed: Path) -> None:
    for arguments in ((signed, "--reperform"), (packed,), (packed, "--reperform")):
        done = subprocess.run(
            ["prlimit", "--fsize=4096", sys.executable, "-m", "exporter", "verify", *arguments],
            env={**os.environ, "TMPDIR": str(signed.parent)},
            capture_output=True,
            text=True,
            check=False,
        )

        assert (done.returncode, done.stdout) == (7, "")
        assert f"could not be written below {signed.parent} (File too large)" in done.stderr
        assert "TMPDIR" in done.stderr


VERIFIED_WITH_FEW_FILES = """
import os, resource, sys
from pathlib import Path
from exporter.facts import Result
from exporter.verify import verify
from exporter.verify.findings import Outcome
bundle, few = Path(sys.argv[1]), int(sys.argv[2])
verify(bundle, reperform=False)
os.close(free := os.open("/dev/null", os.O_RDONLY))
usual, most = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (free + few, most))
checks = verify(bundle, reperform=False)
resource.setrlimit(resource.RLIMIT_NOFILE, (usual, most))
print(Outcome.of(checks).value)
print(*(check.id for check in checks if check.result is Result.NOT_PERFORMED))
print(*(check.found for check in checks), sep="\\n")
"""


def verified_with_few_files(path: Path, few: int) -> list[str]:
    """Verify where so many more files may be open: the outcome, what was not checked, all that was found."""
    done = subprocess.run(
        [sys.executable, "-c", VERIFIED_WITH_FEW_FILES, path, str(few)],
        env={**os.environ, "TMPDIR": str(path.parent)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    return done.stdout.splitlines()


def test_where_no_more_files_may_be_open_nothing_is_called_altered(signed: Path) -> None:
    """One is what it takes to list the folder, two to read a file in it."""
    outcome, not_checked, *found = verified_with_few_files(signed, 1)

    assert outcome == "not wholly checked"
    assert {"tag-files", "payload", "statement", "rows"} <= set(not_checked.split())
    assert "not read: manifest-sha256.txt (Too many open files)" in found


@pytest.mark.parametrize(
    ("few", "reason"),
    [(0, "not read: all of it (Too many open files)"), (1, "not compared: [Errno 24] Too many open files")],
)
def test_a_zip_that_cannot_be_opened_is_not_called_altered(packed: Path, few: int, reason: str) -> None:
    outcome, not_checked, *found = verified_with_few_files(packed, few)

    assert outcome == "not wholly checked"
    assert not_checked.split()[0] == "container"
    assert found[0].startswith(reason)


@pytest.mark.parametrize("said", [errno.ENXIO, errno.EOPNOTSUPP], ids=["Linux", "macOS"])
def test_a_socket_in_the_place_of_a_file_was_put_there(
    signed: Path, monkeypatch: pytest.MonkeyPatch, said: int
) -> None:
    """As each system says it; a pipe stands for the socket, whose path may not be as long."""
    (signed / "manifest.json").unlink()
    os.mkfifo(signed / "manifest.json")
    opened = os.open

    def refuse(path: str, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        if path == "manifest.json":
            raise OSError(said, os.strerror(said))
        return opened(path, flags, mode, dir_fd=dir_fd)

    monkeypatch.setattr(os, "open", refuse)
    checks = verify(signed, reperform=False)

    assert Outcome.of(checks) is Outcome.ALTERED
    assert {check.id for check in checks if check.result is Result.NOT_PERFORMED} == {
        "signature",
        "timestamp",
    }
