"""What the walk remembers in order to notice that the log moved under it."""

from exporter.facts import Check, Result, Window
from exporter.source.platform import Page

_REMEMBERED_PAGES = 20


class Head:
    """The newest pages of the first pass, and what further looks at the head found beyond them."""

    def __init__(self, window: Window) -> None:
        self._window = window
        self._pages = 0
        self._known: set[str] = set()
        self._late_in_look = 0
        self._closed = False
        self.looking = False
        """Whether the first pass is over."""
        self.new = 0
        """Entries found by the looks that the first pass had not seen."""
        self.late = 0
        """Those of them that lie inside the window."""

    @property
    def quiet(self) -> bool:
        """Whether the last look reached known entries and found nothing new inside the window."""
        return self._closed and not self._late_in_look

    def remember(self, page: Page) -> None:
        """Take a page of the first pass into the memory, which holds the newest twenty."""
        if self._pages < _REMEMBERED_PAGES:
            self._known.update(page.ids)
            self._pages += 1

    def begin_look(self) -> None:
        """Start another look at the head."""
        self.looking = True
        self._late_in_look = 0
        self._closed = False

    def look(self, page: Page) -> bool:
        """Compare a page with the memory; ``True`` when it holds nothing unknown."""
        unknown = [
            moment for id_, moment in zip(page.ids, page.moments, strict=True) if id_ not in self._known
        ]
        late = sum(self._window.since <= moment < self._window.until for moment in unknown)
        self._known.update(page.ids)
        self.new += len(unknown)
        self.late += late
        self._late_in_look += late
        self._closed = len(unknown) < max(1, page.size)
        return not unknown

    def check(self) -> Check:
        """State whether the log had come to rest inside the window."""
        late = f"; {self.late:,} late entries were fetched" if self.late else ""
        return Check(
            id="second-pass",
            what="Another look from the newest entry down finds nothing new inside the window",
            expected="0 new entries",
            found=f"{self._late_in_look:,}{late}" if self._closed else "known entries were not reached",
            result=Result.AS_EXPECTED if self.quiet else Result.NOT_SHOWN,
        )


class Totals:
    """The platform's own count of the log, as it went along."""

    def __init__(self) -> None:
        self._first: int | None = None
        self._highest = 0
        self._at_look: int | None = None
        self._shrunk_to: int | None = None
        self.last: int | None = None
        """The count in the latest page that had one."""

    def note(self, page: Page, *, first_of_look: bool) -> None:
        """Take the count of a page, ``first_of_look`` where it is the head of a later look."""
        if page.total is None:
            return
        if self._first is None:
            self._first = page.total
        if page.total < self._highest:
            self._shrunk_to = page.total
        if first_of_look:
            self._at_look = page.total
        self._highest = max(self._highest, page.total)
        self.last = page.total

    def checks(self, new_at_head: int) -> list[Check]:
        """State whether the count moved in any way that the entries seen do not explain."""
        if self._first is None or self._at_look is None:
            return []
        rise = self._at_look - self._first
        return [
            Check(
                id="log-only-grows",
                what="The platform's count of the log never falls",
                expected=f"at least {self._highest:,}",
                found=f"{self._highest if self._shrunk_to is None else self._shrunk_to:,}",
                result=Result.AS_EXPECTED if self._shrunk_to is None else Result.CONTRADICTS,
            ),
            Check(
                id="growth-explained",
                what="Entries that joined the log during the run were all seen at its head",
                expected=f"{max(0, rise):,} by the platform's count",
                found=f"{new_at_head:,}",
                result=Result.AS_EXPECTED if new_at_head >= rise else Result.NOT_SHOWN,
            ),
        ]
