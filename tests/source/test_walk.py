"""Whole or honest: what a walk brings home is the window, or its checks say that it may not be."""

import os
import random
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exporter.facts import Check, Result, Verdict, Window
from exporter.sandbox.app import Settings
from exporter.sandbox.audit_service import AuditService, Filters
from exporter.sandbox.entry import Entry, nanoseconds
from exporter.sandbox.faults import Fault
from exporter.sandbox.history import generate
from exporter.source.client import Client
from exporter.source.dialects import DOCUMENTED_ACTIONS
from exporter.source.platform import connect
from exporter.source.reader import Progress, Reader
from exporter.source.walk import Walk
from tests.clock import no_sleep
from tests.world import NOW, World, store
from tests.world import history as invent

EVERYTHING = Window(since=datetime(2020, 1, 1, tzinfo=UTC), until=NOW - timedelta(minutes=1))
LAST_HALF = Window(since=datetime(2026, 6, 1, tzinfo=UTC), until=NOW - timedelta(minutes=1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Walked:
    """What a walk brought home."""

    ids: set[str]
    checks: list[Check]

    @property
    def verdict(self) -> Verdict:
        return Verdict.of(self.checks)

    @property
    def accused(self) -> bool:
        """Whether the log is said to contradict itself."""
        return any(check.result is Result.CONTRADICTS for check in self.checks)

    def result(self, check: str) -> Result:
        return next(found.result for found in self.checks if found.id == check)


def walk(  # noqa: PLR0913 - what a test may want otherwise
    world: World,
    window: Window = EVERYTHING,
    *,
    dialect: str = "B",
    page_size: int = 1_000,
    concurrency: int = 4,
    meanwhile: Progress = lambda _entries, _oldest: None,
) -> Walked:
    """Walk a window; ``meanwhile`` is called after each page."""
    rows: list[tuple[str, datetime]] = []
    organization = str(world.settings.organization_id) if dialect == "B" else None
    connection = world.connection(retry_for=60.0)
    with Client(connection, now=lambda: NOW, at_once=concurrency, sleep=no_sleep) as client:
        platform, greeting = connect(client, organization=organization, known_organization=None)
        with Reader(
            platform,
            total_of_one=greeting.stated,
            page_size=page_size,
            collect=lambda page: rows.extend(
                zip(page.batch["id"].to_pylist(), page.batch["timestamp"].to_pylist(), strict=True)
            ),
            progress=meanwhile,
        ) as reader:
            walk = Walk(reader, window)
            walk.run()
    return Walked(
        ids={plain(id_) for id_, moment in rows if window.since <= moment < window.until}, checks=walk.checks
    )


def plain(id_: str) -> str:
    """Bring the ids of both dialects into one form."""
    return str(UUID(id_.removeprefix("log_")))


def held(world: World, window: Window = EVERYTHING, *, askew: timedelta = timedelta()) -> set[str]:
    low, high = nanoseconds(window.since), nanoseconds(window.until)
    entries = world.service.page(limit=1_000_000)
    return {str(e.id) for e in entries if low <= e.created_at - 10**9 * lag(str(e.id), askew) < high}


def lag(id_: str, askew: timedelta) -> int:
    """By how many seconds an entry says that it is older: every other one by none, others by up to that."""
    drawn = UUID(id_).int % 1_000 / 1_000
    return int(max(0.0, 2 * drawn - 1) * askew.total_seconds())


def shown_askew(askew: timedelta) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Let the platform list entries as they were inserted, which is not quite the order of their times."""

    def edit(written: dict[str, Any]) -> dict[str, Any]:
        name = "created_at" if "created_at" in written else "timestamp"
        moment = datetime.fromisoformat(written[name]) - timedelta(seconds=lag(plain(written["id"]), askew))
        return {**written, name: moment.isoformat()}

    return edit


def apart(history: Iterable[Entry]) -> list[Entry]:
    """Give each entry an instant of its own."""
    return [replace(each, created_at=each.created_at + number * 1_000) for number, each in enumerate(history)]


Log = Callable[..., World]


@pytest.fixture
def log(_shared_world: World) -> Iterator[Log]:
    """``log(entries, **settings)``: a platform with that log."""
    usual = _shared_world.service

    @contextmanager
    def filled(entries: int | Sequence[Entry]) -> Iterator[AuditService]:
        with store(entries if isinstance(entries, int) else 0) as service:
            service.record_all(() if isinstance(entries, int) else entries)
            yield service

    def make(entries: int | Sequence[Entry] = 1_000, **changes: Any) -> World:
        served.close()  # the one before
        service = served.enter_context(filled(entries))
        _shared_world.app.state.service = service
        _shared_world.app.state.settings = Settings(**changes)
        return replace(_shared_world, service=service)

    with ExitStack() as served:
        yield make
        _shared_world.app.state.service, _shared_world.app.state.settings = usual, Settings()


@pytest.mark.parametrize("dialect", ["A", "B"])
@pytest.mark.parametrize("total", ["filtered", "whole", "absent"])
@pytest.mark.parametrize("window", [EVERYTHING, LAST_HALF])
def test_a_capped_log_is_read_whole(log: Log, dialect: str, total: str, window: Window) -> None:
    world = log(cap=100, total=total)

    walked = walk(world, window, dialect=dialect)

    assert walked.ids == held(world, window)
    assert walked.verdict is Verdict.COMPLETE


@pytest.mark.parametrize("dialect", ["A", "B"])
@pytest.mark.parametrize("total", ["filtered", "absent"])
def test_where_offset_is_ignored_ever_larger_pages_read_the_log_whole(
    log: Log, dialect: str, total: str
) -> None:
    world = log(offset_honoured=False, total=total)

    walked = walk(world, dialect=dialect, page_size=100)

    assert walked.ids == held(world)
    assert walked.verdict is Verdict.COMPLETE


def test_where_offset_is_ignored_and_pages_are_capped_slices_reach_the_window(log: Log) -> None:
    actions = sorted(DOCUMENTED_ACTIONS)
    history = enumerate(invent(1_000))
    world = log(
        [replace(entry, action=actions[n % len(actions)]) for n, entry in history],
        offset_honoured=False,
        cap=100,
    )

    walked = walk(world)

    assert walked.ids == held(world)
    assert walked.verdict is Verdict.COMPLETE


@pytest.mark.parametrize("total", ["zero", "page"])
@pytest.mark.parametrize(
    "limits",
    [
        {"ceiling": 300},
        {"ceiling": 300, "filters_ignored": True},
        {"offset_honoured": False},
        {"offset_honoured": False, "filters_ignored": True},
    ],
    ids=str,
)
def test_a_total_that_is_less_than_was_read_confirms_no_end_of_the_log(
    log: Log, limits: dict[str, Any], total: str
) -> None:
    world = log(cap=100, total=total, **limits)

    walked = walk(world)

    assert walked.ids < held(world)
    assert walked.verdict is not Verdict.COMPLETE


def test_a_total_that_counts_no_further_than_can_be_read_confirms_no_end_of_the_log(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Search engines count to ten thousand, and let nobody read below that."""
    world = log(cap=100)
    page, count = world.service.page, world.service.count

    def above_the_bound(*, limit: int, offset: int = 0, filters: Filters | None = None) -> list[Entry]:
        return page(limit=min(limit, max(0, 500 - offset)), offset=offset, filters=filters)

    monkeypatch.setattr(world.service, "page", above_the_bound)
    monkeypatch.setattr(world.service, "count", lambda filters=None: min(500, count(filters)))
    walked = walk(world)

    assert walked.ids < {str(entry.id) for entry in page(limit=1_000)}
    assert walked.verdict is Verdict.PARTIAL


@pytest.mark.parametrize("total", ["zero", "page"])
def test_a_total_that_is_less_than_was_read_is_no_reason_to_doubt_the_log(log: Log, total: str) -> None:
    world = log(cap=100, total=total)

    walked = walk(world)

    assert walked.ids == held(world)
    assert walked.verdict is Verdict.COMPLETE


def test_a_log_without_a_total_whose_eldest_entries_share_an_instant_is_whole(log: Log) -> None:
    history = list(invent(100))
    tied = [replace(entry, created_at=history[0].created_at) for entry in history[:40]]
    world = log([*tied, *history[40:]], cap=30, total="absent")

    walked = walk(world)

    assert walked.ids == held(world)
    assert walked.verdict is Verdict.COMPLETE


def test_slices_that_end_before_their_own_totals_are_not_called_whole(log: Log) -> None:
    """Where the bytes of an answer are capped, each page holds another number of entries."""
    actions = sorted(DOCUMENTED_ACTIONS)
    history = list(invent(1_000))
    heavy = [
        replace(entry, action=actions[n % 2], changes={"text": {"old": "", "new": "x" * (500 * (n % 2))}})
        for n, entry in enumerate(history)
    ]
    world = log(heavy, offset_honoured=False, heaviest=60_000)

    walked = walk(world)

    assert walked.ids < held(world)
    assert walked.verdict is Verdict.PARTIAL


@pytest.mark.parametrize("filters_ignored", [False, True])
@pytest.mark.parametrize("ceiling", [100, 300])
def test_a_page_that_is_short_for_its_bytes_confirms_no_end_of_the_log(
    log: Log,
    ceiling: int,
    filters_ignored: bool,  # noqa: FBT001
) -> None:
    """Pages hold as many entries as fit, which are longer or shorter: a short page has no room for more."""
    history = [
        replace(entry, action="deploy", changes={"text": {"old": "", "new": "x" * (n * 7919 % 900)}})
        for n, entry in enumerate(invent(600))
    ]
    world = log(history, heaviest=30_000, ceiling=ceiling, filters_ignored=filters_ignored, total="absent")

    walked = walk(world)

    assert walked.ids < held(world)
    assert walked.verdict is not Verdict.COMPLETE


@pytest.mark.parametrize("seed", [2, 55, 143, 229])
def test_a_page_shorter_than_any_before_confirms_no_end_where_the_bytes_of_an_answer_are_capped(
    log: Log, seed: int
) -> None:
    """Where the ceiling on offset cuts the list off, a long entry follows, for which there was no room."""
    drawn = random.Random(seed)  # noqa: S311 - reproducible, not secret
    ceiling = drawn.choice([10, 15, 25])
    history = [
        replace(
            entry, action="deploy", changes={"text": {"old": "", "new": "x" * drawn.choice([0, 0, 0, 3_000])}}
        )
        for entry in apart(invent(90))
    ]
    heaviest = drawn.choice([4_500, 6_000, 8_000])
    world = log(history, heaviest=heaviest, ceiling=ceiling, total="absent")

    walked = walk(world, page_size=drawn.choice([6, 8, 12, 20]), concurrency=1)

    assert walked.ids < held(world)
    assert walked.verdict is not Verdict.COMPLETE


def test_documented_actions_that_a_capped_list_did_not_show_are_asked_for(log: Log) -> None:
    history = [
        replace(entry, action="secret.create" if n < 30 else ("deploy", "org.update")[n % 2])
        for n, entry in enumerate(invent(50))
    ]
    world = log(history, cap=20, offset_honoured=False, total="absent")

    walked = walk(world)

    assert walked.ids < held(world)
    assert walked.verdict is not Verdict.COMPLETE


@pytest.mark.parametrize("filters_ignored", [False, True])
def test_a_total_of_the_page_confirms_no_end_where_the_bytes_of_an_answer_are_capped(
    log: Log,
    filters_ignored: bool,  # noqa: FBT001
) -> None:
    """No page is as long as the limit that it echoes, and each holds as many entries as its total says."""
    history = [replace(entry, action="deploy") for entry in invent(200)]
    world = log(
        history, heaviest=30_000, offset_honoured=False, filters_ignored=filters_ignored, total="page"
    )

    walked = walk(world)

    assert walked.ids < held(world)
    assert walked.verdict is not Verdict.COMPLETE


def test_a_total_of_the_page_does_not_accuse_the_log_of_having_shrunk(log: Log) -> None:
    """Where the bytes of an answer are capped, the head holds fewer entries once long ones have joined."""
    history = list(invent(200))
    world = log(history, heaviest=30_000, total="page")
    long = {"text": {"old": "", "new": "x" * 9_000}}
    joining = [replace(history[-1], id=UUID(int=n, version=4), changes=long) for n in range(3)]

    def meanwhile(entries: int, _oldest: datetime | None) -> None:
        if entries > 100 and world.service.get(joining[0].id) is None:
            world.service.record_all(joining)

    walked = walk(world, meanwhile=meanwhile)

    assert walked.ids == held(world)
    assert walked.verdict is Verdict.COMPLETE


@pytest.mark.parametrize(
    ("given", "total"), [("action", "filtered"), ("user", "filtered"), ("user", "absent")]
)
def test_slices_by_a_filter_that_gives_nothing_do_not_hide_that_pages_were_cut_off(
    log: Log, monkeypatch: pytest.MonkeyPatch, given: str, total: str
) -> None:
    world = log(cap=20, offset_honoured=False, total=total)
    page = world.service.page

    def nothing(**asked: Any) -> list[Entry]:
        filters = asked.get("filters")
        return [] if filters is not None and getattr(filters, given) else page(**asked)

    monkeypatch.setattr(world.service, "page", nothing)
    walked = walk(world)

    assert walked.ids < {str(entry.id) for entry in page(limit=1_000)}
    assert walked.verdict is Verdict.PARTIAL


def test_slices_by_user_take_e_mail_addresses_where_the_filter_takes_no_ids(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = [(UUID(int=n, version=4), f"person.{n}@acme.example") for n in range(6)]
    history = [
        replace(
            entry,
            action=("deploy", "secret.create")[n % 2],
            actor_id=people[n // 2 % 6][0],
            actor_email=people[n // 2 % 6][1],
        )
        for n, entry in enumerate(invent(120))
    ]
    world = log(history, cap=20, offset_honoured=False)
    page, count = world.service.page, world.service.count

    def by_address(**asked: Any) -> list[Entry]:
        filters = asked.get("filters")
        return [] if filters is not None and isinstance(filters.user, UUID) else page(**asked)

    monkeypatch.setattr(world.service, "page", by_address)
    pages: list[int] = []
    walked = walk(world, meanwhile=lambda entries, _oldest: pages.append(entries))

    assert walked.ids == {str(entry.id) for entry in history}
    assert walked.verdict is Verdict.COMPLETE
    assert len(pages) < count()


@pytest.mark.parametrize("filters_ignored", [False, True])
def test_where_slices_do_not_suffice_it_says_so(log: Log, filters_ignored: bool) -> None:  # noqa: FBT001
    world = log(offset_honoured=False, cap=20, filters_ignored=filters_ignored)

    walked = walk(world)

    assert walked.ids < held(world)
    assert walked.verdict is Verdict.PARTIAL


def test_slices_are_not_called_complete_where_actions_may_be_unseen(log: Log) -> None:
    world = log(offset_honoured=False, cap=100)

    walked = walk(world, Window(since=NOW - timedelta(days=60), until=NOW - timedelta(minutes=1)))

    assert walked.ids < held(world)
    assert walked.verdict is Verdict.UNPROVEN


@pytest.mark.parametrize("unseen", ["action", "user"])
def test_an_entry_that_joins_a_slice_does_not_stand_for_one_that_no_slice_holds(
    log: Log, monkeypatch: pytest.MonkeyPatch, unseen: str
) -> None:
    """The eldest entry is of an action that nothing has shown, or of an action's user whom nothing has."""
    actions = sorted(DOCUMENTED_ACTIONS) if unseen == "action" else ["deploy"]
    history = [
        replace(entry, action=actions[number % len(actions)], actor_id=UUID(int=number % 4, version=4))
        for number, entry in enumerate(apart(generate(entries=300, ends=NOW - timedelta(days=1))))
    ]
    history[0] = (
        replace(history[0], action="token.disable")
        if unseen == "action"
        else replace(history[0], actor_id=UUID(int=99, version=4))
    )
    world = log(history, offset_honoured=False, cap=100)
    joining = iter([replace(history[-1], id=UUID(int=7, version=4))])
    page = world.service.page

    def joined(**asked: Any) -> list[Entry]:
        if getattr(asked["filters"], unseen):
            world.service.record_all(joining)
        return page(**asked)

    monkeypatch.setattr(world.service, "page", joined)
    walked = walk(world, page_size=100, concurrency=1)

    assert str(history[0].id) not in walked.ids
    assert walked.verdict is Verdict.UNPROVEN


def test_slices_without_totals_are_never_called_complete(log: Log) -> None:
    world = log(offset_honoured=False, cap=100, total="absent")

    walked = walk(world, Window(since=NOW - timedelta(days=60), until=NOW - timedelta(minutes=1)))

    assert walked.verdict is Verdict.UNPROVEN


@pytest.mark.parametrize("total", ["filtered", "absent"])
def test_a_ceiling_on_offset_is_never_taken_for_the_end_of_the_log(log: Log, total: str) -> None:
    world = log(ceiling=300, cap=100, total=total)

    walked = walk(world)

    assert walked.verdict is not Verdict.COMPLETE or walked.ids == held(world)
    assert walk(replace_settings(world, filters_ignored=True)).verdict is not Verdict.COMPLETE


def replace_settings(world: World, **changes: Any) -> World:
    world.behave(**changes)
    return world


@pytest.mark.parametrize("concurrency", [1, 4])
def test_three_hundred_entries_of_one_instant_in_changing_order_are_all_read(
    log: Log, concurrency: int
) -> None:
    entries = list(invent(1_000))
    instant = entries[500].created_at
    tied = [
        replace(entry, created_at=instant) if 400 <= n < 700 else entry for n, entry in enumerate(entries)
    ]
    world = log(sorted(tied, key=lambda entry: entry.created_at), cap=100, ties_shuffled=True)

    walked = walk(world, concurrency=concurrency)

    assert walked.ids == held(world)
    assert walked.verdict is Verdict.COMPLETE


@pytest.mark.parametrize("together", [2, 5])
def test_instants_that_pages_cut_cost_no_requests(log: Log, together: int) -> None:
    """What was fetched ahead is of use although a page ends, or the next one begins, within an instant."""
    alone = apart(invent(2_000))
    tied = [
        replace(each, created_at=alone[place - place % together].created_at)
        for place, each in enumerate(alone)
    ]
    requests = []
    for history in (alone, tied):
        world = log(history, cap=100)
        walked = walk(world)
        requests.append(world.requests)
        assert walked.ids == held(world)
        assert walked.verdict is Verdict.COMPLETE
    assert requests[1] == requests[0]


def test_an_instant_of_several_pages_near_the_head_of_a_log_at_rest_is_not_taken_for_late(log: Log) -> None:
    history = list(invent(400))
    instant = history[270].created_at
    tied = [replace(entry, created_at=instant) for entry in history[:271]]
    world = log([*tied, *history[271:301]], cap=100, ties_shuffled=True)

    walked = walk(world)

    assert walked.ids == held(world)
    assert walked.verdict is Verdict.COMPLETE
    assert next(check.found for check in walked.checks if check.id == "second-pass") == "0"


@pytest.mark.parametrize(("page_size", "ties"), [(6, 21), (7, 23), (8, 31), (8, 44)])
def test_entries_that_join_below_an_instant_take_none_of_its_places(
    log: Log, page_size: int, ties: int
) -> None:
    """The platform's count rises, and the instant still has as many places as before."""
    history = list(generate(entries=ties + 4, ends=NOW, days=100))
    instant = history[0].created_at
    tied = [replace(entry, created_at=instant) if n < ties else entry for n, entry in enumerate(history)]
    world = log(tied, insert_every=5, insert_age=timedelta(days=200), ties_shuffled=True)
    window = Window(since=NOW - timedelta(days=150), until=NOW - timedelta(minutes=1))

    walked = walk(world, window, page_size=page_size, concurrency=1)

    assert walked.ids == held(world, window)


@pytest.mark.parametrize("total", ["filtered", "absent"])
@pytest.mark.parametrize("ceiling", [20, 27])
def test_ties_that_change_places_at_a_ceiling_on_offset_do_not_hold_the_reading_up(
    log: Log, ceiling: int, total: str
) -> None:
    """Each answer may show some of them for the first time, and none gets any further down."""
    history = list(generate(entries=134, ends=NOW, days=300))
    instant = history[0].created_at
    tied = [replace(entry, created_at=instant) if n < 36 else entry for n, entry in enumerate(history)]
    world = log(tied, ceiling=ceiling, ties_shuffled=True, total=total)
    pages = 0

    def meanwhile(_entries: int, _oldest: datetime | None) -> None:
        nonlocal pages
        pages += 1
        assert pages < 1_000

    walked = walk(world, page_size=100, concurrency=1, meanwhile=meanwhile)

    assert walked.ids == held(world)
    assert walked.verdict is Verdict.COMPLETE


@pytest.mark.parametrize("total", ["filtered", "absent"])
def test_an_instant_that_grows_at_every_request_is_not_read_for_ever(log: Log, total: str) -> None:
    """Whole seconds, as dialect A has them, and every new entry in one of them, deep in the list."""
    world = log(130, cap=20, insert_every=1, insert_age=timedelta(days=200), ties_shuffled=True, total=total)

    def meanwhile(_entries: int, _oldest: datetime | None) -> None:
        assert world.service.count() < 3_000

    walked = walk(world, dialect="A", page_size=5, concurrency=1, meanwhile=meanwhile)

    assert walked.verdict is not Verdict.COMPLETE


@pytest.mark.parametrize("concurrency", [1, 4])
def test_entries_that_join_at_every_request_lose_nothing(log: Log, concurrency: int) -> None:
    world = log(cap=100, insert_every=1)
    before = held(world)

    walked = walk(world, concurrency=concurrency)

    assert walked.ids == before
    assert walked.verdict is Verdict.COMPLETE


@pytest.mark.parametrize(("share", "seed"), [(0.3, 27), (0.5, 14)])
def test_entries_that_join_while_the_platform_answers_do_not_unsettle_the_reading(
    log: Log, monkeypatch: pytest.MonkeyPatch, share: float, seed: int
) -> None:
    """It takes the entries of a page first and counts the log afterwards: the count is one ahead at times."""
    world = log(150, cap=60)
    newest = world.service.page(limit=1)[0]
    count = world.service.count
    drawn = random.Random(seed)  # noqa: S311 - reproducible, not secret

    def counted(filters: Filters) -> int:
        if drawn.random() < share:
            another = UUID(int=drawn.getrandbits(128), version=4)
            world.service.record(replace(newest, id=another, created_at=nanoseconds(NOW)))
        return count(filters)

    monkeypatch.setattr(world.service, "count", counted)
    walked = walk(world, concurrency=1)

    assert walked.ids == held(world)
    assert walked.verdict is Verdict.COMPLETE


@pytest.mark.parametrize(
    ("cap", "total"),
    [*((cap, "filtered") for cap in range(3, 7)), *((cap, "absent") for cap in range(7, 11))],
)
def test_small_pages_outrun_entries_that_join_at_every_request(log: Log, cap: int, total: str) -> None:
    world = log(apart(invent(120)), cap=cap, insert_every=1, total=total)
    before = held(world)

    walked = walk(world, concurrency=1 + cap % 4)

    assert walked.ids == before
    assert walked.verdict is Verdict.COMPLETE


def test_a_look_goes_no_further_down_than_the_list(log: Log) -> None:
    """Entries push its mark to where a page of three begins, which shares no place with the one above.

    So that is asked for from one place further up.
    """
    history = apart(generate(entries=12, ends=NOW - timedelta(hours=1)))
    world = log(history, cap=3)
    joining = iter([replace(history[-1], id=UUID(int=n), created_at=nanoseconds(NOW) + n) for n in range(2)])
    pages = 0

    def meanwhile(_entries: int, oldest: datetime | None) -> None:
        nonlocal pages
        pages += 1
        if oldest is not None and nanoseconds(oldest) <= history[0].created_at:
            world.service.record_all(joining)

    walked = walk(world, concurrency=1, meanwhile=meanwhile)

    assert walked.ids == held(world)
    assert walked.verdict is Verdict.COMPLETE
    assert pages < 60


@pytest.mark.parametrize("burst", [1, 6])
def test_a_burst_does_not_throw_small_pages_out_of_step(log: Log, burst: int) -> None:
    """One entry joins at every request; a step as long as the burst pushed would miss the place each time."""
    world = log(apart(invent(120)), cap=3, insert_every=1)
    before = held(world)
    newest = world.service.page(limit=1)[0]
    joining = iter(
        [
            replace(newest, id=UUID(int=number), created_at=newest.created_at + number * 1_000)
            for number in range(2, burst + 2)
        ]
    )

    walked = walk(world, concurrency=1, meanwhile=lambda _entries, _oldest: world.service.record_all(joining))

    assert walked.ids >= before
    assert walked.verdict is Verdict.COMPLETE


def test_a_list_that_entries_join_anywhere_as_fast_as_it_is_read_is_given_up(log: Log) -> None:
    history = list(invent(29))
    history = [replace(entry, created_at=history[0].created_at) for entry in history]
    world = log(history, insert_every=3, filters_ignored=True, edit=shown_askew(timedelta(days=9)))

    walked = walk(world, page_size=5, concurrency=1)

    assert walked.verdict is not Verdict.COMPLETE


def test_a_list_whose_pages_never_join_is_given_up(log: Log) -> None:
    """Entries vanish from the first page, which hides that offset has no effect, and others keep joining."""
    askew = shown_askew(timedelta(days=1))
    world = log(77, cap=50, offset_honoured=False, filters_ignored=True, insert_every=3, edit=askew)
    lost = frozenset(entry.id for entry in world.service.page(limit=4, offset=38))
    world.behave(hidden=lost, hidden_after=2)

    walked = walk(world, concurrency=1)

    assert walked.verdict is not Verdict.COMPLETE


@pytest.mark.parametrize(("total", "concurrency"), [("filtered", 1), ("absent", 4)])
@pytest.mark.parametrize(("every", "count"), [(7, 300), (30, 1_000)])
def test_hundreds_of_entries_that_join_between_two_requests_are_stepped_over(
    log: Log, every: int, count: int, total: str, concurrency: int
) -> None:
    world = log(cap=100, insert_every=every, insert_count=count, total=total)
    before = held(world)

    walked = walk(world, concurrency=concurrency)

    assert walked.ids == before
    assert walked.verdict is Verdict.COMPLETE


@pytest.mark.parametrize("entries", [100, 165])
def test_pages_full_of_entries_that_join_again_and_again_are_stepped_over(log: Log, entries: int) -> None:
    """They join while a place is searched for, and while the end of the log is asked for what is below."""
    world = log(entries, cap=20, insert_every=5, insert_count=55, total="absent")
    before = held(world)

    walked = walk(world, concurrency=1)

    assert walked.ids == before
    assert walked.verdict is Verdict.COMPLETE


def test_a_limit_that_is_refused_is_lowered(log: Log) -> None:
    world = log(cap=100, refuses=True)

    walked = walk(world, page_size=1_000)

    assert walked.ids == held(world)
    assert walked.verdict is Verdict.COMPLETE


def test_below_an_offset_that_is_refused_slices_go_on(log: Log) -> None:
    actions = sorted(DOCUMENTED_ACTIONS)
    history = enumerate(invent(1_000))
    entries = [replace(entry, action=actions[n % len(actions)]) for n, entry in history]
    world = log(entries, cap=100, ceiling=300, refuses=True)

    walked = walk(world)

    assert walked.ids == held(world)
    assert walked.verdict is Verdict.COMPLETE


def test_an_empty_log_is_whole_where_its_total_says_that_it_is_empty(log: Log) -> None:
    walked = walk(log(0))

    assert walked.ids == set()
    assert walked.verdict is Verdict.COMPLETE


def test_a_look_that_gets_no_further_is_given_up(log: Log) -> None:
    """The list moves at every request, which hides that the offset has no effect."""
    world = log(41, offset_honoured=False, total="absent", insert_every=1)
    pages = []

    walk(world, page_size=5, meanwhile=lambda entries, _oldest: pages.append(entries))

    assert len(pages) < 200


@pytest.mark.parametrize(("total", "concurrency"), [("filtered", 4), ("absent", 1)])
@pytest.mark.parametrize(("cap", "insert_every"), [(100, 0), (7, 3), (100, 1)])
def test_a_list_in_order_of_insertion_is_read_whole_though_times_are_a_little_out_of_order(
    log: Log, cap: int, insert_every: int, total: str, concurrency: int
) -> None:
    askew = timedelta(days=1)
    world = log(400, cap=cap, insert_every=insert_every, insert_count=9, total=total, edit=shown_askew(askew))
    before = held(world, askew=askew)

    walked = walk(world, concurrency=concurrency)

    assert walked.ids >= before
    assert not walked.accused
    if not insert_every:
        assert walked.verdict is Verdict.COMPLETE


def test_an_entry_that_vanishes_from_a_list_out_of_order_is_not_shown_to_be_gone(log: Log) -> None:
    """It may stand elsewhere, where times do not say what stands above what."""
    world = log(400, cap=20, total="absent", edit=shown_askew(timedelta(days=1)))
    lost = {entry.id for entry in world.service.page(limit=5, offset=100)}
    world.behave(hidden=frozenset(lost), hidden_after=10)

    walked = walk(world, concurrency=1)

    assert walked.result("none-vanished") is Result.NOT_SHOWN
    assert walked.verdict is not Verdict.COMPLETE


@pytest.mark.parametrize("concurrency", [1, 4])
@pytest.mark.parametrize("age", [timedelta(hours=2), timedelta(days=90)])
def test_late_arrivals_are_fetched(log: Log, age: timedelta, concurrency: int) -> None:
    """One near the head meets the second look; one deep in the list, the total that rose without reason."""
    world = log(cap=100)
    newest = world.service.page(limit=1)[0]
    moment = nanoseconds(NOW - timedelta(minutes=2) - age)
    late = replace(newest, id=UUID(int=7, version=4), created_at=moment)

    def meanwhile(entries: int, _oldest: datetime | None) -> None:
        if entries > 900 and world.service.get(late.id) is None:
            world.service.record(late)

    walked = walk(world, concurrency=concurrency, meanwhile=meanwhile)

    assert str(late.id) in walked.ids
    assert walked.ids == held(world)
    assert walked.verdict is Verdict.COMPLETE


def test_an_entry_that_came_late_between_two_pages_under_way_has_not_vanished(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page after was fetched ahead, and answered before the entry joined; the page before, afterwards."""
    world = log(cap=100)
    history = world.service.page(limit=1_000)
    late = replace(history[184], id=UUID(int=7, version=4), created_at=history[184].created_at + 1_000)
    page = world.service.page
    ahead = threading.Event()

    def out_of_order(**asked: Any) -> list[Entry]:
        if asked["offset"] == 89 and world.service.get(late.id) is None:
            ahead.wait(10)
            world.service.record(late)
        entries = page(**asked)
        if asked["offset"] == 178:
            ahead.set()
        return entries

    monkeypatch.setattr(world.service, "page", out_of_order)
    walked = walk(world, concurrency=4)

    assert str(late.id) in walked.ids
    assert walked.verdict is Verdict.COMPLETE


def test_an_entry_whose_instant_is_cut_by_two_pages_under_way_in_other_orders_is_not_missed(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The later page was answered before two entries joined; the earlier one after that, in another order."""
    hours = [
        nanoseconds(NOW - timedelta(hours=number)) for number in (*range(100, 12, -1), *range(13, 1, -1))
    ]
    history = [replace(entry, created_at=at) for entry, at in zip(invent(100), hours, strict=True)]
    world = log(history, cap=5)
    newest, *_, above, below = world.service.page(limit=13)
    page = world.service.page
    ahead = threading.Event()

    def out_of_order(**asked: Any) -> list[Entry]:
        if asked.get("offset") == 9 and not ahead.is_set():
            ahead.wait(10)
            for number in range(2):
                world.service.record(replace(newest, id=UUID(int=number, version=4)))
        entries = page(**asked)
        if asked.get("offset") == 12 and not ahead.is_set():
            assert entries[0] == below
            entries[0] = above
            ahead.set()
        return entries

    monkeypatch.setattr(world.service, "page", out_of_order)
    walked = walk(world, concurrency=4)

    assert walked.ids == held(world)
    assert walked.verdict is Verdict.COMPLETE


@pytest.mark.parametrize("concurrency", [1, 4])
def test_a_late_arrival_is_not_hidden_by_others_that_join_at_the_head(log: Log, concurrency: int) -> None:
    """What joins at the head while a look goes down accounts for no growth further down."""
    world = log(cap=100, insert_every=7, insert_count=300)
    newest = world.service.page(limit=1)[0]
    late = replace(newest, id=UUID(int=7, version=4), created_at=nanoseconds(NOW - timedelta(days=90)))

    def meanwhile(entries: int, _oldest: datetime | None) -> None:
        if entries > 900 and world.service.get(late.id) is None:
            world.service.record(late)

    walked = walk(world, concurrency=concurrency, meanwhile=meanwhile)

    assert str(late.id) in walked.ids
    assert walked.verdict is Verdict.COMPLETE


@pytest.mark.parametrize("position", [100, 990])
@pytest.mark.parametrize("concurrency", [1, 4])
def test_entries_that_vanish_while_paging_are_an_integrity_finding(
    log: Log, position: int, concurrency: int
) -> None:
    world = log(cap=100)
    lost = {entry.id for entry in world.service.page(limit=5, offset=position)}
    world.behave(hidden=frozenset(lost), hidden_after=6)

    walked = walk(world, concurrency=concurrency)

    assert walked.ids >= held(world) - {str(id_) for id_ in lost}
    assert walked.verdict is Verdict.PARTIAL
    assert walked.result("log-only-grows") is Result.CONTRADICTS


def test_that_entries_vanished_is_not_forgotten_where_the_list_is_read_once_more(log: Log) -> None:
    """As many came late as vanished, and one more: the total never falls, and rises without a reason."""
    world = log(cap=100)
    history = world.service.page(limit=1_000)
    late = [replace(history[600], id=UUID(int=number, version=4)) for number in range(7)]

    def meanwhile(entries: int, _oldest: datetime | None) -> None:
        if entries >= 400 and world.service.get(late[0].id) is None:
            world.service.record_all(late)
            world.behave(hidden=frozenset(entry.id for entry in history[200:205]))

    walked = walk(world, concurrency=1, meanwhile=meanwhile)

    assert walked.ids >= {str(entry.id) for entry in late}
    assert walked.result("log-only-grows") is Result.AS_EXPECTED
    assert walked.result("none-vanished") is Result.CONTRADICTS


def test_without_totals_entries_that_vanish_from_the_part_already_read_are_noticed(log: Log) -> None:
    world = log(cap=100, total="absent")
    lost = {entry.id for entry in world.service.page(limit=5, offset=200)}
    world.behave(hidden=frozenset(lost), hidden_after=6)

    walked = walk(world, concurrency=1)

    assert walked.result("none-vanished") is Result.CONTRADICTS


@pytest.mark.parametrize("concurrency", [1, 4])
@pytest.mark.parametrize("removed", [12, 60, 250])
def test_entries_that_move_up_past_the_overlap_are_gone_back_for(
    log: Log, removed: int, concurrency: int
) -> None:
    """Without a total, nothing but the overlap tells that the next page begins too far down."""
    world = log(cap=100, total="absent")
    lost = {entry.id for entry in world.service.page(limit=removed, offset=120)}
    world.behave(hidden=frozenset(lost), hidden_after=6)

    walked = walk(world, concurrency=concurrency)

    assert walked.ids >= held(world) - {str(id_) for id_ in lost}
    assert walked.result("none-vanished") is Result.CONTRADICTS


@pytest.mark.parametrize("hidden_after", [6, 7])
def test_a_removal_among_the_eldest_entries_of_one_instant_hides_no_other(
    log: Log, hidden_after: int
) -> None:
    history = list(invent(30))
    tied = [replace(entry, created_at=history[0].created_at) for entry in history[:29]]
    two = [replace(e, action=("deploy", "secret.create")[n % 2]) for n, e in enumerate([*tied, history[29]])]
    world = log(two, total="absent", hidden_after=hidden_after)
    lost = {entry.id for entry in world.service.page(limit=1, offset=15)}
    world.behave(hidden=frozenset(lost))

    walked = walk(world, page_size=5, concurrency=1)

    assert walked.ids >= held(world) - {str(id_) for id_ in lost}


def test_a_third_of_all_requests_failing_in_every_way_loses_nothing(log: Log) -> None:
    temporary = set(Fault) - {Fault.REDIRECT}
    world = log(cap=100, faults=dict.fromkeys(temporary, 0.33 / len(temporary)), retry_after=0, seed=11)

    walked = walk(world)

    assert walked.ids == held(world)
    assert walked.verdict is Verdict.COMPLETE


worlds = st.fixed_dictionaries(
    {
        "cap": st.sampled_from([None, 7, 20, 50]),
        "offset_honoured": st.booleans(),
        "ceiling": st.sampled_from([None, None, 40, 100]),
        "heaviest": st.sampled_from([None, None, None, 4_000, 20_000]),
        "total": st.sampled_from(["filtered", "whole", "absent", "zero", "page"]),
        "filters_ignored": st.booleans(),
        "insert_every": st.sampled_from([0, 0, 1, 3]),
        "insert_age": st.sampled_from([timedelta(), timedelta(), timedelta(days=200)]),
        "ties_shuffled": st.booleans(),
        "hidden_after": st.integers(0, 8),
        "seed": st.integers(0, 1_000),
    }
)


@given(
    world_settings=worlds,
    entries=st.integers(0, 160),
    ties=st.integers(0, 60),
    removed=st.sampled_from([0, 0, 1, 4]),
    faulty=st.booleans(),
    page_size=st.sampled_from([5, 30, 100, 1_000]),
    dialect=st.sampled_from(["A", "B"]),
    concurrency=st.sampled_from([1, 4]),
    days=st.sampled_from([30, 180, 4_000]),
    askew=st.sampled_from([timedelta(), timedelta(), timedelta(days=1), timedelta(days=9)]),
)
@settings(
    max_examples=int(os.environ.get("WORLDS", "40")),
    derandomize="WORLDS" not in os.environ,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_what_is_exported_is_what_the_world_held_or_the_verdict_is_not_complete(  # noqa: PLR0913, PLR0917
    log: Log,
    world_settings: dict[str, Any],
    entries: int,
    ties: int,
    removed: int,
    faulty: bool,  # noqa: FBT001
    page_size: int,
    dialect: str,
    concurrency: int,
    days: int,
    askew: timedelta,
) -> None:
    """Two actions alternate: where neither total nor offset helps, one never seen could not be missed.

    Entries change places only where their times are seen to be the same.
    """
    history = list(generate(entries=entries, ends=NOW, days=300))
    history = [
        replace(
            entry,
            action=("deploy", "secret.create")[number % 2],
            created_at=history[0].created_at if number < ties else entry.created_at,
        )
        for number, entry in enumerate(history)
    ]
    faults = {Fault.UNAVAILABLE: 0.1, Fault.CUT_OFF: 0.1} if faulty else {}
    if askew:
        world_settings = {**world_settings, "ties_shuffled": False, "edit": shown_askew(askew)}
    world = log(history, **world_settings, faults=faults)
    lost = {entry.id for entry in world.service.page(limit=removed, offset=entries // 2)}
    world.behave(hidden=frozenset(lost))
    window = Window(since=NOW - timedelta(days=days), until=NOW - timedelta(minutes=1))
    throughout = held(world, window, askew=askew) - {str(id_) for id_ in lost}

    walked = walk(world, window, dialect=dialect, page_size=page_size, concurrency=concurrency)

    assert walked.ids <= held(world, window, askew=askew)
    assert lost or not walked.accused
    if walked.verdict is Verdict.COMPLETE:
        assert walked.ids >= throughout
