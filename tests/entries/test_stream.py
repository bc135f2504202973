"""Taking a body apart in chunks gives what reading it at once gives."""

import json
from itertools import pairwise, product
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.entries import stream
from exporter.entries.envelope import Body, parse_list
from exporter.entries.stream import Splitter
from exporter.errors import SourceError

scalars = st.none() | st.booleans() | st.integers() | st.text(st.sampled_from('ab"\\,{}[]: ä\n\u2028'))
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
)
entries = st.lists(st.dictionaries(st.text(max_size=3), values, max_size=4) | values, max_size=8)
facts = st.fixed_dictionaries(
    {}, optional={"total": st.integers(0, 9), "limit": st.integers(0, 9), "meta": values, "offset": st.none()}
)


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    held, known, outer = draw(entries), draw(facts), draw(facts)
    key = draw(st.sampled_from(["audit_logs", "entries", "data"]))
    inner: dict[str, Any] = dict(draw(st.permutations([*known.items(), (key, held)])))
    body = draw(
        st.sampled_from(
            [held, inner, {**outer, "data": inner}, {"data": held, **outer}, {"error": False, "data": inner}]
        )
    )
    separators = draw(st.sampled_from([(",", ":"), (", ", ": "), (" , ", " : ")]))
    indent = draw(st.sampled_from([None, None, 1]))
    written = json.dumps(body, separators=separators, indent=indent, ensure_ascii=draw(st.booleans()))
    return draw(st.sampled_from([b"", b"\xef\xbb\xbf"])) + written.encode()


def split(body: bytes, cuts: list[int], enough: int) -> tuple[list[bytes], Body]:
    splitter = Splitter()
    splitter._enough = enough  # noqa: SLF001 - or no body would be long enough
    found: list[msgspec.Raw] = []
    edges = [0, *sorted(cut % (len(body) + 1) for cut in cuts), len(body)]
    for start, end in pairwise(edges):
        found += splitter.feed(body[start:end])
    last, envelope = splitter.finish()
    return [bytes(entry).strip() for entry in (*found, *last)], envelope


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "_ENOUGH", 1)


@given(body=bodies(), cuts=st.lists(st.integers(0, 10_000), max_size=12), enough=st.integers(0, 200))
def test_chunks_give_what_the_whole_gives(body: bytes, cuts: list[int], enough: int) -> None:
    whole = parse_list(body)

    found, envelope = split(body, cuts, enough)

    assert found == [bytes(entry).strip() for entry in whole.entries]
    assert (envelope.total, envelope.limit) == (whole.total, whole.limit)


def test_it_does_not_matter_where_a_body_is_cut() -> None:
    odd = rb'{"a": "}, {\"]\\", "b": [[1, "],["], {"c": {}}]}'
    body = b'{"x": {"data": ["]", 1]}, "data": {"entries": [%b, 12 ,%b,{}\n], "y": "[{", "total": 4}} ' % (
        odd,
        odd,
    )

    for cut in range(len(body)):
        found, envelope = split(body, [cut], 0)
        assert (found, envelope.total) == ([odd, b"12", odd, b"{}"], 4)


def test_entries_are_handed_on_as_soon_as_enough_has_come(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "_ENOUGH", 20)
    splitter = Splitter()

    came = [splitter.feed(chunk) for chunk in (b'[{"id": 1}', b',{"id": 2},', b'{"id": 3}, ', b'{"id": 4}]')]

    assert [len(entries) for entries in came] == [0, 2, 0, 2]


@pytest.mark.parametrize("between", [",", ", ", ",\n", " , ", ",\n  "])
@pytest.mark.parametrize("changes", [0, 20])
def test_a_list_is_read_in_few_readings_however_it_is_written(
    monkeypatch: pytest.MonkeyPatch, between: str, changes: int
) -> None:
    readings: list[bytes] = []

    def counting(body: bytes) -> Body:
        readings.append(body)
        return parse_list(body)

    monkeypatch.setattr(stream, "parse_list", counting)
    entry = json.dumps({"id": 1, "changes": [{"field": "f"}] * changes}, separators=(",", ":"))

    found, _ = split(f"[{between.join([entry] * 200)}]".encode(), [6_000], 0)

    assert found == [entry.encode()] * 200
    assert len(readings) < 40


@given(body=bodies(), place=st.integers(0, 10_000), byte=st.binary(max_size=1), data=st.data())
def test_what_cannot_be_read_at_once_cannot_be_read_in_chunks(
    body: bytes, place: int, byte: bytes, data: st.DataObject
) -> None:
    place %= len(body)
    spoilt = body[:place] + byte + body[place + 1 :]
    cuts = data.draw(st.lists(st.integers(0, 10_000), max_size=6))
    try:
        found, _ = split(spoilt, cuts, data.draw(st.integers(0, 100)))
    except SourceError:
        return
    assert found == [bytes(entry).strip() for entry in parse_list(spoilt).entries]


@pytest.mark.parametrize("cut", [1, 5, 30, 60])
def test_a_body_that_ends_early_is_no_list(cut: int) -> None:
    body = json.dumps(
        {"error": False, "data": {"audit_logs": [{"id": number} for number in range(9)]}}
    ).encode()
    with pytest.raises(SourceError, match="not a list of audit entries"):
        split(body[:-cut], [], 0)


@pytest.mark.parametrize(
    "body",
    [
        b"<html>" + b"x" * 100,
        b"",
        b"{}",
        b'{"entries": [1], "data": [2]}',
        b'{"data": [1], "entries": [2]}',
        b'{"data": [1], "data": [2]}',
        b'{"entries": [], "data": [2]}',
        b"\xef\xbb\xbf\xef\xbb\xbf[1]",
        b"[1,,2]",
        b"[1,]",
        b"[,1]",
        b"[1 2]",
        b"[1}",
        b'[1]"x',
        b":[1]",
        b"}[1]",
        b'{"data": [1]}"',
    ],
)
def test_what_is_no_list_is_refused(body: bytes) -> None:
    with pytest.raises(SourceError):
        split(body, [3, 9], 0)


OUTER = (
    '"audit_logs": []',
    '"audit_logs": [1]',
    '"entries": null',
    '"entries": [2]',
    '"entries": {"a": [2]}',
)
DATA = (
    '"data": null',
    '"data": [3]',
    '"data": {"entries": [4], "data": []}',
    '"data": {"audit_logs": [], "data": [5]}',
)


@pytest.mark.parametrize("body", [f"{{{', '.join(members)}}}" for members in product(OUTER, DATA)])
def test_of_several_lists_both_ways_make_the_same(body: str) -> None:
    try:
        whole: list[bytes] | None = [bytes(entry) for entry in parse_list(body.encode()).entries]
    except SourceError:
        whole = None
    try:
        found: list[bytes] | None = split(body.encode(), [3, 9], 0)[0]
    except SourceError:
        found = None

    assert found == whole


@pytest.mark.parametrize("part", [b'{"a": 1, ', b'{"a": "x', b"<p>"])
def test_what_goes_on_without_a_list_is_refused_before_it_has_an_end(
    part: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "_ENVELOPE_MAX", 1_000)
    splitter = Splitter()

    with pytest.raises(SourceError, match="it goes on without a list"):
        list(map(splitter.feed, [part] * 1_000))


def test_a_list_may_be_longer_than_what_stands_around_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "_ENVELOPE_MAX", 100)

    found, _ = split(b'{"data": [%b]}' % b",".join([b'{"id": 1}'] * 100), [50], 0)

    assert len(found) == 100


@pytest.mark.parametrize("odd", [b"\\ud800", b"\xff"])
def test_what_no_text_can_hold_in_the_envelope_costs_nothing(odd: bytes) -> None:
    body = b'{"%b": 1, "message": "%b", "data": {"entries": [{"id": 1}], "total": 1}}' % (odd, odd)

    found, envelope = split(body, [30, 60], 0)

    assert (found, envelope.total) == ([b'{"id": 1}'], 1)
    assert [bytes(entry) for entry in parse_list(body).entries] == found


def test_a_failure_that_the_platform_states_is_said() -> None:
    with pytest.raises(SourceError, match="reports a failure: no"):
        split(b'{"error": true, "message": "no", "data": []}', [], 0)
