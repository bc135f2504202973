"""Section 4: the entries by action, actor and month."""

from collections.abc import Mapping
from dataclasses import dataclass

from exporter.record import Period
from exporter.report import cells, periods
from exporter.report.charts import Chart
from exporter.report.figures import Figures, Row

BARS = 24
"""Bars that a chart may have."""

KINDS = 40
"""Rows that a table by action or kind of actor has, also in section 5; the log decides how many there are."""


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
    """Entries by action, of people, of automation and of actors of no stated kind."""

    by_actor_type: Kinds
    """Entries by kind of actor."""

    by_month: list[Row]
    """Entries by calendar month, in UTC."""

    every_month: bool
    """Whether the months without an entry are among them."""

    @property
    def charts(self) -> list[Chart]:
        """Entries by action and by month as bars; the months only where none is left out.

        An action's place stands before its label, which the chart leaves out: labels can be cut to the same.
        """
        actions = {f"{place} {cells.label(row['action'])}": row for place, row in enumerate(self.bars, 1)}
        by_action = _bars("by_action", "action", actions)
        months = {str(row["month"]): row for row in self.by_month}
        return [by_action, *([_bars("by_month", "month", months)] if self.every_month else [])]

    @property
    def bars(self) -> list[Row]:
        """The actions that have a bar."""
        return self.by_action.rows[:BARS]


def gather(window: Period, figures: Figures) -> Summary:
    """Ask for what the section shows; months without an entry are added where a chart has room for all."""
    months = {row["month"]: row for row in figures.rows("03_by_month.sql")}
    quiet = {day.replace(day=1) for day in periods.days(window)} - months.keys()
    every_month = len(months) + len(quiet) <= BARS
    kinds = {row["action"]: row for row in figures.rows("20_people_and_automation.sql")}
    if every_month:
        months |= {month: {"month": month, "entries": 0, "actors": 0} for month in quiet}
    return Summary(
        by_action=cut([row | kinds[row["action"]] for row in figures.rows("01_by_action.sql")]),
        by_actor_type=cut(figures.rows("02_by_actor_type.sql")),
        by_month=[months[month] for month in sorted(months)],
        every_month=every_month,
    )


def cut(rows: list[Row]) -> Kinds:
    """Keep as many rows of such a table as there is room for."""
    return Kinds(rows=rows[:KINDS], more=max(0, len(rows) - KINDS))


def _bars(name: str, key: str, rows: Mapping[str, Row]) -> Chart:
    bars = [{key: label, "entries": row["entries"]} for label, row in rows.items()]
    title = f"Bar chart of the entries by {key}; the table has the numbers."
    return Chart(name=name, title=title, datasets={"rows": bars})
