"""The main story: a window of the log becomes one sealed bundle.

Everything is made in an order in which nothing needs what comes after it: responses, archives and queries,
``run.json``, the report, the seal, the name.
"""

import logging
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from exporter import record
from exporter.derive import Derivation
from exporter.errors import IncompleteError, OutputError, StampError
from exporter.evidence import bag
from exporter.evidence.bundle import archive_folder, partial_bundle, publish
from exporter.evidence.chain import next_link
from exporter.evidence.coverage import sealed_bundles
from exporter.evidence.lock import held
from exporter.evidence.seal import seal
from exporter.evidence.space import refuse_without_space
from exporter.evidence.stamp import stamp, stamp_missing
from exporter.facts import Result, Selection, Verdict, Window
from exporter.recording import Fetched, Request, effective_window, lacking_settle, record_run
from exporter.report import controls, queries, render
from exporter.source.client import Client
from exporter.source.platform import connect
from exporter.source.probe import probe
from exporter.source.reader import Progress, Reader
from exporter.source.responses import ResponseFile
from exporter.source.walk import Walk

_log = logging.getLogger(__name__)

Sleep = Callable[[float], object]
"""Waits for a number of seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A published bundle."""

    bundle: Path
    """Where it is."""

    root: str
    """SHA-256 of its ``tagmanifest-sha256.txt``, which stands for all of it."""

    run: record.Run
    """How it came about."""

    unstamped: StampError | None = None
    """Why a bundle of the archive still lacks its time stamp; the next run asks for it again."""

    @property
    def stamped(self) -> bool:
        """Whether the bundle holds a time stamp."""
        return (self.bundle / bag.TOKEN).is_file()

    @property
    def contradicted(self) -> bool:
        """Whether what was read contradicts an append-only log."""
        return any(check.result is Result.CONTRADICTS for check in self.run.checks)


def export(
    request: Request, *, now: Callable[[], datetime], progress: Progress, sleep: Sleep = time.sleep
) -> Outcome:
    """Export a window into one sealed bundle, which appears whole or not at all.

    Holds the archive meanwhile; ``sleep`` waits where the window has yet to settle.

    Raises :class:`~exporter.errors.AuditExportError` in all its kinds; nothing is published then.
    """
    versions = render.versions() if request.report else {}
    catalogues = controls.find(request.frameworks)
    archive = archive_folder(request.output, identity=request.identity, name=request.name)
    try:
        with held(archive, timeout=request.lock_timeout), partial_bundle(archive) as folder:
            fetched = _fetch(request, folder / "data", now, progress, sleep)
            _refuse_unless_publishable(request, fetched)
            queries.ship(folder / "data" / "queries", request.thresholds, fetched.window)
            controls.ship(folder / "data" / "controls", catalogues)
            run = record_run(request, fetched, folder, versions)
            (folder / "data" / "run.json").write_bytes(record.encode(run))
            if request.report:
                render.render_report(folder / "data")
            link = next_link(
                sealed_bundles(archive), organization=archive.name, random_part=secrets.token_hex(8)
            )
            root = seal(folder, run, link, request.signing_key)
            if request.require_timestamp and request.authority is not None:
                stamp(folder, request.authority)
            bundle = publish(folder, f"{link.sequence:06}_{fetched.window.slug}")
            unstamped = stamp_what_lacks(archive, request)
    except OSError as error:
        raise OutputError(
            f"The bundle could not be written to {archive} ({error.strerror or error}).",
            "Nothing was published; make room or mend the permissions, then run the same command again.",
        ) from error
    return Outcome(bundle=bundle, root=root, run=run, unstamped=unstamped)


def stamp_what_lacks(archive: Path, request: Request) -> StampError | None:
    """Have every bundle stamped that was to be and is not; says why where the authority gave no token.

    What is published stays published: a missing time stamp can be added, a missing window cannot.
    """
    if request.authority is None:
        return None
    try:
        stamp_missing(archive, request.authority)
    except StampError as error:
        return error
    return None


def _fetch(
    request: Request, data: Path, now: Callable[[], datetime], progress: Progress, sleep: Sleep
) -> Fetched:
    started = now()
    responses = data / "raw" / "responses.warc.gz"
    with (
        ResponseFile(responses, key=request.connection.key, at=started) as kept,
        Client(request.connection, now=now, responses=kept) as client,
    ):
        platform, greeting = connect(
            client, organization=request.organization, known_organization=request.profile.current_org_id
        )
        refuse_without_space(data.parent, total=greeting.total)
        window = _settled_window(request, greeting.server_time or started, sleep)
        with Derivation(Selection(window=window), data, request.formats) as derivation:
            derivation.add(greeting.rows)
            probed = probe(platform, page_size=request.page_size, collect=derivation.add)
            with Reader(
                platform,
                page_size=request.page_size,
                concurrency=request.concurrency,
                collect=derivation.add,
                progress=progress,
            ) as reader:
                walk = Walk(reader, window)
                walk.run()
            derived = derivation.finish()
        return Fetched(
            window=window,
            platform=platform,
            greeting=greeting,
            probed=probed,
            reader=reader,
            walk=walk,
            derived=derived,
            started=started,
            finished=now(),
        )


def _settled_window(request: Request, server_time: datetime, sleep: Sleep) -> Window:
    """Fix the window, after waiting where it is over and only the settle time is lacking."""
    lacking = lacking_settle(request, server_time)
    if lacking:
        _log.warning("Waiting %.0f seconds for the last entries to settle.", lacking.total_seconds())
        sleep(lacking.total_seconds())
    return effective_window(request, server_time + lacking)


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
