"""Pages for the walk: fetched when asked for, ahead where the next ones can be foreseen, and never lost.

Whatever is fetched is handed to ``collect``, whether the walk had a use for it or not: the archives are
derived from every response that was kept.
"""

import logging
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Self

import pyarrow.compute as pc

from exporter.entries.normalize import Rows
from exporter.errors import AuthorizationError, RecordError, SourceError
from exporter.source.client import UnwantedError, Wish
from exporter.source.platform import Page, Platform
from exporter.source.recorded import RecordedPages
from exporter.source.witnesses import Totals

_log = logging.getLogger(__name__)

_AHEAD = 2  # pages for each request under way: one on its way, one being read or waiting for its turn
_LONG = 200  # entries from which on a page takes so long to read that the next is fetched meanwhile
_SHOWN = 100  # characters of an action that may be of any length
_ONE_AND_MORE = 2  # the total of a page of one entry, where the page is counted, and one more if more follow

Progress = Callable[[int, datetime | None], None]
"""Told after each page how many entries were received so far, and the time of the oldest of that page."""


class Reader:
    """Reads pages and notes what they tell; a context manager that waits for what is still under way."""

    def __init__(
        self,
        platform: Platform,
        *,
        total_of_one: int | None,
        page_size: int,
        collect: Callable[[Rows], None],
        progress: Progress,
    ) -> None:
        """``total_of_one`` is what the platform stated as the total where one entry was asked for."""
        self.limit = page_size
        """Entries to ask for in one request."""
        self.largest_page = 0
        """The most entries that came in one page, as the platform cuts them off now."""
        self.asked = 0
        """How many pages of the whole log the walk has asked for."""
        self.oldest: datetime | None = None
        """Time of the oldest entry in the list of the whole log."""
        self.server_time: datetime | None = None
        """The platform's clock at the latest page, where it gave one."""
        self.totals = Totals()
        """What the platform said of the size of the whole log."""
        self.in_order = True
        """Whether no page of the whole log showed an entry that is newer than the one above it."""
        self.actions: set[str] = set()
        """Every action seen so far."""
        self.users: set[str] = set()
        """Every actor seen so far, by id, or by e-mail address where there is no id."""
        self._platform = platform
        self._total_of_one = total_of_one
        self._totals_follow_pages = False
        self._foresight = _AHEAD * (platform.client.at_once - 1)
        self._collect = collect
        self._progress = progress
        self._oldest_met: datetime | None = None
        self._received = 0
        self._recorded: RecordedPages | None = None
        self._recalled: RecordedPages | None = None
        self._pool = ThreadPoolExecutor(max_workers=1 + max(1, self._foresight), thread_name_prefix="fetch")
        self._ahead: dict[int, Future[Page]] = {}
        self._closing = threading.Event()
        self._wish = Wish(unwanted=self._closing)

    def take(self, rows: Rows) -> None:
        """Take rows that came before the walk asked for any."""
        self._oldest_met = _older(self._oldest_met, pc.min(rows.batch["timestamp"]).as_py())
        self._collect(rows)

    def recall(self, recorded: RecordedPages) -> None:
        """Take the pages that an attempt which was broken off had received; the walk may pass over them."""
        for page, whole in recorded.read():
            self._note(page, whole=whole)
        self._recorded = self._recalled = recorded

    def forget(self) -> None:
        """Fetch everything from now on, whatever was received before."""
        self._recorded = None

    def recalls_another_log(self, since: datetime) -> bool:
        """Tell whether an attempt before had received entries since then, and the list shows none of them."""
        return self._recalled is not None and self._recalled.unmet_since(since)

    def recorded_after(self, page: Page, step: int) -> Page | None:
        """Return the page received before that goes on below ``page``, whose repeat begins at ``step``."""
        return None if self._recorded is None else self._recorded.after(page, step)

    def page(self, offset: int = 0, *, step: int = 0) -> Page:
        """Return the page at ``offset``; where ``step`` is given, begin to fetch those that should follow.

        Only a way down in even steps is given what was fetched ahead: who searches has to see the list as it
        stands now.
        """
        self.asked += 1
        future = (self._ahead.pop(offset, None) if step else None) or self._submit(offset)
        foreseen = set(self._foreseen(offset, step)) if step else set()
        for stale in self._ahead.keys() - foreseen:
            self._let_go(self._ahead.pop(stale))
        for following in sorted(foreseen - self._ahead.keys()):
            self._ahead[following] = self._submit(following)
        with _named(f"The page at offset {offset:,}"):
            page = future.result()
        return self._note(page)

    def slice(self, *, action: str, user: str | None = None, offset: int = 0) -> Page:
        """Return the page at ``offset`` of the entries of one action, or of one action and one user."""
        with _named(f"The page at offset {offset:,} of the action {action[:_SHOWN]!r}"):
            page = self._platform.page(limit=self.limit, offset=offset, action=action, user=user)
        return self._note(page, whole=False)

    @property
    def full(self) -> int:
        """How many entries a page holds that is cut off by the limit, as far as that was seen."""
        return min(self.largest_page, self.limit)

    @property
    def met_below(self) -> bool:
        """Whether any answer showed an entry that is older than all in the list of the whole log."""
        return _older(self._oldest_met, self.oldest) != self.oldest

    def _foreseen(self, offset: int, step: int) -> range:
        """Return the offsets that should follow, as far as the platform says that the log goes."""
        foresight = self._foresight if step < _LONG else max(1, self._foresight)
        end = offset + step * foresight + 1
        return range(offset + step, end if self.totals.last is None else min(end, self.totals.last), step)

    def _submit(self, offset: int) -> Future[Page]:
        return self._pool.submit(self._platform.page, limit=self.limit, offset=offset, wish=self._wish)

    def _let_go(self, future: Future[Page]) -> None:
        """Note a page that the walk has no use for; that it could not be had is no reason to fail."""
        try:
            page = future.result()
        except RecordError:
            raise  # it was received, and would stop the next reading
        except UnwantedError:
            return
        except (SourceError, AuthorizationError) as error:
            _log.warning("A page that is not needed could not be had: %s", error.what)
            return
        self._note(page)

    def _note(self, page: Page, *, whole: bool = True) -> Page:
        page = self._without_total_of_itself(page)
        if self._recalled is not None:
            self._recalled.meet(page)
        self._received += page.size
        if not page.recorded:
            self.largest_page = max(self.largest_page, page.size)
        self.server_time = page.server_time or self.server_time
        self.actions.update(pc.unique(page.rows.batch["action"]).to_pylist())
        users = pc.coalesce(page.rows.batch["actor_id"], page.rows.batch["actor_email"])
        self.users.update(pc.unique(users).drop_null().to_pylist())
        if whole:
            self.totals.note(page)
            self.in_order &= page.in_order
            self.oldest = _older(self.oldest, page.oldest)
        self._oldest_met = _older(self._oldest_met, page.oldest)
        for rows in page.batches:
            self._collect(rows)
        self._progress(self._received, page.oldest)
        return page

    def _without_total_of_itself(self, page: Page) -> Page:
        """Leave out a total that counts what a page shows, or one more where more follow, and not the log."""
        if page.total is not None and not self._totals_follow_pages and self._stays_behind(page):
            self._totals_follow_pages = True
            self.totals = Totals()
        return replace(page, stated=None) if self._totals_follow_pages else page

    def _stays_behind(self, page: Page) -> bool:
        """Tell whether one or two is the total where one entry is asked for, though ``page`` shows more.

        The log may have grown since that was asked.
        """
        while self._total_of_one is not None and self._total_of_one < min(page.reach, _ONE_AND_MORE + 1):
            before, again = self._total_of_one, self._platform.page(limit=1)
            self._collect(again.rows)
            self._total_of_one = again.stated
            if again.stated is None or again.stated <= before:
                return True
        return False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._closing.set()
        if kind is not None and not issubclass(kind, Exception):
            self._platform.client.hang_up()  # whoever interrupts does not wait for answers
        self._pool.shutdown(wait=True, cancel_futures=True)
        if kind is None:
            for future in self._ahead.values():
                if not future.cancelled():
                    self._let_go(future)
        self._ahead.clear()


def _older(one: datetime | None, other: datetime | None) -> datetime | None:
    return min(filter(None, (one, other)), default=None)


@contextmanager
def _named(what: str) -> Iterator[None]:
    """Name the page in the error where it could not be read; that of a record says where it stands itself."""
    try:
        yield
    except RecordError:
        raise
    except SourceError as error:
        raise type(error)(f"{what} could not be read: {error.what}", error.remedy) from error
