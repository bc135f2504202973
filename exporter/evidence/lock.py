"""One run at a time on an archive."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from exporter.errors import BusyError
from exporter.evidence.bundle import made_folder, make_folder

_NAME = ".lock"


@contextmanager
def held(archive: Path, *, timeout: float) -> Iterator[None]:
    """Hold an archive, whose folder is made where there is none, against every other run.

    Waits up to ``timeout`` seconds for another run to end, then raises :class:`BusyError`. The operating
    system lets go of the archive when a run is killed. Raises :class:`~exporter.errors.OutputError` where the
    folder cannot be made.
    """
    with made_folder(archive):
        lock = FileLock(archive / _NAME, timeout=timeout, mode=0o600)
        try:
            _acquire(lock, archive)
        except Timeout as error:
            raise BusyError(
                f"Another run holds the archive {archive}.",
                "Run the same command again when it has ended, or wait for it with --lock-timeout.",
            ) from error
        try:
            yield
        finally:
            # Removed while it is held: whoever opened it meanwhile sees that it has lost its name.
            with suppress(OSError):
                Path(lock.lock_file).unlink()
            lock.release()


def _acquire(lock: FileLock, archive: Path) -> None:
    """Acquire the lock, making the folder again where a run that failed took it along."""
    while True:
        try:
            lock.acquire()
        except FileNotFoundError:
            make_folder(archive)
        else:
            return
