"""Checking a sealed bundle: this program, and ``sha256sum`` over the same files."""

import shutil
import subprocess
import sys
import tempfile
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from bench.pages import Pages, make_pages
from bench.processes import Measured, Subject, compare
from bench.results import Result, Target, at_most
from bench.setting import Setting
from bench.span import SINCE, UNTIL
from exporter import record
from exporter.derive import derive
from exporter.evidence.chain import Link
from exporter.evidence.seal import seal
from exporter.export import export
from exporter.facts import Selection, Window
from exporter.request import Request
from exporter.sandbox.app import Settings, create_app
from exporter.sandbox.audit_service import AuditService
from exporter.sandbox.history import generate
from exporter.sandbox.server import serving
from exporter.source.connection import Connection
from exporter.source.credentials import Key, Profile
from exporter.source.platform import recorded_rows

_OURS = "audit-export verify"
_PEER = "sha256sum -c, both manifests"
_LEAST = 200 * 2**20
"""Bytes that a bundle should have for the start of a program not to count."""


def measure(setting: Setting) -> Result:
    """Measure the verification."""
    bundle = _bundle(make_pages(setting.entries, setting.work), setting.work)
    size = sum(path.stat().st_size for path in bundle.rglob("*") if path.is_file())
    checked = "sha256sum -c --strict --quiet tagmanifest-sha256.txt manifest-sha256.txt"
    subjects = [
        Subject(name=_OURS, command=[sys.executable, "-m", "exporter", "verify", str(bundle)]),
        Subject(name=_PEER, command=["sh", "-c", f"cd {bundle} && {checked}"]),
    ]
    measured = {one.name: one for one in compare(subjects, runs=setting.runs)}
    return Result(
        title="Checking a sealed bundle",
        work=f"A bundle of {size / 2**20:,.0f} MiB, {setting.entries:,} entries. sha256sum reads the digests "
        "alone; ours checks layout, forms, statement and row counts as well.",
        measured=list(measured.values()),
        targets=_targets(measured),
        versions={"coreutils": _version("sha256sum")},
        left_out=[f"The bundle is smaller than {_LEAST / 2**20:,.0f} MiB."] if size < _LEAST else [],
    )


def _targets(measured: dict[str, Measured]) -> list[Target]:
    ours, peer = measured[_OURS].median, measured[_PEER].median
    return [at_most("time on the clock, of that of sha256sum", ours.wall / peer.wall, 1.0)]


def _bundle(pages: Pages, work: Path) -> Path:
    """Seal a bundle over the archives of the pages, or find it there."""
    bundle = work / f"bundle-{pages.entries}"
    if bundle.exists():
        return bundle
    window = Window(since=SINCE, until=UNTIL)
    with tempfile.TemporaryDirectory(dir=work) as folder:
        made = Path(folder, "bundle")
        run = _small_run(Path(folder), made)
        data = made / "data"
        for small in data.glob("audit.*"):
            small.unlink()
        shutil.copyfile(pages.responses, data / "raw" / "responses.warc.gz")
        derived = derive(recorded_rows(pages.responses), Selection(window=window), data)
        formats = {name: file.rows for name, file in derived.files.items()}
        run = replace(
            run,
            window=replace(run.window, since=window.since, until=window.until),
            counts=replace(run.counts, entries=derived.rows, formats=formats),
            files=[],
        )
        (data / "run.json").write_bytes(record.encode(run))
        seal(made, run, Link(chain="bench/0", sequence=1, previous=None), None)
        made.rename(bundle)
    return bundle


def _small_run(folder: Path, to: Path) -> record.Run:
    """Export a small log for real, for the record of a run and the files that do not grow."""
    with AuditService() as service:
        service.record_all(generate(entries=1_000, ends=UNTIL))
        app = create_app(service, Settings(), lambda: UNTIL)
        with serving(app) as served:
            request = Request(
                since=UNTIL - timedelta(days=30),
                until=UNTIL - timedelta(days=1),
                asked={},
                connection=Connection(
                    base_url=served.base_url, key=Key(Settings().api_key, origin="the benchmark")
                ),
                profile=Profile(),
                organization=str(Settings().organization_id),
                label="bench",
                output=folder / "evidence",
                report=False,
            )
            outcome = export(request, now=lambda: UNTIL, progress=lambda *_: None)
    outcome.bundle.rename(to)
    return outcome.run


def _version(program: str) -> str:
    done = subprocess.run(  # noqa: S603 - a program of the system, by name
        [program, "--version"], capture_output=True, text=True, check=True
    )
    return done.stdout.splitlines()[0].split()[-1]
