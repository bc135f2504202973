"""Files that somebody names, for rooms that do not know one another: read whole, or digested."""

import hashlib
import os
from pathlib import Path
from typing import BinaryIO

from exporter.errors import UsageError

_AT_ONCE = getattr(os, "O_NONBLOCK", 0)  # not every system has it


def sha256_file(path: Path) -> str:
    """Return the SHA-256 of a file, 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def open_named(path: Path) -> BinaryIO:
    """Open a file to read. A pipe is one too: it is empty where nobody writes to it, and never waited for."""
    descriptor = os.open(path, os.O_RDONLY | _AT_ONCE | getattr(os, "O_BINARY", 0))
    if _AT_ONCE:
        os.set_blocking(descriptor, True)
    return os.fdopen(descriptor, "rb")


def read_whole(path: Path, *, most: int, name: str, remedy: str) -> bytes:
    """Return all that a file holds; what has no end, such as a device, holds more than ``most`` bytes.

    Raises :class:`UsageError` then, with this ``name`` for the file and this ``remedy``.
    """
    with open_named(path) as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise UsageError(f"{name} is larger than {most:,} bytes.", remedy)
    return content
