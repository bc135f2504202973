"""``report``: draw the report of a sealed bundle again."""

from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from exporter.commands.messages import say
from exporter.commands.options import SectionedCommand, option
from exporter.commands.results import print_json, print_result
from exporter.commands.types import TextPath
from exporter.errors import UsageError

if TYPE_CHECKING:
    from exporter.report.redraw import Redrawn


@click.command(cls=SectionedCommand)
@click.argument("bundle", type=TextPath(path_type=Path, exists=True, file_okay=False))
@option(
    "--to",
    section="Output",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="Folder for the report; made if need be, and not inside the bundle.",
)
@option(
    "--seed",
    section="Samples",
    help="Fill in samples: the auditor's seed, chosen after the bundle was sealed.",
)
@option(
    "--sample-size",
    section="Samples",
    type=click.IntRange(min=1, max=1_000),
    default=25,
    show_default=True,
    help="Entries from each population.",
)
@option("--by-month", section="Samples", is_flag=True, help="Draw from every calendar month, in UTC.")
@option("--json", section="Behaviour", is_flag=True, help="Print the result as one JSON object.")
@click.pass_context
def report(
    context: click.Context,
    /,
    bundle: Path,
    *,
    to: Path,
    seed: str | None,
    sample_size: int,
    by_month: bool,
    **given: bool,
) -> int:
    """Draw the report of a bundle again, from its record, its Parquet file and its queries.

    Under the same versions of what draws it, the bytes are those of the bundle's own report. Prints the path.
    Nothing is written to the bundle. With --seed the samples are filled in, under another name.
    """
    from exporter.evidence.bundle import refuse_inside
    from exporter.report.redraw import redraw
    from exporter.report.sampling import Draw

    if seed is None:
        _refuse_samples(context)
    refuse_inside(bundle, to)
    how = None if seed is None else Draw(seed=seed, size=sample_size, by_month=by_month)
    redrawn = redraw(bundle, to, how)
    say(_compared(redrawn), same=redrawn.same)
    if given["json"]:
        result = {"report": str(redrawn.path), "sha256": redrawn.sha256, "same": redrawn.same}
        print_json(result)
    else:
        print_result(str(redrawn.path))
    return 0


def _refuse_samples(context: click.Context) -> None:
    """Raise :class:`UsageError` where samples were asked for on the command line, and no seed was given."""
    for name, typed in (("sample_size", "--sample-size"), ("by_month", "--by-month")):
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            raise UsageError(
                f"{typed} says how samples are drawn, and without a seed none are.", "Give --seed as well."
            )


def _compared(redrawn: "Redrawn") -> str:
    if redrawn.same is None:
        return "The bundle holds no such report to compare it with."
    if redrawn.same:
        return f"The same bytes as the bundle's own report: SHA-256 {redrawn.sha256}"
    others = ", ".join(f"{name} {now} instead of {then}" for name, (then, now) in redrawn.versions.items())
    why = f"it was drawn with {others}" if others else "though it was drawn with the versions recorded"
    return f"Not the bytes of the bundle's own report; {why}."
