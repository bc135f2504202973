"""``config``: the configuration in force, and where each value comes from."""

import copy
import os
from dataclasses import asdict
from pathlib import Path

import click

from exporter.commands.configuration import Configuration, configuration_of, home, places
from exporter.commands.options import SectionedCommand, option
from exporter.commands.results import print_json, print_result, print_table, visible
from exporter.commands.session import Session
from exporter.commands.settings import Setting, settings_of, thresholds_in_force
from exporter.errors import UsageError

_LINE = "exporter.line"
_OWN = "--json"
_REPORTING = ("run", "report")


class _Quoting(SectionedCommand):
    """A command that is followed by another one's command line, and leaves it to that one to read it."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Keep the words as they are, and read what is the command's own among them."""
        ctx.meta[_LINE] = [word for word in args if word != _OWN]
        return super().parse_args(ctx, args)


@click.command(
    cls=_Quoting,
    context_settings={"ignore_unknown_options": True},
)
@click.argument("line", nargs=-1, type=click.UNPROCESSED, metavar="[COMMAND [ITS OPTIONS]...]")
@option(_OWN, section="Behaviour", is_flag=True, help="Print it as one JSON object.")
@click.pass_context
def config(context: click.Context, /, *, line: tuple[str, ...], **given: bool) -> int:
    """Show the configuration in force, and where each value comes from.

    Put it before a command line to see what that would mean, without doing it: audit-export config list
    --limit 5. Without a command it shows that of "run". Of the API key it shows where it comes from, never
    the key.
    """
    inner = _read(context, line)
    settings = settings_of(inner, environ=os.environ, home=home())
    if inner.command.name in _REPORTING:
        settings |= thresholds_in_force(configuration_of(inner))
    show = _print_json if given["json"] else _print_text
    show(inner.info_name or "", configuration_of(inner), settings)
    return 0


def _read(context: click.Context, line: tuple[str, ...]) -> click.Context:
    """Read the other command's line as far as there is one: no argument and no option has to be there."""
    words: list[str] = context.meta[_LINE]
    group = context.find_root().command
    named = group.get_command(context, line[0]) if isinstance(group, click.Group) and line else None
    if named is not None:
        words.remove(line[0])
    elif line and not line[0].startswith("-"):
        raise UsageError(f"There is no command {line[0]!r}.", "See audit-export --help for those there are.")
    command = copy.copy(named or _run(group, context))
    command.params = [
        _optional(parameter) for parameter in command.params if isinstance(parameter, click.Option)
    ]
    read = command.make_context(
        command.name, words, parent=context.parent, obj=Session(), allow_extra_args=True
    )
    context.call_on_close(read.close)
    return read


def _optional(parameter: click.Option) -> click.Option:
    copied = copy.copy(parameter)
    copied.required = False
    return copied


def _run(group: click.Command, context: click.Context) -> click.Command:
    run = group.get_command(context, "run") if isinstance(group, click.Group) else None
    if run is None:
        raise AssertionError("run is a command of the program")
    return run


def _print_json(command: str, file: Configuration, settings: dict[str, Setting]) -> None:
    shown = {
        "command": command,
        "file": file.path and str(file.path),
        "options": {name: asdict(setting) for name, setting in settings.items()},
    }
    print_json(shown)


def _print_text(_command: str, file: Configuration, settings: dict[str, Setting]) -> None:
    if file.path is None:
        looked = " and ".join(map(str, places(Path())))
        print_result(f"Configuration file: none ({looked} were looked for)\n")
    else:
        print_result(f"Configuration file: {file.path} ({'named' if file.named else 'found'})\n")
    rows = [(name, _shown(setting.value), setting.origin) for name, setting in settings.items()]
    print_table([("OPTION", "VALUE", "FROM"), *(tuple(map(visible, row)) for row in rows)])


def _shown(value: object) -> str:
    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case list():
            return ", ".join(map(str, value))
        case _:
            return str(value)
