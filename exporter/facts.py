"""The records that the rooms share. Frozen: a fact, once stated, does not change."""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from exporter.errors import UsageError

NAMED = 10
"""How many of many are named in a check."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A half-open stretch of time, ``[since, until)``, in UTC and whole seconds."""

    since: datetime
    """First instant that belongs to the window."""

    until: datetime
    """First instant that no longer does."""

    def __post_init__(self) -> None:
        for name in ("since", "until"):
            moment: datetime = getattr(self, name)
            if moment.tzinfo is not UTC or moment.microsecond:
                raise ValueError(f"{name} must be in UTC and whole seconds: {moment!r}")
        if self.until < self.since:
            raise UsageError(
                f"The window ends ({rfc3339(self.until)}) before it begins ({rfc3339(self.since)}).",
                "Give an --until that lies after --since.",
            )

    @property
    def slug(self) -> str:
        """The window as it stands in a bundle's folder name: ``20260101T000000Z_20260401T000000Z``."""
        return re.sub("[-:]", "", f"{rfc3339(self.since)}_{rfc3339(self.until)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which of the entries received belong into the archives, which depend on them and on this alone."""

    window: Window
    """Entries of this window do, as far as they match the filters."""

    action: str | None = None
    """The one action of an extract."""

    user: str | None = None
    """The one user of an extract, by id or by e-mail address."""

    overlap: Window | None = None
    """The stretch before the window that was read again."""

    late: frozenset[str] = frozenset()
    """Ids of entries in the overlap that no earlier bundle holds: they belong into this one."""


class Result(StrEnum):
    """How a check came out.

    ``CONTRADICTS`` is an integrity finding: what was read contradicts an append-only log. ``MISSING`` says
    that something is not there, which is no less bad than ``DIFFERS``, but another thing.
    """

    AS_EXPECTED = "as expected"
    DIFFERS = "differs"
    MISSING = "missing"
    CONTRADICTS = "contradicts the log"
    NOT_SHOWN = "not shown"
    NOT_PERFORMED = "not performed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One question put to the source or to the archives, and its answer."""

    id: str
    """Stable name, for machines: ``start-of-window``."""

    what: str
    """What was asked, for people."""

    expected: str
    """What a whole export would show."""

    found: str
    """What was seen."""

    result: Result
    """How the two compare."""


class Verdict(StrEnum):
    """Whether the export is whole, as far as the source lets anyone tell."""

    COMPLETE = "COMPLETE"
    UNPROVEN = "UNPROVEN"
    PARTIAL = "PARTIAL"

    @classmethod
    def of(cls, checks: Iterable[Check]) -> "Verdict":
        """Follow from the checks alone: what differs makes it partial, what is not shown unproven."""
        results = {check.result for check in checks}
        if results & {Result.DIFFERS, Result.MISSING, Result.CONTRADICTS}:
            return cls.PARTIAL
        if Result.NOT_SHOWN in results:
            return cls.UNPROVEN
        return cls.COMPLETE


def rfc3339(moment: datetime) -> str:
    """Write a UTC time as RFC 3339 with ``Z``, with fractions only where there are any."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def how_many(entries: int) -> str:
    """Write a number of entries: ``1 entry``, ``1,014 entries``."""
    return f"{entries:,} {'entry' if entries == 1 else 'entries'}"


def counted(ids: Collection[str], what: str = "") -> str:
    """Write how many ids there are, repeats aside, and name the first ten: ``2 changed (log_1, log_2)``."""
    distinct = sorted(set(ids))
    count = f"{len(distinct):,} {what}".rstrip()
    if not distinct:
        return count
    more = ", …" if len(distinct) > NAMED else ""
    return f"{count} ({', '.join(distinct[:NAMED])}{more})"
