"""``sandbox``: the reference platform, served on this machine."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from exporter.commands.clock import invented_now
from exporter.commands.options import SectionedCommand, option
from exporter.commands.results import print_result
from exporter.commands.types import NonEmpty
from exporter.errors import OutputError, UsageError
from exporter.facts import how_many

if TYPE_CHECKING:
    from starlette.applications import Starlette

    from exporter.sandbox.app import Settings
    from exporter.sandbox.server import Served


_PORT = frozenset({errno.EADDRINUSE, errno.EACCES})
"""What the system says where another port could be had."""


@click.command(cls=SectionedCommand)
@option(
    "--host",
    section="Server",
    metavar="ADDRESS",
    type=NonEmpty(),
    default="127.0.0.1",
    show_default=True,
    help="Address to listen on: one of this machine.",
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

        try:
            serve_forever(app, host, port, ready=lambda served: _tell(served, entries, app.state.settings))
        except OSError as error:
            raise OutputError(
                f"The sandbox cannot listen on {host}:{port} ({error.strerror}).",
                "Choose another --port."
                if error.errno in _PORT
                else "Give --host an address of this machine.",
            ) from error
    return 0


def _tell(served: "Served", entries: int, settings: "Settings") -> None:
    """Say where it can be reached, and how, as far as this program would go there."""
    from exporter.source.connection import trusted

    print_result(f"Serving {how_many(entries)} at {served.base_url}.")
    try:
        trusted(served.base_url)
    except UsageError:
        print_result("audit-export does not read it there: it takes plain http from localhost only.\n")
    else:
        print_result("In another terminal of this machine:\n")
        print_result(f"  export SATUSKY_API_URL={served.base_url} SATUSKY_API_KEY={settings.api_key}")
        print_result(f"  audit-export --org {settings.organization_id} --since 2026-01-01\n")
    print_result("Ctrl-C ends it.")


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
