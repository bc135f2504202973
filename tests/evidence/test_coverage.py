import errno
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import NoReturn

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.errors import OutputError
from exporter.evidence.bundle import archive_folder
from exporter.evidence.coverage import (
    BUNDLE_NAME,
    EXTRACTS,
    SealedBundle,
    covered,
    extract_folders,
    holes,
    next_extract,
    reaching,
    sealed_bundles,
)
from exporter.export import Published
from exporter.facts import Verdict, Window

FIRST = datetime(2026, 1, 1, tzinfo=UTC)


def days(since: int, until: int) -> Window:
    return Window(since=FIRST + timedelta(days=since), until=FIRST + timedelta(days=until))


def sealed(window: Window, verdict: Verdict = Verdict.COMPLETE) -> SealedBundle:
    return SealedBundle(
        path=Path("x"), root="a" * 64, chain="acme/5e", sequence=1, window=window, verdict=verdict
    )


def test_the_bundles_of_an_archive_are_read_in_the_order_of_sealing(
    both: tuple[Published, Published],
) -> None:
    bundles = sealed_bundles(both[0].bundle.parent)

    assert [bundle.path for bundle in bundles] == [published.bundle for published in both]
    assert [bundle.root for bundle in bundles] == [published.root for published in both]
    assert [bundle.sequence for bundle in bundles] == [1, 2]


def test_a_bundle_that_was_renamed_is_not_passed_over(
    both: tuple[Published, Published], tmp_path: Path
) -> None:
    """Its place in the chain would be taken a second time."""
    for published in both:
        shutil.copytree(published.bundle, tmp_path / published.bundle.name)
    renamed = (tmp_path / both[1].bundle.name).rename(tmp_path / "of the second quarter")

    with pytest.raises(OutputError, match="of the second quarter"):
        sealed_bundles(tmp_path)

    renamed.rename(tmp_path / ".partial-0123456789abcdef")
    assert len(sealed_bundles(tmp_path)) == 1


@pytest.mark.parametrize(
    "look",
    [
        sealed_bundles,
        lambda folder: next_extract(folder, days(0, 1), {"action": "x"}),
        lambda folder: archive_folder(folder, identity="acme", name="Acme"),
    ],
    ids=["archive", "extracts", "output"],
)
def test_a_folder_that_cannot_be_listed_is_not_taken_for_an_empty_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, look: Callable[[Path], object]
) -> None:
    """A bundle that is not seen would be sealed a second time, as the first of another chain."""
    (tmp_path / EXTRACTS).mkdir()

    def refuse(*_: object) -> NoReturn:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    with monkeypatch.context() as patch:
        patch.setattr(os, "listdir", refuse)
        patch.setattr(os, "scandir", refuse)
        with pytest.raises(OutputError, match="Permission denied"):
            look(tmp_path)


def test_a_bundle_since_the_first_of_all_years_has_a_name_that_is_found_again() -> None:
    window = Window(since=datetime(1, 1, 1, tzinfo=UTC), until=FIRST)

    assert window.slug == "00010101T000000Z_20260101T000000Z"
    assert BUNDLE_NAME.fullmatch(f"000001_{window.slug}")


def test_windows_that_touch_or_overlap_become_one_stretch() -> None:
    bundles = [sealed(days(3, 5)), sealed(days(0, 3)), sealed(days(4, 4)), sealed(days(8, 9))]

    stretches = covered(bundles, accept_unproven=False)

    assert stretches == [days(0, 5), days(8, 9)]
    assert holes(stretches) == [days(5, 8)]


@pytest.mark.parametrize(
    ("verdict", "accepted", "counts"),
    [
        (Verdict.COMPLETE, False, True),
        (Verdict.UNPROVEN, False, False),
        (Verdict.UNPROVEN, True, True),
        (Verdict.PARTIAL, True, False),
    ],
)
def test_only_what_was_shown_or_accepted_to_be_whole_is_covered(
    verdict: Verdict, *, accepted: bool, counts: bool
) -> None:
    stretches = covered([sealed(days(0, 1), verdict)], accept_unproven=accepted)

    assert stretches == ([days(0, 1)] if counts else [])


@pytest.mark.parametrize(
    ("day", "sequence"), [(0, None), (1, 1), (3, 1), (4, 3), (5, 3), (6, 3), (7, None), (9, 4), (10, None)]
)
def test_an_end_is_answered_for_by_the_bundle_sealed_last_of_those_that_hold_the_time_before_it(
    day: int, sequence: int | None
) -> None:
    windows = [days(0, 5), days(0, 1), days(3, 6), days(8, 9), days(8, 10)]
    verdicts = [Verdict.COMPLETE, Verdict.PARTIAL, Verdict.COMPLETE, Verdict.COMPLETE, Verdict.UNPROVEN]
    bundles = [
        replace(sealed(window, verdict), sequence=number)
        for number, (window, verdict) in enumerate(zip(windows, verdicts, strict=True), start=1)
    ]

    found = reaching(reversed(bundles), FIRST + timedelta(days=day), accept_unproven=False)

    assert (found and found.sequence) == sequence


def test_extracts_are_numbered_by_window_and_filters_in_whichever_order_those_are_given(
    tmp_path: Path,
) -> None:
    window, filters = days(0, 1), {"action": "x", "user": "y"}
    first = next_extract(tmp_path, window, filters)
    assert first.name.endswith("_1")
    made = [first.with_name(f"{first.name[:-1]}{number}") for number in (10, 2, 1)]
    for folder in [*made, *(first.with_name(f"{first.name[:-1]}{other}") for other in ("011", "x", "1x"))]:
        folder.mkdir(parents=True)

    assert extract_folders(tmp_path, window, {"user": "y", "action": "x"}) == made[::-1]
    assert next_extract(tmp_path, window, filters).name == f"{first.name[:-1]}11"
    assert next_extract(tmp_path, window, {"action": "x"}).name.endswith("_1")
    assert next_extract(tmp_path, days(0, 2), filters).name.endswith("_1")


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)).map(sorted), max_size=8))
def test_a_day_is_covered_exactly_where_some_window_holds_it(spans: list[list[int]]) -> None:
    windows = [days(low, high) for low, high in spans]

    stretches = covered(map(sealed, windows), accept_unproven=False)

    for number in range(40):
        day = FIRST + timedelta(days=number)
        held = any(window.since <= day < window.until for window in windows)
        assert held == any(stretch.since <= day < stretch.until for stretch in stretches)
    for before, after in pairwise(stretches):
        assert before.until < after.since
