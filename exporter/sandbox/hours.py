"""The calendar of the history: days and office hours in Berlin, as nanoseconds since 1970.

The rule for summer time is written out (Directive 2000/84/EC: from the last Sunday of March to the last
Sunday of October), because not every system brings a database of time zones.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from exporter.sandbox.entry import EPOCH, SECOND

MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
FRIDAY = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """The stretch of time a history covers, ``[begins, ends)``, in nanoseconds since 1970."""

    begins: int
    """First instant that belongs to it."""

    ends: int
    """First instant that no longer does."""

    def moment(self, share: float) -> int:
        """Give the instant at that share of the period, 0.0 to 1.0."""
        return self.begins + round((self.ends - self.begins) * share)

    def office(self, share: float) -> int:
        """Give an instant in office hours, on the first working day at or after that share of the period."""
        day = berlin_day(self.moment(share))
        while day.weekday() > FRIDAY:
            day += timedelta(days=1)
        return berlin(day, 9 + share * 997 % 8)

    def days(self) -> Iterator[date]:
        """Every Berlin calendar day that the period touches."""
        day = berlin_day(self.begins)
        while berlin(day, 0) < self.ends:
            yield day
            day += timedelta(days=1)


def berlin(day: date, hour: float) -> int:
    """Give the instant of that hour in Berlin; on the two days when the clocks change, from 3:00 on."""
    midnight = (day - EPOCH.date()).days * DAY
    return midnight + round((hour - _offset(day)) * HOUR)


def berlin_day(moment: int) -> date:
    """Give the date in Berlin at that instant."""
    day = EPOCH.date() + timedelta(days=moment // DAY)
    following = day + timedelta(days=1)
    return following if moment >= berlin(following, 0) else day


def _offset(day: date) -> int:
    """Hours that Berlin is ahead of UTC at noon of that day."""
    return 2 if _last_sunday(day.year, 3) <= day < _last_sunday(day.year, 10) else 1


def _last_sunday(year: int, month: int) -> date:
    """Last Sunday of a month of 31 days."""
    last = date(year, month, 31)
    return last - timedelta(days=(last.weekday() + 1) % 7)
