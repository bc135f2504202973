"""How a benchmark is to be run."""

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent
"""The folder of the benchmarks."""

PEERS = ROOT / "peers"
"""The programs that others would use, one small script each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """How a benchmark is to be run."""

    entries: int
    """Entries to work on, where the benchmark does not need several sizes."""

    runs: int
    """How often each command is run."""

    peers: Path
    """The Python that has the other programs' packages."""

    work: Path = ROOT / "work"
    """Folder for what is made once and used again, such as pages."""
