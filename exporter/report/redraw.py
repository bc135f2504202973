"""A report drawn again, from a bundle that is already sealed, into a folder outside it.

The record of the run and the files that it lists are all it takes, so under the same versions the bytes are
those of the bundle's own report.
"""

import tempfile
from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path

from exporter import record
from exporter.errors import OutputError, UsageError, VerificationError
from exporter.report import render, runs

NAME = "report.pdf"
"""What the report is called, in the bundle and outside."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Redrawn:
    """The report that was drawn."""

    path: Path
    """Where it is."""

    sha256: str
    """Digest of its bytes."""

    same: bool | None
    """Whether they are those of the bundle's own report; ``None`` where it has none."""

    versions: dict[str, tuple[str | None, str]]
    """What the bytes depend on and is another version now, by name: the recorded one, and this one."""


def redraw(bundle: Path, to: Path) -> Redrawn:
    """Draw the report of ``bundle`` into the folder ``to``, which is made if need be.

    Raises :class:`~exporter.errors.UsageError` where ``bundle`` is none, or ``to`` lies inside it;
    ``VerificationError`` where the archive or a query is not the one that the record lists; ``OutputError``
    where the report cannot be drawn or written.
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
    target = to / NAME
    _draw(data, target)
    digest = _sha256(target)
    own = data / NAME
    return Redrawn(
        path=target,
        sha256=digest,
        same=_sha256(own) == digest if own.is_file() else None,
        versions={
            name: (run.versions.get(name), now)
            for name, now in render.versions().items()
            if run.versions.get(name) != now
        },
    )


def _draw(data: Path, target: Path) -> None:
    """Draw beside the target, and give it its name when it is whole."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".report-") as folder:
            drawn = Path(folder) / NAME
            render.render_report(data, drawn)
            drawn.replace(target)
    except OSError as error:
        raise OutputError(
            f"The report could not be written to {target} ({error.strerror or error}).",
            "Make room, or name another folder with --to.",
        ) from error


def _refuse_altered(data: Path, run: record.Run) -> None:
    """Refuse figures that would be asked of other files than the record, whose digest is printed, lists."""
    recorded = {file.path: file.sha256 for file in run.files}
    shipped = {path.name for path in (data / "queries").glob("*.sql")}
    for path in [data / "audit.parquet", *sorted((data / "queries").glob("*.sql"))]:
        name = f"data/{path.relative_to(data).as_posix()}"
        if not path.is_file():
            raise UsageError(
                f"The bundle holds no {name}, which the report's figures come from.",
                "Name a bundle that was made with Parquet among its formats.",
            )
        if recorded.get(name) != _sha256(path):
            raise VerificationError(
                f"{name} is not the file that data/run.json lists.",
                "Check the bundle with `audit-export verify`; a report drawn from it would not be its own.",
            )
    for name in sorted(recorded):
        if name.startswith("data/queries/") and name.removeprefix("data/queries/") not in shipped:
            raise VerificationError(
                f"{name}, which data/run.json lists, is missing.",
                "Check the bundle with `audit-export verify`.",
            )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()
