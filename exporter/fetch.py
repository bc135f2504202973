"""From a plan to archives: the log is read, what belongs into the bundle is derived, history is compared.

Where an earlier attempt was broken off, its responses come first: they are derived from like all others, and
the walk passes over what they hold.
"""

import logging
import tempfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pyarrow as pa

from exporter import record
from exporter.archive.compare import compare
from exporter.archive.parquet import refuse_other_schema
from exporter.derive import Derivation, Derived, derive, derive_again
from exporter.errors import OutputError, RecordError, SourceError, UsageError, VerificationError
from exporter.evidence.bag import RESPONSES
from exporter.evidence.container import Folder, read, refuse_altered, was_not_read
from exporter.evidence.scratch import scratch_folder
from exporter.evidence.space import refuse_without_space
from exporter.evidence.unfinished import Unfinished
from exporter.facts import Selection, Window, rfc3339
from exporter.fetched import Fetched
from exporter.plan import Plan
from exporter.request import Request
from exporter.source.client import Client
from exporter.source.platform import Page, Platform, connect, recorded_rows
from exporter.source.probe import probe
from exporter.source.reader import Progress, Reader
from exporter.source.recorded import RecordedPages
from exporter.source.responses import ResponseFile
from exporter.source.retries import Sleep, sleep
from exporter.source.walk import Walk

_log = logging.getLogger(__name__)


class NotResumableError(RecordError):
    """What an earlier attempt had received cannot be derived from, or is of another log or dialect."""


def fetch(
    plan: Plan,
    unfinished: Unfinished,
    *,
    now: Callable[[], datetime],
    progress: Progress,
    sleep: Sleep = sleep,
) -> Fetched:
    """Read what the plan asks for into the unfinished run's folder, and derive the archives there.

    ``sleep`` waits where the window has yet to settle, and before what failed is tried again.

    Raises :class:`NotResumableError` where only beginning again can help,
    :class:`~exporter.errors.SourceError` and :class:`~exporter.errors.AuthorizationError` as the platform
    gives cause, and :class:`~exporter.errors.VerificationError` where its log is not the archive's; as
    :func:`refuse_other_dialect` does, before the log is read.
    """
    request, started = plan.request, now()
    data = unfinished.folder / "data"
    with (
        ResponseFile(unfinished.responses, key=request.connection.key, at=started) as kept,
        Client(
            request.connection, now=now, responses=kept, at_once=request.concurrency, sleep=sleep
        ) as client,
    ):
        platform, greeting = greet(client, request)
        greeted = now()
        refuse_other_dialect(plan, platform)
        refuse_without_space(data.parent, total=greeting.total)
        begun = unfinished.window
        window = _settled_window(plan, begun, greeting.server_time or started, sleep)
        unfinished.fix(window)
        selection = plan.selection(window)
        with Derivation(selection, data, request.formats) as derivation:
            reader = Reader(
                platform,
                total_of_one=greeting.stated,
                page_size=request.page_size,
                collect=derivation.add,
                progress=progress,
            )
            reading = plan.reading(window)
            walk = Walk(reader, reading)
            if begun is None:
                for rows in greeting.batches:
                    reader.take(rows)
            else:
                _recall(reader, RecordedPages(unfinished.responses, platform, left=kept.left))
            probed = probe(
                platform,
                page_size=request.page_size,
                collect=reader.take,
                at_once=request.concurrency,
            )
            failure = _walk(walk, reader, reading, allow_partial=request.allow_partial)
            overlap = None if failure or not walk.arrived else _compare(plan, derivation)
            derived = derivation.finish() if failure is None else None
        return Fetched(
            window=window,
            platform=platform,
            greeting=greeting,
            reader=reader,
            walk=walk,
            probed=probed,
            answers=kept.held,
            derived=derived or _derive_again(plan, unfinished, selection),
            overlap=overlap,
            failure=failure,
            started=kept.begun,
            greeted=greeted,
            finished=now(),
        )


def greet(client: Client, request: Request) -> tuple[Platform, Page]:
    """Find the platform as it is asked for; returns it, and the page of one entry that it answered with."""
    return connect(
        client,
        organization=request.organization,
        known_organization=request.known_organization,
        lenient=request.allow_partial,
    )


def refuse_other_dialect(plan: Plan, platform: Platform) -> None:
    """Raise :class:`UsageError` where the overlap touches a bundle of the other dialect.

    That writes ids otherwise, so what the bundle holds would be called gone, and another organization's.
    """
    spoken = platform.dialect.name
    others = [
        (bundle.window.until, dialect)
        for bundle in plan.overlapping
        if (dialect := _dialect_of(bundle.path)) not in {None, spoken}
    ]
    if others:
        end, dialect = max(others)
        raise UsageError(
            f"The archive was read in dialect {dialect}, and the platform now in dialect {spoken}, "
            "which writes ids and entries otherwise: none could be found again.",
            "Give --org as then, or leave it out as then; where the platform no longer speaks the former, "
            f"choose an --overlap that reaches no further back than {rfc3339(end)}.",
        )


def _dialect_of(bundle: Path) -> str | None:
    """Return the dialect that a bundle was read in; ``None`` where it does not say: ``verify`` will."""
    try:
        return record.decode((bundle / "data" / "run.json").read_bytes()).source.dialect
    except (OSError, ValueError):
        return None


def _settled_window(plan: Plan, begun: Window | None, server_time: datetime, sleep: Sleep) -> Window:
    """Fix the window, after waiting where it is over and only the settle time is lacking."""
    if plan.rechecked is not None:
        return plan.rechecked
    lacking = plan.lacking_settle(server_time)
    if lacking:
        _log.warning("Waiting %.0f seconds for the last entries to settle.", lacking.total_seconds())
        sleep(lacking.total_seconds())
    window = plan.window(server_time + lacking, begun)
    if begun is not None and window.until < begun.until:
        _log.warning("The window ends earlier, %s: what comes later has not settled.", rfc3339(window.until))
    elif begun is not None:
        _log.warning("The window stays, and ends %s.", rfc3339(window.until))
    return window


def _recall(reader: Reader, recorded: RecordedPages) -> None:
    try:
        reader.recall(recorded)
    except RecordError as error:
        raise NotResumableError(error.what, error.remedy) from error


def _walk(walk: Walk, reader: Reader, reading: Window, *, allow_partial: bool) -> str | None:
    """Read the log; returns why that failed where what there is will do."""
    failure = None
    try:
        with reader:
            walk.run()
    except SourceError as error:
        if not allow_partial:
            raise
        failure = error.what
    if walk.arrived and reader.recalls_another_log(reading.since):
        raise NotResumableError(
            "What an earlier attempt had received is of another log: this one shows none of it.",
            "Check --org and the key.",
        )
    return failure


def _derive_again(plan: Plan, unfinished: Unfinished, selection: Selection) -> Derived:
    """Derive again from all that was kept: pages may be there that were under way when the reading failed."""
    data, formats = unfinished.folder / "data", plan.request.formats
    return derive(recorded_rows(unfinished.responses, lenient=True), selection, data, formats)


def _compare(plan: Plan, derivation: Derivation) -> record.Overlap | None:
    """Hold the overlap against the bundles that cover it, and take late entries into the archives."""
    if plan.overlap is None:
        return None
    bundles = plan.overlapping
    with scratch_folder() as folder:
        tables = [table_of(bundle.path, folder) for bundle in bundles]
        later, contradicting = derivation.write_overlap()
        differences = compare(tables, later, plan.overlap)
    if differences.strangers:
        raise VerificationError(
            f"This is another organization's log: from {rfc3339(plan.overlap.since)} on the archive holds "
            f"{len(differences.missing):,} entries, the log {len(differences.late):,}, and they share none.",
            "Check --org, the key, and --output; where they are right, compare more with a longer --overlap.",
        )
    derivation.add_late(differences.late)
    return record.Overlap(
        since=plan.overlap.since,
        bundles=[bundle.root for bundle in bundles],
        same=differences.same,
        late=list(differences.late),
        changed=sorted({*differences.changed, *contradicting}),
        missing=list(differences.missing),
    )


def table_of(bundle: Path, folder: Path) -> Path:
    """Return a bundle's table as Parquet, derived from its responses where it was sealed without.

    Raises :class:`~exporter.errors.VerificationError` where what stands there is not what was sealed: what a
    disk did to it would be blamed on the log. Raises ``OutputError`` where it may not be read, or where
    nothing can be written into ``folder``, which is temporary.
    """
    files, table = Folder(bundle), "data/audit.parquet"
    try:
        if table in files.files or table in files.odd:
            refuse_altered(files, table)
            with files.local(table) as path:
                refuse_other_schema(path)
                return path
        refuse_altered(files, "data/run.json", RESPONSES)
        run = record.decode(read(files, "data/run.json", most=record.MOST))
        with files.local(RESPONSES) as responses:
            to = Path(tempfile.mkdtemp(dir=folder))
            derive_again(responses, run, to, ["parquet"])
        return to / "audit.parquet"
    except (OSError, ValueError, pa.ArrowException) as error:
        if was_not_read(error):
            raise OutputError(
                f"The table of the bundle {bundle} could not be read ({error.strerror}).",
                "Mend the permissions or the disk, then run the same command again.",
            ) from error
        reason = error.strerror or error if isinstance(error, OSError) else error
        raise VerificationError(
            f"The table of the bundle {bundle} cannot be read ({reason}).",
            "Check it with `audit-export verify`, and restore it from a copy.",
        ) from error
