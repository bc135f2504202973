"""A run that is killed while it seals, and a disk that is full by then: a whole bundle, or none."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from exporter.errors import OutputError
from exporter.evidence.authority import Authority
from exporter.evidence.keys import load_signing_key
from exporter.evidence.stamp import stamp_missing
from exporter.export import Published, export
from exporter.request import Request
from exporter.verify import examine, verify
from exporter.verify.bundle import Trust
from exporter.verify.findings import Outcome
from tests.evidence.authorities import Chain, Respond, served
from tests.world import NOW, World

KILLS = 50

SEALING = """
import json, os, signal, sys
from pathlib import Path
from exporter import record
from exporter.evidence.bundle import publish
from exporter.evidence.chain import Link
from exporter.evidence.seal import seal
from exporter.evidence.keys import load_signing_key
from exporter.evidence.stamp import stamp_missing
from exporter.evidence.authority import Authority

archives, key, url = Path(sys.argv[1]), load_signing_key(Path(sys.argv[2]), None), sys.argv[3]

def sealing(archive, at):
    'Seal what lies there in the making, and be killed at a line of the code that seals.'
    lines = 0
    def line(frame, event, _):
        nonlocal lines
        if event == 'line':
            lines += 1
            if lines == at:
                os.kill(os.getpid(), signal.SIGKILL)
        return line
    def call(frame, event, _):
        return line if '/exporter/evidence/' in frame.f_code.co_filename else None
    folder = archive / '.partial-1'
    run = record.decode((folder / 'data' / 'run.json').read_bytes())
    sys.settrace(call)
    seal(folder, run, Link(chain='acme/5e', sequence=1, previous=None), key)
    publish(folder, archive / '000001_20260701T000000Z_20261001T000000Z')
    stamp_missing(archive, Authority(url=url))
    sys.settrace(None)
    return lines

ended = []
total = sealing(archives / 'whole', None)
for number, archive in enumerate(sorted(archives.glob('killed-*'))):
    child = os.fork()
    if not child:
        sealing(archive, 1 + number * total // len(list(archives.glob('killed-*'))))
        os._exit(0)
    ended.append(os.waitpid(child, 0)[1])
print(json.dumps({'lines': total, 'ended': ended}))
"""


@pytest.fixture(scope="module")
def unsealed(_shared_world: World, key: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a bundle with all that is made before the seal, and nothing of the seal."""
    request = _shared_world.request(
        tmp_path_factory.mktemp("made"),
        signing_key=load_signing_key(key, None),
        authority=Authority(url="http://127.0.0.1:9/tsa"),
    )
    bundle = export(request, now=lambda: NOW, progress=lambda *_: None).bundle
    for path in bundle.iterdir():
        if path.is_file():
            path.unlink()
    return bundle


def test_killed_at_any_of_50_points_while_sealing_a_bundle_is_whole_or_not_there(
    unsealed: Path, key: Path, authority: Chain, tmp_path: Path
) -> None:
    archives = [tmp_path / f"killed-{number:02}" for number in range(KILLS)]
    for archive in [*archives, tmp_path / "whole"]:
        shutil.copytree(unsealed, archive / ".partial-1")
    with served(authority.respond()) as url:
        command = [sys.executable, "-c", SEALING, str(tmp_path), str(key), url]
        done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=120)
        report = json.loads(done.stdout)
        assert report["ended"] == [9] * KILLS
        assert report["lines"] > KILLS

        whole = [archive for archive in archives if list(archive.glob("0*"))]
        assert 0 < len(whole) < KILLS
        for archive in whole:
            (bundle,) = archive.glob("0*")
            claims = Outcome.of(verify(bundle, reperform=False))
            assert claims is Outcome.NOT_CHECKED, archive.name
            stamp_missing(archive, Authority(url=url))
            assert [path.name for path in archive.iterdir()] == [bundle.name]
            trust = Trust(roots=[authority.root.certificate])
            checks = {check.id: check for check in verify(bundle, reperform=False, trust=trust)}
            assert checks["timestamp"].found == "at 2026-11-23T12:00:00Z"
    for archive in set(archives) - set(whole):
        assert [path.name for path in archive.iterdir()] == [".partial-1"]


class Disk:
    """A small disk that can be filled at a moment of one's choice."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def fill(self, *, leaving: int) -> None:
        free = shutil.disk_usage(self.path).free
        with (self.path / "ballast").open("wb") as file:
            file.write(bytes(max(0, free - leaving)))


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """Mount a disk of 100 megabytes; only root may. Without it, the limit on file sizes below has to do."""
    path = tmp_path / "disk"
    path.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=100m", "none", str(path)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("mounting a small disk takes more rights")
    yield Disk(path)
    subprocess.run(["umount", str(path)], check=True)


class Clock:
    """Tells the time, and fills the disk when the reading of the log has ended."""

    def __init__(self, disk: Disk, leaving: int) -> None:
        self.disk, self.leaving, self.told = disk, leaving, 0

    def __call__(self) -> datetime:
        derived = list(self.disk.path.glob("*/*/*/data/audit.parquet"))
        if derived and not (self.disk.path / "ballast").exists():
            self.disk.fill(leaving=self.leaving)
        return NOW


def attempt(request: Request, clock: Clock) -> Published | OutputError:
    try:
        return export(request, now=clock, progress=lambda *_: None)
    except OutputError as error:
        return error


def test_a_disk_that_is_full_when_it_comes_to_the_record_and_the_seal_publishes_nothing(
    world: World, key: Path, disk: Disk
) -> None:
    """Ever more room is left, by a page of the disk or a few, until it is enough."""
    output = disk.path / "evidence"
    request = world.request(output, signing_key=load_signing_key(key, None))
    attempts: list[Published | OutputError] = []
    while not attempts or isinstance(attempts[-1], OutputError):
        assert not list(output.glob("*/0*"))
        attempts.append(attempt(request, Clock(disk, leaving=40_960 * len(attempts))))
        (disk.path / "ballast").unlink()

    *refused, made = attempts
    assert isinstance(made, Published)
    assert Outcome.of(verify(made.bundle, reperform=False)) is Outcome.NOT_CHECKED
    assert len(refused) > 3
    for error in refused:
        assert isinstance(error, OutputError)
        assert error.exit_code == 7
        assert "No space left" in error.what


def filling(respond: Respond, disk: Disk) -> Respond:
    def answer(body: bytes) -> tuple[int, bytes]:
        disk.fill(leaving=0)
        return respond(body)

    return answer


@pytest.mark.parametrize("required", [True, False])
def test_a_disk_that_is_full_when_the_time_stamp_comes_leaves_a_bundle_without_it_or_none(
    world: World, key: Path, authority: Chain, disk: Disk, *, required: bool
) -> None:
    output = disk.path / "evidence"
    with served(filling(authority.respond(), disk)) as url:
        request = world.request(
            output,
            signing_key=load_signing_key(key, None),
            authority=Authority(url=url),
            require_timestamp=required,
        )
        if required:
            with pytest.raises(OutputError, match="No space left") as refused:
                export(request, now=lambda: NOW, progress=lambda *_: None)
            assert refused.value.exit_code == 7
            assert not list(disk.path.rglob("tagmanifest-sha256.txt"))
            return
        sealed = export(request, now=lambda: NOW, progress=lambda *_: None)
        assert sealed.failure is not None
        assert sealed.failure.exit_code == 7
        (disk.path / "ballast").unlink()
    with served(authority.respond()) as url:
        assert stamp_missing(sealed.bundle.parent, Authority(url=url)) == [sealed.bundle]
    assert examine(sealed.bundle.parent, reperform=False).outcome is Outcome.NOT_CHECKED


@pytest.mark.parametrize("limit", [2_000, 20_000, 200_000])
def test_a_limit_on_the_size_of_files_ends_the_run_with_7_and_publishes_nothing(
    world: World, tmp_path: Path, limit: int
) -> None:
    script = (
        "import resource, sys; from exporter.cli import main\n"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))\n"
        "main(sys.argv[1:])\n"
    )
    options = ["--since", "2026-07-01", "--until", "2026-10-01", "--report", "none"]
    environment = {
        **os.environ,
        "HOME": str(tmp_path),
        "SATUSKY_API_URL": world.url,
        "SATUSKY_API_KEY": world.settings.api_key,
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    environment.pop("COVERAGE_PROCESS_START", None)
    done = subprocess.run(
        [sys.executable, "-c", script, *options],
        cwd=tmp_path,
        env=environment,
        check=False,
        capture_output=True,
        text=True,
    )

    assert done.returncode == 7, done.stderr
    assert "File too large" in done.stderr
    assert not list(tmp_path.rglob("tagmanifest-sha256.txt"))
    left = {path.name for path in tmp_path.rglob("*") if path.is_file()}
    assert {name for name in left if not name.startswith(".partial-")} <= {"responses.warc.gz"}
