"""The times that a response's headers name."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx

CLOCK_TOLERANCE = 5.0
"""Seconds that a machine's clock may be off the platform's: headers have whole ones, and take their time."""


def retry_after(response: httpx.Response) -> float | None:
    """Read ``Retry-After`` in seconds; a date (RFC 9110 section 10.2.3) is counted from ``Date``."""
    value = response.headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return float(value)
    until, now = _http_date(value), server_time(response)
    return None if until is None or now is None else max(0.0, (until - now).total_seconds())


def server_time(response: httpx.Response) -> datetime | None:
    """Read the platform's clock (``Date``, RFC 9110 section 6.6.1); ``None`` where it gave none."""
    return _http_date(response.headers.get("date", ""))


def _http_date(value: str) -> datetime | None:
    """Read an HTTP date, which is in GMT whether it says so or not; ``None`` where it is none."""
    try:
        moment = parsedate_to_datetime(value)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
