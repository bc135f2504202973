"""Section 7: each population's size and digest, and, once there is a seed, the sample that it gives."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

from exporter.report.figures import Figures
from exporter.report.populations import Population
from exporter.report.sampling import Draw, Drawn, draw


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One population to draw from."""

    population: Population
    """What it is."""

    size: int
    """How many entries it has."""

    digest: str
    """SHA-256 of its ids, sorted by their bytes, each followed by a line break."""

    drawn: list[Drawn]
    """The sample; empty without a seed."""


def gather(
    populations: Sequence[Population], sizes: Mapping[str, int], figures: Figures, how: Draw | None
) -> list[Frame]:
    """Take the digest of each population, and draw from it where there is a seed."""
    return [
        Frame(
            population=population,
            size=sizes[population.query],
            digest=digest(population, figures),
            drawn=[] if how is None or not sizes[population.query] else sample(population, figures, how),
        )
        for population in populations
    ]


def digest(population: Population, figures: Figures) -> str:
    """Return the SHA-256 of the population's ids, sorted by their bytes, each followed by a line break."""
    digest = sha256()
    for ids in figures.ids(population.query):
        digest.update("".join(f"{id_}\n" for id_ in ids).encode())
    return digest.hexdigest()


def sample(population: Population, figures: Figures, how: Draw) -> list[Drawn]:
    """Draw from the population; raises ``UsageError`` where a sample by month is too small."""
    months = figures.months(population.query) if how.by_month else {}
    return draw(_entries(population, figures, how), population.id, how, months)


def _entries(population: Population, figures: Figures, how: Draw) -> Iterator[tuple[str, str]]:
    if how.by_month:
        yield from figures.ids_with_months(population.query)
    else:
        for ids in figures.ids(population.query):
            yield from ((id_, "") for id_ in ids)
