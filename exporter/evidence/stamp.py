"""Stamping: a token for a signature, at once or later where the authority did not answer then."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from exporter import record
from exporter.errors import StampError
from exporter.evidence import bag
from exporter.evidence.bundle import flush, sync
from exporter.evidence.coverage import EXTRACTS

if TYPE_CHECKING:
    from exporter.evidence.authority import Authority

_PREFIX = ".token-"
_UNREADABLE = (OSError, ValueError, RecursionError)


def stamp(bundle: Path, authority: "Authority") -> None:
    """Have a signed bundle stamped that has no token yet; the token appears whole or not at all.

    Raises :class:`~exporter.errors.StampError` where the authority gives none, or the disk takes none; the
    bundle is then as it was.
    """
    from exporter.evidence.authority import request_token  # noqa: PLC0415 - most runs ask no authority

    target = bundle / bag.TOKEN
    if os.path.lexists(target):
        return
    try:
        signature = (bundle / bag.SIGNATURE).read_bytes()
    except OSError as error:
        raise _unstampable(f"The signature of {bundle} could not be read", error) from error
    token = request_token(signature, authority)
    try:
        _write_whole(token, target)
    except OSError as error:
        raise _unstampable(f"The time stamp could not be written to {target}", error) from error


def stamp_missing(archive: Path, authority: "Authority") -> list[Path]:
    """Stamp every bundle of an archive, and every extract, that was to be stamped and was not.

    Returns those that now are. Clears away what a run left behind that was killed while it wrote a token.
    Raises :class:`~exporter.errors.StampError` at the first for which the authority gives no token, and where
    the archive cannot be looked through.
    """
    places = [place for place in (archive, archive / EXTRACTS) if place.is_dir()]
    try:
        for left in (path for place in places for path in place.glob(f"{_PREFIX}*")):
            left.unlink()
        lacking = [bundle for place in places for bundle in _unstamped(place)]
    except OSError as error:
        where = error.filename or archive
        raise _unstampable(
            f"What lacks a time stamp could not be found out because of {where}", error
        ) from error
    for bundle in lacking:
        stamp(bundle, authority)
    return lacking


def _write_whole(content: bytes, target: Path) -> None:
    """Write a file beside the bundle, bring it to the disk, and give it its name there."""
    descriptor, name = tempfile.mkstemp(prefix=_PREFIX, dir=target.parent.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            flush(file.fileno())
        Path(name).rename(target)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise
    sync(target.parent)


def _unstamped(place: Path) -> Iterator[Path]:
    for bundle in sorted(path for path in place.iterdir() if not path.name.startswith(".")):
        signed = (bundle / bag.SIGNATURE).is_file()
        if signed and not os.path.lexists(bundle / bag.TOKEN) and _was_to_be_stamped(bundle):
            yield bundle


def _unstampable(what: str, error: OSError) -> StampError:
    return StampError(
        f"{what} ({error.strerror}).",
        "Make room or mend what is in the way, then run the same command again; it asks for the token again.",
    )


def _was_to_be_stamped(bundle: Path) -> bool:
    try:
        run = record.decode((bundle / "data" / "run.json").read_bytes())
    except _UNREADABLE:
        return False  # verify says what is wrong with it
    return run.seal.timestamp_authority is not None
