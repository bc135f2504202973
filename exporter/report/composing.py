"""Composing the report, which is a process of its own.

``python -m exporter.report.composing DATA FONTS [DRAW]`` writes the document as its output, and the font
configuration that drawing it needs into the folder ``FONTS``. ``DRAW`` is how to draw the samples, as JSON.
"""

import json
import sys
from pathlib import Path

from exporter.errors import AuditExportError
from exporter.report import charts
from exporter.report.render import leave
from exporter.report.sampling import Draw


def compose(data: Path, draw: Draw | None = None) -> str:
    """Return the report on a bundle's data folder as HTML; ``draw`` fills in the samples.

    What composing takes is loaded while the engine for the charts starts, which is the slowest to get ready.
    Raises ``OutputError`` where the archive does not hold what the record says.
    """
    with charts.Engine() as engine:
        from exporter.report import document  # noqa: PLC0415 - the engine starts meanwhile

        return document.write(data, engine, draw)


def _run(data: Path, to: Path, draw: str | None = None) -> None:
    html = compose(data, None if draw is None else Draw(**json.loads(draw)))
    from exporter.report import fonts, glyphs  # noqa: PLC0415 - likewise

    fonts.configure(to, glyphs.needed(html))
    sys.stdout.buffer.write(html.encode())


if __name__ == "__main__":
    try:
        _run(Path(sys.argv[1]), Path(sys.argv[2]), *sys.argv[3:])
    except AuditExportError as error:
        leave(error)
