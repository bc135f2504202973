"""Which dialect is spoken, what is asked for, and that the record tells the same story."""

import gzip
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.entries.depth import LEVELS
from exporter.entries.normalize import Rows
from exporter.errors import AuthorizationError, RecordError, SourceError, UsageError
from exporter.sandbox.dialects import Body
from exporter.sandbox.faults import Fault
from exporter.source.again import read_again
from exporter.source.bodies import Payload
from exporter.source.client import Client
from exporter.source.connection import Connection
from exporter.source.credentials import Key
from exporter.source.dialects import Dialect, dialect_a, dialect_b
from exporter.source.platform import Platform, connect, recorded_rows
from exporter.source.refusals import NotFoundError, RefusedError
from exporter.source.responses import ResponseFile
from exporter.source.warc import Recorded
from tests.clock import Clock, no_sleep
from tests.source.servers import http, serving
from tests.world import ENTRIES, NOW, World

DIALECTS: dict[str, Callable[[World], Dialect]] = {
    "A": lambda _world: dialect_a(),
    "B": lambda world: dialect_b(str(world.settings.organization_id)),
}


def greet(world: World, *, organization: str | None = None, known: str | None = None) -> tuple[str, int]:
    """Return the dialect that was found, and how many requests it took."""
    clock, before = Clock(), world.requests
    with Client(world.connection(), now=lambda: NOW, sleep=clock.sleep, clock=clock) as client:
        platform, page = connect(client, organization=organization, known_organization=known)
        assert page.size == 1
        return platform.dialect.name, world.requests - before


def test_the_documented_dialect_is_tried_first(world: World) -> None:
    assert greet(world, known=str(world.settings.organization_id)) == ("A", 1)


def test_an_organization_that_was_asked_for_means_dialect_b(world: World) -> None:
    assert greet(world, organization=str(world.settings.organization_id)) == ("B", 1)


def test_a_known_organization_is_used_where_dialect_a_is_not_spoken(world: World) -> None:
    world.behave(dialects="B")
    assert greet(world, known=str(world.settings.organization_id)) == ("B", 2)


def test_without_an_organization_dialect_b_cannot_be_spoken(world: World) -> None:
    world.behave(dialects="B")
    with pytest.raises(NotFoundError, match="knows no /v1/cli/audit") as unknown:
        greet(world)
    assert "--org" in unknown.value.remedy


def test_dialect_a_is_not_tried_in_place_of_an_organization_that_was_asked_for(world: World) -> None:
    world.behave(dialects="A")
    with pytest.raises(NotFoundError, match="/audit-logs/organizations/"):
        greet(world, organization=str(world.settings.organization_id))


def test_another_organization_is_refused_and_not_replaced_by_the_known_one(world: World) -> None:
    with pytest.raises(AuthorizationError, match="403"):
        greet(world, organization="another", known=str(world.settings.organization_id))


def test_a_key_that_dialect_a_refuses_is_not_tried_on_dialect_b(world: World) -> None:
    connection, before = world.connection(key=Key("wrong", origin="the test")), world.requests
    with Client(connection, now=lambda: NOW) as client, pytest.raises(AuthorizationError):
        connect(client, organization=None, known_organization=str(world.settings.organization_id))
    assert world.requests - before == 1


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("body", Body)
def test_every_shape_of_body_gives_the_same_entries(world: World, body: Body, dialect: str) -> None:
    world.behave(body=body)
    with Client(world.connection(), now=lambda: NOW) as client:
        page = Platform(client, DIALECTS[dialect](world)).page(limit=50, offset=7)

    expected = world.service.page(limit=50, offset=7)
    assert [identifier.removeprefix("log_").replace("-", "") for identifier in page.ids] == [
        entry.id.hex for entry in expected
    ]
    says_total = body not in (Body.ARRAY, Body.ENVELOPE_ARRAY)
    assert (page.total, page.limit) == ((ENTRIES, 50) if says_total else (None, None))
    assert page.offset == 7
    assert page.size == 50
    assert page.oldest == page.moments[-1]
    assert page.server_time == NOW


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("total", ["filtered", "whole", "absent"])
def test_the_filters_are_the_dialects_own(world: World, dialect: str, total: str) -> None:
    world.behave(total=total)
    user = world.service.page(limit=1)[0].actor_email
    with Client(world.connection(), now=lambda: NOW) as client:
        page = Platform(client, DIALECTS[dialect](world)).page(limit=20, action="deploy", user=user)

    assert page.size
    assert set(page.rows.batch["action"].to_pylist()) == {"deploy"}
    assert set(page.rows.batch["actor_email"].to_pylist()) == {user}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_one_entry_is_what_the_list_shows(world: World, dialect: str) -> None:
    with Client(world.connection(), now=lambda: NOW) as client:
        platform = Platform(client, DIALECTS[dialect](world))
        page = platform.page(limit=3)
        assert [platform.entry(entry_id) for entry_id in page.ids] == platform.entries(limit=3)
        with pytest.raises(NotFoundError, match="Audit log not found"):
            platform.entry("log_" + "0" * 32)


@pytest.mark.parametrize(
    ("identifier", "segment"),
    [
        ("log_123abc", "log_123abc"),
        ("a/b", "a%2Fb"),
        ("../../secrets", "..%2F..%2Fsecrets"),
        ("..", "%2E%2E"),
        (".", "%2E"),
        ("a?b#c&d=e", "a%3Fb%23c%26d%3De"),
        ("ä 日本", "%C3%A4%20%E6%97%A5%E6%9C%AC"),
        ("100%41", "100%2541"),
        ("\udcff", "%FF"),
        ("\r\nX: 1", "%0D%0AX%3A%201"),
    ],
)
def test_an_id_stays_inside_its_segment_of_the_path(identifier: str, segment: str) -> None:
    with serving(http(b"{}")) as served:
        connection = Connection(base_url=served.url, key=Key("no-key-at-all", origin="the test"))
        with Client(connection, now=lambda: NOW) as client:
            Platform(client, dialect_a()).entry(identifier)
            Platform(client, dialect_b(identifier)).entry(identifier)

    requested = [head.split()[1].decode() for head in served.heads]
    assert requested[0] == f"/v1/cli/audit/{segment}"
    assert requested[1] == f"/v1/cli/audit-logs/organizations/{segment}/{segment}"


def test_an_empty_id_does_not_become_the_list() -> None:
    with pytest.raises(UsageError, match="The id of the organization is empty"):
        dialect_b("")
    with pytest.raises(UsageError, match="The id of an entry is empty"):
        dialect_a().entry_path("")


@given(st.text(min_size=1))
def test_no_id_alters_the_path(identifier: str) -> None:
    try:
        identifier.encode()
    except UnicodeEncodeError:
        return
    segment = dialect_a().entry_path(identifier).removeprefix("/audit/")
    assert segment.isascii()
    assert not set(segment) & set("/?#\\ ")
    assert segment not in (".", "..")


def record(world: World, path: Path, ask: Callable[[Platform], list[Rows]]) -> list[Rows]:
    with (
        ResponseFile(path, key=world.key, at=NOW) as kept,
        Client(world.connection(), now=lambda: NOW, responses=kept, sleep=no_sleep) as client,
    ):
        platform, greeting = connect(
            client, organization=None, known_organization=str(world.settings.organization_id)
        )
        return [greeting.rows, *ask(platform)]


@pytest.mark.parametrize(("status", "is_list"), [(200, True), (206, False), (403, False), (500, False)])
def test_a_failure_that_shows_entries_is_no_list_of_them(status: int, *, is_list: bool) -> None:
    body = Payload.of(b'[{"id": "log_1", "action": "deploy", "created_at": "2026-01-02T03:04:05Z"}]')
    response = Recorded(url="https://api.example/audit", status=status, payload=body)

    assert (read_again(response, source="a response", lenient=False) is not None) == is_list


@pytest.mark.parametrize("dialects", ["A", "B"])
@pytest.mark.parametrize("body", Body)
def test_the_record_gives_the_rows_of_the_live_run(
    world: World, tmp_path: Path, body: Body, dialects: str
) -> None:
    world.behave(
        dialects=dialects,
        body=body,
        script=(
            None,
            Fault.HTML,
            None,
            Fault.UNAVAILABLE,
            Fault.ERROR_IN_200,
            None,
            Fault.CUT_OFF,
            Fault.RESET,
        ),
    )
    path = tmp_path / "r.warc.gz"
    live = record(
        world, path, lambda platform: [platform.page(limit=100, offset=o).rows for o in (0, 90, 2490)]
    )

    recorded = list(recorded_rows(path))
    assert [rows.batch for rows in recorded] == [rows.batch for rows in live]
    assert [rows.observations for rows in recorded] == [rows.observations for rows in live]


def test_a_page_with_an_entry_that_has_no_place_stops_the_live_run_and_the_reading_alike(
    world: World, tmp_path: Path
) -> None:
    def without_time(entry: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in entry.items() if name not in ("timestamp", "created_at")}

    world.behave(edit=without_time)
    path = tmp_path / "r.warc.gz"
    with pytest.raises(RecordError, match=r"Entry 0 of the page at offset 0 .* it has no time"):
        record(world, path, lambda _platform: [])
    with pytest.raises(RecordError, match=r"Entry 0 of response 0 of r\.warc\.gz .* it has no time"):
        list(recorded_rows(path))


def test_a_compressed_page_is_read_back_as_it_was_read(tmp_path: Path, world: World) -> None:
    world.behave()
    entries = [{"id": "log_1", "timestamp": "2026-01-01T00:00:00Z", "action": "deploy"}]
    packed = gzip.compress(json.dumps(entries).encode(), mtime=0)
    path = tmp_path / "r.warc.gz"
    with (
        serving(http(packed, "Content-Encoding: gzip")) as served,
        ResponseFile(path, key=world.key, at=NOW) as kept,
    ):
        connection = Connection(base_url=served.url, key=world.key)
        with Client(connection, now=lambda: NOW, responses=kept) as client:
            _, page = connect(client, organization=None, known_organization=None)
    assert page.ids == ["log_1"]
    assert [rows.batch for rows in recorded_rows(path)] == [page.rows.batch]


def test_a_sign_in_page_in_the_platforms_place_is_not_taken_for_an_empty_log(world: World) -> None:
    world.behave(faults={Fault.SIGN_IN: 1.0})
    with pytest.raises(SourceError, match="a list of audit entries") as failed:
        greet(world)
    assert "a sign-in page may be answering" in failed.value.remedy


def nested(depth: int, *, beside: int = 0) -> bytes:
    """Return a page with an entry that is so many levels deep, and one of so many bytes that has no time."""
    entry = {"id": "log_1", "timestamp": "2026-01-01T00:00:00Z", "action": "deploy"}
    deep, odd = {**entry, "metadata": "DEEP"}, {"id": "log_2", "note": "." * beside}
    page = json.dumps([entry, deep, odd, {**entry, "id": "log_3"}])
    return page.replace('"DEEP"', "[" * (depth - 1) + "]" * (depth - 1)).encode()


def recorded_page(path: Path, body: bytes) -> None:
    request = httpx.Request("GET", "http://localhost/v1/cli/audit")
    with ResponseFile(path, key=Key("k" * 12, origin="the test"), at=NOW) as kept:
        kept.append(httpx.Response(200, request=request), Payload.of(body), at=NOW)


def further_up(frames: int, path: Path) -> list[Rows]:
    return further_up(frames - 1, path) if frames else list(recorded_rows(path, lenient=True))


@pytest.mark.parametrize(
    ("depth", "beside"),
    [*product([LEVELS, LEVELS + 1, 980, 985, 986, 987, 100_000], [0]), *product([LEVELS, 986], [9 << 20])],
)
def test_what_is_left_out_is_the_same_live_and_again_however_deep_the_stack_is(
    tmp_path: Path, depth: int, beside: int
) -> None:
    path = tmp_path / "r.warc.gz"
    with (
        serving(http(nested(depth, beside=beside))) as served,
        ResponseFile(path, key=Key("k" * 12, origin="the test"), at=NOW) as kept,
        ThreadPoolExecutor(1) as pool,
    ):
        connection = Connection(base_url=served.url, key=Key("k" * 12, origin="the test"))
        with Client(connection, now=lambda: NOW, responses=kept) as client:
            page = pool.submit(Platform(client, dialect_a(), lenient=True).page, limit=4).result()

    again = [rows for frames in (0, 300) for rows in further_up(frames, path)]

    live = list(page.batches)
    assert [rows.batch for rows in again] == [rows.batch for rows in (*live, *live)]
    assert [set(rows.left_out) for rows in again] == [set(rows.left_out) for rows in (*live, *live)]
    (rows,) = live
    assert rows.batch["id"].to_pylist() == (["log_1"] * (1 + (depth <= LEVELS)) + ["log_3"])
    assert len(rows.left_out) == 1 + (depth > LEVELS)


def test_a_page_with_an_entry_that_is_nested_too_deeply_is_never_passed_over(tmp_path: Path) -> None:
    recorded_page(tmp_path / "r.warc.gz", nested(LEVELS + 1))
    with pytest.raises(RecordError, match=r"Entry 1 of response 0 of r\.warc\.gz .* nested more than"):
        list(recorded_rows(tmp_path / "r.warc.gz"))


def test_a_page_with_an_entry_that_is_nested_too_deeply_is_not_asked_for_again() -> None:
    with serving(http(nested(100_000))) as served:
        connection = Connection(base_url=served.url, key=Key("k" * 12, origin="the test"))
        with Client(connection, now=lambda: NOW) as client, pytest.raises(RecordError, match="nested more"):
            connect(client, organization=None, known_organization=None)
    assert len(served.heads) == 1


@pytest.mark.parametrize(
    "value", ["x" * 9_000, "x" * 5_000_000, "\u00fc" * 3_000], ids=["long", "endless", "coded"]
)
@pytest.mark.parametrize("name", ["action", "user"])
def test_a_filter_that_cannot_be_asked_brings_nothing_and_is_not_sent(
    world: World, name: str, value: str
) -> None:
    asking: dict[str, Any] = {name: value}
    before = world.requests
    with Client(world.connection(), now=lambda: NOW) as client:
        platform = Platform(client, DIALECTS["B"](world))
        assert platform.page(limit=5, **asking).size == 0
        assert world.requests == before
        with pytest.raises(RefusedError, match="longer than the 8,000 characters"):
            platform.entry(value)


@pytest.mark.parametrize("status", ["414 URI Too Long", "431 Request Header Fields Too Large"])
def test_a_filter_that_is_too_long_for_the_platform_brings_nothing(status: str) -> None:
    with serving(http(b"", status=status)) as served:
        connection = Connection(base_url=served.url, key=Key("key", origin="the test"))
        with Client(connection, now=lambda: NOW) as client:
            assert Platform(client, dialect_a()).page(limit=5, action="x" * 5_000).size == 0
