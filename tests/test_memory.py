"""What an export may take of the machine."""

import json
import os
import subprocess
import sys
from datetime import timedelta
from functools import cache
from hashlib import blake2b
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

from exporter.sandbox.cast import ORGANIZATION_ID
from exporter.sandbox.dialects import write_b
from tests.source.servers import answering, http
from tests.world import NOW, history

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

CUT = "\N{BLACK SCISSORS}"
"""Where an entry is cut, so that what tells it from others can be put in."""


as_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


@cache
def patterns() -> list[list[str]]:
    """Entries of the invented log as JSON, without what tells one from another."""
    own = dict.fromkeys(("id", "resource_id", "created_at"), CUT)
    written = (
        write_b(entry) | own | {"metadata": {"request_id": CUT, **entry.metadata}} for entry in history()
    )
    return [as_json(each).split(CUT) for each in written]


def written(place: int) -> str:
    """Return the entry at a place in the list as JSON; writing it costs next to nothing."""
    number = ENTRIES - place
    id_ = str(UUID(bytes=blake2b(b"%d" % number, digest_size=16).digest()))
    moment = (NOW - timedelta(minutes=2, seconds=150 * place)).strftime("%Y-%m-%dT%H:%M:%S.123456Z")
    pattern = patterns()[number % len(patterns())]
    own = (id_, id_, f"req_{number:08x}", moment, "")
    return "".join(text for pair in zip(pattern, own, strict=True) for text in pair)


def answer(head: bytes) -> bytes:
    """Answer a list request as the platform does; what is filtered by is all that it passes over."""
    asked = parse_qs(urlsplit(head.split()[1].decode()).query)
    limit, offset = int(asked["limit"][0]), int(asked.get("offset", ["0"])[0])
    page = {"audit_logs": [CUT], "limit": limit, "offset": offset, "total": ENTRIES}
    entries = ",".join(written(place) for place in range(offset, min(offset + limit, ENTRIES)))
    body = as_json({"error": False, "data": page}).replace(f'"{CUT}"', entries)
    return http(body.encode(), f"Date: {NOW:%a, %d %b %Y %H:%M:%S} GMT")


def test_two_hundred_thousand_entries_are_exported_in_bounded_memory(tmp_path: Path) -> None:
    arguments = ["--since", "2020-01-01", "--org", str(ORGANIZATION_ID), "--report", "none"]

    with answering(answer) as served:
        done = subprocess.run(
            [sys.executable, "-c", MEASURED, *arguments],
            cwd=tmp_path,
            env={
                **{name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")},
                "HOME": str(tmp_path),
                "SATUSKY_API_URL": served.url,
                "SATUSKY_API_KEY": "sandbox-key",
            },
            capture_output=True,
            text=True,
            check=False,
        )

    assert done.returncode == 0, done.stderr
    bundle, peak = done.stdout.splitlines()
    assert (tmp_path / bundle / "data" / "audit.jsonl").read_bytes().count(b"\n") == ENTRIES
    assert int(peak.removeprefix("peak ")) <= LIMIT
