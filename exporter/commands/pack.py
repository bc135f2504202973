"""``pack``: one zip of a bundle, for portals that take files."""

from pathlib import Path

import click

from exporter.commands.options import SectionedCommand, option
from exporter.commands.types import GivenPath
from exporter.errors import OutputError, UsageError, VerificationError


@click.command(cls=SectionedCommand)
@click.argument("bundle", type=GivenPath(path_type=Path, exists=True, file_okay=False))
@option(
    "--to",
    section="Output",
    type=GivenPath(path_type=Path, exists=True, file_okay=False),
    default=Path(),
    metavar="DIRECTORY",
    help="Folder to write the zip into. [default: this one]",
)
def pack(bundle: Path, to: Path) -> int:
    """Put a bundle into one zip, the same bytes on every machine, and print where it is.

    Nothing in it is compressed. The zip is named by the sequence and the window that the bundle states, that
    of an extract by its window, its filters and its head, and "verify" takes it as it is. A bundle that is
    not as sealed is not packed.
    """
    from exporter.commands.results import print_result
    from exporter.evidence.bundle import refuse_inside
    from exporter.evidence.pack import pack as write
    from exporter.verify import examine, open_bundle
    from exporter.verify.archive import stated_name
    from exporter.verify.findings import Outcome

    examined = examine(bundle, reperform=False)
    if examined.bundles:
        raise UsageError(f"{bundle} is an archive, not a bundle.", "Name one of the bundles in it.")
    refuse_inside(bundle, to)
    if examined.outcome not in (Outcome.AS_SEALED, Outcome.NOT_CHECKED):
        raise VerificationError(
            f"{bundle} is not as sealed, so it was not packed.", "Run audit-export verify on it."
        )
    opened = open_bundle(bundle)
    name = stated_name(opened)
    if name is None or opened.container.unlisted:
        raise OutputError(
            f"{bundle} could not be read whole, so it was not packed.", "Run audit-export verify on it."
        )
    try:
        print_result(str(write(opened.container, name=name, to=to)))
    except FileExistsError as error:
        raise OutputError(
            f"{to / name}.zip is there already.", "Remove it, or choose another folder with --to."
        ) from error
    except OSError as error:
        raise OutputError(
            f"{bundle} could not be packed into {to} ({error.strerror or error}).",
            "Make room or mend the permissions, then run the same command again.",
        ) from error
    return 0
