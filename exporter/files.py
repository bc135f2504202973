"""Files that somebody names, for rooms that do not know one another: read whole, digested, or not written."""

import hashlib
from pathlib import Path

from exporter.errors import UsageError


def sha256_file(path: Path) -> str:
    """Return the SHA-256 of a file, 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_whole(path: Path, *, most: int, name: str, remedy: str) -> bytes:
    """Return all that a file holds; what has no end, such as a device, holds more than ``most`` bytes.

    Raises :class:`UsageError` then, with this ``name`` for the file and this ``remedy``.
    """
    with path.open("rb") as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise UsageError(f"{name} is larger than {most:,} bytes.", remedy)
    return content


def refuse_inside(bundle: Path, to: Path) -> None:
    """Raise :class:`UsageError` where what is made of a bundle would be written into it."""
    if to.resolve().is_relative_to(bundle.resolve()):
        raise UsageError(
            f"{to} lies inside the bundle, which is sealed.", "Name a folder outside it with --to."
        )
