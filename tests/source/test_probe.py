"""What the platform can do is found out by asking, in a handful of requests."""

import json
import threading
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from exporter.export import export
from exporter.facts import Verdict
from exporter.sandbox.dialects import Body
from exporter.source.client import Client
from exporter.source.connection import Connection
from exporter.source.credentials import Key
from exporter.source.dialects import dialect_a
from exporter.source.platform import Platform, connect
from exporter.source.probe import Probe, probe
from tests.clock import no_sleep
from tests.conftest import Serve
from tests.source.servers import answering, http
from tests.world import ENTRIES, NOW, World, history


def ask(world: World, *, page_size: int = 1_000, at_once: int = 1, **changes: Any) -> tuple[Probe, int]:
    """Return what was found, and how many entries were handed on."""
    world.behave(**changes)
    received, before = 0, world.requests

    def collect(rows: Any) -> None:
        nonlocal received
        received += rows.batch.num_rows

    with Client(world.connection(), now=lambda: NOW) as client:
        platform, _ = connect(
            client, organization=str(world.settings.organization_id), known_organization=None
        )
        found = probe(platform, page_size=page_size, collect=collect, at_once=at_once)
        assert world.requests - before <= 6
    return found, received


@pytest.mark.parametrize("at_once", [1, 4])
def test_a_platform_that_does_all_it_is_asked_is_found_to(world: World, at_once: int) -> None:
    found, received = ask(world, at_once=at_once)

    assert found == Probe(
        asked=1_000,
        received=1_000,
        limit_echoed=1_000,
        total=ENTRIES,
        offset_shifts_rows=True,
        reaches_the_end=True,
        filters_by_action=True,
        filters_by_user=True,
        total_is_filtered=True,
    )
    assert not found.capped
    assert received > 1_000


def test_a_cap_shows_in_the_rows_and_in_the_echo(world: World) -> None:
    found, _ = ask(world, cap=100)
    assert (found.received, found.limit_echoed, found.capped) == (100, 100, True)


@pytest.mark.parametrize(
    ("received", "total", "capped"), [(10, None, False), (9, None, True), (9, 9, False), (9, 10, True)]
)
def test_fewer_than_asked_for_are_a_cap_where_there_may_be_more(
    world: World, received: int, total: int | None, *, capped: bool
) -> None:
    found, _ = ask(world, page_size=10)

    assert replace(found, received=received, total=total).capped is capped


def test_an_offset_that_brings_nothing_tells_not_whether_rows_are_shifted(world: World) -> None:
    found, _ = ask(world, ceiling=1)

    assert (found.offset_shifts_rows, found.reaches_the_end) == (None, None)


def test_two_values_are_enough_to_tell_whether_a_filter_is_obeyed(serve: Serve) -> None:
    world = serve(entries=0)
    entries = enumerate(history(30))
    world.service.record_all(replace(entry, action=("deploy", "org.update")[n % 2]) for n, entry in entries)

    assert ask(world)[0].filters_by_action is True


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"offset_honoured": False}, "offset_shifts_rows"),
        ({"ceiling": 2_000}, "reaches_the_end"),
        ({"filters_ignored": True}, "filters_by_action"),
        ({"filters_ignored": True}, "filters_by_user"),
        ({"total": "whole"}, "total_is_filtered"),
    ],
)
def test_what_it_does_not_do_is_found_out(world: World, changes: dict[str, Any], field: str) -> None:
    found, _ = ask(world, **changes)
    assert getattr(found, field) is False


def test_what_the_platform_does_not_say_is_not_made_up(world: World) -> None:
    found, _ = ask(world, body=Body.ENVELOPE_ARRAY)
    assert (found.total, found.limit_echoed, found.reaches_the_end, found.total_is_filtered) == (None,) * 4
    assert found.offset_shifts_rows is True


def test_entries_that_join_meanwhile_do_not_mislead_it(serve: Serve) -> None:
    found, _ = ask(serve(entries=500), insert_every=1, insert_age=timedelta(days=1_000))
    assert (found.offset_shifts_rows, found.filters_by_action) == (True, True)


@pytest.mark.parametrize("status", [403, 404])
def test_a_question_that_is_refused_fails_nothing(world: World, status: int) -> None:
    found, _ = ask(world, filters_refused=status)
    assert (found.filters_by_action, found.filters_by_user, found.total_is_filtered) == (None,) * 3
    assert (found.offset_shifts_rows, found.reaches_the_end) == (True, True)


@pytest.mark.parametrize("status", [403, 500])
def test_an_export_does_without_a_question_that_is_not_answered(
    world: World, tmp_path: Path, status: int
) -> None:
    """The key is good all the same."""
    world.behave(filters_refused=status)
    request = world.request(tmp_path, connection=world.connection(retry_for=0.5))

    outcome = export(request, now=lambda: NOW, progress=lambda *_: None, sleep=no_sleep)

    assert outcome.run.verdict.value is Verdict.COMPLETE
    assert outcome.run.probe["filters_by_action"] is None


def test_whoever_interrupts_does_not_wait_for_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    begun, over = threading.Event(), threading.Event()
    listed = [
        {"id": f"log_{n}", "timestamp": "2026-01-01T00:00:00Z", "action": f"a{n % 2}"} for n in range(9)
    ]

    def answer(head: bytes) -> bytes:
        if b"offset" in head:
            begun.set()
            over.wait(5)
        return http(json.dumps(listed).encode())

    def interrupt(_future: object) -> None:
        begun.wait()
        raise KeyboardInterrupt

    monkeypatch.setattr("exporter.source.probe._answer", interrupt)
    with answering(answer) as served:
        connection = Connection(base_url=served.url, key=Key("k" * 12, origin="the test"), retry_for=0)
        began = time.monotonic()
        with Client(connection, now=lambda: NOW) as client, pytest.raises(KeyboardInterrupt):
            probe(Platform(client, dialect_a()), page_size=10)
        took = time.monotonic() - began
        over.set()
    assert took < 4
