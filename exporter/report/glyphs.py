"""What the report's typefaces can draw, and which of them a text needs."""

from collections.abc import Iterable
from functools import cache

from fontTools.ttLib import TTFont

from exporter.report import assets
from exporter.report.fonts import FILES, Face

ORDER = (Face.SANS, Face.ARABIC, Face.HEBREW, Face.CHINESE, Face.REST)
"""Which face draws a character: the first that can. The style sheet names them in the same order."""

WIDEST = 2
"""Widths of an em that a character may have; a few are whole sentences, and would leave their cell."""


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


def needed(text: Iterable[str]) -> set[Face]:
    """Return the faces that the characters of ``text`` need beyond those that every report uses."""
    others = {each for each in set(text) if each.isprintable()} - {*map(chr, coverage(Face.SANS))}
    return {face for face in map(face_of, others) if face is not None}


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
