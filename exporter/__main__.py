"""Where the program begins: ``audit-export``, and ``python -m exporter``.

Whoever interrupts it while it still loads is told the same as later (:mod:`exporter.cli`).
"""

import sys
from contextlib import suppress
from types import FrameType
from typing import NoReturn

from exporter.commands import signals


def main() -> NoReturn:
    """Run the command line and exit."""
    signals.heed(_stop)
    from exporter import cli  # noqa: PLC0415 - what takes its time

    cli.main()


def _stop(number: int, _frame: FrameType | None) -> NoReturn:
    with suppress(OSError):  # it may lead to a terminal that is gone
        sys.stderr.write("Error: Interrupted.\nRun the same command again.\n")
    sys.exit(128 + number)


if __name__ == "__main__":
    main()
