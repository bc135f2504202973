from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import pairwise, permutations
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from exporter.archive import order, spool
from exporter.archive.order import Runs
from exporter.entries.normalize import Rows
from exporter.entries.schema import SCHEMA
from exporter.errors import OutputError
from tests.pages import Entry, entry, page

MINUTES = st.integers(min_value=0, max_value=5)
IDS = st.integers(min_value=0, max_value=9)
LOGS = st.dictionaries(IDS, MINUTES, max_size=10).map(
    lambda log: [
        entry(id=f"log_{number}", created_at=f"2026-01-02T00:0{at}:00Z") for number, at in log.items()
    ]
)
"""Entries with ids of their own, some of them at the same instant."""

BODIES = st.lists(st.tuples(IDS, MINUTES, st.sampled_from(["deploy", "secret.create"])), max_size=12).map(
    lambda log: [
        entry(id=f"log_{number}", created_at=f"2026-01-02T00:0{at}:00Z", action=action)
        for number, at, action in log
    ]
)
"""Entries whose ids may come with several times and bodies."""


def merged(pages: list[Rows], **limits: int) -> tuple[pa.Table, Runs]:
    with TemporaryDirectory() as folder, closing(Runs(Path(folder) / "runs.arrow", **limits)) as runs:
        for one in pages:
            runs.add(one.batch)
        tables = list(runs.merged())
        assert all(table.num_rows for table in tables)
        return pa.concat_tables([SCHEMA.empty_table(), *tables]).combine_chunks(), runs


@st.composite
def split(draw: st.DrawFn, logs: st.SearchStrategy[list[Entry]]) -> tuple[list[Entry], list[Rows]]:
    """Some entries, and pages that hold each of them at least once, in any order."""
    entries = draw(logs)
    again = draw(st.lists(st.sampled_from(entries), max_size=8)) if entries else []
    order = draw(st.permutations([*entries, *again]))
    cuts = sorted(draw(st.sets(st.integers(min_value=0, max_value=len(order)))) | {0, len(order)})
    return entries, [page(*order[low:high]) for low, high in pairwise(cuts)]


@settings(max_examples=50)
@given(case=split(LOGS))
def test_any_pages_in_any_order_with_any_overlap_give_the_same_ascending_table(
    case: tuple[list[Entry], list[Rows]],
) -> None:
    entries, pages = case

    table, runs = merged(pages)

    places = [(entry["created_at"], entry["id"]) for entry in entries]
    assert list(zip(*at_and_id(table), strict=True)) == sorted(places)
    assert runs.conflicts == []
    assert runs.repeated == sum(page.batch.num_rows for page in pages) - len(entries)


@settings(max_examples=50)
@given(case=split(BODIES))
@example(
    case=(
        [entry(), entry(created_at="2026-01-03T00:00:00Z")],
        [page(entry(created_at="2026-01-03T00:00:00Z")), page(entry())],
    ),
)
def test_an_id_with_several_bodies_keeps_the_same_one_however_they_came(
    case: tuple[list[Entry], list[Rows]],
) -> None:
    entries, pages = case

    table, runs = merged(pages)
    at_once, _ = merged([page(*entries)])

    assert table.equals(at_once)
    moments, ids = at_and_id(table)
    assert moments == sorted(moments)
    assert len(set(ids)) == len(ids) == len({entry["id"] for entry in entries})
    bodies = {str(entry): entry["id"] for entry in entries}
    assert set(runs.conflicts) == {id_ for id_ in ids if list(bodies.values()).count(id_) > 1}
    received = sum(page.batch.num_rows for page in pages)
    assert table.num_rows == received - runs.repeated - len(runs.conflicts)


def test_of_several_bodies_the_earliest_is_kept_and_of_these_the_smallest_digest() -> None:
    early = [entry(action=action) for action in ("a", "b", "c")]
    late = entry(created_at="2026-01-03T00:00:00Z")

    table, runs = merged([page(late, early[2]), page(*early)])

    digests = page(*early).batch["source_sha256"].to_pylist()
    assert table["source_sha256"].to_pylist() == [min(digests)]
    assert runs.conflicts == ["log_1"] * 3
    assert runs.repeated == 1


def test_a_content_that_comes_again_in_other_bytes_is_no_conflict_whatever_lies_between_the_digests() -> None:
    one, other = [[dict(members) for members in permutations(entry(action=name).items())] for name in "ab"]

    _, runs = merged([page(*one, *other, entry(id="log_2"), *one[:1])])

    assert (runs.repeated, runs.rewritten, runs.conflicts) == (1, 10, ["log_1"])


@settings(max_examples=50)
@given(case=split(BODIES))
@example(case=([], [page(entry(id=f"log_{at}", created_at=f"2026-01-02T00:0{at}:00Z")) for at in (2, 0, 1)]))
@example(case=([], [page(entry(id="log_2")), page(entry(id="log_1")), page(entry(id="log_2"))]))
def test_what_is_sorted_as_soon_as_nothing_earlier_can_follow_is_the_same(
    case: tuple[list[Entry], list[Rows]],
) -> None:
    _, pages = case

    at_once, together = merged(pages)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(order, "_TOGETHER", 0)
        one_by_one, streamed = merged(pages)

    assert one_by_one.equals(at_once)
    assert sorted(streamed.conflicts) == sorted(together.conflicts)
    assert (streamed.repeated, streamed.rewritten) == (together.repeated, together.rewritten)


@settings(max_examples=25)
@given(case=split(BODIES))
def test_what_is_sorted_on_the_disk_is_the_same(case: tuple[list[Entry], list[Rows]]) -> None:
    _, pages = case

    in_memory, streamed = merged(pages)
    on_disk, sorted_ = merged(pages, held=-1)

    assert on_disk.equals(in_memory)
    assert on_disk.schema.equals(SCHEMA, check_metadata=True)
    assert sorted(sorted_.conflicts) == sorted(streamed.conflicts)
    assert (sorted_.repeated, sorted_.rewritten) == (streamed.repeated, streamed.rewritten)


@pytest.mark.parametrize("held", [64 << 20, -1])
def test_an_id_that_came_with_two_times_is_found_however_far_apart_they_lie(held: int) -> None:
    days = [
        f"{datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=day):%Y-%m-%dT%H:%M:%SZ}" for day in range(300)
    ]
    log = [entry(id=f"log_{day}", created_at=at) for day, at in enumerate(days)]
    again = [entry(id="log_0", created_at=days[-1]), entry(id="log_299", created_at=days[0]), log[150]]

    table, runs = merged([page(*again), *(page(one) for one in reversed(log))], held=held)

    assert at_and_id(table) == (
        [days[0], *days[:-1]],
        ["log_0", "log_299", *(f"log_{day}" for day in range(1, 299))],
    )
    assert sorted(runs.conflicts) == ["log_0", "log_299"]
    assert runs.repeated == 1


def test_rows_of_any_content_pass_through_the_sort_on_the_disk() -> None:
    odd = {"user_agent": "a\x00b", "resource_name": "\U0001f600", "changes": {"f": [1, None]}, "x": 1e300}
    moments = [f"2026-01-02T00:00:{second % 60:02}.{second:06}Z" for second in range(10_000)]
    sent = [entry(id=f"log_{number}", created_at=at, **odd) for number, at in enumerate(moments)]
    pages = [page(*sent[start::10]) for start in range(10)]

    in_memory, _ = merged(pages)
    on_disk, _ = merged(pages, held=0)

    assert on_disk.equals(in_memory)
    assert on_disk.num_rows == len(sent)


@pytest.mark.parametrize(
    ("minutes", "overlapping"),
    [
        ([(0, 0), (1, 2), (4, 5)], 1),
        ([(4, 5), (0, 1), (2, 3)], 1),
        ([(0, 1), (1, 2), (2, 3)], 2),
        ([(0, 9), (1, 2), (3, 4), (5, 6)], 2),
        ([(0, 5), (1, 9), (2, 3), (4, 6), (7, 8)], 3),
    ],
)
def test_the_disk_sorts_where_more_pages_overlap_at_one_instant_than_may_be_held_and_nowhere_else(
    monkeypatch: pytest.MonkeyPatch, minutes: list[tuple[int, int]], overlapping: int
) -> None:
    """However many there are in all."""
    pages = [
        page(*(entry(id=f"log_{number}{at}", created_at=f"2026-01-02T00:0{at}:00Z") for at in edges))
        for number, edges in enumerate(minutes)
    ]
    most = overlapping * max(one.batch.nbytes for one in pages)
    on_disk: list[object] = []

    def sort(spooled: object) -> Iterator[pa.RecordBatch]:
        on_disk.append(spooled)
        return iter(())

    monkeypatch.setattr(spool.Spool, "sorted", sort)

    merged(pages, held=most)
    assert on_disk == []
    merged(pages, held=most - 1)
    assert len(on_disk) == 1


def test_a_disk_without_room_for_the_sort_is_no_defect(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "_memory", lambda _size: 1)
    pages = [page(*(entry(id=f"log_{start}_{number}") for number in range(1_000))) for start in range(8)]

    with pytest.raises(OutputError, match="could not be sorted on the disk"):
        merged(pages, held=-1)


def test_nothing_in_gives_nothing_out() -> None:
    for pages in ([], [page()], [page(), page()]):
        table, runs = merged(pages)

        assert table.num_rows == 0
        assert (runs.repeated, runs.conflicts) == (0, [])


def test_the_spool_is_gone_afterwards(tmp_path: Path) -> None:
    with closing(Runs(tmp_path / "runs.arrow")) as runs:
        runs.add(page(entry()).batch)
        assert list(tmp_path.iterdir()) == [tmp_path / "runs.arrow"]
        assert sum(table.num_rows for table in runs.merged()) == 1

    assert list(tmp_path.iterdir()) == []


def at_and_id(table: pa.Table) -> tuple[list[str], list[str]]:
    moments = [f"{moment:%Y-%m-%dT%H:%M:%SZ}" for moment in table["timestamp"].to_pylist()]
    return moments, table["id"].to_pylist()
