"""The second story: is a bundle still what was sealed? Offline, and as a list of findings.

Each step below asks one question and answers with findings; none stops the next, so that one look tells
everything that is wrong. The seal comes first: it is checked on the bytes, before they are read for their
meaning.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

from exporter.errors import UsageError
from exporter.evidence import bag
from exporter.evidence.container import Container, Folder, Zip
from exporter.facts import Check
from exporter.verify import content, digests, layout, seal
from exporter.verify.bundle import Bundle, Trust

NOBODY = Trust()
"""An examiner whom nothing reached but the bundle."""

_STEPS: list[Callable[[Bundle], Iterator[Check]]] = [
    layout.container,
    layout.layout,
    seal.signature,
    seal.timestamp,
    digests.tag_files,
    digests.payload,
    digests.statement,
    content.rows,
]
_TRACES = {*bag.TAG_FILES, bag.TAG_MANIFEST}


def verify(path: Path, *, reperform: bool, trust: Trust = NOBODY) -> list[Check]:
    """Check a bundle, in a folder or a zip; ``reperform`` also derives its archives again.

    Raises :class:`~exporter.errors.UsageError` where ``path`` is no bundle at all.
    """
    return examine(open_bundle(path, trust), reperform=reperform)


def open_bundle(path: Path, trust: Trust) -> Bundle:
    """Open what claims to be a bundle; raises :class:`~exporter.errors.UsageError` where nothing does."""
    container: Container = Folder(path) if path.is_dir() else Zip(path)
    if not container.flaws and not container.roots & _TRACES:
        raise UsageError(
            f"{path} is not a bundle: it has no {bag.TAG_MANIFEST}.", "Name the folder that a run printed."
        )
    return Bundle(container, trust)


def examine(bundle: Bundle, *, reperform: bool) -> list[Check]:
    """Take every step."""
    steps = [*_STEPS, content.reperformed] if reperform else _STEPS
    return [check for step in steps for check in step(bundle)]
