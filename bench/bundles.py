"""Bundles to draw reports from: exports of the reference platform's log, made once and used again."""

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

from exporter.export import export
from exporter.recording import Request
from exporter.sandbox.app import Settings, create_app
from exporter.sandbox.audit_service import AuditService
from exporter.sandbox.history import generate
from exporter.sandbox.server import serving
from exporter.source.client import Connection
from exporter.source.credentials import Key, Profile

UNTIL = datetime(2026, 11, 23, tzinfo=UTC)
"""The platform's time, at which its history of a year ends, and the end of the window."""

SINCE = datetime(2025, 11, 23, tzinfo=UTC)
"""The begin of both."""


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
    """Copy of a bundle what a report is drawn from; its tables share so many rows."""
    shutil.rmtree(to, ignore_errors=True)
    unneeded = shutil.ignore_patterns("raw", "*.csv", "*.jsonl", "report.pdf")
    shutil.copytree(bundle / "data", to / "data", ignore=unneeded)
    record = to / "data" / "run.json"
    run = json.loads(record.read_text("utf-8"))
    run["options"]["report_rows"] = rows
    record.write_text(json.dumps(run), "utf-8")
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
