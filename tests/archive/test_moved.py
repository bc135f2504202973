from collections import defaultdict
from contextlib import ExitStack, closing
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.archive import moved
from exporter.archive.moved import PLACES, moved_ids
from exporter.archive.spool import Spool
from tests.pages import entry, page

LOGS = st.lists(
    st.lists(st.tuples(st.integers(0, 20), st.integers(0, 3)), min_size=1, max_size=9), max_size=9
)
"""Pages of entries: which id each has, and at which minute."""


@pytest.mark.parametrize("held", [128 << 20, 1_000, 100])
@settings(max_examples=40)
@given(pages=LOGS)
def test_just_the_ids_that_came_with_several_times_are_found_in_one_part_or_in_many(
    held: int, pages: list[list[tuple[int, int]]]
) -> None:
    times = defaultdict(set)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        whole = stack.enter_context(closing(Spool(folder / "whole.arrow")))
        places = stack.enter_context(closing(Spool(folder / "places.arrow", PLACES)))
        for number, rows in enumerate(pages):
            log = [entry(id=f"log_{id_}", created_at=f"2026-01-02T00:0{at}:00Z") for id_, at in rows]
            batch = page(*log).batch
            if number % 3:
                places.add(batch.select(PLACES.names))
            else:
                whole.add(batch)
            for id_, at in rows:
                times[f"log_{id_}"].add(at)

        several_times = {id_ for id_, several in times.items() if len(several) > 1}
        assert moved_ids(whole, places, held=held) == several_times


def test_ids_are_dealt_out_to_as_many_files_as_memory_asks_for_and_to_none_where_they_fit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files: list[Path] = []

    def opened(*, dir: Path) -> Any:  # noqa: A002 - as the function in whose place it stands
        files.append(dir)
        return TemporaryFile(dir=dir)

    monkeypatch.setattr(moved, "TemporaryFile", opened)
    with closing(Spool(tmp_path / "rows.arrow")) as rows:
        rows.add(page(*(entry(id=f"log_{number:04}") for number in range(100))).batch)
        whole = 3 * rows.ids + 128 * rows.rows  # as long as each id is, and what lies around it

        for held, parts in ((whole + 1, 0), (whole, 2), (whole // 3, 4)):
            files.clear()
            moved_ids(rows, held=held)
            assert files == [tmp_path] * parts
