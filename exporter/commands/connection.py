"""Where to fetch from and with which key: the options that say so, and what stands in for those not given."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from exporter.commands.configuration import home
from exporter.commands.options import option
from exporter.commands.types import Amount, NonEmpty

if TYPE_CHECKING:
    from exporter.source.connection import Connection
    from exporter.source.credentials import Credentials, Profile

F = TypeVar("F", bound=Callable[..., Any])

DEFAULT_API_URL = "https://api.satusky.com/v1/cli"
"""Where the platform is."""


def _source(name: str, **attributes: Any) -> Callable[[F], F]:
    return option(name, section="Source", everywhere=True, **attributes)


_SOURCE = (
    _source(
        "--api-url", metavar="URL", type=NonEmpty(), help=f"Base URL of the API. [default: {DEFAULT_API_URL}]"
    ),
    _source("--org", metavar="ID", type=NonEmpty(), help="Organization id; implies dialect B."),
    _source(
        "--profile", metavar="NAME", type=NonEmpty(), help="Profile of the platform's own client to use."
    ),
    _source(
        "--api-key-file",
        metavar="FILE",
        type=click.Path(path_type=Path),
        help="File that holds the API key. [default: SATUSKY_API_KEY, then the profile]",
    ),
    _source(
        "--timeout",
        metavar="SECONDS",
        type=Amount(min=0, min_open=True, max=86_400),
        default=30.0,
        show_default=True,
        help="How long one request may take.",
    ),
    _source(
        "--retry-for",
        metavar="SECONDS",
        type=Amount(min=0),
        default=600.0,
        show_default=True,
        help="How long a failing request is tried again.",
    ),
    _source(
        "--rate",
        metavar="N",
        type=Amount(min=0.001, max=1000),
        help="Requests a second, at most. [default: no limit]",
    ),
    _source("--proxy", metavar="URL", help="Proxy to use instead of the environment's."),
    _source(
        "--ca-bundle",
        metavar="FILE",
        type=click.Path(path_type=Path),
        help="PEM certificates to trust instead of the usual ones.",
    ),
)


def source_options(command: F) -> F:
    """Add the options that say where to fetch from and with which key."""
    for add in reversed(_SOURCE):
        command = add(command)
    return command


page_size_option = option(
    "--page-size",
    section="Source",
    metavar="N",
    type=click.IntRange(1, 1_000_000),
    default=1000,
    show_default=True,
    help="Entries to ask for in one request.",
)
"""The option that says how much to ask for at once, for an export and for what examines its chances."""


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
    from exporter.source.connection import Connection
    from exporter.source.credentials import find_credentials

    credentials = find_credentials(
        key_file=api_key_file, profile_name=profile, environ=os.environ, home=home()
    )
    url = api_url or find_api_url(os.environ, credentials.profile)[0]
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


def find_api_url(environ: Mapping[str, str], profile: "Profile") -> tuple[str, str]:
    """Return the address to use where none was asked for, and where it comes from."""
    if environ.get("SATUSKY_API_URL"):
        return environ["SATUSKY_API_URL"], "environment variable SATUSKY_API_URL"
    if profile.api_url:
        return profile.api_url, "profile of the platform's client"
    return DEFAULT_API_URL, "default"
