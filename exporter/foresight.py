"""What an export would do, found out without doing it: nothing is written, and no response is kept."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from exporter import record
from exporter.evidence.bundle import archive_folder
from exporter.evidence.unfinished import Unfinished
from exporter.facts import Window
from exporter.fetch import greet, refuse_other_dialect
from exporter.plan import plan, read_sealed
from exporter.report import controls, libraries
from exporter.request import Request
from exporter.source.client import Client
from exporter.source.probe import Probe, probe


@dataclass(frozen=True, slots=True, kw_only=True)
class Foresight:
    """What an export would meet and make."""

    sealed: Path | None
    """The bundle that answers the request already; nothing would be fetched then."""

    unfinished: Path | None
    """What an earlier attempt left, if it did; it would be carried on with."""

    archive: Path
    """The folder it would go to."""

    window: Window
    """The window that would be in force: as it was sealed or fixed already, else as it would be now."""

    overlap: Window | None
    """What would be read again before it, and compared with earlier bundles."""

    dialect: str
    """Which of the platform's two dialects it speaks."""

    probe: Probe
    """What the platform can do."""

    @property
    def most_pages(self) -> int | None:
        """Pages of the whole log, of which the window may be a part; ``None`` where its size is not known."""
        if self.probe.total is None or not self.probe.received:
            return None
        return math.ceil(self.probe.total / self.probe.received)


def foresee(request: Request, *, now: Callable[[], datetime]) -> Foresight:
    """Look at the archive, ask the platform what it can do, and say what an export would be.

    Raises what an export would raise up to the point where it begins to read.
    """
    if request.report:
        libraries.versions()
    controls.find(request.frameworks)
    archive = archive_folder(request.output, identity=request.identity, name=request.name)
    task = plan(request, archive)
    sealed = task.sealed
    attempt = Unfinished(archive, task.fingerprint)
    before = None if sealed is None else record.window(read_sealed(sealed)[1])
    with Client(request.connection, now=now) as client:
        platform, greeting = greet(client, request)
        if sealed is None:
            refuse_other_dialect(task, platform)
        server_time = greeting.server_time or now()
        return Foresight(
            sealed=sealed,
            unfinished=attempt.folder if sealed is None and attempt.window else None,
            archive=archive,
            window=before or task.window(server_time + task.lacking_settle(server_time), attempt.window),
            overlap=None if sealed else task.overlap,
            dialect=platform.dialect.name,
            probe=probe(platform, page_size=request.page_size),
        )
