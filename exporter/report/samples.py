"""Samples from a bundle: the digest of a population's ids, the sample that a seed gives, and its entries."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

from exporter.errors import UsageError
from exporter.report import runs
from exporter.report.figures import Figures, Row
from exporter.report.populations import Population, populations
from exporter.report.sampling import Draw, Drawn, draw


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What a seed gives from one population of a bundle."""

    population: Population
    """The population."""

    size: int
    """How many entries it has."""

    digest: str
    """SHA-256 of its ids, sorted by their bytes, each followed by a line break."""

    entries: list[tuple[Drawn, Row]]
    """The sample in the order drawn: what was drawn, and the entry itself."""


def sample_bundle(bundle: Path, population: str, how: Draw) -> Sample:
    """Draw from a population of a sealed bundle.

    Raises :class:`~exporter.errors.UsageError` where there is no such population, or a sample by month is
    too small for it; ``VerificationError`` where a file is not the one that the bundle's record lists.
    """
    chosen = _find(population)
    runs.of_bundle(bundle)
    data = bundle / "data"
    with (
        TemporaryDirectory(prefix="audit-export-") as spill,
        Figures(data / "audit.parquet", data / "queries", Path(spill)) as figures,
    ):
        drawn = sample(chosen, figures, how)
        rows = {row["id"]: row for row in figures.entries(chosen.query, [each.id for each in drawn])}
        return Sample(
            population=chosen,
            size=figures.count(chosen.query),
            digest=digest(chosen, figures),
            entries=[(each, rows[each.id]) for each in drawn],
        )


def digest(population: Population, figures: Figures) -> str:
    """Return the SHA-256 of the population's ids, sorted by their bytes, each followed by a line break."""
    digest = sha256()
    for ids in figures.ids(population.query):
        digest.update("\n".join([*ids, ""]).encode())  # joined by Arrow, its pool would keep 40 MB
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


def _find(id_: str) -> Population:
    known: Sequence[Population] = populations()
    for population in known:
        if population.id == id_:
            return population
    raise UsageError(
        f"There is no population {id_!r}.", f"Choose from {', '.join(each.id for each in known)}."
    )
