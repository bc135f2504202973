"""The report as one HTML document, composed from the record of the run, the archive and its queries.

The story: measure every table, share the rows among them, gather each section, fill in the templates.
"""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from exporter import record
from exporter.facts import rfc3339
from exporter.report import (
    analytics,
    assets,
    budget,
    cells,
    charts,
    controls,
    periods,
    populations,
    runs,
)
from exporter.report.figures import Figures
from exporter.report.runs import Record
from exporter.report.sampling import Draw
from exporter.report.sections import completeness, followup, samples, summary
from exporter.report.sections import populations as tables

SECTIONS = {
    "source": "Information produced by the entity",
    "scope": "Scope",
    "completeness": "Completeness and accuracy",
    "summary": "Summary",
    "populations": "Populations",
    "followup": "Items to follow up",
    "samples": "Samples",
    "integrity": "Integrity",
    "method": "Method",
}
"""The sections after the cover, in order: name of the template and anchor, heading."""

_FORMATS = {"parquet": "Parquet", "csv": "CSV", "jsonl": "JSONL"}

NUMBERS = {id_: number for number, id_ in enumerate(SECTIONS, 1)}
"""The number of each section."""


def write(data: Path, engine: charts.Engine, draw: Draw | None) -> str:
    """Return the report on a bundle's data folder as HTML; ``draw`` fills in the samples.

    ``engine`` draws the charts. Raises ``OutputError`` where the archive does not hold what the record says.
    """
    recorded = runs.read(data / "run.json")
    with (
        tempfile.TemporaryDirectory(prefix="audit-export-") as spill,
        Figures(data / "audit.parquet", data / "queries", Path(spill)) as figures,
    ):
        content = _gather(recorded.run, figures, engine, data / "controls", draw)
    return _fill(recorded, content, engine.drawn())


def _gather(
    run: record.Run, figures: Figures, engine: charts.Engine, catalogues: Path, draw: Draw | None
) -> Mapping[str, Any]:
    """Ask for everything that the sections show, by the name under which their templates know it."""
    calendar = completeness.calendar(run, figures)
    totals = summary.gather(run.window, figures)
    engine.ask([calendar.chart, *totals.charts])
    frameworks = controls.load(catalogues, run.options.frameworks)
    known = populations.populations()
    sizes = tables.measure(known, figures)
    rules = followup.gather(run, figures)
    late = figures.count(completeness.LATE)
    printed = {each.query: sizes[each.query] for each in known if not each.whole_log}
    printed |= {rule.analytic.query: rule.size for rule in rules} | {completeness.LATE: late}
    shares = budget.share(printed, run.options.report_rows)
    return {
        "frameworks": frameworks,
        "completeness": completeness.gather(run, figures, calendar, shares[completeness.LATE]),
        "summary": totals,
        "touched": followup.by_control(rules, frameworks),
        "log_wide": followup.of_the_log(rules),
        "populations": tables.gather(known, sizes, shares, frameworks, figures),
        "described": tables.describe(run, known, sizes, figures),
        "extract": runs.EXTRACT,
        "rules": followup.cut(rules, shares),
        "elsewhere": analytics.analytics().elsewhere,
        "frames": samples.gather(known, sizes, figures, draw),
        "draw": draw,
        "queries": figures.queries,
    }


def _fill(recorded: Record, content: Mapping[str, Any], drawn: Mapping[str, Markup]) -> str:
    run = recorded.run
    options = asdict(run.options)
    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            run=run,
            run_digest=recorded.digest,
            thresholds=options.pop("thresholds"),
            options=options,
            formats=_listed([_FORMATS.get(name, name) for name in run.options.formats]),
            organization=run.source.organization_name or run.source.organization_id or run.source.url,
            headline=periods.headline(run.window, run.timezone),
            period=periods.short(run.window, run.timezone),
            exact_period=periods.between(run.window),
            banners=runs.limits(run),
            sections=SECTIONS,
            numbers=NUMBERS,
            charts=drawn,
            **content,
        )
    )


def _listed(names: Sequence[str]) -> str:
    """Write names as a person would: ``Parquet, CSV and JSONL``."""
    return " and ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(assets.root()),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "cell": cells.text,
        "line": cells.line,
        "whole": cells.whole,
        "changes": cells.changes,
        "count": lambda number: f"{number:,}",
        "moment": _moment,
        "rfc3339": rfc3339,
        "setting": _setting,
    }
    return environment


def _moment(moment: datetime) -> str:
    """Write a time in UTC, cut to the second: ``2026-07-01 00:03:11``."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def _setting(value: Any) -> str:  # noqa: ANN401 - a value from JSON
    """Write an option or a parameter as a person would."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return f"{value:,}".removesuffix(".0")
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or "none"
    return str(value)
