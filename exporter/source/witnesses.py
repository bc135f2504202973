"""What the walk remembers in order to notice that the log moved under it."""

from collections import deque
from datetime import datetime

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


class Head:
    """The newest entries as a pass saw them, and what further looks at them find."""

    def __init__(self, window: Window) -> None:
        self._window = window
        self._pages = 0
        self._known: set[str] = set()
        self._met: set[str] = set()
        self._first: dict[str, datetime] = {}
        self._unseen: dict[str, datetime] = {}
        self._depth: datetime | None = None
        self._late_in_look = 0
        self.joined = 0
        """Entries that only a look found, wherever they lie."""
        self._closed = False
        self.total: int | None = None
        """The platform's count when the pass began."""
        self.late = 0
        """Entries inside the window that only a look found."""

    @property
    def closed(self) -> bool:
        """Whether the last look got down to entries that were known."""
        return self._closed

    @property
    def quiet(self) -> bool:
        """Whether the last look got down to known entries and met nothing new inside the window."""
        return self._closed and not self._late_in_look

    @property
    def gone(self) -> int:
        """How many of the pass's first entries the last look passed by without meeting them."""
        if not self._closed or self._depth is None:
            return 0
        return sum(moment > self._depth for moment in self._unseen.values())

    def remember(self, page: Page) -> None:
        """Take a page of the pass into the memory, which holds the newest twenty."""
        if self._pages == 0:
            self.total = page.total
            eldest = min(page.moments, default=None)
            placed = zip(page.ids, page.moments, strict=True)
            self._first = {id_: moment for id_, moment in placed if moment != eldest}
        if self._pages < _REMEMBERED_PAGES:
            self._known.update(page.ids)
            self._pages += 1

    def begin_look(self) -> None:
        """Start another look from the newest entry."""
        self._known |= self._met
        self._met = set()
        self._closed = False
        self._late_in_look = 0
        self._unseen = dict(self._first)

    def look(self, page: Page, *, whole: bool) -> None:
        """Compare a page of the look with the memory; ``whole`` where it holds all there is to see."""
        unknown = {
            id_: moment for id_, moment in zip(page.ids, page.moments, strict=True) if id_ not in self._known
        }
        new = [moment for id_, moment in unknown.items() if id_ not in self._met]
        late = sum(self._window.since <= moment < self._window.until for moment in new)
        self._met.update(unknown)
        for id_ in page.ids:
            self._unseen.pop(id_, None)
        self._depth = page.oldest
        self.joined += len(new)
        self._late_in_look += late
        self.late += late
        # What this look met itself does not close it: it may have been pushed down to this page meanwhile.
        self._closed = not unknown or (whole and len(unknown) < page.size)

    def unexplained(self, total: int | None) -> int:
        """How far the platform's count rose beyond the entries that looks found new."""
        if total is None or self.total is None:
            return 0
        return total - self.total - self.joined
