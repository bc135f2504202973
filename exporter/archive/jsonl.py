"""The table as JSON lines: one canonical line per entry.

The canonical form: the columns in the order of the schema, nulls written, no white space between tokens;
``changes``, ``metadata`` and ``extra`` are the JSON they stand for, their numbers digit by digit as received.
"""

import pyarrow as pa
import pyarrow.compute as pc

from exporter.archive.files import HashingFile, Written
from exporter.archive.text import escaped
from exporter.entries.literals import content_of, joined

_JSON_COLUMNS = ("changes", "metadata", "extra")


class JsonlWriter:
    """Writes tables to one file of JSON lines."""

    def __init__(self, file: HashingFile, _schema: pa.Schema) -> None:
        self._file = file
        self._rows = 0

    def write(self, text: pa.Table) -> None:
        """Append the rows of a table that :func:`~exporter.archive.text.as_text` made."""
        for batch in text.to_batches():
            self._file.write(content_of(_lines(batch)))
            self._rows += batch.num_rows

    def close(self) -> None:
        """Close the file, finished or not; closing twice does nothing."""
        self._file.close()

    def finish(self) -> Written:
        """Close the file and describe it."""
        self.close()
        return self._file.written(self._rows)


def _lines(batch: pa.RecordBatch) -> pa.StringArray:
    """Join cells and the text between them; the fewer pieces the faster, so what is constant is gathered."""
    pieces: list[pa.Array | str] = []
    between = "{"
    for name, cells in zip(batch.schema.names, batch.columns, strict=True):
        between += f'"{name}":'
        if name in _JSON_COLUMNS:
            pieces += [between, pc.fill_null(cells, "null")]
            between = ","
        elif cells.null_count:
            pieces += [between, pc.fill_null(joined('"', escaped(cells), '"'), "null")]
            between = ","
        else:
            pieces += [between + '"', escaped(cells)]
            between = '",'
    return joined(*pieces, between.removesuffix(",") + "}\n")
