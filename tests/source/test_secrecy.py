"""The key is nowhere: not on the screen, not in a log, not in a file, whatever the platform does."""

import gzip
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from exporter.sandbox.faults import Fault
from tests.source.conftest import HALVES, TELLTALE
from tests.source.servers import Answer, http, reset, serving
from tests.terminal import Terminal
from tests.world import World

Run = Callable[..., "Ran"]


class Ran:
    """What came of a command line, which was run in a folder of its own with a key that is easy to find."""

    def __init__(self, home: Path, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err
        self.files = sorted(path for path in home.rglob("*") if path.is_file())
        self._assert_hidden()

    def _assert_hidden(self) -> None:
        """Look for the key and its halves in everything that was printed and written."""
        shown = {"stdout": self.out.encode(), "stderr": self.err.encode()}
        for path in self.files:
            content = path.read_bytes()
            shown[str(path)] = content + str(path).encode()
            if path.suffix == ".gz":
                shown[f"{path}, decompressed"] = gzip.decompress(content)
        for half in HALVES:
            assert [
                place for place, content in shown.items() if half.lower().encode() in content.lower()
            ] == []


@pytest.fixture
def export(tmp_path: Path, world: World) -> Run:
    """Run an export against the shared platform, which takes the key."""
    world.behave(api_key=TELLTALE)

    def run(*, url: str = world.url, key: str = TELLTALE, retry_for: str = "0", **behaviour: Any) -> Ran:
        world.behave(**behaviour)
        window = ("--since", "2026-09-01", "--until", "2026-10-01", "--report", "none")
        command = [sys.executable, "-m", "exporter", *window, "-vv", "--page-size", "200"]
        environ = {name: value for name, value in os.environ.items() if not name.startswith("SATUSKY_")}
        done = subprocess.run(
            [*command, "--retry-for", retry_for],
            cwd=tmp_path,
            env=environ | {"HOME": str(tmp_path), "SATUSKY_API_URL": url, "SATUSKY_API_KEY": key},
            capture_output=True,
            text=True,
            check=False,
        )
        return Ran(tmp_path, done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture
def line(terminal: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run any line of the command likewise, in this process: there are many."""
    monkeypatch.setenv("SATUSKY_API_KEY", TELLTALE)

    def run(*arguments: str, url: str) -> Ran:
        monkeypatch.setenv("SATUSKY_API_URL", url)
        code = terminal(*arguments, "-vv", "--retry-for", "0")
        return Ran(tmp_path, code, terminal.out, terminal.err)

    return run


def test_a_run_that_succeeds_leaves_no_key_behind(export: Run) -> None:
    ran = export()
    assert ran.code == 0, ran.err
    assert "HTTP Request: GET" in ran.err
    assert {path.name for path in ran.files} >= {
        "run.json",
        "responses.warc.gz",
        "manifest.json",
        "audit.csv",
    }


@pytest.mark.parametrize(
    ("fault", "what"),
    [
        (Fault.SERVER_ERROR, "kept answering HTTP 500"),
        (Fault.CUT_OFF, "cannot be reached"),
        (Fault.RESET, "cannot be reached"),
        (Fault.HTML, "not a list of audit entries"),
        (Fault.ERROR_IN_200, "reports a failure: Failed to fetch audit logs."),
        (Fault.REDIRECT, "redirects to 'https://elsewhere.example/v1/cli/audit?limit=1'"),
    ],
)
def test_a_run_that_fails_leaves_nothing_behind(export: Run, fault: Fault, what: str) -> None:
    ran = export(faults={fault: 1.0}, retry_for="0.1")
    assert ran.code == 6
    assert what in ran.err
    assert "Traceback" in ran.err
    assert ran.files == []


def test_a_key_that_is_refused_is_not_shown(export: Run) -> None:
    ran = export(api_key="another")
    assert ran.code == 5
    assert "does not accept the key (HTTP 401: Invalid or missing API key)" in ran.err
    assert ran.files == []


def test_a_key_that_is_none_is_not_shown(export: Run) -> None:
    for key in (f"{HALVES[0]} {HALVES[1]}", f"{TELLTALE}ä"):
        ran = export(key=key)
        assert ran.code == 5
        assert "holds characters that no key has" in ran.err


def test_a_platform_that_is_out_of_reach_is_not_told_the_key(export: Run) -> None:
    ran = export(url="http://127.0.0.1:9/v1/cli")
    assert ran.code == 6
    assert "cannot be reached" in ran.err


def test_a_host_that_is_redirected_to_never_hears_of_it(export: Run) -> None:
    with serving(http()) as elsewhere:
        ran = export(faults={Fault.REDIRECT: 1.0}, redirect_to=f"http://127.0.0.1:{elsewhere.port}")
        assert ran.code == 6
        assert elsewhere.heads == []


@pytest.mark.parametrize(
    ("field", "written"), [("resource_name", TELLTALE), ("metadata", TELLTALE.upper()), (TELLTALE, "a name")]
)
def test_an_entry_that_holds_the_key_stops_the_run(export: Run, field: str, written: str) -> None:
    ran = export(edit=lambda entry: {**entry, field: {"seen": written} if field == "metadata" else written})
    assert ran.code == 6
    assert "The platform's answer contains the API key, so it was not stored." in ran.err
    assert "Revoke this key" in ran.err
    assert ran.files == []


ANSWERS: dict[str, tuple[Answer, int, str]] = {
    "header": (http(b"[]", f"X-Echo: {TELLTALE}"), 6, "contains the API key"),
    "bad JSON": (http(b'{"audit_logs": [%s' % HALVES[0].encode()), 6, "not a list of audit entries"),
    "refusal": (
        http(b'{"message": "no %s..."}' % HALVES[0].encode(), status="401 No"),
        5,
        "no [redacted]...",
    ),
    "error": (
        http(b'{"error": true, "message": "...%s"}' % HALVES[1].encode()),
        6,
        "reports a failure: ...[redacted].",
    ),
    "reason": (http(b"[]", status=f"400 {HALVES[1]}"), 6, "refuses the request (HTTP 400)"),
    "location": (http(b"", f"Location: /{HALVES[0]}", status="302 Found"), 6, "redirects to '/[redacted]'"),
    "malformed": (b"HTTP/1.1 200 OK\r\n%s\x00\r\n\r\n" % HALVES[0].encode(), 6, "cannot be reached"),
    "RST": (reset, 6, "cannot be reached"),
}


LINES = {
    "run": ("run", "--since", "2026-09-01", "--until", "2026-10-01", "--report", "none"),
    "list": ("list", "--json"),
    "get": ("get", "log_" + "0" * 32),
    "config": ("config", "run", "--proxy", "http://me:secret@127.0.0.1:9"),
    "doctor": ("doctor", "--json"),
}
"""A line of each command that has to do with the key."""


@pytest.mark.parametrize(
    ("command", "quoted"),
    [
        *(("run", quoted) for quoted in ANSWERS),
        ("list", "header"),
        ("list", "refusal"),
        ("list", "malformed"),
    ],
)
def test_what_the_platform_quotes_of_the_key_is_not_repeated(line: Run, quoted: str, command: str) -> None:
    answer, code, what = ANSWERS[quoted]
    with serving(answer) as served:
        ran = line(*LINES[command], url=served.url)
    assert ran.code == code
    assert what in ran.err
    assert ran.files == []


@pytest.mark.parametrize("command", LINES)
@pytest.mark.parametrize("accepted", [True, False], ids=["accepted", "refused"])
def test_no_command_shows_the_key_in_detail_or_to_machines(
    line: Run, world: World, command: str, *, accepted: bool
) -> None:
    world.behave(api_key=TELLTALE if accepted else "another")
    ran = line(*LINES[command], "--log-format", "json", url=world.url)
    assert ran.code != 1, ran.err
    assert [json.loads(message)["level"] for message in ran.err.splitlines()] or command == "config"


@pytest.mark.parametrize("command", LINES)
@pytest.mark.parametrize("quoted", ["refusal", "malformed"])
def test_no_command_repeats_what_the_platform_quotes_of_the_key(line: Run, command: str, quoted: str) -> None:
    with serving(ANSWERS[quoted][0]) as served:
        ran = line(*LINES[command], "--log-format", "json", url=served.url)
    assert ran.code == (0 if command == "config" else ANSWERS[quoted][1])
