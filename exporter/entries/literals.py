"""Plain values as Arrow has them, with their type.

Where Arrow has to find out the type of a plain value it first looks for libraries that may have made it, each
time again, and that takes longer than most of what is done with a page.
"""

from array import array
from collections.abc import Sequence
from functools import cache

import pyarrow as pa
import pyarrow.compute as pc


@cache
def text(value: str | None) -> pa.StringScalar:
    """Return a text."""
    return pa.scalar(value, pa.string())


@cache
def number(value: int) -> pa.Int32Scalar:
    """Return a number of 32 bits."""
    return pa.scalar(value, pa.int32())


@cache
def flag(value: bool) -> pa.BooleanScalar:  # noqa: FBT001 - it is the value itself
    """Return true or false."""
    return pa.scalar(value, pa.bool_())


def numbers(values: Sequence[int]) -> pa.Int32Array:
    """Return numbers of 32 bits. Raises :class:`OverflowError` where one takes more."""
    held = array("i", values)
    return pa.Array.from_buffers(pa.int32(), len(held), [None, pa.py_buffer(held)])


def ends(sizes: pa.Int32Array) -> pa.Int32Array:
    """Return where stretches of these sizes begin and end: 0, and the end of each.

    Raises :class:`pyarrow.ArrowInvalid` where that takes more than 32 bits.
    """
    return pa.concat_arrays([numbers([0]), pc.cumulative_sum_checked(sizes)])


def flags(values: Sequence[bool]) -> pa.BooleanArray:
    """Return what is true and what is not."""
    return pa.array(values, pa.bool_())


def strings(content: bytes, sizes: pa.Int32Array) -> pa.StringArray:
    """Cut ``content`` into texts of these sizes, in bytes.

    Raises :class:`pyarrow.ArrowInvalid` where it is not UTF-8.
    """
    buffers = [None, ends(sizes).buffers()[1], pa.py_buffer(content)]
    return pa.Array.from_buffers(pa.binary(), len(sizes), buffers).cast(pa.string())


def content_of(texts: pa.StringArray) -> memoryview:
    """Return what all texts hold, one after another, without copying it."""
    _, offsets, content = texts.buffers()
    if not len(texts) or content is None:
        return memoryview(b"")
    places = memoryview(offsets).cast("i")
    return memoryview(content)[places[texts.offset] : places[texts.offset + len(texts)]]


def joined(*parts: pa.Array | pa.ChunkedArray | str) -> pa.Array | pa.ChunkedArray:
    """Join texts, row by row; null where one of them is null."""
    pieces = [text(part) if isinstance(part, str) else part for part in parts]
    return pc.binary_join_element_wise(*pieces, text(""))
