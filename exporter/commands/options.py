"""Options that commands share, and the form that every option has: a section, and an environment variable."""

import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from exporter.source.client import Connection
    from exporter.source.credentials import Credentials

F = TypeVar("F", bound=Callable[..., Any])

DEFAULT_API_URL = "https://api.satusky.com/v1/cli"


class SectionedOption(click.Option):
    """An option that stands under a heading of its own in the help."""

    def __init__(self, *declarations: Any, section: str = "Options", **attributes: Any) -> None:
        super().__init__(*declarations, **attributes)
        self.section = section


class SectionedCommand(click.Command):
    """A command whose help lists its options by section, in the order in which they were declared."""

    def format_options(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """Write one definition list for each section."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(context):
            row = parameter.get_help_record(context)
            if row is not None and isinstance(parameter, click.Option):
                sections.setdefault(getattr(parameter, "section", "Other"), []).append(row)
        for title, rows in sections.items():
            with formatter.section(title):
                formatter.write_dl(rows)


def option(name: str, *, section: str, **attributes: Any) -> Callable[[F], F]:
    """Declare ``--name``, which ``AUDIT_EXPORT_NAME`` can give as well."""
    variable = f"AUDIT_EXPORT_{name.removeprefix('--').replace('-', '_').upper()}"
    return click.option(name, cls=SectionedOption, section=section, envvar=variable, **attributes)


def _configure_logging(_context: click.Context, _parameter: click.Parameter, verbose: int) -> None:
    """Log to stderr: retries always, requests with ``-v``, everything and tracebacks with ``-vv``."""
    logging.basicConfig(format="%(message)s")
    level = (logging.WARNING, logging.INFO, logging.DEBUG)[min(verbose, 2)]
    for name in ("exporter", "httpx"):
        logging.getLogger(name).setLevel(level)


def source_options(command: F) -> F:
    """Add the options that say where to fetch from and with which key."""
    for add in reversed(
        [
            option("--api-url", section="Source", help=f"Base URL of the API. [default: {DEFAULT_API_URL}]"),
            option("--org", section="Source", help="Organization id; implies dialect B."),
            option("--profile", section="Source", help="Profile of the platform's own client to use."),
            option(
                "--api-key-file",
                section="Source",
                type=click.Path(path_type=Path),
                help="File that holds the API key. [default: SATUSKY_API_KEY, then the profile]",
            ),
            option(
                "--timeout",
                section="Source",
                type=click.FloatRange(min=0, min_open=True),
                default=30.0,
                show_default=True,
                help="Seconds that one request may take.",
            ),
            option(
                "--retry-for",
                section="Source",
                type=click.FloatRange(min=0),
                default=600.0,
                show_default=True,
                help="Seconds for which a failing request is tried again.",
            ),
            option(
                "--rate",
                section="Source",
                type=click.FloatRange(min=0.001, max=1000),
                help="Requests a second, at most. [default: no limit]",
            ),
            option("--proxy", section="Source", help="Proxy to use instead of the environment's."),
            option(
                "--ca-bundle",
                section="Source",
                type=click.Path(path_type=Path),
                help="PEM certificates to trust instead of the usual ones.",
            ),
            click.option(
                "-v",
                "--verbose",
                cls=SectionedOption,
                section="Behaviour",
                count=True,
                expose_value=False,
                callback=_configure_logging,
                help="Show every request on stderr; -vv adds tracebacks.",
            ),
        ]
    ):
        command = add(command)
    return command


def find_connection(
    *,
    api_url: str | None,
    profile: str | None,
    api_key_file: Path | None,
    timeout: float,
    retry_for: float,
    rate: float | None,
    proxy: str | None,
    ca_bundle: Path | None,
) -> "tuple[Connection, Credentials]":
    """Find the key and the address: option, then environment, then the profile of the platform's client."""
    from exporter.source.client import Connection
    from exporter.source.credentials import find_credentials

    credentials = find_credentials(
        key_file=api_key_file, profile_name=profile, environ=os.environ, home=Path.home()
    )
    url = api_url or os.environ.get("SATUSKY_API_URL") or credentials.profile.api_url or DEFAULT_API_URL
    connection = Connection(
        base_url=url,
        key=credentials.key,
        timeout=timeout,
        retry_for=retry_for,
        rate=rate,
        proxy=proxy,
        ca_bundle=ca_bundle,
    )
    return connection, credentials
