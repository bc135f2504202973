"""``data/run.json``: the record of how a bundle came about.

Written before the report and the seal, it lists the digests of everything that was there by then. The report
prints its SHA-256, the *run digest*, on every page. The same record gives the same report.
"""

from dataclasses import dataclass
from datetime import datetime

import msgspec

from exporter.errors import UsageError
from exporter.facts import Check, Selection, Verdict, Window
from exporter.thresholds import DEFAULTS, Thresholds

FORMAT = "audit-export/run/v1"
"""Name and version of the record's format."""

MOST = 64 << 20
"""Bytes of a record that are read at most; one that is larger was never written."""

Setting = str | int | float | bool | list[str] | None
"""A value of an option or a parameter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """The program that made the bundle."""

    name: str
    """Its name."""

    version: str
    """Its version."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """The window in force, half-open, and what was asked for."""

    since: datetime
    """First instant that belongs to it."""

    until: datetime
    """First instant that no longer does."""

    asked: dict[str, str | None]
    """The window as it was typed."""

    settle_seconds: float
    """How long before the server's clock the window had to end."""

    partial_period: bool
    """Whether the period asked for was not over at extraction."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where the entries came from."""

    url: str
    """Base URL of the API."""

    endpoint: str
    """Method and path of the requests."""

    dialect: str
    """Which of the platform's two dialects it spoke."""

    key_origin: str
    """Where the API key was found; never the key."""

    parameters: dict[str, Setting]
    """The parameters sent."""

    organization_id: str | None = None
    """The organization's id, where the source gives one."""

    organization_name: str | None = None
    """The organization's name, where the source or the caller gives one."""

    principal: str | None = None
    """On whose behalf the key acts, as far as is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The options in force that the command line can set."""

    page_size: int
    """Entries asked for in one request."""

    concurrency: int
    """Requests that might be under way at the same time."""

    timeout_seconds: float
    """How long one request might take."""

    retry_for_seconds: float
    """How long a failing request was tried again."""

    formats: list[str]
    """The archives written."""

    frameworks: list[str]
    """Control catalogues that the report cites."""

    report_rows: int
    """Rows of events that the report's tables share."""

    allow_partial: bool
    """Whether to publish what is known to be incomplete."""

    accept_unproven: bool
    """Whether an unproven export counted as success."""

    rate: float | None = None
    """Requests a second, at most; ``None`` for no limit."""

    thresholds: Thresholds = DEFAULTS
    """What the report's queries compare with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """The verdict, with what led to it."""

    value: Verdict
    """The verdict."""

    reasons: list[str]
    """Why it is not better; empty for a complete export."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What was received and kept."""

    requests: int
    """Requests answered, each by a response that is kept; with those of attempts that were broken off."""

    entries_received: int
    """Entries in all responses, repeats included."""

    repeated: int
    """How often an entry of the archive was received again, in the same bytes."""

    outside_window: int
    """Entries received, repeats included, that lie outside the window or do not match the filters."""

    entries: int
    """Entries in the archive."""

    formats: dict[str, int]
    """Rows in each archive, by format."""

    nulls: dict[str, int]
    """Entries without a value, by column."""

    earliest: str | None = None
    """Time of the first entry in the archive, RFC 3339."""

    latest: str | None = None
    """Time of the last entry in the archive, RFC 3339."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """Something worth knowing that does not change the verdict."""

    id: str
    """Stable name, for machines."""

    what: str
    """What was seen, for people."""

    count: int
    """How often."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlap:
    """The stretch before the window, read again and held against the bundles that cover it."""

    since: datetime
    """Where it begins; it ends where the window begins."""

    bundles: list[str]
    """Heads of the bundles it was held against: the SHA-256 of each one's tag manifest."""

    same: int
    """Entries that were found as they had been."""

    late: list[str]
    """Ids of entries that no bundle holds: they are in this one, with times before its window."""

    changed: list[str]
    """Ids of entries that had another content."""

    missing: list[str]
    """Ids of entries that a bundle holds and the platform no longer gives."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clocks:
    """The times of the run, by this machine and by the server."""

    started: datetime
    """Begin, by this machine; of the first attempt, where several were made."""

    finished: datetime
    """End, by this machine; the report's date."""

    server_first: datetime | None = None
    """The server's clock at the first answer to the last attempt."""

    server_last: datetime | None = None
    """The server's clock at the last answer."""

    ahead_of_server_seconds: float | None = None
    """By how much this machine's clock was ahead of the server's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """The machine that ran the export."""

    name: str
    """Host name."""

    system: str
    """Operating system."""

    python: str
    """Version of Python."""


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """One file of the bundle that was there before the report."""

    path: str
    """Path inside the bundle."""

    bytes: int
    """Size."""

    sha256: str
    """Digest, 64 hexadecimal digits."""

    rows: int | None = None
    """Rows, where it has any."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seal:
    """What the bundle is to be sealed with."""

    signing_key: str | None = None
    """SHA-256 fingerprint of the key, as OpenSSH prints it; none for an unsigned bundle."""

    algorithm: str | None = None
    """The kind of key, by OpenSSH's name for it."""

    namespace: str | None = None
    """What the signature is for, as OpenSSH wants it named (``ssh-keygen -n``)."""

    timestamp_authority: str | None = None
    """URL of the time-stamping authority, if any."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run of the exporter, as it recorded itself."""

    tool: Tool
    """The program."""

    window: Period
    """What it was asked for."""

    timezone: str
    """IANA zone in which dates were read."""

    filters: dict[str, str]
    """Filters that make it an extract, ``action`` and ``user``; empty for the full population."""

    source: Source
    """Where the entries came from."""

    options: Options
    """The options in force."""

    probe: dict[str, Setting]
    """What the source was found to be able to do."""

    checks: list[Check]
    """The questions put to source and archives, with their answers."""

    verdict: Judgement
    """What follows from them."""

    counts: Counts
    """What was received and kept."""

    observations: list[Observation]
    """What else was seen."""

    clocks: Clocks
    """The times."""

    host: Host
    """The machine."""

    versions: dict[str, str | None]
    """Versions of what the bytes depend on."""

    files: list[File]
    """The files made before the report."""

    seal: Seal
    """What it is to be sealed with."""

    overlap: Overlap | None = None
    """What was read again before the window, on a run that continues an archive."""

    format: str = FORMAT
    """Name and version of this format."""


def window(run: Run) -> Window:
    """Return the window in force, as the record has it."""
    return Window(since=run.window.since, until=run.window.until)


def selection(run: Run) -> Selection:
    """Return the selection by which the archives were derived, as the record has it."""
    overlap = run.overlap
    return Selection(
        window=window(run),
        action=run.filters.get("action"),
        user=run.filters.get("user"),
        overlap=None if overlap is None else Window(since=overlap.since, until=run.window.since),
        late=frozenset(() if overlap is None else overlap.late),
    )


def encode(run: Run) -> bytes:
    """Write the record as indented JSON, ending in a line break."""
    return msgspec.json.format(msgspec.json.encode(run), indent=2) + b"\n"


def decode(content: bytes) -> Run:
    """Read a record, whoever wrote it; raises :class:`msgspec.DecodeError` where it is not one."""
    try:
        run = msgspec.json.decode(content, type=Run)
        selection(run)
    except msgspec.DecodeError:
        raise
    except UsageError as error:  # a threshold or a window that nobody can have asked for
        raise msgspec.ValidationError(error.what) from error
    except (ValueError, OverflowError, RecursionError) as error:
        raise msgspec.DecodeError(str(error)) from error
    return run
