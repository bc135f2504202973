"""What asks the program to end: an interruption, a termination, a terminal that is gone.

It is imported before anything else, so it imports next to nothing itself (:mod:`exporter.__main__`).
"""

import signal
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType
    from typing import NoReturn

_SAME_REQUEST = 1.0  # second


def heed(stop: "Callable[[int, FrameType | None], NoReturn]") -> None:
    """Have ``stop`` called then, so that nothing half made stays behind.

    A second signal within a second is the same request: it does not interrupt the clearing up. Under
    ``nohup`` the program outlives its terminal.
    """
    asked = -_SAME_REQUEST

    def stop_once(number: int, frame: "FrameType | None") -> None:
        nonlocal asked
        now = time.monotonic()
        if now - asked >= _SAME_REQUEST:
            asked = now
            stop(number, frame)

    signal.signal(signal.SIGINT, stop_once)
    signal.signal(signal.SIGTERM, stop_once)
    hang_up = getattr(signal, "SIGHUP", None)  # not every system has it
    if hang_up is not None and signal.getsignal(hang_up) is not signal.SIG_IGN:
        signal.signal(hang_up, stop_once)
