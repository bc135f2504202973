"""The table as JSON lines: one canonical line per entry.

The canonical form: the columns in the order of the schema, nulls written, no white space between tokens;
``changes``, ``metadata`` and ``extra`` are the JSON they stand for, their numbers digit by digit as received.
"""

import msgspec
import pyarrow as pa

from exporter.archive.files import HashingFile, Written
from exporter.archive.text import as_text

_JSON_COLUMNS = ("changes", "metadata", "extra")

_encoder = msgspec.json.Encoder()


class JsonlWriter:
    """Writes tables to one file of JSON lines."""

    def __init__(self, file: HashingFile, schema: pa.Schema) -> None:
        self._file = file
        self._rows = 0
        self._names = schema.names

    def write(self, table: pa.Table) -> None:
        """Append the rows of ``table``."""
        text = as_text(table)
        columns = [_values(text[name].to_pylist(), json=name in _JSON_COLUMNS) for name in self._names]
        lines = [dict(zip(self._names, row, strict=True)) for row in zip(*columns, strict=True)]
        self._file.write(_encoder.encode_lines(lines))
        self._rows += table.num_rows

    def close(self) -> None:
        """Close the file, finished or not; closing twice does nothing."""
        self._file.close()

    def finish(self) -> Written:
        """Close the file and describe it."""
        self.close()
        return self._file.written(self._rows)


def _values(cells: list[str | None], *, json: bool) -> list[str | msgspec.Raw | None]:
    return [msgspec.Raw(cell) if json and cell is not None else cell for cell in cells]
