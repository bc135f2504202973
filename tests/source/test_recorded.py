"""What an attempt before had received, found where it stands in the list now: from files made by hand."""

import json
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import httpx
import pytest

from exporter.errors import RecordError
from exporter.source.bodies import Payload
from exporter.source.credentials import Key
from exporter.source.dialects import Dialect, dialect_a, dialect_b
from exporter.source.platform import Page, Platform
from exporter.source.recorded import RecordedPages
from exporter.source.responses import ResponseFile
from tests.source.test_witnesses import at, page
from tests.world import NOW

LOG = {f"e{number}": 1_000 - number for number in range(100)}
"""A log, newest first: each entry with its second."""

Asked = tuple[str, Sequence[str] | None]
"""What was asked for, and the ids of the entries that came, or that the platform failed."""


def some(first: int, last: int) -> list[str]:
    return list(LOG)[first : last + 1]


def shown(offset: int, *ids: str) -> Page:
    return page(offset, **{id_: LOG.get(id_, 2_000) for id_ in ids})


def recorded(
    folder: Path, *before: Asked, now: Sequence[Asked] = (), dialect: Dialect | None = None
) -> RecordedPages:
    """Make the pages of a file of what attempts had received ``before``, and what this one did by ``now``."""
    path = folder / "responses.warc.gz"
    with ResponseFile(path, key=Key("k" * 12, origin="the test"), at=NOW) as kept:
        left = 0
        for number, (asked, ids) in enumerate((*before, *now)):
            entries = [
                {"id": id_, "timestamp": at(LOG[id_]).isoformat(), "action": "deploy"} for id_ in ids or ()
            ]
            body = json.dumps(entries).encode()
            request = httpx.Request("GET", f"https://api.example/v1/cli/audit?{asked}")
            kept.append(
                httpx.Response(503 if ids is None else 200, request=request), Payload.of(body), at=NOW
            )
            left = path.stat().st_size if number < len(before) else left
    platform = SimpleNamespace(dialect=dialect or dialect_a(), lenient=False)
    return RecordedPages(path, cast("Platform", platform), left=left)


def read(*asked: Asked, folder: Path, now: Sequence[Asked] = ()) -> RecordedPages:
    pages = recorded(folder, *asked, now=now)
    assert len(list(pages.read())) == sum(ids is not None for _, ids in (*asked, *now))
    return pages


def test_every_page_is_given_back_and_told_from_a_slice(tmp_path: Path) -> None:
    before = [
        ("limit=1", some(0, 0)),
        ("limit=4", some(0, 3)),
        ("limit=4&offset=3", None),
        ("limit=4&offset=3", some(3, 6)),
        ("limit=4&action=deploy", some(0, 3)),
        ("limit=4&offset=3&user=someone", some(3, 6)),
    ]

    pages = recorded(tmp_path, *before, now=[("limit=1", some(9, 9))])

    assert [(read.ids, whole) for read, whole in pages.read()] == [
        (some(0, 0), True),
        (some(0, 3), True),
        (some(3, 6), True),
        (some(0, 3), False),
        (some(3, 6), False),
        (some(9, 9), True),
    ]


def test_what_was_received_in_the_other_dialect_is_not_carried_on(tmp_path: Path) -> None:
    pages = recorded(tmp_path, ("limit=1", some(0, 0)), dialect=dialect_b("acme"))

    with pytest.raises(RecordError, match="in the other dialect"):
        list(pages.read())


def test_pages_lead_down_from_where_their_entries_stand_now(tmp_path: Path) -> None:
    """Neither a slice, which passes over entries, nor what this attempt received itself is one of them."""
    pages = read(
        ("limit=4", some(0, 3)),
        ("limit=4&offset=2", some(2, 5)),
        ("limit=4&offset=4", some(4, 7)),
        ("limit=9&action=deploy", [*some(0, 3), *some(10, 12)]),
        folder=tmp_path,
        now=[("limit=9", some(0, 9))],
    )

    assert pages.after(shown(0, "e0", "e1", "e9"), 1) is None
    first = pages.after(shown(0, "new", "e0", "e1", "e2"), 2)
    assert first is not None
    second = pages.after(first, 2)
    assert second is not None
    third = pages.after(second, 2)
    assert third is not None

    assert [(each.offset, each.ids) for each in (first, second, third)] == [
        (1, some(0, 3)),
        (3, some(2, 5)),
        (5, some(4, 7)),
    ]
    assert pages.after(third, 2) is None


@pytest.mark.parametrize("turn", [1, -1])
def test_of_several_pages_the_one_that_leads_furthest_down_is_taken(tmp_path: Path, turn: int) -> None:
    pages = read(*[("limit=4", some(0, 3)), ("limit=7", some(0, 6))][::turn], folder=tmp_path)

    after = pages.after(shown(0, "e0", "e1", "e2"), 1)

    assert after is not None
    assert after.ids == some(0, 6)


def test_a_page_from_the_head_is_found_by_any_of_its_entries(tmp_path: Path) -> None:
    pages = read(("limit=100", some(0, 99)), folder=tmp_path)

    after = pages.after(shown(500, "e59", "e60", "e61"), 1)

    assert after is not None
    assert (after.offset, after.size) == (441, 100)


def test_an_attempt_is_met_by_any_entry_that_it_had_received(tmp_path: Path) -> None:
    attempts = [
        ("limit=4", some(4, 6)),
        ("limit=4&offset=3", some(7, 9)),
        ("limit=1", some(0, 0)),
        ("limit=4", some(0, 3)),
    ]
    pages = read(*attempts, folder=tmp_path, now=[("limit=1", some(20, 20))])

    assert pages.unmet_since(at(LOG["e0"]))
    assert not pages.unmet_since(at(LOG["e0"] + 1))
    pages.meet(shown(0, "new", "e3"))
    assert not pages.unmet_since(at(LOG["e3"]))
    assert pages.unmet_since(at(LOG["e4"]))
    pages.meet(shown(0, "new", "e8"))
    assert not pages.unmet_since(at(0))


def test_an_attempt_that_met_an_empty_log_had_received_none_of_it(tmp_path: Path) -> None:
    pages = read(("limit=1", []), ("limit=1", some(0, 0)), folder=tmp_path)

    assert pages.unmet_since(at(LOG["e0"]))
    pages.meet(shown(0, "e0"))
    assert not pages.unmet_since(at(0))


def test_what_leads_down_to_an_attempt_is_met_too(tmp_path: Path) -> None:
    pages = read(("limit=4", some(0, 3)), ("limit=1", some(2, 2)), ("limit=4", some(2, 5)), folder=tmp_path)

    assert pages.after(shown(0, "e0", "e1", "e2"), 1) is not None

    assert not pages.unmet_since(at(0))
