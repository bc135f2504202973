"""Room on the disk, before anything is fetched that would not fit."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from exporter.errors import OutputError

LEAST = 64 * 2**20
"""Bytes that have to be free for any run: the report's drawing and a small log."""

PER_ENTRY = 3_000
"""Bytes for each entry of the log: raw response, archives and their spool, as measured, and some more."""

MOST = 2**30
"""Bytes at most that are asked for: the window may be a small part of a large log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """What is free on a disk, and what is needed, in bytes."""

    free: int
    """What the disk has left for this user."""

    least: int
    """What has to be free."""

    @classmethod
    def at(cls, folder: Path, *, total: int | None) -> Self:
        """Look at the disk that holds ``folder``, for a log of ``total`` entries."""
        return cls(free=shutil.disk_usage(folder).free, least=needed(total))

    @property
    def is_enough(self) -> bool:
        """Whether a run may begin."""
        return self.free >= self.least

    def __str__(self) -> str:
        return f"{self.free / 2**20:,.0f} MiB are free, {self.least / 2**20:,.0f} MiB are needed"


def needed(total: int | None) -> int:
    """Return how many bytes have to be free to read a log of ``total`` entries, where its size is known."""
    return min(MOST, LEAST + PER_ENTRY * (total or 0))


def refuse_without_space(folder: Path, *, total: int | None) -> None:
    """Raise :class:`OutputError` where too little is free on the disk that holds ``folder``.

    What is free can still run out later; that ends a run too, and leaves nothing behind.
    """
    room = Room.at(folder, total=total)
    if not room.is_enough:
        raise too_little(folder.parent, room)


def too_little(place: Path, room: Room) -> OutputError:
    """Return the error that there is not the ``room`` at ``place`` that there has to be."""
    return OutputError(
        f"There is too little room for {place}: {room}.",
        "Make room, or choose another disk: with --output, or for recheck with the variable TMPDIR.",
    )
