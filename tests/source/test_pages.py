"""What a page tells of the list, and what is asked of the platform for one."""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, cast

import pytest

from exporter.errors import RecordError
from exporter.source.client import Answer, Client
from exporter.source.dialects import dialect_a
from exporter.source.platform import Platform, connect
from exporter.source.refusals import NotFoundError, RefusedError
from tests.source.test_slices import of
from tests.source.test_witnesses import at, counting, page

ENTRY = {"id": "log_1", "timestamp": "2026-01-01T00:00:00Z", "action": "deploy"}
NO_ENTRY = {"id": "log_2"}


@pytest.mark.parametrize(("stated", "total"), [(None, None), (9, None), (10, 10), (11, 11)])
def test_a_total_that_is_less_than_the_page_itself_shows_is_none(
    stated: int | None, total: int | None
) -> None:
    shown = counting(page(7, a=50, b=40, c=30), stated)

    assert (shown.reach, shown.total) == (10, total)


@pytest.mark.parametrize(
    ("seconds", "in_order"),
    [([50, 40, 40, 30], True), ([50, 40, 41, 30], False), ([30, 40, 50], False), ([50], True), ([], True)],
)
def test_a_page_is_in_order_unless_an_entry_is_newer_than_the_one_above_it(
    seconds: list[int],
    in_order: bool,  # noqa: FBT001 - a parameter
) -> None:
    shown = page(0, **{f"log_{n}": second for n, second in enumerate(seconds)})

    assert shown.in_order is in_order
    assert shown.oldest == (at(min(seconds)) if seconds else None)


def test_a_page_is_of_an_action_where_it_holds_no_other() -> None:
    assert page(0, a=50, b=40).is_of("deploy")
    assert page(0).is_of("deploy")
    assert not page(0, a=50, b=40).is_of("org.update")
    assert not of("org.update", page(0, a=50, b=40)).is_of("deploy")


@pytest.mark.parametrize(
    ("second", "place"), [(51, 7), (50, 7), (49, 8), (40, 8), (39, 10), (30, 10), (29, 11)]
)
def test_an_instant_begins_at_the_first_place_that_is_no_newer(second: int, place: int) -> None:
    assert page(7, a=50, b=40, c=40, d=30).start_of(at(second)) == place


def test_only_what_was_answered_before_all_else_was_received_before_this_run() -> None:
    assert not page(0, a=50).recorded
    assert replace(page(0, a=50), answered=-math.inf).recorded


class Stub:
    """A client of a platform that refuses some requests, and answers the others with the same list."""

    folder = None

    def __init__(
        self, *entries: object, refuses: Callable[[Mapping[str, str]], bool] = lambda _: False
    ) -> None:
        self.sent: list[dict[str, str]] = []
        self._body = json.dumps(entries).encode()
        self._refuses = refuses

    def get(
        self, path: str, parameters: Mapping[str, str], read: Callable[[bytes], Any], *_: object, **__: object
    ) -> Answer[Any]:
        if path != "/audit":
            raise NotFoundError("Another path.", "")
        self.sent.append(dict(parameters))
        if self._refuses(parameters):
            raise RefusedError("Not so.", "")
        return Answer(content=read(self._body), server_time=None, asked=1, answered=2)


def platform(stub: Stub) -> Platform:
    return Platform(cast("Client", stub), dialect_a())


def test_nothing_but_the_limit_is_sent_for_the_newest_entries() -> None:
    stub = Stub(ENTRY)

    assert platform(stub).page(limit=7).ids == ["log_1"]
    platform(stub).page(limit=7, offset=3, action="deploy", user="someone")

    assert stub.sent == [{"limit": "7"}, {"limit": "7", "offset": "3", "action": "deploy", "user": "someone"}]


def test_a_limit_that_is_refused_is_lowered_to_the_next_usual_one_and_stays_there() -> None:
    stub = Stub(ENTRY, refuses=lambda asked: int(asked["limit"]) > 200)
    asked = platform(stub)

    for limit in (1_000, 1_000, 100, 300):
        asked.page(limit=limit)

    assert [int(sent["limit"]) for sent in stub.sent] == [1_000, 500, 250, 200, 200, 100, 200]


@pytest.mark.parametrize(("limit", "sent"), [(21, [21, 20]), (20, [20]), (7, [7])])
def test_a_platform_that_refuses_the_least_of_the_usual_limits_refuses_the_run(
    limit: int, sent: list[int]
) -> None:
    stub = Stub(refuses=lambda _: True)

    with pytest.raises(RefusedError):
        platform(stub).page(limit=limit)

    assert [int(each["limit"]) for each in stub.sent] == sent


@pytest.mark.parametrize("further", [{"offset": 40}, {"action": "deploy"}, {"user": "someone"}], ids=str)
def test_an_offset_or_a_filter_that_is_refused_brings_nothing_and_lowers_no_limit(
    further: dict[str, Any],
) -> None:
    stub = Stub(ENTRY, refuses=lambda asked: len(asked) > 1)
    asked = platform(stub)

    refused = asked.page(limit=1_000, **further)

    assert (refused.size, refused.offset, refused.total) == (0, further.get("offset", 0), None)
    assert asked.page(limit=1_000).ids == ["log_1"]
    assert [int(sent["limit"]) for sent in stub.sent] == [1_000, 1_000]


def test_an_entry_that_cannot_be_a_row_is_left_out_only_where_that_is_wanted() -> None:
    client = cast("Client", Stub(ENTRY, NO_ENTRY))
    for strict in (
        lambda: platform(Stub(ENTRY, NO_ENTRY)).page(limit=2),
        lambda: connect(client, organization=None, known_organization=None),
    ):
        with pytest.raises(RecordError, match="cannot be placed"):
            strict()

    lenient, greeting = connect(client, organization=None, known_organization=None, lenient=True)

    assert len(greeting.rows.left_out) == len(lenient.page(limit=2).rows.left_out) == 1
