import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from exporter.entries.normalize import OBSERVATIONS, normalize
from exporter.entries.schema import COLUMNS, SCHEMA
from exporter.errors import RecordError
from tests.pages import VALUES, Entry, entry, page, received, row

A_STYLE: Entry = {
    "id": "log_123abc",
    "timestamp": "2026-04-27T10:14:02Z",
    "user": {"id": "usr_01j9x7k3p2", "email": "ada@acme.example"},
    "ip": "192.0.2.7",
    "action": "deploy",
    "resource": {"type": "deployment", "id": "dep_01j9x7k3p2", "name": "api-server"},
    "changes": {"replicas": {"old": 1, "new": 2}},
    "details": {"ticket": "OPS-1"},
    "request_id": "req_7f3a1b2c",
}
B_STYLE: Entry = {
    "id": "0198c9f2-0000-7000-8000-000000000001",
    "organization_id": "7d3c1c0e-5b0a-4f7e-9a55-1f2f6c0b8a11",
    "actor_id": "0198c9f2-0000-7000-8000-0000000000aa",
    "actor_email": "ada@acme.example",
    "actor_type": "user",
    "action": "deploy",
    "resource_type": "deployment",
    "resource_id": "0198c9f2-0000-7000-8000-0000000000bb",
    "resource_name": "api-server",
    "ip_address": "192.0.2.7",
    "user_agent": "1ctl/0.11.0",
    "changes": {"replicas": {"old": 1, "new": 2}},
    "metadata": {"ticket": "OPS-1", "request_id": "req_7f3a1b2c"},
    "created_at": "2026-04-27T10:14:02.123456Z",
}
CHANGED = [{"field": "replicas", "old": "1", "new": "2"}]


def test_an_entry_as_documented_fills_its_columns_and_leaves_nothing_over() -> None:
    (made,) = page(A_STYLE).batch.to_pylist()

    assert made == {
        "id": "log_123abc",
        "timestamp": datetime(2026, 4, 27, 10, 14, 2, tzinfo=UTC),
        "organization_id": None,
        "actor_id": "usr_01j9x7k3p2",
        "actor_email": "ada@acme.example",
        "actor_type": None,
        "ip_address": "192.0.2.7",
        "user_agent": None,
        "action": "deploy",
        "resource_type": "deployment",
        "resource_id": "dep_01j9x7k3p2",
        "resource_name": "api-server",
        "request_id": "req_7f3a1b2c",
        "changes": CHANGED,
        "metadata": '{"ticket":"OPS-1"}',
        "extra": None,
        "source_sha256": hashlib.sha256(json.dumps(A_STYLE).encode()).hexdigest(),
    }


def test_an_entry_as_the_public_client_reads_it_fills_its_columns_and_leaves_nothing_over() -> None:
    (made,) = page(B_STYLE).batch.to_pylist()

    assert made == {
        **{name: B_STYLE.get(name) for name in SCHEMA.names},
        "timestamp": datetime(2026, 4, 27, 10, 14, 2, 123_456, tzinfo=UTC),
        "request_id": "req_7f3a1b2c",
        "changes": CHANGED,
        "metadata": '{"ticket":"OPS-1","request_id":"req_7f3a1b2c"}',
        "source_sha256": hashlib.sha256(json.dumps(B_STYLE).encode()).hexdigest(),
    }


def test_both_styles_may_stand_in_one_page_and_keep_their_order() -> None:
    batch = page(B_STYLE, A_STYLE, B_STYLE | {"id": "third"}).batch

    assert batch["id"].to_pylist() == [B_STYLE["id"], A_STYLE["id"], "third"]
    assert batch.schema.equals(SCHEMA, check_metadata=True)


@pytest.mark.parametrize(
    ("given_field", "value", "column"),
    [
        ("user_id", "usr_1", "actor_id"),
        ("user_email", "ada@acme.example", "actor_email"),
        ("user", "usr_1", "actor_id"),
        ("user", "ada@acme.example", "actor_email"),
        ("ip", "192.0.2.7", "ip_address"),
        ("details", {"a": 1}, "metadata"),
    ],
)
def test_a_known_alias_goes_to_its_column(given_field: str, value: Any, column: str) -> None:
    made = row(**{given_field: value})

    assert made[column] == (value if isinstance(value, str) else '{"a":1}')
    assert made["extra"] is None


@pytest.mark.parametrize(
    ("first", "second", "column"),
    [
        ("actor_id", "user_id", "actor_id"),
        ("actor_email", "user_email", "actor_email"),
        ("ip_address", "ip", "ip_address"),
        ("metadata", "details", "metadata"),
    ],
)
def test_where_two_names_of_a_field_are_given_the_newer_wins_and_the_other_is_kept(
    first: str, second: str, column: str
) -> None:
    made = row(**{second: "2", first: "1"})

    assert made[column] in ("1", '"1"')
    assert made["extra"] == f'{{"{second}":"2"}}'


def test_where_two_times_are_given_the_other_is_kept() -> None:
    made = row(timestamp="2026-01-09T00:00:00Z")

    assert made["timestamp"] == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert made["extra"] == '{"timestamp":"2026-01-09T00:00:00Z"}'


def test_a_null_is_as_good_as_absent() -> None:
    nulls = dict.fromkeys([*SCHEMA.names, "user", "resource", "details", "anything"])

    made = row(**{**nulls, "id": "1", "action": "deploy"})

    empty = {name for name, cell in made.items() if cell is None}
    assert empty == set(SCHEMA.names) - {"id", "action", "timestamp", "source_sha256"}


def test_a_number_in_a_text_column_keeps_its_digits() -> None:
    (made,) = received(
        b'[{"id": 12345678901234567890, "action": 1.10, "created_at": 1767225600}]'
    ).batch.to_pylist()

    assert (made["id"], made["action"]) == ("12345678901234567890", "1.10")


def test_fields_that_no_column_knows_go_to_extra_as_they_were_received() -> None:
    body = (
        b'[{"id": "1", "action": "a", "created_at": 1767225600, "big" : 123456789012345678901234567890,'
        b' "price": 1.10, "tiny": 1e400, "deep": {"a": [1, 2.50 ], "\\u00e9": "\\u00e9"}, "\\u0022": true}]'
    )

    (made,) = received(body).batch.to_pylist()

    assert made["extra"] == (
        '{"big":123456789012345678901234567890,"price":1.10,"tiny":1e400,'
        '"deep":{"a":[1,2.50],"\\u00e9":"\\u00e9"},"\\"":true}'
    )


def test_metadata_is_json_text_with_every_digit() -> None:
    metadata = b'{"n" : 1.10, "big":\n9007199254740993}'

    (made,) = received(
        b'[{"id": "1", "action": "a", "created_at": 1, "metadata": ' + metadata + b"}]"
    ).batch.to_pylist()

    assert made["metadata"] == '{"n":1.10,"big":9007199254740993}'


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("user", {"id": "u", "email": "e", "name": "Ada"}),
        ("user", {"id": {"kind": "user", "n": 1}, "email": "e"}),
        ("user", {"id": ["u"]}),
        ("user", ["u"]),
        ("resource", {"type": "t", "id": "i", "name": "n", "region": "eu"}),
        ("resource", {"type": "t", "id": {"uuid": "i"}}),
        ("resource", "deployment/api-server"),
        ("ip_address", {"v4": "192.0.2.7"}),
    ],
)
def test_an_object_with_a_member_that_no_column_takes_is_kept_whole_in_extra(field: str, value: Any) -> None:
    made = row(**{field: value})

    assert json.loads(made["extra"]) == {field: value}


def test_an_object_whose_member_lost_to_a_flat_field_is_kept_in_extra() -> None:
    made = row(actor_id="flat", user={"id": "nested", "email": "ada@acme.example"})

    assert (made["actor_id"], made["actor_email"]) == ("flat", "ada@acme.example")
    assert json.loads(made["extra"]) == {"user": {"id": "nested", "email": "ada@acme.example"}}


@pytest.mark.parametrize("there", ["flat", ""])
@pytest.mark.parametrize(("column", "user"), [("actor_id", "usr_1"), ("actor_email", "ada@acme.example")])
def test_a_plain_user_takes_no_column_that_holds_a_text_already(column: str, user: str, there: str) -> None:
    made = row(**{column: there, "user": user})

    assert made[column] == there
    assert json.loads(made["extra"]) == {"user": user}


def test_an_object_with_a_null_member_leaves_nothing_over() -> None:
    made = row(user={"id": "usr_1", "email": None, "name": None})

    assert (made["actor_id"], made["actor_email"], made["extra"]) == ("usr_1", None, None)


def test_odd_changes_are_kept_as_received_and_counted() -> None:
    rows = page(entry(changes="1 -> 2"), entry(changes=[1, 2]), entry(changes={"f": 1}), entry())

    assert rows.batch["changes"].to_pylist()[:2] == [None, None]
    assert rows.batch["extra"].to_pylist() == ['{"changes":"1 -> 2"}', '{"changes":[1,2]}', None, None]
    assert rows.observations["changes-of-unknown-shape"] == 2


def test_digits_below_the_microsecond_are_kept_in_extra_and_counted() -> None:
    rows = page(entry(created_at="2026-01-02T03:04:05.123456789Z"), entry())

    assert rows.batch["timestamp"][0].as_py() == datetime(2026, 1, 2, 3, 4, 5, 123_456, tzinfo=UTC)
    assert rows.batch["extra"].to_pylist() == ['{"created_at":"2026-01-02T03:04:05.123456789Z"}', None]
    assert rows.observations["timestamp-below-microsecond"] == 1


def test_times_without_a_zone_are_counted() -> None:
    rows = page(entry(created_at="2026-01-02T03:04:05"), entry(created_at="2026-01-02 03:04:05"), entry())

    assert len(set(rows.batch["timestamp"].to_pylist())) == 1
    assert rows.observations["timestamp-without-zone"] == 2


def test_every_oddity_that_is_counted_is_explained() -> None:
    odd = json.dumps(entry(created_at="2026-01-02T03:04:05.1234567", changes=1)).encode()
    rows = received(b"[" + odd[:-1] + b',"level":"\\ud800","level":2}]')

    assert {name for name, count in rows.observations.items() if count} == OBSERVATIONS.keys()


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b'{"action": "a", "created_at": 1}', "it has no id"),
        (b'{"id": null, "action": "a", "created_at": 1}', "it has no id"),
        (b'{"id": "", "action": "a", "created_at": 1}', "it has no id"),
        (b'{"id": {"uuid": "1"}, "action": "a", "created_at": 1}', "it has no id"),
        (b'{"id": "1", "created_at": 1}', "it has no action"),
        (b'{"id": "1", "action": [], "created_at": 1}', "it has no action"),
        (b'{"id": "1", "action": "a"}', "it has no time"),
        (b'{"id": "1", "action": "a", "created_at": null, "timestamp": null}', "it has no time"),
        (b'{"id": "1", "action": "a", "created_at": "soon"}', 'its time cannot be read: "soon"'),
        (b'{"id": "1", "action": "a", "created_at": {"at": 1}}', "its time cannot be read"),
        (b'{"id": "1", "action": "a", "created_at": true}', "its time cannot be read"),
        (b'{"id": "1", "action": "a", "created_at": 1e99999999}', "its time cannot be read"),
        (b'{"id": "1", "action": "a", "created_at": 1, "note": "\xff"}', "utf-8"),
        (b'{"id": "1", "action": "a", "created_at": 1, "\xff": 1}', "utf-8"),
        (b'{"id": "1", "action": "a\xff", "created_at": 1}', "utf-8"),
        (b"null", "Expected `object`"),
        (b'"text"', "Expected `object`"),
    ],
)
def test_an_entry_that_cannot_be_placed_is_refused_with_its_page_and_index(body: bytes, reason: str) -> None:
    good = json.dumps(entry()).encode()

    with pytest.raises(RecordError, match=reason) as refused:
        received(b"[" + good + b"," + body + b"," + good + b"]")
    assert "Entry 1 of the page at offset 40" in refused.value.what


def test_what_is_left_out_leaves_the_others_of_its_page_in_their_order() -> None:
    known = {"id": "1", "timestamp": "2026-01-02T03:04:05Z", "action": "a"}
    shapes = [known, {"id": "2"}, B_STYLE | {"id": "3"}, {"id": None}, known | {"id": "5", "level": 1}]
    entries = [msgspec.Raw(msgspec.json.encode(one)) for one in (*shapes, A_STYLE | {"id": "6"})]

    rows = normalize(entries, source="the page", lenient=True)

    assert rows.batch["id"].to_pylist() == ["1", "3", "5", "6"]
    assert rows.left_out == {
        hashlib.sha256(entries[1]).hexdigest(): "entry 1 of the page: it has no action",
        hashlib.sha256(entries[3]).hexdigest(): "entry 3 of the page: it has no id",
    }


def test_oddities_are_counted_of_entries_that_are_rows_only() -> None:
    entries = [msgspec.Raw(b'{"id": "\\ud800", "id": "\\ud800", "action": "a", "created_at": "never"}')]

    rows = normalize(entries, source="the page", lenient=True)

    assert not any(rows.observations.values())


def test_the_source_digest_is_of_the_bytes_as_received() -> None:
    spaced = b'{ "id" : "1" ,"action":"\\u0061",\n "created_at": 1767225600, "x": 1.10 }'
    plain = b'{"id":"1","action":"a","created_at":1767225600,"x":1.10}'

    digests = received(b'{"data": [' + spaced + b" , " + plain + b"]}").batch["source_sha256"].to_pylist()

    assert digests == [hashlib.sha256(spaced).hexdigest(), hashlib.sha256(plain).hexdigest()]


def test_half_a_character_gives_way_to_the_replacement_character_and_is_counted() -> None:
    metadata = b'{"n": "\\uDC00", "m": "\\\\ud800"}'
    odd = b'{"id": "1", "action": "a\\ud800", "created_at": 1, "metadata": ' + metadata + b"}"

    rows = received(b"[" + odd + b"," + json.dumps(entry()).encode() + b"]")

    (made, _) = rows.batch.to_pylist()
    assert (made["action"], made["metadata"]) == ("a\ufffd", '{"n":"\\ufffd","m":"\\\\ud800"}')
    assert made["source_sha256"] == hashlib.sha256(odd).hexdigest()
    assert rows.observations["half-a-character"] == 1


@pytest.mark.parametrize(
    ("odd", "column", "value"),
    [
        (b'"ip": "1", "ip": "2"', "ip_address", "2"),
        (b'"user": {"id": "1", "id": "2"}', "actor_id", "2"),
        (b'"changes": {"a": 1, "a": 2}', "changes", [{"field": "a", "old": None, "new": "2"}]),
        (b'"changes": {"a": {"new": 1, "new": 2}}', "changes", [{"field": "a", "old": None, "new": "2"}]),
        (b'"changes": [{"field": "a", "field": "b"}]', "changes", [{"field": "b", "old": None, "new": None}]),
    ],
)
def test_of_a_key_given_twice_the_last_value_counts_and_the_entry_is_counted(
    odd: bytes, column: str, value: object
) -> None:
    rows = received(b'[{"id": "1", "action": "a", "created_at": 1, ' + odd + b"}]")

    assert rows.batch.to_pylist()[0][column] == value
    assert rows.observations["key-given-twice"] == 1


@pytest.mark.parametrize("twice", ['{"n":1,"n":2}', '{"a":{"n":1,"n":2}}', '[{"n":1,"n":2}]'])
def test_a_key_given_twice_inside_metadata_is_kept_twice(twice: str) -> None:
    entry = f'{{"id": "1", "action": "a", "created_at": 1, "metadata": {twice}, "other": {twice}}}'

    rows = received(f"[{entry}]".encode())

    assert rows.batch["metadata"].to_pylist() == [twice]
    assert rows.batch["extra"].to_pylist() == [f'{{"other":{twice}}}']
    assert rows.observations["key-given-twice"] == 0


def test_an_empty_page_has_the_schema_and_no_rows() -> None:
    batch = page().batch

    assert batch.num_rows == 0
    assert batch.schema.equals(SCHEMA, check_metadata=True)


def test_every_column_is_documented_in_the_schema() -> None:
    for column in COLUMNS:
        field = SCHEMA.field(column.name)
        assert field.metadata[b"description"].decode() == column.description
        assert column.description.endswith(".")
        assert field.nullable is not column.required


TEXTS = st.text(max_size=8)
NAMES = st.sampled_from(
    [
        *(name for name in SCHEMA.names if name not in ("id", "action", "timestamp")),
        *("user", "user_id", "user_email", "ip", "resource", "details", "timestamp", "level"),
    ]
)
PERSON = st.dictionaries(st.sampled_from(["id", "email", "name"]), TEXTS | VALUES)
THING = st.dictionaries(st.sampled_from(["type", "id", "name", "region"]), TEXTS | VALUES)
CHANGE = st.dictionaries(st.sampled_from(["old", "new", "from", "to", "by"]), VALUES)
CHANGES = st.dictionaries(TEXTS, CHANGE | VALUES) | st.lists(
    st.fixed_dictionaries({"field": TEXTS}, optional={"old": VALUES, "new": VALUES, "by": VALUES})
)
ENTRIES = st.builds(
    lambda fields, known: {**fields, **known, **{k: v for k, v in entry().items() if k not in known}},
    st.dictionaries(NAMES | TEXTS.filter(lambda name: name not in entry()), TEXTS | VALUES),
    st.fixed_dictionaries(
        {},
        optional={
            "user": PERSON,
            "resource": THING,
            "changes": CHANGES,
            "metadata": VALUES,
            "details": VALUES,
        },
    ),
)


@given(sent=ENTRIES)
@example(sent=entry(user={"id": {"lost": "?"}, "email": "ada@acme.example"}))
@example(sent=entry(created_at="2026-01-02T03:04:05.123456789Z"))
@example(sent=entry(metadata={"request_id": {"not": "text"}}, request_id=["odd"]))
def test_nothing_is_lost_every_value_is_found_in_the_row(sent: Entry) -> None:
    (made,) = page(sent).batch.to_pylist()

    missing = set(leaves({k: v for k, v in sent.items() if k != "created_at"})) - set(found_in(made))
    assert not missing
    if made["timestamp"] != datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC):
        assert sent["created_at"] in found_in(made)


def leaves(value: Any) -> Iterator[str]:
    """Yield every value inside ``value`` that is neither null nor a container, numbers by their JSON text."""
    match value:
        case dict():
            for member in value.values():
                yield from leaves(member)
        case list():
            for member in value:
                yield from leaves(member)
        case str():
            yield value
        case None:
            return
        case _:
            yield json.dumps(value)


def found_in(made: dict[str, Any]) -> Iterator[str]:
    """Yield every value that a row holds, in plain columns and inside JSON text."""
    for name, cell in made.items():
        if name == "changes":
            for change in cell or ():
                yield change["field"]
                yield from (leaf for side in ("old", "new") for leaf in inside(change[side]))
        elif name in ("metadata", "extra"):
            yield from inside(cell)
        elif isinstance(cell, str):
            yield cell


def inside(text: str | None) -> Iterator[str]:
    """Yield the values inside JSON text, numbers as they are written there."""
    if text is not None:
        yield from leaves(json.loads(text, parse_int=str, parse_float=str))
