"""Section 4: the entries by action, actor and month, and the items to follow up by control."""

from collections.abc import Sequence
from dataclasses import dataclass

from exporter.report import cells, charts
from exporter.report.figures import Figures, Row
from exporter.report.sections.followup import Touched

BARS = 24
"""Bars that a chart may have."""

KINDS = 40
"""Rows that a table by action or kind of actor has; the log decides how many there are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kinds:
    """A table whose number of rows the log decides, cut to what the report has room for."""

    rows: list[Row]
    """The rows printed, most entries first."""

    more: int
    """How many there are beyond them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What the section shows."""

    by_action: Kinds
    """Entries by action."""

    action_chart: str
    """The same as bars, in SVG; empty where there is nothing to draw."""

    by_actor_type: Kinds
    """Entries by kind of actor."""

    people_and_automation: Kinds
    """Entries of people and of automation, by action."""

    by_month: list[Row]
    """Entries by calendar month, in UTC."""

    month_chart: str
    """The same as bars, in SVG; empty where there is nothing to draw, or too much."""

    touched: list[Touched]
    """Items to follow up, by control."""


def gather(figures: Figures, touched: list[Touched]) -> Summary:
    """Ask for what the section shows."""
    by_action = figures.rows("01_by_action.sql")
    by_month = figures.rows("03_by_month.sql")
    return Summary(
        by_action=_cut(by_action),
        action_chart=_bars("by_action", "action", by_action[:BARS]),
        by_actor_type=_cut(figures.rows("02_by_actor_type.sql")),
        people_and_automation=_cut(figures.rows("20_people_and_automation.sql")),
        by_month=by_month,
        month_chart=_bars("by_month", "month", by_month) if len(by_month) <= BARS else "",
        touched=touched,
    )


def _cut(rows: list[Row]) -> Kinds:
    return Kinds(rows=rows[:KINDS], more=max(0, len(rows) - KINDS))


def _bars(name: str, key: str, rows: Sequence[Row]) -> str:
    if not rows:
        return ""
    bars = [{key: cells.label(str(row[key])), "entries": row["entries"]} for row in rows]
    return charts.draw(name, f"Bar chart of the entries by {key}; the table has the numbers.", rows=bars)
