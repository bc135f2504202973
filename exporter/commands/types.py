"""What options and arguments take, beyond what Click knows: texts, paths and numbers that make sense."""

from math import isfinite
from pathlib import Path
from typing import Any

import click

EMPTY = "It is empty, as is a variable that the shell does not know."
"""What is said of a value without characters."""


def is_text(value: str) -> bool:
    """Whether a value can be written down: the command line may hold bytes that are no UTF-8."""
    return not any("\ud800" <= character <= "\udfff" for character in value)


class NonEmpty(click.types.StringParamType):
    """A text that names something: an empty one would stand for another thing than was meant, or for none."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Read the text."""
        text: str = super().convert(value, param, ctx)
        if not text.strip():
            self.fail(EMPTY, param, ctx)
        return text


class GivenPath(click.Path):
    """A path. Of one that has to exist and lies in a closed folder, it is not said that it does not."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read the path."""
        if self.exists and _is_out_of_reach(value):
            self.fail(f"{str(value)!r} lies where this user may not look.", param, ctx)
        return super().convert(value, param, ctx)


def _is_out_of_reach(path: str) -> bool:
    try:
        Path(path).stat()
    except PermissionError:
        return True
    except OSError:
        return False  # Click has words for these
    return False


class TextPath(GivenPath):
    """A path whose name is text in UTF-8, which the archives' library needs."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read the path."""
        if not is_text(str(value)):
            self.fail(
                f"{str(value)!r} is not a name in UTF-8, which the archives' library needs.", param, ctx
            )
        return super().convert(value, param, ctx)


class Amount(click.FloatRange):
    """A number within bounds, which neither "nan" nor "inf" is."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Read the number."""
        number: float = super().convert(value, param, ctx)
        if not isfinite(number):
            self.fail(f"{value!r} is not a number.", param, ctx)
        return number
