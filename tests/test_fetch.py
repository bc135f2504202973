"""What is settled before a log is read: the window, the room on the disk, and how many requests go out."""

import errno
import json
import os
import shutil
from collections.abc import Callable
from datetime import timedelta
from email.utils import format_datetime
from pathlib import Path
from types import SimpleNamespace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from exporter.errors import OutputError, VerificationError
from exporter.evidence.bag import RESPONSES, TAG_FILES, TAG_MANIFEST, manifest_text
from exporter.evidence.unfinished import Unfinished
from exporter.facts import Verdict
from exporter.fetch import fetch, table_of
from exporter.fetched import Fetched
from exporter.files import sha256_file
from exporter.plan import Plan
from exporter.source.connection import Connection
from exporter.source.credentials import Key
from exporter.source.platform import recorded_rows
from tests.clock import no_sleep
from tests.source.servers import Served, answering, http
from tests.test_plan import asked
from tests.world import NOW

ENTRY = {"id": "log_1", "timestamp": "2026-10-01T00:00:00Z", "action": "deploy"}


def answer(head: bytes, *headers: str) -> bytes:
    """Answer with the one entry of the log, unless it is asked for what lies below it or is not of it."""
    line = head.partition(b"\r\n")[0]
    elsewhere = b"offset=" in line or b"user=" in line or (b"action=" in line and b"=deploy" not in line)
    return http(json.dumps([] if elsewhere else [ENTRY]).encode(), *headers)


def fetched(
    folder: Path,
    look: Callable[[Served], None] = lambda _served: None,
    *headers: str,
    reply: Callable[..., bytes] = answer,
) -> Fetched:
    with answering(lambda head: reply(head, *headers)) as served:
        connection = Connection(base_url=served.url, key=Key("k" * 12, origin="the test"))
        since = NOW - timedelta(days=90)
        request = asked(connection=connection, organization=None, since=since, until=None, concurrency=3)
        unfinished = Unfinished(folder, "test")
        unfinished.begin()
        task = Plan(request=request, archive=folder, bundles=(), since=since, overlap=None)
        try:
            return fetch(task, unfinished, now=lambda: NOW, progress=lambda *_: None, sleep=no_sleep)
        finally:
            look(served)


def test_where_the_platform_tells_no_time_the_window_ends_a_minute_before_this_machines(
    tmp_path: Path,
) -> None:
    done = fetched(tmp_path)

    assert done.greeting.server_time is None
    assert done.window.until == NOW - timedelta(minutes=1)
    assert done.platform.client.at_once == 3
    assert (done.derived.outside, done.failure) == (0, None)


@pytest.mark.parametrize("ahead", [timedelta(days=-3), timedelta(hours=2)])
def test_the_platforms_clock_ends_the_window_whatever_this_machines_shows(
    tmp_path: Path, ahead: timedelta
) -> None:
    date = format_datetime(NOW + ahead, usegmt=True)

    done = fetched(tmp_path, lambda _served: None, f"Date: {date}")

    assert done.window.until == NOW + ahead - timedelta(minutes=1)


def test_the_archives_are_derived_from_every_list_that_was_received_and_kept(tmp_path: Path) -> None:
    """From the first answer and those to the probe too: who derives them again has no others."""
    done = fetched(tmp_path)

    kept = [rows.batch.num_rows for rows in recorded_rows(tmp_path / ".partial-test" / RESPONSES)]
    assert done.answers == len(kept)
    assert done.derived.received == sum(kept) > 2


def test_a_total_that_is_cut_off_where_the_list_is_shows_no_end_above_what_a_filter_showed(
    tmp_path: Path,
) -> None:
    """The archive would hold more entries than the log that it is said to be the whole of."""
    log = [ENTRY, {**ENTRY, "id": "log_2", "action": "org.update"}]
    below = {**ENTRY, "id": "log_3", "timestamp": "2026-09-30T00:00:00Z"}

    def reply(head: bytes) -> bytes:
        line = head.partition(b"\r\n")[0]
        if b"action=" in line or b"user=" in line:
            return http(json.dumps({"entries": [ENTRY, below] if b"action=deploy " in line else []}).encode())
        listed = [] if b"offset=" in line else log[:1] if b"limit=1 " in line else log
        return http(json.dumps({"entries": listed, "total": len(log)}).encode())

    done = fetched(tmp_path, reply=reply)

    assert done.derived.rows == 3
    assert Verdict.of(done.checks) is not Verdict.COMPLETE


def test_a_disk_without_room_is_refused_when_one_entry_was_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[int] = []
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1_000))

    with pytest.raises(OutputError, match="There is too little room for"):
        fetched(tmp_path, lambda served: sent.append(len(served.heads)))

    assert sent == [1]


def test_a_bundle_sealed_without_parquet_is_not_derived_by_a_record_that_is_not_as_sealed(
    tmp_path: Path,
) -> None:
    """By another window than its own, what lies beyond would be late, or missing."""
    (tmp_path / RESPONSES).parent.mkdir(parents=True)
    for name in ("data/run.json", RESPONSES):
        (tmp_path / name).write_bytes(b"{}")
    listed = manifest_text({name: sha256_file(tmp_path / name) for name in ("data/run.json", RESPONSES)})
    for name in TAG_FILES:
        (tmp_path / name).write_text(listed)
    tags = {name: sha256_file(tmp_path / name) for name in TAG_FILES}
    (tmp_path / TAG_MANIFEST).write_text(manifest_text(tags))
    (tmp_path / "data" / "run.json").write_bytes(b"[]")

    with pytest.raises(VerificationError, match=r"data/run\.json is not the file that"):
        table_of(tmp_path, tmp_path)


def test_a_table_that_the_system_does_not_let_be_read_is_not_called_altered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr("exporter.fetch.refuse_altered", refuse)

    with pytest.raises(OutputError, match=r"could not be read \(Permission denied\)"):
        table_of(tmp_path, tmp_path)


def test_a_table_of_other_columns_is_not_compared_with_though_it_is_as_sealed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another version of this program may have sealed it."""
    monkeypatch.setattr("exporter.fetch.refuse_altered", lambda *_: None)
    (tmp_path / "data").mkdir()
    pq.write_table(pa.table({"id": ["log_1"]}), tmp_path / "data" / "audit.parquet")

    with pytest.raises(VerificationError, match=r"The table of the bundle .* cannot be read"):
        table_of(tmp_path, tmp_path)
