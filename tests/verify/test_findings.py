"""Findings: what they name, and what they come to."""

import errno

import pytest

from exporter.facts import Check, Result
from exporter.verify.findings import Outcome, finding, lacking, named, none_of, not_read

REFUSED = PermissionError(errno.EACCES, "Permission denied")


def test_five_are_named_in_order_and_the_rest_is_counted() -> None:
    assert named(set("edcba")) == "a, b, c, d, e"
    assert named(set("fedcba")) == "a, b, c, d, e and 1 more"
    assert named({str(number) for number in range(1_006)}) == "0, 1, 10, 100, 1000 and 1,001 more"


def test_what_was_not_read_is_named_with_the_reason() -> None:
    assert not_read({"": REFUSED}) == "not read: all of it (Permission denied)"
    assert not_read({"data/b": REFUSED, "data/a": REFUSED}) == (
        "not read: data/a (Permission denied), data/b (Permission denied)"
    )


@pytest.mark.parametrize(
    ("paths", "unread", "found", "result"),
    [
        ((), {}, "no difference", Result.AS_EXPECTED),
        (("b", "a"), {}, "a, b", Result.MISSING),
        ((), {"c": REFUSED}, "not read: c (Permission denied)", Result.NOT_PERFORMED),
        (("a",), {"c": REFUSED}, "a; not read: c (Permission denied)", Result.MISSING),
    ],
)
def test_a_finding_that_expects_none_says_which_there_are(
    paths: tuple[str, ...], unread: dict[str, OSError], found: str, result: Result
) -> None:
    check = none_of("id", "What", paths, Result.MISSING, unread=unread)

    assert check == Check(id="id", what="What", expected="no difference", found=found, result=result)


@pytest.mark.parametrize(
    ("error", "result"),
    [
        (FileNotFoundError(errno.ENOENT, "said"), Result.MISSING),
        (REFUSED, Result.NOT_PERFORMED),
        (OSError("of our own"), Result.DIFFERS),
        (ValueError("another"), Result.DIFFERS),
    ],
)
def test_what_is_missing_is_told_from_what_was_not_read_and_from_what_is_wrong(
    error: Exception, result: Result
) -> None:
    assert lacking(error) is result


@pytest.mark.parametrize(
    ("results", "outcome"),
    [
        ([], Outcome.AS_SEALED),
        ([Result.AS_EXPECTED], Outcome.AS_SEALED),
        ([Result.AS_EXPECTED, Result.NOT_SHOWN], Outcome.NOT_CHECKED),
        ([Result.NOT_PERFORMED], Outcome.NOT_CHECKED),
        ([Result.NOT_PERFORMED, Result.MISSING], Outcome.INCOMPLETE),
        ([Result.NOT_SHOWN, Result.MISSING, Result.DIFFERS], Outcome.ALTERED),
        ([Result.CONTRADICTS, Result.AS_EXPECTED], Outcome.ALTERED),
    ],
)
def test_the_worst_finding_decides(results: list[Result], outcome: Outcome) -> None:
    checks = [finding("id", "What", expected="", found="", result=result) for result in results]

    assert Outcome.of(checks) is outcome
