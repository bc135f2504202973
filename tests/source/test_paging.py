"""How a list is read down by offset, four entries a page."""

import math
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import cast

import pytest

from exporter.facts import Check, Result, Window, rfc3339
from exporter.source.paging import OffsetPass
from exporter.source.platform import Page
from exporter.source.reader import Reader
from exporter.source.ties import count_places
from exporter.source.witnesses import Head, Totals
from tests.source.test_walk import EVERYTHING
from tests.source.test_witnesses import at, counting, page

TWELVE = {f"e{n}": 50 - n for n in range(12)}
SIXTY = {f"e{n}": 990 - n for n in range(60)}


def nothing_received(_page: Page, _step: int) -> Page | None:
    return None


class Listing:
    """What answers for a list that ``now`` gives, as it stands at each request."""

    def __init__(  # noqa: PLR0913 - what a test may want otherwise
        self,
        now: Callable[["Listing"], dict[str, int]],
        *,
        full: int = 4,
        counted: bool = True,
        offset_honoured: bool = True,
        deepest: int = 10**9,
        filtered: bool = False,
        lasting: float = 0,
        received: Callable[[Page, int], Page | None] = nothing_received,
        ahead: Callable[[int], int] = lambda _asked: 0,
    ) -> None:
        self.full = self.fits = self.limit = self.largest_page = full
        self.asked = self.empty = self.forgotten = 0
        self.in_order = True
        self.met_below = False
        self.asking = False
        self.totals = Totals()
        self.oldest: datetime | None = None
        self.actions = {"deploy"}
        self.users: set[str] = set()
        self.shown: set[str] = set()
        self.offsets: list[int] = []
        self.steps: list[int] = []
        self.recorded_after = received
        self.slices: dict[str, Page] = {}
        self.ahead = ahead
        self._now = now
        self._lasting = lasting
        self._counted = counted
        self._offset_honoured = offset_honoured
        self._deepest = deepest
        self._filtered = filtered

    def page(self, offset: int = 0, *, step: int = 0) -> Page:
        assert offset >= 0
        self.asked += 1
        self.offsets.append(offset)
        self.steps.append(step)
        self.asking = True
        now = self._now(self)
        self.asking = False
        begin = min(offset, self._deepest) if self._offset_honoured else 0
        shown = replace(page(0, **dict([*now.items()][begin : begin + self.fits])), offset=offset)
        self.shown.update(shown.ids)
        self.empty += not shown.size
        total = len(now) + self.ahead(self.asked) if self._counted else None
        shown = counting(shown, total, asked=self.asked, answered=self.asked + self._lasting)
        self.totals.note(shown)
        self.oldest = min(filter(None, (self.oldest, shown.oldest)), default=None)
        return shown

    def slice(self, *, action: str, user: str | None = None, offset: int = 0) -> Page:  # noqa: ARG002 - as the reader
        held = self._now(self) if self._filtered and action == "deploy" else {}
        shown = page(offset, **dict([*held.items()][offset : offset + self.full]))
        return replace(self.slices.get(action, shown), offset=offset)

    def forget(self) -> None:
        self.forgotten += 1
        self.recorded_after = nothing_received


def still(**entries: int) -> Callable[[Listing], dict[str, int]]:
    return lambda _it: entries


def descend(listing: Listing, window: Window = EVERYTHING) -> tuple[OffsetPass, Check]:
    down = OffsetPass(cast("Reader", listing), window, Head(window))
    return down, down.run()


@pytest.mark.parametrize("second", range(980, 984))
@pytest.mark.parametrize("full", [4, 12])
def test_the_start_of_a_window_is_passed_by_a_whole_page_of_older_entries(full: int, second: int) -> None:
    listing = Listing(still(**SIXTY), full=full)
    window = Window(since=at(second), until=at(2_000))

    _, check = descend(listing, window)

    assert check.result is Result.AS_EXPECTED
    lowest = page(0, **dict([*SIXTY.items()][listing.offsets[-1] :]))
    assert at(second) - max(lowest.moments) <= full * (at(1) - at(0))
    assert max(lowest.moments) < at(second)
    assert check.found.endswith(f": newest entry {rfc3339(max(lowest.moments))}")


@pytest.mark.parametrize(
    ("full", "second_begins"), [(3, 1), (4, 2), (8, 5), (12, 8), (36, 26), (40, 29), (44, 33), (48, 37)]
)
def test_the_next_page_repeats_ten_entries_and_one_or_a_quarter_of_a_small_page(
    full: int, second_begins: int
) -> None:
    listing = Listing(still(**SIXTY), full=full)

    down, _ = descend(listing)

    assert listing.offsets[:2] == [0, second_begins]
    assert listing.steps[:2] == [0, second_begins]
    assert {*listing.steps[1 : 60 // full]} <= {second_begins}, "always by as much"
    assert listing.shown == set(SIXTY)
    assert down.vanished == 0
    assert listing.empty == 2
    assert [check.result for check in down.checks] == [Result.AS_EXPECTED]
    assert down.checks[0].found == f"{down.pages} of {down.pages}"


@pytest.mark.parametrize("full", [1, 2])
def test_pages_with_no_room_for_an_overlap_are_read_from_instant_to_instant(full: int) -> None:
    listing = Listing(still(**SIXTY), full=full)

    down, check = descend(listing)

    assert listing.shown == set(SIXTY)
    assert [each.result for each in (check, *down.checks)] == [Result.AS_EXPECTED] * 2


@pytest.mark.parametrize(
    ("seconds", "begins"),
    [
        ([50, 49, 48, 47, 46, 45, 44, 43], 5),
        ([50, 49, 48, 47, 46, 45, 45, 44], 5),
        ([50, 49, 48, 47, 46, 45, 45, 45], 4),
        ([50, 49, 48, 47, 45, 45, 45, 45], 3),
        ([50, 49, 45, 45, 45, 45, 45, 45], 1),
    ],
)
def test_the_next_page_begins_above_the_instant_that_ends_this_one(seconds: list[int], begins: int) -> None:
    entries = {f"e{n}": second for n, second in enumerate([*seconds, 40, 39, 38, 37, 36])}
    listing = Listing(still(**entries), full=8)

    down, _ = descend(listing)

    assert listing.offsets[1] == begins
    assert listing.shown == set(entries)
    assert [check.result for check in down.checks] == [Result.AS_EXPECTED]


def test_a_list_that_brought_nothing_more_once_goes_on_where_it_brings_more_the_second_time() -> None:
    listing = Listing(lambda it: TWELVE if it.empty else dict([*TWELVE.items()][:6]))

    down, _ = descend(listing)

    assert (listing.shown, down.met) == (set(TWELVE), 12)


def test_an_instant_of_several_pages_is_read_until_each_of_its_places_was_seen() -> None:
    """Its entries change places between any two requests."""

    def turned(it: Listing) -> dict[str, int]:
        tied = [f"t{n}" for n in range(9)]
        turn = 4 * it.asked % 9
        tied = [*tied[turn:], *tied[:turn]]
        return {"a": 50, "b": 49, **dict.fromkeys(tied, 40), "y": 30, "z": 29}

    listing = Listing(turned)
    down, _ = descend(listing)

    assert listing.shown == set(turned(listing))
    assert [check.id for check in down.checks] == ["overlaps"]


def joined_by(*, each: int, until: int = 10**9) -> Callable[[Listing], dict[str, int]]:
    """Have entries join at the head of sixty, so many at every request after the first."""

    def now(it: Listing) -> dict[str, int]:
        joined = each * min(it.asked - 1, until)
        return {**{f"n{n}": 1_000 + n for n in range(joined, 0, -1)}, **SIXTY}

    return now


@pytest.mark.parametrize("counted", [True, False])
@pytest.mark.parametrize(("each", "until"), [(1, 99), (2, 99), (3, 8), (4, 8), (9, 1), (30, 1), (100, 1)])
def test_entries_that_join_at_the_head_lose_nothing_and_leave_nothing_open(
    each: int,
    until: int,
    counted: bool,  # noqa: FBT001 - a parameter
) -> None:
    listing = Listing(joined_by(each=each, until=until), full=8, counted=counted)

    down, check = descend(listing)

    assert listing.shown >= set(SIXTY)
    assert (down.ignored, down.deepest, down.vanished) == (False, None, 0)
    assert [check.result for check in down.checks] == [Result.AS_EXPECTED]
    assert check.result is (Result.AS_EXPECTED if counted else Result.NOT_SHOWN)


@pytest.mark.parametrize(("filtered", "result"), [(True, Result.DIFFERS), (False, Result.NOT_SHOWN)])
def test_where_an_offset_goes_no_further_no_total_counts_places_for_entries_that_were_not_read(
    filtered: bool,  # noqa: FBT001 - a parameter
    result: Result,
) -> None:
    """Asked for at 45, the last of its pages ends at 50, and seems to end at 53, where the log does."""
    log = dict([*SIXTY.items()][:53])
    listing = Listing(still(**log), full=8, deepest=42, filtered=filtered)

    _, check = descend(listing)

    assert len(listing.shown) == 50
    assert check.result is result


def test_an_offset_without_effect_is_known_by_three_pages_further_down_that_bring_what_was_there() -> None:
    listing = Listing(still(**SIXTY), offset_honoured=False)

    down, check = descend(listing)

    assert listing.offsets == [0, 2, 18, 34, 50]
    assert (down.ignored, down.checks, check.result) == (True, [], Result.DIFFERS)
    assert check.found == "the platform takes no notice of offset"


@pytest.mark.parametrize("bursts", [[2], [2, 16], [2, 16, 16], [2, 16, 16, 0]])
def test_a_list_that_was_pushed_down_as_far_as_was_asked_for_is_not_one_without_offset(
    bursts: list[int],
) -> None:
    def now(it: Listing) -> dict[str, int]:
        joined = sum(bursts[: it.asked - 1])
        return {**{f"n{n}": 1_000 + n for n in range(joined, 0, -1)}, **SIXTY}

    listing = Listing(now)

    down, check = descend(listing)

    assert listing.shown >= set(SIXTY)
    assert (down.ignored, check.result) == (False, Result.AS_EXPECTED)


def without(after: int, *gone: str) -> Callable[[Listing], dict[str, int]]:
    """Have entries of the sixty vanish after so many requests."""
    return lambda it: {id_: at for id_, at in SIXTY.items() if it.asked <= after or id_ not in gone}


IDS = [*SIXTY]


@pytest.mark.parametrize(
    ("after", "gone", "vanished", "overlaps"),
    [
        (1, ["e0"], 1, Result.AS_EXPECTED),
        (1, ["e0", "e1"], 2, Result.AS_EXPECTED),
        (1, ["e3"], 1, Result.DIFFERS),
        (1, ["e4"], 0, Result.AS_EXPECTED),
        (1, ["e2", "e3"], 1, Result.DIFFERS),
        (2, ["e0", "e1", "e2"], 3, Result.AS_EXPECTED),
        (16, IDS[:30], 30, Result.AS_EXPECTED),
        (21, IDS[:36], 36, Result.AS_EXPECTED),
        (16, ["e33"], 1, Result.DIFFERS),
    ],
)
def test_entries_that_left_their_place_have_vanished(
    after: int, gone: list[str], vanished: int, overlaps: Result
) -> None:
    listing = Listing(without(after, *gone))

    down, check = descend(listing)

    assert (down.vanished, check.result) == (vanished, Result.AS_EXPECTED)
    assert down.checks[0].result is overlaps
    assert listing.shown >= set(SIXTY).difference(gone)


def test_each_end_of_a_page_that_is_gone_counts() -> None:
    listing = Listing(lambda it: without(1, "e3")(it) if it.asked < 17 else without(1, "e3", "e30")(it))

    down, _ = descend(listing)

    assert down.vanished == 2
    assert down.checks[0].found == "26 of 28"


@pytest.mark.parametrize(
    ("full", "after", "gone", "asked"),
    [
        (4, 1, ["e0"], [2, 0]),
        (4, 16, ["e0"], [32, 30]),
        (44, 2, IDS[:12], [66, 56]),
        (4, 16, ["e33"], [32, 30, 34]),
        (3, 1, ["e2"], [1, 0, 2]),
        (4, 1, IDS[:9], [2, 0]),
    ],
)
def test_what_left_its_place_is_looked_for_half_a_page_up_or_ten_entries_and_what_is_gone_around(
    full: int, after: int, gone: list[str], asked: list[int]
) -> None:
    longer = {f"e{n}": 990 - n for n in range(120)}
    listing = Listing(
        lambda it: {id_: at for id_, at in longer.items() if it.asked <= after or id_ not in gone}, full=full
    )

    descend(listing)

    assert listing.offsets[after : after + len(asked)] == asked


def test_a_page_whose_end_is_gone_with_all_above_it_is_not_searched_for_at_the_head_again() -> None:
    listing = Listing(without(1, *IDS[:9]))

    down, check = descend(listing)

    assert listing.offsets == [0, 2, 0]
    assert (down.deepest, check.result) == (0, Result.DIFFERS)


@pytest.mark.parametrize(("counted", "asked"), [(True, [0, 5, 35]), (False, [0, 5, 10, 20, 40, 30])])
def test_what_was_pushed_down_is_looked_for_where_the_total_says_or_in_strides_that_double(
    counted: bool,  # noqa: FBT001 - a parameter
    asked: list[int],
) -> None:
    listing = Listing(joined_by(each=30, until=1), full=8, counted=counted)

    descend(listing)

    assert listing.offsets[: len(asked)] == asked


@pytest.mark.parametrize("lasting", [1.5, 1])
def test_what_is_lacking_on_a_page_that_was_under_way_may_have_joined_since(lasting: float) -> None:
    """The next page was asked for before that entry was there; asked for again, it shows it."""
    listing = Listing(lambda it: without(1, "e3")(it) if it.asked == 2 else SIXTY, lasting=lasting)

    down, _ = descend(listing)

    assert listing.offsets[:4] == [0, 2, 2, 4]
    assert not any(listing.steps[2:]), "no even steps any more"
    assert (down.vanished, [check.result for check in down.checks]) == (0, [Result.AS_EXPECTED])


@pytest.mark.parametrize(("lasting", "vanished"), [(1.5, 0), (1, 0), (0.5, 1)])
def test_a_page_that_was_under_way_does_not_show_that_an_entry_left(lasting: float, vanished: int) -> None:
    """The first page shows an entry at the head that the second, which was taken before it, does not know."""
    tied = {**SIXTY, "e4": SIXTY["e5"]}
    listing = Listing(lambda it: {"n": 1_000, **tied} if it.asked == 1 else tied, full=8, lasting=lasting)

    down, _ = descend(listing)

    assert listing.offsets[:2] == [0, 5]
    assert (down.vanished, listing.shown) == (vanished, {"n", *SIXTY})


@pytest.mark.parametrize("joining", [{"x": 946, "y": 945, "z": 944}, {"x": 989, "y": 988, "z": 988}])
def test_an_entry_that_stands_elsewhere_than_its_time_says_is_looked_for_around(
    joining: dict[str, int],
) -> None:
    first, last = dict([*SIXTY.items()][:3]), dict([*SIXTY.items()][3:])
    listing = Listing(lambda it: {**first, **joining, **last} if it.asked > 1 else SIXTY)

    down, _ = descend(listing)

    assert listing.shown == {*SIXTY, *joining}
    assert down.vanished == 0


def test_a_list_whose_pages_never_join_breaks_off() -> None:
    listing = Listing(lambda it: {f"e{n}-{it.asked}": 100 * it.asked - n for n in range(60)})

    down, check = descend(listing)

    assert (down.deepest, down.checks, check.result) == (0, [], Result.DIFFERS)
    assert check.found == "the list breaks off after offset 0"
    assert len(listing.offsets) == 50, "two pages, and a search of 48"


def times_of_one(
    *, size: int, joining: int = 0, above: int = 0, below: int = 0
) -> Callable[[Listing], dict[str, int]]:
    """Have entries of one instant change places, and others of it, above it or below, join at a request."""

    def now(it: Listing) -> dict[str, int]:
        tied = [f"t{n}" for n in range(size + joining * (it.asked - 1))]
        turn = 4 * it.asked % len(tied)
        joined = {f"n{n}": 100 + n for n in range(above * (it.asked - 1), 0, -1)}
        return {
            **joined,
            "a": 50,
            "b": 49,
            **dict.fromkeys([*tied[turn:], *tied[:turn]], 40),
            **{f"m{n}": 39 for n in range(below * min(it.asked - 1, 9))},
            "y": 30,
            "z": 29,
        }

    return now


@pytest.mark.parametrize("counted", [True, False])
@pytest.mark.parametrize("above", [0, 1])
def test_places_of_an_instant_are_told_from_those_that_were_pushed_in_above_it(
    above: int,
    counted: bool,  # noqa: FBT001 - a parameter
) -> None:
    listing = Listing(times_of_one(size=9, above=above), counted=counted)

    down, _ = descend(listing)

    assert {f"t{n}" for n in range(9)} <= listing.shown
    assert [check.id for check in down.checks] == ["overlaps", *(["ties"] if above > counted else [])]
    assert down.vanished == 0


BEGIN, END = page(0, a=50, t=40), page(5, u=40, y=30)
"""They show an instant from place 1 to place 5."""
PUSHED = page(3, a=50, t=40)
"""It begins three places further down."""


@pytest.mark.parametrize(
    ("first", "last", "again", "totals", "places"),
    [
        (BEGIN, END, BEGIN, (None, None, None), 5),
        (BEGIN, END, PUSHED, (10, 12, 13), 3),
        (BEGIN, END, PUSHED, (10, 12, 14), 5),
        (BEGIN, END, PUSHED, (10, 12, 12), 5),
        (BEGIN, END, PUSHED, (None, 12, 13), 5),
        (BEGIN, END, PUSHED, (10, None, 13), 5),
        (BEGIN, END, PUSHED, (10, 12, None), 5),
        (BEGIN, END, page(3, n=60, a=50), (10, 12, 14), 5),
        (BEGIN, END, page(4), (10, 12, 13), 5),
        (BEGIN, page(7), BEGIN, (10, 10, 10), 6),
        (page(2, t=40, u=40), END, BEGIN, (10, 12, 13), 6),
        (page(6), END, BEGIN, (10, 12, 13), 6),
        (page(0, t=40, u=40), END, page(0, t=40, u=40), (10, 10, 10), 6),
    ],
)
def test_an_instant_has_the_places_between_its_begin_and_end_less_those_that_surely_joined_above(
    first: Page, last: Page, again: Page, totals: tuple[int | None, ...], places: int
) -> None:
    """Where another look does not show its begin, or it moved by less than the total rose, none did."""
    begun, ended, seen = map(counting, (first, last, again), totals)

    assert count_places(begun, ended, seen, at(40)) == places


@pytest.mark.parametrize(
    ("since", "until", "open_ties"), [(40, 41, 1), (40, 90, 1), (20, 41, 1), (39, 40, 0), (41, 90, 0)]
)
def test_an_instant_outside_the_window_may_be_left_open(since: int, until: int, open_ties: int) -> None:
    listing = Listing(times_of_one(size=9, joining=1), counted=False)

    down, _ = descend(listing, Window(since=at(since), until=at(until)))

    ties = [check for check in down.checks if check.id == "ties"]
    assert [check.result for check in ties] == [Result.NOT_SHOWN] * open_ties


def received(
    entries: dict[str, int] = SIXTY, *, since: int = 0, until: int = 60, full: int = 4
) -> Callable[[Page, int], Page | None]:
    """Have an attempt that was broken off have received the sixty from a place to another, so many a page."""
    ids = [*entries]

    def after(shown: Page, step: int) -> Page | None:
        place = ids.index(shown.ids[step]) if shown.ids[step] in ids else until
        if place < since:
            return None
        held = dict([*entries.items()][place : min(until, place + full)])
        if place + len(held) <= ids.index(shown.ids[-1]) + 1:
            return None
        return replace(page(shown.offset + step, **held), asked=-math.inf, answered=-math.inf)

    return after


@pytest.mark.parametrize(("since", "asked"), [(950, [0, 38, 40, 42]), (949, [0, 40, 42])])
def test_what_was_received_before_is_passed_over_down_to_the_start_of_the_window(
    since: int, asked: list[int]
) -> None:
    """The page that shows the start is read anew: where it stands tells how far the list moved."""
    listing = Listing(still(**SIXTY), received=received())

    down, check = descend(listing, Window(since=at(since), until=at(2_000)))

    assert listing.offsets == asked
    assert (down.displaced, down.vanished, check.result) == (0, 0, Result.AS_EXPECTED)
    assert [check.result for check in down.checks] == [Result.AS_EXPECTED]


@pytest.mark.parametrize(
    ("late", "joining", "displaced"),
    [
        (0, [], 0),
        (0, [2], 0),
        (0, [3], 0),
        (1, [], 1),
        (1, [2], 1),
        (1, [3], 1),
        (1, [3, 3], 1),
        (3, [], 3),
        (0, [2, 4], 0),
        (0, [2] * 8, 1),
        (-2, [], 0),
    ],
)
def test_what_came_late_among_entries_that_were_received_before_is_told_from_what_joined_at_the_head(
    late: int, joining: list[int], displaced: int
) -> None:
    """The attempt before had received forty; the list goes on where they stood then, or further down.

    Where the head no longer shows what it began with, nothing tells them apart.
    """

    def now(it: Listing) -> dict[str, int]:
        joined = {f"n{n}": 1_000 + n for n in range(sum(it.asked >= at for at in joining), 0, -1)}
        came_late = {f"late{n}": 971 for n in range(late)}
        above, below = dict([*SIXTY.items()][: 20 + min(0, late)]), dict([*SIXTY.items()][20:])
        return {**joined, **above, **came_late, **below}

    listing = Listing(now, received=received(until=40))

    down, check = descend(listing)

    assert (down.displaced, check.result) == (displaced, Result.AS_EXPECTED)
    assert down.vanished == max(0, -late)


@pytest.mark.parametrize(("late", "displaced"), [(0, 0), (1, 1)])
@pytest.mark.parametrize("tied", [0, 9])
def test_what_joined_the_head_before_the_reading_met_what_was_received_did_not_come_late(
    late: int, displaced: int, tied: int
) -> None:
    """Neither where an instant of several pages had to be read in between."""
    sixty = SIXTY | dict.fromkeys(IDS[6 : 6 + tied], SIXTY["e6"])

    def now(it: Listing) -> dict[str, int]:
        joined = {f"n{n}": 1_000 + n for n in range(2 * (it.asked > 3), 0, -1)}
        above, below = dict([*sixty.items()][:25]), dict([*sixty.items()][25:])
        return {**joined, **above, **{f"late{n}": 965 for n in range(late)}, **below}

    listing = Listing(now, received=received(since=20, until=40))

    down, check = descend(listing)

    assert (down.displaced, down.vanished, check.result) == (displaced, 0, Result.AS_EXPECTED)
    assert listing.shown >= {*IDS[:20], *IDS[40:]}
    assert not listing.shown.issuperset(IDS[24:36])


def test_a_page_received_before_that_one_instant_fills_is_read_anew() -> None:
    tied = SIXTY | dict.fromkeys(IDS[20:27], SIXTY["e20"])
    listing = Listing(still(**tied), received=received(tied))

    down, check = descend(listing, Window(since=at(950), until=at(2_000)))

    assert listing.shown.issuperset(IDS[20:27])
    assert not listing.shown.issuperset(IDS[8:18])
    assert (down.displaced, down.vanished, check.result) == (0, 0, Result.AS_EXPECTED)


@pytest.mark.parametrize("full", [3, 4, 5])
def test_pages_that_are_shorter_than_those_received_before_pass_over_none_that_they_could_not_follow(
    full: int,
) -> None:
    listing = Listing(still(**SIXTY), full=full, received=received(full=12))

    down, _ = descend(listing)

    assert (len(listing.offsets) < 20) is (full == 5)
    assert [check.result for check in down.checks] == [Result.AS_EXPECTED]


@pytest.mark.parametrize("size", range(7, 15))
@pytest.mark.parametrize("below", [1, 2])
def test_what_joins_below_an_instant_takes_none_of_its_places(size: int, below: int) -> None:
    listing = Listing(times_of_one(size=size, below=below))

    descend(listing)

    assert {f"t{n}" for n in range(size)} <= listing.shown


@pytest.mark.parametrize(("counted", "joining", "above"), [(True, 2, 0), (False, 0, 1), (False, 1, 0)])
def test_an_instant_that_nothing_settles_is_left_open_before_long(
    counted: bool,  # noqa: FBT001 - a parameter
    joining: int,
    above: int,
) -> None:
    listing = Listing(times_of_one(size=9, joining=joining, above=above), counted=counted)

    down, _ = descend(listing)

    assert [check.id for check in down.checks] == ["overlaps", "ties"]
    assert down.checks[1].found.endswith(" places at 2026-01-01T00:00:40Z")
    assert listing.asked < 150


def test_an_offset_without_effect_is_known_where_one_instant_fills_the_page_too() -> None:
    listing = Listing(still(**dict.fromkeys(SIXTY, 40)), offset_honoured=False)

    down, check = descend(listing)

    assert (down.ignored, check.found) == (True, "the platform takes no notice of offset")
    assert listing.offsets == [0, 0, 4, 8, 12, 16, 20]


@pytest.mark.parametrize("shown", [60, 40, 39])
def test_without_a_total_the_action_that_was_seen_has_to_end_where_the_list_does(shown: int) -> None:
    """Nine entries share the instant that ends it, and one the instant that ends it before."""
    tied = SIXTY | dict.fromkeys(IDS[51:], 930) | dict.fromkeys(IDS[39:41], 950)
    listing = Listing(
        lambda it: dict([*tied.items()][:shown]) if it.asking else tied, counted=False, filtered=True
    )

    _, check = descend(listing)

    assert check.result is (Result.AS_EXPECTED if shown == 60 else Result.DIFFERS)


@pytest.mark.parametrize("in_order", [True, False])
def test_in_a_list_out_of_order_what_was_met_above_its_end_does_not_go_on_below(
    in_order: bool,  # noqa: FBT001 - a parameter
) -> None:
    """The last page of the action shows more than that of the list, which holds less."""
    listing = Listing(
        still(**SIXTY | ({} if in_order else {"e59": 940})), full=12, counted=False, filtered=True
    )
    listing.in_order = in_order
    listing.fits = 4

    _, check = descend(listing)

    assert check.result is Result.AS_EXPECTED


@pytest.mark.parametrize(("older", "pages"), [(None, 42), (30, 71)])
def test_a_list_that_is_pushed_down_by_half_a_page_while_nothing_older_comes_is_given_up(
    older: int | None, pages: int
) -> None:
    """After forty pages that entries joined wherever it was read: the list is in no order of its times."""
    entries = {f"e{n}": 100 + n for n in range(300)}

    def now(it: Listing) -> dict[str, int]:
        if it.asked > 1:
            listed = [*entries.items()]
            entries.clear()
            place = it.offsets[-1]
            second = 50 if it.asked == older else 500
            entries.update([*listed[:place], (f"x{it.asked}", second), *listed[place:]])
        return entries

    listing = Listing(now, counted=False)

    down, check = descend(listing)

    assert down.pages == pages
    assert (down.deepest, down.checks, check.result) == (listing.offsets[-1], [], Result.DIFFERS)
    assert check.found.startswith("the log grows faster than it can be read, or breaks off after offset ")


@pytest.mark.parametrize(("settled", "given_up"), [(10, False), (12, True), (60, True)])
def test_five_pages_whose_end_is_searched_for_in_vain_are_enough(
    settled: int,
    given_up: bool,  # noqa: FBT001 - a parameter
) -> None:
    """Down to a place, every other entry is another one in each answer; and nothing older comes."""

    def now(it: Listing) -> dict[str, int]:
        restless = range(1, settled, 2)
        return {f"e{n}-{it.asked if n in restless else 0}": 100 + n for n in range(60)}

    listing = Listing(now)

    down, check = descend(listing)

    assert (down.deepest is not None) is given_up
    assert check.result is (Result.DIFFERS if given_up else Result.AS_EXPECTED)
    if given_up:
        assert down.pages == 6
        assert check.found.startswith("the log grows faster than it can be read")
    else:
        assert down.checks[0].result is Result.DIFFERS


@pytest.mark.parametrize("size", range(5, 13))
def test_an_instant_of_several_pages_in_a_list_at_rest_is_read_twice(size: int) -> None:
    entries = {"a": 50, "b": 49, **{f"t{n}": 40 for n in range(size)}, "y": 30, "z": 29}
    listing = Listing(still(**entries))

    down, _ = descend(listing)

    assert listing.shown == set(entries)
    assert [check.id for check in down.checks] == ["overlaps"]
    assert listing.asked < 15


@pytest.mark.parametrize("counted", [True, False])
@pytest.mark.parametrize("gone", range(2, 16))
def test_an_entry_that_vanishes_while_its_instant_is_read_does_not_stand_for_one_that_was_not_met(
    gone: int,
    counted: bool,  # noqa: FBT001 - a parameter
) -> None:
    """Older ones join meanwhile, so that the platform's count does not fall.

    Gone from the one page to the next it may have changed places.
    """
    of_the_instant = {f"t{n}": 40 for n in range(11)}

    def now(it: Listing) -> dict[str, int]:
        there = {id_: at for id_, at in of_the_instant.items() if id_ != "t1" or it.asked < gone}
        return {"a": 50, "b": 49, **there, **{f"z{n}": 30 - n for n in range(min(it.asked, 20))}}

    listing = Listing(now, counted=counted)

    down, _ = descend(listing)

    assert listing.shown >= of_the_instant.keys() - {"t1"}
    assert all(check.result is Result.AS_EXPECTED for check in down.checks)
    assert down.vanished == (gone != 2)


def test_an_instant_that_is_pushed_beyond_a_ceiling_on_offset_is_soon_given_up_for_lost() -> None:
    def now(it: Listing) -> dict[str, int]:
        joined = {f"h{n}": 100 + n for n in reversed(range(it.asked))}
        return {} if it.offsets[-1] > 8 else {**joined, **{f"t{n}": 40 for n in range(9)}}

    listing = Listing(now)

    down, _ = descend(listing)

    assert down.vanished == 0
    assert listing.asked < 300


@pytest.mark.parametrize("counted", [True, False])
def test_entries_of_an_instant_that_a_ceiling_on_offset_hides_have_not_vanished(
    counted: bool,  # noqa: FBT001 - a parameter
) -> None:
    """It is pushed down while it is read, and at rest before it has been read often enough."""

    def now(it: Listing) -> dict[str, int]:
        joined = {f"h{n}": 100 + n for n in reversed(range(min(it.asked, 15) // 2))}
        tied = {f"t{n}": 40 for n in range(9)}
        return {} if it.offsets[-1] > 8 else {**joined, "a": 50, "b": 45, **tied, "z": 30}

    down, _ = descend(Listing(now, full=3, counted=counted))

    assert down.vanished == 0
