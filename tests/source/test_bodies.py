"""A body of any size is held, hashed, searched and read in bounded memory, and as one that is small."""

import gzip
import hashlib
import json
import shutil
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from exporter.errors import EchoError, OutputError, RecordError, SourceError
from exporter.sandbox.cast import ORGANIZATION_ID
from exporter.source import bodies
from exporter.source.bodies import Payload
from exporter.source.client import Client
from exporter.source.connection import Connection
from exporter.source.credentials import Key
from exporter.source.dialects import dialect_b
from exporter.source.platform import Page, Platform, recorded_rows
from exporter.source.responses import ResponseFile
from exporter.source.warc import read_responses
from tests.source.conftest import TELLTALE
from tests.source.servers import http, serving
from tests.world import NOW, World

KEY = Key(TELLTALE, origin="the test")


@pytest.fixture(autouse=True)
def _everything_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "SMALL", 1_000)


def entries(count: int) -> list[dict[str, str]]:
    return [
        {"id": f"log_{number}", "timestamp": "2026-01-01T00:00:00Z", "action": "deploy", "note": "},{"}
        for number in range(count)
    ]


def fetch(path: Path, answer: bytes) -> Page:
    with (
        serving(answer) as served,
        ResponseFile(path, key=KEY, at=NOW) as kept,
        Client(
            Connection(base_url=served.url, key=KEY, retry_for=0), now=lambda: NOW, responses=kept
        ) as client,
    ):
        return Platform(client, dialect_b(str(ORGANIZATION_ID))).page(limit=1_000_000)


def test_a_body_is_kept_whole_on_either_side_of_the_border(tmp_path: Path) -> None:
    for size in (0, 999, 1_000, 1_001, 50_000):
        content = bytes(number % 251 for number in range(size))
        payload = Payload(tmp_path)
        for start in range(0, size, 300):
            payload.write(content[start : start + 300])
        assert payload.is_large is (size > 1_000)
        assert payload.whole() == b"".join(payload.chunks()) == payload.stream().read() == content
        assert payload.sha256 == hashlib.sha256(content).hexdigest()
        payload.close()
    assert list(tmp_path.iterdir()) == []


def test_a_large_page_has_the_rows_of_a_small_one(world: World, tmp_path: Path) -> None:
    with (
        ResponseFile(tmp_path / "r.warc.gz", key=world.key, at=NOW) as kept,
        Client(world.connection(), now=lambda: NOW, responses=kept) as client,
    ):
        platform = Platform(client, dialect_b(str(world.settings.organization_id)))
        large = platform.page(limit=2_500)
        small = [platform.page(limit=1, offset=offset) for offset in (0, 7, 2_499)]

    assert large.size == large.total == 2_500
    rows = [row for batch in large.batches for row in batch.batch.to_pylist()]
    assert [row["id"] for row in rows] == large.ids
    assert [rows[offset] for offset in (0, 7, 2_499)] == [page.rows.batch.to_pylist()[0] for page in small]
    recorded = [row for batch in recorded_rows(tmp_path / "r.warc.gz") for row in batch.batch.to_pylist()]
    assert recorded[:2_500] == rows


@pytest.mark.parametrize("coding", ["", "gzip"])
def test_a_large_body_is_recorded_as_received_and_read_back(tmp_path: Path, coding: str) -> None:
    body = json.dumps(entries(9_000)).encode()
    sent = gzip.compress(body, mtime=0) if coding else body

    page = fetch(tmp_path / "r.warc.gz", http(sent, *([f"Content-Encoding: {coding}"] if coding else [])))

    assert page.size == 9_000
    (recorded,) = read_responses(tmp_path / "r.warc.gz")
    assert recorded.body == sent
    assert recorded.payload.sha256 == hashlib.sha256(sent).hexdigest()
    assert sum(rows.batch.num_rows for rows in recorded_rows(tmp_path / "r.warc.gz")) == 9_000


@pytest.mark.parametrize("offset", [0, 1, 9, 17, 35, 36, 400])
@pytest.mark.parametrize("written", [TELLTALE, TELLTALE.replace("/", "\\/"), TELLTALE.replace("/", "%2F")])
def test_a_key_is_found_wherever_pieces_of_a_large_body_part(
    tmp_path: Path, offset: int, written: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "_CHUNK", 4_096)
    filling = b"x" * (4_096 * 2 - offset)
    with pytest.raises(EchoError, match="contains the API key, so it was not stored"):
        fetch(tmp_path / "r.warc.gz", http(filling + written.encode() + b"x" * 5_000))
    assert list(read_responses(tmp_path / "r.warc.gz")) == []


def test_a_large_body_that_ends_early_is_not_judged_by_its_entries(tmp_path: Path) -> None:
    broken = [*entries(9_000), {"id": "log_x"}]
    whole = json.dumps(broken).encode()
    with pytest.raises(RecordError, match=r"Entry \d+ of the page at offset 0, from its entry [\d,]+ on"):
        fetch(tmp_path / "whole.warc.gz", http(whole))
    with pytest.raises(SourceError, match="not a list of audit entries") as failed:
        fetch(tmp_path / "half.warc.gz", http(whole[:-1]))
    assert type(failed.value) is SourceError
    assert list(recorded_rows(tmp_path / "half.warc.gz")) == []


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """What is left of a disk."""

    free: int


def test_an_answer_without_an_end_leaves_room_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def free(_folder: Path) -> Room:
        return Room(free=bodies.LEFT_FREE + 50_000 - written)

    written = 0
    monkeypatch.setattr(shutil, "disk_usage", free)
    with closing(Payload(tmp_path)) as payload:

        def fill() -> None:
            nonlocal written
            while written < 1_000_000:
                payload.write(b" " * 100)
                written += 100

        with pytest.raises(OutputError, match="too large for the disk"):
            fill()
    assert 50_000 <= written < 52_000
