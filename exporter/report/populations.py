"""The populations of section 5: data beside the templates, read into frozen records."""

from dataclasses import dataclass, field

from exporter.report import assets
from exporter.report.catalogue import read


@dataclass(frozen=True, slots=True, kw_only=True)
class Population:
    """One population of the report: a query, and what an auditor could do with what it selects."""

    id: str
    """Stable name, and anchor in the report; what ``sample --population`` takes."""

    title: str
    """Heading."""

    query: str
    """File name of the query that selects it."""

    actions: tuple[str, ...]
    """The actions it is made of; none where it is made of all that are unknown, or of all there are."""

    order: str
    """How the query sorts."""

    objective: str
    """What the controls around it are for, in our own words."""

    tests: tuple[str, ...]
    """What an auditor could do with it."""

    elsewhere: tuple[str, ...]
    """What else that takes, which the log does not hold."""

    whole_log: bool = False
    """Whether it is the log itself: its table is printed nowhere, since the others are its parts."""

    figure: str = ""
    """File name of the query that describes it in numbers, if there is one."""

    caption: str = ""
    """What those numbers are."""

    columns: dict[str, str] = field(default_factory=dict)
    """What each column of that query is called in the report."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Populations:
    population: tuple[Population, ...]


def populations() -> list[Population]:
    """Read the populations, in the order of the report."""
    return list(read(assets.root() / "populations.toml", _Populations).population)
