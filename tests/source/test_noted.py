"""What the reader asks for ahead, and what it notes of the pages that come: from a list made up by hand."""

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest

from exporter.entries.normalize import normalize
from exporter.errors import RecordError
from exporter.source.platform import Page, Platform
from exporter.source.reader import Reader
from exporter.source.recorded import RecordedPages
from tests.source.test_witnesses import at, counting, page
from tests.world import NOW


class Listed:
    """A platform that gives these pages, then one entry a page, and these totals where one is asked for."""

    def __init__(
        self, *pages: Page, at_once: int = 1, total: int | None = None, of_one: Sequence[int | None] = ()
    ) -> None:
        self.hung_up = False
        self.client = SimpleNamespace(at_once=at_once, hang_up=self._hang_up)
        self.asked: list[dict[str, Any]] = []
        self._pages = iter(pages)
        self._total = total
        self._of_one = iter(of_one)

    def page(self, *, limit: int, offset: int = 0, **further: Any) -> Page:
        self.asked.append({"limit": limit, "offset": offset, **further})
        if limit == 1:
            return counting(page(0, one=59), next(self._of_one))
        return next(self._pages, counting(page(offset, **{f"e{offset}": 50}), self._total))

    def _hang_up(self) -> None:
        self.hung_up = True

    @property
    def offsets(self) -> list[int]:
        return sorted(asked["offset"] for asked in self.asked)

    def wait(self, requests: int) -> None:
        until = time.monotonic() + 5
        while len(self.asked) < requests and time.monotonic() < until:
            time.sleep(0.001)


class Collected:
    """What a reader hands on."""

    def __init__(self, platform: Listed, *, total_of_one: int | None = None) -> None:
        self.ids: list[str] = []
        self.told: list[tuple[int, datetime | None]] = []
        self.reader = Reader(
            cast("Platform", platform),
            total_of_one=total_of_one,
            page_size=10,
            collect=lambda rows: self.ids.extend(rows.batch["id"].to_pylist()),
            progress=lambda *told: self.told.append(told),
        )


@pytest.mark.parametrize(
    ("at_once", "step", "total", "asked"),
    [
        (1, 10, None, [0, 10]),
        (1, 199, None, [0, 199]),
        (1, 200, None, [0, 200, 400]),
        (2, 1, None, [0, 1, 2, 3]),
        (2, 10, None, [0, 10, 20, 30]),
        (3, 10, None, [0, 10, 20, 30, 40, 50]),
        (3, 200, None, [0, 200, 400, 600, 800, 1_000]),
        (3, 10, 31, [0, 10, 20, 30]),
        (3, 10, 30, [0, 10, 20]),
        (3, 10, 1_000, [0, 10, 20, 30, 40, 50]),
    ],
)
def test_two_pages_for_each_further_request_are_asked_for_ahead_as_far_as_the_log_goes(
    at_once: int, step: int, total: int | None, asked: list[int]
) -> None:
    platform = Listed(at_once=at_once, total=total)
    collected = Collected(platform)

    with collected.reader as reader:
        reader.page()
        reader.page(step, step=step)
        platform.wait(len(asked))

    assert platform.offsets == asked
    assert sorted(collected.ids) == sorted(f"e{offset}" for offset in asked)
    assert reader.asked == 2


def test_only_a_way_down_in_even_steps_is_given_what_was_fetched_ahead() -> None:
    """Who searches sees the list as it stands now."""
    platform = Listed(at_once=2)

    with Collected(platform).reader as reader:
        reader.page(0, step=10)
        platform.wait(3)
        reader.page(10, step=10)
        platform.wait(4)
        assert platform.offsets == [0, 10, 20, 30]
        reader.page(20)
        platform.wait(5)

    assert platform.offsets == [0, 10, 20, 20, 30]


def by(*users: dict[str, str], offset: int = 0, action: str = "deploy") -> Page:
    entries = [
        {"id": f"u{n}", "timestamp": at(50 - n).isoformat(), "action": action, **user}
        for n, user in enumerate(users)
    ]
    rows = normalize([msgspec.Raw(json.dumps(entry).encode()) for entry in entries], source="the test")
    return replace(page(offset), rows=rows, batches=[rows])


def test_what_pages_tell_of_the_log_is_noted() -> None:
    platform = Listed(
        replace(counting(page(0, a=50, b=40, c=30), 9), server_time=NOW),
        counting(page(3, d=35), 9),
        by(
            {"user_id": "someone", "user_email": "x@y.z"},
            {"user_email": "other@y.z"},
            {},
            action="org.update",
        ),
    )
    collected = Collected(platform)

    with collected.reader as reader:
        reader.page()
        assert (reader.oldest, reader.in_order, reader.full) == (at(30), True, 3)
        reader.page(3)
        reader.page(4)

    assert (reader.largest_page, reader.full, reader.asked) == (3, 3, 3)
    assert (reader.oldest, reader.in_order, reader.server_time) == (at(30), True, NOW)
    assert (reader.actions, reader.users) == ({"deploy", "org.update"}, {"someone", "other@y.z"})
    assert reader.totals.last == 9
    assert collected.ids == ["a", "b", "c", "d", "u0", "u1", "u2"]
    assert collected.told == [(3, at(30)), (4, at(35)), (7, at(48))]


def test_a_page_out_of_order_is_not_forgotten_and_what_is_full_is_no_more_than_was_asked_for() -> None:
    long = page(0, **{f"e{n}": 50 - n for n in range(12)})
    with Collected(Listed(page(0, a=50, b=55), long)).reader as reader:
        reader.page()
        reader.page()

    assert (reader.in_order, reader.full, reader.largest_page) == (False, 10, 12)


def test_a_slice_tells_of_actions_and_users_and_not_of_the_list() -> None:
    platform = Listed(counting(page(2, a=20, b=30), 5))
    collected = Collected(platform)

    with collected.reader as reader:
        reader.slice(action="deploy", user="someone", offset=2)
        reader.slice(action="deploy")

    assert [{**asked, "wish": None} for asked in platform.asked] == [
        {"limit": 10, "offset": 2, "action": "deploy", "user": "someone", "wish": None},
        {"limit": 10, "offset": 0, "action": "deploy", "user": None, "wish": None},
    ]
    assert (reader.totals.last, reader.oldest, reader.in_order, reader.asked) == (None, None, True, 0)
    assert (reader.actions, reader.largest_page, len(collected.ids)) == ({"deploy"}, 2, 3)


@pytest.mark.parametrize(
    ("total_of_one", "shown", "of_one", "believed"),
    [
        (None, 3, [], True),
        (3, 3, [], True),
        (3, 4, [], True),
        (5, 6, [], True),
        (1, 1, [], True),
        (1, 2, [1], False),
        (1, 3, [1], False),
        (1, 3, [None], False),
        (1, 3, [0], False),
        (1, 3, [3], True),
        (1, 3, [2, 2], False),
        (1, 3, [2, 3], True),
        (1, 2, [2], True),
        (2, 2, [], True),
        (2, 3, [2], False),
        (2, 3, [4], True),
    ],
)
def test_a_total_of_one_or_two_where_one_entry_is_asked_for_counts_the_page_though_the_log_may_grow(
    total_of_one: int | None,
    shown: int,
    of_one: list[int | None],
    believed: bool,  # noqa: FBT001 - a parameter
) -> None:
    first = counting(page(0, **{f"e{n}": 50 - n for n in range(shown)}), 7)
    platform = Listed(first, first, of_one=of_one)
    collected = Collected(platform, total_of_one=total_of_one)

    with collected.reader as reader:
        assert reader.page().total == (7 if believed else None)
        assert reader.page().total == (7 if believed else None), "nor is it believed later"

    assert [asked["limit"] for asked in platform.asked] == [10, *[1] * len(of_one), 10]
    assert collected.ids.count("one") == len(of_one)
    assert reader.totals.last == (7 if believed else None)


def test_a_total_that_counts_the_page_is_forgotten_of_the_pages_before() -> None:
    three = page(0, a=50, b=40, c=30)
    platform = Listed(counting(page(0, a=50), 1), three, counting(three, 3), of_one=[1])
    with Collected(platform, total_of_one=1).reader as reader:
        assert (reader.page().total, reader.totals.last) == (1, 1)
        reader.page()
        assert (len(platform.asked), reader.totals.last) == (2, 1)
        assert (reader.page().total, reader.totals.last) == (None, None)


@pytest.mark.parametrize(("error", "hung_up"), [(ValueError, False), (KeyboardInterrupt, True)])
def test_what_stops_a_reading_waits_for_what_is_under_way_and_nothing_else_stops_it(
    error: type[BaseException],
    hung_up: bool,  # noqa: FBT001 - a parameter
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whatever becomes of those pages; whoever interrupts has the client hang up on them."""
    platform, begun, ended = Listed(at_once=2), [], []

    def late(**asked: Any) -> Page:
        if asked["offset"] == 0:
            return page(0, a=50)
        begun.append(asked["offset"])
        time.sleep(0.05)
        ended.append(asked["offset"])
        raise RecordError("No row.", "")

    monkeypatch.setattr(platform, "page", late)

    def read() -> None:
        with Collected(platform).reader as reader:
            reader.page(0, step=10)
            while len(begun) < 2:
                time.sleep(0.001)
            raise error

    with pytest.raises(error):
        read()
    assert sorted(ended) == [10, 20]
    assert platform.hung_up is hung_up


class Kept:
    """What an attempt before had received."""

    def __init__(self) -> None:
        self.met: list[str] = []

    def read(self) -> Iterator[tuple[Page, bool]]:
        yield counting(page(0, a=50, b=40), 9), True
        yield counting(page(0, s=5, t=7), 3), False

    def meet(self, shown: Page) -> None:
        self.met += shown.ids

    def after(self, shown: Page, step: int) -> Page:
        return page(shown.offset + step)

    def unmet_since(self, moment: datetime) -> bool:
        return moment < NOW


def test_what_was_received_before_is_noted_and_met_even_where_the_list_is_read_anew() -> None:
    kept, collected = Kept(), Collected(Listed(page(0, c=55)))
    with collected.reader as reader:
        assert reader.recorded_after(page(3), 2) is None
        assert not reader.recalls_another_log(at(0))
        reader.recall(cast("RecordedPages", kept))
        assert (collected.ids, kept.met) == (["a", "b", "s", "t"], [])
        assert (reader.oldest, reader.in_order, reader.totals.last) == (at(40), True, 9)
        after = reader.recorded_after(page(3), 2)
        assert after is not None
        assert after.offset == 5
        reader.forget()
        assert reader.recorded_after(page(3), 2) is None
        reader.page()

    assert kept.met == ["c"]
    assert (reader.recalls_another_log(at(0)), reader.recalls_another_log(NOW)) == (True, False)
