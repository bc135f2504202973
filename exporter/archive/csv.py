"""The table as CSV for spreadsheets: RFC 4180, UTF-8, values quoted, nulls bare.

A spreadsheet runs a cell that begins with ``=``, ``+``, ``-``, ``@``, a tab or a line break, also after
U+0000, which LibreOffice passes over. Such a cell gets a leading apostrophe, and so does one that begins with
an apostrophe: taking one leading apostrophe away from every cell that has one gives the values back.
"""

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from exporter.archive.files import HashingFile, Written
from exporter.entries.literals import joined

ACTIVE = "=+-@\t\r\n\0'"
"""Characters at the beginning of a cell that has to get an apostrophe."""

_ACTIVE = pa.array(list(ACTIVE), pa.string())
_INERT = ("timestamp", "changes", "extra", "source_sha256")  # they begin with a digit, a letter or a bracket
_OPTIONS = csv.WriteOptions(eol="\r\n", quoting_style="needed", quoting_header="none")


class CsvWriter:
    """Writes tables to one CSV file."""

    def __init__(self, file: HashingFile, schema: pa.Schema) -> None:
        self._file = file
        self._rows = 0
        self._names = schema.names
        text = pa.schema([pa.field(name, pa.string()) for name in schema.names])
        self._writer = csv.CSVWriter(pa.PythonFile(file, mode="w"), text, write_options=_OPTIONS)

    def write(self, text: pa.Table) -> None:
        """Append the rows of a table that :func:`~exporter.archive.text.as_text` made."""
        cells = [text[name] if name in _INERT else _defused(text[name]) for name in self._names]
        self._writer.write(pa.table(cells, names=self._names))
        self._rows += text.num_rows

    def close(self) -> None:
        """Close the file, finished or not; closing twice does nothing."""
        if not self._file.closed:
            self._writer.close()
            self._file.close()

    def finish(self) -> Written:
        """Close the file and describe it."""
        self.close()
        return self._file.written(self._rows)


def _defused(cells: pa.ChunkedArray) -> pa.ChunkedArray:
    active = pc.is_in(pc.utf8_slice_codeunits(cells, 0, 1), _ACTIVE)
    if not pc.any(active).as_py():
        return cells
    return pc.if_else(active, joined("'", cells), cells)
