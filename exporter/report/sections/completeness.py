"""Section 3: whether the archive is whole, when its entries were made, and what it holds column by column."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, timedelta

from exporter import record
from exporter.entries.schema import COLUMNS
from exporter.errors import OutputError
from exporter.report import periods
from exporter.report.charts import Chart
from exporter.report.figures import Figures, Row
from exporter.thresholds import WEEKDAYS

LATE = "17_supplement.sql"
"""The query for late entries from before the window."""

LONGEST_BY_DAY = 370
"""Days up to which the heat map has a column for each; beyond that a column is a week."""

LABELS = {"day": 15, "week": 10}
"""Dates that fit below the heat map; those of weeks name the year."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """When the entries fall."""

    window: list[date]
    """Days that the period touches."""

    hours: list[Row]
    """Entries by day and hour."""

    empty: list[date]
    """Days without an entry."""

    weekdays: list[tuple[str, list[int]]]
    """Entries by weekday, Monday first, in each of 24 hours."""

    whole_days: bool = True
    """Whether the period begins and ends with a day of UTC, not within one."""

    @property
    def empty_stretches(self) -> list[str]:
        """Days without an entry, those that follow one another as one: ``2026-07-04 to 2026-07-06``."""
        stretches: list[list[date]] = []
        for day in self.empty:
            if stretches and stretches[-1][-1] + timedelta(days=1) == day:
                stretches[-1][1:] = [day]
            else:
                stretches.append([day])
        return [" to ".join(map(str, stretch)) for stretch in stretches]

    @property
    def columns(self) -> str:
        """What a column of the heat map is: a day or a week."""
        return "week" if len(self.window) > LONGEST_BY_DAY else "day"

    @property
    def chart(self) -> Chart:
        """The heat map."""
        weekly = self.columns == "week"
        by_column = Counter[tuple[date, int]]()
        for row in self.hours:
            by_column[_column(row["day"], weekly=weekly), row["hour_of_day"]] += row["entries"]
        columns = sorted({_column(day, weekly=weekly) for day in self.window})
        return Chart(
            name="calendar",
            title=f"Heat map of the entries by {self.columns} and hour, in UTC; "
            "the table below has them by weekday and hour.",
            datasets={
                "days": [{"day": str(day)} for day in columns],
                "labels": [
                    {"day": str(day), "label": str(day) if weekly else f"{day:%m-%d}"}
                    for day in columns[:: len(columns) // LABELS[self.columns] + 1]
                ],
                "hours": [
                    {"day": str(day), "hour": hour, "entries": n}
                    for (day, hour), n in sorted(by_column.items())
                ],
                "empty": [] if weekly else [{"day": str(day)} for day in self.empty],
            },
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Completeness:
    """What the section shows besides the record's own checks."""

    battery: Row
    """Counts over the whole archive: ids that repeat, entries outside the window or without an actor."""

    columns: Row
    """Entries of the window, the earliest and the latest, and how many have a value in each column."""

    column_names: list[str]
    """The columns, in order."""

    calendar: Calendar
    """When the entries fall."""

    late: int
    """Late entries in the archive, from before the window."""

    late_rows: list[Row]
    """Those of them that are printed."""


def calendar(run: record.Run, figures: Figures) -> Calendar:
    """Ask when the entries were made."""
    hours = figures.rows("04_by_day_and_hour.sql")
    window = periods.days(run.window)
    seen = {row["day"] for row in hours}
    return Calendar(
        window=window,
        hours=hours,
        empty=[day for day in window if day not in seen],
        weekdays=_weekdays(figures.rows("19_by_weekday_and_hour.sql")),
        whole_days=all(
            moment.astimezone(UTC).time() == periods.MIDNIGHT
            for moment in (run.window.since, run.window.until)
        ),
    )


def gather(run: record.Run, figures: Figures, calendar: Calendar, rows: int) -> Completeness:
    """Ask for what the section shows, with at most ``rows`` late entries.

    Raises ``OutputError`` where the archive does not hold what the record says.
    """
    battery = figures.rows("18_battery.sql")[0]
    held, recorded = battery["entries"], run.counts.formats["parquet"]
    if held != recorded:
        raise OutputError(
            f"data/audit.parquet holds {held:,} entries, data/run.json says {recorded:,}.",
            "Make the bundle again; one of the two files is not the one that was written.",
        )
    return Completeness(
        battery=battery,
        columns=figures.rows("05_columns.sql")[0],
        column_names=[column.name for column in COLUMNS],
        calendar=calendar,
        late=battery["before_window"] or 0,
        late_rows=figures.rows(LATE, rows),
    )


def _weekdays(cells: Sequence[Row]) -> list[tuple[str, list[int]]]:
    entries = {(cell["weekday"], cell["hour_of_day"]): cell["entries"] for cell in cells}
    return [
        (name.capitalize(), [entries.get((number, hour), 0) for hour in range(24)])
        for number, name in enumerate(WEEKDAYS)
    ]


def _column(day: date, *, weekly: bool) -> date:
    return day - timedelta(days=day.weekday()) if weekly else day
