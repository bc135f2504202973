"""When slices of a list that is capped count as the whole of it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import cast

import pyarrow as pa
import pytest

from exporter.facts import Result, Window
from exporter.source.platform import Page
from exporter.source.reader import Reader
from exporter.source.slices import LimitPass, SlicePass
from exporter.source.witnesses import Head, Totals
from tests.source.test_walk import EVERYTHING
from tests.source.test_witnesses import at, counting, page

LATTER_HALF = Window(since=at(30), until=at(59))
FIVE = {"a": 50, "b": 40, "c": 30, "d": 20, "e": 10}


class Capped:
    """What answers for a log of ``total`` entries whose list goes no further down than ``shown``."""

    in_order = True
    met_below = False

    def __init__(self, shown: Page, slices: Mapping[str, Page], *, total: int | None) -> None:
        self.limit = self.full = self.largest_page = shown.size
        self.oldest = shown.oldest
        self.actions = {"deploy"}
        self.users: set[str] = set()
        self.totals = Totals()
        self.totals.note(counting(shown, total))
        self._shown = counting(shown, total)
        self._slices = slices

    def page(self) -> Page:
        return self._shown

    def slice(self, *, action: str, user: str | None = None, offset: int = 0) -> Page:  # noqa: ARG002 - as the reader
        whole = self._slices.get(action, counting(page(0), 0))
        rows = replace(whole.rows, batch=whole.rows.batch.slice(offset))
        return replace(whole, rows=rows, batches=[rows], offset=offset)


def sliced(
    slices: Mapping[str, Page], window: Window = EVERYTHING, *, cap: int = 5, total: int | None = 5
) -> Result:
    reader = Capped(page(0, x=59), slices, total=total)
    reader.largest_page = cap
    return SlicePass(cast("Reader", reader), window).run().result


@pytest.mark.parametrize(
    ("older", "at_the_start", "result"),
    [
        (10, 0, Result.AS_EXPECTED),
        (9, 1, Result.DIFFERS),
        (9, 0, Result.DIFFERS),
        (1, 0, Result.DIFFERS),
    ],
)
def test_a_slice_that_the_cap_cuts_off_passed_the_window_where_its_last_ten_entries_are_older(
    older: int, at_the_start: int, result: Result
) -> None:
    newer = 12 - older - at_the_start
    seconds = [*range(58, 58 - newer, -1), *[30] * at_the_start, *range(29, 29 - older, -1)]
    cut_off = counting(page(0, **{f"e{n}": second for n, second in enumerate(seconds)}), 20)

    assert sliced({"deploy": cut_off}, LATTER_HALF, cap=12, total=20) is result


@pytest.mark.parametrize(("newest", "result"), [(29, Result.NOT_SHOWN), (30, Result.DIFFERS)])
def test_fewer_than_ten_entries_that_the_cap_leaves_of_a_slice_pass_no_window(
    newest: int, result: Result
) -> None:
    """By users, of whom there are none, those of the window would have to be found again."""
    cut_off = counting(page(0, a=newest, b=28, c=27, d=26, e=25), 20)

    assert sliced({"deploy": cut_off}, LATTER_HALF, total=20) is result


@pytest.mark.parametrize(
    ("stated", "total", "result"),
    [
        (3, 3, Result.AS_EXPECTED),
        (3, 4, Result.NOT_SHOWN),
        (4, 9, Result.DIFFERS),
        (9, 9, Result.NOT_SHOWN),
        (None, 3, Result.NOT_SHOWN),
        (3, None, Result.NOT_SHOWN),
    ],
)
def test_a_slice_below_the_cap_is_whole_where_it_holds_as_many_as_its_own_total_says(
    stated: int | None, total: int | None, result: Result
) -> None:
    """A total of a slice that is that of the log counts the log, and does not show that it was cut off."""
    assert sliced({"deploy": counting(page(0, a=50, b=40, c=30), stated)}, total=total) is result


def test_totals_of_slices_add_up_only_where_each_slice_has_one() -> None:
    lacking = counting(page(0, x=20), 3)
    slices = {"deploy": counting(page(0, a=50, b=40, c=30), 3), "org.update": of("org.update", lacking)}

    assert sliced(slices, total=3) is Result.NOT_SHOWN


@pytest.mark.parametrize(("eldest", "below"), [(19, True), (20, False)])
def test_a_slice_goes_below_the_list_by_one_entry_that_is_older_than_any_of_it(
    eldest: int, *, below: bool
) -> None:
    slices = {"deploy": page(0, a=50, b=eldest), "org.update": of("org.update", page(0, x=40))}
    slicing = SlicePass(cast("Reader", Capped(page(0, y=59, z=20), slices, total=3)), EVERYTHING)

    slicing.run()

    assert slicing.go_below is below


def of(action: str, shown: Page) -> Page:
    batch = shown.rows.batch
    index = batch.schema.get_field_index("action")
    actions = pa.array([action] * shown.size, batch.schema.field(index).type)
    rows = replace(shown.rows, batch=batch.set_column(index, batch.schema.field(index), actions))
    return replace(shown, rows=rows, batches=[rows])


@pytest.mark.parametrize(
    ("met", "total", "oldest", "result"),
    [
        (3, 3, 30, Result.AS_EXPECTED),
        (4, 3, 30, Result.DIFFERS),
        (3, None, 30, Result.DIFFERS),
        (3, 3, 20, Result.NOT_SHOWN),
    ],
)
def test_the_end_of_larger_pages_is_that_of_the_log_where_the_total_counts_all_that_was_met(
    met: int, total: int | None, oldest: int, result: Result
) -> None:
    reader = Capped(page(0, a=50, b=40, c=30), {"deploy": page(0, **FIVE)}, total=total)
    reader.oldest = at(oldest)

    check = LimitPass(cast("Reader", reader), EVERYTHING, Head(EVERYTHING), met=met).run()

    assert check.result is result


@pytest.mark.parametrize(("older", "pages"), [(10, 1), (9, 2)])
def test_no_larger_page_is_asked_for_once_the_last_ten_entries_lie_before_the_window(
    older: int, pages: int
) -> None:
    shown = page(0, a=50, b=40, **{f"e{n}": 29 - n for n in range(older)})
    reader = Capped(shown, {}, total=99)
    reader.limit = shown.size

    check = LimitPass(cast("Reader", reader), LATTER_HALF, Head(LATTER_HALF), met=0).run()

    assert check.result is (Result.AS_EXPECTED if older == 10 else Result.DIFFERS)
    assert reader.limit == shown.size * 2**pages


def test_larger_pages_end_with_two_short_ones_in_a_row_and_not_with_one() -> None:
    """One may be short for another reason than that there is no more: for its bytes, say."""
    four = page(0, a=50, b=40, c=30, d=20)
    answers = iter([page(0, a=50), four, four, four])
    limits: list[int] = []

    class Growing(Capped):
        def page(self) -> Page:
            limits.append(self.limit)
            return counting(next(answers), 4)

    reader = Growing(four, {}, total=4)
    reader.limit = 1

    check = LimitPass(cast("Reader", reader), EVERYTHING, Head(EVERYTHING), met=0).run()

    assert limits == [2, 4, 8, 16]
    assert check.result is Result.AS_EXPECTED


def test_a_total_of_the_single_entry_that_a_page_holds_does_not_count_the_log() -> None:
    reader = Capped(page(0, a=50), {"deploy": page(0, **FIVE)}, total=1)

    check = LimitPass(cast("Reader", reader), EVERYTHING, Head(EVERYTHING), met=0).run()

    assert check.result is Result.DIFFERS
