"""What every option has (a section, a variable, a name in the file), and options that commands share."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from exporter.commands import configuration, messages
from exporter.commands.results import read_by_somebody
from exporter.commands.session import Session
from exporter.commands.types import EMPTY, is_text
from exporter.commands.variables import variable_of
from exporter.errors import UsageError

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

F = TypeVar("F", bound=Callable[..., Any])

_KEPT = "exporter.option."
_LAST_SECTIONS = ("Window", "Source", "Output", "Trust", "Behaviour", "Other")
"""Headings that come last in the help, in this order; a command's own stand before them."""


class SectionedOption(click.Option):
    """An option that stands under a heading of its own in the help.

    ``everywhere`` says that a value at the top of the configuration file holds for every command, ``typed``
    that only the command line gives one.
    """

    def __init__(
        self,
        *declarations: Any,
        section: str = "Options",
        everywhere: bool = False,
        typed: bool = False,
        **attributes: Any,
    ) -> None:
        super().__init__(*declarations, **attributes)
        self.section = section
        self.everywhere = everywhere
        self.typed = typed

    def process_value(self, ctx: click.Context, value: Any) -> Any:
        """Read the value; a complaint about one that was not typed says where it comes from."""
        try:
            _refuse_misread_path(self, value)
            value = super().process_value(ctx, value)
            _refuse_bytes(value)
        except click.MissingParameter:
            raise
        except click.BadParameter as error:
            origin = configuration.origin(ctx, self)
            told = "" if origin in ("command line", "default") else f" It comes from {origin}."
            raise click.BadParameter(error.message + told, ctx, self) from error
        if not self.expose_value:
            ctx.meta[_KEPT + str(self.name)] = value
        return value


def _refuse_misread_path(option: click.Option, value: Any) -> None:
    """Refuse a path that is not the one meant: an empty one, or one with a tilde that no shell has read."""
    if not isinstance(option.type, click.Path) or not isinstance(value, str):
        return
    if not value:
        raise click.BadParameter(EMPTY)
    if value.startswith("~"):
        raise click.BadParameter(f"{value!r} begins with a tilde, which a shell alone reads. Write it out.")


def _refuse_bytes(value: Any) -> None:
    if isinstance(value, str) and not is_text(value):
        raise click.BadParameter(f"{value!r} is not text in UTF-8.")


def value_of(context: click.Context, parameter: click.Parameter) -> Any:
    """Return the value of a parameter, given or not, also of one that the command itself does not get."""
    return context.params.get(str(parameter.name), context.meta.get(_KEPT + str(parameter.name)))


class SectionedCommand(click.Command):
    """A command whose help lists its options by section, with the options that every command has."""

    def __init__(
        self, name: str | None, *, params: list[click.Parameter] | None = None, **settings: Any
    ) -> None:
        # The file's option comes first: the defaults of all others depend on it.
        super().__init__(name, params=[_config(), *(params or ()), *_message_options()], **settings)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the command line, and remember whose it was, and whether a failure is wanted as JSON."""
        session = ctx.ensure_object(Session)
        session.command = self.name or ""
        session.as_json = any(_asks_for_json(parameter, ctx, args) for parameter in self.params)
        with read_by_somebody():
            return super().parse_args(ctx, args)

    def format_options(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """Write one definition list for each section."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(context):
            row = parameter.get_help_record(context)
            if row is not None and isinstance(parameter, click.Option):
                sections.setdefault(getattr(parameter, "section", "Other"), []).append(row)
        for title in sorted(sections, key=_rank):
            with formatter.section(title):
                formatter.write_dl(sections[title])


def option(*names: str, section: str, typed: bool = False, **attributes: Any) -> Callable[[F], F]:
    """Declare ``--name``, which ``AUDIT_EXPORT_NAME`` and the file give as well, unless it has to be typed.

    Whether the result is wanted as JSON is found out first (``--json``), since errors are results too.
    """
    if names == ("--json",):
        attributes |= {"is_eager": True, "callback": _note_json}
    variable = None if typed else variable_of(names[-1])
    return click.option(
        *names, cls=SectionedOption, section=section, typed=typed, envvar=variable, **attributes
    )


def _asks_for_json(parameter: click.Parameter, context: click.Context, args: Sequence[str]) -> bool:
    """Say whether a failure is wanted as JSON, also where the rest of the line cannot be read."""
    if "--json" not in parameter.opts:
        return False
    try:
        variable = parameter.type_cast_value(context, parameter.value_from_envvar(context))
    except click.BadParameter:  # which is said when its turn comes
        variable = False
    return "--json" in args or bool(variable)


def _note_json(context: click.Context, _parameter: click.Parameter, value: bool) -> bool:  # noqa: FBT001 - click's
    context.ensure_object(Session).as_json = value
    return value


def _rank(section: str) -> int:
    return _LAST_SECTIONS.index(section) if section in _LAST_SECTIONS else -1


def _config() -> click.Parameter:
    return _parameter(
        "--config",
        type=click.Path(path_type=Path, dir_okay=False),
        callback=configuration.apply,
        help=f"Configuration file. [default: {configuration.NAME} here, else in the user's folder of "
        "configurations]",
    )


def _message_options() -> list[click.Parameter]:
    return [
        _parameter(
            "-v",
            "--verbose",
            count=True,
            callback=_set_verbosity,
            help="Show every request; -vv adds tracebacks.",
        ),
        _parameter(
            "-q",
            "--quiet",
            is_flag=True,
            callback=_set_verbosity,
            help="Show nothing but errors and the result.",
        ),
        _parameter(
            "--log-format",
            type=click.Choice(messages.FORMS),
            default="text",
            show_default=True,
            callback=_set_form,
            help="How messages are written to stderr: json is one object a line.",
        ),
    ]


def _parameter(*names: str, **attributes: Any) -> click.Parameter:
    """Declare an option that every command has; it is read before the command's own, and not handed to it."""
    return SectionedOption(
        names,
        section="Behaviour",
        envvar=variable_of(names[-1]),
        everywhere=True,
        is_eager=True,
        expose_value=False,
        **attributes,
    )


def _set_verbosity(context: click.Context, parameter: click.Parameter, value: int) -> int:
    """Let the more explicit of ``-v`` and ``-q`` decide: who typed one meant it, whatever the file says."""
    session = context.ensure_object(Session)
    source = context.get_parameter_source(parameter.name)
    if value and source is not None and source <= session.verbosity_source:
        if source == session.verbosity_source and session.verbosity:
            raise UsageError("Both -v and -q were given.", "Give one of them.")
        session.verbosity = messages.QUIET if parameter.name == "quiet" else value
        session.verbosity_source = source
    messages.configure(form=session.form, verbosity=session.verbosity)
    return value


def _set_form(context: click.Context, _parameter: click.Parameter, value: str) -> str:
    session = context.ensure_object(Session)
    session.form = value
    messages.configure(form=session.form, verbosity=session.verbosity)
    return value


progress_option = option(
    "--progress",
    section="Behaviour",
    type=click.Choice(["auto", "always", "never"]),
    default="auto",
    show_default=True,
    help="Whether to show how far back the reading has come: auto does on a terminal.",
)
"""The option that decides on the bar of progress, for commands that read the log."""


def timezone_option(section: str) -> Callable[[F], F]:
    """Return the option that says where days begin, for commands that read dates."""
    return option(
        "--timezone",
        section=section,
        everywhere=True,
        metavar="NAME",
        callback=_find_zone,
        default="UTC",
        show_default=True,
        help="Where days begin: a zone of the IANA database, such as Europe/Berlin.",
    )


def _find_zone(_context: click.Context, _parameter: click.Parameter, name: str) -> "ZoneInfo":
    from exporter.windows import find_zone

    try:
        return find_zone(name)
    except UsageError as error:
        raise click.BadParameter(str(error)) from error
