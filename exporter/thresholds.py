"""What the report's queries compare with: thresholds, names of roles, a calendar. Every default stands here.

The configuration file may change each of them under ``[report.thresholds]``, by the names below; the record
of the run keeps what was in force, and each shipped query shows the values it was asked with.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date

from exporter.errors import UsageError
from exporter.zones import is_zone

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
"""The days of a week, Monday first."""

MOST = 1_000_000
"""What no threshold exceeds, so that the queries can count it out in microseconds."""

_NAME = re.compile(r"[a-z0-9][a-z0-9_.:-]*")
_CLOCK = re.compile(r"([01]\d|2[0-3]):[0-5]\d|24:00", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """What was compared with; raises ``UsageError`` for a value that makes no sense."""

    privileged_roles: tuple[str, ...] = ("owner", "admin")
    """Roles whose holders can give rights to others, in lower case; compared without regard to case."""

    automation_types: tuple[str, ...] = ("service", "ci", "bot", "system", "token")
    """Kinds of actor behind which no person sits, as the log names them, in lower case."""

    change_keys: tuple[str, ...] = ("commit", "ticket", "pull_request", "change")
    """How the keys of ``metadata`` begin that say where a deployment came from, in lower case.

    ``changed_by`` and ``changed_files`` begin so too.
    """

    segregation_days: int = 7
    """Days within which adding a user and changing the same user's role should not be one person's work."""

    leaver_token_hours: int = 24
    """Hours after a user's removal by which the tokens that the user had made should be gone."""

    rollback_minutes: int = 60
    """Minutes within which a rollback is set against the deployment before it."""

    token_days: int = 90
    """Days after which a token is old."""

    secret_days: int = 90
    """Days after which a secret is old."""

    rotation_hours: int = 24
    """Hours within which deleting and then creating a secret of one name is a replacement."""

    destructions_per_hour: int = 3
    """Destructions in an hour that are ordinary; more are listed."""

    recreation_hours: int = 24
    """Hours within which a destroyed service that is deployed again is listed."""

    address_baseline_days: int = 30
    """Days from an actor's first entry with an address in which the actor's usual addresses are learnt."""

    silence_hours: int = 24
    """Hours without an entry that are ordinary, unless one gap in a hundred is longer."""

    instant_entries: int = 10
    """Entries with one and the same time that are ordinary."""

    idle_days: int = 90
    """Days without an entry, up to the end of the period, after which an actor is listed."""

    calendar_zone: str | None = None
    """IANA time zone of the working hours; none declares no calendar, and nothing is compared with one."""

    calendar_days: tuple[str, ...] = ("monday", "tuesday", "wednesday", "thursday", "friday")
    """Working days."""

    calendar_begins: str = "08:00"
    """When a working day begins, by the clocks of the zone."""

    calendar_ends: str = "18:00"
    """When it ends; the first minute that is outside again."""

    calendar_holidays: tuple[str, ...] = ()
    """Days off, as ``2026-12-25``."""

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, int) and not 1 <= value <= MOST:
                raise _refused(field.name, value, f"Give a whole number from 1 to {MOST:,}.")
        for name in ("privileged_roles", "automation_types", "change_keys"):
            _require_shape(name, getattr(self, name), _NAME, "Write names in lower case, without spaces.")
        for name in ("calendar_begins", "calendar_ends"):
            _require_shape(name, (getattr(self, name),), _CLOCK, "Write a time of day such as 08:00.")
        if self.calendar_begins >= self.calendar_ends:
            raise _refused("calendar_begins", self.calendar_begins, "Give a time before calendar_ends.")
        for day in self.calendar_days or ("",):  # without any, every act would be outside working hours
            if day not in WEEKDAYS:
                raise _refused("calendar_days", day, f"Choose from {', '.join(WEEKDAYS)}.")
        for day in self.calendar_holidays:
            _require_date(day)
        if self.calendar_zone is not None and not is_zone(self.calendar_zone):
            remedy = "Name a zone of the IANA database, such as Europe/Berlin."
            raise _refused("calendar_zone", self.calendar_zone, remedy)


def _require_shape(name: str, values: Sequence[str], shape: re.Pattern[str], remedy: str) -> None:
    if not values:
        raise _refused(name, "", "Give at least one.")
    for value in values:
        if not shape.fullmatch(value):
            raise _refused(name, value, remedy)


def _require_date(day: str) -> None:
    try:
        canonical = date.fromisoformat(day).isoformat() == day
    except ValueError:
        canonical = False
    if not canonical:
        raise _refused("calendar_holidays", day, "Write a day such as 2026-12-25.")


def _refused(name: str, value: object, remedy: str) -> UsageError:
    return UsageError(f"The threshold {name} cannot be {value!r}.", remedy)


DEFAULTS = Thresholds()
"""What is compared with unless the configuration says otherwise."""
