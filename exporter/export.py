"""The main story: a window of the log becomes one sealed bundle.

Everything is made in an order in which nothing needs what comes after it: responses, archives and queries,
``run.json``, the report, the seal, the name. What is fetched is kept from the first answer on, so that the
same command carries on where a run was broken off.
"""

import logging
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

from exporter import record
from exporter.errors import IncompleteError, OutputError, SigningError, StampError, VerificationError
from exporter.evidence import bag
from exporter.evidence.bundle import archive_folder, publish, sync
from exporter.evidence.chain import Link, next_link
from exporter.evidence.coverage import chained_place
from exporter.evidence.lock import held
from exporter.evidence.seal import seal
from exporter.evidence.stamp import stamp, stamp_missing
from exporter.evidence.unfinished import Unfinished, forget, unfinished
from exporter.facts import Result, Verdict, Window
from exporter.fetch import NotResumableError, fetch
from exporter.fetched import Fetched
from exporter.plan import Plan, plan, read_sealed
from exporter.recording import record_run
from exporter.report import controls, libraries, queries, redraw, render
from exporter.request import Request
from exporter.source.reader import Progress
from exporter.source.retries import Sleep, sleep

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """A published bundle."""

    bundle: Path
    """Where it is."""

    root: str
    """SHA-256 of its ``tagmanifest-sha256.txt``, which stands for all of it."""

    link: str | None
    """Its place in the chain and its head, for ``--previous``; ``None`` for an extract."""

    run: record.Run
    """How it came about."""

    failure: OutputError | None = None
    """What failed once it was published, or is asked for and lacking, such as a time stamp."""

    before: bool = False
    """Whether an earlier run had published it."""

    @property
    def stamped(self) -> bool:
        """Whether the bundle holds a time stamp."""
        return (self.bundle / bag.TOKEN).is_file()

    @property
    def contradicted(self) -> bool:
        """Whether what was read contradicts an append-only log."""
        return any(check.result is Result.CONTRADICTS for check in self.run.checks)


def export(
    request: Request, *, now: Callable[[], datetime], progress: Progress, sleep: Sleep = sleep
) -> Published:
    """Export a window into one sealed bundle, which appears whole or not at all.

    Holds the archive meanwhile; ``sleep`` waits where the window has yet to settle, and before what failed is
    tried again. A window that is sealed already is left as it is.

    Raises :class:`~exporter.errors.AuditExportError` in all its kinds; nothing is published then, and what
    was fetched is kept for the next attempt. What fails afterwards is its ``failure``.
    """
    versions = libraries.versions() if request.report else {}
    catalogues = controls.find(request.frameworks)
    archive = archive_folder(request.output, identity=request.identity, name=request.name)
    try:
        with held(archive, timeout=request.lock_timeout):
            task = plan(request, archive)
            sealed = task.sealed
            if sealed is not None:
                return _sealed_before(sealed, task)
            with unfinished(archive, task.fingerprint) as run:
                read = partial(fetch, task, run, now=now, progress=progress, sleep=sleep)
                fetched = _fetch_publishable(request, run, read)
                return _publish(task, run.folder, fetched, versions, catalogues)
    except OSError as error:
        raise OutputError(
            f"The bundle could not be written to {archive} ({error.strerror or error}).",
            "Nothing was published; make room or mend the permissions, then run the same command again.",
        ) from error


def _fetch_publishable(request: Request, run: Unfinished, read: Callable[[], Fetched]) -> Fetched:
    """Fetch, and set aside what may not be published: it has ended, and there is nothing to resume."""
    try:
        fetched = _fetch(run, read)
        _refuse_unless_publishable(request, fetched)
    except (IncompleteError, VerificationError):
        _log.warning("What was fetched is kept in %s.", run.set_aside())
        raise
    return fetched


def _fetch(run: Unfinished, read: Callable[[], Fetched]) -> Fetched:
    """Carry on with what an earlier attempt had received, or begin again where no attempt ever could.

    The platform may have mended the record meanwhile that cannot be a row.
    """
    if run.window is not None:
        _log.warning("Carrying on from what an earlier attempt fetched, in %s.", run.folder)
    try:
        return read()
    except NotResumableError as error:
        _log.warning("%s The log is read anew; what was received is kept in %s.", error.what, run.set_aside())
        run.begin()
        return read()


def _publish(
    task: Plan,
    folder: Path,
    fetched: Fetched,
    versions: dict[str, str],
    catalogues: Sequence[controls.Catalogued],
) -> Published:
    """Make everything that follows from what was fetched, seal it, and give it its name."""
    request = task.request
    queries.ship(folder / "data" / "queries", request.thresholds, fetched.window)
    controls.ship(folder / "data" / "controls", catalogues)
    frameworks = [known.framework.id for known in catalogues]
    run = record_run(request, fetched, folder, versions, frameworks)
    (folder / "data" / "run.json").write_bytes(record.encode(run))
    if request.report:
        render.render_report(folder / "data")
    link = None if request.filters else _next_link(task)
    root = seal(folder, run, link, request.signing_key)
    if request.require_timestamp and request.authority is not None:
        stamp(folder, request.authority)
    bundle = publish(folder, task.target(fetched.window, link.sequence if link else None))
    if run.verdict.value is Verdict.COMPLETE:
        _forget(task, fetched.window)
    return Published(
        bundle=bundle,
        root=root,
        link=f"{link.place}@{root}" if link else None,
        run=run,
        failure=_bring_name_to_disk(bundle) or _stamp_missing(task),
    )


def _forget(task: Plan, window: Window) -> None:
    """Remove what attempts left that are superfluous now; an extract stands for no other command's."""
    if task.request.filters:
        Unfinished(task.archive, task.fingerprint).forget_refused()
    else:
        forget(task.archive, window)


def _next_link(task: Plan) -> Link:
    return next_link(
        task.bundles,
        organization=task.archive.name,
        random_part=secrets.token_hex(8),
        previous=task.request.previous,
    )


def _sealed_before(bundle: Path, task: Plan) -> Published:
    root, run = read_sealed(bundle)
    link = f"{place}@{root}" if (place := chained_place(bundle)) else None
    failure = _stamp_missing(task)
    return Published(
        bundle=bundle,
        root=root,
        link=link,
        run=run,
        failure=_lacking(bundle, run, task.request) or failure,
        before=True,
    )


def _lacking(bundle: Path, run: record.Run, request: Request) -> OutputError | None:
    """Say what is asked for now, and was not when the bundle was sealed."""
    what, remedy = (
        "The window was sealed before, and without",
        "Seal another with --again, and --since or --period.",
    )
    if request.signing_key is not None and run.seal.signing_key is None:
        return SigningError(f"{what} a signature.", remedy)
    if request.authority is not None and run.seal.timestamp_authority is None:
        return StampError(f"{what} a time stamp.", remedy)
    if formats := [name for name in request.formats if name not in run.options.formats]:
        return OutputError(f"{what} {' and '.join(f'audit.{name}' for name in formats)}.", remedy)
    if request.report and not (bundle / "data" / redraw.NAME).is_file():
        return OutputError(f"{what} a report.", f"Draw it with `audit-export report {bundle} --to DIR`.")
    return None


def _bring_name_to_disk(bundle: Path) -> OutputError | None:
    """Make sure of a published bundle's name; says why that failed, since it is published all the same."""
    try:
        sync(bundle.parent)
    except OSError as error:
        return OutputError(
            f"The name of {bundle} could not be brought to the disk ({error.strerror}).",
            "See whether it is still there after a restart, and what is wrong with the disk.",
        )
    return None


def _stamp_missing(task: Plan) -> StampError | None:
    """Have every bundle stamped that was to be and is not; says why one could not be.

    What is published stays published: a missing time stamp can be added, a missing window cannot.
    """
    if task.request.authority is None:
        return None
    try:
        stamp_missing(task.archive, task.request.authority)
    except StampError as error:
        return error
    except SystemExit:  # by a signal: what is published is said all the same
        return StampError(
            "The run was asked to end before the time-stamping authority had answered.",
            "Run the same command again; it asks for the token again.",
        )
    return None


def _refuse_unless_publishable(request: Request, fetched: Fetched) -> None:
    """Refuse a partial export, unless it was asked for or is itself a finding."""
    results = {check.result for check in fetched.checks}
    if Verdict.of(fetched.checks) is not Verdict.PARTIAL or Result.CONTRADICTS in results:
        return
    if not request.allow_partial:
        differing = next(check for check in fetched.checks if check.result is Result.DIFFERS)
        raise IncompleteError(
            f"Part of the window is missing. {differing.what}: {differing.found}.",
            "Nothing was published; --allow-partial publishes what there is, labelled PARTIAL on every page.",
        )
