"""The report's own typefaces: what they can draw, and how the renderer finds them and no others."""

from collections.abc import Iterable
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
    ARABIC = "IBM Plex Sans Arabic"
    HEBREW = "IBM Plex Sans Hebrew"
    CHINESE = "IBM Plex Sans SC"
    REST = "Unifont"


FILES = {
    Face.SANS: ("plex/IBMPlexSans-Regular.ttf", "plex/IBMPlexSans-SemiBold.ttf"),
    Face.MONO: ("plex/IBMPlexMono-Regular.ttf",),
    Face.ARABIC: ("arabic/IBMPlexSansArabic-Regular.ttf",),
    Face.HEBREW: ("hebrew/IBMPlexSansHebrew-Regular.ttf",),
    Face.CHINESE: ("chinese/IBMPlexSansSC-Regular.ttf",),
    Face.REST: ("unifont/Unifont.otf",),
}

ORDER = (Face.SANS, Face.ARABIC, Face.HEBREW, Face.CHINESE, Face.REST)
"""Which face draws a character: the first that can. The style sheet names them in the same order."""

WIDEST = 2
"""Widths of an em that a character may have; a few are whole sentences, and would leave their cell."""


def folder() -> Path:
    """Return the folder of the faces that every report uses."""
    return assets.root() / "fonts" / "plex"


def coverage(face: Face) -> frozenset[int]:
    """Return the code points that every weight of the face can draw, and draws in reasonable width."""
    return _measured(face)[0]


def face_of(character: str) -> Face | None:
    """Say which face draws a character; ``None`` where none can, or the one that would draws it too wide."""
    for face in ORDER:
        drawable, too_wide = _measured(face)
        if ord(character) in drawable:
            return face
        if ord(character) in too_wide:
            break
    return None


@cache
def _measured(face: Face) -> tuple[frozenset[int], frozenset[int]]:
    """Return the code points that the face can draw in reasonable width, and those that it draws too wide."""
    all_weights: frozenset[int] | None = None
    too_wide: set[int] = set()
    for name in FILES[face]:
        with TTFont(assets.root() / "fonts" / name, lazy=True) as font:
            points = font.getBestCmap()
            widest, widths = WIDEST * font["head"].unitsPerEm, font["hmtx"]
            too_wide.update(point for point, glyph in points.items() if widths[glyph][0] > widest)
            all_weights = frozenset(points) if all_weights is None else all_weights & points.keys()
    return (all_weights or frozenset()) - too_wide, frozenset(too_wide)


def configure(work: Path, characters: Iterable[str] = "") -> Path:
    """Write a Fontconfig file into ``work`` that knows our fonts and no system font, and return its path.

    It knows of the faces for other scripts only those that ``characters`` need: looking through a face
    with all of Chinese takes longer than drawing a page.
    """
    others = {each for each in set(characters) if each.isprintable()} - {*map(chr, coverage(Face.SANS))}
    faces = {Face.SANS} | {face for face in map(face_of, others) if face is not None}
    folders = sorted({str((assets.root() / "fonts" / FILES[face][0]).parent) for face in faces})
    path = work / "fonts.conf"
    path.write_text(
        f"<fontconfig>{''.join(f'<dir>{escape(each)}</dir>' for each in folders)}"
        f"<cachedir>{escape(str(work / 'fontcache'))}</cachedir></fontconfig>\n",
        "utf-8",
    )
    return path
