"""The two ways in which the platform speaks of the same log.

Dialect A is the documented one, scoped by the key alone; dialect B is what the platform's own client calls
and names the organization in the path.
"""

from dataclasses import dataclass
from urllib.parse import quote

from exporter.errors import UsageError

DOCUMENTED_ACTIONS = frozenset(
    {
        "deploy",
        "deploy.destroy",
        "deploy.rollback",
        "domain.add",
        "domain.remove",
        "org.update",
        "secret.create",
        "secret.delete",
        "token.create",
        "token.delete",
        "user.add",
        "user.remove",
        "user.role.update",
    }
)
"""The action types of the platform's manual. There are others: it can disable tokens, and it will grow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """Paths and parameter names of one dialect; paths are relative to the base URL."""

    name: str
    """``A`` or ``B``."""

    path: str
    """Path of the list of entries; a single entry lies below it."""

    user_parameter: str
    """Name of the query parameter that filters by user."""

    def entry_path(self, entry_id: str) -> str:
        """Path of one entry."""
        return f"{self.path}/{_segment(entry_id, 'The id of an entry')}"


def dialect_a() -> Dialect:
    """Return the dialect of the platform's manual."""
    return Dialect(name="A", path="/audit", user_parameter="user")


def dialect_b(organization: str) -> Dialect:
    """Return the dialect of the platform's client, for one organization."""
    path = f"/audit-logs/organizations/{_segment(organization, 'The id of the organization')}"
    return Dialect(name="B", path=path, user_parameter="user_id")


def _segment(text: str, what: str) -> str:
    """Write ``text`` as one segment of a path, whatever is in it; dots alone would lead to another path."""
    if not text:
        raise UsageError(f"{what} is empty.", "Give it, or leave it out.")
    if text in {".", ".."}:
        return text.replace(".", "%2E")
    return quote(text, safe="", errors="surrogateescape")
