"""What was asked for, what was fetched, and the record of both that becomes ``run.json``."""

import platform as machine
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.metadata import version
from pathlib import Path

from exporter import __version__, record
from exporter.archive.formats import FORMATS
from exporter.derive import OBSERVATIONS, Derived
from exporter.evidence.authority import Authority
from exporter.evidence.bag import payload_paths, sha256_file
from exporter.evidence.chain import Predecessor
from exporter.evidence.signature import NAMESPACE, SigningKey
from exporter.facts import Check, Result, Verdict, Window
from exporter.report import controls
from exporter.source.client import Connection
from exporter.source.credentials import Profile
from exporter.source.platform import Page, Platform
from exporter.source.probe import Probe
from exporter.source.reader import Reader
from exporter.source.walk import Walk
from exporter.thresholds import DEFAULTS, Thresholds

_CLOCK_TOLERANCE = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What the user asked for."""

    since: datetime | None
    """First instant of the window; ``None`` to continue where the archive's coverage ends."""

    until: datetime | None
    """First instant after it; ``None`` for everything up to now."""

    asked: dict[str, str | None]
    """``since`` and ``until``, or ``period``, as they were typed."""

    connection: Connection
    """Where to fetch from."""

    profile: Profile
    """The profile of the platform's own client, for what it knows of the organization."""

    organization: str | None
    """Organization id that was asked for by name of option; it implies dialect B."""

    label: str | None
    """Name for the archive's folder and the report."""

    output: Path
    """Folder that holds the archives."""

    timezone: str = "UTC"
    """IANA zone in which dates were read, and in which the report says the period."""

    settle: timedelta = timedelta(seconds=60)
    """How long before the platform's clock the window has to end: entries still being committed are left."""

    action: str | None = None
    """The one action of an extract."""

    user: str | None = None
    """The one user of an extract, by id or by e-mail address."""

    overlap: timedelta = timedelta(hours=24)
    """How much to read again before the window where an archive is continued."""

    previous: Predecessor | None = None
    """The bundle before, where the archive that holds it is elsewhere."""

    again: bool = False
    """Whether to export a window that is sealed already."""

    lock_timeout: float = 0.0
    """Seconds to wait for another run on the same archive to end."""

    page_size: int = 1000
    """Entries to ask for in one request."""

    concurrency: int = 4
    """Pages to fetch at the same time where ``offset`` works."""

    formats: tuple[str, ...] = FORMATS
    """The formats to write the archives in."""

    frameworks: tuple[str, ...] = ("soc2", "iso27001")
    """Control catalogues that the report cites: names of those that ship, or paths of files."""

    report: bool = True
    """Whether to render the report."""

    report_rows: int = 300
    """Rows of events that the report's tables share."""

    thresholds: Thresholds = DEFAULTS
    """What the report's queries compare with."""

    allow_partial: bool = False
    """Whether to publish what is known to be incomplete."""

    accept_unproven: bool = False
    """Whether an unproven export counts as success."""

    signing_key: SigningKey | None = None
    """The key to sign the bundle with; ``None`` for an unsigned bundle."""

    authority: Authority | None = None
    """The time-stamping authority to ask, if any."""

    require_timestamp: bool = False
    """Whether to publish nothing where the authority gives no token."""

    @property
    def filters(self) -> dict[str, str]:
        """What makes it an extract, by name; nothing for the full population."""
        given = {"action": self.action, "user": self.user}
        return {name: value for name, value in given.items() if value is not None}

    @property
    def known_organization(self) -> str | None:
        """The organization's id, as far as it is known before asking the platform."""
        return self.organization or self.profile.current_org_id

    @property
    def identity(self) -> str:
        """What tells this organization's archive from others: its id, or else a name, or else the URL."""
        return (
            self.known_organization
            or self.label
            or self.profile.organization
            or self.connection.base_url.rstrip("/")
        )

    @property
    def name(self) -> str:
        """What people call the organization."""
        return self.label or self.profile.current_org_name or self.profile.organization or "organization"


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

    derived: Derived
    """The archives."""

    overlap: record.Overlap | None
    """What was read again before the window, and how it compares."""

    failure: str | None
    """Why the platform could not be read to the end, where a partial export is wanted all the same."""

    started: datetime
    """When reading began, by this machine."""

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
            checks.append(history_check(same=seen.same, changed=seen.changed, missing=seen.missing))
        return checks


def history_check(*, same: int, changed: Collection[str], missing: Collection[str]) -> Check:
    """State whether entries that were sealed before were found again as they were."""
    return Check(
        id="history",
        what="Entries that were sealed before are still there, with the same content",
        expected="0 changed, 0 missing",
        found=f"{len(changed):,} changed, {len(missing):,} missing, {same:,} the same",
        result=Result.CONTRADICTS if changed or missing else Result.AS_EXPECTED,
    )


def _failure_check(reason: str) -> Check:
    return Check(
        id="answers",
        what="The platform answered every request",
        expected="an answer to each",
        found=reason.rstrip("."),
        result=Result.DIFFERS,
    )


def record_run(request: Request, fetched: Fetched, folder: Path, versions: dict[str, str]) -> record.Run:
    """Write down how the bundle in ``folder`` came about, as far as it has been made."""
    return record.Run(
        tool=record.Tool(name="audit-export", version=__version__),
        window=_period(request, fetched.window),
        timezone=request.timezone,
        filters=request.filters,
        source=_source(request, fetched),
        options=record.Options(
            page_size=request.page_size,
            concurrency=request.concurrency,
            timeout_seconds=request.connection.timeout,
            retry_for_seconds=request.connection.retry_for,
            rate=request.connection.rate,
            formats=list(fetched.derived.files),
            frameworks=[known.framework.id for known in controls.find(request.frameworks)],
            report_rows=request.report_rows,
            thresholds=request.thresholds,
            allow_partial=request.allow_partial,
            accept_unproven=request.accept_unproven,
        ),
        probe=_probe(fetched),
        checks=fetched.checks,
        verdict=record.Judgement(value=Verdict.of(fetched.checks), reasons=_reasons(fetched.checks)),
        counts=_counts(fetched),
        observations=_observations(fetched),
        clocks=_clocks(fetched),
        host=record.Host(
            name=machine.node(),
            system=f"{machine.system()} {machine.release()} {machine.machine()}",
            python=machine.python_version(),
        ),
        versions={"pyarrow": version("pyarrow"), "duckdb": version("duckdb"), **versions},
        files=_files(folder, fetched.derived),
        seal=_seal(request),
        overlap=fetched.overlap,
    )


def _seal(request: Request) -> record.Seal:
    key = request.signing_key
    if key is None:
        return record.Seal()
    return record.Seal(
        signing_key=key.fingerprint,
        algorithm=key.algorithm,
        namespace=NAMESPACE,
        timestamp_authority=None if request.authority is None else request.authority.url,
    )


def _probe(fetched: Fetched) -> dict[str, record.Setting]:
    """Put what was answered before the walk beside what was seen on it."""
    probed = fetched.probed
    return {
        "limit_asked": probed.asked,
        "limit_echoed": probed.limit_echoed,
        "entries_for_limit": probed.received,
        "largest_page": fetched.reader.largest_page,
        "offset_shifts_rows": fetched.walk.offset_shifts_rows,
        "offset_reaches_the_end": probed.reaches_the_end,
        "deepest_offset": fetched.walk.deepest_offset,
        "total": fetched.reader.totals.last,
        "total_is_filtered": probed.total_is_filtered,
        "filters_by_action": probed.filters_by_action,
        "filters_by_user": probed.filters_by_user,
    }


def _period(request: Request, window: Window) -> record.Period:
    return record.Period(
        since=window.since,
        until=window.until,
        asked=request.asked,
        settle_seconds=request.settle.total_seconds(),
        partial_period=request.until is not None and window.until < request.until,
    )


def _source(request: Request, fetched: Fetched) -> record.Source:
    dialect = fetched.platform.dialect
    key = request.connection.key
    return record.Source(
        url=fetched.platform.client.base_url,
        endpoint=f"GET {dialect.path}",
        dialect=dialect.name,
        key_origin=key.origin,
        parameters={"limit": request.page_size, "offset": "as far as the walk had come, less an overlap"},
        organization_id=request.known_organization,
        organization_name=request.label or request.profile.current_org_name or request.profile.organization,
        principal=request.profile.email or request.profile.user_id,
    )


def _reasons(checks: list[Check]) -> list[str]:
    """Say why the verdict is no better, check by check."""
    harmless = (Result.AS_EXPECTED, Result.NOT_PERFORMED)
    return [f"{check.what}: {check.found}." for check in checks if check.result not in harmless]


def _counts(fetched: Fetched) -> record.Counts:
    derived = fetched.derived
    return record.Counts(
        requests=fetched.platform.client.requests,
        entries_received=derived.received,
        repeated=derived.repeated,
        outside_window=derived.outside,
        entries=derived.rows,
        formats={name: file.rows for name, file in derived.files.items()},
        nulls=derived.nulls,
        earliest=derived.earliest,
        latest=derived.latest,
    )


def _observations(fetched: Fetched) -> list[record.Observation]:
    seen = [
        record.Observation(id=id_, what=OBSERVATIONS[id_], count=count)
        for id_, count in sorted(fetched.derived.observations.items())
        if count
    ]
    if fetched.overlap is not None and fetched.overlap.late:
        what = "Entries that no earlier bundle holds, with times before the window; they are in this one"
        seen.append(record.Observation(id="late-entries", what=what, count=len(fetched.overlap.late)))
    ahead = _clocks(fetched).ahead_of_server_seconds
    if ahead is not None and abs(ahead) > _CLOCK_TOLERANCE:
        what = f"This machine's clock was {ahead:+.0f} seconds off the platform's"
        seen.append(record.Observation(id="clock-skew", what=what, count=1))
    return seen


def _clocks(fetched: Fetched) -> record.Clocks:
    server = fetched.greeting.server_time
    return record.Clocks(
        started=fetched.started,
        finished=fetched.finished,
        server_first=server,
        server_last=fetched.reader.server_time,
        ahead_of_server_seconds=None if server is None else (fetched.started - server).total_seconds(),
    )


def _files(folder: Path, derived: Derived) -> list[record.File]:
    written = {file.path: file for file in derived.files.values()}
    files = []
    for path in payload_paths(folder):
        known = written.get(path)
        files.append(
            record.File(
                path=path.relative_to(folder).as_posix(),
                bytes=path.stat().st_size,
                sha256=known.sha256 if known else sha256_file(path),
                rows=known.rows if known else None,
            )
        )
    return files
