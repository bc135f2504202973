"""The folder of an unfinished run: the bundle is built there out of sight, and what was fetched is kept.

The same command finds it again by its *fingerprint*, a digest of where it fetches from and what it was asked
for. What it fetched is the file of responses; the window is fixed in a record beside the folder, from the
moment it was decided. Everything else is derived and made again.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from exporter.errors import UsageError
from exporter.evidence.bag import RESPONSES
from exporter.evidence.bundle import made_folder, unwritable
from exporter.facts import Window

_PARTIAL = ".partial-"
_REFUSED = ".refused-"
_UNREADABLE = (OSError, ValueError, UsageError)


class Unfinished:
    """One run's folder while the run is under way."""

    def __init__(self, archive: Path, fingerprint: str) -> None:
        self.folder = archive / f"{_PARTIAL}{fingerprint}"
        """Where the bundle is built."""
        self.responses = self.folder / RESPONSES
        """Where the responses are kept, whether or not there are any yet."""
        self.table = self.folder / "data" / "audit.parquet"
        """Where the table is written."""
        self._half = archive / f"{_PARTIAL}{fingerprint}.new"
        self._refused = archive / f"{_REFUSED}{fingerprint}"

    @property
    def window(self) -> Window | None:
        """The window that an attempt fixed; ``None`` where nothing that was fetched is kept."""
        try:
            window = msgspec.json.decode(_record(self.folder).read_bytes(), type=Window)
            return window if self.responses.is_file() else None
        except _UNREADABLE:
            return None

    def begin(self) -> None:
        """Make the folder, or bring the one that was kept back to the responses alone."""
        if self.window is None:
            self.responses.parent.mkdir(parents=True, mode=0o700)
        else:
            self._keep_responses()

    def fix(self, window: Window) -> None:
        """Fix the window: from now on the folder is kept when the run is broken off."""
        self._half.write_bytes(msgspec.json.encode(window))
        self._half.replace(_record(self.folder))

    def set_aside(self) -> Path:
        """Put away what came of a run that ended and is not to be published; returns where it is.

        One such folder is kept for each command: the latest.
        """
        self._keep_responses()
        shutil.rmtree(self._refused, ignore_errors=True)
        self.folder.rename(self._refused)
        _record(self.folder).replace(_record(self._refused))
        return self._refused

    def forget_refused(self) -> None:
        """Remove, as far as it can be, what the same command had set aside before it ended well."""
        _remove_quietly(self._refused)

    def discard(self) -> None:
        """Remove the folder, and its record, as far as they can be."""
        _remove_quietly(self.folder)
        with suppress(OSError):
            self._half.unlink()

    def end(self) -> None:
        """Leave what the next attempt can use, and nothing else."""
        if self.window is None:
            self.discard()
        else:
            self._keep_responses()

    def _keep_responses(self) -> None:
        for path in (self.folder, self.folder / "data", self.responses.parent):
            for other in path.iterdir():
                if other not in self.responses.parents and other != self.responses:
                    _remove(other)


@contextmanager
def unfinished(archive: Path, fingerprint: str) -> Iterator[Unfinished]:
    """Make the folder of a run, or find what an earlier attempt at the same left of it.

    What any run left that was killed before its window was fixed, or once its bundle had its name, is cleared
    away: nobody can carry on with it, and the same command may never come. The archive is held meanwhile.

    Raises :class:`OutputError` where it cannot be made.
    """
    with made_folder(archive):
        run = Unfinished(archive, fingerprint)
        try:
            _clear_away_useless(archive)
            run.begin()
        except OSError as error:
            raise unwritable(archive, error) from error
        try:
            yield run
        finally:
            run.end()


def _clear_away_useless(archive: Path) -> None:
    for name in {path.with_suffix("").name for path in archive.glob(f"{_PARTIAL}*")}:
        run = Unfinished(archive, name.removeprefix(_PARTIAL))
        if run.window is None:
            run.discard()


def forget(archive: Path, sealed: Window) -> None:
    """Remove, as far as it can be, what is left of runs whose window a whole bundle of ``archive`` covers."""
    for record in [*archive.glob(f"{_PARTIAL}*.json"), *archive.glob(f"{_REFUSED}*.json")]:
        try:
            window = msgspec.json.decode(record.read_bytes(), type=Window)
        except _UNREADABLE:
            continue
        if sealed.since <= window.since and window.until <= sealed.until:
            _remove_quietly(record.with_suffix(""))


def _record(folder: Path) -> Path:
    return folder.with_name(folder.name + ".json")


def _remove_quietly(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    with suppress(OSError):
        _record(folder).unlink()


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()
