"""What an attempt that was broken off had received, put to use by the next one.

Its pages are found again by the entries they begin with, and placed where those entries stand in the list
now: the log has grown meanwhile, so the offsets that were asked for then say little.
"""

import math
from bisect import bisect
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from operator import attrgetter
from pathlib import Path

import httpx

from exporter.errors import RecordError
from exporter.source.again import read_again
from exporter.source.bearings import Bearing, bearing, shift
from exporter.source.platform import Page, Platform
from exporter.source.warc import Recorded, read_response, read_responses

_INDEXED = 40  # entries at the beginning of a page by which it is found, at least
_INDEXED_PART = 5  # and at least this part of its entries: a fifth
_CANDIDATES = 4  # pages that are read again to see whether they fit, the latest first


@dataclass(slots=True, kw_only=True)
class _Attempt:
    """What one attempt had received of the whole log."""

    begins: int
    """Where in the file."""

    newest: datetime | None = None
    """Time of its newest entry."""

    met: bool = False
    """Whether the list shows any of it now."""


_BEGINS = attrgetter("begins")
_GREETING = {"limit": "1"}
"""What each attempt asks for first."""


class RecordedPages:
    """The pages of a file of responses, read as ``platform`` reads its own.

    The first ``left`` bytes of the file are what earlier attempts had received.
    """

    def __init__(self, responses: Path, platform: Platform, *, left: int) -> None:
        self._responses = responses
        self._left = left
        self._dialect = platform.dialect
        self._lenient = platform.lenient
        self._places: defaultdict[str, list[int]] = defaultdict(list)
        self._attempts: list[_Attempt] = []

    def read(self) -> Iterator[tuple[Page, bool]]:
        """Yield every page in the order received, and whether it is of the whole log, not of a slice.

        Raises :class:`~exporter.errors.RecordError` where one was received in the other dialect.
        """
        for response in read_responses(self._responses):
            page = _page(response, lenient=self._lenient)
            if page is None:
                continue
            url = httpx.URL(response.url)
            self._refuse_other_dialect(url)
            whole = {"action", self._dialect.user_parameter}.isdisjoint(url.params)
            if whole and response.at < self._left:
                for id_ in _indexed(page, url):
                    self._places[id_].append(response.at)
                self._note(page, url, response.at)
            yield page, whole

    def _refuse_other_dialect(self, url: httpx.URL) -> None:
        """Refuse a page of the other dialect, which writes ids otherwise: entries would stand twice."""
        if not url.raw_path.partition(b"?")[0].decode().endswith(self._dialect.path):
            raise RecordError(
                "What an earlier attempt had received is in the other dialect.",
                "Give --org as then, or leave it out as then.",
            )

    def meet(self, page: Page) -> None:
        """Take note of entries that the list shows now, or that lead down from such."""
        if all(attempt.met for attempt in self._attempts):
            return
        for id_ in page.ids:
            for place in self._places.get(id_, ()):
                self._attempts[bisect(self._attempts, place, key=_BEGINS) - 1].met = True

    def unmet_since(self, moment: datetime) -> bool:
        """Tell whether an attempt had received entries of that time or newer, of which none was met."""
        return any(
            each.newest is not None and each.newest >= moment and not each.met for each in self._attempts
        )

    def _note(self, page: Page, url: httpx.URL, place: int) -> None:
        if not self._attempts or dict(url.params) == _GREETING:
            self._attempts.append(_Attempt(begins=place))
        attempt = self._attempts[-1]
        attempt.newest = max(filter(None, (attempt.newest, *page.moments)), default=None)

    def after(self, page: Page, step: int) -> Page | None:
        """Return the page that repeats what stands in ``page`` from ``step`` on and goes on below it.

        Its offset is where it would be now, seen from ``page``. ``None`` where there is none.
        """
        places = {place for id_ in page.ids[step:] for place in self._places.get(id_, ())}
        best, deepest = None, page.reach  # one of the same place would lead back here, in other words
        for place in sorted(places, reverse=True)[:_CANDIDATES]:
            candidate = _page(read_response(self._responses, place), lenient=self._lenient)
            if candidate is None or bearing(page, step, candidate) is not Bearing.HERE:
                continue
            placed = _placed(candidate, page, step)
            if placed.reach > deepest:
                best, deepest = placed, placed.reach
        if best is not None:
            self.meet(best)
        return best


def _indexed(page: Page, url: httpx.URL) -> Sequence[str]:
    """Return the ids by which a page is found.

    The next page of a pass begins with the end of the one before. Where this run's own reading meets what was
    received before is somewhere on a page from the head.
    """
    if "offset" not in url.params:
        return page.ids
    return page.ids[: max(_INDEXED, page.size // _INDEXED_PART)]


def _page(response: Recorded, *, lenient: bool) -> Page | None:
    """Read a response as a page that was answered before anything else; ``None`` where it is no list."""
    read = read_again(response, source="a page that was received before", lenient=lenient)
    if read is None:
        return None
    body, rows, batches = read
    return Page(
        rows=rows,
        batches=batches,
        offset=0,
        stated=body.total,
        limit=body.limit,
        server_time=None,
        asked=-math.inf,
        answered=-math.inf,
    )


def _placed(recorded: Page, page: Page, step: int) -> Page:
    """Give a page the offset that its entries have now, as those it shares with ``page`` tell."""
    return replace(recorded, offset=-shift(page, step, recorded))
