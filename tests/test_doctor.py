"""What an export would meet, told before it runs."""

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest

from exporter.commands.configuration import NAME
from exporter.doctor import EXAMINATIONS
from exporter.errors import OutputError
from exporter.evidence import space
from exporter.report import fonts, libraries
from tests.rights import run_without_privileges
from tests.terminal import Terminal
from tests.world import ENTRIES, World

WELL, NOTE, FAILED, NOT_CHECKED = "ok", "note", "failed", "not checked"
AT_THE_PLATFORM = {"clock", "cap", "offset", "total", "filters"}
NEEDED_BY = {"output": {"space"}, "key": {"platform", *AT_THE_PLATFORM}, "platform": AT_THE_PLATFORM}


def examined(terminal: Terminal, *arguments: str) -> dict[str, dict[str, Any]]:
    """Return the diagnoses by id."""
    code = terminal("doctor", "--json", *arguments)
    assert terminal.result["exit_code"] == code
    return {each["id"]: each for each in terminal.result["examinations"]}


def unwell(diagnoses: dict[str, dict[str, Any]]) -> dict[str, str]:
    return {id_: each["health"] for id_, each in diagnoses.items() if each["health"] != WELL}


def test_all_is_well_where_an_export_would_succeed(terminal: Terminal, world: World, tmp_path: Path) -> None:
    dialect_b = ("--org", str(world.settings.organization_id))
    diagnoses = examined(terminal, *dialect_b)
    assert unwell(diagnoses) == {"clock": NOTE}, "the platform of the tests has a time of its own"
    assert diagnoses["clock"]["mend"].startswith("Have it set by NTP.")
    assert diagnoses["key"]["found"] == "from environment variable SATUSKY_API_KEY"
    assert "dialect B" in diagnoses["platform"]["found"]
    assert f"counts {ENTRIES:,} entries, filters followed" in diagnoses["total"]["found"]
    assert list(tmp_path.iterdir()) == []


def test_each_finding_is_a_line_and_what_to_do_another(terminal: Terminal) -> None:
    assert terminal("doctor", "--output", "/proc/evidence") == 7
    lines = terminal.out.splitlines()
    heads = [line.split("  ")[-1].partition(":")[0] for line in lines if line[:11].strip()]
    assert heads == [examination.what for examination in EXAMINATIONS]
    where = next(number for number, line in enumerate(lines) if "failed  Output folder" in line)
    assert lines[where + 1].strip() == "Choose another with --output, or mend its permissions."


@pytest.mark.parametrize(
    ("behaviour", "unlike"),
    [
        ({"cap": 100}, {"cap": (WELL, "100 entries a page at most, where 1,000 were asked for")}),
        ({"cap": 1}, {"cap": (WELL, "1 entry a page at most, where 1,000 were asked for")}),
        ({"offset_honoured": False}, {"offset": (NOTE, "it is not followed")}),
        ({"ceiling": 300}, {"offset": (NOTE, "not down to the end of the log")}),
        ({"total": "absent"}, {"total": (NOTE, "does not count the log")}),
        ({"filters_ignored": True}, {"filters": (NOTE, "they are not followed")}),
    ],
)
def test_what_the_platform_can_do_is_told_and_is_no_failure(
    terminal: Terminal, world: World, behaviour: dict[str, Any], unlike: dict[str, tuple[str, str]]
) -> None:
    world.behave(**behaviour)
    diagnoses = examined(terminal, "--org", str(world.settings.organization_id))
    assert terminal.result["exit_code"] == 0
    for id_, (health, found) in unlike.items():
        assert diagnoses[id_]["health"] == health
        assert found in diagnoses[id_]["found"]


@pytest.mark.parametrize(
    ("arguments", "id_", "code", "what"),
    [
        (("--api-key-file", "none"), "key", 5, "cannot be read"),
        (("--profile", "none"), "key", 2, "The profile 'none'"),
        (("--org", "another"), "platform", 5, "HTTP 403"),
        (
            ("--api-url", "http://127.0.0.1:9", "--retry-for", "0"),
            "platform",
            6,
            "cannot be reached",
        ),
        (("--api-url", "http://api.example"), "platform", 2, "travel unprotected"),
        (("--output", "/proc/evidence"), "output", 7, "cannot be written"),
    ],
)
def test_what_fails_has_the_exports_sentence_and_code_and_stops_only_what_needs_it(
    terminal: Terminal, arguments: tuple[str, ...], id_: str, code: int, what: str
) -> None:
    diagnoses = examined(terminal, *arguments)
    assert terminal.result["exit_code"] == code
    assert what in diagnoses[id_]["found"]
    assert diagnoses[id_]["mend"]
    health = {id_: each["health"] for id_, each in diagnoses.items()}
    assert {each for each in health if health[each] == FAILED} == {id_}
    assert {each for each in health if health[each] == NOT_CHECKED} == NEEDED_BY[id_]


def test_of_several_failures_the_most_serious_decides(terminal: Terminal) -> None:
    examined(terminal, "--api-key-file", "none", "--output", "/proc/evidence")
    assert terminal.result["exit_code"] == 7


def test_what_no_folder_can_be_is_a_finding_with_the_exports_code(terminal: Terminal) -> None:
    Path("file").touch()
    Path("link").symlink_to("nowhere")
    for output, code in (("file", 2), ("link", 7)):
        assert terminal("--period", "2026-09", "--report", "none", "--output", output) == code
        diagnoses = examined(terminal, "--output", output)
        assert (diagnoses["output"]["health"], diagnoses["output"]["exit_code"]) == (FAILED, code)


def test_an_output_folder_below_one_that_may_not_be_looked_into_is_a_finding(
    terminal: Terminal, tmp_path: Path
) -> None:
    del terminal  # its environment is what counts
    (tmp_path / "closed").mkdir(mode=0)
    ran = run_without_privileges("doctor", "--json", "--output", str(tmp_path / "closed" / "of" / "evidence"))
    assert ran.returncode == 7
    found = {each["id"]: each for each in json.loads(ran.stdout)["examinations"]}
    assert "cannot be written (Permission denied)" in found["output"]["found"]
    assert found["output"]["mend"]


def test_a_configuration_file_that_is_none_is_a_finding_too(terminal: Terminal) -> None:
    Path(NAME).write_text("nonsense = 1")
    diagnoses = examined(terminal)
    assert terminal.result["exit_code"] == 2
    assert "There is no option 'nonsense'" in diagnoses["configuration"]["found"]
    assert diagnoses["libraries"]["health"] == WELL
    assert diagnoses["platform"]["health"] == NOT_CHECKED


def test_the_configuration_in_force_is_examined(terminal: Terminal) -> None:
    Path(NAME).write_text('output = "elsewhere"\n[doctor]\noutput = "/proc/evidence"\n')
    diagnoses = examined(terminal)
    assert diagnoses["configuration"]["found"] == f"{NAME}, found"
    assert diagnoses["output"]["health"] == FAILED


def test_what_the_report_lacks_on_this_machine_is_told_with_what_to_install(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing() -> dict[str, str]:
        raise OutputError("The report needs the system library pango-1.0.", libraries.REMEDY)

    monkeypatch.setattr(libraries, "versions", missing)
    monkeypatch.setattr(fonts, "FILES", {fonts.Face.SANS: ("plex/none.ttf",)})
    monkeypatch.setattr(space, "LEAST", 2**62)
    monkeypatch.setattr(space, "MOST", 2**62)
    diagnoses = examined(terminal)
    assert terminal.result["exit_code"] == 7
    assert "apt-get install" in diagnoses["libraries"]["mend"]
    assert "plex/none.ttf" in diagnoses["typefaces"]["found"]
    assert "MiB are needed" in diagnoses["space"]["found"]
    assert diagnoses["temporary"]["health"] == NOTE
    assert "TMPDIR" in diagnoses["temporary"]["mend"]


def test_the_disk_for_temporary_files_is_looked_at_too(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    found = examined(terminal)["temporary"]["found"]
    assert found.endswith(f"MiB are needed, in {tmp_path}")

    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(tempfile, "_candidate_tempdir_list", lambda: [str(tmp_path / "none")])
    diagnoses = examined(terminal)
    assert (diagnoses["temporary"]["health"], terminal.result["exit_code"]) == (FAILED, 7)
    assert "No temporary file can be written" in diagnoses["temporary"]["found"]


def test_a_page_size_that_no_export_takes_is_not_examined(terminal: Terminal) -> None:
    for command in ("run", "doctor"):
        assert terminal(command, "--page-size", "1000001") == 2
        assert "Invalid value for '--page-size': 1000001 is not in the range" in terminal.err


def test_a_log_that_is_too_small_to_tell_is_no_failure(terminal: Terminal, world: World) -> None:
    world.behave(edit=lambda entry: entry)
    diagnoses = examined(terminal, "--page-size", "1", "--org", str(world.settings.organization_id))
    assert diagnoses["filters"]["health"] == NOTE
    assert json.loads(terminal.out)["exit_code"] == 0
