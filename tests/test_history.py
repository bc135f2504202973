"""Runs that continue an archive: each begins where coverage ends and is held against the bundles before."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import duckdb
import pytest

from exporter.errors import OutputError, UsageError, VerificationError
from exporter.evidence.bag import PAYLOAD_MANIFEST
from exporter.export import Published, export
from exporter.facts import Result, Verdict, rfc3339
from exporter.foresight import foresee
from exporter.request import Request
from exporter.sandbox.app import Settings, create_app
from exporter.sandbox.audit_service import AuditService, Filters
from exporter.sandbox.entry import Entry, nanoseconds
from exporter.sandbox.faults import Fault
from exporter.sandbox.history import generate
from exporter.sandbox.server import serving
from exporter.source.credentials import Profile
from exporter.verify import verify
from tests.world import World

BEGINS = datetime(2026, 6, 1, tzinfo=UTC)
NIGHTS = 60


class Night:
    """A platform whose clock and whose log go on as a test says."""

    def __init__(self, world: World, entries: list[Entry], output: Path) -> None:
        self.world = world
        self.now = BEGINS
        self._coming = entries
        self._output = output

    def go_on(self, until: datetime, *, late: Any = lambda _entry: timedelta()) -> None:
        """Record what is committed by then: an entry is ``late(entry)`` after it happened."""
        self.now = until
        limit = nanoseconds(until)
        due = [entry for entry in self._coming if entry.created_at + _nanoseconds(late(entry)) < limit]
        self.world.service.record_all(due)
        chosen = {entry.id for entry in due}
        self._coming = [entry for entry in self._coming if entry.id not in chosen]

    def run(self, **changes: Any) -> Published:
        """Export what came since the last time; the first time, everything."""
        asked: dict[str, Any] = {
            "since": None,
            "until": None,
            "asked": {"since": "last", "until": None},
            "page_size": 150,
            "concurrency": 4,
        }
        request: Request = self.world.request(self._output, **{**asked, **changes})
        return export(request, now=lambda: self.now, progress=lambda *_: None)

    def begin(self) -> Published:
        """Export everything there is."""
        return self.run(since=BEGINS, asked={"since": "2026-06-01", "until": None})


def _nanoseconds(delay: timedelta) -> int:
    return delay // timedelta(microseconds=1) * 1000


@contextmanager
def served_log(output: Path, *, entries: int, days: int) -> Iterator[Night]:
    log = list(generate(entries=entries, ends=BEGINS + timedelta(days=days), days=days))
    with AuditService() as service:
        app = create_app(service, Settings(), lambda: nights[0].now)
        with serving(app) as served:
            nights = [Night(World(app=app, service=service, url=served.base_url), log, output)]
            yield nights[0]


@pytest.fixture
def night(tmp_path: Path) -> Iterator[Night]:
    with served_log(tmp_path, entries=900, days=61) as night:
        night.go_on(BEGINS + timedelta(days=20))
        yield night


def table(*bundles: Path) -> list[tuple[Any, ...]]:
    files = [str(bundle / "data" / "audit.parquet") for bundle in bundles]
    query = """
        SELECT id, epoch_us(timestamp), action, actor_email, resource_name, request_id
        FROM read_parquet($files) ORDER BY ALL
    """
    return duckdb.execute(query, {"files": files}).fetchall()


def logged(night: Night, until: datetime) -> list[tuple[Any, ...]]:
    entries = night.world.service.page(limit=1_000_000, filters=Filters())
    return sorted(
        (
            str(entry.id),
            entry.created_at // 1000,
            entry.action,
            entry.actor_email,
            entry.resource_name,
            entry.request_id,
        )
        for entry in entries
        if nanoseconds(BEGINS) <= entry.created_at < nanoseconds(until)
    )


def test_sixty_nights_give_the_log_entry_for_entry_whatever_came_late(tmp_path: Path) -> None:
    def late(entry: Entry) -> timedelta:
        return timedelta(hours=entry.id.int % 20) if entry.id.int % 7 == 0 else timedelta()

    runs = []
    with served_log(tmp_path, entries=6_000, days=61) as night:
        night.world.behave(insert_every=2)
        for number in range(1, NIGHTS + 1):
            moment = BEGINS + timedelta(days=number, minutes=30)
            night.go_on(moment, late=late)
            runs.append(night.begin() if number == 1 else night.run())
        last = runs[-1].run.window.until
        moment = BEGINS + timedelta(days=NIGHTS + 1, minutes=30)
        night.go_on(moment, late=late)
        runs.append(night.run(until=last + timedelta(hours=1)))

        assert {published.run.verdict.value for published in runs} == {Verdict.COMPLETE}
        assert table(*(published.bundle for published in runs)) == logged(night, last + timedelta(hours=1))
    supplements = [published.run.overlap.late for published in runs if published.run.overlap]
    assert len(supplements) == NIGHTS
    assert sum(map(len, supplements)) > NIGHTS
    assert {check.result for published in runs for check in published.run.checks} == {Result.AS_EXPECTED}


def test_a_run_begins_where_coverage_ends_and_names_the_bundles_it_was_held_against(night: Night) -> None:
    first = night.begin()
    night.go_on(BEGINS + timedelta(days=21))
    second = night.run()

    assert second.run.window.since == first.run.window.until
    overlap = second.run.overlap
    assert overlap is not None
    assert overlap.since == second.run.window.since - timedelta(hours=24)
    assert overlap.bundles == [first.root]
    assert overlap.same == len(
        [row for row in table(first.bundle) if row[1] >= nanoseconds(overlap.since) // 1000]
    )


def test_an_overlap_is_held_against_every_bundle_that_it_touches(night: Night) -> None:
    first = night.begin()
    night.go_on(BEGINS + timedelta(days=20, hours=12))
    second = night.run()
    night.go_on(BEGINS + timedelta(days=21))

    overlap = night.run().run.overlap

    assert overlap is not None
    assert overlap.bundles == [first.root, second.root]
    assert overlap.late == overlap.missing == []
    begins = nanoseconds(overlap.since) // 1000
    assert overlap.same == len([row for row in table(first.bundle, second.bundle) if row[1] >= begins])
    assert overlap.same > len(table(second.bundle)) > 0


def test_a_late_entry_is_in_the_next_bundle_and_follows_from_its_responses(night: Night) -> None:
    night.begin()
    moment = night.now - timedelta(hours=3)
    entry = replace(night.world.service.page(limit=1)[0], id=UUID(int=7), created_at=nanoseconds(moment))
    night.world.service.record(entry)
    night.go_on(BEGINS + timedelta(days=21))

    published = night.run()

    assert published.run.overlap is not None
    assert published.run.overlap.late == [str(entry.id)]
    assert str(entry.id) in [row[0] for row in table(published.bundle)]
    assert [seen.count for seen in published.run.observations if seen.id == "late-entries"] == [1]
    assert {check.result for check in verify(published.bundle, reperform=True)} == {Result.AS_EXPECTED}


def test_an_archive_is_continued_without_an_overlap_where_none_is_wanted(night: Night) -> None:
    first = night.begin()
    night.go_on(BEGINS + timedelta(days=21))

    published = night.run(overlap=timedelta())

    assert published.run.window.since == first.run.window.until
    assert published.run.verdict.value is Verdict.COMPLETE
    assert published.run.overlap is None


def test_an_overlap_of_a_part_of_a_second_more_begins_with_a_whole_one(night: Night) -> None:
    night.begin()
    night.go_on(BEGINS + timedelta(days=21))

    published = night.run(overlap=timedelta(hours=0.333))

    assert published.run.overlap is not None
    assert published.run.window.since - published.run.overlap.since == timedelta(seconds=1_199)


def test_a_bundle_without_parquet_is_derived_again_to_be_compared_with(
    night: Night, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    night.run(since=BEGINS, asked={}, formats=("csv", "jsonl"))
    night.go_on(BEGINS + timedelta(days=21))
    (tmp_path / "caf\udce9").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "caf\udce9"))
    with pytest.raises(OutputError, match="is not a name in UTF-8"):
        night.run()
    monkeypatch.undo()

    overlap = night.run().run.overlap

    assert overlap is not None
    assert overlap.same > 0
    assert (overlap.late, overlap.changed, overlap.missing) == ([], [], [])


def test_a_run_in_between_fills_the_hole_and_knows_what_lies_beyond_it(night: Night) -> None:
    first = night.begin()
    night.go_on(BEGINS + timedelta(days=25))
    since, until = BEGINS + timedelta(days=22), BEGINS + timedelta(days=24)
    night.run(since=since, until=until, asked={})

    published = night.run()

    assert published.run.window.since == first.run.window.until
    assert published.run.overlap is not None
    assert published.run.overlap.late == []


def test_an_archive_that_is_far_enough_is_left_as_it_is(night: Night) -> None:
    first = night.begin()

    published = night.run(until=BEGINS + timedelta(days=20) - timedelta(seconds=60))

    assert published.before
    assert published.bundle == first.bundle


def test_an_archive_that_is_far_enough_answers_with_the_bundle_that_covers_the_end(night: Night) -> None:
    first = night.begin()
    night.go_on(BEGINS + timedelta(days=21))
    second = night.run()
    night.go_on(BEGINS + timedelta(days=40))
    apart = night.run(since=BEGINS + timedelta(days=30), asked={})
    assert second.run.window.until < apart.run.window.since

    def answer(until: datetime, **changes: Any) -> Published:
        return night.run(until=until, **changes)

    assert answer(second.run.window.until).bundle == second.bundle
    assert answer(first.run.window.until + timedelta(seconds=1)).bundle == second.bundle
    published = answer(first.run.window.until)
    assert (published.bundle, published.before) == (first.bundle, True)
    with pytest.raises(UsageError, match="no later than where the archive begins"):
        answer(BEGINS)
    with pytest.raises(UsageError, match="--again has no window"):
        answer(first.run.window.until, again=True)


def test_a_bundle_that_answers_already_and_cannot_be_read_is_named(night: Night) -> None:
    first = night.begin()
    (first.bundle / "data" / "run.json").write_text("{}")

    with pytest.raises(OutputError, match=f"{first.bundle} answers the request already, and cannot be read"):
        night.run(until=first.run.window.until)


def test_there_is_nothing_to_continue_in_an_empty_archive(night: Night) -> None:
    with pytest.raises(UsageError, match="nothing to continue"):
        night.run()


@pytest.mark.parametrize("accepted", [True, False])
def test_an_unproven_window_is_continued_only_where_it_is_accepted(night: Night, *, accepted: bool) -> None:
    night.world.behave(total="absent", filters_ignored=True)
    assert night.begin().run.verdict.value is Verdict.UNPROVEN
    night.go_on(BEGINS + timedelta(days=21))

    if accepted:
        assert night.run(accept_unproven=True).run.overlap is not None
    else:
        with pytest.raises(UsageError, match=r"nothing to continue.*continued with --accept-unproven"):
            night.run()


def test_an_entry_that_was_changed_or_is_gone_is_an_integrity_finding(night: Night) -> None:
    night.begin()
    moment = nanoseconds(night.now - timedelta(hours=20))
    recent = [entry for entry in night.world.service.page(limit=100) if entry.created_at > moment]
    changed, gone = recent[-1], recent[-2]

    def edit(entry: dict[str, Any]) -> dict[str, Any]:
        return {**entry, "action": "rewritten"} if entry["id"] == str(changed.id) else entry

    night.world.behave(edit=edit, hidden=frozenset({gone.id}))
    night.go_on(BEGINS + timedelta(days=21))
    published = night.run()

    assert published.contradicted
    assert published.run.verdict.value is Verdict.PARTIAL
    assert published.run.overlap is not None
    assert published.run.overlap.changed == [str(changed.id)]
    assert published.run.overlap.missing == [str(gone.id)]
    (history,) = (check for check in published.run.checks if check.id == "history")
    assert history.found.startswith(f"1 changed ({changed.id}), 1 missing ({gone.id}), ")


@pytest.mark.parametrize("first", [0, 1])
def test_an_entry_of_the_overlap_that_comes_with_two_contents_was_changed(night: Night, first: int) -> None:
    """Also where the one that is held against the archive is what was sealed."""
    night.begin()
    end = nanoseconds(night.now - timedelta(hours=1))
    target = next(str(e.id) for e in night.world.service.page(limit=900) if e.created_at < end)
    shown: list[str] = []

    def edit(entry: dict[str, Any]) -> dict[str, Any]:
        if entry["id"] != target:
            return entry
        shown.append(target)
        return {**entry, "resource_name": "renamed"} if len(shown) % 2 == first else entry

    night.go_on(BEGINS + timedelta(days=21))
    night.world.behave(edit=edit)

    published = night.run()

    assert len(shown) > 1
    assert published.run.overlap is not None
    assert published.run.overlap.changed == [target]
    assert published.contradicted


def test_a_finding_is_found_again_until_somebody_goes_on_by_hand(night: Night) -> None:
    night.begin()
    end = night.now - timedelta(seconds=60)
    lost = next(entry for entry in night.world.service.page(limit=9) if entry.created_at < nanoseconds(end))
    night.world.behave(hidden=frozenset({lost.id}))
    night.go_on(BEGINS + timedelta(days=21))
    found = night.run()
    night.go_on(BEGINS + timedelta(days=22))
    again = night.run()
    assert (found.contradicted, again.contradicted) == (True, True)
    assert found.run.window.since == again.run.window.since

    by_hand = night.run(since=found.run.window.since, asked={})
    night.go_on(BEGINS + timedelta(days=23))
    last = night.run()

    assert {by_hand.run.verdict.value, last.run.verdict.value} == {Verdict.COMPLETE}
    assert last.run.window.since == by_hand.run.window.until


def test_what_slices_did_not_show_is_not_called_gone(night: Night) -> None:
    """An action of which only the archive knows: the list is cut off above it, and nobody asks for it."""
    rare = replace(
        night.world.service.page(limit=1)[0],
        id=UUID(int=7),
        action="agent.pause",
        created_at=nanoseconds(night.now - timedelta(hours=20)),
    )
    night.world.service.record(rare)
    night.begin()
    night.go_on(BEGINS + timedelta(days=23))
    night.world.behave(offset_honoured=False, cap=30, total="absent")

    published = night.run()

    assert published.run.overlap is not None
    assert published.run.overlap.missing == [str(rare.id)]
    assert published.run.verdict.value is Verdict.UNPROVEN


@pytest.mark.parametrize(
    "limits",
    [
        {"offset_honoured": False, "cap": 30, "filters_ignored": True},
        {"script": (None,) * 9 + (Fault.REDIRECT,) * 99},
    ],
    ids=["capped", "failing"],
)
def test_an_overlap_that_was_not_reached_is_held_against_nothing(
    night: Night, limits: dict[str, Any]
) -> None:
    """What was not read would be missing."""
    night.begin()
    night.go_on(BEGINS + timedelta(days=23))
    night.world.behave(**limits)

    published = night.run(allow_partial=True)

    assert published.run.verdict.value is Verdict.PARTIAL
    assert published.run.overlap is None
    assert not published.contradicted


@pytest.mark.parametrize("formats", [("parquet",), ("jsonl",)])
def test_what_the_disk_did_to_a_bundle_is_not_laid_to_the_log(
    night: Night, tmp_path: Path, formats: tuple[str, ...]
) -> None:
    first = night.run(since=BEGINS, asked={}, formats=formats)
    altered = first.bundle / "data" / ("audit.parquet" if "parquet" in formats else "raw/responses.warc.gz")
    content = altered.read_bytes()
    altered.write_bytes(content + b"\0")
    night.go_on(BEGINS + timedelta(days=21))

    with pytest.raises(VerificationError, match=f"is not the file that {PAYLOAD_MANIFEST} lists"):
        night.run()
    assert len(list(tmp_path.rglob("manifest.json"))) == 1
    altered.write_bytes(content)
    assert night.run().run.verdict.value is Verdict.COMPLETE


def test_an_entry_in_other_bytes_is_not_changed(night: Night) -> None:
    night.begin()
    night.world.behave(edit=lambda entry: dict(reversed(entry.items())))
    night.go_on(BEGINS + timedelta(days=21))

    published = night.run()

    assert published.run.verdict.value is Verdict.COMPLETE
    assert published.run.overlap is not None
    assert published.run.overlap.changed == []


def test_the_log_of_another_organization_does_not_continue_an_archive(night: Night, tmp_path: Path) -> None:
    night.begin()
    night.world.behave(edit=lambda entry: {**entry, "id": f"other-{entry['id']}"})
    night.go_on(BEGINS + timedelta(days=21))

    with pytest.raises(VerificationError, match="another organization"):
        night.run()
    assert len(list(tmp_path.rglob("manifest.json"))) == 1
    (archive,) = tmp_path.iterdir()
    assert {path.name.split("-")[0] for path in archive.glob(".*")} == {".refused"}  # none carries it on


def test_entries_that_were_lost_and_came_late_in_a_quiet_hour_are_told_from_another_log_by_more(
    night: Night,
) -> None:
    end = night.begin().run.window.until
    lost = next(entry for entry in night.world.service.page(limit=9) if entry.created_at < nanoseconds(end))
    late = replace(lost, id=UUID(int=7))
    night.world.service.record(late)
    night.world.behave(hidden=frozenset({lost.id}))
    night.go_on(BEGINS + timedelta(days=21))
    quiet = timedelta(microseconds=(nanoseconds(end) - lost.created_at) // 1000 + 1_000_000)

    with pytest.raises(VerificationError, match=r"another organization's log.* with a longer --overlap\."):
        night.run(overlap=quiet)
    overlap = night.run().run.overlap

    assert overlap is not None
    assert (overlap.late, overlap.missing) == ([str(late.id)], [str(lost.id)])


def test_an_archive_read_in_the_other_dialect_is_not_called_another_organizations(
    night: Night, tmp_path: Path
) -> None:
    """In that, ids are written otherwise, so none of the overlap would be found again."""
    organization = str(night.world.settings.organization_id)
    asked: dict[str, Any] = {"organization": None, "profile": Profile(current_org_id=organization)}
    first = night.run(since=BEGINS, asked={}, **asked)
    night.go_on(BEGINS + timedelta(days=21))
    night.world.behave(dialects="B")

    with pytest.raises(UsageError, match="read in dialect A, and the platform now in dialect B") as refused:
        night.run(**asked)
    assert f"no further back than {rfc3339(first.run.window.until)}" in refused.value.remedy
    assert list(first.bundle.parent.iterdir()) == [first.bundle]
    with pytest.raises(UsageError, match="read in dialect A"):
        foresee(night.world.request(tmp_path, since=None, until=None, **asked), now=lambda: night.now)

    night.run(**asked, overlap=timedelta())
    night.go_on(BEGINS + timedelta(days=22))
    published = night.run(**asked, overlap=timedelta(hours=3))
    assert published.run.verdict.value is Verdict.COMPLETE
