"""How a list is read down by offset, four entries a page."""

from collections.abc import Callable
from dataclasses import replace
from typing import cast

from exporter.source.paging import OffsetPass
from exporter.source.platform import Page
from exporter.source.reader import Reader
from exporter.source.witnesses import Head
from tests.source.test_walk import EVERYTHING
from tests.source.test_witnesses import counting, page

TWELVE = {f"e{n}": 50 - n for n in range(12)}


class Listing:
    """What answers for a list that ``now`` gives, as it stands at each request."""

    full = limit = largest_page = 4
    in_order = True

    def __init__(self, now: Callable[["Listing"], dict[str, int]]) -> None:
        self.asked = self.empty = 0
        self.shown: set[str] = set()
        self._now = now

    def page(self, offset: int = 0, *, step: int = 0) -> Page:  # noqa: ARG002 - as the reader has it
        self.asked += 1
        now = self._now(self)
        shown = page(offset, **dict([*now.items()][offset : offset + self.full]))
        self.shown.update(shown.ids)
        self.empty += not shown.size
        return counting(shown, len(now), asked=self.asked, answered=self.asked)

    def slice(self, *, action: str, offset: int = 0) -> Page:  # noqa: ARG002 - as the reader has it
        return replace(page(0), offset=offset)

    def recorded_after(self, before: Page, step: int) -> None:
        """Nothing was received before."""


def test_a_list_that_brought_nothing_more_once_goes_on_where_it_brings_more_the_second_time() -> None:
    listing = Listing(lambda it: TWELVE if it.empty else dict([*TWELVE.items()][:6]))
    down = OffsetPass(cast("Reader", listing), EVERYTHING, Head(EVERYTHING))

    down.run()

    assert (listing.shown, down.met) == (set(TWELVE), 12)


def test_an_instant_of_several_pages_is_read_until_each_of_its_places_was_seen() -> None:
    """Its entries change places between any two requests."""

    def turned(it: Listing) -> dict[str, int]:
        tied = [f"t{n}" for n in range(9)]
        turn = 4 * it.asked % 9
        tied = [*tied[turn:], *tied[:turn]]
        return {"a": 50, "b": 49, **dict.fromkeys(tied, 40), "y": 30, "z": 29}

    listing = Listing(turned)
    down = OffsetPass(cast("Reader", listing), EVERYTHING, Head(EVERYTHING))

    down.run()

    assert listing.shown == set(turned(listing))
    assert [check.id for check in down.checks] == ["overlaps"]
