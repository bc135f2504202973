"""Samples from a bundle: the digest of a population's ids, the sample that a seed gives, and its entries."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.compute as pc

from exporter.entries.literals import content_of
from exporter.errors import UsageError, VerificationError
from exporter.report import runs
from exporter.report.figures import Figures, Row
from exporter.report.populations import Population, populations
from exporter.report.sampling import Draw, Drawn, draw

COLUMNS = {
    "id": "varchar",
    "timestamp": "timestamptz",
    "action": "varchar",
    "actor": "varchar",
    "actor_type": "varchar",
    "ip_address": "varchar",
    "resource_type": "varchar",
    "resource": "varchar",
    "request_id": "varchar",
}
"""What is shown of an entry, and as what type."""


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

    limits: list[str]
    """What must be known of the export that the population is from; empty where it is whole."""


def sample_bundle(bundle: Path, population: str, how: Draw) -> Sample:
    """Draw from a population of a sealed bundle.

    Raises :class:`~exporter.errors.UsageError` where there is no such population, or a sample by month is
    too small for it; ``VerificationError`` where a file is not the one that the bundle's record lists, or
    holds no such population.
    """
    chosen = _find(population)
    run = runs.of_bundle(bundle).run
    data = bundle / "data"
    with (
        TemporaryDirectory(prefix="audit-export-") as spill,
        Figures(data / "audit.parquet", data / "queries", Path(spill)) as figures,
    ):
        if figures.unplaced(chosen.query):
            raise _not_a_population(chosen)
        drawn = sample(chosen, figures, how)
        rows = {row["id"]: row for row in figures.entries(chosen.query, [each.id for each in drawn], COLUMNS)}
        if not all(each.id in rows for each in drawn):
            raise _not_a_population(chosen)
        return Sample(
            population=chosen,
            size=figures.count(chosen.query),
            digest=digest(chosen, figures),
            entries=[(each, rows[each.id]) for each in drawn],
            limits=runs.limits(run),
        )


def digest(population: Population, figures: Figures) -> str:
    """Return the SHA-256 of the population's ids, sorted by their bytes, each followed by a line break."""
    taken = _Digest()
    for lines in figures.lines(population.query):
        taken.add(lines)
    return taken.hexdigest


def digests(populations: Sequence[Population], sizes: Mapping[str, int], figures: Figures) -> dict[str, str]:
    """Return the digest of each population, by its query, for most of them from sorting the log once.

    ``sizes`` says how many entries each query selects. One that selects only entries of the population's
    actions, and as many as the log has of those, selects just these; one that selects as many entries as the
    log has selects all. A population for which that does not hold has its ids sorted for itself.
    """
    parts = [each for each in populations if each.actions and not figures.strays(each.query, each.actions)]
    log, *taken = [_Digest() for _ in range(1 + len(parts))]
    for lines, places in figures.lines_by_action([each.actions for each in parts]):
        log.add(lines)
        for place in filter(None, places.unique().to_pylist()):
            taken[place - 1].add(lines.filter(pc.equal(places, place)))
    # Not called digest: Python up to 3.12.3 would take the function below for it (cpython issue 118513).
    known = {each.query: one for each, one in zip(parts, taken, strict=True)}
    known |= {each.query: log for each in populations if each.whole_log}
    return {
        each.query: known[each.query].hexdigest
        if each.query in known and known[each.query].lines == sizes[each.query]
        else digest(each, figures)
        for each in populations
    }


class _Digest:
    """The SHA-256 of lines, and how many they are."""

    def __init__(self) -> None:
        self.lines = 0
        self._taken = sha256()

    def add(self, lines: pa.StringArray) -> None:
        """Take lines into account."""
        self._taken.update(content_of(lines))
        self.lines += len(lines)

    @property
    def hexdigest(self) -> str:
        return self._taken.hexdigest()


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


def _not_a_population(population: Population) -> VerificationError:
    return VerificationError(
        f"The bundle's data/queries/{population.query} does not select the entries of a population.",
        "Check the bundle with `audit-export verify`.",
    )


def _find(id_: str) -> Population:
    known: Sequence[Population] = populations()
    for population in known:
        if population.id == id_:
            return population
    raise UsageError(
        f"There is no population {id_!r}.", f"Choose from {', '.join(each.id for each in known)}."
    )
