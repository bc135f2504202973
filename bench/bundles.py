"""Bundles to verify and to draw reports from: exports of the reference platform's log, made once."""

import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from bench.span import SINCE, UNTIL
from exporter import record
from exporter.export import export
from exporter.files import sha256_file
from exporter.report import queries
from exporter.request import Request
from exporter.sandbox.app import Settings, create_app
from exporter.sandbox.audit_service import AuditService
from exporter.sandbox.history import generate
from exporter.sandbox.server import serving
from exporter.source.connection import Connection
from exporter.source.credentials import Key, Profile


def make_bundle(entries: int, work: Path) -> Path:
    """Make a bundle of a year with so many entries below ``work``, or find it there."""
    folder = work / f"bundle-{entries}"
    if not (folder / "done").exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        _export(entries, folder)
        (folder / "done").touch()
    (bundle,) = folder.glob("*/0*")
    return bundle


def with_rows(bundle: Path, rows: int, to: Path) -> Path:
    """Copy of a bundle what a report is drawn from; its tables share so many rows.

    The queries are those of now: the bundle may have been made when they were others.
    """
    shutil.rmtree(to, ignore_errors=True)
    unneeded = shutil.ignore_patterns("raw", "*.csv", "*.jsonl", "queries", "report.pdf")
    shutil.copytree(bundle / "data", to / "data", ignore=unneeded)
    path = to / "data" / "run.json"
    run = record.decode(path.read_bytes())
    shipped = queries.ship(to / "data" / "queries", run.options.thresholds, run.window)
    files = [file for file in run.files if not file.path.startswith("data/queries/")]
    files += [
        record.File(path=each.relative_to(to).as_posix(), bytes=each.stat().st_size, sha256=sha256_file(each))
        for each in shipped
    ]
    path.write_bytes(record.encode(replace(run, files=files, options=replace(run.options, report_rows=rows))))
    return to


def _export(entries: int, output: Path) -> None:
    with AuditService() as service:
        service.record_all(generate(entries=entries, ends=UNTIL))
        app = create_app(service, Settings(), lambda: UNTIL)
        with serving(app) as served:
            settings: Settings = app.state.settings
            request = Request(
                since=SINCE,
                until=UNTIL,
                settle=timedelta(),
                asked={"since": "2025-11-23", "until": "2026-11-23"},
                connection=Connection(
                    base_url=served.base_url, key=Key(settings.api_key, origin="the benchmark")
                ),
                profile=Profile(),
                organization=str(settings.organization_id),
                label="Acme Robotics",
                output=output,
                report=False,
            )
            export(request, now=lambda: UNTIL, progress=lambda _received, _oldest: None)
