"""Charts: Vega-Lite specifications beside the templates, drawn as SVG in the report's own typefaces.

``python -m exporter.report.charts`` draws in a process of its own what it reads, a JSON array of
specifications, and writes a JSON array of SVG texts: the drawing engine keeps a hundred megabytes until its
process ends, and takes longer to start than to draw.
"""

import json
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any, Self, cast

import vl_convert
from markupsafe import Markup, escape

from exporter.report import assets, fonts

if TYPE_CHECKING:
    from exporter.report.figures import Row

_MARK = re.compile(r'<path d="([^"]*)" fill="([^"]*)"/>')
_RUN = re.compile(f"(?:{_MARK.pattern})+")


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
            [sys.executable, "-P", "-m", "exporter.report.charts"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self._asked: Sequence[Chart] = ()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._process:
            self._process.kill()

    def ask(self, charts: Sequence[Chart]) -> None:
        """Have charts drawn, once, while the caller does something else."""
        asked = [
            json.loads(_read(f"{chart.name}.vl.json")) | {"datasets": chart.datasets} for chart in charts
        ]
        self._asked = charts
        engine = cast("IO[bytes]", self._process.stdin)
        with suppress(BrokenPipeError), engine:  # where the engine has ended, its status says so
            engine.write(json.dumps(asked).encode())

    def drawn(self) -> dict[str, Markup]:
        """Return the charts as SVG, by name, when they are drawn."""
        drawings = cast("IO[bytes]", self._process.stdout).read()
        if status := self._process.wait():
            raise subprocess.CalledProcessError(status, self._process.args)
        return {
            chart.name: _titled(svg, chart.title)
            for chart, svg in zip(self._asked, json.loads(drawings), strict=True)
        }


def _titled(svg: str, title: str) -> Markup:
    start, end = svg.split(">", 1)
    return Markup(f"{start}><title>{escape(title)}</title>{end}")  # noqa: S704 - drawn here, from numbers and dates


def _draw(specifications: Sequence[dict[str, Any]]) -> list[str]:
    theme = json.loads(_read("theme.json"))
    return [
        _RUN.sub(_merge, vl_convert.vegalite_to_svg(each, config=theme, allowed_base_urls=[]))
        for each in specifications
    ]


def _merge(run: re.Match[str]) -> str:
    """Draw neighbouring marks of one colour as one path: a year of hours costs seconds as 8,760 of them."""
    shapes: dict[str, list[str]] = {}
    for shape, fill in _MARK.findall(run[0]):
        shapes.setdefault(fill, []).append(shape)
    return "".join(f'<path d="{"".join(parts)}" fill="{fill}"/>' for fill, parts in shapes.items())


def _read(name: str) -> str:
    return (assets.root() / "charts" / name).read_text("utf-8")


if __name__ == "__main__":
    vl_convert.register_font_directory(str(fonts.folder()))
    _draw([{"mark": "point"}])  # the first chart starts the engine, whatever it shows
    json.dump(_draw(json.load(sys.stdin)), sys.stdout)
