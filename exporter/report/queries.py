"""The queries: one figure a file, shipped with the bundle, so that every number can be asked for again."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from exporter.report import assets


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """One SQL file over the view ``audit``."""

    name: str
    """File name, which is also how the report cites it: ``06_joiners.sql``."""

    question: str
    """What it answers: its leading comment."""

    sql: str
    """The statement, without the leading comment and without a semicolon."""


def ship(to: Path) -> list[Path]:
    """Copy every query into the folder ``to``, made if need be, and return the copies in order."""
    to.mkdir(parents=True, exist_ok=True)
    return [Path(shutil.copyfile(path, to / path.name)) for path in _files(assets.root() / "queries")]


def load(folder: Path) -> dict[str, Query]:
    """Read the queries of a bundle, by file name, in order."""
    return {path.name: _parse(path) for path in _files(folder)}


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.sql"), key=lambda path: path.name.encode())


def _parse(path: Path) -> Query:
    comment, _, sql = path.read_text("utf-8").partition("\n")
    return Query(name=path.name, question=comment.removeprefix("--").strip(), sql=sql.strip())
