"""Days, times and periods are read where the user lives, and come out as the right instants."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.errors import UsageError
from exporter.facts import Window, rfc3339
from exporter.windows import find_zone, parse_moment, parse_period

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def period(text: str, zone: str = "UTC", now: datetime = NOW) -> tuple[str, str]:
    window = parse_period(text, zone=ZoneInfo(zone), now=now)
    return rfc3339(window.since), rfc3339(window.until)


def day(text: str, zone: str) -> str:
    return rfc3339(parse_moment(text, name="--since", zone=ZoneInfo(zone)))


@pytest.mark.parametrize(
    ("text", "since", "until"),
    [
        ("2026", "2026-01-01", "2027-01-01"),
        ("2026-Q1", "2026-01-01", "2026-04-01"),
        ("2026-Q2", "2026-04-01", "2026-07-01"),
        ("2026-Q3", "2026-07-01", "2026-10-01"),
        ("2026-Q4", "2026-10-01", "2027-01-01"),
        ("2026-03", "2026-03-01", "2026-04-01"),
        ("2026-12", "2026-12-01", "2027-01-01"),
        ("2026-02", "2026-02-01", "2026-03-01"),
        ("2028-02", "2028-02-01", "2028-03-01"),
        ("last-quarter", "2026-07-01", "2026-10-01"),
        ("last-month", "2026-10-01", "2026-11-01"),
        ("yesterday", "2026-11-22", "2026-11-23"),
    ],
)
def test_a_period_is_whole_days_and_ends_where_the_next_begins(text: str, since: str, until: str) -> None:
    assert period(text) == (f"{since}T00:00:00Z", f"{until}T00:00:00Z")


@pytest.mark.parametrize(
    ("text", "now", "since", "until"),
    [
        ("last-quarter", "2026-01-01", "2025-10-01", "2026-01-01"),
        ("last-quarter", "2026-03-31", "2025-10-01", "2026-01-01"),
        ("last-quarter", "2026-04-01", "2026-01-01", "2026-04-01"),
        ("last-quarter", "2026-06-30", "2026-01-01", "2026-04-01"),
        ("last-quarter", "2026-12-31", "2026-07-01", "2026-10-01"),
        ("last-month", "2026-01-31", "2025-12-01", "2026-01-01"),
        ("last-month", "2028-03-31", "2028-02-01", "2028-03-01"),
        ("yesterday", "2026-01-01", "2025-12-31", "2026-01-01"),
        ("yesterday", "2028-03-01", "2028-02-29", "2028-03-01"),
        ("yesterday", "2027-03-01", "2027-02-28", "2027-03-01"),
    ],
)
def test_the_last_of_something_is_the_one_that_is_over(text: str, now: str, since: str, until: str) -> None:
    for clock in ("00:00:00", "23:59:59"):
        moment = datetime.fromisoformat(f"{now}T{clock}+00:00")
        assert period(text, now=moment) == (f"{since}T00:00:00Z", f"{until}T00:00:00Z")


def test_the_day_it_is_in_the_zone_decides_which_was_the_last() -> None:
    new_year_in_auckland = datetime(2026, 12, 31, 11, 30, tzinfo=UTC)

    assert period("yesterday", "Pacific/Auckland", new_year_in_auckland) == (
        "2026-12-30T11:00:00Z",
        "2026-12-31T11:00:00Z",
    )
    assert period("last-quarter", "Pacific/Auckland", new_year_in_auckland)[1] == "2026-12-31T11:00:00Z"
    assert period("last-quarter", "UTC", new_year_in_auckland)[1] == "2026-10-01T00:00:00Z"


@pytest.mark.parametrize(
    ("zone", "text", "since", "until"),
    [
        ("Europe/Berlin", "2026-03", "2026-02-28T23:00:00Z", "2026-03-31T22:00:00Z"),
        ("Europe/Berlin", "2026-10", "2026-09-30T22:00:00Z", "2026-10-31T23:00:00Z"),
        ("Europe/Berlin", "2026-Q3", "2026-06-30T22:00:00Z", "2026-09-30T22:00:00Z"),
        ("Europe/Berlin", "2026", "2025-12-31T23:00:00Z", "2026-12-31T23:00:00Z"),
        ("America/New_York", "2026-03", "2026-03-01T05:00:00Z", "2026-04-01T04:00:00Z"),
        ("America/New_York", "2026-11", "2026-11-01T04:00:00Z", "2026-12-01T05:00:00Z"),
        ("America/New_York", "2026-Q1", "2026-01-01T05:00:00Z", "2026-04-01T04:00:00Z"),
    ],
)
def test_a_period_is_right_on_both_sides_of_a_change_of_the_clocks(
    zone: str, text: str, since: str, until: str
) -> None:
    assert period(text, zone) == (since, until)


@pytest.mark.parametrize(
    ("zone", "changed", "hours"),
    [
        ("Europe/Berlin", "2026-03-29", 23),
        ("Europe/Berlin", "2026-10-25", 25),
        ("America/New_York", "2026-03-08", 23),
        ("America/New_York", "2026-11-01", 25),
        ("Australia/Lord_Howe", "2026-04-05", 24.5),
        ("Europe/Berlin", "2026-07-01", 24),
    ],
)
def test_a_day_on_which_the_clocks_change_is_as_long_as_it_was(zone: str, changed: str, hours: float) -> None:
    following = date.fromisoformat(changed) + timedelta(days=1)
    noon_after = datetime(following.year, following.month, following.day, 12, tzinfo=ZoneInfo(zone))

    window = parse_period("yesterday", zone=ZoneInfo(zone), now=noon_after)

    assert window.until - window.since == timedelta(hours=hours)
    assert rfc3339(window.since) == day(changed, zone)


def test_a_day_without_a_midnight_begins_when_the_clocks_change() -> None:
    assert day("2018-11-04", "America/Sao_Paulo") == "2018-11-04T03:00:00Z"


def test_a_day_with_two_midnights_begins_with_the_first() -> None:
    assert day("2026-11-01", "America/Havana") == "2026-11-01T04:00:00Z"


@given(
    text=st.dates(date(1970, 1, 2), date(2037, 12, 31)).map(date.isoformat),
    zone=st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Africa/Cairo"]),
)
def test_a_day_begins_with_the_first_second_that_bears_its_date(text: str, zone: str) -> None:
    first = parse_moment(text, name="--since", zone=ZoneInfo(zone))

    assert first.astimezone(ZoneInfo(zone)).date().isoformat() == text
    assert (first - timedelta(seconds=1)).astimezone(ZoneInfo(zone)).date().isoformat() < text


@given(year=st.integers(1, 9998), zone=st.sampled_from(["UTC", "America/New_York"]))
def test_the_quarters_of_a_year_are_the_year(year: int, zone: str) -> None:
    quarters = [parse_period(f"{year:04}-Q{number}", zone=ZoneInfo(zone), now=NOW) for number in (1, 2, 3, 4)]

    assert all(one.until == following.since for one, following in pairwise(quarters))
    whole = Window(since=quarters[0].since, until=quarters[-1].until)
    assert whole == parse_period(f"{year:04}", zone=ZoneInfo(zone), now=NOW)


def test_a_time_with_its_own_offset_is_that_instant_in_every_zone() -> None:
    for zone in ("UTC", "Europe/Berlin", "America/New_York"):
        assert day("2026-03-29T02:30:00+01:00", zone) == "2026-03-29T01:30:00Z"
        assert day("2026-03-29T01:30:00Z", zone) == "2026-03-29T01:30:00Z"


@pytest.mark.parametrize(
    "text",
    ["", "20", "2026-Q0", "2026-Q5", "2026-13", "2026-00", "0000", "9999", "2026-1", "2026-Q1 ", "today",
     "2026-01-01", "Last-Month", "٢٠٢٦"],
)  # fmt: skip
def test_anything_else_is_no_period(text: str) -> None:
    with pytest.raises(UsageError, match="is no period"):
        period(text)


@pytest.mark.parametrize("text", ["yesterday", "2026-1-1", "", "2026", "20260101", "2026-W01-1"])
def test_anything_else_is_neither_a_date_nor_a_time(text: str) -> None:
    with pytest.raises(UsageError, match=r"is neither a date nor a time\."):
        day(text, "Europe/Berlin")


@pytest.mark.parametrize("text", ["2026-02-29", "2026-13-01", "2026-00-00", "0001-01-01"])
def test_a_day_that_there_is_not_is_no_day_of_the_calendar(text: str) -> None:
    with pytest.raises(UsageError, match=r"is no day of the calendar\."):
        day(text, "Europe/Berlin")


@pytest.mark.parametrize(
    ("text", "lack"),
    [
        ("2026-01-01T00:00:00", "names no zone"),
        ("2026-01-01T00:00:00.5", "names no zone"),
        ("2026-01-01T00:00:00.5Z", "has fractions of a second"),
        ("2026-01-01T00:00:00+01:00:00.500000", "has fractions of a second"),
    ],
)
def test_a_time_needs_a_zone_and_whole_seconds_and_which_is_lacking_is_said(text: str, lack: str) -> None:
    with pytest.raises(UsageError, match=rf"^--since '.*' {lack}\."):
        day(text, "Europe/Berlin")


@pytest.mark.parametrize("name", ["Europe/Berlin", "UTC", "America/Argentina/Ushuaia"])
def test_a_zone_is_known_by_its_iana_name(name: str) -> None:
    assert find_zone(name).key == name


@pytest.mark.parametrize(
    "name",
    ["", "Mars/Olympus", "Europe", "europe/berlin", "../etc/passwd", "/etc/localtime", "a\0b",
     "localtime", "posixrules", "Factory", "posix/Europe/Berlin", "right/Europe/Berlin"],
)  # fmt: skip
def test_anything_else_is_no_zone(name: str) -> None:
    with pytest.raises(UsageError, match="is no time zone"):
        find_zone(name)
