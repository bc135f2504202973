"""What a command leaves with, of all that came of it."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from exporter.commands.results import exit_code, most_serious
from exporter.errors import StampError
from exporter.export import Published
from exporter.facts import Result, Verdict

UNSTAMPED = StampError("The authority does not answer.", "Try again later.")
GONE, CUT_OFF = Result.CONTRADICTS, Result.DIFFERS


@pytest.mark.parametrize(
    ("verdict", "result", "failure", "accepted", "code"),
    [
        (Verdict.COMPLETE, None, None, False, 0),
        (Verdict.UNPROVEN, None, None, False, 3),
        (Verdict.UNPROVEN, None, None, True, 0),
        (Verdict.PARTIAL, CUT_OFF, None, False, 3),
        (Verdict.PARTIAL, CUT_OFF, None, True, 3),
        (Verdict.PARTIAL, GONE, None, True, 4),
        (Verdict.COMPLETE, None, UNSTAMPED, False, 7),
        (Verdict.UNPROVEN, None, UNSTAMPED, False, 7),
        (Verdict.PARTIAL, GONE, UNSTAMPED, False, 4),
    ],
)
def test_the_verdict_decides_on_the_exit_code_and_a_log_that_contradicts_itself_before_all_else(
    verdict: Verdict, result: Result | None, failure: StampError | None, *, accepted: bool, code: int
) -> None:
    run = SimpleNamespace(
        verdict=SimpleNamespace(value=verdict, reasons=["So it is."]),
        checks=[SimpleNamespace(result=result)],
    )
    published = Published(bundle=Path("x"), root="a" * 64, link=None, run=cast("Any", run), failure=failure)

    assert exit_code(published, accept_unproven=accepted) == code


def test_of_several_codes_one_goes_before_the_other() -> None:
    codes, order = [3, 0, 7, 5, 4, 6], []
    while codes:
        order.append(most_serious(codes))
        codes.remove(order[-1])

    assert order == [4, 7, 6, 5, 3, 0]
    assert (most_serious([]), most_serious([0, 2])) == (0, 2)
