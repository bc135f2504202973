"""How deep JSON may be nested depends on its bytes alone, never on who reads it."""

import json
from collections.abc import Callable
from typing import TypeVar

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from exporter.entries.depth import LEVELS, is_too_deep, without_depths
from exporter.entries.envelope import parse_entry, parse_list
from exporter.entries.normalize import Rows, normalize
from exporter.errors import RecordError, SourceError
from tests.entries.test_stream import split
from tests.pages import VALUES, entry

T = TypeVar("T")

ENVELOPES = ["%s", '{"audit_logs": %s}', '{"data": {"total": 1, "entries": %s}, "error": false}']
FIELDS = {
    '"metadata":%s': 1,
    '"metadata": %s': 1,
    '"changes":%s': 1,
    '"changes":{"a":{"old":%s}}': 3,
    '"changes":{"a":{"new":%s,"b":0}}': 3,
    '"user":%s': 1,
    '"anything":[%s]': 2,
}
"""Where in an entry something deep may stand, and in how many arrays and objects."""
DEPTHS = st.integers(LEVELS - 5, LEVELS + 5) | st.integers(0, 3_000)


def nested(depth: int, opening: str) -> tuple[str, int]:
    """Write arrays, or objects, or both in turn, with brackets in texts beside; say how many they are."""
    begin, end = {"[": ('["[",', "]"), "{": ('{"}":0, "k": ', "}"), "[{": ('[{"\\"]": ', "}]")}[opening]
    times = depth // len(end)
    return begin * times + "1" + end * times, len(end) * times


def levels_of(value: object) -> int:
    """Count, by looking at what was read, how many arrays and objects stand inside one another."""
    deepest, left = 0, [(value, 1)]
    while left:
        one, level = left.pop()
        if isinstance(one, list | dict):
            deepest = max(deepest, level)
            left += [(inner, level + 1) for inner in (one.values() if isinstance(one, dict) else one)]
    return deepest


def further_up(frames: int, call: Callable[[], T]) -> T:
    """Call from so many frames up the stack."""
    return further_up(frames - 1, call) if frames else call()


def read(body: bytes) -> Rows:
    return normalize(parse_list(body).entries, source="the page", lenient=True)


@given(value=VALUES, levels=st.integers(0, 4))
def test_levels_are_counted_as_they_are_written(value: object, levels: int) -> None:
    for written in (json.dumps(value), json.dumps(value, indent=1, ensure_ascii=False)):
        assert is_too_deep(written.encode(), levels=levels) == (levels_of(value) > levels)


@pytest.mark.parametrize("envelope", ENVELOPES)
@given(
    depth=DEPTHS,
    opening=st.sampled_from(["[", "{", "[{"]),
    field=st.sampled_from(list(FIELDS)),
    frames=st.integers(0, 400),
)
@example(depth=LEVELS - 1, opening="[", field='"metadata":%s', frames=400)
@example(depth=LEVELS, opening="[", field='"metadata":%s', frames=0)
@example(depth=LEVELS - 2, opening="[", field='"changes":{"a":{"old":%s}}', frames=0)
@example(depth=900, opening="[", field='"metadata":%s', frames=0)
def test_an_entry_is_a_row_up_to_the_limit_and_left_out_beyond_it_whoever_reads(
    envelope: str, depth: int, opening: str, field: str, frames: int
) -> None:
    value, levels = nested(depth, opening)
    entries = [
        f'{{"id":"{name}","created_at":"2026-01-02T03:04:05Z","action":"deploy",{field % inner}}}'
        for name, inner in (("before", "null"), ("deep", value), ("after", "null"))
    ]
    body = (envelope % f"[{', '.join(entries)}]").encode()
    fits = FIELDS[field] + levels <= LEVELS

    rows = further_up(frames, lambda: read(body))
    pieces, _ = further_up(frames, lambda: split(body, [len(body) // 2], 1))

    assert rows.batch["id"].to_pylist() == ["before", *(["deep"] if fits else []), "after"]
    assert [why.rpartition(": ")[2] for why in rows.left_out.values()] == (
        [] if fits else ["it is nested more than 200 levels deep"]
    )
    assert [piece.decode() for piece in pieces] == entries


@pytest.mark.parametrize("depth", [LEVELS, 1_000, 100_000])
def test_an_entry_that_is_nested_too_deeply_is_refused_with_its_index(depth: int) -> None:
    deep = msgspec.Raw(json.dumps(entry(x="HERE")).replace('"HERE"', nested(depth, "[")[0]).encode())

    with pytest.raises(RecordError, match=r"Entry 0 of the answer .* nested more than 200 levels deep"):
        normalize([deep], source="the answer")


@pytest.mark.parametrize("depth", [LEVELS, 1_000, 100_000])
@pytest.mark.parametrize("body", ['{"debug": %s, "entries": [{"id": "1"}]}', '[{"id": "1"}, %s]'])
def test_what_is_deep_spoils_nothing_beside_it(body: str, depth: int) -> None:
    parsed = parse_list((body % nested(depth, "{")[0]).encode())

    assert bytes(parsed.entries[0]) == b'{"id": "1"}'


@pytest.mark.parametrize("depth", [LEVELS, 1_000, 100_000])
@pytest.mark.parametrize("body", ['["\\ud800", %s]', '[%s, "\\ud800"]', '[{"id": %s, "a": "\\ud800"}]'])
def test_what_is_deep_costs_nothing_beside_half_a_character_either(body: str, depth: int) -> None:
    listed = (body % nested(depth, "{")[0]).encode()

    entries = [bytes(entry) for entry in parse_list(listed).entries]

    assert b"[%b]" % b", ".join(entries) == listed


@pytest.mark.parametrize("depth", [LEVELS, 1_000, 100_000])
def test_a_single_entry_is_handed_on_however_deep_it_is(depth: int) -> None:
    deep = b'{"id": "1", "x": %b}' % nested(depth, "[")[0].encode()

    for body in (deep, b'{"error": false, "data": %b}' % deep):
        assert bytes(parse_entry(body)) == deep


@pytest.mark.parametrize("spoilt", ["[1,]", "[1", "[01]", "{1}", "[1}", '["a]', "[}", "]", "[1 2]"])
@pytest.mark.parametrize("depth", [0, LEVELS, 2 * LEVELS, 5_000])
@pytest.mark.parametrize("around", ['["[",%s]', '{"k": %s}'])
def test_what_is_no_json_is_no_list_however_deep_it_is_spoilt(around: str, depth: int, spoilt: str) -> None:
    begin, end = around.split("%s")
    body = f"[{begin * depth}{spoilt}{end * depth}]".encode()

    for read_list in (parse_list, lambda body: split(body, [], 1)):
        with pytest.raises(SourceError, match="not a list of audit entries"):
            read_list(body)


@given(body=st.text('[]{}",:1 \\').map(str.encode), times=st.integers(1, 300))
def test_what_takes_the_place_of_depths_is_as_long(body: bytes, times: int) -> None:
    written = body * times
    try:
        shallow = without_depths(written)
    except msgspec.DecodeError:
        return
    assert len(shallow) == len(written)
    assert not is_too_deep(shallow, levels=LEVELS + 4)
