"""Where a bundle is built and where it ends up: whole, under its name, or not at all."""

import errno
import hashlib
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

from slugify import slugify

from exporter.errors import OutputError, UsageError
from exporter.evidence import bag
from exporter.evidence.coverage import BUNDLE_NAME

_TRIES = 20  # to make a folder that others remove as they leave
_SYNCED_AT_ONCE = 8


def archive_folder(output: Path, *, identity: str, name: str) -> Path:
    """Return the archive's folder for an organization: a slug of its name and 8 digits of its identity.

    The digits decide: a folder that has them is the organization's, whatever the slug says. Raises
    :class:`OutputError` where ``output`` cannot be a folder, and as :func:`refuse_output` does.
    """
    refuse_output(output)
    digits = hashlib.sha256(identity.encode()).hexdigest()[:8]
    try:
        for folder in sorted(output.iterdir()):
            if folder.name.endswith(f"-{digits}") and folder.is_dir():
                return folder
    except FileNotFoundError:
        pass  # it will be made
    except OSError as error:
        raise unwritable(output, error) from error
    return output / f"{slugify(name, max_length=40) or 'organization'}-{digits}"


def refuse_output(output: Path) -> None:
    """Raise :class:`UsageError` where ``output`` lies in a bundle, or is itself an archive."""
    refuse_inside(None, output, option="--output")
    with suppress(OSError):  # whoever looks or writes there says so
        if any(BUNDLE_NAME.fullmatch(inside.name) for inside in output.iterdir()):
            raise UsageError(
                f"{output} is an archive itself: there are bundles in it.",
                "Name the folder that holds the archive with --output.",
            )


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
    return all(os.access(folder / name, os.F_OK) for name in (bag.TAG_MANIFEST, bag.STATEMENT))


@contextmanager
def made_folder(archive: Path) -> Iterator[None]:
    """Make the archive's folder where there is none; afterwards it is gone again, if nothing is in it.

    Raises :class:`OutputError` where it cannot be made.
    """
    made = [folder for folder in (archive, archive.parent) if not folder.exists()]
    try:
        make_folder(archive)
    except OSError as error:
        raise unwritable(archive, error) from error
    try:
        yield
    finally:
        with suppress(OSError):
            for empty in made:
                empty.rmdir()


def make_folder(archive: Path) -> None:
    """Make the archive's folder where there is none, also where another run takes it along meanwhile.

    Raises :class:`OSError` where it cannot be made.
    """
    for _ in range(_TRIES):
        with suppress(FileExistsError, FileNotFoundError):
            archive.mkdir(mode=0o700, parents=True, exist_ok=True)
            return
    archive.mkdir(mode=0o700, parents=True, exist_ok=True)


def publish(folder: Path, target: Path) -> Path:
    """Give a sealed bundle its name, by one rename that replaces nothing.

    Before the name appears, everything is its owner's alone and on the disk; the name itself is for the
    caller to :func:`sync`. Raises :class:`OutputError` where it is taken or the disk refuses.
    """
    try:
        places = [folder, *folder.rglob("*")]
        for place in places:
            place.chmod(0o700 if place.is_dir() else 0o600)
        with ThreadPoolExecutor(_SYNCED_AT_ONCE, thread_name_prefix="sync") as pool:
            list(pool.map(sync, places))  # raises what the disk refused
        if target.exists():
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
        target.parent.mkdir(mode=0o700, exist_ok=True)
        folder.rename(target)
    except OSError as error:
        raise OutputError(
            f"The bundle could not be published as {target} ({error.strerror}).",
            "Mend what the system names, or see which run took the name, then run the same command again.",
        ) from error
    return target


def sync(path: Path) -> None:
    """Bring a file, or the names in a folder, to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        flush(descriptor)
    finally:
        os.close(descriptor)


def flush(descriptor: int) -> None:
    """Bring what was written to the disk, on macOS out of its own memory too, where ``fsync`` leaves it."""
    if sys.platform == "darwin":
        import fcntl  # noqa: PLC0415 - not every system has it

        with suppress(OSError):  # some file systems, of networks above all, know no such request
            fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
            return
    os.fsync(descriptor)


def unwritable(archive: Path, error: OSError) -> OutputError:
    """Say that an archive's folder cannot be made or written."""
    return OutputError(
        f"The output folder {archive} cannot be written ({error.strerror}).",
        "Choose another with --output, or mend its permissions.",
    )
