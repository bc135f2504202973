"""The main job, end to end: real HTTP, a real database, real files."""

import hashlib
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Any

import duckdb
import pytest

from exporter.errors import BusyError, EchoError, IncompleteError, OutputError, UsageError
from exporter.evidence.lock import held
from exporter.export import Published, export
from exporter.facts import Result, Verdict
from exporter.request import Request
from exporter.sandbox.audit_service import Filters
from exporter.sandbox.faults import Fault
from exporter.source.credentials import Profile
from exporter.source.retries import Sleep
from tests.clock import Clock
from tests.conftest import Serve
from tests.world import ENTRIES, NOW, World

SINCE, UNTIL = datetime(2026, 7, 1, tzinfo=UTC), datetime(2026, 10, 1, tzinfo=UTC)


def stay_awake(seconds: float, _unwanted: Event | None = None, /) -> None:
    pytest.fail(f"nobody should wait, not even {seconds} seconds")


def run(request: Request, sleep: Sleep = stay_awake) -> Published:
    return export(request, now=lambda: NOW, progress=lambda _entries, _oldest: None, sleep=sleep)


def ids(bundle: Path) -> list[str]:
    query = "SELECT id FROM read_parquet(?) ORDER BY timestamp, id"
    rows = duckdb.execute(query, [str(bundle / "data" / "audit.parquet")]).fetchall()
    return [row[0] for row in rows]


def logged(world: World, since: datetime = SINCE, until: datetime = UNTIL) -> set[str]:
    """Ids of what the log itself holds in the window, read from the database."""
    entries = world.service.page(limit=100_000, filters=Filters())
    low, high = (int(moment.timestamp()) * 10**9 for moment in (since, until))
    return {str(entry.id) for entry in entries if low <= entry.created_at < high}


def test_the_bundle_holds_exactly_the_entries_of_the_window(world: World, tmp_path: Path) -> None:
    published = run(world.request(tmp_path))

    exported = ids(published.bundle)
    assert len(exported) == len(set(exported))
    assert set(exported) == logged(world)
    assert published.run.verdict.value is Verdict.COMPLETE
    assert {check.result for check in published.run.checks} == {Result.AS_EXPECTED}


def test_a_catalogue_of_ones_own_goes_into_the_bundle_and_a_faulty_one_stops_the_run_at_once(
    world: World, tmp_path: Path
) -> None:
    own = tmp_path / "mine.toml"
    own.write_text('id = "house"\nname = "House rules"\nedition = "2026"\nversion = "1"\nmapping = []\n')
    published = run(world.request(tmp_path / "evidence", frameworks=("soc2", str(own))))
    assert (published.bundle / "data" / "controls" / "house.toml").read_bytes() == own.read_bytes()
    assert published.run.options.frameworks == ["soc2", "house"]

    own.write_text("id = 7")
    with pytest.raises(UsageError, match=r"mine\.toml cannot be used"):
        run(world.request(tmp_path / "other", frameworks=(str(own),)))
    assert not (tmp_path / "other").exists()


def test_both_dialects_export_the_same_entries(world: World, tmp_path: Path) -> None:
    in_b = run(world.request(tmp_path / "b"))
    in_a = run(world.request(tmp_path / "a", organization=None))

    assert in_a.run.source.dialect == "A"
    assert in_b.run.source.dialect == "B"
    assert [id_.removeprefix("log_") for id_ in ids(in_a.bundle)] == [
        id_.replace("-", "") for id_ in ids(in_b.bundle)
    ]


def test_another_organization_does_not_go_by_the_name_of_the_profiles(world: World, tmp_path: Path) -> None:
    profile = Profile(current_org_id="o-1", current_org_name="Globex", email="me@globex.example")

    other = run(world.request(tmp_path, profile=profile, label=None))

    assert other.run.source.organization_name is None
    assert other.run.source.principal == "me@globex.example"
    assert other.bundle.parent.name.startswith("organization-")


def test_a_platform_without_dialect_a_is_read_in_dialect_b_when_the_profile_knows_the_organization(
    serve: Serve, tmp_path: Path
) -> None:
    world = serve(dialects="B")
    profile = Profile(current_org_id=str(world.settings.organization_id))

    published = run(world.request(tmp_path, organization=None, profile=profile))

    assert published.run.source.dialect == "B"
    assert set(ids(published.bundle)) == logged(world)


def test_two_runs_over_the_same_log_give_the_same_archives_byte_for_byte(
    world: World, tmp_path: Path
) -> None:
    first = run(world.request(tmp_path / "one"))
    second = run(world.request(tmp_path / "two", page_size=137))

    for name in ("audit.parquet", "audit.csv", "audit.jsonl"):
        assert (first.bundle / "data" / name).read_bytes() == (second.bundle / "data" / name).read_bytes()


def test_the_bundle_is_laid_out_as_the_contract_says(world: World, tmp_path: Path) -> None:
    published = run(world.request(tmp_path))

    assert published.bundle.name == "000001_20260701T000000Z_20261001T000000Z"
    assert published.bundle.parent.name.startswith("acme-robotics-")
    assert {path.name for path in published.bundle.iterdir()} == {
        "bag-info.txt",
        "bagit.txt",
        "data",
        "manifest-sha256.txt",
        "manifest.json",
        "tagmanifest-sha256.txt",
    }
    assert {path.name for path in (published.bundle / "data").iterdir()} == {
        "audit.csv",
        "audit.jsonl",
        "audit.parquet",
        "controls",
        "queries",
        "raw",
        "run.json",
    }
    root = (published.bundle / "tagmanifest-sha256.txt").read_bytes()
    assert published.root == hashlib.sha256(root).hexdigest()


def test_the_next_bundle_of_an_archive_takes_the_next_sequence_and_names_the_one_before(
    world: World, tmp_path: Path
) -> None:
    first = run(world.request(tmp_path))
    second = run(world.request(tmp_path, again=True))

    assert second.bundle.parent == first.bundle.parent
    assert second.bundle.name.startswith("000002_")
    predicate = json.loads((second.bundle / "manifest.json").read_bytes())["predicate"]
    assert predicate["previous"] == {"sha256": first.root}


def test_a_window_that_is_not_over_ends_a_minute_before_the_platforms_clock(
    world: World, tmp_path: Path
) -> None:
    published = run(world.request(tmp_path, until=datetime(2027, 1, 1, tzinfo=UTC)))

    assert published.run.window.until == datetime(2026, 11, 23, 11, 59, tzinfo=UTC)
    assert published.run.window.partial_period
    assert published.run.window.asked == {"since": "2026-07-01", "until": "2026-10-01"}
    assert published.bundle.name == "000001_20260701T000000Z_20261123T115900Z"
    stated = json.loads((published.bundle / "manifest.json").read_bytes())["predicate"]["window"]
    assert stated == {"since": "2026-07-01T00:00:00Z", "until": "2026-11-23T11:59:00Z"}


@pytest.mark.parametrize(
    ("ago", "settle", "waited"),
    [(0, 60, [60.0]), (20, 60, [40.0]), (59, 60, [1.0]), (60, 60, []), (0, 0, []), (1, 3600, [3599.0])],
)
def test_a_window_that_is_over_but_not_settled_is_waited_for_and_is_no_partial_period(
    world: World, tmp_path: Path, ago: int, settle: int, waited: list[float]
) -> None:
    clock = Clock()
    until = NOW - timedelta(seconds=ago)

    published = run(world.request(tmp_path, until=until, settle=timedelta(seconds=settle)), clock.sleep)

    assert clock.slept == waited
    assert published.run.window.until == until
    assert not published.run.window.partial_period
    assert published.run.window.settle_seconds == settle


@pytest.mark.parametrize("until", [NOW + timedelta(seconds=1), None])
def test_what_is_not_over_is_not_waited_for(world: World, tmp_path: Path, until: datetime | None) -> None:
    published = run(world.request(tmp_path, until=until, settle=timedelta(seconds=90)))

    assert published.run.window.until == NOW - timedelta(seconds=90)
    assert published.run.window.partial_period == (until is not None)


def test_the_record_says_in_which_zone_the_period_was_asked_for(world: World, tmp_path: Path) -> None:
    published = run(world.request(tmp_path, asked={"period": "2026-Q3"}, timezone="Europe/Berlin"))

    record = json.loads((published.bundle / "data" / "run.json").read_bytes())
    assert record["timezone"] == "Europe/Berlin"
    assert record["window"]["asked"] == {"period": "2026-Q3"}


def test_another_run_is_waited_for_as_long_as_was_asked_for(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []

    def busy(_archive: Path, *, timeout: float) -> None:
        waited.append(timeout)
        raise BusyError("Another run holds it.", "Wait for it.")

    monkeypatch.setattr("exporter.export.held", busy)
    for changes in ({}, {"lock_timeout": 7.5}):
        with pytest.raises(BusyError):
            run(world.request(tmp_path, **changes))

    assert waited == [0, 7.5]


def test_an_archive_that_another_run_holds_is_left_alone(world: World, tmp_path: Path) -> None:
    archive = run(world.request(tmp_path)).bundle.parent

    with held(archive, timeout=0), pytest.raises(BusyError, match="Another run holds the archive"):
        run(world.request(tmp_path))
    second = run(world.request(tmp_path, again=True))

    assert second.bundle.name.startswith("000002_")
    assert len(list(archive.iterdir())) == 2


def test_a_window_that_has_not_begun_is_refused(world: World, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Nothing of the window is over yet"):
        run(world.request(tmp_path, since=datetime(2026, 12, 1, tzinfo=UTC), until=None))
    assert not list(tmp_path.rglob("*"))


def test_an_empty_window_is_published_with_no_rows(world: World, tmp_path: Path) -> None:
    since, until = datetime(2020, 1, 1, tzinfo=UTC), datetime(2020, 2, 1, tzinfo=UTC)

    published = run(world.request(tmp_path, since=since, until=until))

    assert published.run.verdict.value is Verdict.COMPLETE
    assert published.run.counts.entries == 0
    assert ids(published.bundle) == []


def test_a_page_cap_shortens_pages_and_nothing_else(serve: Serve, tmp_path: Path) -> None:
    world = serve(cap=100)

    published = run(world.request(tmp_path))

    assert published.run.verdict.value is Verdict.COMPLETE
    assert set(ids(published.bundle)) == logged(world)
    assert published.run.probe["largest_page"] == 100


def test_the_record_says_which_limit_was_sent_where_the_platform_refuses_the_one_asked_for(
    serve: Serve, tmp_path: Path
) -> None:
    world = serve(cap=100, refuses=True)

    published = run(world.request(tmp_path, page_size=1_000))

    assert published.run.source.parameters["limit"] == "1,000, which is refused, then 100"
    assert published.run.probe["largest_page"] == 100


def test_where_offset_is_ignored_larger_pages_reach_the_window(serve: Serve, tmp_path: Path) -> None:
    world = serve(offset_honoured=False)

    published = run(world.request(tmp_path, page_size=50))

    assert published.run.verdict.value is Verdict.COMPLETE
    assert set(ids(published.bundle)) == logged(world)
    assert published.run.probe["offset_shifts_rows"] is False


def test_a_ceiling_on_offset_is_not_taken_for_the_end_of_the_log(serve: Serve, tmp_path: Path) -> None:
    world = serve(ceiling=300, cap=100, filters_ignored=True)

    with pytest.raises(IncompleteError, match="Part of the window is missing"):
        run(world.request(tmp_path, page_size=100))
    assert not list(tmp_path.rglob("manifest.json"))


def test_a_partial_export_is_published_only_when_asked_for(serve: Serve, tmp_path: Path) -> None:
    world = serve(ceiling=300, cap=100, filters_ignored=True)

    published = run(world.request(tmp_path, page_size=100, allow_partial=True))

    assert published.run.verdict.value is Verdict.PARTIAL
    assert published.run.verdict.reasons
    assert set(ids(published.bundle)) < logged(world)


def test_an_answer_that_holds_the_key_stops_a_partial_export_too(serve: Serve, tmp_path: Path) -> None:
    world = serve()
    target, key = str(world.service.page(limit=1, offset=1_000)[0].id), world.settings.api_key
    world.behave(edit=lambda entry: {**entry, "resource_name": key} if entry["id"] == target else entry)
    since = datetime(2026, 1, 1, tzinfo=UTC)

    with pytest.raises(EchoError, match="contains the API key"):
        run(world.request(tmp_path, since=since, page_size=100, allow_partial=True))
    assert not list(tmp_path.rglob("manifest.json"))


def test_a_clock_is_not_called_wrong_for_what_the_first_answer_took(serve: Serve, tmp_path: Path) -> None:
    """It is dated when it is sent, which may be long after it was asked for."""
    world = serve(script=(Fault.RATE_LIMITED,), retry_after=40)
    clock = Clock()

    def now() -> datetime:
        return NOW + timedelta(seconds=clock() - 1_000)

    world.app.state.clock = now
    request = world.request(tmp_path, connection=world.connection(retry_for=60.0))
    published = export(request, now=now, progress=lambda *_: None, sleep=clock.sleep)

    assert clock.slept == [40.0]
    assert published.run.clocks.ahead_of_server_seconds == 0
    assert "clock-skew" not in {seen.id for seen in published.run.observations}


def test_an_end_of_the_log_that_nothing_confirms_is_unproven(serve: Serve, tmp_path: Path) -> None:
    world = serve(total="absent", filters_ignored=True)

    published = run(world.request(tmp_path, since=datetime(2020, 1, 1, tzinfo=UTC)))

    assert published.run.verdict.value is Verdict.UNPROVEN
    assert published.run.counts.entries == len(logged(world, since=datetime(2020, 1, 1, tzinfo=UTC)))


def test_entries_that_join_while_paging_do_not_disturb_the_window(serve: Serve, tmp_path: Path) -> None:
    world = serve(insert_every=1)

    published = run(world.request(tmp_path, page_size=100))

    assert published.run.verdict.value is Verdict.COMPLETE
    assert set(ids(published.bundle)) == logged(world)
    assert world.service.count() > ENTRIES


def test_an_id_with_two_contents_is_published_as_a_contradiction(serve: Serve, tmp_path: Path) -> None:
    world = serve()
    target = str(world.service.page(limit=1, offset=1_000)[0].id)
    seen = 0

    def edit(entry: dict[str, object]) -> dict[str, object]:
        nonlocal seen
        if entry["id"] == target:
            seen += 1
            return {**entry, "action": f"action {seen}"}
        return entry

    world.behave(edit=edit)
    request = world.request(tmp_path, since=datetime(2026, 1, 1, tzinfo=UTC), page_size=1_005)
    published = run(request)

    assert seen > 1
    assert published.contradicted
    assert published.run.verdict.value is Verdict.PARTIAL
    assert ids(published.bundle).count(target) == 1


def test_an_output_folder_that_cannot_be_written_is_named(world: World, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(OutputError, match="cannot be written"):
        run(world.request(tmp_path / "file"))


def test_the_record_lists_the_digest_of_every_file_that_was_there_before_it(
    world: World, tmp_path: Path
) -> None:
    published = run(world.request(tmp_path))

    listed = {file.path: file.sha256 for file in published.run.files}
    present = {path for path in (published.bundle / "data").rglob("*") if path.is_file()}
    present.remove(published.bundle / "data" / "run.json")
    assert listed == {
        path.relative_to(published.bundle).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in present
    }


def test_actions_and_users_longer_than_any_filter_are_exported_like_all_others(
    serve: Serve, tmp_path: Path
) -> None:
    world = serve(entries=600)
    long = "a" * 100_000  # the first and the rarest of the page, so that it is asked for
    recent = world.service.page(limit=10)[9]

    def edit(entry: dict[str, Any]) -> dict[str, Any]:
        return {**entry, "action": long, "user_id": long} if entry["id"] == str(recent.id) else entry

    world.behave(edit=edit, cap=50, offset_honoured=False)
    until = NOW - timedelta(minutes=1)
    published = run(world.request(tmp_path, since=UNTIL, until=until, allow_partial=True))

    actions = "SELECT max(length(action)) FROM read_parquet(?)"
    table = str(published.bundle / "data" / "audit.parquet")
    assert duckdb.execute(actions, [table]).fetchall() == [(len(long),)]
