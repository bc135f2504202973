"""One entry of the audit log as the platform keeps it, before a dialect puts it on the wire."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeAlias
from uuid import UUID

Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"

SECOND = 1_000_000_000
"""Nanoseconds in a second."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One recorded action."""

    id: UUID
    """Unique in the log."""

    created_at: int
    """When it happened, in nanoseconds since 1970-01-01T00:00:00Z."""

    organization_id: UUID
    """The organization whose log it belongs to."""

    actor_id: UUID
    """Who acted."""

    actor_email: str
    """Address of who acted; automation has one too."""

    actor_type: str
    """``user``, ``service`` or ``ci``."""

    action: str
    """What was done, such as ``deploy.rollback``."""

    resource_type: str
    """Kind of thing acted on, such as ``deployment``."""

    resource_id: UUID
    """The thing acted on."""

    resource_name: str
    """Its name at that moment."""

    ip_address: str
    """Where the request came from."""

    user_agent: str
    """Which program sent it."""

    request_id: str
    """Ties the entry to the API server's access log: ``req_7f3a1b2c``."""

    changes: Mapping[str, Json]
    """What changed: ``{"replicas": {"old": 2, "new": 4}}``; empty where nothing did."""

    metadata: Mapping[str, Json]
    """Anything else, such as ``commit`` and ``ticket``."""


def nanoseconds(moment: datetime) -> int:
    """Nanoseconds since 1970 of an aware time, exact to its microsecond."""
    return (moment - EPOCH) // timedelta(microseconds=1) * 1000
