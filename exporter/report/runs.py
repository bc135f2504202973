"""The record of the run that the report is about, and its digest."""

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import msgspec

from exporter import record
from exporter.errors import OutputError, UsageError, VerificationError
from exporter.facts import Verdict
from exporter.files import sha256_file

FOLDERS = ("queries", "controls")
"""Folders of the bundle's data whose files decide on the report."""

EXTRACT = "an extract holds only what its filters chose"
"""Why a question that takes all entries of the period is not asked of an extract."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A record as it stands in a file."""

    run: record.Run
    """What it says."""

    digest: str
    """SHA-256 of its bytes: the run digest."""


def read(path: Path) -> Record:
    """Read the record of a run.

    Raises ``OutputError`` where it cannot be read, and ``VerificationError`` where it is no such record.
    """
    try:
        with path.open("rb") as file:
            content = file.read(record.MOST + 1)
        run = record.decode(content)
    except OSError as error:
        raise OutputError(
            f"The record of the run, {path}, cannot be read ({error.strerror}).",
            "Check that the folder is the data folder of a bundle, and its permissions.",
        ) from error
    except msgspec.DecodeError as error:
        raise VerificationError(
            f"The record of the run, {path}, cannot be used: {error}.",
            "Check the bundle with `audit-export verify`; a newer version of audit-export may have made it.",
        ) from error
    return Record(run=run, digest=sha256(content).hexdigest())


def of_bundle(bundle: Path) -> Record:
    """Read the record of a bundle, after making sure that its figures would come from the files it lists.

    Raises :class:`~exporter.errors.UsageError` where ``bundle`` is none or has no Parquet file, and
    ``VerificationError`` where the archive, a query or a catalogue is not the one that the record lists.
    """
    data = bundle / "data"
    if not (data / "run.json").is_file():
        raise UsageError(
            f"{bundle} is not a bundle: it has no data/run.json.", "Name the folder that a run printed."
        )
    recorded = read(data / "run.json")
    _refuse_altered(data, recorded.run)
    return recorded


def limits(run: record.Run) -> list[str]:
    """Say what must be known of an export wherever its entries are shown; nothing of one that is whole."""
    said = []
    if run.verdict.value is Verdict.UNPROVEN:
        said.append("UNPROVEN: nothing is known to be missing, but the source offers no way to show it")
    if run.verdict.value is Verdict.PARTIAL:
        said.append("PARTIAL: the export is known not to be whole")
    if run.window.partial_period:
        said.append("Partial period: it was not over when the log was read")
    if run.filters:
        said.append("Extract: not the full population")
    return said


def _refuse_altered(data: Path, run: record.Run) -> None:
    """Refuse figures that would be asked of other files than the record, whose digest is printed, lists."""
    recorded = {file.path: file.sha256 for file in run.files}
    decisive = {"data/audit.parquet"}
    decisive |= {name for name in recorded if name.startswith(tuple(f"data/{each}/" for each in FOLDERS))}
    present = {
        path.relative_to(data.parent).as_posix(): path
        for path in [data / "audit.parquet", *(path for each in FOLDERS for path in (data / each).rglob("*"))]
        if path.is_file()
    }
    if "data/audit.parquet" not in present:
        raise UsageError(
            "The bundle holds no data/audit.parquet, which the report's figures come from.",
            "Name a bundle that was made with Parquet among its formats.",
        )
    for name in sorted(decisive | present.keys()):
        if name not in present or recorded.get(name) != sha256_file(present[name]):
            raise VerificationError(
                f"{name} is not the file that data/run.json lists.",
                "Check the bundle with `audit-export verify`; a report drawn from it would not be its own.",
            )
