"""Room on the disk, before anything is fetched that would not fit."""

import shutil
from pathlib import Path

from exporter.errors import OutputError

LEAST = 64 * 2**20
"""Bytes that have to be free for any run: the report's drawing and a small log."""

PER_ENTRY = 3_000
"""Bytes for each entry of the log: raw response, archives and their spool, as measured, and some more."""

MOST = 2**30
"""Bytes at most that are asked for: the window may be a small part of a large log."""


def needed(total: int | None) -> int:
    """Return how many bytes have to be free to read a log of ``total`` entries, where its size is known."""
    return min(MOST, LEAST + PER_ENTRY * (total or 0))


def refuse_without_space(folder: Path, *, total: int | None) -> None:
    """Raise :class:`OutputError` where too little is free on the disk that holds ``folder``.

    What is free can still run out later; that ends a run too, and leaves nothing behind.
    """
    free, least = shutil.disk_usage(folder).free, needed(total)
    if free < least:
        raise OutputError(
            f"{_mebibytes(free)} MiB are free for {folder.parent}, and {_mebibytes(least)} MiB are needed.",
            "Make room, or choose another disk with --output.",
        )


def _mebibytes(size: int) -> str:
    return f"{size / 2**20:,.0f}"
