"""The times that the platform writes: RFC 3339 with up to nine fractional digits, or epoch numbers."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import ROUND_DOWN, Context, Decimal, InvalidOperation

_RFC3339 = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ]((?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d)(?:\.(\d{1,9}))?"
    r"([Zz]|[+-]\d\d:[0-5]\d)?",
    re.ASCII,
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECONDS_FROM = 100_000_000_000
_MOST_DIGITS = 15  # before the point; what has more lies beyond the year 9999 in milliseconds too
_CUT = Context(rounding=ROUND_DOWN)
_MICROSECOND_DIGITS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A time as the table holds it, and what was lost or assumed on the way."""

    value: datetime
    """In UTC, cut to microseconds."""

    cut: bool = False
    """Whether digits below the microsecond were dropped."""

    zoneless: bool = False
    """Whether the text named no zone, so that UTC was assumed."""


def parse_text(text: str) -> Moment | None:
    """Read an RFC 3339 time (section 5.6; ``T`` may be a space, the zone may be missing)."""
    match = _RFC3339.fullmatch(text)
    if match is None:
        return None
    date, time, fraction, zone = match.groups(default="")
    micros = fraction[:_MICROSECOND_DIGITS].ljust(_MICROSECOND_DIGITS, "0")
    offset = zone if zone[:1] in ("+", "-") else "+00:00"
    try:
        value = datetime.fromisoformat(f"{date}T{time}.{micros}{offset}").astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return Moment(value=value, cut=bool(fraction[_MICROSECOND_DIGITS:].strip("0")), zoneless=not zone)


def parse_number(text: str) -> Moment | None:
    """Read epoch seconds, or milliseconds from 100,000,000,000 upwards (the year 5138 in seconds)."""
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    if number and number.adjusted() >= _MOST_DIGITS:
        return None
    places = 3 if number.copy_abs() >= _MILLISECONDS_FROM else 6
    micros = int(number.scaleb(places, context=_CUT))
    try:
        value = _EPOCH + timedelta(microseconds=micros)
    except OverflowError:
        return None
    return Moment(value=value, cut=Decimal(micros).scaleb(-places) != number)
