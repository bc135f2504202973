"""The report, rendered in processes of its own, each within a time limit."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import NoReturn

from exporter.errors import AuditExportError, OutputError, UsageError, VerificationError
from exporter.report import fonts
from exporter.report.sampling import Draw

TIME_LIMIT = 300
"""Seconds after which rendering is given up; a report of the default size takes less than ten."""

_KNOWN = {kind.exit_code: kind for kind in (UsageError, VerificationError, OutputError)}
"""Errors that a step can end with, as what they are."""


def render_report(
    data: Path, to: Path | None = None, *, how: Draw | None = None, time_limit: float = TIME_LIMIT
) -> None:
    """Write the report on a data folder, from its ``run.json``, ``audit.parquet`` and ``queries``.

    It goes to ``to``, else to ``report.pdf`` in the folder itself. ``how`` says how to draw samples, if any.
    The same files give the same bytes.

    Composing and drawing are processes of their own, so that their memory does not stay. The one that draws
    gets ready while the other composes. Raises ``OutputError`` where the report cannot be rendered, or a step
    takes longer than ``time_limit`` seconds, ``VerificationError`` where the folder's files do not hold what
    theirs do, and ``OSError`` where it cannot be written.
    """
    with tempfile.TemporaryDirectory(prefix="audit-export-") as folder:
        configuration = fonts.configure(Path(folder))
        composing = ["exporter.report.composing", str(data), folder]
        if how is not None:
            composing.append(json.dumps(asdict(how)))
        drawing = ["exporter.report.pdf", str(data)]
        with _begin(composing, configuration) as composed, _begin(drawing, configuration) as drawn:
            html = _end(composed, b"", time_limit)
            pdf = _end(drawn, html, time_limit)
    (to or data / "report.pdf").write_bytes(pdf)


@contextmanager
def _begin(step: Sequence[str], configuration: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Start a step, and see to it that it neither goes on alone nor leaves anything behind."""
    with subprocess.Popen(  # noqa: S603 - this interpreter, this package
        [sys.executable, "-P", "-m", *step],
        env=os.environ | {"FONTCONFIG_FILE": str(configuration), "TMPDIR": str(configuration.parent)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def _end(process: subprocess.Popen[bytes], given: bytes, time_limit: float) -> bytes:
    """Give a step what it waits for, and return what it makes of it."""
    try:
        made, said = process.communicate(given, timeout=time_limit)
    except subprocess.TimeoutExpired as error:
        raise OutputError(
            f"The report was not ready after {time_limit:g} seconds.",
            "Ask for fewer rows with `--report-rows`, or leave the report out with `--report none`.",
        ) from error
    if not process.returncode:
        return made
    if process.returncode in _KNOWN:
        raise _KNOWN[process.returncode](*json.loads(made))
    last = (said.decode(errors="replace").splitlines() or [f"exit {process.returncode}"])[-1]
    raise OutputError(
        f"The report could not be rendered: {last}",
        "Leave the report out with `--report none`, and report this message.",
    )


def leave(error: AuditExportError) -> NoReturn:
    """End the process of a step with an error that is known as such outside it.

    It is all that the step makes: libraries may add words of their own to stderr, up to the very end.
    """
    sys.stdout.write(json.dumps([error.what, error.remedy]))
    sys.exit(error.exit_code)
