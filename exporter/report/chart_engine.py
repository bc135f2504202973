"""The engine that draws the charts, a process of its own: ``python -m exporter.report.chart_engine``.

It gets ready, reads a JSON array of Vega-Lite specifications, and writes a JSON array of SVG texts.
"""

import json
import re
import sys
from collections.abc import Sequence
from typing import Any

import vl_convert

from exporter.report import assets, fonts

_NUMBER = r"(-?[\d.e-]+)"
_BAR = re.compile(f'<path d="M{_NUMBER},{_NUMBER}h{_NUMBER}v{_NUMBER}h-?[\\d.e-]+Z" fill="([^"]*)"/>')
_BARS = re.compile(f"(?:{_BAR.pattern})+")


def draw(specifications: Sequence[dict[str, Any]]) -> list[str]:
    """Draw Vega-Lite specifications as SVG, in the theme and the typefaces of the report."""
    theme = json.loads((assets.root() / "charts" / "theme.json").read_text("utf-8"))
    return [
        _BARS.sub(_merge, vl_convert.vegalite_to_svg(each, config=theme, allowed_base_urls=[]))
        for each in specifications
    ]


def _merge(bars: re.Match[str]) -> str:
    """Draw neighbouring bars of one colour and height as the strokes of one path.

    A year of hours costs seconds as 8,760 paths, and every corner of a bar costs as much as a bar itself.
    """
    strokes: dict[tuple[str, str], list[str]] = {}
    for left, top, width, height, fill in _BAR.findall(bars[0]):
        middle = float(top) + float(height) / 2
        stroke = f"M{float(left):.2f},{middle:.2f}h{float(width):.2f}"
        strokes.setdefault((fill, f"{float(height):.2f}"), []).append(stroke)
    return "".join(
        f'<path d="{"".join(parts)}" fill="none" stroke="{fill}" stroke-width="{height}"/>'
        for (fill, height), parts in strokes.items()
    )


if __name__ == "__main__":
    vl_convert.register_font_directory(str(fonts.folder()))
    draw([{"mark": "point"}])  # the first chart starts the engine, whatever it shows
    json.dump(draw(json.load(sys.stdin)), sys.stdout)
