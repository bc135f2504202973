"""The entries of one instant that fill pages.

They may change places between any two requests, so no page can be held against the one before. They are read
again, once at least, until as many have been met as they have places in the list.
"""

import math
from datetime import datetime

from exporter.facts import Check, Result, Window, rfc3339
from exporter.source.bearings import SEARCHES, Bearing, Search
from exporter.source.platform import Page
from exporter.source.reader import Reader
from exporter.source.witnesses import Head

_ROUNDS = 60  # readings of an instant, until it is left open
_BLIND_ROUNDS = 5  # places where it was seen to begin, likewise, where there is no total
_OUTGROWN = 4  # times as many places as it had at the fewest, likewise
_LOST = 2  # searches for where it begins that found it nowhere, likewise
_CUT_ELSEWHERE = 38  # percent of a page, by which the next begins further up in each reading, or again below
_PLACES_AN_ENTRY = 3  # that may be passed for each entry met, or offset has no effect


class Ties:
    """The entries of the instant that ends ``page``; what was learned is final once :meth:`run` has ended."""

    def __init__(self, reader: Reader, window: Window, head: Head, page: Page) -> None:
        self._reader = reader
        self._window = window
        self._head = head
        self._page = page
        self.moment = page.moments[-1]
        """The instant."""
        self.seen = set(_at(page, self.moment))
        """Ids of all its entries that were met."""
        self.checks: list[Check] = []
        """What there is to say where not every place is accounted for; else nothing."""
        self.vanished = 0
        """Entries that were met and are gone, which only a removal can cause."""
        self.ignored = False
        """Whether the platform takes no notice of ``offset``."""
        self._lost = 0

    def run(self) -> Page:
        """Read on to the first entry that is older than the instant; return the page that shows it.

        What a reading met is known to be there still where the instant has no fewer places than after the
        reading before; else some of it may be gone, and would stand for an entry that was not met.
        """
        met, starts = set[str](), set[int]()
        rounds = fewest = 0
        before = math.inf
        first = self._begin(self._page.offset)
        while True:
            current, found = self._read_through(first, rounds)
            self.seen |= found
            if self.ignored or not self._window.since <= self.moment < self._window.until:
                return current
            at_rest = first.total in {None, current.total}
            again = first if at_rest else self._begin(first.offset)
            places = count_places(first, current, again, self.moment)
            met = met | found if places >= before else set()
            below = bool(current.size)  # else the list may break off here, by a ceiling on offset
            if met and len(met) == places and (below or met == self.seen):
                self.vanished = len(self.seen - met)
                return current
            before = places
            starts.add(first.start_of(self.moment))
            if first.total is None and len(starts) > _BLIND_ROUNDS:
                break  # entries keep joining, and nothing says how many
            fewest = min(fewest or places, places)
            if places > _OUTGROWN * fewest + self._page.size:
                break  # entries of this very instant keep joining, as fast as they are read
            rounds += 1
            if rounds == _ROUNDS or self._lost >= _LOST:
                break
            first = self._begin(first.offset) if at_rest else again
        self.checks.append(_open(f"{len(met):,} entries for {places:,} places at {rfc3339(self.moment)}"))
        return current

    def _read_through(self, first: Page, rounds: int) -> tuple[Page, set[str]]:
        """Read from ``first`` to a page that goes below the instant; return it, and the instant's ids.

        ``rounds`` were read before; the list is cut into pages elsewhere than in them, or orders that depend
        on the offset alone, or on which of several servers answers, would show the same entries again.
        """
        current, found, ids = first, set(_at(first, self.moment)), set(first.ids)
        repeated = rounds * max(1, first.size * _CUT_ELSEWHERE // 100) % max(1, first.size - 1)
        while current.size and current.moments[-1] >= self.moment:
            self._head.remember(current)
            current = self._reader.page(current.reach - repeated)
            repeated = 0
            found.update(_at(current, self.moment))
            ids.update(current.ids)
            if current.offset - first.offset > _PLACES_AN_ENTRY * len(ids) + first.size:
                self.ignored = True
                break
        return current, found

    def _begin(self, offset: int) -> Page:
        """Find a page, from ``offset`` on, that begins with a newer entry and comes down to the instant."""
        first = self._reader.page(offset)
        across = max(1, first.size - 1)
        search = Search(up=max(1, first.size // 2), down=across, width=across)
        for _ in range(SEARCHES):
            too_deep = first.offset > 0 and _begins_below(first, self.moment)
            too_high = first.size > 1 and first.moments[-1] > self.moment
            if not too_deep and not too_high:
                return first
            where = Bearing.UP if too_deep else Bearing.DOWN
            first = self._reader.page(search.next(first.offset, where))
        self._lost += 1
        return first


def _at(page: Page, moment: datetime) -> list[str]:
    return [id_ for id_, at in zip(page.ids, page.moments, strict=True) if at == moment]


def _open(found: str) -> Check:
    return Check(
        id="ties",
        what="Every place in the list that entries of one instant share is accounted for",
        expected="as many entries as places",
        found=found,
        result=Result.NOT_SHOWN,
    )


def _begins_below(page: Page, moment: datetime) -> bool:
    """Tell whether a page shows nothing newer than ``moment``, so that its entries may begin above."""
    return not page.size or page.moments[0] <= moment


def count_places(first: Page, last: Page, again: Page, moment: datetime) -> int:
    """Return how many places the entries of an instant have, from ``first``, where they begin, to ``last``.

    What joined the list above them meanwhile counts too, unless ``again``, which came after ``last`` and also
    shows where they begin, tells that all that joined did so above them: then the platform's count says how
    many those were when ``last`` was answered. So it may be more than there are, and never less.
    """
    end = last.offset + sum(at >= moment for at in last.moments)
    if first.offset and _begins_below(first, moment):
        return end
    places = end - first.start_of(moment)
    if first.total is None or last.total is None or again.total is None:
        return places
    shown = all(page.size and page.moments[-1] <= moment for page in (first, again))
    pushed = again.start_of(moment) - first.start_of(moment)
    joined_above = shown and pushed == again.total - first.total
    return places - (last.total - first.total) if joined_above else places
