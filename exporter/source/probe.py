"""What the source can do, found out by asking: the cap, the offset, the total, the filters.

A handful of small requests, whose answers are put on record with every run and shown by ``doctor``. The walk
does not rely on them: it finds out on its way, with the window in view, what it has to know. So a question
that gets no answer fails nothing.
"""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import NotRequired, TypedDict

from exporter.entries.normalize import Rows
from exporter.errors import AuthorizationError, RecordError, SourceError
from exporter.source.client import Wish
from exporter.source.platform import Page, Platform

_log = logging.getLogger(__name__)

_FEW = 10  # entries to ask for where some are enough
_TELLING = 2  # values that a column has to have, or a filter for one would change nothing


class _Asking(TypedDict):
    """What a page is asked for with, as :meth:`Platform.page` has it."""

    limit: int
    offset: NotRequired[int]
    action: NotRequired[str]
    user: NotRequired[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """What was seen; ``None`` where the log is too small to tell, or the platform does not say."""

    asked: int
    """Entries asked for in one request."""

    received: int
    """Entries that came."""

    limit_echoed: int | None
    """The limit that the platform says it applied."""

    total: int | None
    """Entries of the whole log, as the platform counts."""

    offset_shifts_rows: bool | None
    """Whether a page at an offset begins that much further down."""

    reaches_the_end: bool | None
    """Whether an offset just short of ``total`` is answered with entries."""

    filters_by_action: bool | None
    """Whether entries of one action alone come where one is asked for."""

    filters_by_user: bool | None
    """Likewise for one user."""

    total_is_filtered: bool | None
    """Whether ``total`` then counts the entries of that action alone."""

    @property
    def capped(self) -> bool:
        """Whether fewer entries came than were asked for, though there are more."""
        return self.received < self.asked and (self.total is None or self.received < self.total)


def probe(
    platform: Platform,
    *,
    page_size: int,
    collect: Callable[[Rows], None] = lambda _rows: None,
    at_once: int = 1,
) -> Probe:
    """Ask the platform what it can do, ``at_once`` questions at a time; entries may arrive meanwhile.

    ``collect`` is given all that came.
    """
    page = platform.page(limit=page_size)
    enough = threading.Event()
    wish = Wish(unwanted=enough, optional=True)
    with ThreadPoolExecutor(at_once, thread_name_prefix="probe") as pool:
        asked = {
            name: pool.submit(platform.page, **asking, wish=wish) for name, asking in _questions(page).items()
        }
        try:
            found = {name: _answer(future) for name, future in asked.items()}
        except (KeyboardInterrupt, SystemExit):
            enough.set()
            platform.client.hang_up()  # whoever interrupts does not wait for answers
            raise
        finally:
            enough.set()  # where one fails the run, nobody wants the others
    answers = {name: answer for name, answer in found.items() if answer is not None}
    for answer in (page, *answers.values()):
        for rows in answer.batches:
            collect(rows)
    shifts, last = _shifts(page, answers.get("below")), answers.get("last")
    by_action = answers.get("action")
    total = None if by_action is None else by_action.total
    return Probe(
        asked=page_size,
        received=page.size,
        limit_echoed=page.limit,
        total=page.total,
        offset_shifts_rows=shifts,
        reaches_the_end=last.size > 0 if shifts and last is not None else None,
        filters_by_action=_filters(page, by_action, "action"),
        filters_by_user=_filters(page, answers.get("user"), "actor_id"),
        total_is_filtered=None if total is None or page.total is None else total < page.total,
    )


def _answer(future: Future[Page]) -> Page | None:
    try:
        return future.result()
    except RecordError:
        raise  # it was received, and would stop the next reading
    except (SourceError, AuthorizationError) as error:
        _log.warning("What the platform can do could not all be asked: %s", error.what)
        return None


def _questions(page: Page) -> dict[str, _Asking]:
    """Return what to ask once the head is known: each by a name, and none needs another's answer."""
    questions: dict[str, _Asking] = {}
    if half := _half(page):
        questions["below"] = {"limit": _FEW, "offset": half}
    if page.total:
        questions["last"] = {"limit": 1, "offset": page.total - 1}
    if action := _rarest(page, "action"):
        questions["action"] = {"limit": _FEW, "action": action}
    if user := _rarest(page, "actor_id"):
        questions["user"] = {"limit": _FEW, "user": user}
    return questions


def _half(page: Page) -> int:
    return len(page.ids[:_FEW]) // 2


def _shifts(page: Page, below: Page | None) -> bool | None:
    """Compare the head with a page a few entries further down; an arrival in between moves both."""
    return None if below is None or not below.size else page.ids[0] not in below.ids


def _rarest(page: Page, column: str) -> str | None:
    """Return the rarest value of a page; ``None`` where a filter for the only one would change nothing."""
    values = page.rows.batch[column].to_pylist()
    known = sorted(filter(None, set(values)))
    return None if len(known) < _TELLING else min(known, key=values.count)


def _filters(page: Page, answer: Page | None, column: str) -> bool | None:
    """Say whether the entries of the rarest value alone came."""
    return None if answer is None else set(answer.rows.batch[column].to_pylist()) == {_rarest(page, column)}
