"""What the source can do, found out by asking: the cap, the offset, the total, the filters.

The walk finds out on its way what it has to know, with the window in view. This asks before there is one, in
a handful of small requests, for a person who wants to know what an export will meet.
"""

from dataclasses import dataclass

from exporter.source.platform import Page, Platform

_FEW = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """What was seen; ``None`` where the log is too small to tell, or does not say."""

    asked: int
    """Entries asked for in one request."""

    received: int
    """Entries that came."""

    total: int | None
    """Entries of the whole log, as the platform counts."""

    offset_shifts_rows: bool | None
    """Whether a page at an offset begins that much further down."""

    reaches_the_end: bool | None
    """Whether an offset just short of ``total`` is answered with entries."""

    filters_by_action: bool | None
    """Whether entries of one action alone come where one is asked for."""

    total_is_filtered: bool | None
    """Whether ``total`` then counts the entries of that action alone."""

    @property
    def capped(self) -> bool:
        """Whether fewer entries came than were asked for, though there are more."""
        return self.received < self.asked and (self.total is None or self.received < self.total)


def probe(platform: Platform, *, page_size: int) -> Probe:
    """Ask the platform what it can do; entries may arrive meanwhile."""
    page = platform.page(limit=page_size)
    shifts = _shifts(platform)
    reaches = None
    if shifts and page.total:
        reaches = platform.page(limit=1, offset=page.total - 1).size > 0
    filters, filtered = _filters(platform, page)
    return Probe(
        asked=page_size,
        received=page.size,
        total=page.total,
        offset_shifts_rows=shifts,
        reaches_the_end=reaches,
        filters_by_action=filters,
        total_is_filtered=filtered,
    )


def _shifts(platform: Platform) -> bool | None:
    """Compare the head with a page half its length further down; an arrival in between moves both."""
    head = platform.page(limit=_FEW).ids
    half = len(head) // 2
    below = platform.page(limit=_FEW, offset=half).ids if half else []
    if not below:
        return None
    return head[0] not in below


def _filters(platform: Platform, page: Page) -> tuple[bool | None, bool | None]:
    """Ask for the rarest action of a page."""
    actions: list[str] = page.rows.batch["action"].to_pylist()
    if len(set(actions)) < 2:  # noqa: PLR2004 - of one action alone, a filter changes nothing
        return None, None
    rarest = min(sorted(set(actions)), key=actions.count)
    answer = platform.page(limit=_FEW, action=rarest)
    honoured = set(answer.rows.batch["action"].to_pylist()) == {rarest}
    if answer.total is None or page.total is None:
        return honoured, None
    return honoured, answer.total < page.total
