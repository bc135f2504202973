"""Where the end of a page is looked for, as another page shows it."""

import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.source.bearings import Bearing, Search, bearing, shift
from exporter.source.platform import Page
from tests.source.test_witnesses import page

IN_ORDER = page(0, a=50, b=40, c=30, d=20)
OUT_OF_ORDER = page(0, a=30, b=50, c=40, d=20)
TIED = page(0, a=50, b=40, c=40, d=30)
ENDING_TIED = page(0, a=50, b=40, c=30, d=30)
OF_TWO_INSTANTS = page(4, a=40, b=40, c=30)


@pytest.mark.parametrize(
    ("ends", "step", "other", "where"),
    [
        (IN_ORDER, 1, page(1, b=40, c=30, d=20, e=10), Bearing.HERE),
        (IN_ORDER, 1, page(2, x=31, c=30, d=20, e=10), Bearing.HERE),
        (IN_ORDER, 1, page(2, c=30, d=20, e=10), Bearing.UP),
        (IN_ORDER, 1, page(0, c=30, d=20, e=10), Bearing.HERE),
        (IN_ORDER, 1, replace(page(0, c=30, d=20, e=10), answered=-math.inf), Bearing.UP),
        (IN_ORDER, 1, page(9), Bearing.UP),
        (IN_ORDER, 1, page(1, x=45, b=40, c=30), Bearing.DOWN),
        (IN_ORDER, 1, page(0, x=59, a=50), Bearing.DOWN),
        (IN_ORDER, 1, page(3, d=20, e=10), Bearing.UP),
        (IN_ORDER, 1, page(4, e=10, f=5), Bearing.UP),
        (IN_ORDER, 1, page(2, x=30, d=20, e=10), Bearing.UP),
        (IN_ORDER, 1, page(1, b=40, d=20, e=10), Bearing.GONE),
        (ENDING_TIED, 1, page(1, b=40, d=30, x=30), Bearing.HERE),
        (ENDING_TIED, 1, page(1, b=40, d=30, x=30, e=20), Bearing.GONE),
        (ENDING_TIED, 1, page(1, x=45, y=30), Bearing.GONE),
        (OF_TWO_INSTANTS, 1, page(5, x=40, c=30), Bearing.HERE),
        (OF_TWO_INSTANTS, 1, page(5, x=40, y=30), Bearing.HERE),
        (OF_TWO_INSTANTS, 1, page(6, c=30, y=30), Bearing.UP),
        (OF_TWO_INSTANTS, 1, page(5, x=40, e=20), Bearing.GONE),
        (OF_TWO_INSTANTS, 1, page(5, x=40, y=45, c=30), Bearing.UP),
        (page(0, a=40, b=40, c=30), 1, page(1, x=40, c=30), Bearing.UP),
        (TIED, 0, page(1, c=40), Bearing.DOWN),
        (TIED, 0, page(2, c=40, x=40), Bearing.UP),
        (OUT_OF_ORDER, 1, page(2, c=40, d=20, e=10), Bearing.HERE),
        (OUT_OF_ORDER, 1, page(1, x=35, b=50, c=40), Bearing.DOWN),
        (OUT_OF_ORDER, 1, page(3, d=20, e=25), Bearing.UP),
        (OUT_OF_ORDER, 1, page(1, b=50, d=20, e=25), Bearing.GONE),
        (OUT_OF_ORDER, 1, page(9, x=5, y=20), Bearing.UP),
        (OUT_OF_ORDER, 1, page(0, x=5, y=21), Bearing.DOWN),
        (OUT_OF_ORDER, 0, page(2, x=35, c=40), Bearing.DOWN),
        (OUT_OF_ORDER, 1, page(2, x=45, d=20, e=10), Bearing.UP),
        (page(0, a=30, b=50, c=40, d=20, e=25), 0, page(2, c=40, e=25, x=26), Bearing.UP),
        (IN_ORDER, 1, page(3, d=20, x=45), Bearing.UP),
        (IN_ORDER, 1, page(2, c=30, d=20, e=25), Bearing.HERE),
        (IN_ORDER, 1, page(1, b=40, x=25), Bearing.DOWN),
        (page(0, a=50, b=40, c=30, d=20, e=15), 0, page(2, c=30, e=15, f=10), Bearing.UP),
    ],
)
def test_where_the_end_of_a_page_is_follows_from_what_another_lacks(
    ends: Page, step: int, other: Page, where: Bearing
) -> None:
    assert bearing(ends, step, other) is where


@pytest.mark.parametrize(
    ("before", "step", "other", "down"),
    [
        (page(10, a=50, b=40, c=30), 0, page(12, a=50, b=40, c=30), 2),
        (page(10, a=50, b=40, c=30), 0, page(10, x=55, a=50, c=40, b=40), 1),
        (page(10, a=50, b=40, c=30), 0, page(10, a=50, x=45, b=40), 1),
        (page(10, a=50, b=40, c=30), 1, page(8, b=40, c=30), -3),
        (page(10, a=30, b=50, c=40), 1, page(12, b=50, x=45, c=40), 2),
        (page(10, a=30, b=50, c=40), 1, page(7, c=40), -5),
        (page(10, a=50, b=40, c=30), 1, page(12, x=30, b=40, c=30), 2),
    ],
)
def test_how_far_entries_were_pushed_is_told_by_their_instant_or_where_times_lie_by_themselves(
    before: Page, step: int, other: Page, down: int
) -> None:
    assert shift(before, step, other) == down


def looks(search: Search, offset: int, place: int, width: int, *, pushed: int) -> int:
    """Return how many pages a search looks at, until one of ``width`` offsets shows a place that moves on."""
    for number in range(1_000):
        if place < offset + width and offset <= place:
            return number
        offset = search.next(offset, Bearing.DOWN if offset < place else Bearing.UP)
        place += pushed
    raise AssertionError("it goes on for ever")


@given(
    offset=st.integers(0, 50_000),
    place=st.integers(0, 50_000),
    up=st.integers(1, 10),
    down=st.integers(1, 1_000),
    width=st.integers(1, 200),
    pushed=st.booleans(),
)
@settings(max_examples=100)
def test_a_search_takes_no_more_looks_than_doubling_and_halving_do(  # noqa: PLR0913, PLR0917 - drawn
    offset: int,
    place: int,
    up: int,
    down: int,
    width: int,
    pushed: bool,  # noqa: FBT001 - drawn
) -> None:
    apart = abs(place - offset)

    taken = looks(Search(up=up, down=down, width=width), offset, place, width, pushed=pushed and width > 2)

    assert taken <= 2 * math.log2(apart + up + down) + (8 if pushed else 2)


def test_a_search_strides_before_it_halves_and_never_above_the_head() -> None:
    search = Search(up=3, down=8, width=5)

    assert search.next(100, Bearing.DOWN) == 108
    assert search.next(108, Bearing.DOWN) == 124
    assert search.next(124, Bearing.UP) == 116
    assert search.next(116, Bearing.UP) == 112
    assert search.next(112, Bearing.DOWN) == 117, "the two sides are near: the place has moved"
    assert search.next(117, Bearing.DOWN) == 127
    assert Search(up=3, down=8, width=5).next(2, Bearing.UP) == 0
