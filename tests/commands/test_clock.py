"""Whose time it is."""

import json
from pathlib import Path

import pytest
from freezegun import freeze_time

from tests.terminal import Terminal


def test_the_record_of_a_real_run_has_the_real_time(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "0")
    assert terminal("--period", "2026-Q3", "--report", "none") == 0
    run = json.loads((Path(terminal.out.strip()) / "data" / "run.json").read_bytes())
    assert run["clocks"]["started"] > "2026-"


def test_a_time_that_is_none_is_a_mistake(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "yesterday")
    assert terminal("demo") == 2
    assert "SOURCE_DATE_EPOCH is not a time" in terminal.err


def test_the_last_month_is_that_of_the_zone_at_this_moment(terminal: Terminal) -> None:
    windows = []
    with freeze_time("2026-08-31T22:30:00Z", ignore=["asyncio"]):  # the server's loop goes on
        for zone in ("UTC", "Europe/Berlin"):
            asked = ("--period", "last-month", "--timezone", zone)
            assert terminal(*asked, "--dry-run", "--json") == 0, terminal.err
            plan = terminal.result["plan"]
            windows.append((plan["since"], plan["until"]))
    assert windows == [
        ("2026-07-01T00:00:00Z", "2026-08-01T00:00:00Z"),
        ("2026-07-31T22:00:00Z", "2026-08-31T22:00:00Z"),
    ]
