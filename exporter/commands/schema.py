"""``schema``: the columns of the table."""

from dataclasses import asdict

import click

from exporter.commands.options import SectionedCommand, option
from exporter.commands.results import print_json, print_result, print_table


@click.command(cls=SectionedCommand)
@option("--json", section="Behaviour", is_flag=True, help="Print it as one JSON object.")
def schema(**given: bool) -> int:
    """Show the columns of the table, which are the same in Parquet, CSV and JSON lines.

    Types are those of the Parquet file. docs/evidence-format.md says how each value is made.
    """
    from exporter.entries.schema import COLUMNS, VERSION

    columns = [asdict(column) | {"type": str(column.type)} for column in COLUMNS]
    if given["json"]:
        print_json({"version": VERSION, "columns": columns})
        return 0
    print_result(f"The table, version {VERSION}; in ascending order of timestamp and id.\n")
    rows = [
        (column.name, str(column.type), "always" if column.required else "", column.description)
        for column in COLUMNS
    ]
    print_table([("COLUMN", "TYPE", "GIVEN", "WHAT IT HOLDS"), *rows])
    return 0
