"""The second story: is a bundle still what was sealed? Offline, and as a list of findings.

Each step below asks one question and answers with findings; none stops the next, so that one look tells
everything that is wrong. The seal comes first: it is checked on the bytes, before they are read for their
meaning.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from exporter.errors import UsageError
from exporter.evidence import bag
from exporter.evidence.container import Container, Folder, Zip
from exporter.facts import Check
from exporter.verify import archive, content, description, digests, layout, seal
from exporter.verify.archive import NOTHING, Anchors
from exporter.verify.bundle import Bundle, Trust
from exporter.verify.findings import Outcome
from exporter.verify.measure import measuring

NOBODY = Trust()
"""An examiner whom nothing reached but the bundle."""

_Step = Callable[[Bundle], Iterator[Check]]

_OF_THE_SEAL: list[_Step] = [
    layout.container,
    layout.layout,
    seal.signature,
    seal.timestamp,
    digests.tag_files,
]
_OF_THE_CONTENT: list[_Step] = [
    digests.payload,
    digests.statement,
    digests.recorded,
    description.description,
    content.rows,
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """What was found out about one bundle, or about an archive and each bundle in it."""

    path: Path
    """What was examined."""

    findings: list[Check]
    """What was found of it as a whole."""

    signer: str | None = None
    """Fingerprint of the key that a bundle names as its signer's; ``None`` for an unsigned one."""

    bundles: list["Examined"] = field(default_factory=list)
    """The bundles of an archive."""

    @property
    def all_findings(self) -> list[Check]:
        """What was found of it and of all its parts."""
        return [*self.findings, *(check for bundle in self.bundles for check in bundle.findings)]

    @property
    def outcome(self) -> Outcome:
        """What it comes to, with all its parts."""
        return Outcome.of(self.all_findings)


def verify(path: Path, *, reperform: bool, trust: Trust = NOBODY) -> list[Check]:
    """Check a bundle, in a folder or a zip; ``reperform`` also derives its archives again.

    Raises :class:`~exporter.errors.UsageError` where ``path`` is no bundle at all.
    """
    return examine(path, reperform=reperform, trust=trust).findings


def examine(path: Path, *, reperform: bool, trust: Trust = NOBODY, anchors: Anchors = NOTHING) -> Examined:
    """Check a bundle, in a folder or a zip, or an archive with every bundle in it.

    Raises :class:`~exporter.errors.UsageError` where ``path`` is neither.
    """
    if path.is_dir() and not archive.has_traces(path) and archive.folders(path):
        return _examine_archive(path, anchors, reperform=reperform, trust=trust)
    if anchors.from_head is not None or anchors.expect_through is not None:
        raise UsageError(
            f"--from-head and --expect-through ask about an archive, and {path} is none.",
            "Name the folder that holds the bundles.",
        )
    if not path.is_dir() and not _is_like_a_zip(path):
        raise UsageError(
            f"{path} is neither a folder nor a zip.",
            "Name the folder that a run printed, or what pack made of it.",
        )
    bundle = open_bundle(path, trust)
    if isinstance(bundle.container, Folder) and not bundle.is_closed and not archive.has_traces(path):
        raise UsageError(f"{path} is not a bundle: it has no {bag.TAG_MANIFEST}.", _to_name_instead(path))
    findings = _findings(bundle, reperform=reperform)
    if anchors.head is not None:
        findings.append(seal.head(bundle, anchors.head))
    return Examined(path=path, findings=findings, signer=bundle.signer)


def _to_name_instead(folder: Path) -> str:
    archives = [str(each) for each in archive.folders_in(folder) if archive.folders(each)]
    return (
        f"It holds archives; name {' or '.join(archives)}."
        if archives
        else "Name the folder that a run printed."
    )


def open_bundle(path: Path, trust: Trust = NOBODY) -> Bundle:
    """Open what claims to be a bundle, whatever it is."""
    container: Container = Folder(path) if path.is_dir() else Zip(path)
    return Bundle(container, trust)


def _examine_archive(path: Path, anchors: Anchors, *, reperform: bool, trust: Trust) -> Examined:
    examined, places, extracts, unread = [], [], [], []
    for folder in archive.folders(path):
        bundle = open_bundle(folder, trust)
        findings = _findings(bundle, reperform=reperform)
        examined.append(Examined(path=folder, findings=findings, signer=bundle.signer))
        place = archive.read_place(folder, bundle)
        if place is not None:
            places.append(place)
        elif archive.is_extract(bundle):
            extracts.append(folder)
        elif bundle.unread(bag.STATEMENT, bag.TAG_MANIFEST) and folder.parent == path:
            unread.append(folder.name)
    together = list(archive.judge(places, extracts, unread, anchors))
    return Examined(path=path, findings=together, bundles=examined)


def _findings(bundle: Bundle, *, reperform: bool) -> list[Check]:
    if bundle.is_closed:
        return list(layout.container(bundle))
    sealed = _asked(_OF_THE_SEAL, bundle)
    with measuring(bundle.container, bundle.payload) as bundle.measured:
        follows = _reperformed(bundle) if reperform else []
        return [*sealed, *_asked(_OF_THE_CONTENT, bundle), *follows]


def _asked(steps: Sequence[_Step], bundle: Bundle) -> list[Check]:
    return [check for step in steps for check in step(bundle)]


def _reperformed(bundle: Bundle) -> list[Check]:
    """Derive the archives again, which takes longest, while the files are read."""
    from exporter.verify.reperformance import reperformed  # noqa: PLC0415 - half a second of imports

    return list(reperformed(bundle))


def _is_like_a_zip(path: Path) -> bool:
    """Tell a zip, also one that was damaged, from a file that was named by mistake."""
    if not path.is_file():
        return False
    try:
        with path.open("rb") as file:
            return path.suffix == ".zip" or file.read(2) == b"PK"
    except OSError:
        return True  # that it cannot be read is a finding
