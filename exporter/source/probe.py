"""What the source can do, found out by asking: the cap, the offset, the total, the filters.

A handful of small requests, whose answers are put on record with every run and shown by ``doctor``. The walk
does not rely on them: it finds out on its way, with the window in view, what it has to know.
"""

from collections.abc import Callable
from dataclasses import dataclass

from exporter.entries.normalize import Rows
from exporter.source.platform import Page, Platform

_FEW = 10
_TELLING = 2

Ask = Callable[..., Page]
"""Asks for a page as :meth:`Platform.page` does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """What was seen; ``None`` where the log is too small to tell, or does not say."""

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
    platform: Platform, *, page_size: int, collect: Callable[[Rows], None] = lambda _rows: None
) -> Probe:
    """Ask the platform what it can do; entries may arrive meanwhile. ``collect`` is given all that came."""

    def ask(**parameters: int | str) -> Page:
        page = platform.page(**{"limit": _FEW, **parameters})  # type: ignore[arg-type]  # as Platform.page has them
        for rows in page.batches:
            collect(rows)
        return page

    page = ask(limit=page_size)
    shifts = _shifts(page, ask)
    reaches = None
    if shifts and page.total:
        reaches = ask(limit=1, offset=page.total - 1).size > 0
    by_action, total = _filter("action", page.rows.batch["action"].to_pylist(), ask)
    by_user, _ = _filter("user", page.rows.batch["actor_id"].to_pylist(), ask)
    return Probe(
        asked=page_size,
        received=page.size,
        limit_echoed=page.limit,
        total=page.total,
        offset_shifts_rows=shifts,
        reaches_the_end=reaches,
        filters_by_action=by_action,
        filters_by_user=by_user,
        total_is_filtered=None if total is None or page.total is None else total < page.total,
    )


def _shifts(page: Page, ask: Ask) -> bool | None:
    """Compare the head with a page a few entries further down; an arrival in between moves both."""
    head = page.ids[:_FEW]
    half = len(head) // 2
    below = ask(offset=half).ids if half else []
    if not below:
        return None
    return head[0] not in below


def _filter(parameter: str, values: list[str | None], ask: Ask) -> tuple[bool | None, int | None]:
    """Ask for the rarest value of a page; say whether it alone came, and the total that came with it."""
    known = sorted(filter(None, set(values)))
    if len(known) < _TELLING:  # a filter for the only value changes nothing
        return None, None
    rarest = min(known, key=values.count)
    answer = ask(**{parameter: rarest})
    column = {"action": "action", "user": "actor_id"}[parameter]
    honoured = set(answer.rows.batch[column].to_pylist()) == {rarest}
    return honoured, answer.total
