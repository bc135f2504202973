"""Whether the end of a list is that of the log."""

from collections.abc import Mapping
from dataclasses import replace
from typing import cast

import pytest

from exporter.facts import Result
from exporter.source.ends import ASKED_AGAIN, Bottom, Listed, ended, recounted
from exporter.source.platform import Page
from exporter.source.reader import Reader
from tests.source.test_walk import EVERYTHING
from tests.source.test_witnesses import at, counting, page

THREE = page(7, a=50, b=40, c=30)
"""Its last entry is the tenth of the list."""


@pytest.mark.parametrize(
    ("first", "later", "asked", "total"),
    [
        (counting(THREE, None), [], 0, None),
        (counting(THREE, 10), [], 0, 10),
        (counting(THREE, 11), [counting(THREE, 10)], 1, 10),
        (counting(THREE, 11), [counting(THREE, 11)], 1, 11),
        (counting(THREE, 9), [counting(THREE, 9)], 1, None),
        (counting(THREE, 11), [counting(THREE, 12), counting(THREE, 12)], 2, 12),
        (counting(THREE, 12), [counting(page(8, b=40, d=20, e=10), 12), counting(THREE, 10)], 2, 10),
        (counting(THREE, 11), [counting(THREE, 12 + n) for n in range(20)], ASKED_AGAIN, 19),
    ],
)
def test_the_end_is_asked_for_again_while_count_and_list_disagree_and_either_changes(
    first: Page, later: list[Page], asked: int, total: int | None
) -> None:
    seen: list[Page] = []
    answers = iter(later)

    def again(before: Page) -> Page:
        seen.append(before)
        return next(answers)

    found = recounted(first, again)

    assert (len(seen), found.total) == (asked, total)
    assert seen == [first, *later][:asked]


class Filtered:
    """What answers for the actions of a log, as many entries a page as are ``full``."""

    def __init__(self, slices: Mapping[str, Page], *, in_order: bool = True, full: int = 3) -> None:
        self.in_order = in_order
        self.met_below = False
        self.full = full
        self.offsets: list[int] = []
        self._slices = slices

    def slice(self, *, action: str, offset: int = 0) -> Page:
        self.offsets += [offset] if action in self._slices else []
        whole = self._slices.get(action, page(0))
        rows = replace(whole.rows, batch=whole.rows.batch.slice(offset, self.full))
        return replace(whole, rows=rows, batches=[rows], offset=offset)


@pytest.mark.parametrize(
    ("ends", "result"),
    [
        (page(0, a=50, b=40, c=30, d=20), Result.AS_EXPECTED),
        (page(0, a=50, b=40, c=30, d=20, e=20), Result.DIFFERS),
        (page(0, a=50, b=40, c=30, d=20, e=10), Result.DIFFERS),
        (page(0, a=50, b=40, c=30, x=25, d=20), Result.AS_EXPECTED),
        (page(0, a=50, b=40), Result.NOT_SHOWN),
        (page(0), Result.NOT_SHOWN),
    ],
)
@pytest.mark.parametrize("total", [None, 100, 99])
def test_an_action_refutes_an_end_by_an_entry_that_was_not_met_and_is_no_newer(
    ends: Page, result: Result, total: int | None
) -> None:
    """A total of a round number may be as far as a search engine counts: an action can refute it."""
    refuted = total == 100 and result is Result.DIFFERS

    check = ended(cast("Reader", Filtered({"deploy": ends})), EVERYTHING, listed(total))

    assert check.result is (result if total is None or refuted else Result.AS_EXPECTED)


def test_in_a_list_out_of_order_what_no_action_may_show_below_may_stand_above() -> None:
    met_by_action = page(0, a=50, b=40, c=30, d=20, e=45)

    check = ended(
        cast("Reader", Filtered({"deploy": met_by_action}, in_order=False)), EVERYTHING, listed(None)
    )

    assert check.result is Result.NOT_SHOWN


@pytest.mark.parametrize(
    ("met", "result"), [(99, Result.AS_EXPECTED), (100, Result.NOT_SHOWN), (101, Result.NOT_SHOWN)]
)
def test_the_only_action_of_a_long_list_ends_where_a_ceiling_ends_both(met: int, result: Result) -> None:
    """It is the same list over again."""
    ends = page(0, **{f"e{n}": 500 - n for n in range(met)})
    reader = cast("Reader", Filtered({"deploy": ends}, full=50))
    only = Listed(
        entries=met,
        total=None,
        counts={"deploy": met},
        last={"deploy": min(ends.moments)},
        bottom=Bottom.of(ends),
        by_offset=True,
    )

    assert ended(reader, EVERYTHING, only).result is result


def test_a_filter_that_gives_other_actions_confirms_no_end() -> None:
    slices = {"deploy": page(0, a=50, b=40, c=30, d=20), "org.update": page(0, z=59)}

    assert ended(cast("Reader", Filtered(slices)), EVERYTHING, listed(None)).result is Result.NOT_SHOWN


@pytest.mark.parametrize(("full", "offsets"), [(3, [39, 39]), (8, [36, 39]), (50, [30, 39])])
def test_an_action_is_asked_for_from_ten_entries_above_where_it_ended_or_half_a_page(
    full: int, offsets: list[int]
) -> None:
    """So that the answer shows what was met, and whatever goes on below it."""
    met = page(0, **{f"e{n}": 59 - n for n in range(40)})
    reader = Filtered({"deploy": met}, full=full)
    forty = replace(listed(None), counts={"deploy": 40}, last={"deploy": at(20)}, bottom=Bottom.of(met))

    assert ended(cast("Reader", reader), EVERYTHING, forty).result is Result.AS_EXPECTED
    assert reader.offsets[:2] == offsets


def test_an_action_that_was_met_confirms_no_end_where_its_filter_gives_another() -> None:
    """It may be the list as it was, cut off where it was, whatever one asks for."""
    reader = cast("Reader", Filtered({"org.update": page(0, a=50, b=40, c=30, d=20)}))

    assert ended(reader, EVERYTHING, listed(None, "org.update")).result is Result.NOT_SHOWN


def listed(total: int | None, action: str = "deploy") -> Listed:
    """Return a list of a hundred entries, of which the last four are known, of one action."""
    met = page(0, a=50, b=40, c=30, d=20)
    return Listed(
        entries=100,
        total=total,
        counts={action: 4},
        last={action: at(20)},
        bottom=Bottom.of(met),
        by_offset=True,
    )


@pytest.mark.parametrize(
    ("total", "result"),
    [(99, Result.AS_EXPECTED), (101, Result.AS_EXPECTED), (102, Result.DIFFERS), (200, Result.DIFFERS)],
)
def test_a_total_that_is_more_than_was_read_denies_the_end(total: int, result: Result) -> None:
    empty = Listed(entries=101, total=total, counts={}, last={}, bottom=None, by_offset=True)

    assert ended(cast("Reader", Filtered({})), EVERYTHING, empty).result is result


@pytest.mark.parametrize(
    ("total", "result"), [(None, Result.NOT_SHOWN), (0, Result.AS_EXPECTED), (1, Result.DIFFERS)]
)
def test_an_empty_list_is_an_empty_log_only_where_the_total_says_so(
    total: int | None, result: Result
) -> None:
    empty = Listed(entries=0, total=total, counts={}, last={}, bottom=None, by_offset=True)

    assert ended(cast("Reader", Filtered({})), EVERYTHING, empty).result is result
