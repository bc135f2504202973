"""The report's own typefaces: what they can draw, and how the renderer finds them and no others."""

from enum import StrEnum
from functools import cache
from pathlib import Path
from xml.sax.saxutils import escape

from fontTools.ttLib import TTFont  # type: ignore[import-untyped]

from exporter.report import assets


class Face(StrEnum):
    """A typeface of the report, by its family name."""

    SANS = "IBM Plex Sans"
    MONO = "IBM Plex Mono"


FILES = {
    Face.SANS: ("IBMPlexSans-Regular.ttf", "IBMPlexSans-SemiBold.ttf"),
    Face.MONO: ("IBMPlexMono-Regular.ttf",),
}


def folder() -> Path:
    """Return the folder that holds the font files."""
    return assets.root() / "fonts"


@cache
def coverage(face: Face) -> frozenset[int]:
    """Return the code points that every weight of the face can draw."""
    cmaps = []
    for name in FILES[face]:
        with TTFont(folder() / name, lazy=True) as font:
            cmaps.append(frozenset(font.getBestCmap()))
    return frozenset.intersection(*cmaps)


def configure(work: Path) -> Path:
    """Write a Fontconfig file into ``work`` that knows our fonts and no system font, and return its path."""
    path = work / "fonts.conf"
    path.write_text(
        f"<fontconfig><dir>{escape(str(folder()))}</dir>"
        f"<cachedir>{escape(str(work / 'fontcache'))}</cachedir></fontconfig>\n",
        "utf-8",
    )
    return path
