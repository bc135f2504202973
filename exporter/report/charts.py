"""Charts: Vega-Lite specifications beside the templates, drawn as SVG in the report's own typefaces.

``python -m exporter.report.charts`` draws in a process of its own what it reads, a JSON array of
specifications, and writes a JSON array of SVG texts: the drawing engine keeps more than a hundred megabytes
until its process ends.
"""

import json
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import vl_convert
from markupsafe import Markup, escape

from exporter.report import assets, fonts

if TYPE_CHECKING:
    from exporter.report.figures import Row

_MARK = re.compile(
    r'<path aria-label="[^"]*" role="graphics-symbol" aria-roledescription="[^"]*"'
    r' d="([^"]*)" fill="([^"]*)"/>'
)
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


def draw(charts: Sequence[Chart]) -> dict[str, Markup]:
    """Draw charts in one process of their own; return them as SVG, by name."""
    asked = [json.loads(_read(f"{chart.name}.vl.json")) | {"datasets": chart.datasets} for chart in charts]
    done = subprocess.run(
        [sys.executable, "-P", "-m", "exporter.report.charts"],
        input=json.dumps(asked).encode(),
        stdout=subprocess.PIPE,
        check=True,
    )
    return {
        chart.name: _titled(svg, chart.title)
        for chart, svg in zip(charts, json.loads(done.stdout), strict=True)
    }


def _titled(svg: str, title: str) -> Markup:
    start, end = svg.split(">", 1)
    return Markup(f"{start}><title>{escape(title)}</title>{end}")  # noqa: S704 - drawn here, from numbers and dates


def _draw(specifications: Sequence[dict[str, Any]]) -> list[str]:
    vl_convert.register_font_directory(str(fonts.folder()))
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
    json.dump(_draw(json.load(sys.stdin)), sys.stdout)
