"""``list`` and ``get``: what the platform's own client shows of the log."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from exporter.commands.clock import now
from exporter.commands.connection import find_connection, source_options
from exporter.commands.messages import warn
from exporter.commands.options import SectionedCommand, option
from exporter.commands.results import print_result, print_table, visible
from exporter.commands.types import NonEmpty
from exporter.errors import AuthorizationError, SourceError, UsageError

if TYPE_CHECKING:
    from msgspec import Raw

    from exporter.source.platform import Platform

_HEADINGS = ("ID", "TIMESTAMP", "ACTION", "USER", "RESOURCE")
_LONG = 40  # characters of an old and a new value that do not stand on one line


@click.command("list", cls=SectionedCommand)
@option(
    "--limit",
    section="Entries",
    metavar="N",
    type=click.IntRange(min=1),
    default=20,
    show_default=True,
    help="How many to show, newest first.",
)
@option("--action", section="Entries", metavar="NAME", type=NonEmpty(), help="Only entries of this action.")
@option("--user", section="Entries", metavar="ID", type=NonEmpty(), help="Only entries of this user.")
@source_options
@option("--json", section="Behaviour", is_flag=True, help="Print the entries as the platform sent them.")
def list_(limit: int, action: str | None, user: str | None, **given: Any) -> int:
    """Show the newest entries of the log."""
    from exporter.entries.normalize import normalize

    as_json = given.pop("json")
    with _platform(**given) as platform:
        entries = platform.entries(limit=limit, action=action, user=user)
        if 0 < len(entries) < limit and _goes_on(platform, entries, action=action, user=user):
            warn(
                f"The platform gave {len(entries):,} entries where {limit:,} were asked for, and holds more: "
                "an export (audit-export run) reads them all."
            )
    if as_json:
        print_result("[" + ",".join(bytes(entry).decode() for entry in entries) + "]")
        return 0
    rows = normalize(entries, source="the answer", lenient=True)
    for name in rows.left_out.values():
        warn(f"Not shown: {visible(name)}. --json shows it as it came.")
    print_table([_HEADINGS, *([visible(cell) for cell in _line(row)] for row in rows.batch.to_pylist())])
    return 0


@click.command(cls=SectionedCommand)
@click.argument("entry_id", metavar="ID")
@source_options
@option("--json", section="Behaviour", is_flag=True, help="Print the entry as the platform sent it.")
def get(entry_id: str, **given: Any) -> int:
    """Show one entry of the log, whole."""
    from exporter.entries.normalize import normalize
    from exporter.source.refusals import NotFoundError

    as_json = given.pop("json")
    with _platform(**given) as platform:
        try:
            entry = platform.entry(entry_id)
        except NotFoundError as error:  # its list was there: to try again would not help
            raise UsageError(
                error.what, "Check the id; audit-export list, with the same --org, shows the newest ones."
            ) from error
    if as_json:
        print_result(bytes(entry).decode())
        return 0
    (row,) = normalize([entry], source="the answer").batch.to_pylist()
    for label, value in _fields(row):
        print_result(f"{label + ':':<12} {visible(value)}")
    if row["changes"]:
        print_result("Changes:")
        for change in row["changes"]:
            _print_change(change)
    return 0


def _goes_on(platform: "Platform", entries: "Sequence[Raw]", *, action: str | None, user: str | None) -> bool:
    """Say whether the platform is seen to hold entries below these, by its count or by the next one."""
    from exporter.entries.normalize import normalize
    from exporter.source.client import Wish

    wish = Wish(optional=True)
    try:
        below = platform.page(limit=1, offset=len(entries), action=action, user=user, wish=wish)
    except (SourceError, AuthorizationError):
        return False
    # With a filter, the count may be of entries that it leaves out.
    counted = 0 if action or user else below.total or 0
    shown = normalize(entries, source="the answer", lenient=True).batch["id"].to_pylist()
    return counted > len(entries) or not set(below.ids).issubset(shown)


@contextmanager
def _platform(*, org: str | None, **given: Any) -> Iterator["Platform"]:
    from exporter.source.client import Client
    from exporter.source.platform import connect
    from exporter.source.refusals import RefusedError

    connection, credentials = find_connection(**given)
    known = credentials.profile.current_org_id
    with Client(connection, now=now) as client:
        # The newest entry, which the greeting is about, may be one that cannot be a row; others can be shown.
        platform, _ = connect(client, organization=org, known_organization=known, lenient=True)
        try:
            yield platform
        except RefusedError as error:  # a filter, an id or a limit, no better another time
            raise UsageError(error.what, error.remedy) from error


def _line(row: dict[str, Any]) -> Sequence[str]:
    resource = "/".join(filter(None, (row["resource_type"], row["resource_name"] or row["resource_id"])))
    user = row["actor_email"] or row["actor_id"] or ""
    return row["id"], _moment(row), row["action"], user, resource


def _fields(row: dict[str, Any]) -> list[tuple[str, str]]:
    user = " ".join(filter(None, (row["actor_email"], row["actor_id"] and f"({row['actor_id']})")))
    return [
        ("ID", row["id"]),
        ("Timestamp", _moment(row)),
        ("Action", row["action"]),
        ("User", user),
        ("IP", row["ip_address"] or ""),
        ("Request ID", row["request_id"] or ""),
        ("Resource", ""),
        ("  Type", row["resource_type"] or ""),
        ("  ID", row["resource_id"] or ""),
        ("  Name", row["resource_name"] or ""),
    ]


def _moment(row: dict[str, Any]) -> str:
    moment: datetime = row["timestamp"]
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def _print_change(change: dict[str, str | None]) -> None:
    """Print ``field: old → new``, the arrow on the next line where the values are long."""
    field, old, new = (visible(change[name] or "") for name in ("field", "old", "new"))
    gap = f"\n    {'':{len(field)}}→ " if len(old) + len(new) > _LONG else " → "
    print_result(f"    {field}: {old}{gap}{new}")
