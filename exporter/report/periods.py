"""The period in words, in the time zone in which it was asked for."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from exporter.facts import rfc3339
from exporter.record import Period

MIDNIGHT = datetime.min.time()


def headline(window: Period, zone: str) -> str:
    """Say the period for a title: ``1 July to 30 September 2026``, or its instants if it is no whole days."""
    first, last = _days(window, zone)
    if first is None or last is None:
        return between(window)
    if first == last:
        return _day(first)
    if first.year != last.year:
        return f"{_day(first)} to {_day(last)}"
    if first.month != last.month:
        return f"{first.day} {first:%B} to {_day(last)}"
    return f"{first.day} to {_day(last)}"


def short(window: Period, zone: str) -> str:
    """Say the period for a page header: ``2026-07-01 to 2026-09-30 (UTC)``."""
    first, last = _days(window, zone)
    if first is None or last is None:
        return between(window)
    return f"{first} ({zone})" if first == last else f"{first} to {last} ({zone})"


def between(window: Period) -> str:
    """Say the period exactly: the first instant in it, and the first after it, in UTC."""
    return f"from {rfc3339(window.since)} to before {rfc3339(window.until)}"


def length(window: Period, zone: str) -> str:
    """Say how long the period is, in days; whole ones of that zone are as many as the calendar has there."""
    first, last = _days(window, zone)
    full = (window.until - window.since).days if first is None or last is None else (last - first).days + 1
    return {0: "less than 1 day", 1: "1 day"}.get(full, f"{full} days")


def days(window: Period) -> list[date]:
    """List the calendar days, in UTC, that the period touches."""
    first = window.since.astimezone(UTC).date()
    end = window.until.astimezone(UTC)
    last = end.date() if end.time() != MIDNIGHT else end.date() - timedelta(days=1)
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def _days(window: Period, zone: str) -> tuple[date, date] | tuple[None, None]:
    """Return the first and the last day, where the period is made of whole days in that zone."""
    since, until = (moment.astimezone(ZoneInfo(zone)) for moment in (window.since, window.until))
    if since.time() != MIDNIGHT or until.time() != MIDNIGHT or since == until:
        return None, None
    return since.date(), until.date() - timedelta(days=1)


def _day(day: date) -> str:
    return f"{day.day} {day:%B} {day.year}"
