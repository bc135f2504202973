"""What was asked for: one export, as the command line, the configuration and the profile say together."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from exporter.archive.formats import FORMATS
from exporter.evidence.chain import Predecessor
from exporter.source.connection import Connection
from exporter.source.credentials import Profile
from exporter.thresholds import DEFAULTS, Thresholds

if TYPE_CHECKING:
    from exporter.evidence.authority import Authority
    from exporter.evidence.signature import SigningKey


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
    """Organization id that was asked for with ``--org``; it implies dialect B."""

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

    signing_key: "SigningKey | None" = None
    """The key to sign the bundle with; ``None`` for an unsigned bundle."""

    authority: "Authority | None" = None
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
    def organization_name(self) -> str | None:
        """What people call the organization, as far as that is known; the profile may know another one."""
        profile = self.profile
        named = profile.current_org_name or profile.organization
        return self.label or (named if self.organization in {None, profile.current_org_id} else None)

    @property
    def name(self) -> str:
        """What to call the organization."""
        return self.organization_name or "organization"
