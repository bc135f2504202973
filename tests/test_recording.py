"""What a run writes down of itself: what was asked for beside what was found, each in its own place."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from exporter import record
from exporter.facts import Check, Result, Selection, Verdict, Window
from exporter.fetched import Fetched
from exporter.recording import record_run
from exporter.source.probe import Probe
from tests.test_fetch import fetched
from tests.test_plan import asked
from tests.world import NOW


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """A log that was read, and the folder that it was read into."""

    fetched: Fetched
    folder: Path

    def recorded(self, *, differing: dict[str, Any] | None = None, **changes: Any) -> record.Run:
        """Record it as if ``differing`` had come of a request with these ``changes``."""
        seen = replace(self.fetched, **(differing or {}))
        return record_run(asked(**changes), seen, self.folder, {}, [])


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Done:
    folder = tmp_path_factory.mktemp("archive")
    return Done(fetched=fetched(folder), folder=folder / ".partial-test")


@pytest.mark.parametrize(
    ("ahead", "observed"),
    [(None, False), (0, False), (5, False), (-5, False), (5.5, True), (-5.5, True), (3_600, True)],
)
def test_a_clock_more_than_five_seconds_off_the_platforms_is_an_observation(
    done: Done, ahead: float | None, *, observed: bool
) -> None:
    """Whole seconds are what a header has, so five may be none; the verdict is what it was."""
    server = None if ahead is None else done.fetched.greeted - timedelta(seconds=ahead)
    greeting = replace(done.fetched.greeting, server_time=server)

    run = done.recorded(differing={"greeting": greeting})

    assert run.clocks.ahead_of_server_seconds == ahead
    assert run.clocks.server_first == server
    assert [seen.id for seen in run.observations] == (["clock-skew"] if observed else [])
    assert run.verdict == done.recorded().verdict


@pytest.mark.parametrize(("until", "partial"), [(None, False), (NOW, False), (NOW + timedelta(1), True)])
def test_the_window_in_force_stands_beside_the_one_that_was_asked_for(
    done: Done, until: datetime | None, *, partial: bool
) -> None:
    in_force = replace(done.fetched.window, until=NOW)
    typed: dict[str, str | None] = {"since": "then", "until": "now"}

    run = done.recorded(
        differing={"window": in_force}, until=until, asked=typed, settle=timedelta(seconds=90)
    )

    assert (run.window.since, run.window.until) == (in_force.since, NOW)
    assert run.window.asked == typed
    assert run.window.settle_seconds == 90
    assert run.window.partial_period is partial


def test_what_the_platform_can_do_is_recorded_as_it_was_found_out(done: Done) -> None:
    probed = Probe(
        asked=31,
        received=32,
        limit_echoed=33,
        total=34,
        offset_shifts_rows=None,
        reaches_the_end=False,
        filters_by_action=True,
        filters_by_user=None,
        total_is_filtered=True,
    )
    reader = SimpleNamespace(largest_page=41, totals=SimpleNamespace(last=42), limit=43, server_time=None)
    walk = SimpleNamespace(
        offset_shifts_rows=True, deepest_offset=44, by_action=False, by_user=False, checks=[]
    )

    run = done.recorded(differing={"probed": probed, "reader": reader, "walk": walk})

    assert run.probe == {
        "limit_asked": 31,
        "limit_echoed": 33,
        "entries_for_limit": 32,
        "largest_page": 41,
        "offset_shifts_rows": True,
        "offset_reaches_the_end": False,
        "deepest_offset": 44,
        "total": 42,
        "total_is_filtered": True,
        "filters_by_action": True,
        "filters_by_user": None,
    }


@pytest.mark.parametrize(
    ("result", "verdict"),
    [
        (Result.AS_EXPECTED, Verdict.COMPLETE),
        (Result.NOT_PERFORMED, Verdict.COMPLETE),
        (Result.NOT_SHOWN, Verdict.UNPROVEN),
        (Result.DIFFERS, Verdict.PARTIAL),
        (Result.CONTRADICTS, Verdict.PARTIAL),
    ],
)
def test_each_check_is_recorded_as_it_came_out_and_a_reason_where_it_is_one(
    done: Done, result: Result, verdict: Verdict
) -> None:
    check = Check(id="a", what="What was asked", expected="one thing", found="another", result=result)
    walk = SimpleNamespace(
        offset_shifts_rows=True, deepest_offset=None, by_action=False, by_user=False, checks=[check]
    )

    run = done.recorded(differing={"walk": cast("Any", walk)})

    assert run.checks[0] == check
    assert run.checks[1:] == done.fetched.derived.checks
    assert run.verdict.value is verdict
    assert run.verdict.reasons == ([] if verdict is Verdict.COMPLETE else ["What was asked: another."])


def test_what_could_not_be_read_is_the_first_check_and_is_named_there(done: Done) -> None:
    failure = "The page at offset 9,890 could not be read: The platform kept answering HTTP 503."

    run = done.recorded(differing={"failure": failure})

    assert run.checks[1:] == done.recorded().checks
    assert (run.checks[0].id, run.checks[0].result) == ("answers", Result.DIFFERS)
    assert run.verdict.value is Verdict.PARTIAL
    assert run.verdict.reasons[0] == f"The platform answered every request: {failure}"


def test_the_archives_can_be_derived_again_by_what_the_record_says_of_their_selection(done: Done) -> None:
    window = done.fetched.window
    stretch = Window(since=window.since - timedelta(days=1), until=window.since)
    overlap = record.Overlap(
        since=stretch.since, bundles=["a" * 64], same=1, late=["log_7"], changed=[], missing=[]
    )

    run = done.recorded(differing={"overlap": overlap}, action="deploy", user="ada@acme.example")

    assert record.selection(run) == Selection(
        window=window,
        action="deploy",
        user="ada@acme.example",
        overlap=stretch,
        late=frozenset({"log_7"}),
    )
    assert record.selection(done.recorded()) == Selection(window=window)
