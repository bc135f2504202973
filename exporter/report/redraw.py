"""A report drawn again, from a bundle that is already sealed, into a folder outside it.

The record of the run and the files that it lists are all it takes, so under the same versions the bytes are
those of the bundle's own report. With a seed the samples are filled in, which the sealed report cannot have.
"""

import tempfile
from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path

from exporter import record
from exporter.errors import OutputError, UsageError, VerificationError
from exporter.report import render, runs
from exporter.report.sampling import Draw

NAME = "report.pdf"
"""What the report is called, in the bundle and outside."""

SAMPLED = "report-with-samples.pdf"
"""What it is called with the samples filled in."""

FOLDERS = ("queries", "controls")
"""Folders of the bundle's data whose files decide on the report."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Redrawn:
    """The report that was drawn."""

    path: Path
    """Where it is."""

    sha256: str
    """Digest of its bytes."""

    same: bool | None
    """Whether they are those of the bundle's own report; ``None`` without one, and with samples."""

    versions: dict[str, tuple[str | None, str]]
    """What the bytes depend on and is another version now, by name: the recorded one, and this one."""


def redraw(bundle: Path, to: Path, how: Draw | None = None) -> Redrawn:
    """Draw the report of ``bundle`` into the folder ``to``, which is made if need be.

    ``how`` says how to draw the samples; without it there are none.

    Raises :class:`~exporter.errors.UsageError` where ``bundle`` is none, or ``to`` lies inside it;
    ``VerificationError`` where the archive, a query or a catalogue is not the one that the record lists;
    ``OutputError`` where the report cannot be drawn or written.
    """
    data = bundle / "data"
    if not (data / "run.json").is_file():
        raise UsageError(
            f"{bundle} is not a bundle: it has no data/run.json.", "Name the folder that a run printed."
        )
    if to.resolve().is_relative_to(bundle.resolve()):
        raise UsageError(
            f"{to} lies inside the bundle, which is sealed.", "Name a folder outside it with --to."
        )
    run = runs.read(data / "run.json").run
    _refuse_altered(data, run)
    target = to / (NAME if how is None else SAMPLED)
    _draw(data, target, how)
    digest = _sha256(target)
    own = data / NAME
    return Redrawn(
        path=target,
        sha256=digest,
        same=_sha256(own) == digest if how is None and own.is_file() else None,
        versions={
            name: (run.versions.get(name), now)
            for name, now in render.versions().items()
            if run.versions.get(name) != now
        },
    )


def _draw(data: Path, target: Path, how: Draw | None) -> None:
    """Draw beside the target, and give it its name when it is whole."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".report-") as folder:
            drawn = Path(folder) / NAME
            render.render_report(data, drawn, how=how)
            drawn.replace(target)
    except OSError as error:
        raise OutputError(
            f"The report could not be written to {target} ({error.strerror or error}).",
            "Make room, or name another folder with --to.",
        ) from error


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
        if name not in present or recorded.get(name) != _sha256(present[name]):
            raise VerificationError(
                f"{name} is not the file that data/run.json lists.",
                "Check the bundle with `audit-export verify`; a report drawn from it would not be its own.",
            )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()
