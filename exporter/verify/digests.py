"""Digests: whether every file is still what was sealed, and the lists of digests agree."""

import hashlib
import json
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import msgspec
import rfc8785

from exporter import record
from exporter.errors import AuditExportError
from exporter.evidence import bag, manifest
from exporter.evidence.container import UnsafeError, was_not_read
from exporter.facts import Check, Result, Verdict
from exporter.verify.bundle import NOT_READABLE, Bundle, Statement
from exporter.verify.findings import finding, lacking, named, none_of, not_read
from exporter.verify.measure import Measure

_LATER_FILES = {"data/run.json", "data/report.pdf"}
"""What is made after the record of the run, and so is not listed there."""


def tag_files(bundle: Bundle) -> Iterator[Check]:
    """Compare the manifests and the description with the tag manifest, and with their one form."""
    unread = bundle.unread(*_FORMS)
    if bundle.has(bag.TAG_MANIFEST):
        yield from _listed_tags(bundle)
    present = {name for name in _FORMS if bundle.has(name)}
    yield none_of(
        "tag-files-form",
        "Each of them is in the one form that this program writes",
        {name for name in present - unread.keys() if not _is_canonical(bundle, name)},
        unread=unread,
    )


def _listed_tags(bundle: Bundle) -> Iterator[Check]:
    what = "The manifests and the description are as sealed"
    unread = bundle.unread(bag.TAG_MANIFEST)
    if unread:
        yield none_of("tag-files", what, (), unread=unread)
        return
    found = {name: _tag_digest(bundle, name) for name in bundle.tags}
    yield _digests("tag-files", what, bundle.tags, found)
    yield none_of(
        "tag-files-listed",
        "The tag manifest covers each of them",
        bundle.tags.keys() ^ set(bag.TAG_FILES),
    )


def payload(bundle: Bundle) -> Iterator[Check]:
    """Compare every file below ``data/`` with the manifest."""
    what = "Every file below data/ is as sealed"
    if not bundle.lists_payload:
        unread = bundle.unread(bag.PAYLOAD_MANIFEST)
        if unread:
            yield none_of("payload", what, (), unread=unread)
        return
    listed = bundle.payload
    found = {
        path: measure.sha256 if isinstance(measure, Measure) else measure
        for path, measure in bundle.measured.items()
    }
    yield _digests("payload", what, listed, found)
    absent = {path for path in listed if _is_missing(found[path])}
    yield none_of("payload-whole", "Every listed file is there", absent, Result.MISSING)
    added = {path for path in bundle.container.files if path.startswith("data/")} - listed.keys()
    added.update(_left_empty(bundle.container.empty, sorted(listed)))
    yield none_of("payload-listed", "Every file below data/ is listed, and no folder is empty", added)


def statement(bundle: Bundle) -> Iterator[Check]:
    """Compare the statement with the manifest and with the record of the run."""
    what = "manifest.json states the same digests"
    try:
        stated = bundle.stated
    except NOT_READABLE as error:
        yield none_of("statement", what, {bag.STATEMENT}, lacking(error))
        return
    subjects = Counter((subject.name, subject.digest.sha256) for subject in stated.subject)
    if bundle.lists_payload:
        once = Counter(bundle.payload.items())
        yield none_of("statement", what, {name for name, _ in (subjects - once) + (once - subjects)})
    what = "It says of the run what the run recorded"
    try:
        yield none_of("statement-run", what, _unlike_run(bundle, bundle.run, stated))
    except (*NOT_READABLE, AuditExportError) as error:
        yield none_of("statement-run", what, {"data/run.json"}, lacking(error))


def _unlike_run(bundle: Bundle, run: record.Run, stated: Statement) -> set[str]:
    """State the run again and compare; whether its place in a chain is the right one is for the archive."""
    digests = {"data/run.json": bundle.payload.get("data/run.json", "")}
    content = manifest.statement(digests, run, bundle.link)
    again = msgspec.json.decode(content, type=Statement)
    kinds = (
        ("_type", stated.type, again.type),
        ("predicateType", stated.predicate_type, again.predicate_type),
    )
    other = {name for name, found, expected in kinds if found != expected}
    predicate, expected = stated.predicate, again.predicate
    unlisted = set() if "data/run.json" in bundle.payload else {"run"}
    compared = (predicate.keys() & expected.keys()) - unlisted
    differing = {name for name in compared if predicate[name] != expected[name]}
    return other | differing | (predicate.keys() ^ expected.keys())


def recorded(bundle: Bundle) -> Iterator[Check]:
    """Compare the record of the run, whose digest the report prints, with the manifest and with itself."""
    try:
        run = bundle.run
    except NOT_READABLE:
        return  # which the statement's comparison says
    if bundle.lists_payload:
        what = "The files are those that the record of the run lists"
        yield none_of("record-files", what, set(_unlike_files(bundle, run.files)))
    yield none_of("record", "The record of the run agrees with itself", set(_contradictions(run)))


def _unlike_files(bundle: Bundle, files: Sequence[record.File]) -> Iterator[str]:
    """Name the files that are not listed as they are, once each."""
    listed = Counter((file.path, file.sha256) for file in files)
    there = Counter(file for file in bundle.payload.items() if file[0] not in _LATER_FILES)
    yield from (path for path, _ in (listed - there) + (there - listed))
    for file in files:
        found = bundle.measured.get(file.path)
        if isinstance(found, Measure) and found.sha256 == file.sha256 and found.size != file.bytes:
            yield file.path


def _contradictions(run: record.Run) -> Iterator[str]:
    """Name what other parts of the record do not bear out, or that it is of another format."""
    if run.format != record.FORMAT:
        yield "format"
    if run.verdict.value is not Verdict.of(run.checks):
        yield "verdict"
    archives = {file.path for file in run.files if file.path.startswith("data/audit.")}
    for names in (run.options.formats, run.counts.formats):
        if archives != {f"data/audit.{name}" for name in names}:
            yield "formats"


def _digests(id_: str, what: str, listed: Mapping[str, str], found: Mapping[str, str | OSError]) -> Check:
    """Compare digests; what is not there is another finding's."""
    there = {path for path in listed if not _is_missing(found[path])}
    unread = {path: error for path, error in found.items() if was_not_read(error)}
    differing = {path for path in there - unread.keys() if found[path] != listed[path]}
    good = [f"{len(there) - len(differing) - len(unread):,}"]
    others = [*([f"not {named(differing)}"] if differing else []), *([not_read(unread)] if unread else [])]
    as_read = Result.NOT_PERFORMED if unread else Result.AS_EXPECTED
    return finding(
        id_,
        what,
        expected=f"{len(listed):,} files with their digests",
        found="; ".join(good + others),
        result=as_read if listed and not differing else Result.DIFFERS,
    )


def _left_empty(folders: Iterable[str], listed: Sequence[str]) -> Iterator[str]:
    """Yield the empty folders below ``data/`` in which no listed file, ascending, should be."""
    for folder in folders:
        place = bisect_left(listed, f"{folder}/")
        if folder.startswith("data/") and not "".join(listed[place : place + 1]).startswith(f"{folder}/"):
            yield f"{folder}/"


def _tag_digest(bundle: Bundle, name: str) -> str | OSError:
    try:
        return hashlib.sha256(bundle.read(name)).hexdigest()
    except OSError as error:
        return error


def _is_missing(found: str | OSError) -> bool:
    return isinstance(found, FileNotFoundError) and not isinstance(found, UnsafeError)


def _is_canonical(bundle: Bundle, name: str) -> bool:
    try:
        content = bundle.read(name)
        return _FORMS[name](content) == content
    except NOT_READABLE:
        return False


def _canonical_description(content: bytes) -> bytes:
    fields = [line.partition(": ")[::2] for line in content.decode().split("\n")[:-1]]
    return bag.description_text(fields).encode()


def _canonical_manifest(content: bytes) -> bytes:
    return bag.manifest_text(bag.parse_manifest(content.decode())).encode()


_FORMS: dict[str, Callable[[bytes], bytes]] = {
    bag.DECLARATION: lambda _content: bag.DECLARATION_TEXT.encode(),
    bag.DESCRIPTION: _canonical_description,
    bag.PAYLOAD_MANIFEST: _canonical_manifest,
    bag.TAG_MANIFEST: _canonical_manifest,
    bag.STATEMENT: lambda content: rfc8785.dumps(json.loads(content)),
}
