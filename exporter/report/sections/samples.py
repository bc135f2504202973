"""Section 7: each population's size and digest, and, once there is a seed, the sample that it gives."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from exporter.report.figures import Figures
from exporter.report.populations import Population
from exporter.report.samples import digests, sample
from exporter.report.sampling import Draw, Drawn


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
    taken = digests(populations, sizes, figures)
    return [
        Frame(
            population=population,
            size=sizes[population.query],
            digest=taken[population.query],
            drawn=[] if how is None else sample(population, figures, how),
        )
        for population in populations
    ]
