import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.entries.changes import Change, compact, parse_changes
from tests.pages import VALUES

REPLICAS: Change = {"field": "replicas", "old": "1", "new": "2"}


@pytest.mark.parametrize(
    "raw",
    [
        b'{"replicas": {"old": 1, "new": 2}}',
        b'{"replicas": {"new": 2, "old": 1}}',
        b'{"replicas": {"from": 1, "to": 2}}',
        b'{"replicas": [1, 2]}',
        b'[{"field": "replicas", "old": 1, "new": 2}]',
        b'[{"new": 2, "field": "replicas", "old": 1}]',
        b'[{"field": "replicas", "from": 1, "to": 2}]',
    ],
)
def test_every_known_shape_says_the_same(raw: bytes) -> None:
    assert parse_changes(raw) == [REPLICAS]


@pytest.mark.parametrize(
    ("raw", "old", "new"),
    [
        (b'{"f": 2}', None, "2"),
        (b'{"f": "on"}', None, '"on"'),
        (b'{"f": {"old": 1}}', "1", None),
        (b'{"f": {"to": 2}}', None, "2"),
        (b'[{"field": "f", "new": 2}]', None, "2"),
        (b'[{"field": "f"}]', None, None),
    ],
)
def test_a_value_that_was_not_given_is_missing(raw: bytes, old: str | None, new: str | None) -> None:
    assert parse_changes(raw) == [{"field": "f", "old": old, "new": new}]


def test_a_null_that_was_given_is_the_text_null() -> None:
    assert parse_changes(b'{"f": {"old": null, "new": 1}}') == [{"field": "f", "old": "null", "new": "1"}]
    assert parse_changes(b'{"f": null}') == [{"field": "f", "old": None, "new": "null"}]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (b"{}", "{}"),
        (b"[]", "[]"),
        (b"[1, 2, 3]", "[1,2,3]"),
        (b'{"old": 1, "new": 2, "by": "x"}', '{"old":1,"new":2,"by":"x"}'),
        (b'{"old": 1, "to": 2}', '{"old":1,"to":2}'),
        (b'{"cpu": {"old": 1, "new": 2}}', '{"cpu":{"old":1,"new":2}}'),
    ],
)
def test_an_object_or_array_that_is_no_pair_is_the_new_value_whole(value: bytes, text: str) -> None:
    assert parse_changes(b'{"f": ' + value + b"}") == [{"field": "f", "old": None, "new": text}]


@pytest.mark.parametrize(
    "raw",
    [
        b'"replicas: 1 -> 2"',
        b"17",
        b"true",
        b"[1, 2]",
        b'["replicas"]',
        b'[{"name": "replicas", "old": 1, "new": 2}]',
        b'[{"field": 7, "old": 1, "new": 2}]',
        b'[{"field": "replicas", "old": 1, "new": 2, "by": "x"}]',
        b'[{"field": "replicas", "old": 1, "to": 2}]',
        b'[{"field": "replicas", "old": 1, "new": 2}, "and more"]',
    ],
)
def test_an_odd_shape_is_not_half_understood(raw: bytes) -> None:
    assert parse_changes(raw) is None


def test_no_changes_are_not_missing_changes() -> None:
    assert parse_changes(b"{}") == []
    assert parse_changes(b"[]") == []


@pytest.mark.parametrize(
    "number", ["1.10", "-0.0", "1e400", "1E+2", "9007199254740993", "123456789012345678901234567890"]
)
def test_numbers_keep_every_digit(number: str) -> None:
    raw = f'{{"f": {{"old": {number}, "new": [{number}]}}}}'.encode()

    assert parse_changes(raw) == [{"field": "f", "old": number, "new": f"[{number}]"}]


def test_fields_keep_their_order_and_their_characters() -> None:
    raw = '{"ö\\u00e9": 1, "a\\n\\"b": 2, "": 3}'.encode()

    assert [change["field"] for change in parse_changes(raw) or ()] == ["öé", 'a\n"b', ""]


@given(value=VALUES)
def test_compacting_drops_white_space_and_nothing_else(value: Any) -> None:
    spread = json.dumps(value, indent=3, separators=(" ,\t", "\r\n: "))

    assert compact(spread.encode()) == json.dumps(value, separators=(",", ":"))


@given(changes=st.dictionaries(st.text(), st.tuples(VALUES, VALUES), max_size=4))
def test_any_old_and_new_values_come_back(changes: dict[str, tuple[Any, Any]]) -> None:
    raw = json.dumps({field: {"old": old, "new": new} for field, (old, new) in changes.items()}).encode()

    parsed = parse_changes(raw)

    assert parsed is not None
    assert {
        str(change["field"]): (json.loads(change["old"] or ""), json.loads(change["new"] or ""))
        for change in parsed
    } == changes
