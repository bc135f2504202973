"""The walk: every entry of a window, from an API that has neither a date range nor a cursor.

The list is read newest first, by offset where that reaches the window, else by ever larger pages, else slice
by slice. Then its head is read again, down to entries that are known: what is new there came after the window
or came late, and a growth that this does not explain has the whole list read once more. Whether all that
shows the export to be whole is stated as a list of checks.
"""

from exporter.facts import Check, Result, Window
from exporter.source.ends import ASKED_AGAIN, OVERLAP, missed
from exporter.source.paging import OffsetPass
from exporter.source.reader import Reader
from exporter.source.slices import LimitPass, SlicePass
from exporter.source.witnesses import Head

_LOOKS = 3  # at the head, until the log counts as one that does not come to rest
_PAGES_A_LOOK = 300  # at most, or as many as the pass took
_STALLED_PAGES = 20  # in a row that bring a look no further down, until it is given up


class Walk:
    """One walk over one window; everything but :meth:`run` is final once that has returned."""

    def __init__(self, reader: Reader, window: Window) -> None:
        self._reader = reader
        self._window = window
        self._head = Head(window)
        self._paging = OffsetPass(reader, window, self._head)
        self._slices: SlicePass | None = None
        self._start = missed(window, "nothing was read")
        self._unexplained = 0
        self._vanished_before = 0

    @property
    def arrived(self) -> bool:
        """Whether the reading came as far as there is anything to read, for all that is known."""
        return self._start.result is not Result.DIFFERS

    @property
    def met_everything(self) -> bool:
        """Whether an entry of the list that was not met can only be one that is not there."""
        checks = [self._start, *self._paging.checks]
        return all(check.result is Result.AS_EXPECTED for check in checks)

    @property
    def offset_shifts_rows(self) -> bool:
        """Whether ``offset`` shifts rows, as far as was seen."""
        return not self._paging.ignored

    @property
    def deepest_offset(self) -> int | None:
        """The last offset that was answered with entries, where a ceiling on it was met."""
        return self._paging.deepest

    @property
    def by_action(self) -> bool:
        """Whether the log was asked for action by action, since no list of it reached the start."""
        return self._slices is not None

    @property
    def by_user(self) -> bool:
        """Whether actions that were cut off were asked for user by user."""
        return self._slices is not None and self._slices.by_user

    @property
    def checks(self) -> list[Check]:
        """What the walk can say about the export being whole."""
        return [
            self._start,
            *self._paging.checks,
            self._rest_check(),
            self._presence_check(),
            *self._reader.totals.check(),
        ]

    def run(self) -> None:
        """Read until nothing is left to read, or nothing more can be read."""
        self._descend()
        for _ in range(_LOOKS):
            self._look()
            if self._start.result is Result.DIFFERS:
                break
            if self._unexplained > 0:
                self._vanished_before += self._vanished
                self._head = Head(self._window)
                self._reader.forget()
                self._descend()
            elif self._head.quiet:
                break

    def _descend(self) -> None:
        """Take each way down in turn, until one gets there; what none could show is left as not shown.

        Slices that go on below an end of the list show that it was none.
        """
        self._paging = OffsetPass(self._reader, self._window, self._head)
        unconfirmed = None
        for way in (self._paging.run, self._read_larger_pages):
            self._start = way()
            if self._start.result is Result.AS_EXPECTED:
                return
            if self._start.result is Result.NOT_SHOWN:
                unconfirmed = unconfirmed or self._start
        self._slices = slices = SlicePass(self._reader, self._window)
        self._start = slices.run()
        if self._start.result is Result.DIFFERS and unconfirmed and not slices.go_below:
            self._start = unconfirmed

    def _read_larger_pages(self) -> Check:
        return LimitPass(self._reader, self._window, self._head, met=self._paging.met).run()

    def _look(self) -> None:
        """Read the head again, down to a whole page of known entries and to the mark, if it gets there."""
        look = self._head.begin_look()
        page = self._reader.page()
        look.take(page, whole=self._paging.ignored)
        for _ in range(max(_PAGES_A_LOOK, self._paging.pages)):
            if look.closed or not page.size or self._paging.ignored or look.stalled > _STALLED_PAGES:
                break
            above, page = page, self._reader.page(page.reach - min(OVERLAP, page.size // 4))
            if look.lies_between(above, page):
                page = self._reader.page(page.offset - 1)
            look.take(page, whole=False)
        for _ in range(ASKED_AGAIN):
            if look.unexplained <= 0:
                break
            look.count_again(self._reader.page(max(0, look.place - OVERLAP)))
        self._unexplained = max(look.unexplained, self._paging.displaced)

    def _rest_check(self) -> Check:
        late = f"; {self._head.late:,} late ones were fetched" if self._head.late else ""
        quiet = self._head.quiet and self._unexplained <= 0
        return Check(
            id="second-pass",
            what="Another look from the newest entry down meets nothing new inside the window",
            expected="0 new entries, and no growth that they leave unexplained",
            found=f"0{late}" if quiet else "the log did not come to rest",
            result=Result.AS_EXPECTED if quiet else Result.NOT_SHOWN,
        )

    @property
    def _vanished(self) -> int:
        return self._paging.vanished + self._head.gone

    def _presence_check(self) -> Check:
        vanished, out_of_order, result = self._vanished_before + self._vanished, "", Result.AS_EXPECTED
        if vanished and self._reader.in_order:
            result = Result.CONTRADICTS
        elif vanished:
            out_of_order, result = ", but the list is not in the order of its times", Result.NOT_SHOWN
        return Check(
            id="none-vanished",
            what="Entries that were read keep their place in the list, or are pushed down it",
            expected="0 gone or moved up",
            found=f"{vanished:,}{out_of_order}",
            result=result,
        )
