"""The queries: one figure a file, shipped with the bundle, so that every number can be asked for again.

A template names a parameter as ``$token_days``. What is shipped says the value and the name,
``90 /* token_days */``, so a file can be run as it is, and run again with another value.
"""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from exporter.errors import VerificationError
from exporter.facts import Window, rfc3339
from exporter.record import Period
from exporter.report import assets
from exporter.thresholds import WEEKDAYS, Thresholds

SETUP = "00_audit.sql"
"""The file that gives DuckDB the views and functions that the queries use; no query itself."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
"""From when the engine counts the microseconds of a time."""

_PARAMETER = re.compile(r"\$([a-z_]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """One SQL file over the view ``audit``."""

    name: str
    """File name, which is also how the report cites it: ``06_joiners.sql``."""

    question: str
    """What it answers: its leading comment."""

    sql: str
    """The statement, without the leading comment and without a semicolon."""

    @property
    def number(self) -> str:
        """How it is cited in short: ``06``."""
        return self.name.partition("_")[0]

    @property
    def unordered(self) -> str:
        """The statement without its order, which costs time and is no matter where rows are counted."""
        statement, order, _ = self.sql.rpartition("\nORDER BY")
        return statement if order else self.sql


def ship(to: Path, thresholds: Thresholds, window: Window | Period) -> list[Path]:
    """Write every query with its values into the folder ``to``, made if need be; return the files in order.

    A query that asks for a threshold which has no value, such as a calendar that nobody declared, is left
    out: what it would answer is not performed.
    """
    values = _values(thresholds, window)
    to.mkdir(parents=True, exist_ok=True)
    shipped = []
    for template in _files(assets.root() / "queries"):
        text = template.read_text("utf-8")
        if all(name in values for name in _PARAMETER.findall(text)):
            path = to / template.name
            path.write_text(_PARAMETER.sub(lambda match: values[match[1]], text), "utf-8", newline="\n")
            shipped.append(path)
    return shipped


def load(folder: Path) -> dict[str, Query]:
    """Read the queries of a bundle, by file name, in order; ``VerificationError`` where one is no text."""
    return {path.name: _parse(path) for path in _files(folder) if path.name != SETUP}


def load_setup(folder: Path) -> str:
    """Read the statements that come before any query; ``VerificationError`` where there are none."""
    return _text(folder / SETUP)


def parameters(name: str) -> list[str]:
    """List the thresholds that the query of that name asks for, in the order of its text."""
    text = (assets.root() / "queries" / name).read_text("utf-8")
    known = Thresholds.__dataclass_fields__
    found = (match.removesuffix("_pattern") for match in _PARAMETER.findall(text))
    return list(dict.fromkeys(match for match in found if match in known))


def literal(value: str) -> str:
    """Write a text as SQL."""
    return "'" + value.replace("'", "''") + "'"


def _values(thresholds: Thresholds, window: Window | Period) -> Mapping[str, str]:
    """Write each parameter as SQL: the value, and its name as a comment."""
    values = {
        "since_text": f"{literal(rfc3339(window.since))} /* since */",
        "since": f"{_micros(window.since)} /* since: {rfc3339(window.since)} */",
        "until": f"{_micros(window.until)} /* until: {rfc3339(window.until)} */",
    }
    given = asdict(thresholds)
    for name in ("calendar_begins", "calendar_ends"):
        hours, minutes = map(int, given[name].split(":"))
        values[name] = f"{hours * 60 + minutes} /* {name}: {given.pop(name)}, in minutes */"
    days = given.pop("calendar_days")
    numbers = ", ".join(str(WEEKDAYS.index(day)) for day in days)
    values["calendar_days"] = f"({numbers}) /* calendar_days: {', '.join(days)} */"
    for name, value in given.items():
        if isinstance(value, tuple):
            values[f"{name}_pattern"] = f"{literal('|'.join(value).replace('.', '[.]'))} /* {name} */"
            values[name] = f"({', '.join(map(literal, value)) or literal('')}) /* {name} */"
        elif value is not None:
            values[name] = f"{literal(value) if isinstance(value, str) else value} /* {name} */"
    return values


def _micros(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(microseconds=1)


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.sql"), key=lambda path: path.name.encode())


def _parse(path: Path) -> Query:
    comment, _, sql = _text(path).partition("\n")
    return Query(name=path.name, question=comment.removeprefix("--").strip(), sql=sql.strip())


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (FileNotFoundError, UnicodeDecodeError) as error:
        raise VerificationError(
            f"The bundle's data/queries/{path.name} cannot be read ({error}).",
            "Check the bundle with `audit-export verify`.",
        ) from error
