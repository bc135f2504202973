"""The control catalogue and the populations: data beside the templates, read into frozen records."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

import msgspec

from exporter.errors import OutputError
from exporter.report import assets

Record = TypeVar("Record")


class Strength(StrEnum):
    """How directly an entry speaks to a control."""

    SOLID = "solid"
    ARGUABLE = "arguable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapping:
    """One control that an action can be evidence for."""

    control: str
    """The control's id in its framework: ``CC6.2``."""

    strength: Strength
    """Whether the entry itself shows it, or a reader has to infer it."""

    reason: str
    """Why, in our own words."""

    actions: tuple[str, ...] = ()
    """The actions it holds for; none where the log as a whole is meant."""

    where: str = ""
    """The part of the action that it is limited to; empty where it holds for all of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Framework:
    """One framework's catalogue: a file in ``templates/controls``."""

    id: str
    """Its name on the command line, and of its file: ``soc2``."""

    name: str
    """Its name for people."""

    edition: str
    """Which edition the ids belong to."""

    version: str
    """Version of the mapping."""

    mapping: tuple[Mapping, ...]
    """What the actions map to."""

    log: tuple[Mapping, ...]
    """What the log as a whole maps to."""

    def of(self, actions: Sequence[str]) -> list[Mapping]:
        """List what these actions map to, the solid before the arguable."""
        found = [line for line in self.mapping if set(line.actions) & set(actions)]
        return sorted(found, key=lambda line: line.strength is Strength.ARGUABLE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Population:
    """One population of the report: a query, and what an auditor could do with what it selects."""

    id: str
    """Stable name, and anchor in the report."""

    title: str
    """Heading."""

    query: str
    """File name of the query that selects it."""

    actions: tuple[str, ...]
    """The actions it is made of; none where it is made of all that are unknown."""

    order: str
    """How the query sorts, for a table that holds only the first rows."""

    objective: str
    """What the controls around it are for, in our own words."""

    tests: tuple[str, ...]
    """What an auditor could do with it."""

    elsewhere: tuple[str, ...]
    """What else that takes, which the log does not hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Populations:
    population: tuple[Population, ...]


def frameworks(ids: Sequence[str]) -> list[Framework]:
    """Read the catalogues of these frameworks, in this order.

    Raises ``OutputError`` where there is none of that name.
    """
    known = {path.stem: path for path in sorted((assets.root() / "controls").glob("*.toml"))}
    for id_ in ids:
        if id_ not in known:
            raise OutputError(
                f"There is no control catalogue named {id_!r}.", f"Choose from {', '.join(known)}."
            )
    return [_read(known[id_], Framework) for id_ in ids]


def populations() -> list[Population]:
    """Read the populations, in the order of the report."""
    return list(_read(assets.root() / "populations.toml", _Populations).population)


def _read(path: Path, kind: type[Record]) -> Record:
    return msgspec.toml.decode(path.read_bytes(), type=kind)
