import dataclasses
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from exporter.sandbox.audit_service import AuditService, Filters
from exporter.sandbox.entry import Entry
from exporter.sandbox.history import generate

FORGED = """
INSERT OR REPLACE INTO audit_logs
SELECT 900, id, created_at, organization_id, actor_id, actor_email, actor_type, 'nothing', resource_type,
resource_id, resource_name, ip_address, user_agent, request_id, changes, metadata
FROM audit_logs WHERE seq = 3
"""


@pytest.fixture(scope="module")
def year() -> list[Entry]:
    return list(generate(entries=1000, ends=datetime(2026, 4, 27, 10, 14, 2, tzinfo=UTC)))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_logs SET action = 'nothing'",
        "DELETE FROM audit_logs WHERE seq = 3",
        "INSERT OR REPLACE INTO audit_logs SELECT * FROM audit_logs WHERE seq = 3",
        FORGED,
    ],
)
def test_the_table_itself_refuses_to_change_or_give_up_an_entry(
    tmp_path: Path, year: list[Entry], statement: str
) -> None:
    path = tmp_path / "log.sqlite"
    with AuditService(path) as service:
        service.record_all(year[:10])
    with (
        closing(sqlite3.connect(path)) as stranger,
        pytest.raises(sqlite3.IntegrityError, match="append-only"),
    ):
        stranger.execute(statement)
    with AuditService(path) as service:
        assert service.page(limit=100) == year[9::-1]


def test_an_entry_comes_back_as_it_was_recorded(year: list[Entry]) -> None:
    with AuditService() as service:
        service.record(year[0])
        assert service.get(year[0].id) == year[0]
        assert service.get(UUID(int=0)) is None


def test_an_id_is_recorded_once(year: list[Entry]) -> None:
    with AuditService() as service:
        service.record(year[0])
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            service.record_all([year[1], year[0]])
        assert service.count() == 1


def test_newest_come_first_and_of_one_instant_the_last_recorded(year: list[Entry]) -> None:
    first, second = (dataclasses.replace(entry, created_at=year[5].created_at) for entry in year[3:5])
    with AuditService() as service:
        service.record_all([year[6], first, second, year[0]])
        assert service.page(limit=9) == [year[6], second, first, year[0]]
        assert service.page(limit=2, offset=1) == [second, first]


def test_filters_leave_what_they_say_and_count_it(year: list[Entry]) -> None:
    actor = year[-1]
    with AuditService() as service:
        service.record_all(year)
        for filters, matching in (
            (Filters(action="user.add"), [entry for entry in year if entry.action == "user.add"]),
            (Filters(user=actor.actor_id), [entry for entry in year if entry.actor_id == actor.actor_id]),
            (Filters(user=actor.actor_email), [entry for entry in year if entry.actor_id == actor.actor_id]),
            (Filters(hidden=frozenset({year[7].id})), [entry for entry in year if entry is not year[7]]),
        ):
            assert service.count(filters) == len(matching)
            assert service.page(limit=50, filters=filters) == matching[::-1][:50]


def test_threads_share_a_log_in_memory(year: list[Entry]) -> None:
    with AuditService() as service, ThreadPoolExecutor(8) as pool:
        list(pool.map(service.record, year[:200]))
        assert set(pool.map(lambda _: len(service.page(limit=500)), range(20))) == {200}
