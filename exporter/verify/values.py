"""Whether a Parquet file, whoever wrote it, holds the values of one that was derived here.

A value that repeats stands in a file once, and takes its size for each row when it is read: some kilobytes
become gigabytes. So texts are first read as places in a list of values, from which follows how long
they are, and as themselves only where they are no longer than those they are held against.
"""

from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

_ROWS = 65_536
_IN_FULL = {"DELTA_LENGTH_BYTE_ARRAY", "RLE"}
"""How a text that does not repeat is written, with its length; such a column has no list of values."""


def same_values(file: BinaryIO, derived: Path) -> bool:
    """Compare ``file`` with ``derived``; raises ``OSError`` or what pyarrow does where it cannot be read."""
    one, other = pq.ParquetFile(file), pq.ParquetFile(derived)
    if not one.schema_arrow.equals(other.schema_arrow) or _counts(one.metadata) != _counts(other.metadata):
        return False
    placed = pq.ParquetFile(file, read_dictionary=_repeating(one.metadata))
    return all(
        sum(map(_size, first.columns)) <= second.nbytes
        for first, second in zip(placed.iter_batches(_ROWS), other.iter_batches(_ROWS), strict=True)
    ) and all(
        first.equals(second)
        for first, second in zip(one.iter_batches(_ROWS), other.iter_batches(_ROWS), strict=True)
    )


def _counts(metadata: pq.FileMetaData) -> list[int]:
    """Return the number of rows, and of values in each column."""
    groups = [metadata.row_group(place) for place in range(metadata.num_row_groups)]
    columns = range(metadata.num_columns)
    return [
        metadata.num_rows,
        *(sum(group.column(place).num_values for group in groups) for place in columns),
    ]


def _repeating(metadata: pq.FileMetaData) -> list[str]:
    """Name the columns of texts that may stand in the file once for many rows."""
    groups = [metadata.row_group(place) for place in range(metadata.num_row_groups)]
    chunks = [group.column(place) for group in groups for place in range(metadata.num_columns)]
    texts = (chunk for chunk in chunks if chunk.physical_type == "BYTE_ARRAY")
    return sorted({chunk.path_in_schema for chunk in texts if not _IN_FULL.issuperset(chunk.encodings)})


def _size(array: pa.Array) -> int:
    """Return how many bytes of text the array stands for, or takes where it is no text."""
    if pa.types.is_list(array.type) or pa.types.is_struct(array.type):
        flat = array.flatten()
        return sum(map(_size, flat if isinstance(flat, list) else [flat]))
    if pa.types.is_dictionary(array.type):
        lengths = pc.binary_length(array.dictionary).take(array.indices)
        return int(pc.sum(lengths).as_py() or 0)
    return int(array.nbytes)
