"""The audit log: a table that takes entries in and never gives one up.

The table guards itself. Triggers refuse UPDATE, DELETE and the REPLACE that would slip past them, whoever
opens the database. So the highest sequence number is the number of entries, which makes counting free.
"""

import json
import sqlite3
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Self
from uuid import UUID

from exporter.sandbox.entry import Entry

SCHEMA = """
CREATE TABLE IF NOT EXISTS audit_logs (
    seq INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE,
    created_at INTEGER NOT NULL,
    organization_id BLOB NOT NULL,
    actor_id BLOB NOT NULL,
    actor_email TEXT NOT NULL,
    actor_type TEXT NOT NULL,
    action TEXT NOT NULL,
    resource_type TEXT NOT NULL,
    resource_id BLOB NOT NULL,
    resource_name TEXT NOT NULL,
    ip_address TEXT NOT NULL,
    user_agent TEXT NOT NULL,
    request_id TEXT NOT NULL,
    changes TEXT NOT NULL,
    metadata TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS by_time ON audit_logs (created_at);
CREATE INDEX IF NOT EXISTS by_action ON audit_logs (action, created_at);
CREATE INDEX IF NOT EXISTS by_actor ON audit_logs (actor_id, created_at);
CREATE INDEX IF NOT EXISTS by_email ON audit_logs (actor_email, created_at);
CREATE TRIGGER IF NOT EXISTS no_update BEFORE UPDATE ON audit_logs
BEGIN SELECT RAISE(ABORT, 'audit_logs is append-only: an entry cannot be changed'); END;
CREATE TRIGGER IF NOT EXISTS no_delete BEFORE DELETE ON audit_logs
BEGIN SELECT RAISE(ABORT, 'audit_logs is append-only: an entry cannot be deleted'); END;
CREATE TRIGGER IF NOT EXISTS no_replace BEFORE INSERT ON audit_logs
WHEN EXISTS (SELECT 1 FROM audit_logs WHERE id = NEW.id OR seq = NEW.seq)
BEGIN SELECT RAISE(ABORT, 'audit_logs is append-only: an entry cannot be replaced'); END;
"""

COLUMNS = (
    "id, created_at, organization_id, actor_id, actor_email, actor_type, action, resource_type, resource_id,"
    " resource_name, ip_address, user_agent, request_id, changes, metadata"
)

_to_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """Which entries a reading is about; the default is all of them."""

    action: str | None = None
    """Only this action."""

    user: UUID | str | None = None
    """Only this actor, by id or by e-mail address."""

    hidden: frozenset[UUID] = frozenset()
    """Entries to leave out. They stay in the table: nothing can take them from there."""


class AuditService:
    """The log of one platform, in a file or in memory, safe to use from any thread."""

    def __init__(self, path: Path | str = ":memory:") -> None:
        self._lock = threading.Lock()
        self._connection = sqlite3.connect(path, check_same_thread=False)
        self._connection.executescript(SCHEMA)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the database; one in memory is gone with it."""
        with self._lock:
            self._connection.close()

    def record(self, entry: Entry) -> None:
        """Append one entry. Raises ``sqlite3.IntegrityError`` when its id is taken."""
        self.record_all((entry,))

    def record_all(self, entries: Iterable[Entry]) -> None:
        """Append entries in one transaction: all of them, or none."""
        with self._lock, self._connection:
            self._connection.executemany(
                f"INSERT INTO audit_logs ({COLUMNS}) VALUES ({', '.join('?' * 15)})",  # noqa: S608 - constants
                map(_to_row, entries),
            )

    def get(self, entry_id: UUID) -> Entry | None:
        """Read the entry of that id, if there is one."""
        rows = self._read(f"SELECT {COLUMNS} FROM audit_logs WHERE id = ?", [entry_id.bytes])  # noqa: S608 - constants
        return _to_entry(rows[0]) if rows else None

    def count(self, filters: Filters | None = None) -> int:
        """How many entries the filters leave."""
        if filters is None or filters == Filters():
            return int(self._read("SELECT coalesce(max(seq), 0) FROM audit_logs", [])[0][0])
        where, values = _where(filters)
        return int(self._read(f"SELECT count(*) FROM audit_logs WHERE {where}", values)[0][0])  # noqa: S608 - constants

    def page(self, *, limit: int, offset: int = 0, filters: Filters | None = None) -> list[Entry]:
        """Read entries newest first; of those of one instant, the one recorded last comes first."""
        return self._page("created_at DESC, seq DESC", limit, offset, filters)

    def shuffled_page(
        self, *, salt: int, limit: int, offset: int = 0, filters: Filters | None = None
    ) -> list[Entry]:
        """Read entries newest first, those of one instant in an order that depends on ``salt`` alone."""
        return self._page(
            f"created_at DESC, seq * {salt * 7919 + 104729:d} % 1000003, seq", limit, offset, filters
        )

    def _page(self, order: str, limit: int, offset: int, filters: Filters | None) -> list[Entry]:
        """Find the page in an index first, then fetch its rows: rows that are skipped are never read."""
        where, values = _where(filters or Filters())
        rows = self._read(
            f"SELECT {COLUMNS} FROM audit_logs JOIN"  # noqa: S608 - constants and a whole number
            f" (SELECT seq FROM audit_logs WHERE {where} ORDER BY {order} LIMIT ? OFFSET ?)"
            f" USING (seq) ORDER BY {order}",
            [*values, limit, offset],
        )
        return [_to_entry(row) for row in rows]

    def _read(self, query: str, values: list[Any]) -> list[tuple[Any, ...]]:
        with self._lock:
            return self._connection.execute(query, values).fetchall()


def _where(filters: Filters) -> tuple[str, list[Any]]:
    clauses = ["TRUE"]
    values: list[Any] = []
    if filters.action is not None:
        clauses.append("action = ?")
        values.append(filters.action)
    if isinstance(filters.user, UUID):
        clauses.append("actor_id = ?")
        values.append(filters.user.bytes)
    elif filters.user is not None:
        clauses.append("actor_email = ?")
        values.append(filters.user)
    if filters.hidden:
        clauses.append(f"id NOT IN ({', '.join('?' * len(filters.hidden))})")
        values += [entry_id.bytes for entry_id in filters.hidden]
    return " AND ".join(clauses), values


def _to_row(entry: Entry) -> tuple[object, ...]:
    return (
        entry.id.bytes,
        entry.created_at,
        entry.organization_id.bytes,
        entry.actor_id.bytes,
        entry.actor_email,
        entry.actor_type,
        entry.action,
        entry.resource_type,
        entry.resource_id.bytes,
        entry.resource_name,
        entry.ip_address,
        entry.user_agent,
        entry.request_id,
        _to_json(entry.changes),
        _to_json(entry.metadata),
    )


@lru_cache(maxsize=4_096)  # an entry never changes, and is read many times
def _to_entry(row: tuple[Any, ...]) -> Entry:
    return Entry(
        id=UUID(bytes=row[0]),
        created_at=row[1],
        organization_id=UUID(bytes=row[2]),
        actor_id=UUID(bytes=row[3]),
        actor_email=row[4],
        actor_type=row[5],
        action=row[6],
        resource_type=row[7],
        resource_id=UUID(bytes=row[8]),
        resource_name=row[9],
        ip_address=row[10],
        user_agent=row[11],
        request_id=row[12],
        changes=json.loads(row[13]),
        metadata=json.loads(row[14]),
    )
