"""Time zones: those of the IANA database and no others, whatever a machine has beside them.

Some systems add a zone of the machine's own, and the database again in other forms. What names them says
nothing elsewhere, so the list is that of the package which every installation has.
"""

from functools import cache
from importlib.resources import files

_UNSET = "Factory"
"""The database's name for a machine whose zone nobody has set."""


def is_zone(name: str) -> bool:
    """Whether the IANA database has a zone of this name."""
    return name in _names()


@cache
def _names() -> frozenset[str]:
    names = files("tzdata").joinpath("zones").read_text("utf-8").split()
    return frozenset(names) - {_UNSET}
