"""What the walk remembers in order to notice that the log moved under it."""

from collections import deque
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from itertools import accumulate
from typing import NamedTuple, Self

from exporter.facts import Check, Result, Window
from exporter.source.platform import Page

_REMEMBERED_PAGES = 20  # below the mark near the head
_REMEMBERED_TOTALS = 64  # more than there are pages under way at the same time


class Totals:
    """The platform's own count of the whole log, as it went along.

    Pages may be under way at the same time, so one count is held against another only where the request was
    sent after the other's answer had come.
    """

    def __init__(self) -> None:
        self._answers: deque[tuple[float, int]] = deque(maxlen=_REMEMBERED_TOTALS)
        self._fall: tuple[int, int] | None = None
        self.last: int | None = None
        """The count in the latest page that had one."""

    def note(self, page: Page) -> None:
        """Take the count of a page."""
        if page.total is None:
            return
        earlier = [total for answered, total in self._answers if answered < page.asked]
        if earlier and max(earlier) > page.total:
            self._fall = (max(earlier), page.total)
        self._answers.append((page.answered, page.total))
        self.last = page.total

    def check(self) -> list[Check]:
        """State whether the count ever fell; nothing where the platform gives none."""
        if self.last is None:
            return []
        expected, found = self._fall or (self.last, self.last)
        return [
            Check(
                id="log-only-grows",
                what="The platform's count of the log never falls",
                expected=f"at least {expected:,}",
                found=f"{found:,}",
                result=Result.AS_EXPECTED if self._fall is None else Result.CONTRADICTS,
            )
        ]


class Mark(NamedTuple):
    """The place in the list where an instant begins, as one answer showed it."""

    moment: datetime
    place: int
    total: int | None
    """The platform's count in the same answer."""

    @classmethod
    def within(cls, page: Page) -> Self | None:
        """Mark the first place of a page that has only newer entries above it; ``None`` without one."""
        newest_below = list(accumulate(reversed(page.moments), max))[-2::-1]
        oldest_above = accumulate(page.moments, min)
        for oldest, moment in zip(oldest_above, newest_below, strict=False):
            if moment < oldest:
                return cls(moment, page.start_of(moment), page.total)
        return None

    def found(self, page: Page) -> Self | None:
        """Mark the same instant where ``page`` shows it to begin; ``None`` where it does not show that."""
        begins_above = page.offset > 0 and all(at <= self.moment for at in page.moments)
        begins_below = page.size > 0 and all(at > self.moment for at in page.moments)
        if begins_above or begins_below:
            return None
        return self._replace(place=page.start_of(self.moment), total=page.total)

    def counted_again(self, page: Page) -> Self:
        """Mark the same instant by ``page`` instead, if the platform counts fewer entries below it there."""
        again = self.found(page)
        if again is None or again.total is None or self.total is None:
            return self
        return again if again.total - again.place < self.total - self.place else self


_LAST_INSTANT = datetime.max.replace(tzinfo=UTC)
_TOP = Mark(moment=_LAST_INSTANT, place=0, total=None)
"""Above whatever may join the list."""


class Look:
    """A look from the newest entry down, page by page, held against what was known before.

    A mark near the head tells entries that joined above it, which push it down, from those that joined below:
    the platform's count rises by both.
    """

    def __init__(
        self,
        window: Window,
        *,
        known: Mapping[str, int],
        first: Mapping[str, datetime],
        mark: Mark,
        joined_below: int,
    ) -> None:
        self._window = window
        self._known = known
        self._unseen = dict(first)
        self._mark = mark
        self._moved: Mark | None = None
        self._ended: datetime | None = None
        self._cut: set[datetime] = set()
        self._lowest = 0
        self._deepest = _LAST_INSTANT
        self.met: set[str] = set()
        """Ids that were not known before."""
        self.mark: Mark | None = None
        """The first mark within its pages: for the look after this."""
        self.joined_below = joined_below
        """Entries that joined below the mark since it was set, as far as looks have met them."""
        self.late = 0
        """Entries inside the window that were not known before."""
        self.closed = False
        """Whether it got down to entries that were known, and to the mark."""
        self.stalled = 0
        """How many pages in a row brought it no further down."""

    @property
    def gone(self) -> int:
        """How many of the pass's first entries it passed by without meeting them.

        Those of an instant that a page began or ended with may have changed places from one page to another.
        """
        if not self.closed or self._ended is None:
            return 0
        above = [moment for id_, moment in self._unseen.items() if self._known[id_] < self._lowest]
        return sum(moment > self._ended and moment not in self._cut for moment in above)

    @property
    def place(self) -> int:
        """Where in the list the mark was found, as far as it was."""
        return (self._moved or self._mark).place

    @property
    def unexplained(self) -> int:
        """How far the platform's count rose since the mark was set, beyond the entries that joined."""
        if self._moved is None or self._moved.total is None or self._mark.total is None:
            return 0
        joined = self.joined_below + self._moved.place - self._mark.place
        return self._moved.total - self._mark.total - joined

    def lies_between(self, above: Page, below: Page) -> bool:
        """Tell whether the mark was missed since one page ends above it, and the next begins with it."""
        moment = self._mark.moment
        ends_above = self._moved is None and all(at > moment for at in above.moments)
        return ends_above and below.size > 1 and all(at <= moment for at in below.moments)

    def take(self, page: Page, *, whole: bool) -> None:
        """Compare a page with what is known; ``whole`` where it holds all there is to see."""
        placed = zip(page.ids, page.moments, strict=True)
        unknown = {id_: moment for id_, moment in placed if id_ not in self._known}
        new = [moment for id_, moment in unknown.items() if id_ not in self.met]
        self.met.update(unknown)
        self.late += sum(self._window.since <= moment < self._window.until for moment in new)
        for id_ in page.ids:
            self._unseen.pop(id_, None)
            self._lowest = max(self._lowest, self._known.get(id_, 0))
        self.joined_below += sum(moment <= self._mark.moment for moment in new)
        self._moved = self._mark.found(page) or self._moved
        self.mark = self.mark or Mark.within(page)
        self._go_down(page, new)
        # What this look met itself does not close it: it may have been pushed down to this page meanwhile.
        known = not unknown or (whole and len(unknown) < page.size)
        self.closed = known and self._moved is not None

    def count_again(self, page: Page) -> None:
        """Take the platform's count again from a page on which the marks may stand."""
        self._moved = self._moved and self._moved.counted_again(page)
        self.mark = self.mark and self.mark.counted_again(page)

    def _go_down(self, page: Page, new: Collection[datetime]) -> None:
        self._ended = min(page.moments, default=None)
        if self._ended is not None:
            self._cut |= {self._ended, max(page.moments)}
            more_of_it = self._ended == self._deepest and self._ended in new
            self.stalled = 0 if self._ended < self._deepest or more_of_it else self.stalled + 1
            self._deepest = min(self._deepest, self._ended)


class Head:
    """The newest entries as a pass saw them, and what looks at them found since.

    Each look that gets down to the mark sets the mark for the next.
    """

    def __init__(self, window: Window) -> None:
        self._window = window
        self._pages = 0
        self._known: dict[str, int] = {}
        self._first: dict[str, datetime] = {}
        self._mark = _TOP
        self._look: Look | None = None
        self._late = 0

    @property
    def quiet(self) -> bool:
        """Whether the last look got down to known entries and met nothing new inside the window."""
        return self._look is not None and self._look.closed and not self._look.late

    @property
    def gone(self) -> int:
        """How many of the pass's first entries the last look passed by without meeting them."""
        return self._look.gone if self._look else 0

    @property
    def late(self) -> int:
        """How many entries inside the window only looks found."""
        return self._late + (self._look.late if self._look else 0)

    @property
    def place(self) -> int:
        """Where in the list the mark stood when it was set."""
        return self._mark.place

    def remember(self, page: Page) -> None:
        """Take a page of the pass into the memory: those down to the mark, and twenty."""
        if not self._known:
            oldest = min(page.moments, default=None)
            placed = zip(page.ids, page.moments, strict=True)
            self._first = {id_: moment for id_, moment in placed if moment != oldest}
            self._mark = _TOP._replace(total=page.total)
        if self._pages == _REMEMBERED_PAGES:
            return
        for id_ in page.ids:
            self._known.setdefault(id_, len(self._known))
        if self._mark.moment == _LAST_INSTANT:
            self._mark = Mark.within(page) or self._mark
        self._pages += self._mark.moment != _LAST_INSTANT

    def pushed(self, page: Page) -> int | None:
        """How far ``page`` shows the mark to have been pushed down; ``None`` where it does not show it."""
        found = self._mark.found(page)
        return None if found is None else found.place - self._mark.place

    def begin_look(self) -> Look:
        """Begin another look from the newest entry."""
        joined_below = 0
        if self._look:
            self._known |= dict.fromkeys(self._look.met, 0)
            self._late += self._look.late
            if self._look.closed and self._look.mark:
                self._mark = self._look.mark
            else:
                joined_below = self._look.joined_below
        self._look = Look(
            self._window, known=self._known, first=self._first, mark=self._mark, joined_below=joined_below
        )
        return self._look
