"""The engine for the charts, as whoever composes a report meets it."""

import itertools
import re
import subprocess
import sys
from datetime import date, timedelta
from typing import Any

import pytest

from exporter.report import assets, charts
from exporter.report.sections.completeness import Calendar

_PROCESS = subprocess.Popen


@pytest.fixture(autouse=True)
def _composed_here() -> None:
    """Let the engine be the process that it is."""


def test_no_chart_rounds_a_count() -> None:
    for path in (assets.root() / "charts").glob("*.vl.json"):
        assert {*re.findall(r'"format": "([^"]*)"', path.read_text("utf-8"))} <= {",d"}, path


@pytest.mark.parametrize(
    ("most", "named"),
    [(1, "1"), (3, "1 2 3"), (5, "1 2 3 5"), (21, "1 5 11 21"), (98_765, "1 11,114 44,035 98,765")],
)
def test_the_legend_of_the_heat_map_goes_from_the_lightest_shade_to_the_darkest(
    most: int, named: str
) -> None:
    days = [date(2026, 7, 1), date(2026, 7, 2)]
    hours = [
        {"day": day, "hour_of_day": 3, "entries": entries}
        for day, entries in zip(days, [1, most], strict=True)
    ]
    calendar = Calendar(window=days, hours=hours, empty=[], weekdays=[])
    with charts.Engine() as engine:
        engine.ask([calendar.chart])
        drawing = engine.drawn()["calendar"]
    assert re.findall(r">([\d,]+)</text>", drawing) == named.split()


@pytest.mark.parametrize(("days", "space"), [(92, 0.51), (365, 0)])
def test_the_days_of_a_year_stand_without_a_space_that_could_be_taken_for_one(
    days: int, space: float
) -> None:
    window = [date(2026, 1, 1) + timedelta(days=n) for n in range(days)]
    with charts.Engine() as engine:
        engine.ask([Calendar(window=window, hours=[], empty=[], weekdays=[]).chart])
        (strokes,) = re.findall(r' d="([^"]+)" fill="none" stroke="#f1f5f9"', engine.drawn()["calendar"])
    bars = [(float(left), float(width)) for left, width in re.findall(r"M([\d.]+),[\d.]+h([\d.]+)", strokes)]
    assert len(bars) == days
    gaps = [right[0] - sum(left) for left, right in itertools.pairwise(bars)]
    assert gaps == pytest.approx([space] * (days - 1), abs=0.02)


def test_a_heat_map_without_an_entry_is_drawn_in_silence(capfd: pytest.CaptureFixture[str]) -> None:
    days = [date(2026, 7, 1), date(2026, 7, 2)]
    with charts.Engine() as engine:
        engine.ask([Calendar(window=days, hours=[], empty=days, weekdays=[]).chart])
        assert "07-02" in engine.drawn()["calendar"]
    assert capfd.readouterr().err == ""


def _never_ready(_command: list[str], **given: Any) -> "subprocess.Popen[bytes]":
    return _PROCESS([sys.executable, "-c", "import time; time.sleep(600)"], **given)


def test_whoever_asks_for_charts_does_not_wait_until_the_engine_reads(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(subprocess, "Popen", _never_ready)
    more_than_a_pipe_holds = [{"day": "2026-07-01", "hour": 3, "entries": 7}] * 20_000
    with charts.Engine() as engine:
        engine.ask([charts.Chart(name="calendar", title="", datasets={"hours": more_than_a_pipe_holds})])
