"""Where the program begins: ``audit-export``, and ``python -m exporter``.

An interruption while it still loads is answered as a later one is (:mod:`exporter.cli`). So the signals are
handled before anything is imported that takes its time.
"""

import os

from exporter.commands import signals

TYPE_CHECKING = False  # as typing has it, whose import takes longer than all that stands here
if TYPE_CHECKING:
    from types import FrameType
    from typing import NoReturn


def main() -> "NoReturn":
    """Run the command line and exit."""
    signals.heed(_stop)
    from exporter import cli  # noqa: PLC0415 - what takes its time

    cli.main()


def _stop(number: int, _frame: "FrameType | None") -> "NoReturn":
    """End at once: of an exception, an import that is under way may make another one."""
    try:  # noqa: SIM105 - nothing is imported for it
        os.write(2, b"Error: Interrupted.\nRun the same command again.\n")
    except OSError:  # it may lead to a terminal that is gone
        pass
    os._exit(128 + number)


if __name__ == "__main__":
    main()
