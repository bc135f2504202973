"""A thousand entries behind every limit of the platform: all in the bundle, or a verdict that says otherwise.

Rows are counted against the database behind the platform. Redirects are no failure that passes, so they are
not among those that are tried again; ``tests/test_refusals.py`` meets them.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import duckdb
import pytest

from exporter.errors import IncompleteError
from exporter.export import Published, export
from exporter.facts import Result, Verdict
from exporter.sandbox.dialects import Body
from exporter.sandbox.entry import Entry, Json, nanoseconds
from exporter.sandbox.faults import Fault
from exporter.source.dialects import DOCUMENTED_ACTIONS
from tests.clock import no_sleep
from tests.conftest import Serve
from tests.terminal import Terminal
from tests.world import NOW, World, history

LOG = 1_000
CAP = 100
PROBED = 6
"""List requests before the walk's first."""

dialects = pytest.mark.parametrize("dialect", ["A", "B"])
either = pytest.mark.parametrize(("dialect", "total"), [("A", "filtered"), ("B", "absent")])
totals = pytest.mark.parametrize("total", ["filtered", "absent"])

Log = Callable[..., World]


@pytest.fixture
def log(serve: Serve) -> Log:
    """``log(entries, **settings)``: a platform that holds those entries, or a thousand.

    Both dialects answer in the envelope, which has a place for the total.
    """

    def make(entries: Sequence[Entry] | None = None, **settings: Any) -> World:
        world = serve(entries=LOG if entries is None else 0, body=Body.ENVELOPE, **settings)
        world.service.record_all(entries or ())
        return world

    return make


def run(world: World, output: Path, *, dialect: str = "B", **changes: Any) -> Published:
    """Export the whole log, but for its last minute."""
    request = world.request(output, since=datetime(2020, 1, 1, tzinfo=UTC), until=None, **changes)
    request = request if dialect == "B" else replace(request, organization=None)
    return export(request, now=lambda: NOW, progress=lambda *_: None, sleep=no_sleep)


def exported(published: Published) -> set[str]:
    """Ids of the rows in the bundle's table, each there once, in the form that both dialects share."""
    table = str(published.bundle / "data" / "audit.parquet")
    rows = [id_ for (id_,) in duckdb.execute("SELECT id FROM read_parquet(?)", [table]).fetchall()]
    ids = {str(UUID(id_.removeprefix("log_"))) for id_ in rows}
    assert len(ids) == len(rows) == published.run.counts.entries
    return ids


def held(world: World, published: Published) -> set[str]:
    """Ids of what the log behind the platform holds in the window."""
    low, high = nanoseconds(published.run.window.since), nanoseconds(published.run.window.until)
    return {str(entry.id) for entry in world.service.page(limit=100_000) if low <= entry.created_at < high}


def assert_whole(world: World, published: Published, *, entries: int = LOG) -> None:
    assert exported(published) == held(world, published)
    assert published.run.counts.entries == entries
    assert published.run.verdict.value is Verdict.COMPLETE
    assert {check.result for check in published.run.checks} == {Result.AS_EXPECTED}


def bundles_in(output: Path) -> list[Path]:
    return list(output.rglob("manifest.json"))


def spread(actions: Sequence[str]) -> list[Entry]:
    """Give the entries these actions in turn."""
    return [
        replace(entry, action=actions[number % len(actions)]) for number, entry in enumerate(history(LOG))
    ]


@dialects
@totals
@pytest.mark.parametrize("limits", [{"cap": CAP}, {"offset_honoured": False}], ids=str)
def test_a_thousand_entries_are_a_thousand_rows(
    log: Log, tmp_path: Path, limits: dict[str, Any], total: str, dialect: str
) -> None:
    world = log(**limits, total=total)

    assert_whole(world, run(world, tmp_path, dialect=dialect))


@dialects
def test_capped_and_without_offset_slices_bring_home_what_they_can(
    log: Log, tmp_path: Path, dialect: str
) -> None:
    world = log(spread(sorted(DOCUMENTED_ACTIONS)), offset_honoured=False, cap=CAP)

    assert_whole(world, run(world, tmp_path, dialect=dialect))


@dialects
def test_slices_that_nothing_adds_up_are_unproven(log: Log, tmp_path: Path, dialect: str) -> None:
    world = log(spread(sorted(DOCUMENTED_ACTIONS)), offset_honoured=False, cap=CAP, total="absent")

    published = run(world, tmp_path, dialect=dialect)

    assert exported(published) == held(world, published)
    assert published.run.verdict.value is Verdict.UNPROVEN
    assert str(published.run.source.parameters["limit"]).startswith("1,000, then twice as many each time")
    assert (
        published.run.source.parameters["action"] == "none at first, then each that is documented or was seen"
    )


@totals
def test_where_slices_do_not_suffice_there_is_never_a_quiet_hundred(
    log: Log, tmp_path: Path, total: str
) -> None:
    world = log(offset_honoured=False, cap=CAP // 5, total=total)

    with pytest.raises(IncompleteError, match=r"Part of the window is missing.* cuts off "):
        run(world, tmp_path)
    assert not bundles_in(tmp_path)
    published = run(world, tmp_path, allow_partial=True)

    assert exported(published) < held(world, published)
    assert published.run.verdict.value is Verdict.PARTIAL
    assert published.run.verdict.reasons
    assert {"action", "user_id"} <= published.run.source.parameters.keys()


@totals
def test_without_offset_and_filters_a_capped_list_is_never_taken_for_the_log(
    log: Log, tmp_path: Path, total: str
) -> None:
    """Where there is no total either, a log of just so many entries would look the same."""
    world = log(offset_honoured=False, cap=CAP, filters_ignored=True, total=total)

    published = run(world, tmp_path, allow_partial=True)

    assert published.run.counts.entries == len(exported(published)) <= CAP
    assert published.run.verdict.value is (Verdict.PARTIAL if total == "filtered" else Verdict.UNPROVEN)


@totals
@pytest.mark.parametrize("filters_ignored", [False, True])
def test_a_ceiling_on_offset_is_not_the_end_of_the_log(
    log: Log,
    tmp_path: Path,
    filters_ignored: bool,  # noqa: FBT001 - a parameter of the matrix
    total: str,
) -> None:
    world = log(spread(["deploy"]), ceiling=300, cap=CAP, filters_ignored=filters_ignored, total=total)

    published = run(world, tmp_path, allow_partial=True)

    assert exported(published) < held(world, published)
    assert published.run.verdict.value is not Verdict.COMPLETE


@totals
def test_below_a_ceiling_on_offset_slices_go_on(log: Log, tmp_path: Path, total: str) -> None:
    world = log(spread(sorted(DOCUMENTED_ACTIONS)), ceiling=300, cap=CAP, total=total)

    published = run(world, tmp_path)

    assert exported(published) == held(world, published)
    assert published.run.verdict.value is (Verdict.COMPLETE if total == "filtered" else Verdict.UNPROVEN)


def test_offsets_limits_and_filters_that_are_refused_end_no_export_that_can_do_without(
    log: Log, tmp_path: Path
) -> None:
    """What the platform can do is asked on the way, far beyond what the window needs."""
    world = log(cap=CAP, ceiling=800, refuses=True, edit=lambda entry: {**entry, "actor_id": entry["action"]})
    request = world.request(tmp_path, since=NOW - timedelta(days=90), until=None)

    published = export(request, now=lambda: NOW, progress=lambda *_: None, sleep=no_sleep)

    assert exported(published) == held(world, published)
    assert published.run.verdict.value is Verdict.COMPLETE
    assert published.run.probe["filters_by_user"] is False
    assert published.run.probe["offset_reaches_the_end"] is False


@either
def test_three_hundred_entries_of_one_instant_change_places_at_every_request(
    log: Log, tmp_path: Path, total: str, dialect: str
) -> None:
    entries = list(history(LOG))
    instant = entries[400].created_at
    tied = [replace(entry, created_at=instant) for entry in entries[400:700]]
    world = log([*entries[:400], *tied, *entries[700:]], cap=CAP, ties_shuffled=True, total=total)

    assert_whole(world, run(world, tmp_path, dialect=dialect))


def test_two_instants_that_fill_pages_lie_next_to_each_other_and_change_places_at_every_request(
    log: Log, tmp_path: Path
) -> None:
    entries = list(history(LOG))
    newer, older = entries[400].created_at, entries[550].created_at
    tied = [replace(entry, created_at=newer) for entry in entries[400:550]]
    tied += [replace(entry, created_at=older) for entry in entries[550:700]]
    world = log([*entries[:400], *tied, *entries[700:]], cap=CAP, ties_shuffled=True)

    assert_whole(world, run(world, tmp_path))


@either
def test_an_entry_joins_at_every_request(log: Log, tmp_path: Path, total: str, dialect: str) -> None:
    world = log(cap=CAP, insert_every=1, total=total)

    assert_whole(world, run(world, tmp_path, dialect=dialect))
    assert world.service.count() > LOG


@dialects
@pytest.mark.parametrize("place", [150, 500, LOG - 5])
def test_entries_that_leave_while_paging_contradict_the_log(
    log: Log, tmp_path: Path, place: int, dialect: str
) -> None:
    world = log(cap=CAP)
    lost = {entry.id for entry in world.service.page(limit=5, offset=place)}
    world.behave(hidden=frozenset(lost), hidden_after=PROBED + 5)

    published = run(world, tmp_path, dialect=dialect)

    assert published.contradicted
    assert published.run.verdict.value is Verdict.PARTIAL
    assert exported(published) >= held(world, published) - {str(id_) for id_ in lost}


def test_an_entry_that_comes_late_where_the_list_was_read_already_is_fetched(
    log: Log, tmp_path: Path
) -> None:
    world = log(cap=CAP)
    entries = world.service.page(limit=LOG)
    late = replace(entries[500], id=UUID(int=1))

    def record_late(entry: dict[str, Json]) -> dict[str, Json]:
        if entry["id"] == str(entries[750].id) and world.service.get(late.id) is None:
            world.service.record(late)
        return entry

    world.behave(edit=record_late)
    published = run(world, tmp_path, concurrency=1)

    assert_whole(world, published, entries=LOG + 1)
    assert str(late.id) in exported(published)


def test_one_old_entry_among_new_ones_does_not_end_the_reading(log: Log, tmp_path: Path) -> None:
    world = log(cap=CAP)
    early = str(world.service.page(limit=1, offset=CAP // 2)[0].id)

    def misdate(entry: dict[str, Json]) -> dict[str, Json]:
        return {**entry, "created_at": "2020-01-01T00:00:00Z"} if entry["id"] == early else entry

    world.behave(edit=misdate)
    request = world.request(tmp_path, since=datetime(2026, 6, 1, tzinfo=UTC))
    published = export(request, now=lambda: NOW, progress=lambda *_: None)

    assert exported(published) == held(world, published) - {early}
    assert published.run.verdict.value is Verdict.COMPLETE


def test_an_entry_that_left_is_exit_code_4_and_a_cap_that_cuts_off_is_3(
    terminal: Terminal, world: World
) -> None:
    window = ("--since", "2020-01-01", "--report", "none")
    world.behave(offset_honoured=False, cap=CAP)
    assert terminal(*window) == 3
    assert not bundles_in(Path())

    left = {entry.id for entry in world.service.page(limit=5, offset=500)}
    world.behave(offset_honoured=True, hidden=frozenset(left), hidden_after=PROBED + 10)
    assert terminal(*window) == 4
    assert len(bundles_in(Path())) == 1


@either
def test_a_third_of_the_requests_fails_in_every_way_that_passes(
    log: Log, tmp_path: Path, total: str, dialect: str
) -> None:
    passing = set(Fault) - {Fault.REDIRECT}
    faults = dict.fromkeys(sorted(passing), 1 / 3 / len(passing))
    world = log(cap=CAP, total=total, faults=faults, retry_after=0)

    assert_whole(world, run(world, tmp_path, dialect=dialect))


def test_the_tests_that_the_rules_rest_on_are_there() -> None:
    root = Path(__file__).parent.parent
    rules = (root / "docs" / "completeness.md").read_text(encoding="utf-8")
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", rules)

    assert set(map(int, re.findall(r"^\| (\d+) \|", rules, re.MULTILINE))) == set(range(1, 11))
    for module, name in named:
        assert f"\ndef {name}(" in (root / module).read_text(encoding="utf-8"), name
