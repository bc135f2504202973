"""``doctor``: whether an export would find what it needs, and what to do where it would not."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from exporter.commands.clock import now
from exporter.commands.configuration import NAME, configuration_of
from exporter.commands.connection import find_connection, page_size_option, source_options
from exporter.commands.options import SectionedCommand, option
from exporter.commands.results import most_serious, print_json, print_result, visible
from exporter.commands.types import TextPath

if TYPE_CHECKING:
    from exporter.doctor import Diagnosis
    from exporter.source.connection import Connection
    from exporter.source.credentials import Profile

_PATIENCE = 5.0  # seconds
_COLOURS = {"ok": "green", "note": "yellow", "failed": "red", "not checked": "yellow"}


class _Tolerant(SectionedCommand):
    """A command that goes on where the configuration cannot be used, and says so."""

    examines_configuration = True


@click.command(cls=_Tolerant)
@option(
    "--output",
    section="Output",
    metavar="DIR",
    type=TextPath(path_type=Path),
    default=Path("evidence"),
    show_default=True,
    help="Folder that is to hold the archives.",
)
@source_options
@page_size_option
@option("--json", section="Behaviour", is_flag=True, help="Print the findings as one JSON object.")
@click.pass_context
def doctor(context: click.Context, /, *, output: Path, org: str | None, page_size: int, **given: Any) -> int:
    """Examine what an export needs, here and at the platform.

    One line for each, with what to do where something is amiss: the configuration, the output folder, the
    libraries and typefaces of the report, the API key, the platform and its dialect, the clocks, what the
    API can do, the disk. Leaves nothing behind, and tries a failing request again for a few seconds only.
    Exits with what an export would exit with.
    """
    from exporter.doctor import Patient, examine

    as_json = given.pop("json")

    def connection() -> "tuple[Connection, Profile]":
        found, credentials = find_connection(**given)
        return replace(found, retry_for=min(found.retry_for, _PATIENCE)), credentials.profile

    patient = Patient(
        configuration=lambda: _configuration(context),
        connection=connection,
        organization=org,
        output=output,
        page_size=page_size,
        now=now,
    )
    found = []
    for examination, diagnosis in examine(patient):
        found.append({"id": examination.id, "what": examination.what} | asdict(diagnosis))
        if not as_json:
            _print(examination.what, diagnosis)
    code = most_serious(each["exit_code"] for each in found)
    if as_json:
        print_json({"exit_code": code, "examinations": found})
    return code


def _configuration(context: click.Context) -> str:
    configuration = configuration_of(context)
    if configuration.problem is not None:
        raise configuration.problem
    if configuration.path is None:
        return f"no file; {NAME} was looked for here and in the user's folder"
    return f"{configuration.path}, {'named' if configuration.named else 'found'}"


def _print(what: str, diagnosis: "Diagnosis") -> None:
    mark = click.style(f"{diagnosis.health.value:>11}", fg=_COLOURS[diagnosis.health.value])
    print_result(f"{mark}  {what}: {visible(diagnosis.found)}")
    if diagnosis.mend:
        print_result(f"{'':>11}  {visible(diagnosis.mend)}")
