"""The report as one HTML document, composed from the record of the run, the archive and its queries.

The story: ask the figures, share the rows among the populations, draw the charts, fill in the templates.
``python -m exporter.report.document DATA HTML`` does it in a process of its own, and leaves the font
configuration that drawing needs beside the document.
"""

import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from exporter import record
from exporter.entries.schema import COLUMNS
from exporter.errors import AuditExportError, OutputError
from exporter.facts import Verdict, rfc3339
from exporter.report import assets, budget, cells, charts, controls, fonts, periods, runs
from exporter.report.figures import Figures, Row
from exporter.report.runs import Recorded

SECTIONS = {
    "source": "Information produced by the entity",
    "scope": "Scope",
    "completeness": "Completeness and accuracy",
    "summary": "Summary",
    "populations": "Populations",
    "integrity": "Integrity",
    "method": "Method",
}
"""The sections in order: name of the template and anchor, heading. They are numbered as they stand,
without the summary where there is nothing to sum up."""

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

LONGEST_BY_DAY = 370
"""Days up to which the heat map has a column for each; beyond that a column is a week."""

BARS = 24
"""Bars that a chart may have."""

KINDS = 40
"""Rows that a table by action or kind of actor has; the log decides how many there are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """When the entries fall."""

    chart: str
    """The heat map as SVG; empty where there is nothing to draw."""

    columns: str
    """What a column of the heat map is: a day or a week."""

    days: int
    """Days that the period touches."""

    empty: list[date]
    """Those of them without an entry."""

    weekdays: list[tuple[str, list[int]]]
    """Entries by weekday, Monday first, in each of 24 hours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One population with the part of it that is printed."""

    population: controls.Population
    """What it is."""

    controls: list[tuple[controls.Framework, controls.Mapping]]
    """What its actions map to."""

    size: int
    """How many entries it has."""

    rows: list[Row]
    """The entries printed."""


def compose(data: Path) -> str:
    """Return the report on a bundle's data folder as HTML.

    Raises ``OutputError`` where the archive does not hold what the record says.
    """
    recorded = runs.read(data / "run.json")
    with (
        tempfile.TemporaryDirectory(prefix="audit-export-") as spill,
        Figures(data / "audit.parquet", data / "queries", Path(spill)) as figures,
    ):
        return _fill(recorded, figures)


def _fill(recorded: Recorded, figures: Figures) -> str:
    run = recorded.run
    options = asdict(run.options)
    thresholds = options.pop("thresholds")
    columns = figures.rows("05_columns.sql")[0]
    held, recorded_rows = figures.rows("18_battery.sql")[0]["entries"], run.counts.formats["parquet"]
    if held != recorded_rows:
        raise OutputError(
            f"data/audit.parquet holds {held:,} entries, data/run.json says {recorded_rows:,}.",
            "Make the bundle again; one of the two files is not the one that was written.",
        )
    frameworks = controls.frameworks(run.options.frameworks)
    by_action = figures.rows("01_by_action.sql")
    by_month = figures.rows("03_by_month.sql")
    tables = _tables(run, figures, frameworks)
    sections = {id_: title for id_, title in SECTIONS.items() if by_action or id_ != "summary"}
    printed = [table.population.id for table in tables if table.size]
    page = _environment().get_template("report.html.j2")
    return page.render(
        run=run,
        run_digest=recorded.digest,
        options=options,
        organization=run.source.organization_name or run.source.organization_id or run.source.url,
        headline=periods.headline(run.window, run.timezone),
        period=periods.short(run.window, run.timezone),
        exact_period=periods.between(run.window),
        banners=_banners(run),
        sections=sections,
        numbers={id_: number for number, id_ in enumerate(sections, 1)},
        frameworks=frameworks,
        columns=columns,
        column_names=[column.name for column in COLUMNS],
        calendar=_calendar(run, figures.rows("04_by_day_and_hour.sql")),
        by_action=by_action,
        by_actor_type=figures.rows("02_by_actor_type.sql"),
        by_month=by_month,
        kinds=KINDS,
        action_chart=_bars("by_action", "action", by_action[:BARS]),
        month_chart=_bars("by_month", "month", by_month) if len(by_month) <= BARS else "",
        tables_of_events=tables,
        positions={id_: position for position, id_ in enumerate(printed, 1)},
        queries=figures.queries,
        thresholds=thresholds,
    )


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
        "code": cells.code,
        "whole": cells.whole,
        "changes": cells.changes,
        "count": lambda number: f"{number:,}",
        "moment": _moment,
        "rfc3339": rfc3339,
        "setting": _setting,
    }
    return environment


def _banners(run: record.Run) -> list[str]:
    """Say what must be known on every page."""
    banners = []
    if run.verdict.value is Verdict.UNPROVEN:
        banners.append("UNPROVEN: nothing is known to be missing, but the source offers no way to show it")
    if run.verdict.value is Verdict.PARTIAL:
        banners.append("PARTIAL: the export is known not to be whole")
    if run.window.partial_period:
        banners.append("Partial period: it was not over when the log was read")
    if run.filters:
        banners.append("Extract: not the full population")
    return banners


def _calendar(run: record.Run, hours: Sequence[Row]) -> Calendar:
    window = periods.days(run.window)
    seen = {row["day"] for row in hours}
    empty = [day for day in window if day not in seen]
    weekly = len(window) > LONGEST_BY_DAY
    by_weekday = Counter[tuple[int, int]]()
    by_column = Counter[tuple[date, int]]()
    for row in hours:
        by_weekday[row["day"].weekday(), row["hour_of_day"]] += row["entries"]
        by_column[_column(row["day"], weekly=weekly), row["hour_of_day"]] += row["entries"]
    unit = "week" if weekly else "day"
    chart = charts.draw(
        "calendar",
        f"Heat map of the entries by {unit} and hour, in UTC; the table below has them by weekday and hour.",
        days=[{"day": str(day)} for day in sorted({_column(day, weekly=weekly) for day in window})],
        hours=[{"day": str(day), "hour": hour, "entries": n} for (day, hour), n in sorted(by_column.items())],
        empty=[] if weekly else [{"day": str(day)} for day in empty],
    )
    return Calendar(
        chart=chart if hours else "",
        columns=unit,
        days=len(window),
        empty=empty,
        weekdays=[(name, [by_weekday[n, hour] for hour in range(24)]) for n, name in enumerate(WEEKDAYS)],
    )


def _column(day: date, *, weekly: bool) -> date:
    return day - timedelta(days=day.weekday()) if weekly else day


def _bars(name: str, key: str, rows: Sequence[Row]) -> str:
    if not rows:
        return ""
    bars = [{key: cells.label(str(row[key])), "entries": row["entries"]} for row in rows]
    return charts.draw(name, f"Bar chart of the entries by {key}; the table has the numbers.", rows=bars)


def _tables(run: record.Run, figures: Figures, frameworks: Sequence[controls.Framework]) -> list[Table]:
    populations = controls.populations()
    sizes = {population.id: figures.count(population.query) for population in populations}
    shares = budget.share(sizes, run.options.report_rows)
    return [
        Table(
            population=population,
            controls=[
                (framework, line) for framework in frameworks for line in framework.of(population.actions)
            ],
            size=sizes[population.id],
            rows=figures.rows(population.query, shares[population.id]),
        )
        for population in populations
    ]


def _moment(moment: datetime) -> str:
    """Write a time in UTC, cut to the second: ``2026-07-01 00:03:11``."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def _setting(value: Any) -> str:  # noqa: ANN401 - a value from JSON
    """Write an option or a parameter as a person would."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or "none"
    return str(value)


if __name__ == "__main__":
    try:
        html = compose(Path(sys.argv[1]))
        Path(sys.argv[2]).write_text(html, "utf-8")
        fonts.configure(Path(sys.argv[2]).parent, html)
    except AuditExportError as error:
        sys.exit(str(error))
