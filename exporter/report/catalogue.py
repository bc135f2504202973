"""How the data beside the templates is read: TOML into frozen records, every field known."""

from pathlib import Path
from typing import Any, TypeVar

import msgspec

from exporter.errors import UsageError

Record = TypeVar("Record")


def read(path: Path, kind: type[Record]) -> Record:
    """Read a TOML file into a record; raises ``UsageError`` that names what is wrong with the file."""
    try:
        table: dict[str, Any] = msgspec.toml.decode(path.read_bytes())
        record = msgspec.convert(table, kind)
        _refuse_unknown(table, msgspec.to_builtins(record))
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(
            f"The catalogue {path} cannot be used: {error}.",
            "Compare it with one that ships with audit-export; docs/report.md says what goes into it.",
        ) from error
    return record


def _refuse_unknown(table: object, known: object, where: str = "$") -> None:
    """Refuse a field that would be ignored: a misspelt ``reason`` must not vanish from the report."""
    if isinstance(table, dict) and isinstance(known, dict):
        for name, value in table.items():
            if name not in known:
                raise ValueError(f"it has a field {where}.{name} that is not known")
            _refuse_unknown(value, known[name], f"{where}.{name}")
    elif isinstance(table, list) and isinstance(known, list | tuple):
        for number, (value, record) in enumerate(zip(table, known, strict=True)):
            _refuse_unknown(value, record, f"{where}[{number}]")
