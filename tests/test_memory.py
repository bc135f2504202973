"""What an export may take of the machine."""

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

from exporter.sandbox.entry import nanoseconds
from tests.conftest import Serve
from tests.world import NOW

ENTRIES = 200_000
LIMIT = 400 * 1024 * 1024

MEASURED = """
import pathlib, re, resource, sys
from exporter.cli import main

def peak():
    status = pathlib.Path("/proc/self/status")
    if status.exists():  # ru_maxrss would count what the process that started this one took
        return int(re.search(r"VmHWM:\\s+(\\d+) kB", status.read_text())[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

try:
    main(sys.argv[1:])
finally:
    print("peak", peak())
"""


def test_two_hundred_thousand_entries_are_exported_in_bounded_memory(serve: Serve, tmp_path: Path) -> None:
    world = serve(entries=ENTRIES)
    arguments = ["--since", "2020-01-01", "--org", str(world.settings.organization_id), "--report", "none"]

    done = subprocess.run(
        [sys.executable, "-c", MEASURED, *arguments],
        cwd=tmp_path,
        env={
            **{name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")},
            "HOME": str(tmp_path),
            "SATUSKY_API_URL": world.url,
            "SATUSKY_API_KEY": world.settings.api_key,
        },
        capture_output=True,
        text=True,
        check=True,
    )

    bundle, peak = done.stdout.splitlines()
    settled = nanoseconds(NOW - timedelta(minutes=1))
    too_new = sum(entry.created_at >= settled for entry in world.service.page(limit=100))
    assert (tmp_path / bundle / "data" / "audit.jsonl").read_bytes().count(b"\n") == ENTRIES - too_new
    assert int(peak.removeprefix("peak ")) <= LIMIT
