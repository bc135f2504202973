"""Files that somebody names, for rooms that do not know one another: read whole, digested, or not written."""

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


def refuse_inside(bundle: Path | None, to: Path, *, option: str = "--to") -> None:
    """Raise :class:`UsageError` where what an ``option`` names lies inside ``bundle``, or any other."""
    try:
        place, own = to.resolve(), None if bundle is None else bundle.resolve()
    except (OSError, RuntimeError):  # it leads nowhere, or to itself: whoever writes there says so
        return
    if any(folder == own or _is_sealed(folder) for folder in (place, *place.parents)):
        raise UsageError(
            f"{to} lies inside the bundle, which is sealed.", f"Name a folder outside it with {option}."
        )


def _is_sealed(folder: Path) -> bool:
    return all(os.access(folder / name, os.F_OK) for name in ("tagmanifest-sha256.txt", "manifest.json"))
