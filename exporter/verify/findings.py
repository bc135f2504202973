"""Findings: what was asked, expected and found, and what they amount to together."""

from collections.abc import Iterable
from enum import StrEnum

from exporter.facts import Check, Result

SEVERAL = 5
"""How many of many are named."""


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


def none_of(id_: str, what: str, paths: Iterable[str], result: Result = Result.DIFFERS) -> Check:
    """Return a finding that expects no paths; ``result`` is what it comes to where there are some."""
    listed = set(paths)
    return finding(
        id_,
        what,
        expected="no difference",
        found=named(listed) if listed else "no difference",
        result=result if listed else Result.AS_EXPECTED,
    )


def lacking(error: Exception) -> Result:
    """Tell what is not there from what is there and is not what it should be."""
    return Result.MISSING if isinstance(error, FileNotFoundError) else Result.DIFFERS


def named(paths: set[str]) -> str:
    """Name the first few of many."""
    first = ", ".join(sorted(paths)[:SEVERAL])
    return first + (f" and {len(paths) - SEVERAL:,} more" if len(paths) > SEVERAL else "")
