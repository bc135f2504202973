from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.entries.moments import Moment, parse_number, parse_text
from exporter.facts import rfc3339

SECOND = datetime(2026, 4, 27, 10, 14, 2, tzinfo=UTC)
MILLISECOND = SECOND + timedelta(milliseconds=123)
MICROSECOND = SECOND + timedelta(microseconds=123_456)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2026-04-27T10:14:02Z", SECOND),
        ("2026-04-27t10:14:02z", SECOND),
        ("2026-04-27 10:14:02Z", SECOND),
        ("2026-04-27T10:14:02+00:00", SECOND),
        ("2026-04-27T10:14:02-00:00", SECOND),
        ("2026-04-27T12:14:02+02:00", SECOND),
        ("2026-04-27T04:44:02-05:30", SECOND),
        ("2026-04-28T00:14:02+14:00", SECOND),
        ("2026-04-27T10:14:02.1Z", SECOND + timedelta(milliseconds=100)),
        ("2026-04-27T10:14:02.123Z", MILLISECOND),
        ("2026-04-27T10:14:02.123456Z", MICROSECOND),
        ("2026-04-27T10:14:02.123456000Z", MICROSECOND),
    ],
)
def test_rfc_3339_is_read_exactly(text: str, value: datetime) -> None:
    assert parse_text(text) == Moment(value=value)


@pytest.mark.parametrize("digits", ["1234561", "12345678", "123456789", "123456999"])
def test_digits_below_the_microsecond_are_cut_not_rounded_and_that_is_said(digits: str) -> None:
    assert parse_text(f"2026-04-27T10:14:02.{digits}Z") == Moment(value=MICROSECOND, cut=True)


@pytest.mark.parametrize("text", ["2026-04-27T10:14:02", "2026-04-27 10:14:02.000"])
def test_a_time_without_a_zone_is_utc_and_that_is_said(text: str) -> None:
    assert parse_text(text) == Moment(value=SECOND, zoneless=True)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "2026-04-27",
        "2026-04-27T10:14Z",
        "2026-04-27T10:14:02.Z",
        "2026-04-27T10:14:02.1234567890Z",
        "2026-04-27T10:14:02,5Z",
        "2026-04-27T10:14:02+0200",
        "2026-04-27T10:14:02+24:00",
        "2026-04-27T10:14:02+05:60",
        "2026-04-27T24:00:00Z",
        "2026-04-27T10:60:00Z",
        "2026-02-29T10:14:02Z",
        "2026-13-01T10:14:02Z",
        "20260427T101402Z",
        " 2026-04-27T10:14:02Z",
        "2026-04-27T10:14:02Z\n",
        "٢٠٢٦-04-27T10:14:02Z",
        "0001-01-01T00:00:00+01:00",
        "9999-12-31T23:59:59-01:00",
        "1777284842",
    ],
)
def test_text_that_is_no_time_is_not_guessed_at(text: str) -> None:
    assert parse_text(text) is None


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1777284842", SECOND),
        ("1777284842.0", SECOND),
        ("1.777284842e9", SECOND),
        ("1777284842.123", MILLISECOND),
        ("1777284842.123456", MICROSECOND),
        ("1777284842000", SECOND),
        ("1777284842123", MILLISECOND),
        ("1777284842123.456", MICROSECOND),
        ("0", datetime(1970, 1, 1, tzinfo=UTC)),
        ("-0e100", datetime(1970, 1, 1, tzinfo=UTC)),
        ("-1.5", datetime(1969, 12, 31, 23, 59, 58, 500_000, tzinfo=UTC)),
        ("99999999999", datetime(5138, 11, 16, 9, 46, 39, tzinfo=UTC)),
        ("100000000000", datetime(1973, 3, 3, 9, 46, 40, tzinfo=UTC)),
    ],
)
def test_epoch_seconds_and_milliseconds_are_read_exactly(text: str, value: datetime) -> None:
    assert parse_number(text) == Moment(value=value)


@pytest.mark.parametrize(
    "text",
    [
        "1777284842.1234561",
        "1777284842123.456789",
        "1777284842.123456999999999999999999999999999999",
        "1777284842.12345600000000000000000000000000000000001",
    ],
)
def test_an_epoch_below_the_microsecond_is_cut_however_many_digits_it_has(text: str) -> None:
    assert parse_number(text) == Moment(value=MICROSECOND, cut=True)


@pytest.mark.parametrize(
    "text", ["1e15", "-1e15", "1e400", "1e99999999", "1e9999999999999999999999", "999999999999999"]
)
def test_an_epoch_beyond_the_year_9999_is_no_time(text: str) -> None:
    assert parse_number(text) is None


def test_a_number_next_to_nothing_is_1970_and_cut() -> None:
    assert parse_number("1e-99999999") == Moment(value=datetime(1970, 1, 1, tzinfo=UTC), cut=True)


@given(
    value=st.datetimes(min_value=datetime(2, 1, 1), max_value=datetime(9998, 12, 31)),  # noqa: DTZ001
    offset=st.integers(min_value=-14 * 60, max_value=14 * 60),
)
def test_any_time_in_any_zone_comes_back(value: datetime, offset: int) -> None:
    utc = value.replace(tzinfo=UTC)
    local = utc.astimezone(timezone(timedelta(minutes=offset)))

    assert parse_text(local.isoformat()) == Moment(value=utc)
    assert parse_text(rfc3339(utc)) == Moment(value=utc)


@given(micros=st.integers(min_value=0, max_value=99_999_999_999_999_999))
def test_any_epoch_comes_back(micros: int) -> None:
    moment = parse_number(f"{micros // 1_000_000}.{micros % 1_000_000:06}")

    assert moment is not None
    assert not moment.cut
    assert (moment.value - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) == micros


@given(text=st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    moment = parse_text(text)

    assert moment is None or moment.value.tzinfo is UTC
