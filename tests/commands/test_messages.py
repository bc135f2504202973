"""What goes to stderr and what to stdout, for people and for machines."""

import fcntl
import itertools
import json
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import time
from datetime import datetime
from pathlib import Path

import click
import pytest

from exporter.commands.results import UnreadError
from exporter.errors import OutputError
from tests.conftest import Serve
from tests.terminal import Terminal
from tests.world import ENTRIES, World

WINDOW = ("--since", "2026-07-01", "--until", "2026-10-01", "--report", "none")
NOWHERE = ("--api-url", "http://127.0.0.1:9/v1/cli", "--retry-for", "0")


OTHERWISE = ("AUDIT_EXPORT_", "PYTHONUNBUFFERED")
"""How variables begin that would change what is tested: the latter leaves nothing unwritten at the end."""


def environment(world: World, folder: Path) -> dict[str, str]:
    variables = {name: value for name, value in os.environ.items() if not name.startswith(OTHERWISE)}
    return {
        **variables,
        "HOME": str(folder),
        "SATUSKY_API_URL": world.url,
        "SATUSKY_API_KEY": world.settings.api_key,
    }


def program(
    world: World, folder: Path, *arguments: str, stdout: int = subprocess.PIPE, stderr: int = subprocess.PIPE
) -> "subprocess.CompletedProcess[str]":
    """Run the real program in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "exporter", *arguments],
        cwd=folder,
        env=environment(world, folder),
        stdout=stdout,
        stderr=stderr,
        text=True,
        check=False,
        timeout=60,
    )


def on_a_terminal(world: World, folder: Path, *arguments: str, columns: int = 0) -> tuple[int, str]:
    """Run the program with a terminal as its stderr, and return its exit code and what was shown there."""
    terminal, program_side = pty.openpty()
    fcntl.ioctl(program_side, termios.TIOCSWINSZ, struct.pack("4H", 24, columns, 0, 0))
    done = program(world, folder, *arguments, stderr=program_side)
    os.write(program_side, b"\0")  # there is something to read in any case
    os.close(program_side)
    shown = os.read(terminal, 100_000).decode(errors="replace")  # it may end within a letter
    os.close(terminal)
    return done.returncode, shown.rstrip("\0")


def test_messages_are_one_json_object_a_line_where_that_is_asked_for(terminal: Terminal) -> None:
    assert terminal(*WINDOW, "--log-format", "json", "-v") == 0
    for line in terminal.messages:
        assert datetime.fromisoformat(str(line["time"])).tzinfo is not None
        assert line["level"] == "info"
    loggers = {str(line["logger"]) for line in terminal.messages}
    assert loggers == {"httpx", "exporter.summary"}
    checks = {line["check"]: line["result"] for line in terminal.messages if "check" in line}
    assert checks["start-of-window"] == "as expected"
    assert terminal.messages[-1]["head"] in terminal.messages[-1]["message"]
    assert Path(terminal.out.strip()).is_dir()


def test_a_retry_is_a_warning_in_either_form(terminal: Terminal) -> None:
    assert terminal("list", *NOWHERE[:2], "--retry-for", "0.2", "--log-format", "json") == 6
    assert [line["level"] for line in terminal.messages][-2:] == ["warning", "error"]


@pytest.mark.parametrize(
    ("arguments", "code", "what"),
    [
        (("list", *NOWHERE), 6, "cannot be reached"),
        (("list", "--limit", "0"), 2, "Invalid value for '--limit'"),
        (("run", "--since", "nonsense"), 2, "neither a date nor a time"),
        (("get",), 2, "Missing argument"),
        (("sample", ".", "--population", "log", "--seed", "s"), 2, "Missing option '--size'"),
    ],
)
def test_an_error_is_a_json_object_with_the_remedy_and_the_exit_code(
    terminal: Terminal, arguments: tuple[str, ...], code: int, what: str
) -> None:
    assert terminal(*arguments, "--log-format", "json") == code
    line = terminal.messages[-1]
    assert (line["level"], line["exit_code"]) == ("error", code)
    assert what in str(line["message"])
    assert line["remedy"]
    assert "traceback" not in line


@pytest.mark.parametrize("mistake", [("--config", "none.toml"), ("--nonsense",), ("--page-size", "many")])
def test_a_line_that_cannot_be_read_has_its_failure_as_json_wherever_that_is_asked_for(
    terminal: Terminal, mistake: tuple[str, ...]
) -> None:
    for line in (("run", "--json", *mistake), ("run", *mistake, "--json")):
        assert terminal(*line) == 2
        assert (terminal.result["published"], terminal.result["exit_code"]) == (None, 2)


@pytest.mark.parametrize("mistake", [("--config", "none.toml"), ("--nonsense",), ("--page-size", "many")])
def test_a_line_that_cannot_be_read_has_its_failure_as_json_where_the_variable_asks_for_that(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, mistake: tuple[str, ...]
) -> None:
    monkeypatch.setenv("AUDIT_EXPORT_JSON", "true")
    assert terminal("run", *mistake) == 2
    assert (terminal.result["published"], terminal.result["exit_code"]) == (None, 2)
    monkeypatch.setenv("AUDIT_EXPORT_JSON", "false")
    assert terminal("run", *mistake) == 2
    assert terminal.out == ""


@pytest.mark.parametrize(
    "line", [("nonsense",), ("schema", "--nonsense"), ("schema", "--config", "none.toml")]
)
def test_the_variable_decides_on_the_form_before_anything_is_read(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, line: tuple[str, ...]
) -> None:
    monkeypatch.setenv("AUDIT_EXPORT_LOG_FORMAT", "json")
    assert terminal(*line) == 2
    assert [message["exit_code"] for message in terminal.messages] == [2]
    assert terminal() == 2
    assert terminal.err.startswith("Usage: ")
    monkeypatch.setenv("AUDIT_EXPORT_LOG_FORMAT", "xml")
    assert terminal(*line) == 2
    assert "Error: " in terminal.err


def test_the_traceback_is_a_field_of_the_object(terminal: Terminal) -> None:
    assert terminal("list", *NOWHERE, "--log-format", "json", "-vv") == 6
    assert "Traceback" in str(terminal.messages[-1]["traceback"])


def test_quiet_leaves_errors_and_the_result(terminal: Terminal) -> None:
    assert terminal(*WINDOW, "-q") == 0
    assert terminal.err == ""
    assert Path(terminal.out.strip()).is_dir()
    assert terminal("list", *NOWHERE[:2], "--retry-for", "0.2", "--quiet") == 6
    assert terminal.err.startswith("Error: ")


@pytest.mark.parametrize("verdict", ["UNPROVEN", "PARTIAL"])
def test_quiet_leaves_why_an_export_is_not_whole(serve: Serve, terminal: Terminal, verdict: str) -> None:
    whole = {"ceiling": 90, "cap": 30} if verdict == "PARTIAL" else {"total": "absent"}
    world = serve(entries=700, filters_ignored=True, **whole)
    options = ["--api-url", world.url, "--org", str(world.settings.organization_id), "--allow-partial"]
    if verdict == "UNPROVEN":
        options += ["--since", "2020-01-01"]

    assert terminal(*WINDOW, *options, "-q") == 3
    assert terminal.err.startswith(f"Error: The export is {verdict}. Not as expected: The reading passed")
    assert Path(terminal.out.strip()).is_dir()
    assert terminal(*WINDOW, *options, "-vv", "--log-format", "json", "--json") == 3
    error = terminal.messages[-1]
    assert (error["level"], error["exit_code"]) == ("error", 3)
    assert terminal.result["reasons"][0] in error["message"]
    assert "traceback" not in error
    assert terminal(*WINDOW, *options, "-q", "--accept-unproven") == (3 if verdict == "PARTIAL" else 0)
    assert bool(terminal.err) == (verdict == "PARTIAL")


def test_quiet_leaves_that_history_was_changed(serve: Serve, terminal: Terminal) -> None:
    def edit(entry: dict[str, object]) -> dict[str, object]:
        return {**entry, "action": f"{entry['action']} {next(numbers)}"}

    numbers, world = itertools.count(), serve(edit=edit)

    assert terminal(*WINDOW, "--api-url", world.url, "-q") == 4
    assert terminal.err.startswith("Error: What was read contradicts an append-only log. ")
    assert "tell the auditor" in terminal.err


def test_of_quiet_and_verbose_the_more_explicit_counts(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert terminal("list", "-q", "-v") == 2
    assert "Both -v and -q were given." in terminal.err
    monkeypatch.setenv("AUDIT_EXPORT_VERBOSE", "1")
    Path("audit-export.toml").write_text("quiet = true")
    assert terminal("list") == 0
    assert "HTTP Request" in terminal.err
    assert terminal("list", "-q") == 0
    assert terminal.err == ""


@pytest.mark.parametrize(
    ("arguments", "code", "verdict"),
    [
        (NOWHERE, 6, None),
        (("--api-key-file", "missing"), 5, None),
        (("--settle", "-1"), 2, None),
        (("--timezone", "Mars"), 2, None),
        (("--output", "/proc/evidence"), 7, None),
    ],
)
def test_a_run_that_published_nothing_says_so_in_its_result(
    terminal: Terminal, arguments: tuple[str, ...], code: int, verdict: str | None
) -> None:
    assert terminal(*WINDOW, *arguments, "--json") == code
    result = terminal.result
    assert (result["published"], result["verdict"], result["exit_code"]) == (None, verdict, code)
    assert result["reasons"] == [result["error"]["what"]]
    assert result["error"]["remedy"]
    assert result["error"]["what"] in terminal.err


def test_a_partial_export_that_was_not_published_has_its_verdict_in_the_result(
    terminal: Terminal, world: World
) -> None:
    world.behave(ceiling=300, cap=100, filters_ignored=True)
    organization = str(world.settings.organization_id)
    assert terminal(*WINDOW, "--page-size", "100", "--org", organization, "--json") == 3
    assert (terminal.result["published"], terminal.result["verdict"]) == (None, "PARTIAL")
    assert "Part of the window is missing" in terminal.result["reasons"][0]


def test_the_failure_of_any_command_is_json_where_its_result_would_be(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert terminal("list", *NOWHERE, "--json") == 6
    assert terminal.result["exit_code"] == 6
    assert "published" not in terminal.result
    monkeypatch.setenv("AUDIT_EXPORT_JSON", "true")
    assert terminal("get", "log_" + "0" * 32) == 2
    assert "knows no" in terminal.result["error"]["what"]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has a file for which there is no room")
def test_a_result_that_cannot_be_written_is_an_error(world: World, tmp_path: Path) -> None:
    with Path("/dev/full").open("w") as full:
        done = program(world, tmp_path, "list", stdout=full.fileno())
    assert done.returncode == 7
    assert "The result could not be written to stdout (No space left on device)." in done.stderr
    assert "Exception ignored" not in done.stderr


def test_a_bundle_whose_path_cannot_be_written_is_named_in_the_error(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OutputError("It is full.", "")

    monkeypatch.setattr("exporter.commands.results.print_result", fail)
    assert terminal(*WINDOW) == 7
    (bundle,) = Path("evidence").glob("*/0*")
    assert f"Error: It is full. The bundle {bundle} is published all the same." in terminal.err


@pytest.mark.parametrize("unwritten", [UnreadError("Nobody reads it.", ""), OutputError("It is full.", "")])
def test_a_finding_that_cannot_be_printed_has_its_exit_code_all_the_same(
    terminal: Terminal, world: World, monkeypatch: pytest.MonkeyPatch, unwritten: OutputError
) -> None:
    def fail(*_: object) -> None:
        raise unwritten

    assert terminal(*WINDOW) == 0
    bundle = terminal.out.strip()
    numbers = itertools.count()
    world.behave(edit=lambda entry: {**entry, "action": f"{entry['action']} {next(numbers)}"})
    monkeypatch.setattr("exporter.commands.results.print_result", fail)

    assert terminal(*WINDOW, "--again") == 4
    assert terminal("recheck", bundle) == 4
    Path(bundle, "data", "audit.csv").unlink()
    assert terminal("verify", bundle) == 4


@pytest.mark.parametrize(
    ("unwritten", "code"), [(UnreadError("Nobody reads it.", ""), 2), (OutputError("It is full.", ""), 7)]
)
def test_a_failure_that_cannot_be_written_as_json_is_no_defect(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, unwritten: OutputError, code: int
) -> None:
    def fail(*_: object) -> None:
        raise unwritten

    monkeypatch.setattr("exporter.cli.print_failure", fail)
    assert terminal("run", "--since", "nonsense", "--json") == code
    assert "is neither a date nor a time" in terminal.err
    assert ("It is full." in terminal.err) is (code == 7)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has a file for which there is no room")
def test_help_that_cannot_be_written_is_no_defect(world: World, tmp_path: Path) -> None:
    with Path("/dev/full").open("w") as full:
        done = program(world, tmp_path, "--help", stdout=full.fileno())
    assert done.returncode == 7
    assert done.stderr.startswith("Error: There is no room for what has to be written")


def test_a_run_without_a_place_for_its_messages_is_a_run(world: World, tmp_path: Path) -> None:
    done = subprocess.run(
        ["sh", "-c", '"$@" 2>&-', "sh", sys.executable, "-m", "exporter", *WINDOW],
        cwd=tmp_path,
        env=environment(world, tmp_path),
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert done.returncode == 0
    assert Path(tmp_path, done.stdout.strip(), "manifest.json").exists()


def test_whoever_stops_reading_the_result_gets_no_complaint(world: World, tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = program(world, tmp_path, "list", stdout=writer)
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, "")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--help",), 141),
        (("--version",), 141),
        (("run", "--help"), 141),
        ((), 2),
        (("list", "--limit", "0"), 2),
    ],
)
def test_help_that_nobody_reads_is_no_defect_and_a_mistake_remains_one(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], code: int
) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as unread:
        for stream in ("stdout", "stderr"):
            monkeypatch.setattr(sys, stream, unread)
        assert terminal(*arguments) == code
    assert terminal.err == ""


def test_what_the_encoding_of_a_stream_lacks_is_escaped(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.behave(edit=lambda entry: {**entry, "resource_name": "Łuź \N{ROCKET}"})
    monkeypatch.setenv("PYTHONIOENCODING", "cp1252")
    changed = next(entry for entry in world.service.page(limit=ENTRIES) if entry.action == "user.role.update")
    id_ = f"log_{changed.id.hex}"

    assert '" \\u2192 "' in program(world, tmp_path, "get", id_).stdout
    assert "\\u0141u\\u017a" in program(world, tmp_path, "list", "--limit", "1").stdout
    sent = json.loads(program(world, tmp_path, "get", id_, "--json").stdout)
    assert "Łuź \N{ROCKET}" in json.dumps(sent, ensure_ascii=False)
    refused = program(world, tmp_path, "verify", "Łuź")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "Path '\\u0141uź'".replace("ź", "\\u017a") in refused.stderr


def test_an_error_is_broken_between_words_on_a_terminal_and_nowhere_else(
    world: World, tmp_path: Path
) -> None:
    path = f"{'a' * 50}-and-{'b' * 50}"
    line = ("list", "--api-key-file", path)
    whole = program(world, tmp_path, *line).stderr
    assert len(whole.splitlines()) == 2

    _, shown = on_a_terminal(world, tmp_path, *line, columns=40)

    lines = click.unstyle(shown).splitlines()
    assert " ".join(lines) == " ".join(whole.splitlines())
    assert [each for each in lines if len(each) > 40] == [path]


@pytest.mark.parametrize(("variable", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False)])
def test_colours_are_for_terminals_and_no_color_switches_them_off(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: dict[str, str], *, coloured: bool
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    for name, value in variable.items():
        monkeypatch.setenv(name, value)
    code, shown = on_a_terminal(world, tmp_path, "list", "--api-key-file", "missing")
    assert code == 5
    assert "Error:" in shown
    assert ("\x1b[" in shown) is coloured


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_run_says_so_in_its_result(
    serve: Serve, tmp_path: Path, number: int, code: int
) -> None:
    world = serve(latency=2.0)
    with subprocess.Popen(
        [sys.executable, "-m", "exporter", *WINDOW, "--json", "-v", "--log-format", "json"],
        cwd=tmp_path,
        env=environment(world, tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        while process.poll() is None and not list(tmp_path.glob("evidence/*/.partial-*")):
            time.sleep(0.05)
        process.send_signal(number)
        out, err = process.communicate(timeout=30)

    assert process.returncode == code
    assert json.loads(out)["published"] is None
    assert json.loads(out)["exit_code"] == code
    assert json.loads(err.splitlines()[-1])["message"] == "Interrupted."


def test_the_bar_of_progress_is_for_people_only(world: World, tmp_path: Path) -> None:
    code, shown = on_a_terminal(world, tmp_path, *WINDOW)
    assert code == 0
    assert "Reading the log" in shown
    assert on_a_terminal(world, tmp_path, *WINDOW, "--output", "two", "--quiet") == (0, "")
    code, shown = on_a_terminal(world, tmp_path, *WINDOW, "--output", "three", "--log-format", "json")
    assert code == 0
    assert [json.loads(line)["level"] for line in shown.splitlines()]


def test_reading_a_window_again_shows_how_far_back_it_has_come(world: World, tmp_path: Path) -> None:
    bundle = program(world, tmp_path, *WINDOW).stdout.strip()
    code, shown = on_a_terminal(world, tmp_path, "recheck", bundle, "--api-url", world.url)
    assert code == 0
    assert "Reading the log" in shown
    code, shown = on_a_terminal(world, tmp_path, "recheck", bundle, "--progress", "never")
    assert code == 0
    assert "Reading the log" not in shown


def test_a_message_gets_a_line_of_its_own_beside_the_bar_of_progress(world: World, tmp_path: Path) -> None:
    given = (*WINDOW, *NOWHERE[:2], "--retry-for", "0.3", "--progress", "always")
    code, shown = on_a_terminal(world, tmp_path, *given)
    assert code == 6
    assert "Reading the log" in shown
    before, _, _ = shown.partition("Trying again")
    assert re.search(r"(\n|\x1b\[2K)(\x1b\[[0-9;]*m)*$", before), "the line was cleared, or is a new one"
