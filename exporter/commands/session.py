"""What is known of a call of the program before its command runs, for whoever has to say that it failed."""

from dataclasses import dataclass

from click.core import ParameterSource


@dataclass(slots=True)
class Session:
    """One call of the program; filled in while its command line is read."""

    command: str = ""
    """The command's name."""

    found: int = 0
    """The exit code for what the command found, which holds also where it cannot be printed."""

    as_json: bool = False
    """Whether the result is wanted as JSON."""

    form: str = "text"
    """How messages are written."""

    verbosity: int = 0
    """How much is said: -1 for errors alone, 2 for everything."""

    verbosity_source: ParameterSource = ParameterSource.DEFAULT
    """What decided on it."""
