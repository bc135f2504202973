"""Where the program begins: ``audit-export``, and ``python -m exporter``.

Whoever interrupts it while it still loads is told the same as later (:mod:`exporter.cli`).
"""

import signal
import sys
from types import FrameType
from typing import NoReturn


def main() -> NoReturn:
    """Run the command line and exit."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)
    from exporter import cli  # noqa: PLC0415 - what takes its time

    cli.main()


def _stop(number: int, _frame: FrameType | None) -> NoReturn:
    sys.stderr.write("Error: Interrupted.\nRun the same command again.\n")
    sys.exit(128 + number)


if __name__ == "__main__":
    main()
