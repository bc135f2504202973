"""The configuration file: where it is looked for, what it may hold, and how it becomes defaults of options.

It is TOML. The options of ``run`` stand at its top under the names they have on the command line, those of
any command in a table of the command's name. What says where to fetch from and how to speak holds for every
command. A file that nobody named was perhaps put there by somebody else, so it may not decide where the key
goes, nor whom a verification trusts.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import click
from click.core import ParameterSource

from exporter.commands.variables import is_for_a_secret, refuse_bytes, refuse_unknown
from exporter.errors import UsageError

if TYPE_CHECKING:
    from exporter.thresholds import Thresholds

NAME = "audit-export.toml"
"""What a file has to be called to be found."""

NAMED_ONLY = frozenset(
    {
        *("api-url", "proxy", "ca-bundle", "tsa-url"),
        *("allowed-signers", "identity", "tsa-ca", "head", "from-head", "expect-through"),
    }
)
"""Options that only a file that was named may set: where the key goes, and whom a verification trusts."""

AsTyped: TypeAlias = str | int | bool | list[str]
"""A value as the command line would have had it: text, a number of repetitions, a flag's presence."""

_META = "exporter.configuration"
_LARGEST = 1 << 20  # bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """What a configuration file says; one without a path where there is no file."""

    path: Path | None = None
    """Where it is."""

    named: bool = False
    """Whether it was named, by ``--config`` or its variable, rather than found."""

    tables: Mapping[str, Mapping[str, AsTyped]]
    """Options as typed, by command; those at the top of the file under the empty name."""

    thresholds: Mapping[str, Any]
    """The table ``report.thresholds``, which makes sense as a whole."""

    problem: UsageError | None = None
    """Why it or the environment could not be read, for a command that goes on; ``None`` where both could."""

    def defaults(self, command: click.Command) -> dict[str, Any]:
        """Return what the file says for this command, by the names that its parameters have in Python."""
        options = options_of(command)
        every = {
            name: value
            for name, value in self.tables.get("", {}).items()
            if name in options and (command.name == "run" or getattr(options[name], "everywhere", False))
        }
        own = self.tables.get(command.name or "", {})
        return {str(options[name].name): value for name, value in (every | dict(own)).items()}


def thresholds_of(configuration: Configuration) -> "Thresholds":
    """Return the thresholds in force: the file's, and the defaults of those that it leaves out."""
    return _thresholds(dict(configuration.thresholds), configuration.path)


def home() -> Path:
    """Return the user's folder; raises :class:`UsageError` where neither ``HOME`` nor the system says."""
    try:
        return Path.home()
    except RuntimeError as error:
        raise UsageError(
            "This user has no home folder, where the configuration and the platform's profiles would be.",
            "Set the variable HOME, to an empty folder where there is nothing of the kind.",
        ) from error


def places(folder: Path) -> list[Path]:
    """Return where a file is looked for: in ``folder``, then in the user's folder of configurations.

    Raises :class:`UsageError` as :func:`home` does, which the latter lies in.
    """
    import platformdirs

    home()
    return [folder / NAME, platformdirs.user_config_path("audit-export", appauthor=False) / NAME]


def read(named: Path | None, found: Sequence[Path], context: click.Context) -> Configuration:
    """Read the file that was named, else the first of those that are there, else none.

    ``context`` is that of any command: it leads to the others, whose options the file may set.

    Raises :class:`UsageError` where it cannot be read, is not TOML, or says something that it may not.
    """
    path = named or next((place for place in found if _is_there(place)), None)
    if path is None:
        return Configuration(tables={}, thresholds={})
    content = _parse(path)
    thresholds = _take_thresholds(content, path)
    top = {key: value for key, value in content.items() if not isinstance(value, dict)}
    tables = {"": _options(top, _command("run", context, path), path, named=named is not None)}
    for name, table in content.items():
        if isinstance(table, dict):
            tables[name] = _options(table, _command(name, context, path), path, named=named is not None)
    return Configuration(path=path, named=named is not None, tables=tables, thresholds=thresholds)


def configuration_of(context: click.Context) -> Configuration:
    """Return the configuration that a command runs with."""
    configuration: Configuration = context.meta.get(_META, Configuration(tables={}, thresholds={}))
    return configuration


def apply(context: click.Context, _parameter: click.Parameter, named: Path | None) -> None:
    """Make what the file says the defaults of the command's options; the callback of ``--config``.

    A spelling mistake never becomes a default, in the file or in the environment.
    """
    if context.resilient_parsing:
        return
    try:
        refuse_unknown(os.environ, context)
        refuse_bytes(os.environ)
        known = configuration_of(context)
        # The command line that config explains is read after its own: a pipe gives its content only once.
        configuration = known if named and named == known.path else read(named, places(Path()), context)
    except UsageError as error:
        if not getattr(context.command, "examines_configuration", False):
            raise
        configuration = Configuration(tables={}, thresholds={}, problem=error)
    context.meta[_META] = configuration
    context.default_map = configuration.defaults(context.command)


def origin(context: click.Context, parameter: click.Parameter) -> str:
    """Say where a value comes from: command line, environment variable, file, or default."""
    match context.get_parameter_source(parameter.name):
        case ParameterSource.COMMANDLINE | ParameterSource.PROMPT:
            return "command line"
        case ParameterSource.ENVIRONMENT:
            return f"environment variable {parameter.envvar}"
        case ParameterSource.DEFAULT_MAP:
            return f"file {configuration_of(context).path}"
        case _:
            return "default"


def options_of(command: click.Command) -> dict[str, click.Option]:
    """Return the options of a command by their long names without dashes, as a file has them."""
    return {
        name.removeprefix("--"): parameter
        for parameter in command.params
        if isinstance(parameter, click.Option)
        for name in parameter.opts
        if name.startswith("--") and name != "--config"
    }


def _is_there(place: Path) -> bool:
    """Say whether a file was put there, or what is left where one was meant to be: a folder, a link."""
    try:
        return place.is_file() or place.is_dir() or place.is_symlink()
    except OSError:  # a service may be kept from looking into its user's home
        return False


def _parse(path: Path) -> dict[str, Any]:
    import tomllib

    from exporter.files import read_whole

    try:
        content = read_whole(
            path, most=_LARGEST, name=f"The configuration file {path}", remedy="Name another with --config."
        )
        return tomllib.loads(content.decode("utf-8-sig"))  # some editors begin a file with a byte-order mark
    except (ValueError, RecursionError) as error:
        reason = (
            str(error) if isinstance(error, tomllib.TOMLDecodeError) else "it is not text that can be read"
        )
        raise UsageError(
            f"The configuration file {path} is not TOML: {reason}.",
            "Mend it there; the manual, docs/operations.md, has an example.",
        ) from None  # the text it could not read may be a key, put there by mistake
    except OSError as error:
        raise UsageError(
            f"The configuration file {path} cannot be read ({error.strerror}).",
            "Name one that exists with --config, and check its permissions.",
        ) from error


def _take_thresholds(content: dict[str, Any], path: Path) -> dict[str, Any]:
    """Take the table ``report.thresholds`` out of the file's content, and make sure that it makes sense."""
    report = content.get("report")
    table = report.pop("thresholds", {}) if isinstance(report, dict) else {}
    if not isinstance(table, dict):
        raise UsageError(
            f"report.thresholds is not a table, in {path}.",
            "Write the thresholds below a line [report.thresholds], one a line.",
        )
    if report == {}:
        del content["report"]
    if table:
        _thresholds(table, path)
    return table


def _thresholds(table: dict[str, Any], path: Path | None) -> "Thresholds":
    import msgspec

    from exporter.thresholds import Thresholds

    known = [field.name for field in fields(Thresholds)]
    for name in table:
        if name not in known:
            raise _unknown(f"threshold {name!r}", name.replace("-", "_"), known, path)
    try:
        return msgspec.convert(msgspec.to_builtins(table), Thresholds)
    except msgspec.ValidationError as error:
        raise UsageError(
            f"A threshold has a value of the wrong kind, in {path}: {error}.",
            "Mend it there; audit-export config lists the thresholds.",
        ) from error
    except UsageError as error:
        raise UsageError(f"In {path}: {error.what}", error.remedy) from error


def _command(name: str, context: click.Context, path: Path) -> click.Command:
    group = context.find_root().command
    if not isinstance(group, click.Group):
        return context.command
    command = group.get_command(context, name)
    if command is None:
        raise _unknown(f"command {name!r} to set options of", name, group.list_commands(context), path)
    return command


def _options(table: dict[str, Any], command: click.Command, path: Path, *, named: bool) -> dict[str, AsTyped]:
    known = options_of(command)
    for name in table:
        if name not in known:
            raise _unknown(f"option {name!r} of {command.name}", name.replace("_", "-"), list(known), path)
        if getattr(known[name], "typed", False):
            raise UsageError(
                f"{path} sets {name} of {command.name}, which only the command line may.",
                f"Leave it out there, and give --{name} where it is wanted.",
            )
        if name in NAMED_ONLY and not named:
            raise UsageError(
                f"{path} sets {name}, and nobody named that file: it was found there.",
                f"Name it, if you trust it: --config {path}. Else give --{name} on the command line.",
            )
    return {name: _as_typed(known[name], value, name, path) for name, value in table.items()}


def _as_typed(option: click.Option, value: object, name: str, path: Path) -> AsTyped:
    """Return a TOML value as the command line would have had it; the option's own type reads it then."""
    values = value if isinstance(value, list) else [value]
    if any(isinstance(each, str) and "\0" in each for each in values):
        raise UsageError(
            f"{name} holds the character U+0000 in {path}.", "Write it without; no option takes it."
        )
    match value:
        case bool():
            if option.is_flag:
                return value
        case int() if option.count:
            return value
        case list() if not option.is_flag and not option.count:
            items = [str(item) for item in value if isinstance(item, str | int | float)]
            if len(items) == len(value):
                return items if option.multiple else ",".join(items)
        case datetime() | date() | time() if not option.is_flag:
            return value.isoformat()
        case str() | int() | float() if not option.is_flag and not option.count:
            return [str(value)] if option.multiple else str(value)
    wanted = "true or false" if option.is_flag else "a number" if option.count else "text, a number or a list"
    raise UsageError(f"{name} has a value of the wrong kind in {path}.", f"Give it {wanted}.")


def _unknown(what: str, name: str, known: Sequence[str], path: Path | None) -> UsageError:
    from difflib import get_close_matches

    written = name.lower()
    if is_for_a_secret(name):
        remedy = "A configuration file holds no key: name the key's own file with api-key-file."
    elif near := get_close_matches(written, known, n=1):
        remedy = f"Did you mean {near[0]!r}?"
    else:
        remedy = "Leave it out, or look the name up in the command's --help."
    return UsageError(f"There is no {what}, in {path}.", remedy)
