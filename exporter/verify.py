"""The second story: is a bundle still what was sealed? Offline, and as a list of findings.

Each step below asks one question and answers with checks; none stops the next, so that one look tells
everything that is wrong.
"""

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from exporter import record
from exporter.derive import derive
from exporter.errors import AuditExportError, UsageError
from exporter.evidence import bag
from exporter.facts import Check, Result
from exporter.record import selection
from exporter.source.platform import recorded_rows

_SEVERAL = 5
_RESPONSES = "data/raw/responses.warc.gz"
_NOT_JSON = (OSError, ValueError, RecursionError, msgspec.MsgspecError)
_NOT_DERIVABLE = (*_NOT_JSON, AuditExportError)


@dataclass(frozen=True)
class Bundle:
    """A folder that claims to be a bundle."""

    folder: Path
    """Where it is."""

    @cached_property
    def run(self) -> record.Run:
        """The record of the run; raises what ``_NOT_JSON`` names where it cannot be read."""
        return record.decode(_content(self.folder / "data" / "run.json"))

    @cached_property
    def payload(self) -> dict[str, str]:
        """SHA-256 of every payload file by its path, as the manifest has it; empty where there is none."""
        return self._listed(bag.PAYLOAD_MANIFEST)

    @cached_property
    def tags(self) -> dict[str, str]:
        """SHA-256 of every tag file by its name, as the tag manifest has it; empty where there is none."""
        return self._listed(bag.TAG_MANIFEST)

    def _listed(self, name: str) -> dict[str, str]:
        try:
            return bag.parse_manifest(_content(self.folder / name).decode())
        except (OSError, ValueError):
            return {}


def verify(folder: Path, *, reperform: bool) -> list[Check]:
    """Check a bundle; ``reperform`` also derives its archives again from the raw responses.

    Raises :class:`~exporter.errors.UsageError` where ``folder`` is no bundle at all.
    """
    if not (folder / bag.TAG_MANIFEST).is_file():
        raise UsageError(
            f"{folder} is not a bundle: it has no {bag.TAG_MANIFEST}.", "Name the folder that a run printed."
        )
    bundle = Bundle(folder)
    steps = [*_STEPS, _reperformed] if reperform else _STEPS
    return [check for step in steps for check in step(bundle)]


def _layout(bundle: Bundle) -> Iterator[Check]:
    allowed = {*bag.TAG_FILES, bag.TAG_MANIFEST, "data"}
    present = {path.name for path in bundle.folder.iterdir()}
    links = {
        path.relative_to(bundle.folder).as_posix()
        for path in bundle.folder.rglob("*")
        if not (path.is_dir() or path.is_file()) or path.is_symlink()
    }
    yield _none_of(
        "layout", "The folder holds the files of a bundle and no others", (allowed ^ present) | links
    )


def _tag_digests(bundle: Bundle) -> Iterator[Check]:
    yield _digests("tag-files", "The manifests and the description are as sealed", bundle, bundle.tags)
    yield _none_of(
        "tag-files-listed", "The tag manifest covers each of them", set(bag.TAG_FILES) ^ bundle.tags.keys()
    )


def _payload_digests(bundle: Bundle) -> Iterator[Check]:
    yield _digests("payload", "Every file below data/ is as sealed", bundle, bundle.payload)
    present = {path.relative_to(bundle.folder).as_posix() for path in bag.payload_paths(bundle.folder)}
    yield _none_of("payload-listed", "Every file below data/ is listed", present - bundle.payload.keys())


class _Digest(msgspec.Struct):
    sha256: str


class _Subject(msgspec.Struct):
    name: str
    digest: _Digest


class _Statement(msgspec.Struct):
    subject: list[_Subject]


def _statement(bundle: Bundle) -> Iterator[Check]:
    try:
        statement = msgspec.json.decode(_content(bundle.folder / bag.STATEMENT), type=_Statement)
    except _NOT_JSON:
        differing = {bag.STATEMENT}
    else:
        subjects = {subject.name: subject.digest.sha256 for subject in statement.subject}
        differing = {name for name, _ in subjects.items() ^ bundle.payload.items()}
    yield _none_of("statement", "manifest.json states the same digests", differing)


def _rows(bundle: Bundle) -> Iterator[Check]:
    try:
        expected = bundle.run.counts.formats
    except _NOT_JSON as error:
        yield Check(
            id="rows",
            what="Each archive holds the entries that the run counted",
            expected="a readable data/run.json",
            found=str(error),
            result=Result.DIFFERS,
        )
        return
    for name, rows in expected.items():
        found = _counted(bundle.folder / "data" / f"audit.{name}", name)
        yield Check(
            id=f"rows-{name}",
            what=f"audit.{name} holds the entries that the run counted",
            expected=f"{rows:,}",
            found=f"{found:,}" if isinstance(found, int) else found,
            result=Result.AS_EXPECTED if found == rows else Result.DIFFERS,
        )


def _counted(path: Path, name: str) -> int | str:
    """Count the entries of an archive; a text says why that was not possible."""
    if not path.is_file():
        return "no such file"
    try:
        return _COUNTERS[name](path)
    except (OSError, pa.ArrowException, KeyError) as error:
        return f"not readable: {error}"


def _csv_rows(path: Path) -> int:
    """Count the lines below the heading that end outside quotes; every quote in a value is doubled."""
    rows, quoted = -1, False
    with path.open("rb") as file:
        for line in file:
            quoted ^= line.count(b'"') % 2 == 1
            rows += not quoted
    return rows


def _jsonl_rows(path: Path) -> int:
    with path.open("rb") as file:
        return sum(1 for _ in file)


_COUNTERS: dict[str, Callable[[Path], int]] = {
    "parquet": lambda path: int(pq.ParquetFile(path).metadata.num_rows),
    "csv": _csv_rows,
    "jsonl": _jsonl_rows,
}


def _reperformed(bundle: Bundle) -> Iterator[Check]:
    """Derive the archives from nothing but the raw responses and the window, and compare the bytes."""
    reason = ""
    try:
        digests = _derived(bundle)
    except _NOT_DERIVABLE as error:
        digests = {}
        reason = f" ({error})"
    for name in ("parquet", "csv", "jsonl"):
        path = f"data/audit.{name}"
        same = path in digests and digests[path] == bundle.payload.get(path)
        yield Check(
            id=f"reperformed-{name}",
            what=f"{path} follows from the raw responses, byte for byte",
            expected=bundle.payload.get(path, "a digest in the manifest"),
            found=digests.get(path, f"could not be derived{reason}"),
            result=Result.AS_EXPECTED if same else Result.DIFFERS,
        )


def _derived(bundle: Bundle) -> dict[str, str]:
    """Return the SHA-256 of each archive as it follows from the responses, by its path."""
    if _sha256(bundle.folder, _RESPONSES) != bundle.payload.get(_RESPONSES, ""):
        raise ValueError(f"{_RESPONSES} is not as sealed")
    with tempfile.TemporaryDirectory(prefix="audit-export-") as folder:
        derived = derive(recorded_rows(bundle.folder / _RESPONSES), selection(bundle.run), Path(folder))
    return {f"data/audit.{name}": file.sha256 for name, file in derived.files.items()}


def _digests(id_: str, what: str, bundle: Bundle, listed: dict[str, str]) -> Check:
    differing = {path for path, digest in listed.items() if _sha256(bundle.folder, path) != digest}
    found = f"{len(listed) - len(differing):,}" + (f"; not {_named(differing)}" if differing else "")
    good = listed and not differing
    return Check(
        id=id_,
        what=what,
        expected=f"{len(listed):,} files with their digests",
        found=found,
        result=Result.AS_EXPECTED if good else Result.DIFFERS,
    )


def _content(path: Path) -> bytes:
    """Return what a file holds; raises :class:`OSError` for a pipe or a device, which might never end."""
    if not path.is_file():
        raise FileNotFoundError(f"{path.name} is no file")
    return path.read_bytes()


def _sha256(folder: Path, name: str) -> str | None:
    """Return the digest of a file inside ``folder``; ``None`` where it has no such file, or none to read."""
    path = folder / name
    try:
        if path.is_symlink() or not path.is_file() or not path.resolve().is_relative_to(folder.resolve()):
            return None
        return bag.sha256_file(path)
    except (OSError, ValueError):
        return None


def _none_of(id_: str, what: str, differing: set[str]) -> Check:
    return Check(
        id=id_,
        what=what,
        expected="no difference",
        found=_named(differing) if differing else "no difference",
        result=Result.DIFFERS if differing else Result.AS_EXPECTED,
    )


def _named(paths: set[str]) -> str:
    first = ", ".join(sorted(paths)[:_SEVERAL])
    return first + (f" and {len(paths) - _SEVERAL:,} more" if len(paths) > _SEVERAL else "")


_STEPS: list[Callable[[Bundle], Iterator[Check]]] = [
    _layout,
    _tag_digests,
    _payload_digests,
    _statement,
    _rows,
]
