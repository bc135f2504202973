"""What whole processes cost: processor time, time on the clock, and memory at the peak."""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench import stopwatch

FOLDER = "{folder}"
"""Stands in a command for an empty folder, another one each time it is run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A command to be measured."""

    name: str
    """What it is called in the table."""

    command: Sequence[str]
    """Program and arguments; :data:`FOLDER` stands for an empty folder."""

    environment: dict[str, str] = field(default_factory=dict)
    """Variables to add to those of this process."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a process took."""

    cpu: float
    """Processor time in seconds, user and system, with that of the processes it waited for."""

    wall: float
    """Seconds on the clock; on a shared machine they say little."""

    peak: int
    """Resident memory at the peak in bytes, of the largest process."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A command, and what it took."""

    name: str
    """What it is called in the table."""

    runs: list[Cost]
    """Each run, in the order of running."""

    @property
    def median(self) -> Cost:
        """The median of each figure by itself."""
        return Cost(
            cpu=statistics.median(run.cpu for run in self.runs),
            wall=statistics.median(run.wall for run in self.runs),
            peak=int(statistics.median(run.peak for run in self.runs)),
        )


def compare(subjects: Sequence[Subject], *, runs: int) -> list[Measured]:
    """Measure the subjects in turns, A B A B, so that what else the machine does falls on all of them.

    Raises :class:`RuntimeError` where one of them fails.
    """
    costs: dict[str, list[Cost]] = {subject.name: [] for subject in subjects}
    for number in range(1, runs + 1):
        for subject in subjects:
            print(f"  run {number} of {runs}: {subject.name}", file=sys.stderr, flush=True)
            costs[subject.name].append(measure(subject))
    return [Measured(name=name, runs=runs_) for name, runs_ in costs.items()]


def measure(subject: Subject) -> Cost:
    """Run a subject once."""
    with tempfile.TemporaryDirectory(prefix="audit-export-bench-") as folder:
        command = [part.replace(FOLDER, folder) for part in subject.command]
        ran = subprocess.run(  # noqa: S603 - the benchmarks' own commands
            [sys.executable, "-I", "-S", str(Path(stopwatch.__file__)), *command],
            env={**os.environ, **subject.environment},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
    cost = json.loads(ran.stdout)
    if cost.pop("status"):
        raise RuntimeError(f"{subject.name} failed: {' '.join(command)}")
    return Cost(**cost)
