"""What a user types, sees, and can rely on in a script."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from exporter.entries.schema import COLUMNS, SCHEMA, VERSION
from exporter.source.bodies import SMALL
from exporter.windows import PERIODS
from tests.conftest import Serve
from tests.terminal import Terminal
from tests.world import ENTRIES, World

WINDOW = ("--since", "2026-07-01", "--until", "2026-10-01", "--report", "none")


def test_options_without_a_command_run_the_export_and_print_the_bundles_path(terminal: Terminal) -> None:
    assert terminal(*WINDOW) == 0

    bundle = Path(terminal.out.strip())
    assert (bundle / "data" / "audit.parquet").is_file()
    assert terminal.err.startswith("COMPLETE: ")
    assert "head sha256:" in terminal.err


def test_nothing_is_written_into_a_bundle_whatever_it_is_made_of(terminal: Terminal) -> None:
    assert terminal(*WINDOW) == 0
    bundle = terminal.out.strip()
    inside = str(shutil.copytree(bundle, Path("copy")) / "data")

    for line in (
        *(("pack", bundle, "--to", inside), ("report", bundle, "--to", inside)),
        *(("recheck", bundle, "--to", f"{inside}/new"), (*WINDOW, "--output", f"{inside}/new")),
        ("doctor", "--output", inside),
    ):
        assert terminal(*line) == 2
        assert f"{line[-1]} lies inside the bundle, which is sealed." in terminal.out + terminal.err
    assert terminal("verify", "copy") == 0


def test_an_archive_is_not_taken_for_the_folder_that_holds_it(terminal: Terminal) -> None:
    Path("acme/000001_20260101T000000Z_20260401T000000Z").mkdir(parents=True)
    for line in ((*WINDOW, "--output", "acme"), ("doctor", "--output", "acme")):
        assert terminal(*line) == 2
        assert "acme is an archive itself: there are bundles in it." in terminal.out + terminal.err
    assert len(list(Path("acme").iterdir())) == 1


def test_every_option_can_come_from_the_environment(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AUDIT_EXPORT_SINCE", "2026-07-01")
    monkeypatch.setenv("AUDIT_EXPORT_REPORT", "none")
    monkeypatch.setenv("AUDIT_EXPORT_OUTPUT", str(tmp_path / "elsewhere"))

    assert terminal("run") == 0
    assert Path(terminal.out.strip()).is_relative_to(tmp_path / "elsewhere")


def test_a_period_is_exported_in_the_zone_that_was_named(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUDIT_EXPORT_TIMEZONE", "Europe/Berlin")

    assert terminal("--period", "2026-Q3", "--report", "none", "--rate", "500") == 0
    bundle = Path(terminal.out.strip())
    assert bundle.name == "000001_20260630T220000Z_20260930T220000Z"
    run = json.loads((bundle / "data" / "run.json").read_bytes())
    assert (run["timezone"], run["window"]["asked"]) == ("Europe/Berlin", {"period": "2026-Q3"})
    assert run["options"]["rate"] == 500


def test_the_result_can_be_read_by_a_machine(terminal: Terminal) -> None:
    assert terminal(*WINDOW, "--json") == 0

    result = json.loads(terminal.out)
    assert result["verdict"] == "COMPLETE"
    assert result["reasons"] == []
    assert Path(result["published"]).is_dir()


def test_a_bundle_that_was_just_made_verifies(terminal: Terminal) -> None:
    terminal(*WINDOW)
    bundle = terminal.out.strip()

    assert terminal("verify", bundle, "--reperform") == 0
    assert f"As sealed: {bundle} (unsigned)" in terminal.out


def test_only_the_formats_that_were_asked_for_are_written_and_derived_again(terminal: Terminal) -> None:
    assert terminal(*WINDOW, "--format", "jsonl, csv", "--report", "none") == 0
    bundle = Path(terminal.out.strip())

    run = json.loads((bundle / "data" / "run.json").read_text())
    assert {path.name for path in (bundle / "data").glob("audit.*")} == {"audit.csv", "audit.jsonl"}
    assert run["options"]["formats"] == ["csv", "jsonl"]
    assert run["counts"]["formats"].keys() == {"csv", "jsonl"}
    assert terminal("verify", "--reperform", str(bundle)) == 0
    assert "audit.csv follows" in terminal.out
    assert "parquet" not in terminal.out
    assert terminal("report", str(bundle), "--to", str(bundle.parent)) != 0
    assert "audit.parquet" in terminal.err


def test_the_columns_are_shown_to_people_and_to_machines(terminal: Terminal) -> None:
    assert terminal("schema") == 0
    for column in COLUMNS:
        assert f"{column.name} " in terminal.out
        assert column.description in terminal.out

    assert terminal("schema", "--json") == 0
    shown = json.loads(terminal.out)
    assert [column["name"] for column in shown["columns"]] == [column.name for column in COLUMNS]
    assert shown["columns"][1]["type"] == "timestamp[us, tz=UTC]"
    pq.write_table(SCHEMA.empty_table(), "audit.parquet")
    read = pq.read_schema("audit.parquet")
    assert [column["type"] for column in shown["columns"]] == [str(field.type) for field in read]
    assert shown["version"] == VERSION


def test_verify_exits_with_4_and_names_the_file_that_was_changed(terminal: Terminal) -> None:
    terminal(*WINDOW)
    bundle = Path(terminal.out.strip())
    with (bundle / "data" / "audit.csv").open("a") as file:
        file.write("one more\r\n")

    assert terminal("verify", str(bundle)) == 4
    assert "not data/audit.csv" in terminal.out
    assert terminal("verify", str(bundle), "--json") == 4
    assert json.loads(terminal.out)["verified"] is False


def test_verify_says_that_a_folder_is_no_bundle(terminal: Terminal, tmp_path: Path) -> None:
    assert terminal("verify", str(tmp_path)) == 2
    assert "is not a bundle" in terminal.err


def test_list_shows_the_newest_entries_as_a_table(terminal: Terminal, world: World) -> None:
    assert terminal("list", "--limit", "3") == 0

    heading, *lines = terminal.out.splitlines()
    assert heading.split() == ["ID", "TIMESTAMP", "ACTION", "USER", "RESOURCE"]
    newest = [entry.id.hex for entry in world.service.page(limit=3)]
    assert [line.split()[0].removeprefix("log_") for line in lines] == newest


@pytest.mark.parametrize("unable", [{}, {"offset_honoured": False}, {"total": "absent"}])
def test_list_says_where_the_platform_gives_fewer_than_were_asked_for_and_holds_more(
    terminal: Terminal, world: World, unable: dict[str, Any]
) -> None:
    world.behave(cap=30, **unable)
    line = ("list", "--org", str(world.settings.organization_id))

    assert terminal(*line, "--limit", "40") == 0
    assert len(terminal.out.splitlines()) == 1 + 30
    assert terminal.err.startswith("The platform gave 30 entries where 40 were asked for, and holds more: ")
    for whole in (
        ("--limit", "30"),
        ("--limit", "29", "--action", "user.remove"),
        ("--user", "nobody@acme.example"),
    ):
        assert terminal(*line, *whole) == 0
        assert terminal.err == ""


def test_list_stops_where_the_entry_below_holds_the_key(terminal: Terminal, world: World) -> None:
    below, key = str(world.service.page(limit=1, offset=3)[0].id), world.settings.api_key
    world.behave(cap=3, edit=lambda entry: {**entry, "resource_name": key} if entry["id"] == below else entry)

    assert terminal("list", "--limit", "5", "--org", str(world.settings.organization_id)) == 6
    assert "Revoke this key" in terminal.err


def test_list_filters_by_action_and_user(terminal: Terminal) -> None:
    assert terminal("list", "--limit", "50", "--action", "token.create") == 0
    lines = terminal.out.splitlines()[1:]
    assert lines
    assert {line.split()[2] for line in lines} == {"token.create"}

    user = lines[0].split()[3]
    assert terminal("list", "--limit", "50", "--user", user) == 0
    assert {line.split()[3] for line in terminal.out.splitlines()[1:]} == {user}


def test_list_and_get_print_the_sources_own_json(terminal: Terminal, world: World) -> None:
    organization = str(world.settings.organization_id)
    assert terminal("list", "--limit", "2", "--json", "--org", organization) == 0
    entries = json.loads(terminal.out)
    assert [entry["id"] for entry in entries] == [str(entry.id) for entry in world.service.page(limit=2)]

    assert terminal("get", entries[1]["id"], "--json", "--org", organization) == 0
    assert json.loads(terminal.out) == entries[1]


def test_an_entry_that_cannot_be_a_row_is_shown_as_it_came_and_keeps_no_other_from_being_shown(
    terminal: Terminal, world: World
) -> None:
    odd, sound = (str(entry.id) for entry in world.service.page(limit=2))
    world.behave(edit=lambda entry: {**entry, "action": ""} if entry["id"] == odd else entry)
    there = ("--org", str(world.settings.organization_id))

    assert terminal("list", "--limit", "2", *there) == 0
    assert sound in terminal.out
    assert terminal.err == "Not shown: entry 0 of the answer: it has no action. --json shows it as it came.\n"
    assert terminal("get", sound, *there) == 0
    assert terminal("list", "--limit", "1", "--json", *there) == 0
    assert terminal.result[0]["id"] == odd
    assert terminal("get", odd, "--json", *there) == 0
    assert terminal.result["id"] == odd
    assert terminal("get", odd, *there) == 6
    assert "it has no action" in terminal.err


def test_list_shows_every_entry_of_an_answer_that_is_too_large_for_a_page_in_memory(
    terminal: Terminal, world: World
) -> None:
    world.behave(edit=lambda entry: {**entry, "details": {"note": "x" * (2 * SMALL // ENTRIES)}})
    newest = [f"log_{entry.id.hex}" for entry in world.service.page(limit=ENTRIES)]

    assert terminal("list", "--limit", str(ENTRIES), "--json") == 0
    assert len(terminal.out) > SMALL
    assert [entry["id"] for entry in json.loads(terminal.out)] == newest

    assert terminal("list", "--limit", str(ENTRIES)) == 0
    assert [line.split()[0] for line in terminal.out.splitlines()[1:]] == newest


def test_get_shows_every_field_of_an_entry(terminal: Terminal, world: World) -> None:
    entry = next(entry for entry in world.service.page(limit=ENTRIES) if entry.action == "user.role.update")
    assert terminal("get", f"log_{entry.id.hex}") == 0

    shown = terminal.out
    assert f"ID:          log_{entry.id.hex}" in shown
    assert "Action:      user.role.update" in shown
    assert entry.actor_email is not None
    assert entry.actor_email in shown
    for label in ("Timestamp:", "User:", "IP:", "Request ID:", "Resource:", "  Type:", "  Name:", "Changes:"):
        assert f"\n{label}" in shown
    assert '    role: "' in shown
    assert '" → "' in shown


def test_control_characters_do_not_reach_the_terminal(terminal: Terminal, world: World) -> None:
    world.behave(edit=lambda entry: {**entry, "resource_name": "\x1b[2J\u202eevil"})

    assert terminal("list", "--limit", "1", "--org", str(world.settings.organization_id)) == 0
    assert "\x1b" not in terminal.out
    assert "\\u001b[2J\\u202eevil" in terminal.out


@pytest.mark.parametrize(
    ("arguments", "code", "what"),
    [
        (("--since", "yesterday"), 2, "is neither a date nor a time"),
        (("--since", "2026-02-30"), 2, "--since '2026-02-30' is no day of the calendar."),
        (("--since", "2026-07-01T00:00:00"), 2, "names no zone"),
        (("--since", "2026-07-01", "--until", "2026-06-01"), 2, "before it begins"),
        (("--since", "2026-07-01", "--until", "2026-07-01"), 2, "ends where it begins"),
        (("--since", "last", "--overlap", "1e12"), 2, "is not in the range"),
        (("--since", "2030-01-01"), 2, "Nothing of the window is over yet"),
        ((*WINDOW, "--org", "another"), 5, "does not accept the key (HTTP 403"),
        (
            (*WINDOW, "--api-url", "http://127.0.0.1:9/v1/cli", "--retry-for", "0"),
            6,
            "cannot be reached (Connection refused)",
        ),
        ((*WINDOW, "--api-url", "http://api.example/v1/cli"), 2, "The key would travel unprotected"),
        ((*WINDOW, "--api-key-file", "missing"), 5, "cannot be read: No such file"),
        ((*WINDOW, "--profile", "nobody"), 2, "The profile 'nobody'"),
        ((*WINDOW, "--output", "/proc/audit"), 7, "cannot be written"),
        (("get", "log_" + "0" * 32), 2, "The platform knows no"),
        (("verfy", "x"), 2, "No such command 'verfy'"),
        (("run",), 2, "No window was asked for"),
        (("--until", "2026-10-01"), 2, "No window was asked for"),
        (("--period", "2026-Q3", "--since", "2026-07-01"), 2, "says both ends of the window"),
        (("--period", "2026-Q3", "--until", "2026-10-01"), 2, "says both ends of the window"),
        (("--period", "2026-Q5"), 2, "--period '2026-Q5' is no period"),
        (("--period", "2030"), 2, "Nothing of the window is over yet"),
        ((*WINDOW, "--timezone", "Mars/Olympus"), 2, "is no time zone"),
        ((*WINDOW, "--settle", "-1"), 2, "Invalid value for '--settle'"),
        ((*WINDOW, "--rate", "0"), 2, "Invalid value for '--rate'"),
        ((*WINDOW, "--timeout", "1e300"), 2, "Invalid value for '--timeout'"),
        ((*WINDOW, "--action", ""), 2, "Invalid value for '--action': It is empty"),
        ((*WINDOW, "--user", " "), 2, "Invalid value for '--user': It is empty"),
        (("list", "--action", ""), 2, "Invalid value for '--action': It is empty"),
        ((*WINDOW, "--org", ""), 2, "Invalid value for '--org': It is empty"),
        ((*WINDOW, "--label", " "), 2, "Invalid value for '--label': It is empty"),
        (("list", "--profile", ""), 2, "Invalid value for '--profile': It is empty"),
        ((*WINDOW, "--sign-key", "k", "--tsa-url", "ftp://TOKEN@host"), 2, "--tsa-url holds a user name"),
        (("list", "--user", ""), 2, "Invalid value for '--user': It is empty"),
        (("list", "--api-url", ""), 2, "Invalid value for '--api-url': It is empty"),
        ((*WINDOW, "--output", ""), 2, "Invalid value for '--output': It is empty"),
        ((*WINDOW, "--output", "~/evidence"), 2, "'~/evidence' begins with a tilde"),
        (
            (*WINDOW, "--sign-key", "k", "--require-timestamp", "--tsa-url", ""),
            2,
            "Invalid value for '--tsa-url': It is empty",
        ),
        (
            ("sandbox", "--host", "nosuch.invalid", "--entries", "1"),
            7,
            "Give --host an address of this machine",
        ),
        (("sandbox", "--host", ""), 2, "Invalid value for '--host': It is empty"),
        (("verify", ".", "--identity", ""), 2, "Invalid value for '--identity': It is empty"),
        (("sandbox", "--host", "192.0.2.1", "--entries", "1"), 7, "Give --host an address"),
        ((*WINDOW, "--format", "parquet,xlsx"), 2, "--format names xlsx"),
        ((*WINDOW, "--format", ","), 2, "--format names nothing"),
        ((*WINDOW, "--framework", ""), 2, "--framework names nothing"),
        ((*WINDOW, "--sign-key-passphrase-file", "p"), 2, "A passphrase opens a key to sign with"),
        (("list", "--user", "nobody"), 2, "The platform refuses the request (HTTP 400"),
        ((*WINDOW[:4], "--format", "csv"), 2, "leaves out Parquet, which the report is drawn from"),
        ((*WINDOW, "--proxy", "nowhere"), 2, "--proxy is not the URL"),
        ((*WINDOW, "--output", "x" * 300), 7, "cannot be written (File name too long)"),
        ((*WINDOW, "--api-key-file", "/dev/zero"), 5, "holds characters that no key has"),
        ((*WINDOW, "--config", "/dev/zero"), 2, "larger than 1,048,576 bytes"),
        ((*WINDOW, "--api-url", "https://xn--/"), 2, "--api-url is not a URL"),
        ((*WINDOW, "--api-url", f"https://{'x' * 64}.example/"), 2, "--api-url is not a URL"),
        ((*WINDOW, "--proxy", "http://xn--/"), 2, "--proxy is not the URL"),
        ((*WINDOW, "--proxy", f"http://{'x' * 64}.example/"), 2, "--proxy is not the URL"),
        ((*WINDOW, "--report-rows", "9" * 20), 2, "Invalid value for '--report-rows'"),
        ((*WINDOW, "--page-size", "9" * 20), 2, "Invalid value for '--page-size'"),
    ],
)
def test_a_mistake_gets_one_sentence_what_and_one_what_to_do(
    terminal: Terminal, tmp_path: Path, arguments: tuple[str, ...], code: int, what: str
) -> None:
    assert terminal(*arguments) == code
    assert what in terminal.err
    assert "Traceback" not in terminal.err
    assert terminal.out == ""
    assert not (tmp_path / "evidence").exists()


def test_without_a_key_it_says_where_one_can_be_put(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SATUSKY_API_KEY")

    assert terminal(*WINDOW) == 5
    assert "There is no API key." in terminal.err
    assert "--api-key-file" in terminal.err


def test_a_wrong_key_is_refused_and_never_shown(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SATUSKY_API_KEY", "a-key-that-is-wrong")

    assert terminal(*WINDOW, "-vv") == 5
    assert "does not accept the key (HTTP 401" in terminal.err
    assert "Traceback" in terminal.err
    assert "a-key-that" not in terminal.err


def test_an_export_known_to_be_partial_exits_with_3_and_publishes_nothing(
    terminal: Terminal, world: World, tmp_path: Path
) -> None:
    world.behave(ceiling=300, cap=100, filters_ignored=True)
    capped = (*WINDOW, "--page-size", "100", "--org", str(world.settings.organization_id))

    assert terminal(*capped) == 3
    assert "Part of the window is missing" in terminal.err
    assert "What was fetched is kept in" in terminal.err
    assert not list(tmp_path.rglob("manifest.json"))
    assert terminal(*capped, "--allow-partial") == 3
    assert terminal.err.startswith("PARTIAL: ")


def test_an_unproven_export_exits_with_3_unless_it_is_accepted(serve: Serve, terminal: Terminal) -> None:
    world = serve(entries=700, total="absent", filters_ignored=True)
    everything = ("--api-url", world.url, "--since", "2020-01-01", "--report", "none")

    assert terminal(*everything) == 3
    assert terminal.err.startswith("UNPROVEN: ")
    assert terminal(*everything, "--accept-unproven") == 0


def test_without_arguments_it_shows_the_help(terminal: Terminal) -> None:
    assert terminal() == 2
    assert "Commands:" in terminal.err


@contextmanager
def running(world: World, folder: Path) -> Iterator["subprocess.Popen[str]"]:
    """Start an export in a process of its own, and wait until it is reading the log."""
    command = [sys.executable, "-m", "exporter", *WINDOW, "--page-size", "10", "--output", "evidence"]
    environment = {
        **os.environ,
        "HOME": str(folder),
        "SATUSKY_API_URL": world.url,
        "SATUSKY_API_KEY": world.settings.api_key,
    }
    with subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        deadline = time.monotonic() + 30
        while not list(folder.glob("evidence/*/.partial-*/data/raw/*")) and time.monotonic() < deadline:
            time.sleep(0.05)
        yield process


def test_an_interrupted_run_leaves_nothing_behind(serve: Serve, tmp_path: Path) -> None:
    world = serve(latency=0.5)
    for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
        with running(world, tmp_path) as process:
            process.send_signal(number)
            process.communicate(timeout=30)
        assert process.returncode == code
        assert not (tmp_path / "evidence").exists()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_interrupted_while_it_still_loads_it_says_the_same(number: int, code: int) -> None:
    begin = f"""
import os, sys

class Interrupting:
    def find_spec(self, name, *_):
        if name == "exporter.cli":
            type("Made", (), {{"member": self}})

    def __set_name__(self, *_):
        os.kill(os.getpid(), {number:d})

sys.meta_path.insert(0, Interrupting())
from exporter.__main__ import main
main()
"""
    ran = subprocess.run([sys.executable, "-c", begin], capture_output=True, text=True, check=False)

    assert (ran.returncode, ran.stdout) == (code, "")
    assert ran.stderr == "Error: Interrupted.\nRun the same command again.\n"


def test_it_heeds_who_interrupts_it_before_it_imports_what_takes_its_time() -> None:
    loaded = "import sys; known = {*sys.modules}; import exporter.__main__; print(*{*sys.modules} - known)"
    ran = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, check=True)

    assert not {"click", "contextlib", "re", "typing"} & set(ran.stdout.split())


def test_interrupted_while_a_class_is_made_it_says_the_same(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Interrupting:
        def __set_name__(self, *_: object) -> None:
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(
        "exporter.commands.schema.print_table", lambda *_: type("", (), {"a": Interrupting()})
    )
    assert terminal("schema") == 143
    assert terminal.err == "Error: Interrupted.\nRun the same command again.\n"


def test_a_terminal_that_is_gone_ends_a_command_which_nohup_has_go_on(
    terminal: Terminal, world: World
) -> None:
    def hang_up(entry: dict[str, object]) -> dict[str, object]:
        os.kill(os.getpid(), signal.SIGHUP)
        return entry

    world.behave(edit=hang_up)
    before = signal.signal(signal.SIGHUP, lambda *_: None)
    try:
        assert terminal("list", "--limit", "1") == 129
        assert terminal.err == "Error: Interrupted.\nRun the same command again.\n"
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        assert terminal("list", "--limit", "1") == 0
    finally:
        signal.signal(signal.SIGHUP, before)


def test_one_run_at_a_time_holds_an_archive(
    terminal: Terminal, serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = serve(latency=0.5)
    monkeypatch.setenv("SATUSKY_API_URL", world.url)

    with running(world, tmp_path) as process:
        assert terminal(*WINDOW) == 75
        assert "Another run holds the archive" in terminal.err
        assert "--lock-timeout" in terminal.err
        world.behave(latency=0.0)
        assert terminal(*WINDOW, "--lock-timeout", "60") == 0
        first, _ = process.communicate(timeout=60)

    assert process.returncode == 0
    assert Path(first.strip()).name.startswith("000001_")
    assert Path(terminal.out.strip()).name == Path(first.strip()).name
    assert "Sealed already by an earlier run" in terminal.err
    assert len(list((tmp_path / "evidence").glob("*/*"))) == 1
    assert not list((tmp_path / "evidence").glob("*/.*"))


def test_a_run_that_was_killed_holds_nothing(
    terminal: Terminal, serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = serve(latency=0.5)
    monkeypatch.setenv("SATUSKY_API_URL", world.url)
    with running(world, tmp_path) as process:
        process.kill()
        process.communicate(timeout=30)
    world.behave(latency=0.0)

    assert terminal(*WINDOW) == 0
    assert Path(terminal.out.strip()).name.startswith("000001_")


def test_the_help_lists_every_form_of_a_period(terminal: Terminal) -> None:
    assert terminal("run", "--help") == 0
    shown = " ".join(terminal.out.split()).replace("last- ", "last-")
    assert PERIODS in shown


def test_the_help_waits_for_nothing_that_only_the_work_needs() -> None:
    script = "import sys; from exporter.cli import cli; cli.main(['--help'], standalone_mode=False); "
    script += "print(*sorted({name.partition('.')[0] for name in sys.modules}), file=sys.stderr)"
    measured = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=measured)
    loaded = set(done.stderr.split())
    assert "click" in loaded
    assert (
        loaded & {"pyarrow", "httpx", "msgspec", "rich", "cryptography", "zoneinfo", "tomllib", "json"}
        == set()
    )


@pytest.mark.parametrize(
    "arguments", [("recheck",), ("report", "--to", "out"), ("sample", "--population", "log", "--size", "1")]
)
def test_a_bundle_whose_name_no_library_takes_is_not_called_altered(
    terminal: Terminal, arguments: tuple[str, ...]
) -> None:
    Path("caf\udce9").mkdir()
    assert terminal(*arguments, "caf\udce9") == 2
    assert "'caf\\udce9' is not a name in UTF-8" in terminal.err


@pytest.mark.parametrize("option", ["--label", "--user", "--org", "--output"])
def test_what_is_no_text_is_refused_before_anything_is_fetched(
    terminal: Terminal, tmp_path: Path, option: str
) -> None:
    named = f"{tmp_path}/caf\udce9" if option == "--output" else "caf\udce9"
    assert terminal("--period", "2026-09", option, named, "--api-url", "http://127.0.0.1:9") == 2
    assert "caf\\udce9' is not " in terminal.err
    assert not list(tmp_path.iterdir())
