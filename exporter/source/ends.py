"""How far a reading came: past the start of the window, to the true end of the log, or neither.

The end of a list is the end of the log only if nothing else can have ended it: it agrees with the platform's
total or, where there is none, each action that was seen ends there too.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Self

from exporter.facts import Check, Result, Window, rfc3339
from exporter.source.bearings import Bearing, Search
from exporter.source.dialects import DOCUMENTED_ACTIONS
from exporter.source.platform import Page
from exporter.source.reader import Reader

OVERLAP = 10
"""Entries that two readings of neighbouring places share, so that the one can be held against the other."""

ASKED_AGAIN = 8
"""How often to ask again where answers disagree that entries may have joined between.

One answer may disagree with itself: the platform may take the entries of a page before it counts the log.
"""

_SEARCHES = 60  # pages that the search for the end of an action may look at
_ROUND = 100  # totals that are a multiple of it may be as far as a search engine counts; none counts less far


class Bottom(NamedTuple):
    """Where a list ended."""

    oldest: datetime
    """Time of the oldest entry there."""

    newest: datetime
    """Time of the newest."""

    ids: Collection[str]
    """Ids there, with all that were met of that instant."""

    @classmethod
    def of(cls, page: Page) -> Self:
        """Return the bottom of a list that ends with ``page``, which holds entries."""
        return cls(min(page.moments), max(page.moments), set(page.ids))


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A list that was read to where it brings nothing more."""

    entries: int
    """Its length."""

    total: int | None
    """What the platform calls the length of the log, as far as that is to be believed."""

    counts: Mapping[str, int]
    """How many entries of each action were met."""

    last: Mapping[str, datetime]
    """Time of the last entry of each action."""

    bottom: Bottom | None
    """Where it ended; ``None`` where it is empty."""

    by_offset: bool
    """Whether ``offset`` leads down it."""


def reached(window: Window, found: str) -> Check:
    """State that the start of the window was passed, or the end of the log reached."""
    return _start(window, found, Result.AS_EXPECTED)


def unconfirmed(window: Window, found: str) -> Check:
    """State that the list ended and nothing shows that the log did."""
    return _start(window, found, Result.NOT_SHOWN)


def missed(window: Window, found: str) -> Check:
    """State that the list ended although the log goes on."""
    return _start(window, found, Result.DIFFERS)


def recounted(page: Page, again: Callable[[Page], Page]) -> Page:
    """Ask again where the list ends elsewhere than the platform's count of it, as long as either changes."""
    for _ in range(ASKED_AGAIN):
        if page.stated in {None, page.reach}:
            break
        before, page = page, again(page)
        if (page.reach, page.stated) == (before.reach, before.stated):
            break
    return page


def ended(reader: Reader, window: Window, listed: Listed) -> Check:
    """Judge a list that has no more to give, by the total that the same answer gave.

    Where there is none, its actions tell; and where that is a round number, they may refute it: a search
    engine may count no further than it lets one read.
    """
    by_total = None
    if listed.total is not None:
        by_total = _end_by_total(reader, window, listed.entries, listed.total)
        if by_total.result is Result.DIFFERS or listed.total % _ROUND:
            return by_total
    by_actions = _end_by_actions(reader, window, listed)
    return by_actions if by_total is None or by_actions.result is Result.DIFFERS else by_total


def _end_by_total(reader: Reader, window: Window, entries: int, total: int) -> Check:
    """Judge a list by its length; what a filter showed below it refutes a total that is cut off with it."""
    found = f"the list ended after {entries:,} entries, of a total of {total:,}"
    if reader.met_below:
        return missed(window, f"{found}, though older ones had been met")
    return reached(window, found) if total <= entries else missed(window, found)


def _end_by_actions(reader: Reader, window: Window, listed: Listed) -> Check:
    """Judge a list by its actions, and by documented ones that it did not show.

    None of them may go on below it. The answer that shows it has to come down as far as the list did, and to
    have room for more: a full page could be cut off where the list was.
    """
    if listed.bottom is None:
        return unconfirmed(window, "the list is empty, and no total confirms that the log is")
    oldest, has_room = listed.bottom.oldest, True
    for action, count in sorted(listed.counts.items()):
        page, had_room = _end_of(reader, action, count if listed.by_offset else 0)
        if page is None or min(page.moments) > listed.last[action]:
            return _without_filter(window, oldest)
        has_room &= had_room
        for each in _up_to(reader, action, page, oldest):
            if refuted := _going_on(reader, window, listed.bottom, action, each):
                return refuted
    refuted = _others_going_on(reader, window, listed.bottom, DOCUMENTED_ACTIONS - listed.counts.keys())
    if refuted or not has_room:
        return refuted or unconfirmed(window, f"the list ended at {rfc3339(oldest)}, where a page is full")
    if max(listed.counts.values(), default=0) >= listed.entries >= _ROUND:
        found = f"the list ended at {rfc3339(oldest)}, and its only action where a ceiling would end both"
        return unconfirmed(window, found)
    return reached(
        window, f"the list ended at {rfc3339(oldest)}, and so does each of {len(listed.counts):,} actions"
    )


def _end_of(reader: Reader, action: str, count: int) -> tuple[Page | None, bool]:
    """Return the last page of an action, of which ``count`` were met, and whether more would stand on it.

    A page that is shorter than others had room for another entry, unless it was cut off for its bytes. Asked
    for from its last entry on, it has room for those too; what joined meanwhile may have pushed the end on.
    No ``count`` where offset leads nowhere.
    """
    page = _last_of(reader, action, count)
    if not count:
        return page, page is not None and page.size < reader.full
    for _ in range(ASKED_AGAIN):
        if page is None or page.size == reader.full:
            break
        last = reader.slice(action=action, offset=page.reach - 1)
        if last.size == 1 or (last.size and set(last.ids).issubset(page.ids)):
            return page, min(last.moments) >= min(page.moments)
        before, page = page, _last_of(reader, action, page.reach)
        if page is None or page.ids == before.ids:
            break
    return page, False


def _others_going_on(
    reader: Reader, window: Window, bottom: Bottom, actions: Collection[str]
) -> Check | None:
    for action in sorted(actions):
        page = reader.slice(action=action)
        if not page.is_of(action):
            return _without_filter(window, bottom.oldest)
        if refuted := _going_on(reader, window, bottom, action, page):
            return refuted
    return None


def _going_on(reader: Reader, window: Window, bottom: Bottom, action: str, page: Page) -> Check | None:
    """State that an action goes on below the bottom; ``None`` where its page does not show it.

    It goes on where there is an entry that was not met and is no newer. Where times are out of order, what is
    no newer than anything at the bottom may stand above it.
    """
    lowest = bottom.oldest if reader.in_order else bottom.newest
    placed = zip(page.ids, page.moments, strict=True)
    if not any(moment <= lowest and id_ not in bottom.ids for id_, moment in placed):
        return None
    found = f"the list ended at {rfc3339(bottom.oldest)}, but {action} goes on below"
    if reader.in_order:
        return missed(window, found)
    return unconfirmed(window, f"{found}, or the list is not in the order of its times")


def _without_filter(window: Window, oldest: datetime) -> Check:
    found = f"the list ended at {rfc3339(oldest)}; no total and no filter confirms that the log did"
    return unconfirmed(window, found)


def _last_of(reader: Reader, action: str, count: int) -> Page | None:
    """Return the page that ends the list of one action, of which ``count`` were met, or a full one.

    ``None`` where the platform takes no notice of the filter, or gives nothing for it.
    """
    full = reader.full
    offset = max(0, count - min(OVERLAP, full // 2))
    across = max(1, full - 1)
    search = Search(up=max(1, full // 2), down=across, width=across)
    for _ in range(_SEARCHES):
        page = reader.slice(action=action, offset=offset)
        if not page.is_of(action):
            return None
        if 0 < page.size < full or (page.size and not count):
            return page
        if not page.size and offset == 0:
            return None
        offset = search.next(offset, Bearing.DOWN if page.size else Bearing.UP)
    return None


def _up_to(reader: Reader, action: str, page: Page, oldest: datetime) -> Iterator[Page]:
    """Yield the last page of an action and those above it, until one begins with an entry after ``oldest``.

    An entry that was removed while those of its instant were read may have let another slip by.
    """
    yield page
    while page.offset and page.size and page.moments[0] <= oldest:
        page = reader.slice(action=action, offset=max(0, page.offset - max(1, reader.full - 1)))
        yield page


def _start(window: Window, found: str, result: Result) -> Check:
    return Check(
        id="start-of-window",
        what="The reading passed the start of the window, or reached the end of the log",
        expected=f"entries older than {rfc3339(window.since)}, or an end that something else confirms",
        found=found,
        result=result,
    )
