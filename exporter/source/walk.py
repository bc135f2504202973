"""The walk: every entry of a window, from an API that has neither a date range nor a cursor.

The list is read newest first. Where ``offset`` shifts rows, the walk goes page by page, each page repeating
the end of the one before; where it does not, it asks for ever larger pages. Either way it goes on until
entries older than the window show that its start was passed (the *boundary witness*) or the log ends, and
then looks at the head of the list again. Whether all that shows the export to be whole is stated as checks.
"""

from collections.abc import Callable, Generator, Iterator
from datetime import datetime

from exporter.entries.normalize import Rows
from exporter.facts import Check, Result, Window, rfc3339
from exporter.source.platform import Page, Platform
from exporter.source.witnesses import Head, Totals

_OVERLAP = 10
_STEPS_BACK = 5
_LOOKS = 5
_PAGES_A_LOOK = 20

Progress = Callable[[int, datetime | None], None]
"""Told after each page how many entries were received so far, and the time of the oldest of that page."""


class Walk:
    """One walk over one window. :meth:`pages` drives it; everything else is final once it has ended."""

    def __init__(
        self, platform: Platform, window: Window, *, greeting: Page, page_size: int, progress: Progress
    ) -> None:
        self._platform = platform
        self._window = window
        self._greeting = greeting
        self._limit = page_size
        self._progress = progress
        self._received = 0
        self._overlaps = self._confirmed = 0
        self._start = self._not_reached("the walk did not get there")
        self._head = Head(window)
        self._totals = Totals()
        self.offset_shifts_rows: bool | None = None
        """Whether ``offset`` was seen to shift rows; ``None`` where the log is empty."""
        self.largest_page = 0
        """The most entries that came in one page."""
        self.server_time = greeting.server_time
        """The platform's clock at the latest page, where it gave one."""

    @property
    def total(self) -> int | None:
        """How many entries the log holds, as the platform said last, where it says so."""
        return self._totals.last

    @property
    def checks(self) -> list[Check]:
        """What the walk can say about the export being whole."""
        return [
            self._start,
            *self._overlap_checks(),
            self._head.check(),
            *self._totals.checks(self._head.new),
        ]

    def pages(self) -> Iterator[Rows]:
        """Yield the rows of every page that was read, in the order read; pages overlap."""
        yield self._greeting.rows
        yield from self._by_offset()
        if self.offset_shifts_rows is False:
            yield from self._by_limit()
        yield from self._look_again()

    def _by_offset(self) -> Iterator[Rows]:
        """Go down page by page: on by the rows received, never by the limit asked for, less an overlap."""
        offset, previous, empty_before = 0, list[str](), False
        while True:
            page = self._read(offset)
            yield page.rows
            if not page.size:
                if empty_before:
                    self._start = self._end_of_log(offset, page.total)
                    return
                empty_before = True
                continue
            empty_before = False
            if previous:
                self.offset_shifts_rows = previous[0] not in page.ids
                if not self.offset_shifts_rows:
                    return
                page = yield from self._joined(page, set(previous[-_overlap(len(previous)) :]))
            self._head.remember(page)
            if page.newest is not None and page.newest < self._window.since:
                self._start = self._passed(
                    f"page at offset {page.offset:,}: newest entry {rfc3339(page.newest)}"
                )
                return
            brings_more = not set(previous).issuperset(page.ids)
            offset = page.offset + page.size - (_overlap(page.size) if brings_more else 0)
            previous = page.ids

    def _joined(self, page: Page, tail: set[str]) -> Generator[Rows, None, Page]:
        """Step back until the end of the page before is found again; entries were removed or reordered."""
        self._overlaps += 1
        for _ in range(_STEPS_BACK):
            if tail.issubset(page.ids):
                self._confirmed += 1
                break
            page = self._read(max(0, page.offset - max(1, page.size // 2)))
            yield page.rows
        return page

    def _by_limit(self) -> Iterator[Rows]:
        """Ask for ever larger pages, until two in a row hold less than was asked for."""
        short_before = False
        while True:
            self._limit *= 2
            page = self._read(0)
            yield page.rows
            self._head.remember(page)
            eldest = page.moments[-_OVERLAP:]
            if eldest and max(eldest) < self._window.since:
                self._start = self._passed(f"the last {len(eldest)} of {page.size:,} entries are older")
                return
            short = page.size < self._limit
            if short and short_before:
                self._start = self._end_of_log(page.size, page.total)
                return
            short_before = short

    def _look_again(self) -> Iterator[Rows]:
        """Read the head again, down to a whole page of known ids, until nothing new lies in the window."""
        for _ in range(_LOOKS):
            self._head.begin_look()
            offset = 0
            for _ in range(_PAGES_A_LOOK):
                page = self._read(offset)
                yield page.rows
                if self._head.look(page) or self.offset_shifts_rows is False:
                    break
                offset += page.size - _overlap(page.size)
            if self._head.quiet:
                return

    def _read(self, offset: int) -> Page:
        page = self._platform.page(limit=self._limit, offset=offset)
        self._received += page.size
        self.largest_page = max(self.largest_page, page.size)
        self.server_time = page.server_time or self.server_time
        self._totals.note(page, first_of_look=self._head.looking and offset == 0)
        self._progress(self._received, page.oldest)
        return page

    def _passed(self, found: str) -> Check:
        return self._start_check(found, Result.AS_EXPECTED)

    def _not_reached(self, found: str) -> Check:
        return self._start_check(found, Result.DIFFERS)

    def _end_of_log(self, reached: int, total: int | None) -> Check:
        """Judge an end that the list shows: it is the log's only if nothing else can have ended it."""
        if total is None:
            return self._start_check(
                f"the list ended after {reached:,} entries, and no total confirms it", Result.NOT_SHOWN
            )
        found = f"the list ended after {reached:,} entries; the platform's total is {total:,}"
        return self._passed(found) if total <= reached else self._not_reached(found)

    def _start_check(self, found: str, result: Result) -> Check:
        return Check(
            id="start-of-window",
            what="The walk passed the start of the window",
            expected=f"entries older than {rfc3339(self._window.since)}, or the end of the log by its total",
            found=found,
            result=result,
        )

    def _overlap_checks(self) -> list[Check]:
        if self.offset_shifts_rows is not True:
            return []
        return [
            Check(
                id="overlaps",
                what="Each page repeats the end of the page before",
                expected=f"{self._overlaps:,} of {self._overlaps:,}",
                found=f"{self._confirmed:,} of {self._overlaps:,}",
                result=Result.AS_EXPECTED if self._confirmed == self._overlaps else Result.DIFFERS,
            )
        ]


def _overlap(size: int) -> int:
    """How many entries two neighbouring pages share: never the first of a page, so that it marks progress."""
    return min(_OVERLAP, size // 2)
