"""``run``: export a window into one sealed bundle."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from exporter.commands.clock import now
from exporter.commands.options import (
    SectionedCommand,
    find_connection,
    option,
    parse_moment,
    source_options,
)

if TYPE_CHECKING:
    from exporter.recording import Request

_OUTPUTS = ("output", "label", "report_rows", "allow_partial", "accept_unproven", "page_size", "concurrency")


@click.command(cls=SectionedCommand, short_help="Export a window into one sealed bundle.")
@option("--since", section="Window", required=True, metavar="DATE|TIME", help="First day or instant, UTC.")
@option(
    "--until",
    section="Window",
    metavar="DATE|TIME",
    help="The first after it. [default: a minute ago]",
)
@option(
    "--output",
    section="Output",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("evidence"),
    show_default=True,
    help="Folder that holds the archives.",
)
@option("--label", section="Output", help="Name of the organization, for folder and report.")
@option(
    "--framework",
    section="Output",
    default="soc2,iso27001",
    show_default=True,
    help="Control catalogues that the report cites, separated by commas.",
)
@option("--report", section="Output", type=click.Choice(["pdf", "none"]), default="pdf", show_default=True)
@option(
    "--report-rows",
    section="Output",
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
@source_options
@option(
    "--page-size",
    section="Source",
    type=click.IntRange(min=1),
    default=1000,
    show_default=True,
    help="Entries to ask for in one request.",
)
@option(
    "--concurrency",
    section="Source",
    type=click.IntRange(min=1, max=32),
    default=4,
    show_default=True,
    help="Pages to fetch at the same time, where the platform's offset works.",
)
@option(
    "--progress",
    section="Behaviour",
    type=click.Choice(["auto", "always", "never"]),
    default="auto",
    show_default=True,
)
@option("--json", section="Behaviour", is_flag=True, help="Print the result as one JSON object.")
def run(since: str, until: str | None, **given: Any) -> int:
    """Export a window of the audit log into one sealed bundle.

    The window is half-open: --until is the first day, or instant, that no longer belongs to it. Prints the
    bundle's path. Exits with 0 when the export is shown to be whole, and with 3 when it is not.
    """
    from exporter.commands.progress import shown_progress
    from exporter.commands.results import exit_code, print_outcome
    from exporter.export import export

    as_json, mode = given.pop("json"), given.pop("progress")
    request = _request(since, until, **given)
    with shown_progress(mode, since=request.since, now=now()) as progress:
        outcome = export(request, now=now, progress=progress)
    print_outcome(outcome, as_json=as_json)
    return exit_code(outcome, accept_unproven=request.accept_unproven)


def _request(since: str, until: str | None, *, org: str | None, report: str, **given: Any) -> "Request":
    from exporter.facts import Window
    from exporter.recording import Request

    begin = parse_moment(since, name="--since")
    end = None if until is None else parse_moment(until, name="--until")
    if end is not None:
        Window(since=begin, until=end)
    outputs = {name: given.pop(name) for name in _OUTPUTS}
    frameworks = tuple(name.strip() for name in given.pop("framework").split(",") if name.strip())
    connection, credentials = find_connection(**given)
    return Request(
        since=begin,
        until=end,
        asked={"since": since, "until": until},
        connection=connection,
        profile=credentials.profile,
        organization=org,
        report=report == "pdf",
        frameworks=frameworks,
        **outputs,
    )
