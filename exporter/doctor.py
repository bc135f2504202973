"""The examination: what an export needs of the platform and of this machine, one answer at a time.

Each examination is a function in :data:`EXAMINATIONS`. It returns what it found, or raises the error that an
export would meet, with the exit code it would leave with. One that fails does not stop those that do not
depend on it.
"""

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from exporter.errors import AuditExportError, OutputError, UsageError
from exporter.evidence import space
from exporter.evidence.bundle import refuse_output, unwritable
from exporter.facts import how_many
from exporter.report import assets, fonts, libraries
from exporter.source.client import Client
from exporter.source.connection import Connection
from exporter.source.credentials import Profile
from exporter.source.headers import CLOCK_TOLERANCE
from exporter.source.platform import Page, Platform, connect
from exporter.source.probe import Probe, probe

T = TypeVar("T")

_ELSEWHERE = (
    "Make room, or name a folder on another disk in the variable TMPDIR: "
    "reports are drawn there, and recheck reads into it."
)


class Health(StrEnum):
    """How an examination came out."""

    WELL = "ok"
    NOTE = "note"
    FAILED = "failed"
    NOT_CHECKED = "not checked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """What came of one examination."""

    health: Health = Health.WELL
    """Whether it is as it should be."""

    found: str
    """What was seen."""

    mend: str = ""
    """What to do about it; empty where nothing has to be done."""

    exit_code: int = 0
    """With what an export would leave because of it."""


@dataclass(slots=True, kw_only=True)
class Patient:
    """What is examined, and what has been learnt of it so far."""

    configuration: Callable[[], str]
    """Says which configuration file is in force; ``UsageError`` where it or a variable is wrong."""

    connection: Callable[[], tuple[Connection, Profile]]
    """Finds the key and the address; raises ``AuditExportError`` where there is none."""

    organization: str | None
    """Organization id that was asked for."""

    output: Path
    """Folder that is to hold the archives."""

    page_size: int
    """Entries to ask for in one request."""

    now: Callable[[], datetime]
    """The clock."""

    found: tuple[Connection, Profile] | None = field(default=None, init=False)
    """The key and the address, once found."""

    opened: ExitStack = field(default_factory=ExitStack, init=False)
    """What is to be closed in the end."""

    greeting: tuple[Platform, Page] | None = field(default=None, init=False)
    """The platform and its first answer, once there was one."""

    probed: Probe | None = field(default=None, init=False)
    """What the platform can do, once asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Examination:
    """One thing to look at."""

    id: str
    """Stable name."""

    what: str
    """What is examined."""

    look: Callable[[Patient], Diagnosis]
    """Looks at it."""

    needs: tuple[str, ...] = ()
    """Examinations without which it cannot be made."""


def examine(patient: Patient) -> Iterator[tuple[Examination, Diagnosis]]:
    """Examine everything, in order; each diagnosis is there as soon as it is known."""
    failed: dict[str, str] = {}
    with patient.opened:
        for examination in EXAMINATIONS:
            lacking = next((failed[id_] for id_ in examination.needs if id_ in failed), None)
            diagnosis = _conduct(examination, patient) if lacking is None else _left_out(lacking)
            if diagnosis.health in (Health.FAILED, Health.NOT_CHECKED):
                failed[examination.id] = examination.what
            yield examination, diagnosis


def _conduct(examination: Examination, patient: Patient) -> Diagnosis:
    try:
        return examination.look(patient)
    except AuditExportError as error:
        return Diagnosis(health=Health.FAILED, found=error.what, mend=error.remedy, exit_code=error.exit_code)


def _left_out(lacking: str) -> Diagnosis:
    return Diagnosis(health=Health.NOT_CHECKED, found=f"needs what failed: {lacking}")


def _note(found: str, mend: str = "") -> Diagnosis:
    return Diagnosis(health=Health.NOTE, found=found, mend=mend)


def _configuration(patient: Patient) -> Diagnosis:
    return Diagnosis(found=patient.configuration())


def _output(patient: Patient) -> Diagnosis:
    """Write and remove a file where the archives are to be, or where their folder would be made."""
    refuse_output(patient.output)
    try:
        if patient.output.exists() and not patient.output.is_dir():
            raise UsageError(
                f"The output folder {patient.output} is a file.", "Choose another with --output."
            )
        with tempfile.TemporaryFile(dir=_existing(patient.output)) as file:
            file.write(b"audit-export doctor")
    except OSError as error:
        raise unwritable(patient.output, error) from error
    return Diagnosis(found=f"{patient.output} can be written")


def _space(patient: Patient) -> Diagnosis:
    room = space.Room.at(_existing(patient.output), total=_counted(patient))
    if not room.is_enough:
        raise space.too_little(patient.output, room)
    return Diagnosis(found=str(room))


def _temporary(patient: Patient) -> Diagnosis:
    """Look where temporary files go; no run asks for room there, so want of it is no failure yet."""
    try:
        place = Path(tempfile.gettempdir())
    except OSError as error:
        raise OutputError(f"No temporary file can be written: {error.strerror}.", _ELSEWHERE) from error
    room = space.Room.at(place, total=_counted(patient))
    health, mend = (Health.WELL, "") if room.is_enough else (Health.NOTE, _ELSEWHERE)
    return Diagnosis(health=health, found=f"{room}, in {place}", mend=mend)


def _libraries(_patient: Patient) -> Diagnosis:
    versions = libraries.versions()
    return Diagnosis(found=", ".join(f"{name} {version}" for name, version in versions.items()))


def _fonts(_patient: Patient) -> Diagnosis:
    names = [name for names in fonts.FILES.values() for name in names]
    missing = [name for name in names if not (assets.root() / "fonts" / name).is_file()]
    if missing:
        raise OutputError(
            f"The report's typefaces are missing: {', '.join(missing)}.",
            "Install audit-export again; its wheel carries them.",
        )
    return Diagnosis(found=", ".join(fonts.FILES))


def _key(patient: Patient) -> Diagnosis:
    patient.found = patient.connection()
    return Diagnosis(found=f"from {patient.found[0].key.origin}")


def _platform(patient: Patient) -> Diagnosis:
    connection, profile = _known(patient.found)
    client = patient.opened.enter_context(Client(connection, now=patient.now))
    patient.greeting = connect(
        client, organization=patient.organization, known_organization=profile.current_org_id
    )
    dialect = patient.greeting[0].dialect
    return Diagnosis(found=f"{client.base_url} accepts the key, dialect {dialect.name} (GET {dialect.path})")


def _clock(patient: Patient) -> Diagnosis:
    server, here = _known(patient.greeting)[1].server_time, patient.now()
    if server is None:
        return _note(
            "the platform does not say its time",
            "Make sure that this machine's clock is right: it decides where an open window ends.",
        )
    ahead = (here - server).total_seconds()
    if abs(ahead) > CLOCK_TOLERANCE:
        return _note(
            f"this machine's is {ahead:+,.0f} s off the platform's",
            "Have it set by NTP. Windows end by the platform's; the report tells the difference.",
        )
    return Diagnosis(found="this machine's and the platform's agree")


def _cap(patient: Patient) -> Diagnosis:
    patient.probed = seen = probe(_known(patient.greeting)[0], page_size=patient.page_size)
    if seen.capped:
        found = f"{how_many(seen.received)} a page at most, where {seen.asked:,} were asked for"
        return Diagnosis(found=found)
    return Diagnosis(found=f"{how_many(seen.received)} came where {seen.asked:,} were asked for")


def _offset(patient: Patient) -> Diagnosis:
    seen = _known(patient.probed)
    if seen.offset_shifts_rows is None:
        return _note("the log is too small to tell whether it is followed")
    if not seen.offset_shifts_rows:
        return _note(
            "it is not followed: the log is read by ever larger pages, or by slices where those are "
            "capped, and an export may be UNPROVEN or PARTIAL"
        )
    if seen.reaches_the_end is False:
        return _note(
            "it is followed, but not down to the end of the log: the export of a window that begins "
            "below may be UNPROVEN or PARTIAL"
        )
    return Diagnosis(found="it is followed")


def _total(patient: Patient) -> Diagnosis:
    seen = _known(patient.probed)
    if seen.total is None:
        return _note(
            "the platform does not count the log: the export of a window that begins before the log "
            "does may be UNPROVEN"
        )
    followed = {True: ", filters followed", False: ", filters not followed", None: ""}[seen.total_is_filtered]
    return Diagnosis(found=f"the platform counts {seen.total:,} entries{followed}")


def _filters(patient: Patient) -> Diagnosis:
    seen = _known(patient.probed)
    if seen.filters_by_action is None:
        return _note("the log is too small to tell whether they are followed")
    if not seen.filters_by_action:
        return _note("they are not followed: the log cannot be read in slices")
    return Diagnosis(found="they are followed")


EXAMINATIONS = (
    Examination(id="configuration", what="Configuration", look=_configuration),
    Examination(id="output", what="Output folder", look=_output, needs=("configuration",)),
    Examination(id="libraries", what="Libraries of the report", look=_libraries),
    Examination(id="typefaces", what="Typefaces of the report", look=_fonts),
    Examination(id="key", what="API key", look=_key, needs=("configuration",)),
    Examination(id="platform", what="Platform", look=_platform, needs=("key",)),
    Examination(id="clock", what="Clocks", look=_clock, needs=("platform",)),
    Examination(id="cap", what="Entries a page", look=_cap, needs=("platform",)),
    Examination(id="offset", what="Offset", look=_offset, needs=("cap",)),
    Examination(id="total", what="Total", look=_total, needs=("cap",)),
    Examination(id="filters", what="Filters", look=_filters, needs=("cap",)),
    Examination(id="space", what="Disk", look=_space, needs=("output",)),
    Examination(id="temporary", what="Disk for temporary files", look=_temporary),
)
"""Everything that is examined, in the order in which it is told."""


def _known(learnt: T | None) -> T:
    """Return what an examination that this one needs has learnt."""
    if learnt is None:
        raise AssertionError("an examination is made after those that it needs")
    return learnt


def _counted(patient: Patient) -> int | None:
    """Return how many entries the platform counts, where it was reached and does."""
    return None if patient.greeting is None else patient.greeting[1].total


def _existing(folder: Path) -> Path:
    """Return the folder, or the nearest above it that is there."""
    places = (folder.absolute(), *folder.absolute().parents)
    return next(place for place in places if os.path.lexists(place))  # a link to nowhere cannot be written
