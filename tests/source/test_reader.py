"""Pages are fetched ahead at no one's expense, and nothing is sent that nobody waits for."""

import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from exporter.errors import EchoError, RecordError, SourceError
from exporter.source.client import Client, UnwantedError, Wish
from exporter.source.connection import Connection
from exporter.source.credentials import Key
from exporter.source.dialects import dialect_a
from exporter.source.platform import Platform
from exporter.source.reader import Reader
from exporter.source.retries import Sleep, sleep
from tests.source.servers import Served, answering, http
from tests.world import NOW

REFUSED = http(b"{}", status="410 Gone")


def entry(offset: int, **changes: object) -> bytes:
    given = {"id": f"log_{offset}", "timestamp": "2026-01-01T00:00:00Z", "action": "deploy"}
    return http(json.dumps([{**given, **changes}]).encode())


@contextmanager
def reading(
    answer: Callable[[int], bytes], *, at_once: int, retry_for: float = 0, sleep: Sleep = sleep
) -> Iterator[tuple[Reader, list[str], Served]]:
    """Yield a reader of a platform that gives ``answer`` for each offset, and the ids that it collects."""
    collected: list[str] = []

    def choose(head: bytes) -> bytes:
        found = re.search(rb"offset=(\d+)", head)
        return answer(int(found[1]) if found else 0)

    with (
        answering(choose) as served,
        reading_from(served, collected, at_once=at_once, retry_for=retry_for, sleep=sleep) as reader,
    ):
        yield reader, collected, served


@contextmanager
def reading_from(
    served: Served, collected: list[str], *, at_once: int, retry_for: float = 0, sleep: Sleep = sleep
) -> Iterator[Reader]:
    key = Key("k" * 12, origin="the test")
    connection = Connection(base_url=served.url, key=key, retry_for=retry_for)
    with (
        Client(connection, now=lambda: NOW, at_once=at_once, sleep=sleep) as client,
        Reader(
            Platform(client, dialect_a()),
            total_of_one=None,
            page_size=10,
            collect=lambda rows: collected.extend(rows.batch["id"].to_pylist()),
            progress=lambda _received, _oldest: None,
        ) as reader,
    ):
        yield reader


def until_sent(served: Served, requests: int) -> None:
    while len(served.heads) < requests:
        time.sleep(0.01)


@pytest.mark.parametrize("elsewhere", [False, True], ids=["left over", "stale"])
def test_a_page_that_nobody_needs_may_fail_and_one_that_came_is_collected(
    *, elsewhere: bool, caplog: pytest.LogCaptureFixture
) -> None:
    slowly = threading.Event()

    def answer(offset: int) -> bytes:
        if offset == 20:
            slowly.wait(5)
        return REFUSED if offset == 20 else entry(offset)

    with reading(answer, at_once=2) as (reader, collected, served):
        assert reader.page(0, step=10).ids == ["log_0"]
        until_sent(served, 3)
        slowly.set()
        if elsewhere:
            assert reader.page(5).ids == ["log_5"]

    assert collected == ["log_0", "log_10", *(["log_5"] if elsewhere else [])]
    assert "A page that is not needed could not be had" in caplog.text


def test_a_page_that_cannot_be_read_is_named_whether_of_the_log_or_of_a_slice() -> None:
    """The platform's refusal is said as it is."""

    def read(get: Callable[[Reader], object]) -> str:
        with pytest.raises(SourceError) as failed, reading(lambda _: REFUSED, at_once=1) as (reader, _, _):
            get(reader)
        assert failed.value.remedy.startswith("Check the options")
        return failed.value.what

    refused = "could not be read: The platform refuses the request (HTTP 410)."
    assert read(lambda reader: reader.page(9_890)) == f"The page at offset 9,890 {refused}"
    of_a_slice = read(lambda reader: reader.slice(action="deploy" * 99, offset=20))
    assert of_a_slice == f"The page at offset 20 of the action {('deploy' * 99)[:100]!r} {refused}"


@pytest.mark.parametrize("elsewhere", [False, True], ids=["left over", "stale"])
def test_a_page_that_nobody_needs_and_that_holds_the_key_stops_the_run(*, elsewhere: bool) -> None:
    def answer(offset: int) -> bytes:
        return entry(offset, details={"key": "k" * 12}) if offset == 20 else entry(offset)

    def read() -> None:
        with reading(answer, at_once=2) as (reader, _, served):
            reader.page(0, step=10)
            until_sent(served, 3)
            if elsewhere:
                reader.page(5)

    with pytest.raises(EchoError, match="contains the API key"):
        read()


@pytest.mark.parametrize(("step", "sent"), [(10, 1), (1_000, 2)])
def test_one_request_at_a_time_goes_ahead_of_what_takes_long_to_read(step: int, sent: int) -> None:
    with reading(entry, at_once=1) as (reader, collected, served):
        reader.page(0, step=step)
        until_sent(served, sent)

    assert len(served.heads) == len(collected) == sent


def test_an_entry_that_has_no_place_stops_the_run_on_whichever_page_it_came() -> None:
    def answer(offset: int) -> bytes:
        return entry(offset, timestamp=None) if offset else entry(offset)

    def read() -> None:
        with reading(answer, at_once=2) as (reader, _, served):
            reader.page(0, step=10)
            until_sent(served, 3)

    with pytest.raises(RecordError, match="it has no time"):
        read()


def test_a_reader_that_is_closed_sends_nothing_more() -> None:
    def answer(offset: int) -> bytes:
        time.sleep(0.5 if offset else 0)
        return entry(offset)

    with reading(answer, at_once=3) as (reader, collected, served):
        reader.page(0, step=10)

    assert len(served.heads) == len(collected) < 5


def test_a_reader_that_is_closed_wakes_what_waits_to_try_again() -> None:
    busy = http(b"", "Retry-After: 3600", status="503 Service Unavailable")
    waiting = threading.Event()
    woken: list[bool] = []

    def sleep_at_most(seconds: float, unwanted: threading.Event | None = None, /) -> None:
        waiting.set()
        sleep(min(seconds, 20.0), unwanted)
        woken.append(unwanted is not None and unwanted.is_set())

    def answer(offset: int) -> bytes:
        return busy if offset else entry(offset)

    with reading(answer, at_once=2, retry_for=7200, sleep=sleep_at_most) as (reader, collected, served):
        reader.page(0, step=10)
        waiting.wait()

    assert set(woken) == {True}
    assert collected == ["log_0"]
    assert len(served.heads) <= 3


def test_a_request_that_is_unwanted_by_the_time_its_turn_comes_is_not_sent() -> None:
    unwanted = threading.Event()
    unwanted.set()
    with answering(lambda _head: entry(0)) as served:
        connection = Connection(base_url=served.url, key=Key("k" * 12, origin="the test"))
        with Client(connection, now=lambda: NOW) as client, pytest.raises(UnwantedError):
            client.get("/audit", {}, bytes, wish=Wish(unwanted=unwanted))
    assert served.heads == []


def test_whoever_interrupts_does_not_wait_for_answers_that_are_under_way() -> None:
    begun, over = threading.Event(), threading.Event()

    def answer(head: bytes) -> bytes:
        if b"offset" in head:
            begun.set()
            over.wait(5)
        return entry(0)

    def interrupt(served: Served) -> None:
        with reading_from(served, [], at_once=2) as reader:
            reader.page(0, step=10)
            begun.wait()
            raise KeyboardInterrupt

    with answering(answer) as served:
        began = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            interrupt(served)
        took = time.monotonic() - began
        over.set()
    assert took < 4
