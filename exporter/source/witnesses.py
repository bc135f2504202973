"""What the walk remembers in order to notice that the log moved under it."""

from collections import deque
from datetime import UTC, datetime
from typing import NamedTuple, Self

from exporter.facts import Check, Result, Window
from exporter.source.platform import Page

_REMEMBERED_PAGES = 20
_REMEMBERED_TOTALS = 64


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
    def top(cls, page: Page) -> Self:
        """Mark the top of the list, above whatever may join it."""
        return cls(datetime.max.replace(tzinfo=UTC), page.offset, page.total)

    @classmethod
    def within(cls, page: Page) -> Self | None:
        """Mark where the second instant of a page begins; ``None`` where it holds but one."""
        moment = next((at for at in page.moments if at < page.moments[0]), None)
        return None if moment is None else cls(moment, page.start_of(moment), page.total)

    def found(self, page: Page) -> Self | None:
        """Mark the same instant where ``page`` shows it to begin; ``None`` where it does not show that."""
        begins_above = page.offset > 0 and all(at <= self.moment for at in page.moments)
        begins_below = page.size > 0 and all(at > self.moment for at in page.moments)
        if begins_above or begins_below:
            return None
        return self._replace(place=page.start_of(self.moment), total=page.total)


class Head:
    """The newest entries as a pass saw them, and what further looks at them find.

    A mark near the head tells entries that joined above it, which push it down, from those that joined below:
    the platform's count rises by both. Each look that gets down to it sets the mark for the next.
    """

    def __init__(self, window: Window) -> None:
        self._window = window
        self._pages = 0
        self._known: set[str] = set()
        self._met: set[str] = set()
        self._first: dict[str, datetime] = {}
        self._unseen: dict[str, datetime] = {}
        self._ended: datetime | None = None
        self._deepest = datetime.max.replace(tzinfo=UTC)
        self._late_in_look = 0
        self._mark: Mark | None = None
        self._mark_is_inside = False
        self._mark_moved: Mark | None = None
        self._next_mark: Mark | None = None
        self._joined_before = self._joined_below = 0
        self._closed = False
        self.stalled = 0
        """How many pages in a row of the last look brought it no further down."""
        self.late = 0
        """Entries inside the window that only a look found."""

    @property
    def closed(self) -> bool:
        """Whether the last look got down to entries that were known, and to the mark."""
        return self._closed

    @property
    def quiet(self) -> bool:
        """Whether the last look got down to known entries and met nothing new inside the window."""
        return self._closed and not self._late_in_look

    @property
    def gone(self) -> int:
        """How many of the pass's first entries the last look passed by without meeting them."""
        if not self._closed or self._ended is None:
            return 0
        return sum(moment > self._ended for moment in self._unseen.values())

    @property
    def joined(self) -> int:
        """How many entries joined the list since the pass began, as far as looks have shown."""
        return self._joined_before + self._joined_since_mark

    @property
    def unexplained(self) -> int:
        """How far the platform's count rose since the mark was set, beyond the entries that joined."""
        before, now = self._mark and self._mark.total, self._mark_moved and self._mark_moved.total
        return 0 if before is None or now is None else now - before - self._joined_since_mark

    @property
    def _joined_since_mark(self) -> int:
        pushed = self._mark_moved.place - self._mark.place if self._mark and self._mark_moved else 0
        return pushed + self._joined_below

    def remember(self, page: Page) -> None:
        """Take a page of the pass into the memory: those down to the mark, and twenty."""
        if self._mark is None:
            eldest = min(page.moments, default=None)
            placed = zip(page.ids, page.moments, strict=True)
            self._first = {id_: moment for id_, moment in placed if moment != eldest}
            self._mark = Mark.top(page)
        if self._pages == _REMEMBERED_PAGES:
            return
        self._known.update(page.ids)
        if not self._mark_is_inside and (inside := Mark.within(page)):
            self._mark, self._mark_is_inside = inside, True
        self._pages += self._mark_is_inside

    def begin_look(self) -> None:
        """Start another look from the newest entry."""
        if self._closed and self._next_mark:
            self._joined_before = self.joined
            self._joined_below = 0
            self._mark = self._next_mark
        self._mark_moved = self._next_mark = None
        self._known |= self._met
        self._met = set()
        self._closed = False
        self._late_in_look = 0
        self._unseen = dict(self._first)
        self._deepest = datetime.max.replace(tzinfo=UTC)
        self.stalled = 0

    def look(self, page: Page, *, whole: bool) -> None:
        """Compare a page of the look with the memory; ``whole`` where it holds all there is to see."""
        unknown = {
            id_: moment for id_, moment in zip(page.ids, page.moments, strict=True) if id_ not in self._known
        }
        new = [moment for id_, moment in unknown.items() if id_ not in self._met]
        self._met.update(unknown)
        for id_ in page.ids:
            self._unseen.pop(id_, None)
        self._ended = min(page.moments, default=None)
        if self._ended is not None:
            more_of_it = self._ended == self._deepest and self._ended in new
            self.stalled = 0 if self._ended < self._deepest or more_of_it else self.stalled + 1
            self._deepest = min(self._deepest, self._ended)
        late = sum(self._window.since <= moment < self._window.until for moment in new)
        self._late_in_look += late
        self.late += late
        if self._mark:
            self._joined_below += sum(moment <= self._mark.moment for moment in new)
            self._mark_moved = self._mark.found(page) or self._mark_moved
        self._next_mark = self._next_mark or Mark.within(page)
        # What this look met itself does not close it: it may have been pushed down to this page meanwhile.
        known = not unknown or (whole and len(unknown) < page.size)
        self._closed = known and self._mark_moved is not None
