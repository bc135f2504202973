"""The control catalogues: what each action can be evidence for, as data that ships or that a user brings.

A bundle carries the catalogues that its report cites, so the report can be made again from the bundle alone.
"""

import os
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from exporter.errors import UsageError
from exporter.report import assets
from exporter.report.catalogue import read
from exporter.report.populations import populations

_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


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

    log: tuple[Mapping, ...] = ()
    """What the log as a whole maps to."""

    def of(self, actions: Sequence[str]) -> list[Mapping]:
        """List what these actions map to, the solid before the arguable."""
        found = [line for line in self.mapping if set(line.actions) & set(actions)]
        return sorted(found, key=lambda line: line.strength is Strength.ARGUABLE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogued:
    """A catalogue and the file that it is in."""

    path: Path
    """The file."""

    framework: Framework
    """What it says."""


def find(names: Sequence[str]) -> list[Catalogued]:
    """Find the catalogues of these frameworks, in this order: names of those that ship, or paths of files.

    Raises ``UsageError`` where there is none of that name, where a file is no catalogue, and where the report
    would not show all of one.
    """
    known = {path.stem: path for path in sorted((assets.root() / "controls").glob("*.toml"))}
    found: dict[str, Catalogued] = {}
    for name in names:
        path = known.get(name, Path(name))
        if not os.path.isfile(path):  # noqa: PTH113 - which takes a name that no file can have for none
            raise UsageError(
                f"There is no control catalogue named {name!r}.",
                f"Choose from {', '.join(known)}, or give the path of a TOML file.",
            )
        catalogued = Catalogued(path=path, framework=_read(path))
        if catalogued.framework.id in found:
            raise UsageError(
                f"The framework {catalogued.framework.id!r} is asked for twice.",
                "Name it once, or give the id in your own file another name.",
            )
        _refuse_unseen(path, catalogued.framework)
        found[catalogued.framework.id] = catalogued
    return list(found.values())


def _refuse_unseen(path: Path, framework: Framework) -> None:
    """Refuse what a reader of the report would look for in vain."""
    known = {action for population in populations() for action in population.actions}
    if fault := _unseen(framework, known):
        raise UsageError(
            f"The catalogue {path} {fault}.",
            f"The report would not show that. The actions that it knows are {', '.join(sorted(known))}.",
        )


def _unseen(framework: Framework, known: set[str]) -> str:
    if not all(text.strip() for text in (framework.name, framework.edition, framework.version)):
        return "has an empty name, edition or version"
    if not all(line.control.strip() and line.reason.strip() for line in (*framework.mapping, *framework.log)):
        return "has a mapping whose control or reason is empty"
    for line in framework.mapping:
        if not line.actions:
            return f"maps no action to {line.control}"
        if strange := sorted({*line.actions} - known):
            return f"maps {strange[0]!r} to {line.control}"
    for line in framework.log:
        if line.actions:
            return f"names actions for {line.control}, to which it maps the log as a whole"
    return ""


def ship(to: Path, catalogues: Sequence[Catalogued]) -> None:
    """Copy the catalogues into the folder ``to``, each named for its framework."""
    if catalogues:
        to.mkdir(parents=True, exist_ok=True)
    for catalogued in catalogues:
        shutil.copyfile(catalogued.path, to / f"{catalogued.framework.id}.toml")


def load(folder: Path, ids: Sequence[str]) -> list[Framework]:
    """Read the catalogues of a bundle, in the order of its record; raises ``UsageError`` without them."""
    return [_read(folder / f"{id_}.toml") for id_ in ids]


def _read(path: Path) -> Framework:
    framework = read(path, Framework)
    if not _ID.fullmatch(framework.id):
        raise UsageError(
            f"The catalogue {path} has the id {framework.id!r}.",
            "Give it one in lower case, such as pci-dss-4; it becomes the name of a file in the bundle.",
        )
    return framework
