"""Temporary files of our own. That one cannot be written says nothing of what is being read meanwhile."""

import io
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from exporter.errors import OutputError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """Make a folder that is gone afterwards; raises :class:`~exporter.errors.OutputError` where it cannot."""
    try:
        made = tempfile.TemporaryDirectory(prefix="audit-export-")
    except OSError as error:
        raise unwritable(error) from error
    with made as folder:
        _refuse_bytes(folder)
        yield Path(folder)


def _refuse_bytes(folder: str) -> None:
    """Refuse a name that the archives' library could not open: it would be taken for what it reads."""
    try:
        folder.encode()
    except UnicodeEncodeError as error:
        raise OutputError(
            f"Temporary files would go to {folder}, which is not a name in UTF-8.",
            "Name another folder in the environment variable TMPDIR.",
        ) from error


def scratch_file(path: Path) -> io.BufferedRandom:
    """Open a new file in a folder of :func:`scratch_folder`, to write and to read.

    Writing raises :class:`~exporter.errors.OutputError`, so that an ``OSError`` is that of another file.
    """
    try:
        return io.BufferedRandom(_File(path, "x+"))
    except OSError as error:
        raise unwritable(error) from error


def unwritable(error: OSError) -> OutputError:
    """Say that a temporary file cannot be written, in the system's words, which libraries add theirs to."""
    reason = os.strerror(error.errno or 0)
    return OutputError(
        f"A temporary file could not be written below {tempfile.tempdir or 'any folder'} ({reason}).",
        "Make room there, or name another folder in the environment variable TMPDIR.",
    )


class _File(io.FileIO):
    def write(self, data: "ReadableBuffer", /) -> int:
        try:
            return super().write(data)
        except OSError as error:
            raise unwritable(error) from error
