"""A year in small: a deterministic archive with its record, as the exporter hands it to the report."""

import hashlib
import importlib
import json
import os
import random
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Self
from uuid import UUID

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import vl_convert
from filelock import FileLock

from exporter.entries.schema import SCHEMA
from exporter.record import Period
from exporter.report import chart_engine, charts, controls, document, fonts, queries
from exporter.report.composing import compose
from exporter.report.render import render_report
from exporter.thresholds import Thresholds

SINCE = datetime(2026, 7, 1, tzinfo=UTC)
UNTIL = datetime(2026, 10, 1, tzinfo=UTC)
QUIET = {datetime(2026, 7, 19, tzinfo=UTC).date(), datetime(2026, 8, 15, tzinfo=UTC).date()}

WEIGHTS = {
    "deploy": 620,
    "deploy.rollback": 14,
    "deploy.destroy": 6,
    "secret.create": 60,
    "secret.delete": 45,
    "user.add": 16,
    "user.remove": 9,
    "user.role.update": 12,
    "token.create": 50,
    "token.delete": 38,
    "org.update": 5,
    "domain.add": 7,
    "domain.remove": 3,
    "token.disable": 8,
}
PEOPLE = ("dana.ito", "priya.nair", "lukasz.zolty", "sam.okafor", "mei.lindqvist")

Entry = dict[str, Any]
LayOut = Callable[[str], Any]
Make = Callable[..., Path]
"""Fills a new data folder with these entries; keywords replace parts of the record."""


def page_box(page: Any) -> Any:
    """Return the box of a page that was laid out, which WeasyPrint keeps to itself."""
    return page._page_box  # noqa: SLF001 - nothing else tells where things stand


def texts_in(box: Any) -> list[Any]:
    """Return the pieces of text in a box."""
    return [piece for piece in box.descendants() if getattr(piece, "text", None)]


def cells_on(page: Any) -> list[Any]:
    """Return the cells of a page's tables."""
    return [box for box in page_box(page).descendants() if box.element_tag in {"td", "th"}]


def changes_of(action: str, dice: random.Random) -> list[dict[str, str | None]] | None:
    release = dice.randrange(100, 900)
    match action:
        case "deploy":
            image = [f'"registry.acme.example/api:{n}"' for n in (release, release + 1)]
            return [
                {"field": "image", "old": image[0], "new": image[1]},
                {"field": "replicas", "old": "2", "new": "3"},
            ]
        case "deploy.rollback":
            return [{"field": "release", "old": str(release + 1), "new": str(release)}]
        case "user.add":
            return [{"field": "role", "old": None, "new": '"developer"'}]
        case "user.role.update":
            return [{"field": "role", "old": '"developer"', "new": '"admin"'}]
        case "org.update":
            return [{"field": "sso.enforced", "old": "false", "new": "true"}]
        case _:
            return None


def make_entries(count: int, seed: int = 7) -> list[Entry]:
    dice = random.Random(seed)  # noqa: S311 - reproducible, not secret
    entries: list[Entry] = []
    while len(entries) < count:
        moment = SINCE + timedelta(seconds=dice.randrange(int((UNTIL - SINCE).total_seconds())))
        if moment.date() in QUIET or (not 6 <= moment.hour < 19 and dice.random() < 0.85):
            continue
        action = dice.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
        person = dice.choice(PEOPLE)
        robot = action == "deploy" and dice.random() < 0.6
        kind = action.partition(".")[0]
        name = f"{dice.choice(('api', 'billing', 'ledger', 'web'))}-{dice.choice(('prod', 'staging'))}"
        entries.append(
            {
                "id": str(UUID(int=dice.getrandbits(128), version=4)),
                "timestamp": moment + timedelta(microseconds=dice.choice((0, 250_000))),
                "organization_id": "3f9a1c2e-0000-4000-8000-000000000000",
                "actor_id": None if robot else f"usr_{PEOPLE.index(person):010d}",
                "actor_email": "deploy-bot@acme.example" if robot else f"{person}@acme.example",
                "actor_type": "service" if robot else "user",
                "ip_address": "203.0.113.77" if robot else f"198.51.100.{dice.randrange(2, 60)}",
                "user_agent": "1ctl/0.11.0",
                "action": action,
                "resource_type": {"deploy": "deployment", "org": "organization"}.get(kind, kind),
                "resource_id": f"{kind[:3]}_{dice.randrange(10**9):010d}",
                "resource_name": f"{dice.choice(PEOPLE)}@acme.example" if kind == "user" else name,
                "request_id": f"req_{dice.randrange(16**8):08x}",
                "changes": changes_of(action, dice),
                "metadata": '{"commit":"9f2c41d"}' if robot else "{}",
                "extra": None,
                "source_sha256": hashlib.sha256(f"{seed}/{len(entries)}".encode()).hexdigest(),
            }
        )
    return sorted(entries, key=lambda entry: (entry["timestamp"], entry["id"]))


def record(entries: list[Entry]) -> dict[str, Any]:
    """Write down a run that ended with these entries, the way the exporter does."""
    number = len(entries)
    shown = f"{number:,}"
    return {
        "format": "audit-export/run/v1",
        "tool": {"name": "audit-export", "version": "0.1.0"},
        "window": {
            "since": "2026-07-01T00:00:00Z",
            "until": "2026-10-01T00:00:00Z",
            "asked": {"since": "2026-07-01", "until": "2026-10-01"},
            "settle_seconds": 60,
            "partial_period": False,
        },
        "timezone": "UTC",
        "filters": {},
        "source": {
            "url": "https://api.satusky.com/v1/cli",
            "endpoint": "GET /audit-logs/organizations/{organization}",
            "dialect": "B",
            "organization_id": "3f9a1c2e-0000-4000-8000-000000000000",
            "organization_name": "Acme Robotics",
            "principal": "auditor@acme.example",
            "key_origin": "environment variable SATUSKY_API_KEY",
            "parameters": {"limit": 1000, "offset": "0, then the rows received less 10"},
        },
        "options": {
            "page_size": 1000,
            "concurrency": 4,
            "timeout_seconds": 30,
            "retry_for_seconds": 600,
            "formats": ["parquet", "csv", "jsonl"],
            "frameworks": ["soc2", "iso27001"],
            "report_rows": 300,
            "allow_partial": False,
            "accept_unproven": False,
        },
        "probe": {"cap": 1000, "offset_shifts_rows": True, "total": 25000},
        "checks": [
            {
                "id": "start-of-window",
                "what": "The walk passed the start of the window",
                "expected": "a whole page older than 2026-07-01T00:00:00Z",
                "found": "page at offset 11,880: newest entry 2026-06-30T16:02:11Z",
                "result": "as expected",
            },
            {
                "id": "second-pass",
                "what": "A second pass from the newest entry finds nothing new inside the window",
                "expected": "0 new entries",
                "found": "0",
                "result": "as expected",
            },
            {
                "id": "counts",
                "what": "Raw responses, Parquet, CSV and JSONL hold the same entries",
                "expected": f"{shown} rows each",
                "found": f"{shown} raw, {shown} Parquet, {shown} CSV, {shown} JSONL",
                "result": "as expected",
            },
        ],
        "verdict": {"value": "COMPLETE", "reasons": []},
        "counts": {
            "requests": 14,
            "entries_received": number + 6578,
            "repeated": 130,
            "outside_window": 6448,
            "entries": number,
            "formats": {"parquet": number, "csv": number, "jsonl": number},
            "nulls": {},
            "earliest": None,
            "latest": None,
        },
        "observations": [
            {"id": "timestamp-without-zone", "what": "Timestamps without a zone, taken as UTC", "count": 0}
        ],
        "clocks": {
            "started": "2026-11-23T02:00:00Z",
            "finished": "2026-11-23T02:00:09Z",
            "server_first": "2026-11-23T02:00:00Z",
            "server_last": "2026-11-23T02:00:08Z",
            "ahead_of_server_seconds": 0,
        },
        "host": {"name": "export-01", "system": "Linux 6.1.0 x86_64", "python": "3.11.7"},
        "versions": {"pyarrow": "26.0.1", "duckdb": "2.0.0", "weasyprint": "70.0"},
        "seal": {"signing_key": None, "timestamp_authority": None},
    }


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def make_data(data: Path, entries: list[Entry], **changed: object) -> Path:
    """Fill a bundle's data folder; ``changed`` replaces parts of the record: ``verdict={...}``."""
    data.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(entries, schema=SCHEMA), data / "audit.parquet", compression="zstd")
    run = record(entries)
    for name, value in changed.items():
        run[name] = run[name] | value if isinstance(value, dict) else value
    window = msgspec.convert(run["window"], Period)
    queries.ship(data / "queries", msgspec.convert(run["options"].get("thresholds", {}), Thresholds), window)
    catalogues = controls.find(run["options"]["frameworks"])
    controls.ship(data / "controls", catalogues)
    run["options"]["frameworks"] = [each.framework.id for each in catalogues]
    run["files"] = [
        {"path": f"data/{path.relative_to(data)}", "bytes": path.stat().st_size, "sha256": digest(path)}
        for path in [data / "audit.parquet", *sorted(data.glob("*/*.*"))]
    ]
    (data / "run.json").write_text(json.dumps(run, indent=1, ensure_ascii=False) + "\n", "utf-8")
    return data


class _EngineHere:
    """The engine for the charts as a process that is none: it starts once, not once for each report."""

    args = "the engine"

    def __init__(self, _command: object, **_given: object) -> None:
        _start_engine()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def kill(self) -> None:
        pass

    def communicate(self, given: bytes) -> tuple[bytes, None]:
        return json.dumps(chart_engine.draw(json.loads(given))).encode(), None

    def wait(self) -> int:
        return 0


@cache
def _start_engine() -> None:
    vl_convert.register_font_directory(str(fonts.folder()))


_environment = cache(document._environment)  # noqa: SLF001 - templates are compiled once, not for each report


@pytest.fixture(autouse=True)
def _composed_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Begin nothing anew for each report that is composed; one that is rendered has processes of its own."""
    monkeypatch.setattr(document, "_environment", _environment)
    monkeypatch.setattr(charts, "subprocess", SimpleNamespace(Popen=_EngineHere, PIPE=subprocess.PIPE))


@pytest.fixture(scope="session")
def entries() -> list[Entry]:
    return make_entries(900)


@pytest.fixture(scope="session")
def make(tmp_path_factory: pytest.TempPathFactory) -> Make:
    def make(entries: list[Entry], **changed: object) -> Path:
        return make_data(tmp_path_factory.mktemp("bundle") / "data", entries, **changed)

    return make


@pytest.fixture(scope="session")
def undrawn(make: Make, entries: list[Entry]) -> Path:
    """A data folder as it is before its report is drawn."""
    return make(entries, options={"report_rows": 90})


@pytest.fixture(scope="session")
def ordinary(entries: list[Entry], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with its report, drawn once for all processes that tests run in; not to be changed."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    data = shared / "ordinary" / "data"
    with FileLock(shared / "ordinary.lock"):
        if not (data / "report.pdf").exists():
            render_report(make_data(data, entries, options={"report_rows": 90}))
    return data


@pytest.fixture(scope="session")
def html(undrawn: Path) -> str:
    return compose(undrawn)


@pytest.fixture(scope="session")
def lay_out(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LayOut]:
    """Lay a document out in pages, in this process, with our fonts and no others."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FONTCONFIG_FILE", str(fonts.configure(tmp_path_factory.mktemp("fonts"), fonts.Face)))
        pdf = importlib.import_module("exporter.report.pdf")
        yield lambda html: pdf.lay_out(html, pdf.Refusals())
