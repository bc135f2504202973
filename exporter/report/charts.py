"""Charts: Vega-Lite specifications beside the templates, drawn as SVG in the report's own typefaces.

The engine that draws is a process of its own (:mod:`exporter.report.chart_engine`): it keeps a hundred
megabytes until it ends, and takes longer to start than to draw.
"""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from markupsafe import Markup, escape

from exporter.report import assets

if TYPE_CHECKING:
    from exporter.report.figures import Row


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A chart to be drawn."""

    name: str
    """Its specification, a file beside the templates."""

    title: str
    """What a screen reader says instead."""

    datasets: "Mapping[str, Sequence[Row]]"
    """What it shows, by the names that the specification uses; values that JSON knows."""


class Engine:
    """The drawing engine; it starts, and draws, while queries are asked. A context manager."""

    def __init__(self) -> None:
        """Start the process."""
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "exporter.report.chart_engine"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self._asked: Sequence[Chart] = ()
        self._beside = ThreadPoolExecutor(max_workers=1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self._process:
            self._process.kill()
            self._beside.shutdown()

    def ask(self, charts: Sequence[Chart]) -> None:
        """Have charts drawn, once, while the caller does something else.

        A thread tells them: the engine takes more than a pipe holds only when it is ready.
        """
        folder = assets.root() / "charts"
        asked = [
            json.loads((folder / f"{chart.name}.vl.json").read_text("utf-8")) | {"datasets": chart.datasets}
            for chart in charts
        ]
        self._asked = charts
        self._drawings = self._beside.submit(self._process.communicate, json.dumps(asked).encode())

    def drawn(self) -> dict[str, Markup]:
        """Return the charts as SVG, by name, when they are drawn."""
        drawings, _ = self._drawings.result()
        if status := self._process.wait():
            raise subprocess.CalledProcessError(status, self._process.args)
        return {
            chart.name: _titled(svg, chart.title)
            for chart, svg in zip(self._asked, json.loads(drawings), strict=True)
        }


def _titled(svg: str, title: str) -> Markup:
    start, end = svg.split(">", 1)
    return Markup(f"{start}><title>{escape(title)}</title>{end}")  # noqa: S704 - drawn here, from numbers and dates
