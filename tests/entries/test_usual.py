"""The fast way and the slow way to a row: the same rows, whatever comes."""

import hashlib
import json
from collections import Counter
from typing import Any

import msgspec
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from exporter.entries.normalize import normalize, read_one_by_one
from exporter.entries.schema import SCHEMA
from exporter.entries.usual import read_usual
from exporter.errors import RecordError
from exporter.sandbox.dialects import A, B
from exporter.sandbox.history import generate
from tests.pages import VALUES, Entry, entry
from tests.world import NOW

RAW = msgspec.json.Decoder(list[msgspec.Raw])

FLAT: Entry = {
    "id": "1",
    "organization_id": "o",
    "actor_id": "u",
    "actor_email": "ada@acme.example",
    "actor_type": "user",
    "action": "deploy",
    "resource_type": "t",
    "resource_id": "i",
    "resource_name": "n",
    "ip_address": "192.0.2.7",
    "user_agent": "1ctl",
    "changes": {"replicas": {"old": 1, "new": 2}},
    "metadata": {"request_id": "req_1", "ticket": "OPS 1"},
    "created_at": "2026-01-02T03:04:05.123456Z",
}
NESTED: Entry = {
    "id": "1",
    "timestamp": "2026-01-02T03:04:05Z",
    "user": {"id": "usr_1", "email": "ada@acme.example"},
    "ip": "192.0.2.7",
    "action": "deploy",
    "resource": {"type": "t", "id": "i", "name": "n"},
    "changes": {"replicas": {"old": 1, "new": 2}},
    "details": {"ticket": "OPS-1"},
    "request_id": "req_1",
}
FLAT_BELOW = FLAT | {"created_at": "2026-01-02T03:04:05.123456789Z"}
NESTED_BELOW = NESTED | {"timestamp": "2026-01-02T03:04:05.123456789Z"}
"""The same with digits below the microsecond."""

FLAT_NULLS = dict.fromkeys(FLAT) | entry()
NESTED_LEAST = {name: NESTED[name] for name in ("id", "timestamp", "action")}
NESTED_NULLS = dict.fromkeys(NESTED) | NESTED_LEAST
"""The same with nothing that is not needed."""

TEXTS = st.text(max_size=6) | st.sampled_from(
    ["", "é", "\U0001f600", 'a"b', "a\\b", "\x00", "\n", " : ", '":']
)
TIMES = st.sampled_from(
    [
        "2026-01-02T03:04:05.123456789Z",
        "2026-01-02T03:04:05.1234567Z",
        "2026-01-02T03:04:05+02:00",
        "2026-01-02 03:04:05",
        "1969-12-31T23:59:59.9999999Z",
        "1600-01-01T00:00:00Z",
        "2200-01-01T00:00:00Z",
        "2026-01-02t03:04:05z",
        1_767_225_600.25,
    ]
)
PAIRS = st.dictionaries(TEXTS, st.fixed_dictionaries({}, optional={"old": VALUES, "new": VALUES}), max_size=3)
MEMBERS = st.dictionaries(st.sampled_from(["id", "email", "type", "name", "x"]), TEXTS | st.none() | VALUES)
ANY = TEXTS | st.none() | VALUES
FIELDS: dict[str, st.SearchStrategy[Any]] = {
    **dict.fromkeys({*FLAT, *NESTED} - {"id", "action", "created_at", "timestamp"}, ANY),
    "changes": PAIRS | st.none() | VALUES,
    "metadata": st.fixed_dictionaries({}, optional={"request_id": ANY, "a b": VALUES}) | st.none() | VALUES,
    "user": MEMBERS | st.none() | VALUES,
    "resource": MEMBERS | st.none() | VALUES,
    "level": ANY,
}


@st.composite
def entries(draw: st.DrawFn) -> bytes:
    """One entry, usual but for a few fields, as JSON in one of the ways in which it may be written."""
    usual = draw(st.sampled_from([FLAT, NESTED]))
    some = st.sets(st.sampled_from(sorted(FIELDS)), max_size=2)
    absent = draw(some)
    made = {name: value for name, value in usual.items() if name not in absent}
    for name in draw(some):
        made[name] = draw(FIELDS[name])
    if draw(st.booleans()):
        made["created_at" if usual is FLAT else "timestamp"] = draw(TIMES)
    text = json.dumps(
        made,
        ensure_ascii=draw(st.booleans()),
        separators=draw(st.sampled_from([(",", ":"), (", ", ": "), (" ,", " :")])),
    )
    if draw(st.booleans()):  # a key that stands twice
        name = draw(st.sampled_from(sorted(FIELDS)))
        text = text[:-1] + f",{json.dumps(name)}:{json.dumps(draw(FIELDS[name]))}" + "}"
    if draw(st.booleans()):
        escape = draw(st.sampled_from(["\\ud800", "\\udc00", "\\ud83d\\ude00", "\\u0061"]))
        text = text.replace("a", escape, 1)
    return text.encode()


def both_ways(*sent: bytes) -> tuple[Any, Any, Counter[str], Counter[str]]:
    page = list(map(msgspec.Raw, sent))
    digests = pa.array([hashlib.sha256(one).hexdigest() for one in page], pa.string())
    rows = normalize(page, source="the page")
    slow: Counter[str] = Counter()
    batch = read_one_by_one(page, digests, range(len(page)), slow, {})
    return rows.batch, batch, +rows.observations, +slow


KNOWN = '{"id":"1","action":"a","created_at":"2026-01-02T03:04:05Z"'


@given(sent=st.lists(entries(), max_size=5))
@example(sent=[json.dumps(one).encode() for one in (FLAT, NESTED, entry())])
@example(sent=[msgspec.json.encode(one) for one in (FLAT, NESTED, entry(), FLAT_BELOW, NESTED_BELOW)])
@example(sent=[msgspec.json.encode(one) for one in (FLAT, FLAT_NULLS, entry(), FLAT_BELOW)])
@example(sent=[msgspec.json.encode(one) for one in (NESTED, NESTED_NULLS, NESTED_LEAST, NESTED_BELOW)])
@example(
    sent=[f'{KNOWN},"metadata":{{"a": 1 , "b":[2, 3]}},"changes":{{"a":{{"old":{{"b": 1}}}}}}}}'.encode()]
)
@example(sent=[msgspec.json.encode(FLAT | {"metadata": {"request_id": odd}}) for odd in ("req_1", 7, None)])
@example(sent=[f'{KNOWN},"changes":{{"a":1,"a":2}}}}'.encode()])
@example(sent=[f'{KNOWN},"changes":{{"a":{{}},"b":{{"old":null}}}}}}'.encode()])
@example(sent=[f'{KNOWN},"changes":{{"a":{{"old":1}},"a":{{"old":2}}}}}}'.encode()])
@example(sent=[f'{KNOWN},"id" :"2"}}'.encode()])
@example(sent=[f'{KNOWN},"user_agent":"\\ud800\\u005cud800"}}'.encode()])
@example(sent=[f'{KNOWN.replace("created_at", "timestamp")},"user":{{"id":"1","id":"2"}}}}'.encode()])
@example(sent=[f'{KNOWN.replace("created_at", "timestamp")},"user":{{}},"resource":null}}'.encode()])
@example(sent=[KNOWN.replace("05Z", "05.\\u0031000001Z").encode() + b"}"])
def test_both_ways_give_the_same_rows_and_count_the_same(sent: list[bytes]) -> None:
    try:
        fast, slow, seen_fast, seen_slow = both_ways(*sent)
    except RecordError:  # the halves fell upon a required key
        return

    assert fast.to_pylist() == slow.to_pylist()
    assert fast.equals(slow)
    assert fast.schema.equals(SCHEMA, check_metadata=True)
    assert seen_fast == seen_slow


@pytest.mark.parametrize("dialect", [A, B])
def test_the_pages_of_both_dialects_are_read_the_fast_way_whole(dialect: Any) -> None:
    sent = [msgspec.json.encode(dialect.write(one)) for one in generate(entries=500, ends=NOW)]
    page = RAW.decode(b"[" + b",".join(sent) + b"]")

    usual = read_usual(page, pa.array([""] * len(page)))

    assert sorted(place for one in usual for place in one.places) == list(range(500))


def test_nulls_and_digits_below_the_microsecond_are_no_reason_to_leave_the_fast_way() -> None:
    for page in ([FLAT_NULLS, entry(), FLAT_BELOW], [NESTED_NULLS, NESTED_LEAST, NESTED_BELOW]):
        usual = read_usual(RAW.decode(msgspec.json.encode(page)), pa.array([""] * len(page)))

        assert [(one.places, one.cut) for one in usual if one.places] == [([0, 1, 2], 1)]


@pytest.mark.parametrize(
    "odd",
    [
        FLAT | {"level": "high"},
        FLAT | {"changes": "1 -> 2"},
        FLAT | {"metadata": {"request_id": 7}},
        NESTED | {"user": "ada@acme.example"},
        NESTED | {"resource": {"type": "t", "region": "eu"}},
        FLAT | {"created_at": "2026-01-02 03:04:05"},
        FLAT | {"resource_name": 'a"b'},
    ],
)
def test_one_odd_entry_does_not_slow_its_page_down(odd: Entry) -> None:
    page = RAW.decode(msgspec.json.encode([FLAT, odd, NESTED, FLAT]))

    usual = read_usual(page, pa.array([""] * len(page)))

    assert sorted(place for one in usual for place in one.places) == [0, 2, 3]


@pytest.mark.parametrize(
    "bad",
    [
        b'{"id":"1","action":"a","created_at":"2026-02-30T00:00:00Z"}',
        b'{"id":"1","action":"","timestamp":"2026-01-02T03:04:05Z"}',
    ],
)
def test_what_no_row_can_be_made_of_is_refused_wherever_it_stands(bad: bytes) -> None:
    good = msgspec.json.encode(FLAT)

    with pytest.raises(RecordError, match=r"Entry 1 of the page"):
        normalize(RAW.decode(b"[" + good + b"," + bad + b"," + good + b"]"), source="the page")
