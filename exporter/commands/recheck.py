"""``recheck``: read a bundle's window again, and compare."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from exporter.commands.clock import now
from exporter.commands.connection import find_connection, source_options
from exporter.commands.messages import complain
from exporter.commands.options import SectionedCommand, option, progress_option
from exporter.commands.results import most_serious, note, print_findings, print_json, print_result, visible
from exporter.commands.types import TextPath
from exporter.facts import Result, Verdict

if TYPE_CHECKING:
    from exporter.recheck import Finding


@click.command(cls=SectionedCommand)
@click.argument("bundle", type=TextPath(path_type=Path, exists=True, file_okay=False))
@option(
    "--to",
    section="Output",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    help="New folder that keeps the finding and the responses. [default: nothing is kept]",
)
@source_options
@progress_option
@option("--json", section="Behaviour", is_flag=True, help="Print the finding as one JSON object.")
def recheck(bundle: Path, *, to: Path | None, org: str | None, **given: Any) -> int:
    """Read a bundle's window again, and compare it entry by entry: the same, late, changed, missing.

    Tests the platform's claim that its log is only ever added to. Where to ask and with which key is said
    here, never taken from the bundle. Exits with 0 when everything is the same, with 4 when entries were
    changed or are missing, with 3 when others came late or the reading was not shown to be whole.
    """
    from exporter.commands.progress import shown_progress
    from exporter.evidence.bundle import refuse_inside
    from exporter.recheck import Sealed
    from exporter.recheck import recheck as recheck_bundle
    from exporter.request import Request

    as_json, mode = given.pop("json"), given.pop("progress")
    if to is not None:
        refuse_inside(bundle, to)
    connection, credentials = find_connection(**given)
    request = Request(
        since=None,
        until=None,
        asked={},
        connection=connection,
        profile=credentials.profile,
        organization=org,
        label=None,
        output=bundle.parent,
    )
    sealed = Sealed.open(bundle)
    with shown_progress(mode, since=sealed.run.window.since, now=now()) as progress:
        finding = recheck_bundle(sealed, request, to=to, now=now, progress=progress)
    compared, unkept = _exit_code(finding), finding.unkept
    code = note(compared if unkept is None else most_serious([compared, unkept.exit_code]))
    if unkept is not None:
        complain(visible(unkept.what), visible(unkept.remedy), code, unkept)
    if as_json:
        print_json(json.loads(finding.encode()))
    else:
        print_findings(finding.checks)
        print_result(f"{_said(finding)}: {bundle}")
    return code


def _said(finding: "Finding") -> str:
    return {0: "The same", 3: "Not shown to be the same", 4: "NOT the same"}[_exit_code(finding)]


def _exit_code(finding: "Finding") -> int:
    if any(check.result is Result.CONTRADICTS for check in finding.checks):
        return 4
    return 0 if finding.verdict is Verdict.COMPLETE else 3
