"""Where a list ends elsewhere than the platform counts."""

import pytest

from exporter.source.ends import ASKED_AGAIN, recounted
from exporter.source.platform import Page
from tests.source.test_witnesses import counting, page

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
