"""How soon the program answers: its help, and Python that imports nothing but the command-line library."""

import sys
from importlib.metadata import version
from pathlib import Path

from bench.processes import Subject, compare
from bench.results import Result, at_most
from bench.setting import Setting

_OURS = "audit-export --help"
_PEER = 'python -c "import click"'


def measure(setting: Setting) -> Result:
    """Measure the start."""
    program = Path(sys.executable).with_name("audit-export")
    subjects = [
        Subject(name=_OURS, command=[str(program), "--help"]),
        Subject(name=_PEER, command=[sys.executable, "-c", "import click"]),
    ]
    ours, peer = measured = compare(subjects, runs=setting.runs)
    return Result(
        title="Starting",
        work="The program prints its help; Python imports Click and ends.",
        measured=measured,
        targets=[
            at_most("time on the clock, of that of importing Click", ours.median.wall / peer.median.wall, 2.0)
        ],
        versions={"click": version("click")},
    )
