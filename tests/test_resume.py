"""A run that is broken off, at any moment and in any way, is carried on by the same command."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from exporter.entries.depth import LEVELS
from exporter.errors import IncompleteError, RecordError, SourceError
from exporter.export import Published, export
from exporter.facts import Result, Verdict
from exporter.foresight import foresee
from exporter.request import Request
from exporter.sandbox.entry import nanoseconds
from exporter.sandbox.faults import Fault
from exporter.sandbox.history import generate
from exporter.source.client import Client
from exporter.source.credentials import Profile
from exporter.source.platform import connect
from exporter.source.recorded import RecordedPages
from exporter.source.responses import ResponseFile
from exporter.source.warc import read_responses
from exporter.verify import verify
from tests.conftest import Serve
from tests.source.servers import http, serving
from tests.terminal import Terminal
from tests.world import NOW, World

ARCHIVES = ("audit.parquet", "audit.csv", "audit.jsonl")
PAGE = 50
SINCE = datetime(2026, 7, 1, tzinfo=UTC)


def run(request: Request) -> Published:
    return export(request, now=lambda: NOW, progress=lambda *_: None)


def archives(bundle: Path) -> list[bytes]:
    return [(bundle / "data" / name).read_bytes() for name in ARCHIVES]


def command(world: World, output: Path) -> list[str]:
    program = [sys.executable, "-m", "exporter", "--since", "2026-07-01", "--until", "2026-10-01"]
    source = ["--api-url", world.url, "--org", str(world.settings.organization_id)]
    return [*program, *source, "--output", str(output), "--page-size", str(PAGE), "--report", "none"]


def kill_after(world: World, output: Path, answers: int) -> int:
    """Start a run and kill it when it has sent so many requests; returns its exit code."""
    world.behave(latency=0.02)
    environment = {**os.environ, "SATUSKY_API_KEY": world.settings.api_key}
    process = subprocess.Popen(
        command(world, output), env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    while process.poll() is None and world.requests < answers:
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    return process.wait()


def broken_off(world: World, output: Path, *, after: int, **changes: Any) -> Request:
    """Break a run off by a platform that fails for good after so many answers; returns what was asked."""
    request = replace(
        world.request(output, page_size=PAGE, connection=world.connection(retry_for=0)), **changes
    )
    world.behave(script=(None,) * after + (Fault.SERVER_ERROR,) * 200)
    with pytest.raises(SourceError):
        run(request)
    world.behave(script=())
    return request


@pytest.mark.parametrize("answers", [[1], [3], [15, 3, 9], [12]])
def test_killed_at_any_moment_it_ends_with_the_archives_of_a_run_that_never_was(
    serve: Serve, tmp_path: Path, answers: list[int]
) -> None:
    world = serve(entries=900)
    never_killed = run(world.request(tmp_path / "whole", page_size=PAGE))

    for number in answers:
        assert kill_after(world, tmp_path / "killed", number) == -signal.SIGKILL
    world.behave(latency=0)
    published = run(world.request(tmp_path / "killed", page_size=PAGE, label=None))

    assert archives(published.bundle) == archives(never_killed.bundle)
    assert published.run.verdict.value is Verdict.COMPLETE
    assert [path.name[0] for path in published.bundle.parent.iterdir()] == ["0"]
    assert {check.result for check in verify(published.bundle, reperform=True)} == {Result.AS_EXPECTED}


def test_only_what_is_missing_is_fetched(serve: Serve, tmp_path: Path) -> None:
    world = serve(entries=2_500)
    whole = run(world.request(tmp_path / "whole", page_size=PAGE // 2))
    needed = whole.run.counts.requests

    request = broken_off(world, tmp_path, after=needed - 10, page_size=PAGE // 2)
    published = run(request)

    assert world.requests < needed // 2
    kept = read_responses(published.bundle / "data" / "raw" / "responses.warc.gz")
    assert published.run.counts.requests == len(list(kept)) >= needed
    assert archives(published.bundle) == archives(whole.bundle)
    assert published.run.verdict.value is Verdict.COMPLETE


def test_what_is_carried_on_says_when_the_first_attempt_began(serve: Serve, tmp_path: Path) -> None:
    """Entries of the bundle were received by then, whenever the last attempt began."""
    world = serve(entries=900)
    request = world.request(tmp_path, page_size=PAGE, connection=world.connection(retry_for=0))
    began = NOW - timedelta(hours=5)
    world.behave(script=(None,) * 12 + (Fault.SERVER_ERROR,) * 200)
    with pytest.raises(SourceError):
        export(request, now=lambda: began, progress=lambda *_: None)
    world.behave(script=())

    clocks = run(request).run.clocks

    assert (clocks.started, clocks.finished) == (began, NOW)


@pytest.mark.parametrize("joined", [1, 7, PAGE, 3 * PAGE + 1])
def test_a_log_that_grew_meanwhile_is_carried_on_where_it_stands_now(
    serve: Serve, tmp_path: Path, joined: int
) -> None:
    world = serve(entries=2_500)
    whole = run(world.request(tmp_path / "whole", page_size=PAGE))
    request = broken_off(world, tmp_path, after=25)
    newest = world.service.page(limit=1)[0]
    world.service.record_all(
        replace(newest, id=UUID(int=number), created_at=nanoseconds(NOW)) for number in range(1, joined + 1)
    )

    published = run(request)

    assert archives(published.bundle) == archives(whole.bundle)
    assert published.run.verdict.value is Verdict.COMPLETE
    assert world.requests < whole.run.counts.requests


@pytest.mark.parametrize("total", ["filtered", "absent"])
@pytest.mark.parametrize("insert_every", [0, 1, 3])
def test_an_entry_that_came_late_where_a_killed_run_had_read_is_not_missed(
    serve: Serve, tmp_path: Path, insert_every: int, total: str
) -> None:
    """Nor do others hide it that join at the head while the run is carried on."""
    world = serve(entries=2_500, total=total)
    request = broken_off(world, tmp_path, after=25)
    moment = datetime(2026, 9, 30, 23, 59, tzinfo=UTC)
    late = replace(world.service.page(limit=1)[0], id=UUID(int=1), created_at=nanoseconds(moment))
    world.service.record(late)
    world.behave(insert_every=insert_every)

    published = run(request)

    whole = run(world.request(tmp_path / "whole", page_size=PAGE))
    assert archives(published.bundle) == archives(whole.bundle)
    assert str(late.id).encode() in archives(published.bundle)[2]
    assert published.run.verdict.value is Verdict.COMPLETE


def test_a_run_that_was_broken_off_within_the_eldest_instant_is_carried_on_downwards(
    serve: Serve, tmp_path: Path
) -> None:
    """The page that ends the log begins below what was received, and what was received leads back up."""
    world = serve(entries=0, total="absent", cap=PAGE)
    history = list(generate(entries=PAGE + 1, ends=NOW))
    eldest = history[0].created_at
    tied = [replace(entry, created_at=eldest) for entry in history[:4]]
    world.service.record_all([*tied, *history[4:]])
    since = datetime(2020, 1, 1, tzinfo=UTC)
    request = broken_off(world, tmp_path, after=4, since=since, concurrency=1)

    published = run(request)

    whole = run(world.request(tmp_path / "whole", page_size=PAGE, since=since))
    assert archives(published.bundle) == archives(whole.bundle)
    assert published.run.verdict.value is Verdict.COMPLETE


@pytest.mark.parametrize(("together", "sizes", "after"), [(1, (PAGE, 5), 10), (7, (12, 7), 13)], ids=str)
def test_shorter_pages_carry_on_from_longer_ones(
    serve: Serve, tmp_path: Path, together: int, sizes: tuple[int, int], after: int
) -> None:
    """They may have no room for what a page repeats of the one before, or in few places."""
    world = serve(entries=0, ties_shuffled=together > 1)
    alone = list(generate(entries=100, ends=NOW))
    world.service.record_all(
        replace(entry, created_at=alone[place - place % together].created_at)
        for place, entry in enumerate(alone)
    )
    since = datetime(2020, 1, 1, tzinfo=UTC)
    request = broken_off(world, tmp_path, after=after, since=since, page_size=sizes[0], concurrency=1)

    published = run(replace(request, page_size=sizes[1]))

    whole = run(world.request(tmp_path / "whole", since=since))
    assert archives(published.bundle) == archives(whole.bundle)
    assert published.run.verdict.value is Verdict.COMPLETE


def test_pages_that_the_platform_cuts_shorter_by_now_carry_on_from_longer_ones(
    serve: Serve, tmp_path: Path
) -> None:
    """How long a page is that it cuts off, its own answers tell, and not those of the attempt before."""
    world = serve(entries=100, cap=20)
    since = datetime(2020, 1, 1, tzinfo=UTC)
    request = broken_off(world, tmp_path, after=10, since=since, concurrency=1)
    world.behave(cap=5)

    published = run(request)

    whole = run(world.request(tmp_path / "whole", since=since))
    assert archives(published.bundle) == archives(whole.bundle)
    assert published.run.verdict.value is Verdict.COMPLETE
    assert published.run.probe["largest_page"] == 5


def test_a_page_that_was_received_twice_in_two_orders_does_not_lead_back_to_itself(
    serve: Serve, tmp_path: Path
) -> None:
    """It ends within an instant, so that either shows an entry which the other does not."""
    world = serve(entries=0, ties_shuffled=True)
    history = list(generate(entries=20, ends=NOW))
    tied = replace(history[10], created_at=history[11].created_at)
    world.service.record_all([*history[:10], tied, *history[11:]])
    path, organization = tmp_path / "responses.warc.gz", str(world.settings.organization_id)
    with (
        ResponseFile(path, key=world.key, at=NOW) as kept,
        Client(world.connection(), now=lambda: NOW, responses=kept) as client,
    ):
        platform, _ = connect(client, organization=organization, known_organization=None)
        pages = [platform.page(limit=7, offset=2) for _ in range(12)]
    recorded = RecordedPages(path, platform, left=path.stat().st_size)
    assert len(list(recorded.read())) == 13

    assert len({page.ids[-1] for page in pages}) > 1
    assert [recorded.after(page, 4) for page in pages] == [None] * 12


def test_an_entry_that_vanished_where_a_killed_run_had_read_contradicts_the_log(
    serve: Serve, tmp_path: Path
) -> None:
    world = serve(entries=2_500)
    request = broken_off(world, tmp_path, after=25)
    recent = [entry for entry in world.service.page(limit=1_000) if entry.created_at < nanoseconds(NOW)]
    world.behave(hidden=frozenset({recent[400].id}))

    assert run(request).contradicted


@pytest.mark.parametrize("attempts", [1, 2])
def test_what_was_received_of_another_log_is_not_carried_on_with(
    serve: Serve, tmp_path: Path, caplog: pytest.LogCaptureFixture, attempts: int
) -> None:
    """Dialect A names no organization: another key may be that of another one."""
    world, other = serve(entries=2_500), serve(entries=0)
    other.service.record_all(replace(entry, id=uuid4()) for entry in generate(entries=900, ends=NOW))
    request = broken_off(world, tmp_path, after=25, organization=None)
    world.app.state.service = other.service
    for _ in range(1, attempts):
        broken_off(world, tmp_path, after=12, organization=None)

    published = run(request)

    alone = run(world.request(tmp_path / "alone", page_size=PAGE, organization=None))
    assert archives(published.bundle) == archives(alone.bundle)
    assert "is of another log" in caplog.text


@pytest.mark.parametrize("named", [True, False])
def test_what_was_received_in_the_other_dialect_is_not_carried_on_with(
    serve: Serve, tmp_path: Path, caplog: pytest.LogCaptureFixture, *, named: bool
) -> None:
    """The profile knows the organization that --org named, so the command is the same."""
    world = serve(entries=900)
    organization = str(world.settings.organization_id)
    profile = Profile(current_org_id=organization)
    then, now = (organization, None) if named else (None, organization)
    request = broken_off(world, tmp_path, after=12, organization=then, profile=profile)

    published = run(replace(request, organization=now))

    alone = run(world.request(tmp_path / "alone", page_size=PAGE, organization=now))
    assert archives(published.bundle) == archives(alone.bundle)
    assert "is in the other dialect" in caplog.text


def test_the_window_is_the_one_that_was_fixed_first_and_that_is_said(
    serve: Serve, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    world = serve(entries=2_500)
    request = broken_off(world, tmp_path, after=25, until=None)
    later = NOW + timedelta(days=1)
    world.app.state.clock = lambda: later

    foreseen = foresee(request, now=lambda: later)
    published = export(request, now=lambda: later, progress=lambda *_: None)

    assert published.run.window.until == NOW - timedelta(seconds=60)
    assert foreseen.window.until == published.run.window.until
    assert foreseen.unfinished is not None
    assert foreseen.unfinished.parent == published.bundle.parent
    (said,) = (line for line in caplog.messages if line.startswith("Carrying on"))
    assert str(foreseen.unfinished) in said
    assert "The window stays, and ends 2026-11-23T11:59:00Z." in caplog.messages
    assert not any("ends earlier" in line for line in caplog.messages)
    assert foresee(request, now=lambda: later).unfinished is None


def test_a_longer_settle_takes_off_the_end_of_the_window_that_was_fixed_first(
    serve: Serve, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    world = serve(entries=2_500)
    settle = timedelta(days=2)
    request = replace(broken_off(world, tmp_path, after=25, until=None), settle=settle)

    foreseen = foresee(request, now=lambda: NOW)
    published = run(request)

    assert foreseen.unfinished is not None
    assert foreseen.window.until == published.run.window.until == NOW - settle
    assert (
        "The window ends earlier, 2026-11-21T12:00:00Z: what comes later has not settled." in caplog.messages
    )
    assert not any("stays" in line for line in caplog.messages)
    alone = run(world.request(tmp_path / "alone", page_size=PAGE, until=None, settle=settle))
    assert archives(published.bundle) == archives(alone.bundle)


def test_what_is_sealed_whole_is_not_fetched_again(serve: Serve, tmp_path: Path) -> None:
    world = serve(entries=900)
    first = run(world.request(tmp_path))
    before = world.requests

    second = run(world.request(tmp_path))

    assert second.before
    assert (second.bundle, second.root) == (first.bundle, first.root)
    assert world.requests == before


def test_what_is_sealed_unproven_is_tried_again(serve: Serve, tmp_path: Path) -> None:
    world = serve(entries=900, total="absent", filters_ignored=True)
    request = world.request(tmp_path, since=datetime(2020, 1, 1, tzinfo=UTC))
    first = run(request)
    assert first.run.verdict.value is Verdict.UNPROVEN
    world.behave(total="filtered")

    second = run(request)

    assert second.run.verdict.value is Verdict.COMPLETE
    assert second.bundle != first.bundle


@pytest.mark.parametrize("action", [None, "deploy"])
def test_what_is_sealed_unproven_and_accepted_is_left_as_it_is(
    serve: Serve, tmp_path: Path, action: str | None
) -> None:
    """Else a schedule would seal the period anew whenever it asks."""
    world = serve(entries=900, total="absent", filters_ignored=True)
    request = world.request(tmp_path, since=datetime(2020, 1, 1, tzinfo=UTC), action=action)
    first = run(request)
    assert first.run.verdict.value is Verdict.UNPROVEN

    second = run(replace(request, accept_unproven=True))

    assert second.before
    assert second.bundle == first.bundle
    world.behave(total="filtered")
    whole = run(request)
    assert run(replace(request, accept_unproven=True)).bundle == whole.bundle != first.bundle


@pytest.mark.parametrize("action", [None, "deploy"])
def test_a_walk_that_ended_partial_is_set_aside_and_not_resumed(
    serve: Serve, tmp_path: Path, action: str | None
) -> None:
    world = serve(ceiling=300, cap=100, filters_ignored=True)
    request = world.request(tmp_path, page_size=100, action=action)
    with pytest.raises(IncompleteError):
        run(request)
    (archive,) = tmp_path.iterdir()
    assert {path.name.split("-")[0] for path in archive.iterdir()} == {".refused"}

    world.behave(ceiling=None)
    published = run(request)

    assert published.run.verdict.value is Verdict.COMPLETE
    assert not any(path.name.startswith(".") for path in archive.iterdir())


def test_an_attempt_is_cleared_away_by_a_whole_bundle_of_everything_and_by_no_other(
    serve: Serve, tmp_path: Path
) -> None:
    world = serve(entries=900, total="absent", filters_ignored=True)
    broken_off(world, tmp_path, after=12)
    (archive,) = tmp_path.iterdir()

    def left_after(since: datetime, action: str | None = None) -> tuple[Verdict, int]:
        verdict = run(world.request(tmp_path, since=since, action=action)).run.verdict.value
        return verdict, len(list(archive.glob(".partial-*.json")))

    assert left_after(datetime(2020, 1, 1, tzinfo=UTC)) == (Verdict.UNPROVEN, 1)
    assert left_after(SINCE - timedelta(days=1), action="deploy") == (Verdict.COMPLETE, 1)
    assert left_after(SINCE - timedelta(days=1)) == (Verdict.COMPLETE, 0)


@pytest.mark.parametrize("unplaced", [False, True])
def test_with_allow_partial_a_failing_platform_gives_what_it_gave(
    serve: Serve, tmp_path: Path, *, unplaced: bool
) -> None:
    """Also where it gave a record that cannot be placed, which is left out."""
    world = serve(entries=2_500)
    request = broken_off(world, tmp_path, after=25)
    newest = str(world.service.page(limit=1)[0].id)
    world.behave(
        script=(None,) * 12 + (Fault.SERVER_ERROR,) * 200,
        edit=lambda entry: {**entry, "action": ""} if unplaced and entry["id"] == newest else entry,
    )

    published = run(replace(request, allow_partial=True))

    assert published.run.verdict.value is Verdict.PARTIAL
    assert not published.contradicted
    assert published.run.counts.entries > 0
    failed = next(check for check in published.run.checks if check.id == "answers")
    assert failed.result is Result.DIFFERS
    assert {check.result for check in verify(published.bundle, reperform=True)} == {Result.AS_EXPECTED}


def test_a_run_that_fails_while_it_seals_fetches_nothing_that_it_has(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = serve(entries=2_500)
    request = world.request(tmp_path, page_size=PAGE)

    def full(*_arguments: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("exporter.export.seal", full)
        with pytest.raises(Exception, match="No space left on device"):
            run(request)
    before = world.requests
    published = run(request)

    assert world.requests - before < 20
    assert published.run.verdict.value is Verdict.COMPLETE


def test_a_record_that_cannot_be_placed_is_left_out_and_named_where_a_partial_export_is_wanted(
    serve: Serve, tmp_path: Path
) -> None:
    world = serve(entries=900)
    begin, end = nanoseconds(SINCE), nanoseconds(datetime(2026, 10, 1, tzinfo=UTC))
    entries = world.service.page(limit=900)
    spoilt = str(next(entry.id for entry in entries if begin <= entry.created_at < end))

    def edit(entry: dict[str, Any]) -> dict[str, Any]:
        return {**entry, "created_at": "yesterday"} if entry["id"] == spoilt else entry

    whole = run(world.request(tmp_path / "whole"))
    world.behave(edit=edit)
    with pytest.raises(RecordError, match=r"Entry \d+ of the page at offset .* cannot be placed"):
        run(world.request(tmp_path))
    published = run(world.request(tmp_path, allow_partial=True))

    assert published.run.verdict.value is Verdict.PARTIAL
    assert published.run.counts.entries == whole.run.counts.entries - 1
    named = next(check for check in published.run.checks if check.id == "records")
    assert "1 left out: entry " in named.found
    assert {check.result for check in verify(published.bundle, reperform=True)} == {Result.AS_EXPECTED}


@pytest.mark.parametrize("levels", [200, 201, 985, 986, 987, 5_000])
def test_what_is_nested_too_deeply_beside_an_unreadable_record_is_left_out_live_and_again(
    world: World, tmp_path: Path, levels: int
) -> None:
    entry = {"id": "log_1", "action": "deploy", "created_at": "2026-08-01T00:00:00Z"}
    listed = [entry, {**entry, "id": "log_2", "metadata": "DEEP"}, {**entry, "id": "", "action": "odd"}]
    body = json.dumps({"data": {"audit_logs": listed, "total": len(listed)}})
    deep = "[" * (levels - 1) + "]" * (levels - 1)
    with serving(http(body.replace('"DEEP"', deep).encode())) as served:
        asked = world.request(tmp_path, connection=replace(world.connection(), base_url=served.url))

        published = run(replace(asked, allow_partial=True))

    assert published.run.verdict.value is Verdict.PARTIAL
    assert published.run.counts.entries == (2 if levels <= LEVELS else 1)
    named = next(check for check in published.run.checks if check.id == "records")
    assert ("it is nested more than 200 levels deep" in named.found) == (levels > LEVELS)
    assert "it has no id" in named.found
    assert {check.result for check in verify(published.bundle, reperform=True)} == {Result.AS_EXPECTED}


def too_deep(inside: Any, levels: int) -> Any:
    return [too_deep(inside, levels - 1)] if levels else inside


def asked(world: World) -> list[str]:
    """Return the options of a run of the third quarter, in small pages."""
    return command(world, Path("evidence"))[3:]


@pytest.mark.parametrize(
    "spoilt",
    [{"created_at": "yesterday"}, {"metadata": too_deep("", LEVELS)}],
    ids=["no time", "too deep"],
)
def test_a_record_that_no_attempt_can_place_is_asked_for_anew_by_the_same_command(
    world: World, terminal: Terminal, tmp_path: Path, spoilt: dict[str, Any]
) -> None:
    target = str(world.service.page(limit=1, offset=300)[0].id)
    world.behave(edit=lambda entry: {**entry, **spoilt} if entry["id"] == target else entry)

    assert terminal(*asked(world)) == 6
    assert "--allow-partial leaves it out" in terminal.err
    assert "The log is read anew" not in terminal.err
    assert terminal(*asked(world)) == 6
    assert "a page that was received before cannot be placed in the archive: it" in terminal.err
    assert "The log is read anew; what was received is kept in " in terminal.err
    world.behave(edit=None)
    assert terminal(*asked(world)) == 0

    bundle = tmp_path / terminal.out.strip()
    assert [path.name[0] for path in bundle.parent.iterdir()] == ["0"]
    whole = run(world.request(tmp_path / "whole", page_size=PAGE))
    assert archives(bundle) == archives(whole.bundle)


def test_with_allow_partial_what_was_received_is_carried_on_although_a_record_cannot_be_placed(
    world: World, terminal: Terminal
) -> None:
    target = str(world.service.page(limit=1, offset=700)[0].id)
    world.behave(edit=lambda entry: {**entry, "id": ""} if entry["id"] == target else entry)
    assert terminal(*asked(world)) == 6

    assert terminal(*asked(world), "--allow-partial") == 3

    assert "The log is read anew" not in terminal.err
    assert "1 left out: entry 37 of a page that was received before: it has no id" in terminal.err
