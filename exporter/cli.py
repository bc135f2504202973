"""The command line: one group, its commands loaded when they are used, and errors turned into exit codes."""

import codecs
import errno
import io
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

import click

from exporter import __version__
from exporter.commands import messages, signals
from exporter.commands.results import UnreadError, most_serious, print_failure, read_by_somebody, visible
from exporter.commands.session import Session
from exporter.errors import AuditExportError, OutputError, chain_of

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

_COMMANDS = {
    "run": ("exporter.commands.run:run", "Export a window into one sealed bundle."),
    "verify": ("exporter.commands.verify:verify", "Check that a bundle or an archive is what was sealed."),
    "recheck": ("exporter.commands.recheck:recheck", "Read a bundle's window again, and compare."),
    "pack": ("exporter.commands.pack:pack", "Put a bundle into one zip, for portals that take files."),
    "report": ("exporter.commands.report:report", "Draw the report of a bundle again."),
    "sample": ("exporter.commands.sample:sample", "Draw a sample that anyone can draw again."),
    "list": ("exporter.commands.log:list_", "Show the newest entries of the log."),
    "get": ("exporter.commands.log:get", "Show one entry of the log, whole."),
    "schema": ("exporter.commands.schema:schema", "Show the columns of the table."),
    "config": (
        "exporter.commands.config:config",
        "Show the configuration in force, and where each value comes from.",
    ),
    "doctor": ("exporter.commands.doctor:doctor", "Examine what an export needs, here and at the platform."),
    "sandbox": ("exporter.commands.sandbox:sandbox", "Serve the reference platform on this machine."),
    "demo": ("exporter.commands.demo:demo", "Sandbox, run and verify in one go."),
}
"""Where each command is, and what the help says of it, which need not load them all for that."""

_OWN_OPTIONS = ("-h", "--help", "--version")
_UNEXPECTED = 1
_UNREAD = 128 + 13
"""What shells give for SIGPIPE, by which other tools end where nobody reads what they print any more."""

_ESCAPES = "exporter.escapes"
_FULL = {errno.ENOSPC, errno.EDQUOT}
"""What the system says of a disk, or of a user's share of it, that is full."""


class _Stopped(SystemExit):
    """A signal asked the program to end; 128 and its number is the exit code that shells give."""


class _Group(click.Group):
    """A group that loads a command when it is asked for, and takes bare options for ``run``'s."""

    def list_commands(self, _context: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, _context: click.Context, name: str) -> click.Command | None:
        if name not in _COMMANDS:
            return None
        module, attribute = _COMMANDS[name][0].split(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def format_commands(self, _context: click.Context, formatter: click.HelpFormatter) -> None:
        """Write what each command is for."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, purpose) for name, (_, purpose) in _COMMANDS.items()])

    def parse_args(self, context: click.Context, args: list[str]) -> list[str]:
        if args and args[0].startswith("-") and args[0] not in _OWN_OPTIONS:
            args = ["run", *args]
        with read_by_somebody():
            return super().parse_args(context, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> "list[CompletionItem]":
        """Offer commands and their own options, and those of ``run``, which needs no name."""
        items = super().shell_complete(ctx, incomplete)
        run = self.get_command(ctx, "run")
        if run is not None and incomplete.startswith("-"):
            items += run.shell_complete(run.make_context("run", [], resilient_parsing=True), incomplete)
        return items


@click.group(cls=_Group, context_settings={"max_content_width": 100, "help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="audit-export")
def cli() -> None:
    """Export a platform's audit log for a date range as evidence.

    Options without a command are those of "run": audit-export --since 2026-01-01
    """


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit; the exit codes are part of the contract."""
    os.umask(0o077)
    _fill_closed_streams()
    _escape_what_streams_lack()
    signals.heed(_stop)
    code = _run(arguments)
    _give_up_what_is_unwritten()
    sys.exit(code)


def _fill_closed_streams() -> None:
    """Lead closed streams nowhere, or what is written to them would go into the next file that is opened."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115 - until the end


def _escape_what_streams_lack() -> None:
    """Have characters that the encoding of a stream lacks written as JSON escapes: JSON stays what it is."""
    codecs.register_error(_ESCAPES, _escape)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=_ESCAPES)


def _escape(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    import json  # noqa: PLC0415 - hardly ever needed

    return json.dumps(error.object[error.start : error.end])[1:-1], error.end


def _give_up_what_is_unwritten() -> None:
    """Discard what could not be written: the interpreter would try again at its end, and complain."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _run(arguments: Sequence[str] | None) -> int:
    session = Session(form=messages.form_in(os.environ))
    messages.configure(form=session.form)
    try:
        code = cli.main(
            arguments, prog_name="audit-export", standalone_mode=False, obj=session, color=messages.colour()
        )
    except _Stopped as error:
        return _report_stopped(session, error)
    except UnreadError:
        return most_serious((_UNREAD, session.found))
    except AuditExportError as error:
        return _report(session, error.what, error.remedy, most_serious((error.exit_code, session.found)))
    except click.ClickException as error:
        return _refuse(session, error)
    except Exception as error:  # noqa: BLE001 - the last resort: say it in a sentence
        return _report_unexpected(session, error)
    return int(code or 0)


def _report_stopped(session: Session, stopped: _Stopped) -> int:
    return _report(session, "Interrupted.", "Run the same command again.", int(stopped.code or 0))


def _report_unexpected(session: Session, error: Exception) -> int:
    for cause in chain_of(error):
        if isinstance(cause, _Stopped):  # while a class was made, of which Python makes an error of its own
            return _report_stopped(session, cause)
    if isinstance(error, OSError) and error.errno in _FULL:
        where = "the device" if error.filename is None else str(error.filename)
        what = f"There is no room for what has to be written to {where} ({error.strerror})."
        return _report(session, what, "Make room, then run the same command again.", OutputError.exit_code)
    remedy = "This is a defect; run the command with -vv and report what it prints."
    return _report(session, f"Unexpected: {type(error).__name__}: {error}.", remedy, _UNEXPECTED)


def _report(session: Session, what: str, remedy: str, code: int) -> int:
    messages.complain(visible(what), visible(remedy), code)
    if session.as_json:
        try:
            print_failure(session.command, what, remedy, code)
        except UnreadError:
            return code  # stderr has it, and who reads nothing misses nothing
        except OutputError as error:
            code = most_serious((code, error.exit_code))
            messages.complain(error.what, error.remedy, code)
    return code


def _refuse(session: Session, error: click.ClickException) -> int:
    """Say what is wrong with the command line: in Click's words for people, as any error for machines."""
    for_people = not messages.are_json() and not session.as_json
    if for_people or isinstance(error, click.exceptions.NoArgsIsHelpError):
        with suppress(OSError):  # it may lead to where nobody reads, or nothing fits
            error.show()
        return error.exit_code
    remedy = f"See audit-export {session.command} --help.".replace("  ", " ")
    return _report(session, error.format_message(), remedy, error.exit_code)


def _stop(number: int, _frame: FrameType | None) -> NoReturn:
    raise _Stopped(128 + number)
