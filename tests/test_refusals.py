"""What a user sees where the platform does not answer as it should, in either dialect."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from exporter.sandbox.faults import Fault
from tests.source.servers import http, serving
from tests.terminal import Terminal
from tests.world import World


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """A way in which the platform does not answer."""

    behaviour: dict[str, Any]
    """How the platform behaves."""

    code: int
    """The exit code that follows."""

    what: str
    """What the error says, in part."""

    remedy: str
    """What it says to do, in part."""


TROUBLES = {
    "401": Trouble(
        behaviour={"api_key": "another"},
        code=5,
        what="The platform does not accept the key (HTTP 401: Invalid or missing API key).",
        remedy="Check that the key, from environment variable SATUSKY_API_KEY, is current and without quotes",
    ),
    "error in 200": Trouble(
        behaviour={"faults": {Fault.ERROR_IN_200: 1.0}},
        code=6,
        what="reports a failure: Failed to fetch audit logs.",
        remedy="",
    ),
    "sign-in page": Trouble(
        behaviour={"faults": {Fault.SIGN_IN: 1.0}},
        code=6,
        what="that is not a list of audit entries",
        remedy="a sign-in page may be",
    ),
    "ends early": Trouble(
        behaviour={"faults": {Fault.CUT_OFF: 1.0}}, code=6, what="cannot be reached", remedy="Check --api-url"
    ),
    "redirect": Trouble(
        behaviour={"faults": {Fault.REDIRECT: 1.0}},
        code=6,
        what="The platform redirects to 'https://elsewhere.example/",
        remedy="Give the final address as --api-url, if you trust it.",
    ),
    "unavailable": Trouble(
        behaviour={"faults": {Fault.UNAVAILABLE: 1.0}},
        code=6,
        what="kept answering HTTP 503",
        remedy="Try again later",
    ),
}


ASKED = ("--since", "2026-07-01", "--report", "none", "--retry-for", "0", "--page-size", "200")


def assert_refused(code: int, out: str, err: str, trouble: Trouble) -> None:
    assert code == trouble.code, err
    assert out == ""
    said, to_do = err.splitlines()[-2:]
    assert said.startswith("Error: ")
    assert trouble.what in said
    assert trouble.remedy in to_do
    assert to_do.endswith(".")
    assert list(Path().glob("evidence/*/[0-9]*")) == []


@pytest.mark.parametrize("dialect", ["A", "B"])
@pytest.mark.parametrize("trouble", TROUBLES.values(), ids=TROUBLES)
def test_a_platform_that_does_not_answer_publishes_nothing_and_gets_its_sentence_and_code(
    terminal: Terminal, world: World, trouble: Trouble, dialect: str
) -> None:
    world.behave(**trouble.behaviour)
    options = ("--org", str(world.settings.organization_id)) if dialect == "B" else ()
    assert_refused(terminal(*ASKED, *options), terminal.out, terminal.err, trouble)


@pytest.mark.parametrize("trouble", ["error in 200", "sign-in page", "ends early", "redirect", "unavailable"])
def test_a_platform_that_stops_answering_on_the_way_does_not_shorten_the_export(
    terminal: Terminal, world: World, trouble: str
) -> None:
    world.behave(script=(None,) * 10, **TROUBLES[trouble].behaviour)
    assert_refused(terminal(*ASKED), terminal.out, terminal.err, TROUBLES[trouble])
    assert world.requests > 10  # the walk has begun


@pytest.mark.usefixtures("terminal")
def test_another_organization_is_refused_with_403() -> None:
    command = [sys.executable, "-m", "exporter", *ASKED, "--org", "another"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    trouble = Trouble(behaviour={}, code=5, what="does not accept the key (HTTP 403", remedy="organization")
    assert_refused(done.returncode, done.stdout, done.stderr, trouble)


def test_json_that_ends_early_in_a_whole_answer_is_no_page(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut_off = http(b'{"audit_logs": [{"id": "log_1", "action": "deploy", "created_at": "2026-08')
    with serving(cut_off) as served:
        monkeypatch.setenv("SATUSKY_API_URL", served.url)
        assert_refused(terminal(*ASKED), terminal.out, terminal.err, TROUBLES["sign-in page"])
