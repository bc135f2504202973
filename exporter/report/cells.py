"""Values from the log, made fit to print: nothing in them is markup, invisible, endless or without a glyph.

The author of an event may be hostile. What is shown is what is there, in the order in which it is stored: a
character that would hide, reorder or break the page, or that poses as another, is printed as its code point,
``[U+202E]``; text from right to left is kept apart from what surrounds it; a cut is said to be one.
"""

import json
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from itertools import islice

from markupsafe import Markup, escape

from exporter.report.figures import Row
from exporter.report.fonts import Face
from exporter.report.glyphs import coverage, face_of
from exporter.report.scripts import begins_leftward, continues_leftward, disguised

LIMIT = 240
"""Characters that one cell may show; the archive holds the rest."""

PART = 60
"""Characters that the name, the old and the new value of one change may show."""

STRETCH = 20
"""Characters without a place to break a line; longer stretches are given one."""

DIGEST = 64
"""Characters of a SHA-256 in hexadecimal."""

LABEL = 28
"""Characters of a label in a chart."""

PHRASE = 8
"""Characters after which a line may also break behind punctuation, as in ``3f9a1c2e-``."""

PUNCTUATION = "-_./@:"
"""What a line may break behind, but for the point within a number."""

BREAK = "\u200b"
"""A zero-width space: costs a third of what a ``<wbr>`` does; one from the log would be shown as such."""

ABSENT = "\N{EN DASH}"
"""What stands for a value that the entry does not have."""

EMPTY = "(empty)"
"""What stands for a text without characters."""

ARROW = "\N{RIGHTWARDS ARROW}"
"""What stands between old and new; one from the log is shown as its code point, so that none is forged."""

MARKS = 2
"""Marks that one letter may carry, after composition: Thai needs two, a tower of them covers other lines."""

BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0")
"""Letters, marks and symbols that show nothing; variation selectors are the other ones."""

_APART_BEGINS = Markup("<span>")
"""The renderer lays out each element by itself: what is in it runs leftward, what surrounds it does not.
It breaks no line at the edge of one, unless there is a place to."""

_APART_ENDS = Markup("</span>")

Drawable = Callable[[str], bool]


def text(value: str | None, limit: int = LIMIT, reserved: str = "") -> Markup:
    """Make a value printable, in whichever typeface, the characters of ``reserved`` as their code points."""
    if not value:
        return escape(ABSENT if value is None else EMPTY)
    shown: list[str] = []
    most = STRETCH if value.isascii() else STRETCH - MARKS  # leaves a letter room for its marks
    length = stretch = 0
    leftward = False
    for piece in visible(value, _has_face, reserved):
        length += len(piece)
        if length > limit:
            break
        if leftward and not (len(piece) == 1 and continues_leftward(piece)):
            shown.append(_APART_ENDS + BREAK)
            leftward, stretch = False, 0
        if _breaks(shown, piece, stretch):
            shown.append(BREAK)
            stretch = 0
        stretch = 0 if piece == " " else stretch + len(piece)
        if stretch > len(piece) > 1 or (stretch > most and not _is_mark(piece)):
            shown.append(BREAK)
            stretch = len(piece)
        if not leftward and len(piece) == 1 and begins_leftward(piece):
            shown.append((BREAK if shown else "") + _APART_BEGINS)
            leftward, stretch = True, len(piece)
        shown.append(piece)
    if leftward:
        shown.append(_APART_ENDS)
    if length > limit:
        shown.append(f" … [cut; {len(value):,} characters]")
    return Markup().join(shown)


def line(value: str, limit: int) -> str:
    """Make a value fit for where there is no markup: the title of a document, the name of an author."""
    shown = list(islice(visible(value, _has_face), limit + 1))
    return "".join(shown[:limit]) + ("…" if len(shown) > limit else "")


def label(value: str) -> str:
    """Make a value printable in a chart: the drawing engine ends the process over some control characters."""
    drawable = coverage(Face.SANS)
    shown = list(islice(visible(value, lambda character: ord(character) in drawable), LABEL + 1))
    return "".join(shown[:LABEL]) + (" …" if len(shown) > LABEL else "")


def whole(value: str) -> Markup:
    """Make a digest printable in one piece, for a cell that is wide enough: it is there to be copied."""
    return Markup().join(islice(visible(value, _has_face), DIGEST))


def changes(fields: Sequence[Row] | None) -> Markup:
    """Show what changed, a line each: ``field: old → new``; ``old`` and ``new`` are JSON text, or absent."""
    if not fields:
        return escape(ABSENT)
    lines: list[Markup] = []
    for change in fields:
        if sum(map(len, lines)) > LIMIT:
            lines.append(escape(f"[{len(fields) - len(lines):,} more fields]"))
            break
        name, old, new = (
            text(part, PART, reserved=ARROW)
            for part in (change["field"], _plain(change["old"]), _plain(change["new"]))
        )
        lines.append(Markup("{}: {} {} {}").format(name, old, ARROW, new))
    return Markup("<br/>").join(lines)


def visible(value: str, drawable: Drawable, reserved: str = "") -> Iterator[str]:
    """Yield the characters of ``value`` as they may be shown, those of ``reserved`` as their code points."""
    composed = value if value.isascii() else unicodedata.normalize("NFC", value)
    posing = disguised(composed)
    imitates = composed in {ABSENT, EMPTY}
    marks = MARKS
    for at, character in enumerate(composed):
        category = unicodedata.category(character)
        marks = marks + 1 if category[0] == "M" else 0
        if (
            at not in posing
            and character not in reserved
            and not (imitates and at == 0)
            and not (character == "[" and composed.startswith(("[U+", "[cut;"), at))
            and (_parts(composed, at) or (category[0] in "LMNPS" and marks <= MARKS and _shows(character)))
            and drawable(character)
        ):
            yield character
        else:
            yield f"[U+{ord(character):04X}]"


def _is_mark(piece: str) -> bool:
    """Whether it is drawn on the letter before it, and must not be parted from it."""
    return len(piece) == 1 and unicodedata.category(piece)[0] == "M"


def _parts(value: str, at: int) -> bool:
    """Whether the character there is a space that shows: one space alone, between what it keeps apart."""
    return value[at] == " " and 0 < at < len(value) - 1 and value[at - 1] != " "


def _shows(character: str) -> bool:
    selects = "\ufe00" <= character <= "\ufe0f" or "\U000e0100" <= character <= "\U000e01ef"
    return not selects and character not in BLANK


def _has_face(character: str) -> bool:
    return character.isascii() or face_of(character) is not None


def _breaks(shown: Sequence[str], piece: str, stretch: int) -> bool:
    """Whether a line may break before that piece, ``stretch`` characters after the last such place."""
    if shown[-1:] == [" "]:
        return _holds(shown[-2], piece)
    return stretch >= PHRASE and shown[-1] in PUNCTUATION and not (_goes_on(shown, piece) or _is_mark(piece))


def _holds(before: str, after: str) -> bool:
    """Whether a space may keep what it stands between in one line, as behind ``{`` and before ``}``."""
    return any(unicodedata.category(each)[0] == "P" for each in (before[-1], after[0]))


def _goes_on(shown: Sequence[str], piece: str) -> bool:
    """Whether a number goes on behind its point: broken there, version 1.29.3 reads as 1.29."""
    return shown[-1] == "." and piece.isdigit() and "".join(shown[-2:-1]).isdigit()


def _plain(value: str | None) -> str | None:
    """Show JSON text the way a person would write it: a string without quotes."""
    if value is not None and value.startswith('"'):
        decoded: str = json.loads(value)
        return decoded
    return value
