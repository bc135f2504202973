"""How fast requests may follow one another."""

import threading
import time
from collections.abc import Callable

from exporter.source.retries import Sleep, sleep


class Pace:
    """Lets requests begin no faster than ``rate`` a second, whichever thread sends them.

    They are spaced evenly, without bursts. ``None`` lets all of them pass at once.
    """

    def __init__(
        self,
        rate: float | None,
        *,
        sleep: Sleep = sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._interval = 1 / rate if rate else 0.0
        self._sleep = sleep
        self._clock = clock
        self._lock = threading.Lock()
        self._free_from = clock()

    def wait(self, unwanted: threading.Event | None = None) -> None:
        """Return when the caller's turn has come, or nobody wants it any more."""
        with self._lock:
            now = self._clock()
            turn = max(now, self._free_from)
            self._free_from = turn + self._interval
        if turn > now:
            self._sleep(turn - now, unwanted)
