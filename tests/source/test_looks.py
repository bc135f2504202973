"""What a walk does after its way down: looks at the head until that is at rest, or the way once more."""

from collections.abc import Callable
from typing import cast

import pytest

from exporter.facts import Result, Window
from exporter.source.paging import OffsetPass
from exporter.source.reader import Reader
from exporter.source.walk import Walk
from exporter.source.witnesses import Head
from tests.source.test_paging import SIXTY, Listing, received, still
from tests.source.test_walk import EVERYTHING
from tests.source.test_witnesses import at, page


def walked(listing: Listing, window: Window = EVERYTHING) -> tuple[Walk, dict[str, Result]]:
    walk = Walk(cast("Reader", listing), window)
    walk.run()
    return walk, {check.id: check.result for check in walk.checks}


def descended(now: Callable[[Listing], dict[str, int]], *, full: int = 4) -> Listing:
    listing = Listing(now, full=full)
    OffsetPass(cast("Reader", listing), EVERYTHING, Head(EVERYTHING)).run()
    return listing


def found(walk: Walk, check: str) -> str:
    return next(each.found for each in walk.checks if each.id == check)


def then(*lists: dict[str, int], at_requests: tuple[int, ...]) -> Callable[[Listing], dict[str, int]]:
    """Give one list after the other, each from a request on."""
    return lambda it: lists[sum(it.asked >= number for number in at_requests)]


def test_nothing_is_said_to_be_reached_before_anything_was_read() -> None:
    walk = Walk(cast("Reader", Listing(still(**SIXTY))), EVERYTHING)

    assert not walk.arrived
    assert not walk.met_everything


def test_one_look_suffices_where_the_log_is_at_rest() -> None:
    listing = Listing(still(**SIXTY))

    walk, results = walked(listing)

    assert listing.offsets.count(0) == 2
    assert listing.offsets[-1] == 0
    assert set(results.values()) == {Result.AS_EXPECTED}
    assert (walk.arrived, walk.met_everything, walk.offset_shifts_rows) == (True, True, True)
    assert (walk.by_action, walk.by_user, walk.deepest_offset) == (False, False, None)
    assert found(walk, "second-pass") == found(walk, "none-vanished") == "0"


@pytest.mark.parametrize(
    ("until", "looks", "result"), [(1_000, 1, Result.AS_EXPECTED), (2_000, 3, Result.NOT_SHOWN)]
)
def test_a_head_that_entries_of_the_window_join_again_and_again_is_looked_at_three_times(
    until: int, looks: int, result: Result
) -> None:
    def joined(it: Listing) -> dict[str, int]:
        return {**{f"n{n}": 1_000 + n for n in range(it.asked // 2, 0, -1)}, **SIXTY}

    listing = Listing(joined, full=12)

    walk, results = walked(listing, Window(since=at(0), until=at(until)))

    assert listing.offsets.count(0) - 1 == looks
    assert results["second-pass"] is result
    assert found(walk, "second-pass") == ("0" if looks == 1 else "the log did not come to rest")


@pytest.mark.parametrize(
    ("full", "newer", "asked"),
    [(12, 20, [0, 9, 18, 27, 0]), (48, 60, [0, 38, 76, 0]), (12, 200, [*range(0, 208, 9), 0])],
)
def test_what_joins_once_is_found_by_a_look_and_another_look_is_quiet(
    full: int, newer: int, asked: list[int]
) -> None:
    """A look repeats a quarter of a page, ten entries at most, and may go further down than the way did."""
    joined = {f"n{n}": 1_000 + n for n in range(newer, 0, -1)}
    descent = len(descended(still(**SIXTY), full=full).offsets)
    listing = Listing(then(SIXTY, {**joined, **SIXTY}, at_requests=(descent + 1,)), full=full)

    walk, results = walked(listing)

    assert listing.offsets[descent:] == asked
    assert results["second-pass"] is Result.AS_EXPECTED
    assert found(walk, "second-pass") == f"0; {newer} late ones were fetched"
    assert listing.shown == {*joined, *SIXTY}


@pytest.mark.parametrize("newer", range(6))
@pytest.mark.parametrize("full", [1, 2, 3])
def test_a_look_finds_its_mark_however_few_entries_a_page_holds(full: int, newer: int) -> None:
    joined = {f"n{n}": 1_000 + n for n in range(newer, 0, -1)}
    descent = len(descended(still(**SIXTY), full=full).offsets)
    listing = Listing(then(SIXTY, {**joined, **SIXTY}, at_requests=(descent + 1,)), full=full)

    _, results = walked(listing)

    assert set(results.values()) == {Result.AS_EXPECTED}


@pytest.mark.parametrize("ahead", range(10))
def test_a_growth_is_asked_for_eight_times_more_before_the_list_is_read_once_more(ahead: int) -> None:
    """The platform counted one that joined after it took the entries of the page."""
    tied = SIXTY | dict.fromkeys([*SIXTY][:17], 990)
    descent = len(descended(still(**tied), full=20).offsets)
    listing = Listing(still(**tied), full=20, ahead=lambda asked: descent < asked <= descent + ahead)

    _, results = walked(listing)

    again = [7] * min(ahead, 8)
    assert listing.offsets[descent : descent + 1 + len(again)] == [0, *again]
    assert listing.forgotten == (ahead == 9)
    assert results["second-pass"] is Result.AS_EXPECTED


DESCENT = len(descended(still(**SIXTY)).offsets)


def late(number: int) -> dict[str, int]:
    """Return the sixty, and so many that came late, deep among them."""
    return {
        **dict([*SIXTY.items()][:30]),
        **{f"late{n}": 961 for n in range(number)},
        **dict([*SIXTY.items()][30:]),
    }


@pytest.mark.parametrize("number", [1, 2])
def test_a_growth_that_no_look_explains_has_the_list_read_once_more(number: int) -> None:
    listing = Listing(then(SIXTY, late(number), at_requests=(DESCENT + 1,)))

    walk, results = walked(listing)

    assert listing.forgotten == 1
    assert listing.shown == set(late(number))
    assert set(results.values()) == {Result.AS_EXPECTED}
    assert found(walk, "second-pass") == "0"


def test_a_log_that_grows_at_every_look_is_read_down_once_more_each_time_and_did_not_come_to_rest() -> None:
    """The head is asked for once on the way down, and nine times by a look and what follows on it."""
    listing = Listing(lambda it: late((it.offsets.count(0) + 8) // 10))

    walk, results = walked(listing)

    assert listing.forgotten == 3
    assert results["second-pass"] is Result.NOT_SHOWN
    assert found(walk, "second-pass") == "the log did not come to rest"


def test_what_came_late_among_entries_received_before_has_the_list_read_once_more() -> None:
    listing = Listing(still(**late(1)), received=received(until=40))

    _, results = walked(listing)

    assert listing.forgotten == 1
    assert listing.shown == set(late(1))
    assert set(results.values()) == {Result.AS_EXPECTED}


@pytest.mark.parametrize("in_order", [True, False])
def test_what_vanished_on_the_way_and_from_the_head_contradicts_a_log_that_is_in_order(
    in_order: bool,  # noqa: FBT001 - a parameter
) -> None:
    less, least = (
        {id_: at for id_, at in SIXTY.items() if id_ not in gone} for gone in (["e4"], ["e1", "e4"])
    )
    listing = Listing(then(SIXTY, less, least, at_requests=(3, DESCENT + 1)))
    listing.in_order = in_order

    walk, results = walked(listing)

    assert results["none-vanished"] is (Result.CONTRADICTS if in_order else Result.NOT_SHOWN)
    suffix = "" if in_order else ", but the list is not in the order of its times"
    assert found(walk, "none-vanished") == f"2{suffix}"


def test_where_no_way_arrives_the_first_end_that_nothing_confirmed_is_what_can_be_said() -> None:
    """The list by offset ends at its last entry, that of larger pages at a cap, and no filter helps."""
    listing = Listing(still(**SIXTY), counted=False)

    walk, results = walked(listing)

    assert results["start-of-window"] is Result.NOT_SHOWN
    assert found(walk, "start-of-window") == (
        "the list ended at 2026-01-01T00:15:31Z; no total and no filter confirms that the log did"
    )
    assert (walk.arrived, walk.met_everything, walk.by_action, walk.by_user) == (True, False, True, False)


@pytest.mark.parametrize("go_below", [True, False])
def test_slices_that_go_on_below_an_end_that_nothing_confirmed_show_that_it_was_none(
    go_below: bool,  # noqa: FBT001 - a parameter
) -> None:
    listing = Listing(still(**SIXTY), counted=False)
    listing.slices = {"deploy": page(0, **{f"s{n}": 934 - n - go_below for n in range(4)})}

    listing.users = {"someone"}

    walk, results = walked(listing)

    assert (walk.arrived, walk.by_user) == (not go_below, True)
    assert results["start-of-window"] is (Result.DIFFERS if go_below else Result.NOT_SHOWN)


def test_what_slices_leave_open_is_said_where_they_arrived() -> None:
    listing = Listing(still(**SIXTY), counted=False)
    listing.slices = {"deploy": page(0, a=940)}

    walk, _ = walked(listing)

    assert found(walk, "start-of-window").endswith(" actions passed it, but there may be others")


def joining(each: int) -> Callable[[Listing], dict[str, int]]:
    return lambda it: {**{f"n{n}": 1_000 + n for n in range(each * it.asked, 0, -1)}, **SIXTY}


def test_a_walk_that_did_not_arrive_looks_at_the_head_once_and_reads_nothing_again() -> None:
    """Even where a page of entries joined meanwhile."""
    at_rest = Listing(still(**SIXTY), offset_honoured=False)
    walked(at_rest)
    joined = {f"n{n}": 1_000 - n for n in range(4)}
    listing = Listing(then(SIXTY, {**joined, **SIXTY}, at_requests=(at_rest.asked,)), offset_honoured=False)

    walk, results = walked(listing)

    assert (walk.arrived, walk.offset_shifts_rows, walk.by_action) == (False, False, True)
    assert (listing.asked, at_rest.asked, listing.forgotten) == (9, 9, 0)
    assert found(walk, "start-of-window") == "pages are capped, and the filter does not give deploy"
    assert (results["start-of-window"], results["second-pass"]) == (Result.DIFFERS, Result.NOT_SHOWN)


def test_a_growth_that_nothing_explains_is_no_rest_though_the_list_cannot_be_read_once_more() -> None:
    at_rest = Listing(still(**SIXTY), offset_honoured=False)
    walked(at_rest)
    listing = Listing(then(SIXTY, late(1), at_requests=(at_rest.asked,)), offset_honoured=False)

    _, results = walked(listing)

    assert listing.forgotten == 0
    assert results["second-pass"] is Result.NOT_SHOWN


def test_a_look_is_given_up_after_twenty_pages_in_a_row_that_bring_it_no_further_down() -> None:
    listing = Listing(lambda it: joining(4)(it) if it.asked > DESCENT else SIXTY)

    _, results = walked(listing)

    assert results["second-pass"] is Result.NOT_SHOWN
    assert [listing.offsets.count(0) - 1, listing.asked] == [3, DESCENT + 3 * 22]


def test_a_look_ends_where_the_list_does() -> None:
    """Which is another one, that shows nothing of what was there."""
    listing = Listing(then(SIXTY, {f"z{n}": 2_000 - n for n in range(8)}, at_requests=(DESCENT + 1,)))

    _, results = walked(listing)

    assert results["second-pass"] is Result.NOT_SHOWN
    assert listing.asked < DESCENT + 20


def test_what_joined_before_the_list_was_read_once_more_and_vanished_after_has_vanished() -> None:
    begun: dict[int, int] = {}

    def now(it: Listing) -> dict[str, int]:
        asked = it.offsets[begun.setdefault(it.forgotten, it.asked) - 1 :]
        looking = asked.count(0) > 1
        joined = {"n": 1_000, "m": 995} if it.forgotten and not looking else {"n": 1_000}
        return {**joined, **late(1)} if it.forgotten or looking else SIXTY

    walk, _ = walked(Listing(now))

    assert found(walk, "none-vanished") == "1"


def test_what_vanished_is_not_forgotten_however_often_the_list_is_read() -> None:
    """On each of four ways down the entry that ends the first page vanishes, and two come late meanwhile."""
    begun: dict[int, int] = {}

    def now(it: Listing) -> dict[str, int]:
        asked = it.offsets[begun.setdefault(it.forgotten, it.asked) - 1 :]
        gone = {f"e{3 + n}" for n in range(it.forgotten + (len(asked) > 1))}
        grown = late(2 * (it.forgotten + (asked.count(0) > 1)))
        return {id_: second for id_, second in grown.items() if id_ not in gone}

    listing = Listing(now)

    walk, results = walked(listing)

    assert listing.forgotten == 3
    assert results["none-vanished"] is Result.CONTRADICTS
    assert found(walk, "none-vanished") == "4"
