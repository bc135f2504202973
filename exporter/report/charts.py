"""Charts: Vega-Lite specifications beside the templates, drawn as SVG in the report's own typefaces."""

import json
import re
from collections.abc import Sequence
from functools import cache
from typing import Any

import vl_convert
from markupsafe import Markup, escape

from exporter.report import assets, fonts
from exporter.report.figures import Row

_MARK = re.compile(
    r'<path aria-label="[^"]*" role="graphics-symbol" aria-roledescription="[^"]*"'
    r' d="([^"]*)" fill="([^"]*)"/>'
)
_RUN = re.compile(f"(?:{_MARK.pattern})+")


def draw(name: str, title: str, **datasets: Sequence[Row]) -> Markup:
    """Draw the chart of that name over named data sets; ``title`` is what a screen reader says instead."""
    spec = json.loads(_read(f"{name}.vl.json")) | {"datasets": datasets}
    svg: str = vl_convert.vegalite_to_svg(spec, config=_theme(), allowed_base_urls=[])
    start, end = _RUN.sub(_merge, svg).split(">", 1)
    return Markup(f"{start}><title>{escape(title)}</title>{end}")  # noqa: S704 - drawn here, from numbers and dates


def _merge(run: re.Match[str]) -> str:
    """Draw neighbouring marks of one colour as one path: a year of hours costs seconds as 8,760 of them."""
    shapes: dict[str, list[str]] = {}
    for shape, fill in _MARK.findall(run[0]):
        shapes.setdefault(fill, []).append(shape)
    return "".join(f'<path d="{"".join(parts)}" fill="{fill}"/>' for fill, parts in shapes.items())


@cache
def _theme() -> dict[str, Any]:
    """Read what all charts share; the typefaces are made known on the way."""
    vl_convert.register_font_directory(str(fonts.folder()))
    theme: dict[str, Any] = json.loads(_read("theme.json"))
    return theme


def _read(name: str) -> str:
    return (assets.root() / "charts" / name).read_text("utf-8")
