"""A report drawn again, from a bundle that is already sealed, into a folder outside it.

The record of the run and the files that it lists are all it takes, so under the same versions the bytes are
those of the bundle's own report. With a seed the samples are filled in, which the sealed report cannot have.
"""

import tempfile
from dataclasses import dataclass
from pathlib import Path

from exporter.errors import OutputError
from exporter.files import sha256_file
from exporter.report import libraries, render, runs
from exporter.report.sampling import Draw

NAME = "report.pdf"
"""What the report is called, in the bundle and outside."""

SAMPLED = "report-with-samples.pdf"
"""What it is called with the samples filled in."""


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
    """Draw the report of ``bundle`` into the folder ``to``, outside it, which is made if need be.

    ``how`` says how to draw the samples; without it there are none.

    Raises :class:`~exporter.errors.UsageError` where ``bundle`` is none, ``VerificationError`` where the
    archive, a query or a catalogue is not the one that the record lists, and ``OutputError`` where the report
    cannot be drawn or written.
    """
    data = bundle / "data"
    run = runs.of_bundle(bundle).run
    target = to / (NAME if how is None else SAMPLED)
    _draw(data, target, how)
    digest = sha256_file(target)
    own = data / NAME
    return Redrawn(
        path=target,
        sha256=digest,
        same=sha256_file(own) == digest if how is None and own.is_file() else None,
        versions={
            name: (run.versions.get(name), now)
            for name, now in libraries.versions().items()
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
