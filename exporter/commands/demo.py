"""``demo``: sandbox, run and verify in one go, with no account and no network."""

from pathlib import Path

import click

from exporter.commands.clock import invented_now
from exporter.commands.options import SectionedCommand, option
from exporter.commands.sandbox import sandbox_app
from exporter.facts import Result

_PERIOD = "last-quarter"


@click.command(cls=SectionedCommand)
@option(
    "--output",
    section="Output",
    typed=True,  # what leads real runs to real evidence is not to lead an invented one there
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("demo"),
    show_default=True,
    help="Folder that holds the archives. Neither a variable nor a file gives it.",
)
def demo(output: Path) -> int:
    """Export and verify the last full quarter of an invented organization.

    Starts the reference platform on this machine, runs the job against it over HTTP, verifies the bundle,
    and prints where it and its report are. Needs no account and no network.
    """
    from exporter.commands.progress import shown_progress
    from exporter.commands.results import exit_code, print_findings, print_published, print_result
    from exporter.export import export
    from exporter.request import Request
    from exporter.source.connection import Connection
    from exporter.source.credentials import Key, Profile
    from exporter.verify import verify
    from exporter.windows import find_zone, parse_period

    quarter = parse_period(_PERIOD, zone=find_zone("UTC"), now=invented_now())
    with sandbox_app(entries=25_000) as app:
        from exporter.sandbox.cast import ORGANIZATION_NAME
        from exporter.sandbox.server import serving

        settings = app.state.settings
        with serving(app) as served:
            request = Request(
                since=quarter.since,
                until=quarter.until,
                asked={"period": _PERIOD},
                connection=Connection(
                    base_url=served.base_url, key=Key(settings.api_key, origin="the sandbox")
                ),
                profile=Profile(
                    email="auditor@acme.example",
                    current_org_id=str(settings.organization_id),
                    current_org_name=ORGANIZATION_NAME,
                ),
                organization=str(settings.organization_id),
                label=None,
                output=output,
            )
            with shown_progress("auto", since=quarter.since, now=invented_now()) as progress:
                published = export(request, now=invented_now, progress=progress)
    print_published(published, as_json=False, another="another folder for --output gets one of its own")
    findings = verify(published.bundle, reperform=True)
    print_findings(findings)
    print_result(f"Report: {published.bundle / 'data' / 'report.pdf'}")
    if any(finding.result is not Result.AS_EXPECTED for finding in findings):
        return 4
    return exit_code(published, accept_unproven=False)
