"""The two ways the platform is known to put its entries on the wire, over the same rows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from uuid import UUID

from exporter.sandbox.entry import SECOND, Entry, Json

PREFIXES = {
    "deployment": "dep",
    "user": "usr",
    "token": "tok",
    "secret": "sec",
    "domain": "dom",
    "organization": "org",
    "webhook": "whk",
    "quota": "qta",
}
"""Dialect A's prefix for the id of each type of resource."""


class Body(StrEnum):
    """The shape of a list response."""

    ENVELOPE = "envelope"
    """``{"error": false, "message": …, "count": n, "data": {"audit_logs": […], "total": …, …}}``"""

    ENVELOPE_ARRAY = "envelope-array"
    """``{"error": false, "message": …, "count": n, "data": […]}``"""

    ARRAY = "array"
    """``[…]``"""

    AUDIT_LOGS = "audit_logs"
    """``{"audit_logs": […], "total": …, …}``"""

    ENTRIES = "entries"
    """``{"entries": […], "total": …, …}``"""

    DATA = "data"
    """``{"data": […], "total": …, …}``"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """How one dialect asks and answers."""

    name: str
    """``A`` or ``B``."""

    user_parameter: str
    """The query parameter that names a user, by id or by e-mail address."""

    body: Body
    """The shape of a list response unless the settings ask for another."""

    write: Callable[[Entry], dict[str, Json]]
    """One entry as it stands in a response."""

    read_id: Callable[[str], UUID]
    """An id as it stands in a request. Raises ValueError when it is not one."""


def public_id(prefix: str, identifier: UUID) -> str:
    """Write an id as dialect A does: ``log_`` and 32 hexadecimal digits."""
    return f"{prefix}_{identifier.hex}"


def read_public_id(text: str) -> UUID:
    """Take back what ``public_id`` wrote. Raises ValueError for anything else."""
    prefix, _, digits = text.partition("_")
    identifier = UUID(hex=digits)
    if public_id(prefix, identifier) != text:
        raise ValueError(f"not an id: {text!r}")
    return identifier


def write_a(entry: Entry) -> dict[str, Json]:
    """One entry as documented: whole seconds, prefixed ids, the resource as an object."""
    written: dict[str, Json] = {
        "id": public_id("log", entry.id),
        "timestamp": _rfc3339(entry.created_at // SECOND * SECOND),
        "user": {"id": public_id("usr", entry.actor_id), "email": entry.actor_email},
        "ip": entry.ip_address,
        "action": entry.action,
        "resource": {
            "type": entry.resource_type,
            "id": public_id(PREFIXES[entry.resource_type], entry.resource_id),
            "name": entry.resource_name,
        },
        "changes": entry.changes,
        "request_id": entry.request_id,
    }
    return written | ({"details": entry.metadata} if entry.metadata else {})


def write_b(entry: Entry) -> dict[str, Json]:
    """One entry as the public client reads it: UUIDs, nanoseconds, the request id in the metadata."""
    return {
        "id": str(entry.id),
        "organization_id": str(entry.organization_id),
        "actor_id": str(entry.actor_id),
        "actor_email": entry.actor_email,
        "actor_type": entry.actor_type,
        "action": entry.action,
        "resource_type": entry.resource_type,
        "resource_id": str(entry.resource_id),
        "resource_name": entry.resource_name,
        "ip_address": entry.ip_address,
        "user_agent": entry.user_agent,
        "changes": entry.changes or None,
        "metadata": {"request_id": entry.request_id, **entry.metadata},
        "created_at": _rfc3339(entry.created_at),
    }


def wrap(
    body: Body, entries: Sequence[Json], *, total: int | None, limit: int, offset: int
) -> dict[str, Json] | Sequence[Json]:
    """Put a page into the shape asked for; ``total`` is left out where it is None."""
    page: dict[str, Json] = {"limit": limit, "offset": offset}
    if total is not None:
        page["total"] = total
    envelope: dict[str, Json] = {"error": False, "message": "Audit logs retrieved", "count": len(entries)}
    match body:
        case Body.ENVELOPE:
            return {**envelope, "data": {"audit_logs": entries, **page}}
        case Body.ENVELOPE_ARRAY:
            return {**envelope, "data": entries}
        case Body.ARRAY:
            return entries
        case Body.AUDIT_LOGS | Body.ENTRIES | Body.DATA:
            return {body.value: entries, **page}


@lru_cache(maxsize=4_096)  # an entry never changes, and is read many times
def _rfc3339(moment: int) -> str:
    """Nanoseconds since 1970 as RFC 3339 in UTC, with as many fractional digits as it takes."""
    seconds, fraction = divmod(moment, SECOND)
    digits = f".{fraction:09d}".rstrip("0") if fraction else ""
    return f"{datetime.fromtimestamp(seconds, UTC).isoformat().removesuffix('+00:00')}{digits}Z"


A = Dialect(name="A", user_parameter="user", body=Body.ARRAY, write=write_a, read_id=read_public_id)
B = Dialect(name="B", user_parameter="user_id", body=Body.ENVELOPE, write=write_b, read_id=UUID)
