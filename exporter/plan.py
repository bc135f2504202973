"""What a run is going to do, as far as the request and the archive decide: nothing has been fetched yet."""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from exporter import record
from exporter.errors import OutputError, UsageError
from exporter.evidence.bag import TAG_MANIFEST
from exporter.evidence.chain import refuse_other
from exporter.evidence.coverage import (
    SealedBundle,
    covered,
    extract_folders,
    next_extract,
    reaching,
    sealed_bundles,
    stated_verdict,
)
from exporter.facts import Selection, Verdict, Window, rfc3339
from exporter.files import sha256_file
from exporter.request import Request


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A request, and what the archive adds to it."""

    request: Request
    """What was asked for."""

    archive: Path
    """The organization's folder, which need not exist yet."""

    bundles: tuple[SealedBundle, ...]
    """What was sealed in it before, in the order of sealing."""

    since: datetime
    """First instant of the window."""

    overlap: Window | None
    """What to read again before the window, where the run continues an archive."""

    rechecked: Window | None = None
    """The window, where it was sealed before and is read again: no clock has a say in it any more."""

    @property
    def fingerprint(self) -> str:
        """What an attempt that was broken off is found again by: 16 hexadecimal digits."""
        request = self.request
        asked = {
            "url": request.connection.base_url,
            "organization": request.identity,
            "since": rfc3339(self.since),
            "until": None if request.until is None else rfc3339(request.until),
            "overlap": None if self.overlap is None else rfc3339(self.overlap.since),
            **request.filters,
        }
        return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:16]

    @property
    def overlapping(self) -> list[SealedBundle]:
        """The bundles whose windows the overlap touches."""
        stretch = self.overlap
        return [
            bundle
            for bundle in self.bundles
            if stretch and bundle.window.since < stretch.until and stretch.since < bundle.window.until
        ]

    @property
    def sealed(self) -> Path | None:
        """A bundle that answers the request already: of exactly this window, and whole or accepted as it is.

        Where an archive was to be continued that is that far already, the one that covers the end.
        """
        request = self.request
        if request.again or request.until is None:
            return None
        if self.since >= request.until:
            end = reaching(self.bundles, request.until, accept_unproven=request.accept_unproven)
            return None if end is None else end.path
        window = Window(since=self.since, until=request.until)
        if request.filters:
            extracts = extract_folders(self.archive, window, request.filters)
            sealed = [(stated_verdict(each), each) for each in extracts]
        else:
            sealed = [(each.verdict, each.path) for each in self.bundles if each.window == window]
        verdicts = [Verdict.COMPLETE, *([Verdict.UNPROVEN] if request.accept_unproven else [])]
        answering = (path for verdict in verdicts for found, path in reversed(sealed) if found is verdict)
        return next(answering, None)

    def window(self, server_time: datetime, begun: Window | None = None) -> Window:
        """Fix the window: the earlier of what was asked and the platform's clock less the settle time.

        That of an attempt that was ``begun`` stays, but for what a longer settle time takes off its end.

        Raises :class:`~exporter.errors.UsageError` where nothing of it is over yet.
        """
        request = self.request
        settled = (server_time - request.settle).replace(microsecond=0)
        asked = (request.until, None if begun is None else begun.until)
        until = min([settled, *filter(None, asked)])
        if until <= self.since:
            raise UsageError(
                f"Nothing of the window is over yet: it begins at {rfc3339(self.since)}, and the platform's "
                f"clock shows {rfc3339(server_time)}, less {request.settle.total_seconds():.0f} seconds to "
                "settle.",
                "Give an earlier --since or --period, or try again later.",
            )
        return Window(since=self.since, until=until)

    def lacking_settle(self, server_time: datetime) -> timedelta:
        """Return how long to wait for a window that is over but has not settled; else nothing."""
        until = self.request.until
        if until is None or not self.since < until <= server_time:
            return timedelta(0)
        return max(timedelta(0), until + self.request.settle - server_time)

    def selection(self, window: Window) -> Selection:
        """Say which entries belong into the archives; which late ones do is found out on the way."""
        request = self.request
        return Selection(window=window, action=request.action, user=request.user, overlap=self.overlap)

    def reading(self, window: Window) -> Window:
        """Return what has to be read: the window and the overlap before it."""
        return Window(since=self.overlap.since if self.overlap else window.since, until=window.until)

    def target(self, window: Window, sequence: int | None) -> Path:
        """Return the folder that the bundle is to become; an extract has no sequence."""
        if sequence is not None:
            return self.archive / f"{sequence:06}_{window.slug}"
        return next_extract(self.archive, window, self.request.filters)


def plan(request: Request, archive: Path) -> Plan:
    """Look at the archive, which is held meanwhile, and decide where the window begins.

    Raises :class:`~exporter.errors.UsageError` where an archive is to be continued that covers nothing, or
    up to where there is nothing to do, and where ``--previous`` names another bundle than its newest, to
    which the next is chained; :class:`~exporter.errors.OutputError` where a bundle of it cannot be read.
    """
    bundles = tuple(sealed_bundles(archive))
    if request.since is None:
        task = _continue(request, archive, bundles)
    else:
        task = Plan(request=request, archive=archive, bundles=bundles, since=request.since, overlap=None)
    if not request.filters and task.sealed is None:
        refuse_other(bundles, request.previous)
    return task


def _continue(request: Request, archive: Path, bundles: tuple[SealedBundle, ...]) -> Plan:
    """Begin where coverage ends."""
    stretches = covered(bundles, accept_unproven=request.accept_unproven)
    if not stretches:
        raise UsageError(
            f"There is nothing to continue: {archive} covers no stretch of time.",
            "What is sealed there as UNPROVEN is continued with --accept-unproven, or else give --since with "
            "the first day to export."
            if covered(bundles, accept_unproven=True)
            else "Give --since with the first day to export; later runs can continue with --since last.",
        )
    first = stretches[0]
    _refuse_unless_continued(request, first)
    begin = max(first.since, (first.until - request.overlap).replace(microsecond=0))
    return Plan(
        request=request,
        archive=archive,
        bundles=bundles,
        since=first.until,
        overlap=Window(since=begin, until=first.until) if begin < first.until else None,
    )


def read_sealed(bundle: Path) -> tuple[str, record.Run]:
    """Return the root of a bundle that answers already, and how it came about.

    Raises :class:`~exporter.errors.OutputError` where it cannot be read.
    """
    try:
        root = sha256_file(bundle / TAG_MANIFEST)
        return root, record.decode((bundle / "data" / "run.json").read_bytes())
    except (OSError, ValueError) as error:
        raise OutputError(
            f"The bundle {bundle} answers the request already, and cannot be read ({error}).",
            "Run audit-export verify on it, and restore it from a copy.",
        ) from error


def _refuse_unless_continued(request: Request, covered: Window) -> None:
    """Refuse an end that leaves nothing to continue and that no bundle can answer for."""
    until = request.until
    if until is None or until > covered.until:
        return
    if until <= covered.since:
        raise UsageError(
            f"--until {rfc3339(until)} is no later than where the archive begins, {rfc3339(covered.since)}.",
            "Give a later --until, or --since with the first day to export.",
        )
    if request.again:
        raise UsageError(
            f"--again has no window: the archive covers everything from {rfc3339(covered.since)} to "
            f"{rfc3339(covered.until)} already.",
            "Give --since with the first day to export once more.",
        )
