"""Section 5: each population, what it can be evidence for, and the part of it that is printed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from exporter import record
from exporter.report.controls import Framework
from exporter.report.controls import Mapping as Control
from exporter.report.figures import Figures, Row
from exporter.report.populations import Population
from exporter.report.sections.summary import Kinds, cut

BESIDE = 24
"""Lines that controls may take beside the tests: what stands there is in one piece, which a page may cut."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One population with the part of it that is printed."""

    population: Population
    """What it is."""

    controls: list[tuple[Framework, Control]]
    """What its actions map to."""

    size: int
    """How many entries it has."""

    rows: list[Row]
    """The entries printed."""

    @property
    def controls_fit(self) -> bool:
        """Whether the controls have room beside the tests; a catalogue of one's own may have any number."""
        return sum(_lines(framework, line) for framework, line in self.controls) <= BESIDE


def measure(populations: Sequence[Population], figures: Figures) -> dict[str, int]:
    """Count each population, by its query."""
    return {population.query: figures.count(population.query) for population in populations}


def gather(
    populations: Sequence[Population],
    sizes: Mapping[str, int],
    shares: Mapping[str, int],
    frameworks: Sequence[Framework],
    figures: Figures,
) -> list[Table]:
    """Ask for as many entries of each population as its share allows."""
    return [
        Table(
            population=population,
            controls=[
                (framework, line)
                for framework in frameworks
                for line in (framework.log if population.whole_log else framework.of(population.actions))
            ],
            size=sizes[population.query],
            rows=_rows(population.query, sizes[population.query], shares.get(population.query, 0), figures),
        )
        for population in populations
    ]


def describe(
    run: record.Run, populations: Sequence[Population], sizes: Mapping[str, int], figures: Figures
) -> dict[str, Kinds]:
    """Ask the queries that describe a population in numbers, by its id; an extract lacks what they count."""
    if run.filters:
        return {}
    return {
        each.id: cut(figures.rows(each.figure)) for each in populations if each.figure and sizes[each.query]
    }


def _rows(query: str, size: int, share: int, figures: Figures) -> list[Row]:
    """Ask for the entries printed, and for all of them without a limit: one has the file read twice."""
    if not share:
        return []
    return figures.rows(query, None if share == size else share)


def _lines(framework: Framework, line: Control) -> int:
    """Say how many lines a control takes beside the tests; letters of more bytes are taken for wider ones."""
    why = len(f"{line.where} {line.reason}".encode())
    return 1 + max(why // 55, len(line.control) // 10, len(framework.name) // 16)
