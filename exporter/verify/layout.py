"""The container: whether it is one that a bundle comes in, with its files and no others."""

from collections.abc import Iterable, Iterator

from exporter.evidence import bag
from exporter.evidence.container import Container, Zip
from exporter.evidence.pack import is_as_packed
from exporter.facts import Check, Result
from exporter.verify.bundle import Bundle
from exporter.verify.findings import finding, lacking, none_of, not_read

_FILES = {*bag.NEEDED, bag.SIGNATURE, bag.TOKEN}
_FOLDERS = {"data"}


def container(bundle: Bundle) -> Iterator[Check]:
    """Look at the folder, or the zip, as such."""
    zipped = bundle.container if isinstance(bundle.container, Zip) else None
    found, result = _looked_at(bundle.container)
    if found or zipped:
        yield finding(
            "container",
            "The zip is the one that its files are packed into" if zipped else "The folder can be read",
            expected="no difference",
            found=found or "no difference",
            result=result,
        )


def layout(bundle: Bundle) -> Iterator[Check]:
    """Allow the known names at the top, each of what it has to be, and files and folders only."""
    files, folders = _at_top(bundle.container.files), _at_top(bundle.container.folders)
    added = (files - _FILES) | (folders - _FOLDERS) | bundle.container.odd.keys()
    absent = ({*bag.NEEDED} - files) | (_FOLDERS - folders)
    yield none_of("layout", "The folder holds the files of a bundle and no others", added)
    yield none_of("layout-whole", "No file of a bundle is lacking", absent, Result.MISSING)


def _at_top(paths: Iterable[str]) -> set[str]:
    return {path for path in paths if "/" not in path}


def _looked_at(container: Container) -> tuple[str, Result]:
    """Return what is wrong with a container, and what that comes to."""
    if container.flaws:
        return "; ".join(container.flaws), Result.DIFFERS
    if container.unlisted:
        return not_read(container.unlisted), Result.NOT_PERFORMED
    try:
        if isinstance(container, Zip) and (container.odd or not is_as_packed(container)):
            return "other bytes than those that its files would be packed into", Result.DIFFERS
    except OSError as error:
        return f"not compared: {error}", lacking(error)
    return "", Result.AS_EXPECTED
