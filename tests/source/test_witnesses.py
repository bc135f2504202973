"""What counts, marks and looks from the head down make of a log that moves."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache

import msgspec
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from exporter.entries.normalize import Rows, normalize
from exporter.facts import Result, Window
from exporter.source.platform import Page
from exporter.source.witnesses import Head, Look, Mark, Totals
from tests.source.test_walk import EVERYTHING


@cache
def rows_of(entries: tuple[tuple[str, int], ...]) -> Rows:
    """Make the rows of a page; once, since lists that are read page by page show the same over and over."""
    written = [
        {"id": id_, "timestamp": at(second).isoformat(), "action": "deploy"} for id_, second in entries
    ]
    return normalize([msgspec.Raw(json.dumps(entry).encode()) for entry in written], source="the test")


def page(offset: int, **seconds: int) -> Page:
    """Make a page of entries, each with the second of its time, counted from the first of a year."""
    rows = rows_of(tuple(seconds.items()))
    return Page(
        rows=rows,
        batches=[rows],
        offset=offset,
        stated=None,
        limit=None,
        server_time=None,
        asked=0,
        answered=0,
    )


def counting(shown: Page, total: int | None, *, asked: float = 0, answered: float = 0) -> Page:
    return replace(shown, stated=total, asked=asked, answered=answered)


def at(second: int) -> datetime:
    return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=second)


def gone(window: Window, before: Page, *looked_at: Page) -> int:
    head = Head(window)
    head.remember(before)
    look = head.begin_look()
    for each in looked_at:
        look.take(each, whole=False)
    assert look.closed
    return head.gone


def test_an_entry_that_changed_places_between_two_pages_of_a_look_has_not_vanished() -> None:
    before = page(0, a=50, b=40, c=30, d=30, e=30, f=20)

    assert gone(EVERYTHING, before, page(0, new=55, a=50, b=40, d=30), page(4, d=30, e=30, f=20)) == 0


def test_an_entry_that_a_look_passes_by_has_vanished() -> None:
    before = page(0, a=50, b=40, c=35, d=30, e=30, f=20)

    assert gone(EVERYTHING, before, page(0, new=55, a=50, b=40, d=30), page(4, d=30, e=30, f=20)) == 1


def test_neither_what_ended_the_first_page_nor_what_no_look_came_down_to_has_vanished() -> None:
    """Of an instant that a page cuts, those beyond it are not known."""
    before = page(0, a=50, b=40, c=30, d=20, e=10)
    above, below = page(0, a=50, b=40, c=30), page(3, d=20, e=10)
    head = Head(EVERYTHING)
    for each in (above, below):
        head.remember(each)

    head.begin_look().take(page(0, a=50), whole=False)
    assert head.gone == 0
    head.begin_look().take(page(0, a=50, b=40, d=20, e=10), whole=False)
    assert head.gone == 0
    head.begin_look().take(page(0, a=50, c=30, d=20, e=10), whole=False)
    assert head.gone == 1
    assert gone(EVERYTHING, before, page(0, a=50, b=40)) == 0


def test_what_two_pages_cut_has_not_vanished_though_a_look_goes_on_below_it() -> None:
    before = page(0, a=50, b=40, c=30, d=30, e=20, f=10, g=5)
    begun = page(0, n=59, a=50, b=40)

    assert gone(EVERYTHING, before, begun, page(4, d=30, e=20)) == 0
    assert gone(EVERYTHING, before, begun, page(4, d=30, m=25, e=20), page(6, e=20, f=10)) == 0


def test_in_a_list_out_of_order_what_stands_below_or_is_older_has_not_vanished() -> None:
    before = page(0, a=50, b=20, c=40, d=30, e=10)

    assert gone(EVERYTHING, before, page(0, a=50, b=20)) == 0
    assert gone(EVERYTHING, before, page(0, a=50, c=40)) == 0


def test_a_look_that_is_not_closed_or_ended_below_the_list_calls_nothing_vanished() -> None:
    head = headed(None)

    assert not looked(head, page(0, a=50, n=35, c=30)).closed
    assert head.gone == 0
    assert looked(head, page(0, a=50, m=35, c=30), page(3)).closed
    assert head.gone == 0


@pytest.mark.parametrize(
    ("counts", "expected", "found", "result"),
    [
        ([10, 12, 12], "at least 12", "12", Result.AS_EXPECTED),
        ([10, 12, 11], "at least 12", "11", Result.CONTRADICTS),
        ([12, None, 11, 13], "at least 12", "11", Result.CONTRADICTS),
    ],
)
def test_a_count_that_is_less_than_any_before_it_contradicts_the_log(
    counts: list[int | None], expected: str, found: str, result: Result
) -> None:
    totals = Totals()
    for number, count in enumerate(counts):
        totals.note(counting(page(0), count, asked=2 * number, answered=2 * number + 1))

    (check,) = totals.check()

    assert (check.expected, check.found, check.result) == (expected, found, result)


@pytest.mark.parametrize(
    ("asked", "result"), [(3, Result.AS_EXPECTED), (4, Result.AS_EXPECTED), (5, Result.CONTRADICTS)]
)
def test_counts_of_pages_that_were_under_way_together_are_not_compared(asked: float, result: Result) -> None:
    totals = Totals()
    totals.note(counting(page(0), 12, asked=0, answered=4))
    totals.note(counting(page(0), 11, asked=asked, answered=6))

    assert [check.result for check in totals.check()] == [result]


def test_where_there_is_no_count_nothing_is_said_of_it() -> None:
    totals = Totals()
    totals.note(page(0, a=50))

    assert totals.check() == []


@given(st.lists(st.integers(0, 5), max_size=6))
@hypothesis_settings(max_examples=60)
def test_a_mark_is_the_first_place_with_nothing_but_newer_entries_above_it(seconds: list[int]) -> None:
    shown = counting(page(7, **{f"log_{n}": second for n, second in enumerate(seconds)}), 20)
    places = range(1, len(seconds))
    place = next((n for n in places if min(seconds[:n]) > max(seconds[n:])), None)

    mark = Mark.within(shown)

    assert mark == (None if place is None else Mark(at(max(seconds[place:])), 7 + place, 20))


@pytest.mark.parametrize(
    ("offset", "seconds", "place"),
    [
        (0, [50, 30], 1),
        (0, [30, 20], 0),
        (0, [20], 0),
        (0, [50, 40], None),
        (0, [50], None),
        (0, [], 0),
        (1, [30, 20], None),
        (5, [20], None),
        (5, [40, 20], 6),
        (5, [50, 40, 30], 7),
        (5, [50, 40], None),
        (5, [], None),
    ],
)
def test_a_mark_is_found_where_a_page_shows_what_is_above_and_what_is_below_it(
    offset: int, seconds: list[int], place: int | None
) -> None:
    shown = counting(page(offset, **{f"log_{n}": second for n, second in enumerate(seconds)}), 20)

    found = Mark(at(30), 3, 12).found(shown)

    assert found == (None if place is None else Mark(at(30), place, 20))


@pytest.mark.parametrize(
    ("then", "seconds", "total", "taken"),
    [
        (5, [50, 40, 30], 5, True),
        (5, [50, 40, 30], 6, False),
        (5, [50, 40, 30], 7, False),
        (5, [50, 40, 30], None, False),
        (5, [50, 40], 3, False),
        (None, [50, 40, 30], 5, False),
    ],
)
def test_of_two_counts_at_a_mark_the_one_holds_that_was_not_ahead(
    then: int | None, seconds: Sequence[int], total: int | None, *, taken: bool
) -> None:
    """Five counted at the place 1, so four from the mark on; five at the place 2 are three."""
    mark = Mark(at(30), 1, then)
    shown = counting(page(0, **{f"log_{n}": second for n, second in enumerate(seconds)}), total)

    assert mark.counted_again(shown) == (Mark(at(30), 2, total) if taken else mark)


def headed(total: int | None, window: Window = EVERYTHING) -> Head:
    """Remember a head whose mark is at the second 40, on place 1."""
    head = Head(window)
    head.remember(counting(page(0, a=50, b=40, c=30), total))
    return head


def looked(head: Head, *pages: Page, whole: bool = False) -> Look:
    look = head.begin_look()
    for each in pages:
        look.take(each, whole=whole)
    return look


@pytest.mark.parametrize(
    ("shown", "total", "unexplained"),
    [
        (page(0, n=59, a=50, b=40, c=30), 11, 0),
        (page(0, n=59, a=50, b=40, c=30), 12, 1),
        (page(0, a=50, b=40, n=35, c=30), 11, 0),
        (page(0, a=50, n=40, b=40, c=30), 11, 0),
        (page(0, n=59, a=50, b=40, o=35, c=30), 13, 1),
        (page(0, a=50, b=40, c=30), 11, 1),
        (page(0, n=59, o=50, a=50), 19, 0),
        (page(0, n=59, a=50, b=40, c=30), None, 0),
        (page(0, a=50), 19, 0),
    ],
)
def test_a_rise_of_the_count_is_explained_by_what_joined_above_the_mark_and_was_met_below(
    shown: Page, total: int | None, unexplained: int
) -> None:
    assert looked(headed(10), counting(shown, total)).unexplained == unexplained
    assert looked(headed(None), counting(shown, total)).unexplained == 0


def test_where_one_instant_fills_the_head_all_that_joins_does_so_below_the_mark() -> None:
    head = Head(EVERYTHING)
    head.remember(counting(page(0, a=50, b=50), 10))

    assert looked(head, counting(page(0, a=50, b=50), 10)).unexplained == 0
    assert looked(head, counting(page(0, a=50, b=50), 11)).unexplained == 1
    assert looked(head, counting(page(0, n=59, a=50, b=50), 11)).unexplained == 0


def test_the_mark_is_the_first_of_the_head_and_moves_on_with_a_look_that_is_closed() -> None:
    head = headed(10)
    head.remember(counting(page(3, d=20, e=10), 10))
    assert head.place == 1

    look = looked(head, page(0, n=59, a=50), page(1, a=50, b=40, c=30))

    assert look.place == 2
    assert look.mark == Mark(at(50), 1, None)
    head.begin_look()
    assert head.pushed(page(0, n=59, a=50)) == 0


def test_growth_that_a_look_which_is_not_closed_leaves_unexplained_stays_so() -> None:
    head = headed(10)

    assert looked(head, counting(page(0, a=50, b=40, n=35), 12)).unexplained == 1
    assert looked(head, counting(page(0, a=50, b=40, n=35, c=30), 12)).unexplained == 1


def test_what_joined_below_the_mark_explains_the_count_until_a_look_sets_another() -> None:
    head = headed(10)

    first = looked(head, counting(page(0, a=50, b=40, n=35), 11))
    assert (first.closed, first.unexplained, head.late, head.quiet) == (False, 0, 1, False)
    second = looked(head, counting(page(0, a=50, b=40, n=35, c=30), 11))
    assert (second.closed, second.unexplained, head.late, head.quiet) == (True, 0, 1, True)
    third = looked(head, counting(page(0, a=50, b=40, n=35, c=30), 12))
    assert (third.unexplained, head.late) == (1, 1)


def test_a_count_that_was_ahead_is_taken_anew() -> None:
    look = looked(headed(10), counting(page(0, a=50, b=40, c=30), 11))
    assert look.unexplained == 1

    look.count_again(counting(page(0, a=50, b=40, c=30), 10))

    assert look.unexplained == 0
    assert look.mark is not None
    assert look.mark.total == 10


@pytest.mark.parametrize(("second", "late"), [(19, 0), (20, 1), (39, 1), (40, 0)])
def test_late_is_what_a_look_finds_inside_the_window(second: int, late: int) -> None:
    head = headed(None, Window(since=at(20), until=at(40)))

    looked(head, page(0, a=50, b=40, n=second), page(1, b=40, n=second))

    assert head.late == late


def test_a_look_is_closed_by_a_page_of_known_entries_and_the_mark() -> None:
    known, new = page(0, a=50, b=40, c=30), page(0, n=59, a=50, b=40, c=30)

    assert looked(headed(None), known).closed
    assert looked(headed(None), new, page(2, b=40, c=30)).closed
    assert not looked(headed(None), new).closed
    assert not looked(headed(None), new, page(4, n=59)).closed, "pushed down there meanwhile"
    assert not looked(headed(None), page(0, a=50)).closed, "the mark is further down"
    assert looked(headed(None), new, whole=True).closed
    assert not looked(headed(None), page(0, n=30, o=20), whole=True).closed, "nothing that is known"


def test_the_log_came_to_rest_where_a_look_was_closed_and_found_nothing_late() -> None:
    head = headed(None)
    assert (head.quiet, head.gone, head.late) == (False, 0, 0)

    looked(head, page(0, a=50))
    assert not head.quiet
    looked(head, page(0, n=59, a=50, b=40), whole=True)
    assert not head.quiet
    looked(head, page(0, n=59, a=50, b=40))
    assert head.quiet


def test_pages_that_bring_a_look_no_further_down_are_counted() -> None:
    head = headed(None)
    assert looked(head, page(0, n=59), page(1, n=59)).stalled == 1
    assert looked(head, page(0, n=59), page(1, n=59), page(2, n=59)).stalled == 2
    assert looked(head, page(0, n=59), page(1, n=59), page(2, a=50)).stalled == 0
    assert looked(head, page(0, n=20, o=20), page(1, o=20, p=20)).stalled == 0, "more of one instant"
    assert looked(head, page(0, n=20), page(1, a=50)).stalled == 1
    assert looked(head, page(0, n=20), page(1, o=30), page(2, a=50), page(3, b=40)).stalled == 3


def test_how_far_the_mark_was_pushed_is_told_by_a_page_that_shows_it() -> None:
    head = headed(None)

    assert head.pushed(page(0, n=59, o=55, a=50, b=40)) == 2
    assert head.pushed(page(0, n=59, o=55)) is None
