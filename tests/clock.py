"""A clock that goes on only while someone waits for it."""

import threading


class Clock:
    """Stands still until someone sleeps, and then shows how long they wanted to."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float, _unwanted: threading.Event | None = None, /) -> None:
        self.slept.append(seconds)
        self.now += seconds


def no_sleep(_seconds: float, _unwanted: threading.Event | None = None, /) -> None:
    """Do not wait at all."""
