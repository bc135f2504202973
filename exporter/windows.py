"""What a user types to say a stretch of time, read in a time zone: days, times and periods, into instants.

Days begin where the zone says they do, so a day is 23 or 25 hours long where the clocks change. Pure: the
clock is passed in.
"""

import re
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from exporter.errors import UsageError
from exporter.facts import Window
from exporter.zones import is_zone

PERIODS = "2026, 2026-Q1, 2026-03, last-quarter, last-month, yesterday"
"""The forms of a period."""

_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_MONTHS = 12
_MONTHS_IN_QUARTER = 3
_PERIOD = re.compile(r"(?P<year>\d{4})(?:-Q(?P<quarter>[1-4])|-(?P<month>\d{2}))?", re.ASCII)


def find_zone(name: str) -> ZoneInfo:
    """Find a zone of the IANA database; raises :class:`~exporter.errors.UsageError` where it has none."""
    if not is_zone(name):
        raise UsageError(
            f"{name!r} is no time zone of the IANA database.",
            "Give a name such as UTC, Europe/Berlin or America/New_York.",
        )
    return ZoneInfo(name)


def parse_moment(text: str, *, name: str, zone: ZoneInfo) -> datetime:
    """Read a date (its first instant in ``zone``) or an RFC 3339 time in whole seconds; returns it in UTC.

    Raises :class:`~exporter.errors.UsageError` for anything else; ``name`` is the option's.
    """
    try:
        moment = _first_instant(date.fromisoformat(text), zone) if _DAY.fullmatch(text) else _time(text)
        in_utc = moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        what = "no day of the calendar" if _DAY.fullmatch(text) else "neither a date nor a time"
        raise UsageError(
            f"{name} {text!r} is {what}.", "Write it as 2026-01-31 or 2026-01-31T12:00:00Z."
        ) from error
    if moment.tzinfo is None:
        raise UsageError(f"{name} {text!r} names no zone.", "Write a time as 2026-01-31T12:00:00Z.")
    if in_utc.microsecond:
        raise UsageError(f"{name} {text!r} has fractions of a second.", "Write it in whole seconds.")
    return in_utc


def _time(text: str) -> datetime:
    """Read a day with a time; raises :class:`ValueError` for anything else, ISO 8601's other forms too."""
    if _DAY.match(text) is None:
        raise ValueError(text)
    return datetime.fromisoformat(text)


def parse_period(text: str, *, zone: ZoneInfo, now: datetime) -> Window:
    """Read a period, :data:`PERIODS`, as whole days in ``zone``; ``now`` says which was the last.

    Raises :class:`~exporter.errors.UsageError` for anything else.
    """
    try:
        first, following = _days(text, now.astimezone(zone).date())
        return Window(since=_first_instant(first, zone), until=_first_instant(following, zone))
    except (ValueError, OverflowError) as error:
        raise UsageError(
            f"--period {text!r} is no period.", f"Give one of these forms: {PERIODS}."
        ) from error


def _days(text: str, today: date) -> tuple[date, date]:
    """Return the first day of a period, and the first after it."""
    match text:
        case "yesterday":
            return today - timedelta(days=1), today
        case "last-month":
            return _months(today.year, today.month - 1, 1)
        case "last-quarter":
            quarter = (today.month - 1) // _MONTHS_IN_QUARTER
            return _months(today.year, (quarter - 1) * _MONTHS_IN_QUARTER + 1, _MONTHS_IN_QUARTER)
    read = _PERIOD.fullmatch(text)
    if read is None:
        raise ValueError(text)
    year = int(read["year"])
    if read["quarter"]:
        return _months(year, (int(read["quarter"]) - 1) * _MONTHS_IN_QUARTER + 1, _MONTHS_IN_QUARTER)
    if read["month"]:
        return _months(year, date(year, int(read["month"]), 1).month, 1)
    return _months(year, 1, _MONTHS)


def _months(year: int, month: int, length: int) -> tuple[date, date]:
    """Return the first day of ``length`` months and the first after; month 0 is last year's December."""
    first, following = (divmod(year * _MONTHS + month - 1 + ahead, _MONTHS) for ahead in (0, length))
    return date(first[0], first[1] + 1, 1), date(following[0], following[1] + 1, 1)


def _first_instant(day: date, zone: ZoneInfo) -> datetime:
    """Return the first instant of a day, in UTC.

    Where the clocks skip midnight, the offset before the change is taken (PEP 495, ``fold=0``): that is the
    instant of the change, with which the day begins.
    """
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)
