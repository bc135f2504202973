"""Where the end of one page stands, seen from another: on it, above it, below it, or nowhere.

Both are stretches of one list, newest first, that other entries may have joined or left between the two
answers. Entries of one instant stand in any order, which may be another one in each answer. Where times are
out of order, the list may be in order of insertion, and ids tell what stands above what.
"""

from collections.abc import Collection
from datetime import datetime
from enum import Enum, auto

from exporter.source.platform import Page

SEARCHES = 48
"""Pages that a search looks at, at most: with strides that double and halve, all of any log."""


class Bearing(Enum):
    """Where to look for the end of a page."""

    HERE = auto()
    """The page holds all of it."""

    UP = auto()
    """Nearer the head: entries above it left the list."""

    DOWN = auto()
    """Further from the head: entries that joined pushed it there."""

    GONE = auto()
    """What is missing should be on this page, among older and newer ones, and is not."""


def bearing(page: Page, step: int, other: Page) -> Bearing:
    """Say where, seen from ``other``, those entries of ``page`` are that stand at ``step`` and below."""
    missing = lacking(page, step, other)
    in_order = page.in_order and other.in_order
    if not missing:
        above = in_order and _may_begin_above(other, page.moments[step + 1])
        return Bearing.UP if above else Bearing.HERE
    if not other.size:
        return Bearing.UP
    if not in_order:
        return _bearing_by_ids(page, missing, other)
    moments = [at for id_, at in zip(page.ids, page.moments, strict=True) if id_ in missing]
    newest, oldest = max(other.moments), min(other.moments)
    if newest == oldest in moments:
        # One instant fills the page: where only known entries do, they were pushed down from above.
        return Bearing.DOWN if set(other.ids).issubset(page.ids) else Bearing.UP
    if min(moments) <= oldest:
        return Bearing.DOWN
    return Bearing.UP if max(moments) >= newest else Bearing.GONE


def _may_begin_above(page: Page, moment: datetime) -> bool:
    """Tell whether ``page``, in order, may lack some entries of an instant: those above its first.

    They may have changed places with those that it shows.
    """
    is_head = page.offset == 0 and not page.recorded
    return not is_head and page.moments[0] <= moment


def _bearing_by_ids(page: Page, missing: Collection[str], other: Page) -> Bearing:
    shared = set(page.ids).intersection(other.ids)
    if not shared:
        middle = sorted(other.moments)[other.size // 2]
        return Bearing.DOWN if middle > page.moments[-1] else Bearing.UP
    places = {id_: place for place, id_ in enumerate(page.ids)}
    if max(places[id_] for id_ in missing) > max(places[id_] for id_ in shared):
        return Bearing.DOWN
    above = min(places[id_] for id_ in missing) < min(places[id_] for id_ in shared)
    return Bearing.UP if above else Bearing.GONE


def shift(page: Page, step: int, other: Page) -> int:
    """Return how much further down ``other`` shows the entries at ``step`` and below of ``page``.

    The place where an instant begins tells, or, where times are out of order, that of the ids.
    """
    if page.in_order and other.in_order:
        moment = page.moments[step + 1]
        return other.start_of(moment) - page.start_of(moment)
    places = {id_: other.offset + place for place, id_ in enumerate(other.ids)}
    repeated = enumerate(page.ids[step:], page.offset + step)
    return max(places[id_] - place for place, id_ in repeated if id_ in places)


def lacking(page: Page, step: int, other: Page) -> Collection[str]:
    """Return the ids at ``step`` and below of ``page`` that ``other`` should hold and does not.

    The first of them may have changed places with others of its instant further up. Where the instant that
    ends ``page`` ends ``other`` too, those of that instant may be further down, and the first has to do;
    where its own instant may begin above ``page``, any of that may stand in its place.
    """
    if not other.size or other.moments[-1] != page.moments[-1]:
        lasting = page.ids[step + 1 :]
    elif page.in_order and other.in_order and _may_begin_above(page, page.moments[step]):
        lasting = []
    else:
        lasting = page.ids[step : step + 1]
    return set(lasting).difference(other.ids)


class Search:
    """Where to look next: in strides that double until the place was passed, then halfway between.

    What joins the list meanwhile pushes the place on. So where the two sides are no further apart than
    ``width``, the number of neighbouring offsets whose pages all show the place, it has moved: the search
    strides off again, by no more than that, since longer strides would pass the place each time.
    """

    def __init__(self, *, up: int, down: int, width: int) -> None:
        self._strides = {Bearing.UP: up, Bearing.DOWN: down}
        self._width = width
        self._above: int | None = None
        self._below: int | None = None

    def next(self, offset: int, where: Bearing) -> int:
        """Return the offset to look at after ``offset``, from which the place lies ``UP`` or ``DOWN``."""
        if where is Bearing.DOWN:
            self._above = offset
        else:
            self._below = offset
        if self._above is not None and self._below is not None:
            if self._below - self._above > self._width:
                return (self._above + self._below) // 2
            self._strides = {Bearing.UP: self._width, Bearing.DOWN: self._width}
            self._above, self._below = (offset, None) if where is Bearing.DOWN else (None, offset)
        stride = self._strides[where]
        self._strides[where] *= 2
        return offset + stride if where is Bearing.DOWN else max(0, offset - stride)
