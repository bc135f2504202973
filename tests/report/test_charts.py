"""The engine for the charts, as whoever composes a report meets it."""

import re
import subprocess
import sys
from typing import Any

import pytest

from exporter.report import assets, charts

_PROCESS = subprocess.Popen


def test_no_chart_rounds_a_count() -> None:
    for path in (assets.root() / "charts").glob("*.vl.json"):
        assert {*re.findall(r'"format": "([^"]*)"', path.read_text("utf-8"))} <= {",d"}, path


def _never_ready(_command: list[str], **given: Any) -> "subprocess.Popen[bytes]":
    return _PROCESS([sys.executable, "-c", "import time; time.sleep(600)"], **given)


def test_whoever_asks_for_charts_does_not_wait_until_the_engine_reads(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(subprocess, "Popen", _never_ready)
    more_than_a_pipe_holds = [{"day": "2026-07-01", "hour": 3, "entries": 7}] * 20_000
    with charts.Engine() as engine:
        engine.ask([charts.Chart(name="calendar", title="", datasets={"hours": more_than_a_pipe_holds})])
