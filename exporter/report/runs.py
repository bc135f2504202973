"""The record of the run that the report is about, and its digest."""

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import msgspec

from exporter import record
from exporter.errors import OutputError


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """A record as it stands in a file."""

    run: record.Run
    """What it says."""

    digest: str
    """SHA-256 of its bytes: the run digest."""


def read(path: Path) -> Recorded:
    """Read the record of a run.

    Raises ``OutputError`` where it is missing, or is not such a record.
    """
    try:
        content = path.read_bytes()
        run = record.decode(content)
    except (OSError, msgspec.DecodeError) as error:
        raise OutputError(
            f"The record of the run, {path}, cannot be used: {error}.",
            "Check that the folder is the data folder of a bundle made by this version of audit-export.",
        ) from error
    return Recorded(run=run, digest=sha256(content).hexdigest())
