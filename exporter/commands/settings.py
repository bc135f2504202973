"""The settings in force, each with where it comes from: options, and what stands in for those not given."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click

from exporter.commands.configuration import Configuration, options_of, origin, thresholds_of
from exporter.commands.connection import find_api_url
from exporter.commands.options import value_of
from exporter.errors import AuthorizationError, UsageError

_URLS = frozenset({"api-url", "proxy", "tsa-url"})
_USERINFO = re.compile(r"^(\s*[^:/@\s]*://|).*@", re.DOTALL)
"""What stands before the host of a URL, with or without a scheme: a user, a password or a token."""

_VARIABLES = {
    "profile": ("SATUSKY_PROFILE",),
    "proxy": ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"),
    "ca-bundle": ("SSL_CERT_FILE", "SSL_CERT_DIR"),
}
"""Variables that stand in for an option, the first that is set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One setting."""

    value: Any
    """Its value, for JSON; ``None`` where it has none, or one that is not shown."""

    origin: str
    """Where it comes from."""


def settings_of(context: click.Context, *, environ: Mapping[str, str], home: Path) -> dict[str, Setting]:
    """Return the settings of a command whose line was read.

    No user, password or token in a URL is among them, and of the API key only where it comes from.
    """
    settings = {
        name: Setting(value=_presentable(value_of(context, option), name), origin=origin(context, option))
        for name, option in options_of(context.command).items()
    }
    if "api-key-file" not in settings:
        return settings
    instead = _instead(settings["profile"].value, environ, home)
    left_out = {name: setting for name, setting in instead.items() if settings[name].value is None}
    return {**settings, **left_out, "api-key": _key(settings, environ, home)}


def thresholds_in_force(configuration: Configuration) -> dict[str, Setting]:
    """Return the thresholds of the report, by their names in the configuration file."""
    return {
        f"report.thresholds.{name}": Setting(
            value=_presentable(value, name),
            origin=f"file {configuration.path}" if name in configuration.thresholds else "default",
        )
        for name, value in asdict(thresholds_of(configuration)).items()
    }


def _instead(profile_name: str | None, environ: Mapping[str, str], home: Path) -> dict[str, Setting]:
    """Return what is used where no option says where to fetch from."""
    from exporter.source.credentials import Profile, find_profile

    try:
        profile = find_profile(profile_name=profile_name, environ=environ, home=home)
    except UsageError:
        profile = Profile()  # that it cannot be read is said of the key
    url, where = find_api_url(environ, profile)
    found = {"api-url": Setting(value=_presentable(url, "api-url"), origin=where)}
    for option, variables in _VARIABLES.items():
        if variable := next(filter(environ.get, variables), None):
            found[option] = Setting(
                value=_presentable(environ[variable], option), origin=f"environment variable {variable}"
            )
    return found


def _key(settings: Mapping[str, Setting], environ: Mapping[str, str], home: Path) -> Setting:
    """Say where the key comes from, or why there is none."""
    from exporter.source.credentials import find_credentials

    file = settings["api-key-file"].value
    try:
        credentials = find_credentials(
            key_file=None if file is None else Path(file),
            profile_name=settings["profile"].value,
            environ=environ,
            home=home,
        )
    except (AuthorizationError, UsageError) as error:
        return Setting(value=None, origin=error.what)
    return Setting(value=None, origin=credentials.key.origin)


def _presentable(value: Any, name: str) -> Any:
    """Return the value of a setting as JSON has it, what a URL has before its host replaced."""
    if isinstance(value, list | tuple):
        return [_presentable(item, name) for item in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return _USERINFO.sub(r"\1[hidden]@", str(value)) if name in _URLS else str(value)
