"""What asks the program to end."""

import os
import signal
from collections.abc import Iterator
from types import FrameType
from typing import NoReturn

import pytest

from exporter.commands import signals

NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    before = [signal.getsignal(number) for number in NUMBERS]
    yield
    for number, handler in zip(NUMBERS, before, strict=True):
        signal.signal(number, handler)


def stop(number: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(number)


def ask(number: int) -> None:
    os.kill(os.getpid(), number)


def test_who_asks_again_at_once_lets_the_clearing_up_be(monkeypatch: pytest.MonkeyPatch) -> None:
    signals.heed(stop)
    with pytest.raises(SystemExit):
        ask(signal.SIGINT)
    for number in NUMBERS:
        ask(number)
    monkeypatch.setattr(signals, "_SAME_REQUEST", 0.0)
    with pytest.raises(SystemExit):
        ask(signal.SIGTERM)
