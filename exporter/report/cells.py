"""Values from the log, made fit to print: nothing in them is markup, invisible, endless or without a glyph.

The author of an event may be hostile. What is shown is what is there: a character that would hide,
reorder or break the page is printed as its code point, ``[U+202E]``, and a cut is said to be one.
"""

import json
import unicodedata
from collections.abc import Iterator, Sequence
from itertools import islice

from markupsafe import Markup, escape

from exporter.report.figures import Row
from exporter.report.fonts import Face, coverage

LIMIT = 240
"""Characters that one cell may show; the archive holds the rest."""

STRETCH = 20
"""Characters without a place to break a line; longer stretches are given one."""

DIGEST = 64
"""Characters of a SHA-256 in hexadecimal."""

LABEL = 28
"""Characters of a label in a chart."""

PHRASE = 8
"""Characters after which a line may also break behind punctuation, as in ``3f9a1c2e-``."""

PUNCTUATION = "-_./@:"
"""What a line may break behind."""

BREAK = "\u200b"
"""A zero-width space: costs a third of what a ``<wbr>`` does; one from the log would be shown as such."""

ABSENT = "\N{EN DASH}"
"""What stands for a value that the entry does not have."""


def text(value: str | None, limit: int = LIMIT) -> Markup:
    """Make a value printable in the proportional face."""
    return _printable(value, Face.SANS, limit)


def code(value: str | None, limit: int = LIMIT) -> Markup:
    """Make a value printable in the fixed-width face: ids, addresses, digests."""
    return _printable(value, Face.MONO, limit)


def label(value: str) -> str:
    """Make a value printable in a chart: the drawing engine ends the process over some control characters."""
    shown = list(islice(visible(value, coverage(Face.SANS)), LABEL + 1))
    return "".join(shown[:LABEL]) + (" …" if len(shown) > LABEL else "")


def whole(value: str) -> Markup:
    """Make a digest printable in one piece, for a cell that is wide enough: it is there to be copied."""
    return Markup().join(islice(visible(value, coverage(Face.MONO)), DIGEST))


def changes(fields: Sequence[Row] | None) -> Markup:
    """Show what changed as ``field: old → new``; ``old`` and ``new`` are JSON text, or absent."""
    shown = (
        f"{change['field']}: {_plain(change['old'])} → {_plain(change['new'])}" for change in fields or ()
    )
    return text("; ".join(shown) or None)


def visible(value: str, covered: frozenset[int]) -> Iterator[str]:
    """Yield the characters of ``value`` as they may be shown; ``covered`` is what the font can draw."""
    mark_before = True
    for character in unicodedata.normalize("NFC", value):
        category = unicodedata.category(character)
        is_mark = category[0] == "M"
        drawable = character == " " or category[0] in "LNPS" or (is_mark and not mark_before)
        if drawable and ord(character) in covered:
            yield character
        else:
            yield f"[U+{ord(character):04X}]"
        mark_before = is_mark


def _printable(value: str | None, face: Face, limit: int) -> Markup:
    if not value:
        return escape(ABSENT if value is None else "(empty)")
    shown: list[str] = []
    length = stretch = 0
    for piece in visible(value, coverage(face)):
        length += len(piece)
        if length > limit:
            shown.append(f" … [cut; {len(value):,} characters]")
            break
        stretch = 0 if piece == " " else stretch + len(piece)
        if stretch > STRETCH:
            shown.append(BREAK)
            stretch = len(piece)
        shown.append(piece)
        if stretch >= PHRASE and piece in PUNCTUATION:
            shown.append(BREAK)
            stretch = 0
    return Markup().join(shown)


def _plain(value: str | None) -> str:
    """Show JSON text the way a person would write it: a string without quotes, absence as a dash."""
    if value is None:
        return ABSENT
    if value.startswith('"'):
        decoded: str = json.loads(value)
        return decoded
    return value
