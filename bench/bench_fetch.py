"""A whole run against a platform 50 ms away, and fetching the same pages only to throw them away.

Besides, what the offset paginators of three extraction kits make of a platform that gives fewer entries than
it was asked for: no matter of time, but of whether an export is whole.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

from bench import paged_server
from bench.pages import PAGE, Pages, make_pages
from bench.processes import FOLDER, Measured, Subject, compare
from bench.results import Result, Table, Target, at_most
from bench.setting import PEERS, ROOT, Setting
from bench.span import SINCE, UNTIL
from exporter import record
from exporter.facts import rfc3339
from exporter.sandbox.app import BASE, Settings, create_app
from exporter.sandbox.audit_service import AuditService
from exporter.sandbox.history import generate
from exporter.sandbox.server import serving

_LATENCY = 0.05
_CONCURRENCIES = (4, 1)
_OVERLAP = 11
"""Entries that two pages share where no two are of one instant: ten, and the one before them."""

_HELD, _CAP, _ASKED = 1_000, 100, 250
_KITS = {"dlt": "dlt", "singer-sdk": "singer", "airbyte-cdk": "airbyte"}
_ORGANIZATION = str(Settings().organization_id)
_KEY = Settings().api_key
_ENVIRONMENT = {"SATUSKY_API_KEY": _KEY, "PYTHONPATH": str(ROOT.parent)}


def measure(setting: Setting) -> Result:
    """Measure the run, and count what the kits return."""
    pages = make_pages(setting.entries, setting.work)
    with _far_away(pages) as url:
        subjects = [
            subject
            for concurrency in _CONCURRENCIES
            for subject in (_ours(url, concurrency), _peer(url, pages.entries, concurrency))
        ]
        measured = compare(subjects, runs=setting.runs)
    packages = {"httpx": version("httpx"), "pyarrow": version("pyarrow")}
    return Result(
        title="A whole run, where every answer takes 50 ms",
        work=f"{pages.entries:,} entries from a server that answers {_LATENCY * 1000:.0f} ms late, in pages "
        f"of {PAGE:,}. The server, a process of its own that sends prepared bytes, and the command share "
        "this machine's cores.",
        measured=measured,
        targets=_targets({one.name: one for one in measured}),
        versions=packages | _versions(setting),
        tables=[_kept_whole(setting)],
    )


def _targets(measured: dict[str, Measured]) -> list[Target]:
    walls = {name: one.median.wall for name, one in measured.items()}
    return [
        at_most(
            f"time on the clock, of that of fetching the same pages, {_at_once(concurrency)}",
            walls[_our_name(concurrency)] / walls[_peer_name(concurrency)],
            1.3,
        )
        for concurrency in _CONCURRENCIES
    ]


def _at_once(concurrency: int) -> str:
    return f"{concurrency} request{'s' if concurrency > 1 else ''} at a time"


def _our_name(concurrency: int) -> str:
    return f"audit-export run --report none, {_at_once(concurrency)}"


def _peer_name(concurrency: int) -> str:
    return f"httpx, the same pages thrown away, {_at_once(concurrency)}"


def _ours(url: str, concurrency: int) -> Subject:
    command = _run(url, FOLDER, "--concurrency", str(concurrency), "--page-size", str(PAGE))
    return Subject(name=_our_name(concurrency), command=command, environment=_ENVIRONMENT)


def _peer(url: str, entries: int, concurrency: int) -> Subject:
    listed = f"{url}/audit-logs/organizations/{_ORGANIZATION}"
    numbers = map(str, (entries, PAGE, PAGE - _OVERLAP, concurrency))
    command = [sys.executable, str(PEERS / "fetch_with_httpx.py"), listed, *numbers]
    return Subject(name=_peer_name(concurrency), command=command)


def _run(url: str, output: str, *options: str) -> list[str]:
    """Return the command that exports all there is into ``output``."""
    window = ["--since", rfc3339(SINCE), "--until", rfc3339(UNTIL)]
    source = ["--api-url", url, "--org", _ORGANIZATION]
    rest = ["--report", "none", "--output", output, "--quiet"]
    return [sys.executable, "-m", "exporter", "run", *window, *source, *rest, *options]


@contextmanager
def _far_away(pages: Pages) -> Iterator[str]:
    """Serve the pages from a process of its own; yields the API's base URL."""
    command = [sys.executable, str(Path(paged_server.__file__)), str(pages.folder), str(_LATENCY)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:  # noqa: S603 - ours
        if server.stdin is None or server.stdout is None:
            raise AssertionError("both are pipes")
        port = int(server.stdout.readline())
        try:
            yield f"http://127.0.0.1:{port}{BASE}"
        finally:
            server.stdin.close()


def _kept_whole(setting: Setting) -> Table:
    """Count what comes of a log whose platform gives fewer entries than it was asked for."""
    with AuditService() as service:
        service.record_all(generate(entries=_HELD, ends=UNTIL))
        app = create_app(service, Settings(cap=_CAP), lambda: UNTIL)
        with serving(app) as served:
            listed = f"{served.base_url}/audit-logs/organizations/{_ORGANIZATION}"
            kits = [_kit(name, listed, setting) for name in _KITS]
            rows = [_our_count(served.base_url), *kits]
    return Table(
        caption=f"A platform that holds {_HELD:,} entries and gives {_CAP} at most, asked for {_ASKED} at a "
        "time by each kit's offset paginator:",
        heads=("program", "entries returned", "what it reports"),
        rows=rows,
    )


def _kit(name: str, url: str, setting: Setting) -> tuple[str, str, str]:
    script = PEERS / f"paginate_with_{_KITS[name]}.py"
    command = [str(setting.peers), str(script), url, _KEY, str(_ASKED)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - ours
    returned = done.stdout.split()[-1] if done.stdout else ""
    return name, returned, f"exit {done.returncode}, {'success' if done.returncode == 0 else 'failure'}"


def _our_count(url: str) -> tuple[str, str, str]:
    with tempfile.TemporaryDirectory(prefix="audit-export-bench-") as folder:
        command = _run(url, folder, "--page-size", str(_ASKED), "--settle", "0")
        done = subprocess.run(  # noqa: S603 - ours
            command, env={**os.environ, **_ENVIRONMENT}, stdout=subprocess.PIPE, text=True, check=False
        )
        run = record.decode(Path(done.stdout.strip(), "data", "run.json").read_bytes())
    return "audit-export", f"{run.counts.entries:,}", f"exit {done.returncode}, {run.verdict.value}"


def _versions(setting: Setting) -> dict[str, str]:
    says = f"from importlib.metadata import version; print(*map(version, {list(_KITS)}))"
    done = subprocess.run([str(setting.peers), "-c", says], stdout=subprocess.PIPE, text=True, check=True)  # noqa: S603 - ours
    return dict(zip(_KITS, done.stdout.split(), strict=True))
