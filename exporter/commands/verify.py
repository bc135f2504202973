"""``verify``: check a bundle, offline."""

import json
from dataclasses import asdict
from pathlib import Path

import click

from exporter.commands.options import SectionedCommand, option
from exporter.facts import Result


@click.command(cls=SectionedCommand, short_help="Check that a bundle is what was sealed.")
@click.argument("bundle", type=click.Path(path_type=Path, exists=True, file_okay=False))
@option(
    "--reperform",
    section="Checks",
    is_flag=True,
    help="Derive the archives again from the raw responses and compare them byte for byte.",
)
@option("--json", section="Behaviour", is_flag=True, help="Print the findings as one JSON object.")
def verify(bundle: Path, *, reperform: bool, **given: bool) -> int:
    """Check that a bundle is what was sealed: layout, digests, row counts.

    Works offline and writes nothing. Exits with 0 when everything is as expected, with 4 when it is not.
    """
    from exporter.commands.results import print_findings, print_result
    from exporter.verify import verify as verify_bundle

    checks = verify_bundle(bundle, reperform=reperform)
    differs = any(check.result is not Result.AS_EXPECTED for check in checks)
    if given["json"]:
        print_result(json.dumps({"verified": not differs, "findings": [asdict(check) for check in checks]}))
    else:
        print_findings(checks)
        print_result(f"{'NOT verified' if differs else 'Verified'}: {bundle} (unsigned)")
    return 4 if differs else 0
