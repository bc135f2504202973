from collections import defaultdict
from contextlib import ExitStack, closing
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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

        moved = {id_ for id_, several in times.items() if len(several) > 1}
        assert moved_ids(whole, places, held=held) == moved
