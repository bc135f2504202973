"""What came of reading the log, and every check that it allows."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from exporter import record
from exporter.derive import Derived
from exporter.facts import Check, Result, Window, counted
from exporter.source.platform import Page, Platform
from exporter.source.probe import Probe
from exporter.source.reader import Reader
from exporter.source.walk import Walk


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """What came of reading the log."""

    window: Window
    """The window in force."""

    platform: Platform
    """The log that was read."""

    greeting: Page
    """The first answer."""

    probed: Probe
    """What the platform can do, as it answered when asked."""

    reader: Reader
    """What was read."""

    walk: Walk
    """How it was read."""

    answers: int
    """How many requests were answered, by this attempt and by those that were broken off before."""

    derived: Derived
    """The archives."""

    overlap: record.Overlap | None
    """What was read again before the window, and how it compares."""

    failure: str | None
    """Why the platform could not be read to the end, where a partial export is wanted all the same."""

    started: datetime
    """When reading began, by this machine; of several attempts, when the first did."""

    greeted: datetime
    """When the first answer had come, by this machine."""

    finished: datetime
    """When reading ended, by this machine."""

    @property
    def checks(self) -> list[Check]:
        """Every check there is: of the source, the walk, the archives, and of history."""
        checks = [*self.walk.checks, *self.derived.checks]
        if self.failure is not None:
            checks.insert(0, _failure_check(self.failure))
        if self.overlap is not None:
            seen = self.overlap
            checks.append(
                history_check(
                    same=seen.same,
                    changed=seen.changed,
                    missing=seen.missing,
                    met_everything=self.walk.met_everything,
                )
            )
        return checks


def history_check(
    *, same: int, changed: Collection[str], missing: Collection[str], met_everything: bool
) -> Check:
    """State whether entries that were sealed before were found again as they were.

    An entry that was not found is gone only where the reading ``met_everything``.
    """
    result = Result.AS_EXPECTED
    if missing:
        result = Result.CONTRADICTS if met_everything else Result.NOT_SHOWN
    if changed:
        result = Result.CONTRADICTS
    return Check(
        id="history",
        what="Entries that were sealed before are still there, with the same content",
        expected="0 changed, 0 missing",
        found=f"{counted(changed, 'changed')}, {counted(missing, 'missing')}, {same:,} the same",
        result=result,
    )


def _failure_check(reason: str) -> Check:
    return Check(
        id="answers",
        what="The platform answered every request",
        expected="an answer to each",
        found=reason.rstrip("."),
        result=Result.DIFFERS,
    )
