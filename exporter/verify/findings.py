"""Findings: what was asked, expected and found, and what they amount to together."""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from types import MappingProxyType

from exporter.evidence.container import was_not_read
from exporter.facts import Check, Result

SEVERAL = 5
"""How many of many are named."""

_ALL_READ: Mapping[str, OSError] = MappingProxyType({})


class Outcome(StrEnum):
    """What a verification came to; the worst of its findings decides."""

    AS_SEALED = "as sealed"
    NOT_CHECKED = "not wholly checked"
    INCOMPLETE = "incomplete"
    ALTERED = "altered"

    @classmethod
    def of(cls, checks: Iterable[Check]) -> "Outcome":
        """Follow from the findings: what differs outweighs what is missing, and that what is unknown."""
        results = {check.result for check in checks}
        if results & {Result.DIFFERS, Result.CONTRADICTS}:
            return cls.ALTERED
        if Result.MISSING in results:
            return cls.INCOMPLETE
        if results & {Result.NOT_SHOWN, Result.NOT_PERFORMED}:
            return cls.NOT_CHECKED
        return cls.AS_SEALED


def finding(id_: str, what: str, *, expected: str, found: str, result: Result) -> Check:
    """Return a finding."""
    return Check(id=id_, what=what, expected=expected, found=found, result=result)


def none_of(
    id_: str,
    what: str,
    paths: Iterable[str],
    result: Result = Result.DIFFERS,
    *,
    unread: Mapping[str, OSError] = _ALL_READ,
) -> Check:
    """Return a finding that expects no paths; ``result`` is what it comes to where there are some.

    Of what was ``unread`` it could not be found out.
    """
    listed = set(paths)
    found = [*([named(listed)] if listed else []), *([not_read(unread)] if unread else [])]
    without = Result.NOT_PERFORMED if unread else Result.AS_EXPECTED
    return finding(
        id_,
        what,
        expected="no difference",
        found="; ".join(found) or "no difference",
        result=result if listed else without,
    )


def lacking(error: Exception) -> Result:
    """Tell what is not there, and what could not be read, from what is there and is not what it should be."""
    if isinstance(error, FileNotFoundError):
        return Result.MISSING
    return Result.NOT_PERFORMED if was_not_read(error) else Result.DIFFERS


def not_read(unread: Mapping[str, OSError]) -> str:
    """Name what could not be read, and why."""
    reasons = {f"{path or 'all of it'} ({error.strerror})" for path, error in unread.items()}
    return f"not read: {named(reasons)}"


def named(paths: set[str]) -> str:
    """Name the first few of many."""
    first = ", ".join(sorted(paths)[:SEVERAL])
    return first + (f" and {len(paths) - SEVERAL:,} more" if len(paths) > SEVERAL else "")
