"""A served platform, as tests see it."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from starlette.applications import Starlette

from exporter.request import Request
from exporter.sandbox.app import Settings
from exporter.sandbox.audit_service import AuditService
from exporter.sandbox.entry import Entry
from exporter.sandbox.history import generate
from exporter.source.connection import Connection
from exporter.source.credentials import Key, Profile

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
"""The platform's time in the tests, and the time at which its history ends."""

ENTRIES = 2_500
"""Entries in the log that most tests share."""


@lru_cache(maxsize=32)
def history(entries: int = ENTRIES) -> tuple[Entry, ...]:
    """Invent a log that ends at the platform's time; what several tests ask for is invented once."""
    return tuple(generate(entries=entries, ends=NOW))


def store(entries: int = ENTRIES) -> AuditService:
    """Return a log of its own that holds that history, copied from where it was recorded once."""
    service = AuditService()
    service._connection.deserialize(_recorded(entries))  # noqa: SLF001 - the table takes nothing but entries
    return service


@lru_cache(maxsize=32)
def _recorded(entries: int) -> bytes:
    with AuditService() as service:
        service.record_all(history(entries))
        return service._connection.serialize()  # noqa: SLF001 - likewise


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A platform that is being served."""

    app: Starlette
    """The server's app."""

    service: AuditService
    """The log behind it."""

    url: str
    """Base URL of its API."""

    @property
    def settings(self) -> Settings:
        """How it behaves at the moment."""
        settings: Settings = self.app.state.settings
        return settings

    @property
    def requests(self) -> int:
        """How many requests it has had since it was last told how to behave."""
        tally = self.app.state.tally
        return int(tally.requests) if tally.settings is self.settings else 0

    def behave(self, **changes: Any) -> None:
        """Change how it behaves from the next request on."""
        self.app.state.settings = replace(self.settings, **changes)

    @property
    def key(self) -> Key:
        """The key that opens it."""
        return Key(self.settings.api_key, origin="the test")

    def connection(self, **changes: Any) -> Connection:
        """Return a way to reach it, with little patience."""
        given = {"base_url": self.url, "key": self.key, "timeout": 5.0, "retry_for": 5.0}
        return Connection(**{**given, **changes})

    def request(self, output: Path, **changes: Any) -> Request:
        """Return a request for the third quarter of 2026, in dialect B, without a report."""
        given: dict[str, Any] = {
            "since": datetime(2026, 7, 1, tzinfo=UTC),
            "until": datetime(2026, 10, 1, tzinfo=UTC),
            "asked": {"since": "2026-07-01", "until": "2026-10-01"},
            "connection": self.connection(),
            "profile": Profile(),
            "organization": str(self.settings.organization_id),
            "label": "Acme Robotics",
            "output": output,
            "report": False,
        }
        return Request(**{**given, **changes})
