"""The container: whether it is one that a bundle comes in, with its files and no others."""

from collections.abc import Iterator

from exporter.evidence import bag
from exporter.evidence.container import Zip
from exporter.evidence.pack import is_as_packed
from exporter.facts import Check, Result
from exporter.verify.bundle import Bundle
from exporter.verify.findings import finding, none_of

_NEEDED = {*bag.TAG_FILES, bag.TAG_MANIFEST, "data"}
_ALLOWED = {*_NEEDED, bag.SIGNATURE, bag.TOKEN}


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
    """Allow the known names at the top, and files and folders only."""
    roots = bundle.container.roots
    added = (roots - _ALLOWED) | bundle.container.odd.keys()
    yield none_of("layout", "The folder holds the files of a bundle and no others", added)
    yield none_of("layout-whole", "No file of a bundle is lacking", _NEEDED - roots, Result.MISSING)


def _is_as_packed(zipped: Zip) -> bool:
    try:
        return is_as_packed(zipped)
    except OSError:
        return False
