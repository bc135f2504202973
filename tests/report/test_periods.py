"""A period is said as whoever asked for it would say it, and exactly where it is no whole days."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from exporter.record import Period
from exporter.report import periods


def period(since: datetime, until: datetime) -> Period:
    return Period(since=since, until=until, asked={}, settle_seconds=60, partial_period=False)


def whole_days(first: str, last: str, zone: str = "UTC") -> Period:
    since, until = (
        datetime.combine(day, datetime.min.time(), ZoneInfo(zone)).astimezone(UTC)
        for day in (date.fromisoformat(first), date.fromisoformat(last) + timedelta(days=1))
    )
    return period(since, until)


@pytest.mark.parametrize(
    ("first", "last", "headline", "short"),
    [
        ("2026-07-20", "2026-07-20", "20 July 2026", "2026-07-20 (UTC)"),
        ("2026-07-01", "2026-07-31", "1 to 31 July 2026", "2026-07-01 to 2026-07-31 (UTC)"),
        ("2026-07-01", "2026-09-30", "1 July to 30 September 2026", "2026-07-01 to 2026-09-30 (UTC)"),
        ("2025-12-01", "2026-02-28", "1 December 2025 to 28 February 2026", "2025-12-01 to 2026-02-28 (UTC)"),
    ],
)
def test_whole_days_are_named_by_the_first_and_the_last(
    first: str, last: str, headline: str, short: str
) -> None:
    window = whole_days(first, last)
    assert (periods.headline(window, "UTC"), periods.short(window, "UTC")) == (headline, short)


def test_days_are_whole_in_the_zone_in_which_they_were_asked_for() -> None:
    window = whole_days("2026-03-01", "2026-03-31", "Europe/Berlin")
    assert periods.headline(window, "Europe/Berlin") == "1 to 31 March 2026"
    assert periods.short(window, "Europe/Berlin") == "2026-03-01 to 2026-03-31 (Europe/Berlin)"
    exactly = "from 2026-02-28T23:00:00Z to before 2026-03-31T22:00:00Z"
    assert periods.headline(window, "UTC") == periods.short(window, "UTC") == exactly


@pytest.mark.parametrize(
    ("first", "last", "length"),
    [
        ("2026-03-01", "2026-03-31", "31 days"),
        ("2026-03-29", "2026-03-29", "1 day"),
        ("2026-10-25", "2026-10-25", "1 day"),
        ("2026-10-01", "2026-10-31", "31 days"),
    ],
)
def test_a_period_is_as_long_as_the_calendar_says_where_the_clocks_change(
    first: str, last: str, length: str
) -> None:
    assert periods.length(whole_days(first, last, "Europe/Berlin"), "Europe/Berlin") == length


@pytest.mark.parametrize(
    ("hours", "length"), [(0, "less than 1 day"), (23, "less than 1 day"), (47, "1 day")]
)
def test_of_a_period_that_is_no_whole_days_full_ones_count(hours: int, length: str) -> None:
    since = datetime(2026, 7, 20, 1, tzinfo=UTC)
    assert periods.length(period(since, since + timedelta(hours=hours)), "UTC") == length


def test_a_period_without_length_has_no_days() -> None:
    moment = datetime(2026, 7, 20, tzinfo=UTC)
    exactly = "from 2026-07-20T00:00:00Z to before 2026-07-20T00:00:00Z"
    assert periods.headline(period(moment, moment), "UTC") == exactly


def test_a_day_that_is_only_touched_counts_among_the_days() -> None:
    window = period(datetime(2026, 7, 20, 23, tzinfo=UTC), datetime(2026, 7, 22, 1, tzinfo=UTC))
    assert periods.days(window) == [date(2026, 7, day) for day in (20, 21, 22)]
    assert periods.days(whole_days("2026-07-20", "2026-07-21")) == [date(2026, 7, 20), date(2026, 7, 21)]
