"""The container: whether it is one that a bundle comes in, with its files and no others."""

from collections.abc import Iterable, Iterator

from exporter.evidence import bag
from exporter.evidence.container import Zip
from exporter.evidence.pack import is_as_packed
from exporter.facts import Check, Result
from exporter.verify.bundle import Bundle
from exporter.verify.findings import finding, none_of

_NEEDED = {*bag.TAG_FILES, bag.TAG_MANIFEST}
_FILES = {*_NEEDED, bag.SIGNATURE, bag.TOKEN}
_FOLDERS = {"data"}


def container(bundle: Bundle) -> Iterator[Check]:
    """Look at the folder, or the zip, as such."""
    zipped = bundle.container if isinstance(bundle.container, Zip) else None
    found = "; ".join(bundle.container.flaws)
    if zipped and not found and not bundle.container.odd and not _is_as_packed(zipped):
        found = "other bytes than those that its files would be packed into"
    if found or zipped:
        yield finding(
            "container",
            "The zip is the one that its files are packed into" if zipped else "The folder can be read",
            expected="no difference",
            found=found or "no difference",
            result=Result.DIFFERS if found else Result.AS_EXPECTED,
        )


def layout(bundle: Bundle) -> Iterator[Check]:
    """Allow the known names at the top, each of what it has to be, and files and folders only."""
    files, folders = _at_top(bundle.container.files), _at_top(bundle.container.folders)
    added = (files - _FILES) | (folders - _FOLDERS) | bundle.container.odd.keys()
    lacking = (_NEEDED - files) | (_FOLDERS - folders)
    yield none_of("layout", "The folder holds the files of a bundle and no others", added)
    yield none_of("layout-whole", "No file of a bundle is lacking", lacking, Result.MISSING)


def _at_top(paths: Iterable[str]) -> set[str]:
    return {path for path in paths if "/" not in path}


def _is_as_packed(zipped: Zip) -> bool:
    try:
        return is_as_packed(zipped)
    except OSError:
        return False
