"""Going down the list by ``offset``: page after page, each repeating the end of the one before.

The next offset follows from the entries received, never from the limit asked for. The repeated entries have
to be there again. Where they are not, entries were removed, and the pass steps back, or so many joined at the
head that they were pushed further down than a page, and it steps forward, until it finds them. Entries of one
instant may change places between any two requests, so the next page has to begin above the instant that ends
this one, and what it has to repeat begins where an instant does. Where more entries share an instant than fit
on a page, they are read in a way of their own (:mod:`exporter.source.ties`).
"""

from collections import Counter, deque
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import chain

from exporter.facts import Check, Result, Window, rfc3339
from exporter.source.bearings import SEARCHES, Bearing, Search, bearing, lacking, shift
from exporter.source.ends import ASKED_AGAIN, OVERLAP, Bottom, Listed, ended, missed, reached, recounted
from exporter.source.platform import Page
from exporter.source.reader import Reader
from exporter.source.ties import Ties
from exporter.source.witnesses import Head

_FURTHER = 4  # pages between offsets that are tried before offset is taken to be without effect
_STILL_THE_SAME = 3  # of them have to bring what was there before, until it is
_ASKED_BEYOND = 8  # pages that are asked for below what looks like the end
_EMPTY_ENOUGH = 2  # empty answers below an entry, until it is the last
_STALLED_PAGES = 30  # in a row that bring nothing new further down, until the pass is given up
_OUTRUN_PAGES = 40  # that were pushed down by half their length while nothing older came, likewise
_SEARCHED_IN_VAIN = 10  # how many such pages a search counts for that found nothing
_RECENT_PAGES = 4  # pages whose ids are remembered, so that an entry that was repeated is not counted again


class OffsetPass:
    """One pass over the list by offset; what it learned is final once :meth:`run` has returned."""

    def __init__(self, reader: Reader, window: Window, head: Head) -> None:
        self._reader = reader
        self._window = window
        self._head = head
        self._overlaps = self._confirmed = 0
        self._open_ties: list[Check] = []
        self._counts: Counter[str] = Counter()
        self._last: dict[str, datetime] = {}
        self._bottom: Bottom | None = None
        self._recent: deque[list[str]] = deque(maxlen=_RECENT_PAGES)
        self._reach = 0
        self._oldest = datetime.max.replace(tzinfo=UTC)
        self._steady = True
        self._pushes: deque[float] = deque([0, 0], maxlen=2)
        self._asked_at_join = 0
        self._outrun = 0
        self._empty_below: Counter[str] = Counter()
        self._drift: int | None = 0
        self._misplaced = 0
        self.pages = 0
        """How many pages brought it down."""
        self.displaced = 0
        """How many entries may have come late among those that were received before this run."""
        self.ignored = False
        """Whether the platform takes no notice of ``offset``."""
        self.deepest: int | None = None
        """The last offset that was answered with entries, where the list broke off before its end."""
        self.vanished = 0
        """Entries that were read and had left their place a moment later, which only a removal can cause."""

    def run(self) -> Check:
        """Read down to the start of the window or the end of the log, and state how far that was."""
        page = self._reader.page()
        stalled = 0
        while page.size:
            stalled = 0 if self._take(page) else stalled + 1
            if max(page.moments) < self._window.since:
                found = f"page at offset {page.offset:,}: newest entry {rfc3339(max(page.moments))}"
                return reached(self._window, found)
            if stalled > _STALLED_PAGES or self._outrun > _OUTRUN_PAGES:
                self.deepest = page.offset
                found = (
                    f"the log grows faster than it can be read, or breaks off after offset {page.offset:,}"
                )
                return missed(self._window, found)
            following = self._next(page)
            if self.ignored:
                return missed(self._window, "the platform takes no notice of offset")
            if self.deepest is not None:
                return missed(self._window, f"the list breaks off after offset {self.deepest:,}")
            if following is None:
                break
            page = following
        return self._end(page)

    @property
    def met(self) -> int:
        """How many entries it met on its way down."""
        return self._counts.total()

    @property
    def checks(self) -> list[Check]:
        """What the pass can say besides how far it came; nothing where it did not get there."""
        if self.ignored or self.deepest is not None:
            return []
        overlaps = Check(
            id="overlaps",
            what="Each page repeats the end of the page before",
            expected=f"{self._overlaps:,} of {self._overlaps:,}",
            found=f"{self._confirmed:,} of {self._overlaps:,}",
            result=Result.AS_EXPECTED if self._confirmed == self._overlaps else Result.DIFFERS,
        )
        return [overlaps, *self._open_ties]

    def _take(self, page: Page) -> bool:
        """Count the entries of a page; ``False`` where they bring the pass no further."""
        self.pages += 1
        self._head.remember(page)
        known = {id_ for ids in self._recent for id_ in ids}
        actions = page.rows.batch["action"].to_pylist()
        new = [action for id_, action in zip(page.ids, actions, strict=True) if id_ not in known]
        self._counts.update(new)
        if new:
            self._last.update(zip(actions, page.moments, strict=True))
        self._recent.append(page.ids)
        bottom = Bottom.of(page)
        self._go_down(bottom if self._reader.in_order else bottom._replace(ids=known.union(page.ids)))
        oldest = min(page.moments)
        deeper, older = page.reach > self._reach, oldest < self._oldest
        self._reach, self._oldest = max(page.reach, self._reach), min(oldest, self._oldest)
        if older:
            self._outrun = 0
        return bool(new) and (deeper or older)  # else pages before held them all, or ties changed places

    def _go_down(self, bottom: Bottom) -> None:
        more_of_it = self._bottom is not None and self._bottom.oldest == bottom.oldest
        known = self._bottom.ids if self._bottom and more_of_it else ()
        self._bottom = bottom._replace(ids={*bottom.ids, *known})

    def _next(self, page: Page) -> Page | None:
        """Return the page after ``page``; ``None`` where the list has no more, or none that can be had."""
        repeat = _repeat(page.moments)
        if repeat is None:
            return self._past_ties(page)
        begin, step = repeat
        following = self._received_before(page, step) or self._fetch_next(page, begin)
        if page.offset == 0 and not following.recorded and self._takes_no_notice(page, step, following):
            self.ignored = True
            return None
        joined = self._rejoin(page, following, step)
        if joined is None:
            self.deepest = page.offset
        elif set(joined.ids).issubset(page.ids) and self._nothing_beyond(page, joined):
            return None
        return joined

    def _received_before(self, page: Page, step: int) -> Page | None:
        """Return the page after ``page`` where an attempt that was broken off had received it.

        That which shows the start of the window is read again: if the list moved, it stands elsewhere now. So
        is one whose end nothing could be held against, since one instant fills it, or since pages that are
        shorter now have no room for it.
        """
        recorded = self._reader.recorded_after(page, step)
        if recorded is None or min(recorded.moments) < self._window.since:
            return None
        repeat = _repeat(recorded.moments)
        if repeat is None or recorded.size - repeat[0] >= self._reader.full:
            return None
        if self._drift is None:
            self._drift = self._joined_at_head()
        return recorded

    def _fetch_next(self, page: Page, step: int) -> Page:
        ahead = step + self._expected_push(step)
        return self._reader.page(page.offset + ahead, step=ahead if self._steady else 0)

    def _expected_push(self, step: int) -> int:
        """How far the list is likely to be pushed down, where that makes repeats of most of a page."""
        pushed = int(min(self._pushes) * (self._reader.asked - self._asked_at_join + 1))
        return pushed if pushed * 2 > step else 0

    def _takes_no_notice(self, page: Page, step: int, following: Page) -> bool:
        """Tell an offset without effect from a list that was pushed down by as much.

        Whatever is asked for further and further down would have to be what was there before.
        """
        before, after = set(page.ids[:step]), following
        for _ in range(_STILL_THE_SAME):
            if not before.issubset(after.ids):
                return False
            before, after = set(after.ids[:1]), self._reader.page(after.offset + _FURTHER * page.size)
        return before.issubset(after.ids)

    def _rejoin(self, page: Page, following: Page, step: int) -> Page | None:
        """Search from ``following`` on for the page that holds what stands in ``page`` from ``step`` on."""
        self._overlaps += 1
        sought = set(page.ids[step:])
        most, best = 0, None
        joined = (following.total or 0) - (page.total or 0)
        shorter = max(0, page.size - self._reader.full)  # than one that an attempt before had received
        width = max(1, step - shorter) if self._reader.in_order else 1
        search = Search(up=min(OVERLAP, max(1, page.size // 2)), down=max(step, joined), width=width)
        for _ in range(SEARCHES):
            where = bearing(page, step, following)
            if where is Bearing.HERE:
                self._confirmed += 1
                self._compare_places(page, following, step)
                return following
            self._steady = False
            if where is Bearing.GONE and following.asked <= page.answered:
                following = self._reader.page(following.offset)  # what it lacks may have joined since
                continue
            if where is Bearing.GONE:
                nearby = self._look_around(page, step, following)
                if nearby is None:
                    self.vanished += len(lacking(page, step, following))
                    return following
                following = nearby
                continue
            met = len(sought.intersection(following.ids))
            if met > most:
                most, best = met, following
            if where is Bearing.UP and following.offset == 0:
                break
            following = self._reader.page(search.next(following.offset, where))
        self._outrun += _SEARCHED_IN_VAIN
        return best

    def _look_around(self, page: Page, step: int, following: Page) -> Page | None:
        """Return the page that does hold what ``following`` should: times may be out of order up or down."""
        for places in (-following.size // 2, following.size // 2):
            other = self._reader.page(max(0, following.offset + places))
            if bearing(page, step, other) is Bearing.HERE:
                return other
        return None

    def _compare_places(self, page: Page, following: Page, step: int) -> None:
        """Note how far the list moved between two requests: entries push it down, none pulls it up."""
        moved = shift(page, step, following)
        self._pushes.append(max(0, moved) / max(1, self._reader.asked - self._asked_at_join))
        self._asked_at_join = self._reader.asked
        self._outrun += 2 * moved >= step  # where nothing older comes either, entries join wherever it reads
        drift = None if self._drift is None else self._drift + moved
        if page.recorded and not following.recorded and drift != 0:
            self.displaced = max(self.displaced, self._came_late(page, following, step))
        self._drift = drift
        if page.stated is not None and following.stated is not None:
            joined = max(0, following.stated - page.stated)
            self._misplaced = max(0, self._misplaced + moved - joined)
        if following.asked > page.answered:
            self.vanished = max(self.vanished, -moved)

    def _came_late(self, page: Page, following: Page, step: int) -> int:
        """Return how far the list was pushed down to ``following``, beyond what joined it at its head.

        The head is asked first: what joins in between makes it more, and never less. Where it cannot be told,
        it is one.
        """
        late = 1
        if self._drift is None:
            return late
        for _ in range(ASKED_AGAIN):
            joined = self._joined_at_head()
            again = self._reader.page(following.offset)
            if joined is None or bearing(page, step, again) is not Bearing.HERE:
                continue
            late = self._drift + shift(page, step, again) - joined
            if late <= 0:
                break
        return late

    def _joined_at_head(self) -> int | None:
        """Ask how many entries joined above a mark near the head; ``None`` where that is out of sight."""
        return self._head.pushed(self._reader.page(max(0, self._head.place - OVERLAP)))

    def _nothing_beyond(self, page: Page, last: Page) -> bool:
        """Ask on below ``last``, until that was empty twice; known entries may be pushed down there.

        Where they were pushed further, the pass comes down to the same end again, which was empty once.
        """
        known = {*page.ids, *last.ids}
        offset, lowest = last.reach, last.ids[-1]
        for _ in range(_ASKED_BEYOND):
            beyond = self._reader.page(offset)
            self._empty_below[lowest] += not beyond.size
            if self._empty_below[lowest] == _EMPTY_ENOUGH:
                return True
            if not known.issuperset(beyond.ids):
                return False
            offset += beyond.size
        return True

    def _past_ties(self, page: Page) -> Page:
        """Read on to the first entry that is older than the instant which fills the end of ``page``."""
        ties = Ties(self._reader, self._window, self._head, page)
        following = ties.run()
        self._go_down(Bottom(ties.moment, ties.moment, ties.seen))
        self._open_ties += ties.checks
        self._drift = None  # nothing tells how far the list was pushed down meanwhile
        self.ignored = ties.ignored
        self.vanished += ties.vanished
        return following

    def _end(self, bottom: Page) -> Check:
        """Judge the end, by the total only where places are what they seem, since it is held against them.

        A platform that goes no further down than some offset may answer there as for that one: what it shows
        seems pushed down, though nothing joined, and the list longer than what was read of it.
        """
        bottom = recounted(bottom, lambda page: self._reader.page(page.reach))
        listed = Listed(
            entries=bottom.reach,
            total=None if self._misplaced else bottom.total,
            counts=self._counts,
            last=self._last,
            bottom=self._bottom,
            by_offset=True,
        )
        return ended(self._reader, self._window, listed)


def _repeat(moments: Sequence[datetime]) -> tuple[int, int] | None:
    """Return where in a page the next one should begin, and from which entry on it has to repeat this one.

    It repeats ten entries and one, or a quarter of a small page, or more, but never all. The entry from which
    on it has to is of another instant than the one after it, so that those keep their company on whichever
    page they come. ``None`` where one instant fills the page.
    """
    size = len(moments)
    usual = max(1, size - max(2, min(OVERLAP, size // 4) + 1))
    for step in chain(range(usual, size - 1), range(usual - 1, 0, -1)):
        if moments[step] != moments[step + 1]:
            return min(usual, step), step
    return None
