"""``run``: export a window into one sealed bundle."""

import os
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from exporter.commands.clock import now
from exporter.commands.configuration import configuration_of, thresholds_of
from exporter.commands.options import (
    Amount,
    SectionedCommand,
    find_connection,
    option,
    source_options,
)
from exporter.errors import UsageError
from exporter.facts import Window

if TYPE_CHECKING:
    from exporter.recording import Request
    from exporter.source.client import Connection

_AS_GIVEN = (
    "output",
    "label",
    "report_rows",
    "allow_partial",
    "accept_unproven",
    "lock_timeout",
    "page_size",
    "concurrency",
)


_TRUST = ("sign_key", "sign_key_passphrase_file", "tsa_url", "require_timestamp")
_PERIODS = "2026, 2026-Q1, 2026-03, last-quarter, last-month, yesterday"
"""As in ``windows.PERIODS``; the help does not wait for the time zones."""


@click.command(cls=SectionedCommand)
@option("--since", section="Everyday", metavar="DATE|TIME", help="First day or instant; or give --period.")
@option(
    "--until",
    section="Everyday",
    metavar="DATE|TIME",
    help="The first after it. [default: as late as --settle allows]",
)
@option("--period", section="Everyday", metavar="PERIOD", help=f"Whole days: {_PERIODS}.")
@option(
    "--timezone",
    section="Window",
    metavar="NAME",
    default="UTC",
    show_default=True,
    help="Where days begin: a zone of the IANA database, such as Europe/Berlin.",
)
@option(
    "--settle",
    section="Window",
    metavar="SECONDS",
    type=click.IntRange(min=0, max=86_400),
    default=60,
    show_default=True,
    help="How much lies between the window's end and the platform's clock, so that entries still being "
    "committed are not missed. Waits where only they are lacking.",
)
@option(
    "--output",
    section="Everyday",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("evidence"),
    show_default=True,
    help="Folder that holds the archives.",
)
@option("--label", section="Output", metavar="NAME", help="Name of the organization, for folder and report.")
@option(
    "--format",
    section="Output",
    metavar="NAMES",
    default="parquet,csv,jsonl",
    show_default=True,
    help="Archives to write, separated by commas. The report is drawn from Parquet.",
)
@option(
    "--framework",
    section="Output",
    metavar="NAMES",
    default="soc2,iso27001",
    show_default=True,
    help="Control catalogues that the report cites, separated by commas.",
)
@option(
    "--report",
    section="Output",
    type=click.Choice(["pdf", "none"]),
    default="pdf",
    show_default=True,
    help="Whether to render the report; without it Pango is not needed.",
)
@option(
    "--report-rows",
    section="Output",
    metavar="N",
    type=click.IntRange(min=0),
    default=300,
    show_default=True,
    help="Rows of events that the report's tables share.",
)
@option(
    "--allow-partial",
    section="Output",
    is_flag=True,
    help="Publish what there is where part of the window is missing, labelled PARTIAL; exit 3.",
)
@option(
    "--accept-unproven",
    section="Output",
    is_flag=True,
    help="Exit 0 where nothing is known to be missing but the source cannot show it.",
)
@option(
    "--lock-timeout",
    section="Output",
    metavar="SECONDS",
    type=Amount(min=0),
    default=0.0,
    show_default=True,
    help="How long to wait for another run on the same archive to end.",
)
@source_options
@option(
    "--page-size",
    section="Source",
    metavar="N",
    type=click.IntRange(min=1),
    default=1000,
    show_default=True,
    help="Entries to ask for in one request.",
)
@option(
    "--concurrency",
    section="Source",
    metavar="N",
    type=click.IntRange(min=1, max=32),
    default=4,
    show_default=True,
    help="Pages to fetch at the same time, where the platform's offset works.",
)
@option(
    "--sign-key",
    section="Trust",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Private key in OpenSSH's format to sign the bundle with. [default: unsigned]",
)
@option(
    "--sign-key-passphrase-file",
    section="Trust",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="File that holds the key's passphrase. [default: AUDIT_EXPORT_SIGN_KEY_PASSPHRASE]",
)
@option("--tsa-url", section="Trust", metavar="URL", help="Time-stamping authority (RFC 3161) to ask.")
@option(
    "--require-timestamp",
    section="Trust",
    is_flag=True,
    help="Publish nothing where the authority gives no token; otherwise the next run asks again.",
)
@option(
    "--progress",
    section="Behaviour",
    type=click.Choice(["auto", "always", "never"]),
    default="auto",
    show_default=True,
    help="Whether to show how far back the reading has come: auto does on a terminal.",
)
@option("--json", section="Behaviour", is_flag=True, help="Print the result as one JSON object.")
@click.pass_context
def run(context: click.Context, /, **given: Any) -> int:
    """Export a window of the audit log into one sealed bundle.

    The window is half-open: --until is the first day, or instant, that no longer belongs to it. A --period
    stands for both. Prints the bundle's path. Exits with 0 when the export is shown to be whole, and with 3
    when it is not.
    """
    from exporter.commands.progress import shown_progress
    from exporter.commands.results import exit_code, print_outcome
    from exporter.export import export

    as_json, mode = given.pop("json"), given.pop("progress")
    request = replace(_request(**given), thresholds=thresholds_of(configuration_of(context)))
    with shown_progress(mode, since=request.since, now=now()) as progress:
        outcome = export(request, now=now, progress=progress)
    code = exit_code(outcome, accept_unproven=request.accept_unproven)
    print_outcome(outcome, as_json=as_json, code=code)
    return code


def _request(*, org: str | None, report: str, settle: int, framework: str, **given: Any) -> "Request":
    from exporter.recording import Request

    window = _window(**{name: given.pop(name) for name in ("since", "until", "period", "timezone")})
    as_given = {name: given.pop(name) for name in _AS_GIVEN}
    formats = _formats(given.pop("format"), report=report == "pdf")
    trust = {name: given.pop(name) for name in _TRUST}
    connection, credentials = find_connection(**given)
    return Request(
        **_sealing(connection, **trust),
        connection=connection,
        profile=credentials.profile,
        organization=org,
        report=report == "pdf",
        formats=formats,
        frameworks=_names(framework),
        settle=timedelta(seconds=settle),
        **window,
        **as_given,
    )


def _formats(names: str, *, report: bool) -> tuple[str, ...]:
    """Return the formats that were asked for, in the order in which they are always written."""
    from exporter.derive import FORMATS

    asked = _names(names)
    unknown = sorted(set(asked).difference(FORMATS))
    if unknown or not asked:
        raise UsageError(
            f"--format names {' and '.join(unknown) or 'nothing'}.", f"It takes some of {','.join(FORMATS)}."
        )
    if report and "parquet" not in asked:
        raise UsageError(
            "--format leaves out Parquet, which the report is drawn from.",
            "Add parquet to it, or give --report none as well.",
        )
    return tuple(name for name in FORMATS if name in asked)


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _sealing(
    connection: "Connection",
    *,
    sign_key: Path | None,
    sign_key_passphrase_file: Path | None,
    tsa_url: str | None,
    require_timestamp: bool,
) -> dict[str, Any]:
    """Open the key and find the authority, before anything is fetched that could not be sealed."""
    from exporter.evidence.authority import Authority
    from exporter.evidence.signature import load_signing_key, read_passphrase

    if require_timestamp and tsa_url is None:
        raise UsageError("--require-timestamp needs an authority.", "Name one with --tsa-url.")
    if tsa_url is not None and sign_key is None:
        raise UsageError(
            "A time stamp covers a signature, and no key to sign with was given.",
            "Give --sign-key as well, or leave --tsa-url out.",
        )
    if sign_key is None:
        return {}
    passphrase = read_passphrase(sign_key_passphrase_file, os.environ)
    authority = tsa_url and Authority(
        url=tsa_url, proxy=connection.proxy, ca_bundle=connection.ca_bundle, timeout=connection.timeout
    )
    return {
        "signing_key": load_signing_key(sign_key, passphrase),
        "authority": authority or None,
        "require_timestamp": require_timestamp,
    }


def _window(*, since: str | None, until: str | None, period: str | None, timezone: str) -> dict[str, Any]:
    """Read what was asked for, as the request has it."""
    from exporter.windows import find_zone, parse_moment, parse_period

    zone = find_zone(timezone)
    if period is not None:
        if since is not None or until is not None:
            raise UsageError(
                f"--period {period} says both ends of the window, and --since or --until was given as well.",
                "Give --period alone, or --since with or without --until.",
            )
        whole = parse_period(period, zone=zone, now=now())
        asked: dict[str, str | None] = {"period": period}
        return {"since": whole.since, "until": whole.until, "asked": asked, "timezone": zone.key}
    if since is None:
        raise UsageError(
            "No window was asked for.",
            "Give --since 2026-01-01, or a --period such as 2026-Q1 or last-month.",
        )
    begin = parse_moment(since, name="--since", zone=zone)
    end = None if until is None else parse_moment(until, name="--until", zone=zone)
    if end is not None:
        Window(since=begin, until=end)
    asked = {"since": since, "until": until}
    return {"since": begin, "until": end, "asked": asked, "timezone": zone.key}
