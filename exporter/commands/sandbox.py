"""``sandbox``: the reference platform, served on this machine."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from exporter.commands.clock import invented_now
from exporter.commands.options import SectionedCommand, option
from exporter.errors import OutputError, UsageError

if TYPE_CHECKING:
    from starlette.applications import Starlette

    from exporter.sandbox.server import Served


@click.command(cls=SectionedCommand)
@option(
    "--host",
    section="Server",
    metavar="ADDRESS",
    default="127.0.0.1",
    show_default=True,
    help="Address to listen on.",
)
@option(
    "--port",
    section="Server",
    metavar="N",
    type=click.IntRange(0, 65535),
    default=8765,
    show_default=True,
    help="Port to listen on; 0 takes any free one.",
)
@option(
    "--entries",
    section="Log",
    metavar="N",
    type=click.IntRange(min=0),
    default=25_000,
    show_default=True,
    help="Entries in the log, spread over the year before now.",
)
@option(
    "--cap",
    section="Log",
    metavar="N",
    type=click.IntRange(min=1),
    help="Most entries on a page, whatever limit is asked for. [default: none]",
)
def sandbox(host: str, port: int, entries: int, cap: int | None) -> int:
    """Serve the reference platform on this machine, with a seeded year of one organization's life.

    Both dialects of the audit API over the same append-only log. Needs the extra "sandbox".
    """
    with sandbox_app(entries=entries, cap=cap) as app:
        from exporter.sandbox.server import serve_forever

        settings = app.state.settings

        def tell(served: "Served") -> None:
            click.echo(f"Serving {entries:,} entries at {served.base_url}. In another terminal:\n")
            click.echo(f"  export SATUSKY_API_URL={served.base_url} SATUSKY_API_KEY={settings.api_key}")
            click.echo(f"  audit-export --org {settings.organization_id} --since 2026-01-01\n")
            click.echo("Ctrl-C ends it.")

        try:
            serve_forever(app, host, port, ready=tell)
        except OSError as error:
            raise OutputError(
                f"The sandbox cannot listen on {host}:{port} ({error.strerror}).", "Choose another --port."
            ) from error
    return 0


@contextmanager
def sandbox_app(*, entries: int, cap: int | None = None) -> Iterator["Starlette"]:
    """Fill a log in memory and put the reference platform before it."""
    try:
        from exporter.sandbox.app import Settings, create_app
        from exporter.sandbox.audit_service import AuditService
        from exporter.sandbox.history import generate
    except ModuleNotFoundError as error:
        raise UsageError(
            f"The sandbox needs {error.name}, which is not installed.",
            'Install the extra: pip install "audit-export[sandbox]".',
        ) from error
    with AuditService() as service:
        service.record_all(generate(entries=entries, ends=invented_now()))
        yield create_app(service, Settings(cap=cap), invented_now)
