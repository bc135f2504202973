"""``schema``: the columns of the table."""

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from exporter.commands.options import SectionedCommand, option
from exporter.commands.results import print_json, print_result, print_table

if TYPE_CHECKING:
    import pyarrow as pa


@click.command(cls=SectionedCommand)
@option("--json", section="Behaviour", is_flag=True, help="Print it as one JSON object.")
def schema(**given: bool) -> int:
    """Show the columns of the table, which are the same in Parquet, CSV and JSON lines.

    Types are those of the Parquet file. docs/evidence-format.md says how each value is made.
    """
    from exporter.entries.schema import COLUMNS, VERSION

    columns = [asdict(column) | {"type": _in_parquet(column.type)} for column in COLUMNS]
    if given["json"]:
        print_json({"version": VERSION, "columns": columns})
        return 0
    print_result(f"The table, version {VERSION}; in ascending order of timestamp and id.\n")
    rows = [
        (column["name"], column["type"], "always" if column["required"] else "", column["description"])
        for column in columns
    ]
    print_table([("COLUMN", "TYPE", "GIVEN", "WHAT IT HOLDS"), *rows])
    return 0


def _in_parquet(type_: "pa.DataType") -> str:
    """Write a type as it is read from the Parquet file, which calls what a list holds its elements."""
    import pyarrow as pa

    return str(pa.list_(pa.field("element", type_.value_type)) if pa.types.is_list(type_) else type_)
