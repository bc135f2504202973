"""The third story: is the log still what a bundle says it was? Its window is read again and compared.

This tests the platform's claim that entries are only ever added. It needs the network and the key; where to
send them is the caller's to say, never the bundle's, whose author may want the key elsewhere.
"""

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Self

from exporter import record
from exporter.archive.compare import Differences, compare
from exporter.errors import OutputError, UsageError, VerificationError
from exporter.evidence.bag import TAG_MANIFEST
from exporter.evidence.container import Folder, UnsafeError, read, refuse_altered
from exporter.evidence.scratch import scratch_folder
from exporter.evidence.unfinished import Unfinished
from exporter.facts import Check, Result, Verdict, counted, rfc3339
from exporter.fetch import fetch, table_of
from exporter.fetched import history_check
from exporter.plan import Plan
from exporter.request import Request
from exporter.source.reader import Progress

FORMAT = "audit-export/recheck/v1"
"""Name and version of the format in which a finding is kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """A bundle whose window is to be read again."""

    bundle: Path
    """Where it is."""

    root: str
    """SHA-256 of its tag manifest."""

    run: record.Run
    """How it came about."""

    @classmethod
    def open(cls, bundle: Path) -> Self:
        """Read what says how ``bundle`` came about.

        Raises :class:`~exporter.errors.UsageError` where it is no bundle, and ``VerificationError`` where
        what says so is not as sealed.
        """
        files = Folder(bundle)
        try:
            run = record.decode(read(files, "data/run.json", most=record.MOST))
            root = read(files, TAG_MANIFEST, most=record.MOST)
            refuse_altered(files, "data/run.json")
        except (UnsafeError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            raise VerificationError(
                f"{bundle} does not say how it came about ({reason}).",
                "Check it with `audit-export verify`, and restore it from a copy.",
            ) from error
        except OSError as error:
            raise UsageError(
                f"{bundle} is not a bundle that can be read ({error.strerror}).",
                "Name the folder that a run printed.",
            ) from error
        return cls(bundle=bundle, root=hashlib.sha256(root).hexdigest(), run=run)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What came of reading a bundle's window again."""

    sealed: Sealed
    """The bundle."""

    at: datetime
    """When its window was read again, by this machine."""

    checks: tuple[Check, ...]
    """How the reading went, and how it compares."""

    differences: Differences
    """Which entries differ."""

    unkept: OutputError | None = None
    """Why it could not be kept, where it was to be."""

    @property
    def verdict(self) -> Verdict:
        """Whether the second reading was whole, and met no entry that the bundle lacks."""
        return Verdict.of(self.checks)

    def encode(self) -> bytes:
        """Write the finding as indented JSON, ending in a line break."""
        window = self.sealed.run.window
        content = {
            "format": FORMAT,
            "bundle": {"sha256": self.sealed.root},
            "window": {"since": rfc3339(window.since), "until": rfc3339(window.until)},
            "at": rfc3339(self.at),
            "verdict": self.verdict,
            "checks": [asdict(check) for check in self.checks],
            "entries": asdict(self.differences),
        }
        return json.dumps(content, indent=2).encode() + b"\n"


def recheck(
    sealed: Sealed,
    request: Request,
    *,
    to: Path | None,
    now: Callable[[], datetime],
    progress: Progress,
) -> Finding:
    """Read the window of a bundle again, as ``request`` says from where, and compare entry by entry.

    What the bundle's own run would have left out, so does this reading; it is not whole then either.

    ``to`` is a new folder that keeps the finding and the responses; it is gone again where there is no
    finding. Raises :class:`~exporter.errors.OutputError` where it cannot be made, before anything is read,
    and what :func:`~exporter.fetch.fetch` does.
    """
    with _new_folder(to):
        return _read_again(sealed, request, to, now, progress)


@contextmanager
def _new_folder(to: Path | None) -> Iterator[None]:
    if to is None:
        yield
        return
    try:
        to.mkdir(mode=0o700, parents=True)
    except OSError as error:
        raise OutputError(
            f"The folder {to} for the finding cannot be made ({error.strerror}).",
            "Name a new folder with --to, where there may be one.",
        ) from error
    try:
        yield
    except BaseException:
        with suppress(OSError):
            to.rmdir()
        raise


def _read_again(
    sealed: Sealed, request: Request, to: Path | None, now: Callable[[], datetime], progress: Progress
) -> Finding:
    bundle, run = sealed.bundle, sealed.run
    selected = record.selection(run)
    window, late = selected.window, selected.late
    begin = selected.overlap.since if selected.overlap and late else window.since
    asked = replace(
        request,
        since=begin,
        until=window.until,
        organization=request.organization or _organization(run),
        action=run.filters.get("action"),
        user=run.filters.get("user"),
        formats=("parquet",),
        allow_partial=run.options.allow_partial,
    )
    again = replace(window, since=begin)
    task = Plan(request=asked, archive=bundle.parent, bundles=(), since=begin, overlap=None, rechecked=again)
    with scratch_folder() as folder:
        table = table_of(bundle, folder)
        reading = Unfinished(folder, "recheck")
        reading.begin()
        fetched = fetch(task, reading, now=now, progress=progress)
        _refuse_other_dialect(run.source.dialect, fetched.platform.dialect.name)
        differences = compare([table], reading.table, window, named=late)
        finding = Finding(
            sealed=sealed,
            at=fetched.started,
            checks=(*fetched.checks, *_compared(differences, met_everything=fetched.walk.met_everything)),
            differences=differences,
        )
        if to is None:
            return finding
        return replace(finding, unkept=_keep(finding, reading.responses, to))


def _organization(run: record.Run) -> str | None:
    """Return the organization to name to the platform: ids are written otherwise in the other dialect."""
    return run.source.organization_id if run.source.dialect == "B" else None


def _refuse_other_dialect(then: str, now: str) -> None:
    if then != now:
        raise UsageError(
            f"The bundle was read in dialect {then}, and the platform in dialect {now}, which writes ids and "
            "entries otherwise: none could be the same.",
            "Leave --org out; a platform that no longer speaks the former cannot be held against it.",
        )


def _compared(differences: Differences, *, met_everything: bool) -> list[Check]:
    late = Check(
        id="late",
        what="The window holds no entry that the bundle lacks",
        expected="0",
        found=counted(differences.late),
        result=Result.DIFFERS if differences.late else Result.AS_EXPECTED,
    )
    return [
        history_check(
            same=differences.same,
            changed=differences.changed,
            missing=differences.missing,
            met_everything=met_everything,
        ),
        late,
    ]


def _keep(finding: Finding, responses: Path, to: Path) -> OutputError | None:
    """Keep a finding; says why it could not be, which is no reason to withhold it."""
    try:
        (to / "recheck.json").write_bytes(finding.encode())
        shutil.copyfile(responses, to / "responses.warc.gz")
    except OSError as error:
        return OutputError(
            f"The finding could not be kept in {to} ({error.strerror}).",
            "Name a new folder with --to, on a disk with room.",
        )
    return None
