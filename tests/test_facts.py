"""What the rooms share."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import permutations
from zoneinfo import ZoneInfo

import pytest

from exporter.errors import UsageError
from exporter.facts import Check, Result, Verdict, Window, counted

FIRST = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("results", "verdict"),
    [
        ((), Verdict.COMPLETE),
        ((Result.AS_EXPECTED, Result.NOT_PERFORMED), Verdict.COMPLETE),
        ((Result.AS_EXPECTED, Result.NOT_SHOWN), Verdict.UNPROVEN),
        ((Result.AS_EXPECTED, Result.NOT_SHOWN, Result.DIFFERS), Verdict.PARTIAL),
        ((Result.AS_EXPECTED, Result.NOT_SHOWN, Result.MISSING), Verdict.PARTIAL),
        ((Result.AS_EXPECTED, Result.NOT_SHOWN, Result.CONTRADICTS), Verdict.PARTIAL),
    ],
)
def test_the_verdict_is_that_of_the_worst_check_wherever_it_stands(
    results: Sequence[Result], verdict: Verdict
) -> None:
    for order in permutations(results):
        checks = [Check(id="x", what="x", expected="x", found="x", result=result) for result in order]
        assert Verdict.of(checks) is verdict


@pytest.mark.parametrize("moment", [FIRST.replace(microsecond=1), FIRST.replace(tzinfo=ZoneInfo("UTC"))])
def test_a_window_is_in_utc_and_whole_seconds(moment: datetime) -> None:
    with pytest.raises(ValueError, match="must be in UTC and whole seconds"):
        Window(since=FIRST, until=moment)
    with pytest.raises(ValueError, match="must be in UTC and whole seconds"):
        Window(since=moment, until=FIRST)


def test_a_window_may_be_empty_and_does_not_end_before_it_begins() -> None:
    assert Window(since=FIRST, until=FIRST).until == FIRST
    with pytest.raises(UsageError, match="before it begins"):
        Window(since=FIRST, until=FIRST - timedelta(seconds=1))


def test_ids_are_counted_and_the_first_ten_named_each_once() -> None:
    assert counted([]) == "0"
    assert counted(["b", "a", "b"]) == "2 (a, b)"
    assert counted([f"{number:04}" for number in range(10)]).endswith(" 0008, 0009)")
    many = counted([f"{number:04}" for number in range(1_234)])
    assert many.startswith("1,234 (0000, 0001, ")
    assert many.endswith(" 0009, …)")
