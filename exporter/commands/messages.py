"""Messages on stderr: text for people, or one JSON object a line for machines.

Everything that is said on the way is a log record: what the program says of its result, what went wrong, and
what the libraries log. One handler writes them all, so one option decides on the form and one on how much.
"""

import logging
import os
import sys
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import click

from exporter.commands.variables import variable_of
from exporter.facts import rfc3339

FORMS = ("text", "json")
"""How messages can be written."""

QUIET = -1
"""The verbosity at which errors alone are written."""

_LEVELS = {QUIET: logging.ERROR, 0: logging.WARNING, 1: logging.INFO, 2: logging.DEBUG}
_TALKATIVE = ("exporter", "httpx")
_log = logging.getLogger("exporter")
_summary = logging.getLogger("exporter.summary")


def colour() -> bool | None:
    """Return what Click takes for "no colours" where NO_COLOR is set, and for "on terminals" elsewhere."""
    return False if os.environ.get("NO_COLOR") else None


class _Stderr(logging.Handler):
    """Writes to whatever ``sys.stderr`` is by then, a bar of progress included; without colours to a file."""

    def emit(self, record: logging.LogRecord) -> None:
        text = self.format(record)
        plain = colour() is False or not sys.stderr.isatty()
        try:
            # Not by way of Click, which would write past a bar of progress and into its line.
            sys.stderr.write((click.unstyle(text) if plain else text) + "\n")
            sys.stderr.flush()
        except OSError:
            self.handleError(record)


class _JsonLines(logging.Formatter):
    """One JSON object a line: time, level, logger, message, and what else the record carries."""

    def format(self, record: logging.LogRecord) -> str:
        import json

        line = {
            "time": rfc3339(datetime.fromtimestamp(record.created, UTC)),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": click.unstyle(record.getMessage()),
            **getattr(record, "details", {}),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line)


class _Text(logging.Formatter):
    """The message as it is; an error with its mark, what to do, and before it the traceback.

    What went wrong is long enough for a terminal to break it within a word, so it is broken before.
    """

    def format(self, record: logging.LogRecord) -> str:
        details: dict[str, Any] | None = getattr(record, "details", None)
        if details is None or "remedy" not in details:
            text = super().format(record)
            return _wrapped(text) if record.levelno >= logging.WARNING and not record.exc_info else text
        what, remedy = _wrapped(f"Error: {record.getMessage()}"), _wrapped(details["remedy"])
        text = what.replace("Error:", click.style("Error:", fg="red"), 1) + f"\n{remedy}".rstrip()
        trace = "".join(traceback.format_exception(*record.exc_info)) if record.exc_info else ""
        return trace + text


def _wrapped(text: str) -> str:
    """Break lines between words where stderr leads to a terminal; a path or an option stays whole."""
    import textwrap

    width = _terminal_width()
    if not width:
        return text
    lines = text.split("\n")
    return "\n".join(
        textwrap.fill(line, width, break_long_words=False, break_on_hyphens=False) for line in lines
    )


def _terminal_width() -> int:
    """Return the columns of the terminal that stderr leads to; 0 where there is none, or it has no size."""
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns if sys.stderr.isatty() else 0
    except (OSError, ValueError):  # it is closed, or no file
        return 0


def configure(*, form: str = "text", verbosity: int = 0) -> None:
    """Write messages in this form; ``verbosity`` runs from -1, errors alone, to 2, everything."""
    handler = _Stderr()
    handler.setFormatter(_JsonLines() if form == "json" else _Text())
    level = _LEVELS[max(QUIET, min(2, verbosity))]
    handler.setLevel(logging.ERROR if verbosity < 0 else logging.NOTSET)
    root = logging.getLogger()
    root.handlers[:] = [*(old for old in root.handlers if not isinstance(old, _Stderr)), handler]
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(level)
    _summary.setLevel(min(level, logging.INFO))


def form_in(environ: Mapping[str, str]) -> str:
    """Return the form that the environment asks for: it holds for a command line that cannot be read, too."""
    form = environ.get(variable_of("log-format"))
    return form if form in FORMS else FORMS[0]


def say(text: str, **details: Any) -> None:
    """Say something about the result: shown unless only errors are wanted."""
    _summary.info("%s", text, extra={"details": details} if details else None)


def warn(text: str) -> None:
    """Say that something is not as it was meant to be, though the command goes on."""
    _log.warning("%s", text)


def complain(what: str, remedy: str, code: int, error: BaseException | None = None) -> None:
    """Say what happened and what to do; in detail with the traceback of ``error``, or of the one handled."""
    details = {"remedy": remedy, "exit_code": code}
    error = error or sys.exception()
    traced = error if error is not None and error.__traceback__ and _log.isEnabledFor(logging.DEBUG) else None
    _log.error("%s", what, extra={"details": details}, exc_info=traced)


def are_json() -> bool:
    """Say whether messages are written as JSON."""
    return any(isinstance(handler.formatter, _JsonLines) for handler in logging.getLogger().handlers)


def are_for_people() -> bool:
    """Say whether somebody may be looking on: messages are text, and more than errors is wanted."""
    return not are_json() and _log.isEnabledFor(logging.WARNING)
