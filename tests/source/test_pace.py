"""No more requests a second than were allowed, counted rather than timed."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event, Lock

import pytest

from exporter.entries.envelope import parse_list
from exporter.sandbox.faults import Fault
from exporter.source.client import Client
from exporter.source.pace import Pace
from tests.clock import Clock
from tests.world import NOW, World


def test_requests_are_spaced_evenly() -> None:
    clock = Clock()
    pace = Pace(4, sleep=clock.sleep, clock=clock)

    for _ in range(5):
        pace.wait()

    assert clock.slept == pytest.approx([0.25] * 4)


def test_time_that_passed_anyway_is_not_waited_for_again_nor_saved_up() -> None:
    clock = Clock()
    pace = Pace(1, sleep=clock.sleep, clock=clock)

    pace.wait()
    clock.now += 0.75
    pace.wait()
    clock.now += 60
    pace.wait()
    pace.wait()

    assert clock.slept == pytest.approx([0.25, 1.0])


def test_without_a_rate_nobody_waits() -> None:
    clock = Clock()
    pace = Pace(None, sleep=clock.sleep, clock=clock)

    for _ in range(100):
        pace.wait()

    assert clock.slept == []


def test_whoever_waits_for_a_turn_that_nobody_wants_is_woken() -> None:
    unwanted = Event()
    unwanted.set()
    pace = Pace(1 / 3600)

    pace.wait()
    pace.wait(unwanted)  # for an hour, or not at all


def test_threads_share_one_pace() -> None:
    slept: list[float] = []
    guard = Lock()

    def sleep(seconds: float, _unwanted: Event | None = None, /) -> None:
        with guard:
            slept.append(seconds)

    pace = Pace(10, sleep=sleep, clock=lambda: 0.0)
    with ThreadPoolExecutor(8) as pool:
        for _ in range(200):
            pool.submit(pace.wait)

    assert sorted(slept) == pytest.approx([number / 10 for number in range(1, 200)])


def test_every_request_waits_for_its_turn_and_so_does_every_retry(world: World) -> None:
    world.behave(script=(Fault.RESET, Fault.CUT_OFF, Fault.RATE_LIMITED, None), retry_after=0)
    clock = Clock()
    connection, before = world.connection(rate=0.1, retry_for=60), world.requests

    with Client(connection, now=lambda: NOW, sleep=clock.sleep, clock=clock) as client:
        client.get("/audit", {}, parse_list)
        client.get("/audit", {}, parse_list)

        assert world.requests - before == 5
    assert clock.now - Clock().now == pytest.approx(40)
