"""Progress on stderr while the log is being read: how far back the walk has come."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from exporter.commands.messages import are_for_people
from exporter.source.reader import Progress


@contextmanager
def shown_progress(mode: str, *, since: datetime, now: datetime) -> Iterator[Progress]:
    """Show a bar that fills as the walk nears ``since``; ``mode`` is ``auto``, ``always`` or ``never``.

    ``auto`` shows it on a terminal, unless messages are for machines or only errors are wanted.
    """
    if not (mode == "always" or (mode == "auto" and sys.stderr.isatty() and are_for_people())):
        yield lambda *_: None
        return

    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("Reading the log"),
        BarColumn(),
        TextColumn("{task.fields[entries]:,} entries, back to {task.fields[reached]}"),
        TimeElapsedColumn(),
    )
    with Bar(*columns, console=Console(stderr=True, force_terminal=True), transient=True) as bar:
        span = max(1.0, (now - since).total_seconds())
        task = bar.add_task("read", total=span, entries=0, reached="now")

        def tell(entries: int, oldest: datetime | None) -> None:
            if oldest is not None:
                back = min(span, max(0.0, (now - oldest).total_seconds()))
                bar.update(task, completed=back, entries=entries, reached=f"{oldest:%Y-%m-%d}")

        yield tell
