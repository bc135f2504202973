"""``sample``: the sample that a seed gives from one population of a bundle, as CSV."""

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING

import click

from exporter.commands.messages import say
from exporter.commands.options import SectionedCommand, option
from exporter.commands.results import print_result
from exporter.commands.types import TextPath
from exporter.facts import how_many, rfc3339

if TYPE_CHECKING:
    from exporter.report.samples import Sample

_BLANK = ("evidence_seen", "result", "tested_by")


@click.command(cls=SectionedCommand)
@click.argument("bundle", type=TextPath(path_type=Path, exists=True, file_okay=False))
@option(
    "--population",
    section="Sample",
    required=True,
    metavar="ID",
    help="Population to draw from, as section 7 of the report names it: joiners, changes, log, …",
)
@option(
    "--size",
    section="Sample",
    type=click.IntRange(min=1),
    required=True,
    help="How many entries; all there are where there are fewer.",
)
@option("--seed", section="Sample", required=True, help="What the auditor chose after receiving the bundle.")
@option("--by-month", section="Sample", is_flag=True, help="Draw from every calendar month, in UTC.")
def sample(bundle: Path, *, population: str, size: int, seed: str, by_month: bool) -> int:
    """Draw a sample from a population of a sealed bundle, and print it as CSV.

    The same seed gives the same sample, and a larger size only adds to it, unless it is drawn by month. The
    report's section on samples says how to draw it again with stock tools. Three columns are left blank for
    the auditor. In the CSV, a cell that a spreadsheet would run begins with an apostrophe.
    """
    from exporter.report.samples import sample_bundle
    from exporter.report.sampling import METHOD, Draw

    drawn = sample_bundle(bundle, population, Draw(seed=seed, size=size, by_month=by_month))
    say(f"Population {population}: {how_many(drawn.size)}, {drawn.population.query}")
    for limit in drawn.limits:
        say(limit)
    say(f"SHA-256 of its ids, sorted: {drawn.digest}")
    months = ", by month" if by_month else ""
    say(f"Sample: {how_many(len(drawn.entries))}, seed {seed}, method {METHOD}{months}")
    print_result(_csv(drawn), end="")
    return 0


def _csv(drawn: "Sample") -> str:
    from exporter.report.samples import COLUMNS

    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(("place", "key", *COLUMNS, *_BLANK))
    for place, (entry, row) in enumerate(drawn.entries, 1):
        values = row | {"timestamp": rfc3339(row["timestamp"])}
        writer.writerow(
            (place, entry.key, *(_defused(values[name]) for name in COLUMNS), *("" for _ in _BLANK))
        )
    return text.getvalue()


def _defused(value: str | None) -> str | None:
    """Keep a spreadsheet from running a value, as the archive's own CSV does."""
    from exporter.archive.csv import ACTIVE

    return f"'{value}" if value and value[0] in ACTIVE else value
