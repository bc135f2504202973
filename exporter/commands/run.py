"""``run``: export a window into one sealed bundle."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from exporter.commands.clock import now
from exporter.commands.configuration import configuration_of, thresholds_of
from exporter.commands.connection import page_size_option, source_options
from exporter.commands.options import SectionedCommand, option, progress_option, timezone_option
from exporter.commands.types import Amount, NonEmpty, TextPath

_PERIODS = "2026, 2026-Q1, 2026-03, last-quarter, last-month, yesterday"
"""As in ``windows.PERIODS``; the help does not wait for the time zones."""


@click.command(cls=SectionedCommand)
@option(
    "--since",
    section="Everyday",
    metavar="DATE|TIME|last",
    help="First day or instant; last continues where the archive ends. Or give --period.",
)
@option(
    "--until",
    section="Everyday",
    metavar="DATE|TIME",
    help="The first after it. [default: as late as --settle allows]",
)
@option("--period", section="Everyday", metavar="PERIOD", help=f"Whole days: {_PERIODS}.")
@timezone_option("Window")
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
    "--overlap",
    section="Window",
    metavar="HOURS",
    type=Amount(min=0, max=876_000),
    default=24.0,
    show_default=True,
    help="How much --since last reads again before the window, to compare it with earlier bundles.",
)
@option(
    "--action",
    section="Extract",
    metavar="ACTION",
    type=NonEmpty(),
    help="Only this action: not the full population.",
)
@option(
    "--user",
    section="Extract",
    metavar="USER",
    type=NonEmpty(),
    help="Only this user, by id or by e-mail address: not the full population.",
)
@option(
    "--output",
    section="Everyday",
    metavar="DIR",
    type=TextPath(path_type=Path, file_okay=False),
    default=Path("evidence"),
    show_default=True,
    help="Folder that holds the archives.",
)
@option(
    "--label",
    section="Output",
    metavar="NAME",
    type=NonEmpty(),
    help="Name of the organization, for folder and report.",
)
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
    metavar="NAMES|PATHS",
    default="soc2,iso27001",
    show_default=True,
    help="Control catalogues that the report cites, separated by commas: names, or paths of your own.",
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
    type=click.IntRange(0, 100_000),
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
@option("--again", section="Output", is_flag=True, help="Export a window that is sealed already once more.")
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
@page_size_option
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
@option(
    "--tsa-url",
    section="Trust",
    metavar="URL",
    type=NonEmpty(),
    help="Time-stamping authority (RFC 3161) to ask.",
)
@option(
    "--require-timestamp",
    section="Trust",
    is_flag=True,
    help="Publish nothing where the authority gives no token; otherwise the next run asks again.",
)
@option(
    "--previous",
    section="Trust",
    metavar="LINK",
    help="The bundle before, where the archive that holds it is elsewhere: its head, or what its --json has "
    'as "link".',
)
@progress_option
@option(
    "--dry-run",
    section="Behaviour",
    is_flag=True,
    help="Ask the platform what it can do and print what would be done; write nothing.",
)
@option("--json", section="Behaviour", is_flag=True, help="Print the result as one JSON object.")
@click.pass_context
def run(context: click.Context, /, **given: Any) -> int:
    """Export a window of the audit log into one sealed bundle.

    The window is half-open: --until is the first day, or instant, that no longer belongs to it. A --period
    stands for both. Prints the bundle's path. Exits with 0 when the export is shown to be whole, and with 3
    when it is not.
    """
    from exporter.commands.foresight import print_foresight
    from exporter.commands.progress import shown_progress
    from exporter.commands.requests import read_request
    from exporter.commands.results import exit_code, note, print_published
    from exporter.export import export
    from exporter.foresight import foresee

    as_json, mode = given.pop("json"), given.pop("progress")
    dry_run = given.pop("dry_run")
    request = replace(read_request(**given), thresholds=thresholds_of(configuration_of(context)))
    if dry_run:
        print_foresight(foresee(request, now=now), as_json=as_json)
        return 0
    begins = request.since or now() - request.overlap
    with shown_progress(mode, since=begins, now=now()) as progress:
        published = export(request, now=now, progress=progress)
    another = "--again seals another" if request.since else "--since with a date and --again seals another"
    accepted = request.accept_unproven
    code = note(exit_code(published, accept_unproven=accepted))
    print_published(published, as_json=as_json, accept_unproven=accepted, another=another)
    return code
