"""What asks the program to end: an interruption, a termination, a terminal that is gone."""

import signal
from collections.abc import Callable
from types import FrameType
from typing import NoReturn


def heed(stop: Callable[[int, FrameType | None], NoReturn]) -> None:
    """Have ``stop`` called then, so that nothing half made stays behind.

    Where ``nohup`` has the program outlive its terminal, it does.
    """
    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    hang_up = getattr(signal, "SIGHUP", None)  # not every system has it
    if hang_up is not None and signal.getsignal(hang_up) is not signal.SIG_IGN:
        signal.signal(hang_up, stop)
