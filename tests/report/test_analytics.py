"""Each analytic on a log made by hand, the right answer written down beside it."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from exporter.entries.schema import SCHEMA
from exporter.facts import Window
from exporter.report import queries
from exporter.report.analytics import analytics
from exporter.report.cells import BREAK, text
from exporter.report.figures import Figures
from exporter.thresholds import DEFAULTS, Thresholds

Entry = dict[str, Any]
Ask = Callable[..., list[dict[str, Any]]]
WINDOW = Window(since=datetime(2026, 1, 1, tzinfo=UTC), until=datetime(2026, 7, 1, tzinfo=UTC))


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-{text}").replace(tzinfo=UTC)


def entry(id_: str, moment: str, action: str, **columns: Any) -> Entry:
    """One row; ``on`` is the resource, by id and by name, ``role`` the old and the new one."""
    on, role = columns.pop("on", "api"), columns.pop("role", None)
    actor = columns.pop("actor", "ana")
    row: Entry = dict.fromkeys(SCHEMA.names)
    return row | {
        "id": id_,
        "timestamp": at(moment),
        "action": action,
        "actor_id": f"usr_{actor}",
        "actor_email": f"{actor}@acme.example",
        "actor_type": "user",
        "resource_id": f"usr_{on}" if action.startswith("user.") else f"id_{on}",
        "resource_name": f"{on}@acme.example" if action.startswith("user.") else on,
        "changes": None if role is None else [{"field": "role", "old": role[0], "new": role[1]}],
        "source_sha256": "0" * 64,
        **columns,
    }


@pytest.fixture
def ask(tmp_path: Path) -> Ask:
    """Ask a query, by its number, of a log."""

    def ask(
        number: int, entries: list[Entry], thresholds: Thresholds = DEFAULTS, window: Window = WINDOW
    ) -> list[dict[str, Any]]:
        log = sorted(entries, key=lambda row: (row["timestamp"], row["id"]))
        pq.write_table(pa.Table.from_pylist(log, schema=SCHEMA), tmp_path / "audit.parquet")
        names = queries.ship(tmp_path / "queries", thresholds, window)
        (name,) = (path.name for path in names if path.name.startswith(f"{number:02}_"))
        with Figures(tmp_path / "audit.parquet", tmp_path / "queries", tmp_path / "spill") as figures:
            return figures.rows(name)

    return ask


def items(rows: list[dict[str, Any]]) -> list[tuple[str | None, str, str | None]]:
    return [(row["id"], row["what"], row["related"]) for row in rows]


def test_every_rule_gives_items_of_one_shape_on_an_empty_log_and_on_none(ask: Ask) -> None:
    for analytic in analytics().analytic:
        rows = ask(int(analytic.query[:2]), [], Thresholds(calendar_zone="UTC", silence_hours=24))
        expected = ["silent-stretches"] if rows else []
        assert [analytic.id] * len(rows) == expected


def test_1_the_battery_counts_what_should_not_be_there(ask: Ask) -> None:
    log = [
        entry("late", "01-01", "deploy") | {"timestamp": datetime(2025, 12, 31, 23, 59, 59, tzinfo=UTC)},
        entry("first", "01-01", "deploy", organization_id="a"),
        entry("twin", "02-01", "deploy", organization_id="b"),
        entry("twin", "02-02", "deploy", actor_id=None, actor_email=None, request_id="req_1"),
        entry("after", "07-01", "deploy", resource_id=None, resource_name=None),
    ]
    assert ask(18, log) == [
        {
            "entries": 5,
            "repeated_ids": 1,
            "before_window": 1,
            "after_window": 1,
            "without_actor": 1,
            "without_resource": 1,
            "without_request_id": 4,
            "organizations": 2,
            "organization": "a",
        }
    ]


def test_late_entries_are_listed_and_counted_in_no_figure(ask: Ask) -> None:
    late = entry("late", "01-01", "deploy") | {"timestamp": datetime(2025, 12, 31, 23, 59, 59, tzinfo=UTC)}
    log = [late, entry("first", "01-01", "deploy")]
    assert [row["id"] for row in ask(17, log)] == ["late"]
    assert [row["id"] for row in ask(16, log)] == ["first"]
    assert [row["entries"] for row in ask(1, log)] == [1]


def test_2_privileged_grants_say_from_what_and_until_when(ask: Ask) -> None:
    log = [
        entry("straight", "01-05", "user.add", on="bo", role=(None, '"Owner"')),
        entry("ordinary", "01-06", "user.add", on="cy", role=(None, '"developer"')),
        entry("promoted", "02-01", "user.role.update", on="cy", role=('"developer"', '"admin"')),
        entry("sideways", "02-02", "user.role.update", on="bo", role=('"owner"', '"admin"')),
        entry("demoted", "03-01T10:00", "user.role.update", on="cy", role=('"admin"', '"viewer"')),
        entry("unsaid", "03-02", "user.role.update", on="di"),
        entry("listed", "03-03", "user.role.update", on="di", role=("null", '["admin"]')),
        entry("gone", "03-04", "user.remove", on="bo"),
    ]
    unreadable = "The entry does not say the new role in a form that can be compared."
    assert items(ask(21, log)) == [
        ("straight", "Added straight into the role owner, until 2026-03-04 00:00:00.", None),
        ("promoted", "From developer to admin, until 2026-03-01 10:00:00.", None),
        ("unsaid", unreadable, None),
        ("listed", unreadable, None),
    ]
    assert items(ask(21, log[:3]))[1][1] == "From developer to admin, no end seen in the period."


@pytest.mark.parametrize(
    "changes",
    [
        [("role", None, r'"\"admin\""')],
        [("role", None, r'"\u0061dmin"')],
        [("role", "1", "2")],
        [("role", None, "true")],
        [("role", None, '{"name":"admin"}')],
        [("role", None, '"admin"'), ("role", None, '"viewer"')],
        [("role", None, '"admin"'), ("roles", None, '"viewer"')],
        [("name", None, '"bo"')],
    ],
    ids=str,
)
def test_2_a_role_that_cannot_be_compared_is_listed(
    ask: Ask, changes: list[tuple[str, str | None, str]]
) -> None:
    fields = [{"field": field, "old": old, "new": new} for field, old, new in changes]
    log = [
        entry(f"e{n}", f"01-0{n + 5}", f"user.{what}", on="bo", changes=fields)
        for n, what in enumerate(("add", "role.update"))
    ]
    unreadable = "The entry does not say the new role in a form that can be compared."
    assert items(ask(21, log)) == [("e0", unreadable, None), ("e1", unreadable, None)]


def test_2_whoever_is_added_with_a_privileged_role_is_listed_whatever_it_was_before(ask: Ask) -> None:
    log = [
        entry("same", "01-05", "user.add", on="bo", role=('"admin"', '"admin"')),
        entry("other", "01-06", "user.add", on="cy", role=('"owner"', '"admin"')),
        entry("from-none", "01-07", "user.role.update", on="di", role=("null", '"admin"')),
        entry("to-none", "01-08", "user.role.update", on="di", role=('"admin"', "null")),
        entry("from-empty", "01-09", "user.role.update", on="ed", role=('""', '"admin"')),
    ]
    assert items(ask(21, log)) == [
        ("same", "Added straight into the role admin, no end seen in the period.", None),
        ("other", "Added straight into the role admin, no end seen in the period.", None),
        ("from-none", "From no stated role to admin, until 2026-01-08 00:00:00.", None),
        ("from-empty", "From no stated role to admin, no end seen in the period.", None),
    ]


def test_2_the_end_of_a_grant_is_only_what_an_entry_says(ask: Ask) -> None:
    log = [
        entry("granted", "01-05", "user.role.update", on="bo", role=('"viewer"', '"admin"')),
        entry("listed", "01-06", "user.role.update", on="bo", role=('["admin"]', '["viewer"]')),
        entry("kept", "01-07", "user.add", on="bo", role=(None, '"owner"')),
    ]
    assert items(ask(21, log))[0] == ("granted", "From viewer to admin, no end seen in the period.", None)
    log.append(entry("anew", "01-08", "user.add", on="bo", role=(None, '"viewer"')))
    assert items(ask(21, log))[0] == ("granted", "From viewer to admin, until 2026-01-08 00:00:00.", None)


def test_3_segregation_finds_self_promotion_and_one_person_doing_both_steps(ask: Ask) -> None:
    log = [
        entry("added before", "01-04", "user.add", on="bo"),
        entry("added", "01-05T00:00", "user.add", on="bo"),
        entry("both", "01-06T12:00", "user.role.update", on="bo", role=('"a"', '"b"')),
        entry("other", "01-07", "user.role.update", actor="cy", on="bo", role=('"b"', '"c"')),
        entry("later", "01-12T00:00:01", "user.role.update", on="bo", role=('"c"', '"d"')),
        entry("self", "02-01", "user.role.update", actor="Di", on="di", actor_id="usr_x"),
        entry("before", "02-02", "user.role.update", on="ed"),
        entry("then", "02-03", "user.add", on="ed"),
    ]
    assert items(ask(22, log)) == [
        ("both", "Had added the user 1.5 days before.", "added"),
        ("self", "Changed their own role.", None),
    ]


def test_4_leavers_who_act_or_leave_tokens_behind(ask: Ask) -> None:
    log = [
        entry("t1", "01-02", "token.create", actor="bo", on="kept"),
        entry("t2", "01-02", "token.create", actor="bo", on="late"),
        entry("t3", "01-02", "token.create", actor="bo", on="soon"),
        entry("t4", "01-02", "token.create", actor="cy", on="not-his"),
        entry("left", "02-01T00:00", "user.remove", on="bo"),
        entry("soon", "02-01T00:30", "token.delete", on="soon"),
        entry("act1", "02-03T00:00", "deploy", actor="bo"),
        entry("act2", "02-04T00:00", "deploy", actor="bo", actor_id=None),
        entry("late", "02-05T00:00", "token.delete", on="late"),
        entry("back", "02-06", "user.add", on="bo"),
        entry("fine", "02-07", "deploy", actor="bo"),
    ]
    assert items(ask(23, log)) == [
        ("left", "Entries by the removed user: 2, the first 48.0 hours after the removal.", "act1"),
        (
            "left",
            "Not deleted up to the end of the period: a token that the removed user had made, kept.",
            "t1",
        ),
        ("left", "Deleted 96.0 hours after the removal: a token that the removed user had made, late.", "t2"),
    ]


def test_4_a_token_is_listed_with_the_first_removal_after_it_was_made(ask: Ask) -> None:
    log = [
        entry("t1", "01-02", "token.create", actor="bo", on="one"),
        entry("left1", "02-01", "user.remove", on="bo"),
        entry("back", "02-06", "user.add", on="bo"),
        entry("t2", "02-07", "token.create", actor="bo", on="two"),
        entry("left2", "03-01", "user.remove", on="bo"),
        entry("gone", "03-11", "token.delete", on="one"),
    ]
    assert items(ask(23, log)) == [
        (
            "left1",
            "Deleted 912.0 hours after the removal: a token that the removed user had made, one.",
            "t1",
        ),
        (
            "left2",
            "Not deleted up to the end of the period: a token that the removed user had made, two.",
            "t2",
        ),
    ]


def test_4_a_user_returns_under_a_new_id_too_and_under_a_new_address(ask: Ask) -> None:
    log = [
        entry("left", "02-01", "user.remove", on="bo"),
        entry("back", "02-10", "user.add", on="bo", resource_id="usr_bo2"),
        entry("fine", "03-01", "deploy", actor="bo", actor_id="usr_bo2"),
    ]
    assert ask(23, log) == []
    log[1] |= {"resource_id": "usr_bo", "resource_name": "bob@acme.example"}
    log[2] |= {"actor_id": "usr_bo", "actor_email": "bob@acme.example"}
    assert ask(23, log) == []
    log[1] |= {"resource_id": "usr_cy", "resource_name": "cy@acme.example"}
    assert [row["related"] for row in ask(23, log)] == ["fine"]


@pytest.mark.parametrize(
    ("moment", "known_by"),
    [("03-01", {}), ("03-01", {"resource_id": None}), ("03-01", {"resource_name": None}), ("02-01", {})],
)
def test_4_a_token_is_listed_once_however_its_maker_was_removed_again(
    ask: Ask, moment: str, known_by: Entry
) -> None:
    log = [
        entry("token", "01-02", "token.create", actor="cy", on="kept"),
        entry("left1", "02-01", "user.remove", on="cy", **known_by),
        entry("left2", moment, "user.remove", on="cy"),
    ]
    assert [(row["id"], row["related"]) for row in ask(23, log)] == [("left1", "token")]


def test_4_a_token_is_listed_that_is_there_as_long_after_the_removal_as_given(ask: Ask) -> None:
    log = [
        entry("t1", "01-02", "token.create", actor="bo", on="day"),
        entry("t2", "01-02", "token.create", actor="bo", on="less"),
        entry("t3", "01-02", "token.create", actor="cy", on="last"),
        entry("left1", "02-01T00:00", "user.remove", on="bo"),
        entry("gone2", "02-01T23:59:59", "token.delete", on="less"),
        entry("gone1", "02-02T00:00", "token.delete", on="day"),
        entry("left2", "06-30T12:00", "user.remove", on="cy"),
    ]
    assert [row["related"] for row in ask(23, log)] == ["t1"]


def test_4_a_user_who_is_removed_again_and_again_does_not_fill_the_memory(ask: Ask) -> None:
    log = []
    for minute in range(1000):
        moment = f"{1 + minute // 500:02}-{1 + minute % 28:02}T{minute // 60:02}:{minute % 60:02}"
        log += [
            entry(f"add{minute}", f"{moment}:00", "user.add", on="bo"),
            entry(f"token{minute}", f"{moment}:01", "token.create", actor="bo", on=str(minute)),
            entry(f"remove{minute}", f"{moment}:02", "user.remove", on="bo"),
        ]
    listed = [related for _, _, related in items(ask(23, log))]
    assert sorted(listed, key=str) == sorted(f"token{minute}" for minute in range(1000))


def test_an_address_counts_without_regard_to_case(ask: Ask) -> None:
    loud = {"actor_id": None, "actor_email": "BO@Acme.example"}
    named = {"resource_id": None, "resource_name": "Bo@acme.EXAMPLE"}
    quiet = {"actor_id": None, "actor_email": "bo@acme.example"}
    log = [
        entry("add", "01-02", "user.add", on="cy", ip_address="192.0.2.1", **quiet),
        entry(
            "role", "01-03", "user.role.update", on="cy", ip_address="192.0.2.1", role=('"a"', '"b"'), **loud
        ),
        entry("token", "01-04", "token.create", on="kept", ip_address="192.0.2.1", **loud),
        entry("left", "02-10", "user.remove", **named),
        entry("act", "02-12T00:00", "deploy", ip_address="192.0.2.1", **quiet),
    ]
    calendar = Thresholds(calendar_zone="UTC", calendar_begins="23:58", calendar_ends="23:59")
    assert [row["id"] for row in ask(22, log)] == ["role"]
    assert [(row["id"], row["related"]) for row in ask(23, log)] == [("left", "act"), ("left", "token")]
    assert ask(32, log) == []
    assert len(ask(36, [*log, entry("twice", "02-12T01:00", "deploy", **loud)], calendar)) == 5
    assert [row["actor"] for row in ask(37, log)] == ["ana@acme.example"]
    assert [row["actors"] for row in ask(2, log)] == [2]
    assert sum(row["actors"] for row in ask(3, log)) == 3
    crowd = [entry(f"{n:02}", "03-01", "deploy", **(loud if n % 2 else quiet)) for n in range(11)]
    assert items(ask(34, crowd)) == [
        ("00", "11 entries at this instant, actors: 1, entries without an actor: 0.", None)
    ]


@pytest.mark.parametrize(
    ("later", "said"), [("00:02", "2.0 seconds"), ("01:30", "1.5 minutes"), ("12:00", "12.0 minutes")]
)
def test_a_time_that_is_short_is_said_in_a_unit_that_shows_it(ask: Ask, later: str, said: str) -> None:
    log = [
        entry("added", "01-05T10:00", "user.add", on="bo"),
        entry("both", f"01-05T10:{later}", "user.role.update", on="bo", role=('"a"', '"b"')),
        entry("left", "01-06T10:00", "user.remove", on="bo"),
        entry("act", f"01-06T10:{later}", "deploy", actor="bo", on="web"),
        entry("back", f"01-06T11:{later}", "deploy.rollback", on="api"),
        entry("out", "01-06T11:00", "deploy", on="api"),
        entry("gone", "01-07T10:00", "deploy.destroy", on="web"),
        entry("new", f"01-07T10:{later}", "deploy", on="web"),
    ]
    assert items(ask(22, log)) == [("both", f"Had added the user {said} before.", "added")]
    assert items(ask(23, log)) == [
        ("left", f"Entries by the removed user: 1, the first {said} after the removal.", "act")
    ]
    assert items(ask(24, log)) == [("back", f"Rolled back {said} after the deployment.", "out")]
    assert items(ask(29, log)) == [("gone", f"Deployed again {said} later.", "new")]


def test_5_a_quick_rollback_is_paired_with_the_last_deployment_of_its_service(ask: Ask) -> None:
    log = [
        entry("d1", "01-05T10:00", "deploy"),
        entry("d2", "01-05T11:00", "deploy"),
        entry("elsewhere", "01-05T11:10", "deploy", on="web"),
        entry("r1", "01-05T11:30", "deploy.rollback"),
        entry("r2", "01-05T12:00:00.000001", "deploy.rollback"),
        entry("d3", "01-06T10:00", "deploy", on="web"),
        entry("r3", "01-06T10:05", "deploy.rollback", on="web"),
        entry("alone", "01-07T10:00", "deploy.rollback", on="old"),
    ]
    assert items(ask(24, log)) == [
        ("r3", "Rolled back 5.0 minutes after the deployment.", "d3"),
        ("r1", "Rolled back 30.0 minutes after the deployment.", "d2"),
    ]
    assert ask(25, log) == [
        {
            "rollbacks": 4,
            "quick": 2,
            "median_minutes": 17.5,
            "longest_minutes": 30.0,
        }
    ]


def test_6_a_key_counts_that_goes_on_with_other_marks(ask: Ask) -> None:
    metadata = ('{"Ticket-ID":"X-1"}', '{"commit.sha":"9f2"}', '{"change request":5}')
    log = [entry(f"u{n}", f"01-0{n + 1}", "deploy", metadata=text) for n, text in enumerate(metadata)]
    log.append(entry("quoted", "02-01", "deploy", metadata='{"note":"say \\"commit\\":5"}'))
    assert [(row["with_reference"], row["without_reference"]) for row in ask(26, log)] == [(3, 1)]
    assert ask(11, log)[0]["id"] == "quoted"


@pytest.mark.parametrize(
    "metadata",
    [
        '{"commit":{"sha":"9f2"}}',
        '{"commits":["9f2"]}',
        '{"pull_requests":[{"id":3}]}',
        '{"change":-7}',
        '{"changes":[-7]}',
        '{"commits":["9f2",null]}',
        '{"commit (short)":"9f2"}',
        r'{"commit\u005fsha":"9f2"}',
        r'{"x":1,"ticket":"\"T\""}',
        '{"changed_by":"ana"}',
    ],
)
def test_6_a_reference_may_stand_in_an_object_or_a_list(ask: Ask, metadata: str) -> None:
    log = [entry("named", "01-05", "deploy", metadata=metadata), entry("bare", "01-04", "deploy")]
    assert [(row["with_reference"], row["without_reference"]) for row in ask(26, log)] == [(1, 1)]
    assert [row["id"] for row in ask(11, log)] == ["bare", "named"]


@pytest.mark.parametrize(
    "metadata",
    [
        r'{"a\"commit":"x"}',
        '{"git_commit":"9f2"}',
        '{"commit":{}}',
        '{"commits":[]}',
        '{"commits":[null]}',
        '{"commits":[null,"9f2"]}',
        '{"commit":true}',
        '{"note":["commit","ticket"]}',
        r'{"note":"{\"commit\":5"}',
    ],
)
def test_6_what_only_looks_like_a_reference_is_none(ask: Ask, metadata: str) -> None:
    log = [
        entry("odd", "01-04", "deploy", metadata=metadata),
        entry("named", "01-05", "deploy", metadata='{"commit":"x"}'),
    ]
    assert [(row["with_reference"], row["without_reference"]) for row in ask(26, log)] == [(1, 1)]
    assert [row["id"] for row in ask(11, log)] == ["odd", "named"]


def test_6_a_dot_in_a_key_is_a_dot(ask: Ask) -> None:
    log = [
        entry(f"u{n}", f"01-0{n + 1}", "deploy", metadata=f'{{"{key}":1}}')
        for n, key in enumerate(("commit.id", "commitXid"))
    ]
    (row,) = ask(26, log, Thresholds(change_keys=("commit.id",)))
    assert (row["with_reference"], row["without_reference"]) == (1, 1)


def test_6_changes_are_counted_with_and_without_a_reference(ask: Ask) -> None:
    metadata = ('{"commit":"9f2"}', '{"Ticket_id":7}', '{"ticket":null}', '{"commit":""}', "{}", None)
    log = [entry(f"u{n}", f"01-0{n + 1}", "deploy", metadata=text) for n, text in enumerate(metadata)]
    log.append(entry("quoted", "02-01", "deploy", metadata='{"note":"say \\"commit\\":\\"x\\""}'))
    log.append(entry("robot", "02-02", "deploy", actor_type="ci", metadata='{"x":{"pull_request":12}}'))
    log.append(entry("other", "02-03", "deploy.rollback", metadata='{"commit":"9f2"}'))
    assert ask(26, log) == [
        {"actor_type": "user", "changes": 7, "with_reference": 2, "without_reference": 5},
        {"actor_type": "ci", "changes": 1, "with_reference": 1, "without_reference": 0},
    ]
    assert {row["id"] for row in ask(11, log)[-3:]} == {"u0", "u1", "robot"}


def test_7_tokens_are_paired_and_those_that_live_on_have_an_age(ask: Ask) -> None:
    log = [
        entry("before", "01-02", "token.delete", on="inherited"),
        entry("made", "01-03", "token.create", on="short"),
        entry("ended", "01-04", "token.delete", on="short"),
        entry("old", "04-01T23:00", "token.create", on="old"),
        entry("edge", "04-02T00:00", "token.create", on="edge"),
        entry("again", "06-01", "token.create", on="short"),
    ]
    assert ask(27, log) == [{"created": 4, "paired": 1, "living": 3, "old": 1, "created_before": 1}]
    what = "Not deleted. Age at the end of the period in full days: 90."
    assert items(ask(28, log)) == [("old", what, None)]
    assert ask(27, []) == [{"created": 0, "paired": 0, "living": 0, "old": 0, "created_before": 0}]


def test_7_a_token_that_is_deleted_twice_was_created_once(ask: Ask) -> None:
    log = [
        entry("made", "01-05", "token.create", on="own"),
        entry("gone", "01-06", "token.delete", on="own"),
        entry("again", "01-07", "token.delete", on="own"),
        entry("old", "01-08", "token.delete", on="inherited"),
        entry("twice", "01-09", "token.delete", on="inherited"),
    ]
    assert ask(27, log) == [{"created": 1, "paired": 1, "living": 0, "old": 0, "created_before": 1}]


def test_7_of_tokens_that_share_only_a_name_the_last_one_is_deleted(ask: Ask) -> None:
    log = [
        entry(id_, f"01-0{n}", f"token.{what}", on="ci", resource_id=None)
        for n, (id_, what) in enumerate((("first", "create"), ("last", "create"), ("gone", "delete")), 1)
    ]
    assert ask(27, log) == [{"created": 2, "paired": 1, "living": 1, "old": 1, "created_before": 0}]
    assert [row["id"] for row in ask(28, log)] == ["first"]


@pytest.mark.parametrize(("created", "deleted"), [("t1", "t2"), ("t2", "t1")])
def test_7_a_token_can_end_at_the_instant_at_which_it_was_made(ask: Ask, created: str, deleted: str) -> None:
    log = [
        entry(created, "01-05T10:00", "token.create", actor="bo", on="ci"),
        entry(deleted, "01-05T10:00", "token.delete", actor="bo", on="ci"),
        entry("left", "02-01", "user.remove", on="bo"),
    ]
    assert ask(27, log) == [{"created": 1, "paired": 1, "living": 0, "old": 0, "created_before": 0}]
    assert ask(28, log) == []
    assert ask(23, log) == []
    log[0] |= {"resource_id": None}
    log[1] |= {"resource_id": None}
    assert ask(27, log) == [{"created": 1, "paired": 0, "living": 1, "old": 1, "created_before": 1}]
    assert [row["id"] for row in ask(28, log)] == [created]
    assert [row["related"] for row in ask(23, log)] == [created]


def test_entries_without_a_resource_are_not_taken_for_one_and_the_same(ask: Ask) -> None:
    log = [
        entry(f"{kind}-{n}", f"01-0{n}", f"{kind}.{what}", resource_id=None, resource_name=None)
        for kind in ("token", "secret")
        for n, what in ((1, "create"), (2, "delete"), (3, "create"))
    ]
    assert ask(27, log) == [{"created": 2, "paired": 0, "living": 2, "old": 2, "created_before": 1}]
    assert [row["id"] for row in ask(28, log)] == ["token-1", "token-3"]
    assert ask(30, log) == [{"names": 0, "replaced": 0, "deleted": 1, "living": 2, "old": 2}]
    assert [row["id"] for row in ask(31, log)] == ["secret-1", "secret-3"]


def test_an_empty_text_is_no_name_that_entries_have_in_common(ask: Ask) -> None:
    nameless = {"actor_email": "", "resource_id": ""}
    log = [
        entry("deployed", "01-05T10:00", "deploy", on="api", **nameless),
        entry("back", "01-05T10:30", "deploy.rollback", on="web", actor="bo", **nameless),
        entry("busy", "06-30", "deploy", actor="cy", **nameless, actor_type="", ip_address=""),
    ]
    assert ask(24, log) == []
    assert [row["actor"] for row in ask(37, log)] == ["usr_ana", "usr_bo"]
    assert ask(20, log)[0]["not_stated"] == 1
    assert ask(5, log)[0]["actor_email"] == 0
    assert [row["resource"] for row in ask(16, [log[0] | {"resource_name": ""}])] == [None]
    texts = ("organization_id", "user_agent", "resource_type", "request_id")
    full, empty = dict.fromkeys(texts, "o1"), dict.fromkeys(texts, "")
    log = [entry("full", "01-05", "deploy", **full), entry("empty", "01-06", "deploy", **empty)]
    assert [ask(5, log)[0][text] for text in texts] == [1, 1, 1, 1]
    assert ask(18, log)[0]["organizations"] == 1


def test_of_entries_at_one_instant_the_resource_is_that_of_the_entry_named(ask: Ask) -> None:
    log = [
        entry("first", "01-05", "deploy", ip_address="192.0.2.1"),
        entry("a", "03-01", "deploy", ip_address="192.0.2.2", on="web"),
        entry("b", "03-01", "deploy", ip_address="192.0.2.2", on="api"),
    ]
    for number in (32, 37):
        assert [(row["id"], row["resource"]) for row in ask(number, log)] == [("a", "web")]


@pytest.mark.parametrize("year", [1, 1969, 1999, 9999])
def test_what_follows_on_a_deployment_is_paired_with_it_in_any_year(ask: Ask, year: int) -> None:
    log = [
        entry("gone", "01-05T09:00", "deploy.destroy"),
        entry("other", "01-05T09:50", "deploy", on="other"),
        entry("new", "01-05T10:00", "deploy"),
        entry("last", "01-05T10:10", "deploy"),
        entry("back", "01-05T10:30", "deploy.rollback"),
    ]
    for row in log:
        row["timestamp"] = row["timestamp"].replace(year=year)
    window = Window(since=datetime(year, 1, 1, tzinfo=UTC), until=datetime(year, 7, 1, tzinfo=UTC))
    assert [row["related"] for row in ask(24, log, window=window)] == ["last"]
    assert [row["related"] for row in ask(29, log, window=window)] == ["new"]


def test_8_destructions_in_a_row_and_undone(ask: Ask) -> None:
    log = [
        entry("x1", "01-05T10:00", "deploy.destroy", on="a"),
        entry("x2", "01-05T10:20", "deploy.destroy", on="b"),
        entry("x3", "01-05T10:40", "deploy.destroy", on="c"),
        entry("x4", "01-05T11:00", "deploy.destroy", on="d"),
        entry("x5", "01-05T11:10", "deploy.destroy", on="e"),
        entry("x6", "01-05T11:19", "deploy.destroy", on="f"),
        entry("new", "01-05T20:00", "deploy", on="b"),
        entry("too-late", "01-07T10:40", "deploy", on="c"),
    ]
    assert items(ask(29, log)) == [
        ("x2", "Deployed again 9.7 hours later.", "new"),
        ("x5", "4 destructions in the hour that ends with this one.", None),
    ]
    assert [row["id"] for row in ask(13, log)] == ["x1", "x2", "x3", "x4", "x5", "x6"]


def test_8_each_burst_of_destructions_is_an_item_however_far_apart(ask: Ask) -> None:
    log = [
        entry(f"{day}{service}", f"01-{day}T10:00", "deploy.destroy", on=service)
        for day in ("05", "06")
        for service in "abcd"
    ]
    shown = "4 destructions in the hour that ends with this one."
    assert items(ask(29, log)) == [("05a", shown, None), ("06a", shown, None)]
    row = [entry(f"x{n}", f"01-05T{10 + n // 3}:{n % 3 * 20:02}", "deploy.destroy") for n in range(9)]
    assert ask(29, row) == []
    row.append(entry("y", "01-05T10:50", "deploy.destroy"))
    assert items(ask(29, row)) == [("y", shown, None)]


def test_9_secrets_are_replaced_deleted_or_grow_old(ask: Ask) -> None:
    log = [
        entry("s1", "01-05", "secret.create", on="stripe", resource_id="one"),
        entry("s2", "02-05T10:00", "secret.delete", on="stripe", resource_id="one"),
        entry("s3", "02-05T10:05", "secret.create", on="stripe", resource_id="two"),
        entry("s4", "03-01", "secret.delete", on="gone"),
        entry("s5", "03-01", "secret.delete", on="slow"),
        entry("s6", "03-05", "secret.create", on="slow"),
        entry("s7", "06-01", "secret.create", on="fresh"),
    ]
    assert ask(30, log) == [{"names": 4, "replaced": 1, "deleted": 1, "living": 3, "old": 2}]
    assert items(ask(31, log)) == [
        ("s3", "Neither replaced nor deleted. Age at the end of the period in full days: 145.", None),
        ("s6", "Neither replaced nor deleted. Age at the end of the period in full days: 118.", None),
    ]


def test_9_of_two_secrets_of_one_name_each_lives_until_it_is_deleted(ask: Ask) -> None:
    log = [
        entry("s1", "01-05", "secret.create", on="DB_URL", resource_id="one"),
        entry("s2", "01-06", "secret.create", on="DB_URL", resource_id="two"),
    ]
    assert ask(30, log) == [{"names": 1, "replaced": 0, "deleted": 0, "living": 2, "old": 2}]
    assert [row["id"] for row in ask(31, log)] == ["s1", "s2"]
    log.append(entry("s3", "01-07", "secret.delete", on="DB_URL", resource_id="one"))
    assert ask(30, log) == [{"names": 1, "replaced": 0, "deleted": 1, "living": 1, "old": 1}]
    assert [row["id"] for row in ask(31, log)] == ["s2"]
    log[2] |= {"resource_id": None}
    assert ask(30, log) == [{"names": 1, "replaced": 0, "deleted": 1, "living": 0, "old": 0}]
    assert ask(31, log) == []


@pytest.mark.parametrize(("created", "deleted"), [("e2", "e3"), ("e3", "e2")])
@pytest.mark.parametrize("new_id", ["two", None])
def test_9_a_secret_replaced_within_an_instant_lives_on(
    ask: Ask, created: str, deleted: str, new_id: str | None
) -> None:
    log = [
        entry("e1", "01-05", "secret.create", on="stripe", resource_id="one"),
        entry(created, "02-05T10:00", "secret.create", on="stripe", resource_id=new_id),
        entry(deleted, "02-05T10:00", "secret.delete", on="stripe", resource_id="one"),
    ]
    assert ask(30, log) == [{"names": 1, "replaced": 1, "deleted": 0, "living": 1, "old": 1}]
    assert [row["id"] for row in ask(31, log)] == [created]


def test_10_people_stand_apart_from_automation(ask: Ask) -> None:
    log = [
        entry("p", "01-05", "deploy"),
        entry("q", "01-06", "deploy", actor_type="CI"),
        entry("r", "01-07", "deploy", actor_type=None),
        entry("s", "01-08", "org.update", actor_type="contractor"),
    ]
    assert ask(20, log) == [
        {"action": "deploy", "people": 1, "automation": 1, "not_stated": 1},
        {"action": "org.update", "people": 1, "automation": 0, "not_stated": 0},
    ]


def test_11_an_address_is_new_after_the_actor_s_own_baseline(ask: Ask) -> None:
    log = [
        entry("home", "01-05T00:00", "deploy", ip_address="192.0.2.1"),
        entry("learnt", "02-03T23:59", "deploy", ip_address="192.0.2.2"),
        entry("new", "02-04T00:00", "deploy", ip_address="192.0.2.3", on="web"),
        entry("same", "02-05", "deploy", ip_address="192.0.2.3"),
        entry("again", "03-01", "deploy", ip_address="192.0.2.1"),
        entry("newcomer", "05-01", "deploy", actor="bo", ip_address="192.0.2.3"),
        entry("nowhere", "06-01", "deploy"),
    ]
    rows = ask(32, log)
    assert items(rows) == [("new", "Entries: 2. This is the first from 192.0.2.3.", None)]
    assert (rows[0]["actor"], rows[0]["resource"]) == ("ana@acme.example", "web")


def test_11_the_baseline_begins_with_the_first_entry_that_has_an_address(ask: Ask) -> None:
    log = [
        entry("nowhere", "01-05", "deploy"),
        entry("first", "03-01", "deploy", ip_address="192.0.2.1"),
        entry("new", "05-01", "deploy", ip_address="192.0.2.2"),
    ]
    assert [row["id"] for row in ask(32, log)] == ["new"]


def test_11_an_address_is_the_same_in_capital_letters(ask: Ask) -> None:
    log = [
        entry("home", "01-05", "deploy", ip_address="2001:db8::A"),
        entry("same", "03-05", "deploy", ip_address="2001:DB8::a"),
        entry("new", "03-06", "deploy", ip_address="2001:db8::B"),
        entry("again", "03-07", "deploy", ip_address="2001:db8::b"),
    ]
    assert items(ask(32, log)) == [("new", "Entries: 2. This is the first from 2001:db8::B.", None)]


def test_12_of_few_gaps_the_longest_are_listed_all_of_one_length(ask: Ask) -> None:
    window = Window(since=datetime(2026, 1, 1, tzinfo=UTC), until=datetime(2026, 1, 9, tzinfo=UTC))
    log = [entry("a", "01-03", "deploy"), entry("b", "01-06", "deploy")]
    assert [(row["id"], row["related"]) for row in ask(33, log, window=window)] == [("a", "b"), ("b", None)]


def test_12_silence_counts_also_at_the_edges_of_the_period(ask: Ask) -> None:
    window = Window(since=datetime(2026, 1, 1, tzinfo=UTC), until=datetime(2026, 1, 12, tzinfo=UTC))
    log = [entry(f"n{n}", f"01-03T{n // 60:02}:{n % 60:02}", "deploy") for n in range(361)]
    log += [entry("after", "01-09T00:00", "deploy"), entry("last", "01-11T06:00", "deploy")]
    assert items(ask(33, log, window=window)) == [
        ("n360", "No entry for 138.0 hours.", "after"),
        ("after", "No entry for 54.0 hours.", "last"),
        (None, "No entry for 48.0 hours, from the start of the period.", "n0"),
    ]
    assert items(ask(33, [], window=window)) == [
        (None, "No entry for 264.0 hours, from the start of the period, up to the end of the period.", None)
    ]


def test_13_a_crowded_instant_is_one_item(ask: Ask) -> None:
    log = [entry(f"c{n:02}", "01-05T10:00", "deploy", actor="ana" if n else "bo") for n in range(11)]
    log += [entry(f"d{n:02}", "01-06T10:00", "deploy") for n in range(10)]
    assert items(ask(34, log)) == [
        ("c00", "11 entries at this instant, actors: 2, entries without an actor: 0.", None)
    ]


def test_13_an_instant_is_one_actor_s_only_where_every_entry_says_so(ask: Ask) -> None:
    log = [entry(f"c{n:02}", "01-05T10:00", "deploy", actor_id=None, actor_email=None) for n in range(10)]
    log.append(entry("c10", "01-05T10:00", "deploy"))
    (row,) = ask(34, log)
    assert row["what"] == "11 entries at this instant, actors: 1, entries without an actor: 10."
    assert row["actor"] is None


def test_14_an_unknown_action_is_listed_with_its_first_entry_and_its_count(ask: Ask) -> None:
    log = [
        entry("w2", "02-01", "webhook.replay"),
        entry("w1", "01-05", "webhook.replay"),
        entry("q1", "01-06", "quota.adjust"),
        entry("known", "01-07", "deploy"),
    ]
    assert items(ask(35, log)) == [
        ("w1", "Entries: 2. This is the first of the action webhook.replay.", None),
        ("q1", "Entries: 1. This is the first of the action quota.adjust.", None),
    ]


def test_no_value_of_the_log_is_so_long_that_the_figure_beside_it_is_cut(ask: Ask) -> None:
    long = "x, entries of it: 9" * 100
    log = [
        entry("home", "01-05", "deploy", ip_address="192.0.2.1"),
        entry("away", "03-01", "deploy", ip_address=long),
        entry("odd", "03-01", long),
        entry("made", "01-02", "token.create", actor="bo", on=long),
        entry("left", "02-01", "user.remove", on="bo"),
    ]
    shown = [text(row["what"]).replace(BREAK, "") for number in (23, 32, 35) for row in ask(number, log)]
    begin = ["Not deleted up to the end of the period: a token", "Entries: 1. ", "Entries: 1. "]
    assert all(what.startswith(figure) for what, figure in zip(shown, begin, strict=True))


def test_15_working_hours_follow_the_clocks_of_the_zone_through_summer_time(ask: Ask) -> None:
    berlin = Thresholds(calendar_zone="Europe/Berlin", calendar_holidays=("2026-05-01",))
    log = [
        entry("winter-early", "01-05T06:59", "deploy"),
        entry("winter-begins", "01-06T07:00", "deploy"),
        entry("winter-late", "01-07T17:00", "deploy"),
        entry("winter-later", "01-07T20:00", "deploy"),
        entry("summer-early", "03-30T05:59", "deploy"),
        entry("summer-begins", "03-31T06:00", "deploy"),
        entry("summer-ends", "03-31T15:59", "deploy"),
        entry("saturday", "04-04T10:00", "deploy"),
        entry("holiday", "05-01T10:00", "deploy"),
        entry("robot", "05-02T10:00", "deploy", actor_type="service"),
        entry("sunday-by-local-clock", "05-03T22:30", "deploy"),
    ]
    shown = "Entries outside working hours on {}: {}, the first at {} by the clocks of Europe/Berlin."
    assert items(ask(36, log, berlin)) == [
        ("sunday-by-local-clock", shown.format("2026-05-04", 1, "00:30"), None),
        ("holiday", shown.format("2026-05-01", 1, "12:00"), None),
        ("saturday", shown.format("2026-04-04", 1, "12:00"), None),
        ("summer-early", shown.format("2026-03-30", 1, "07:59"), None),
        ("winter-late", shown.format("2026-01-07", 2, "18:00"), None),
        ("winter-early", shown.format("2026-01-05", 1, "07:59"), None),
    ]


def test_15_entries_without_an_actor_are_no_one_person_s(ask: Ask) -> None:
    log = [
        entry(f"e{n}", f"01-05T0{n}:00", "deploy", actor_id=None, actor_email=None, actor_type=None)
        for n in range(2)
    ]
    shown = "Entries outside working hours on 2026-01-05: 1, the first at {} by the clocks of UTC."
    assert items(ask(36, log, Thresholds(calendar_zone="UTC"))) == [
        ("e1", shown.format("01:00"), None),
        ("e0", shown.format("00:00"), None),
    ]


def test_16_an_actor_is_idle_who_has_no_entry_for_long_and_was_not_removed(ask: Ask) -> None:
    log = [
        entry("first", "01-05", "deploy", actor="bo"),
        entry("last", "04-01T23:59", "deploy", actor="bo", on="web"),
        entry("edge", "04-02T00:00", "deploy", actor="cy"),
        entry("left", "02-01", "deploy", actor="di"),
        entry("removal", "06-30", "user.remove", on="di"),
    ]
    rows = ask(37, log)
    assert items(rows) == [
        ("last", "Last of the entries by this actor (2), 90 days before the end of the period.", None)
    ]
    assert (rows[0]["actor"], rows[0]["resource"]) == ("bo@acme.example", "web")


def test_16_who_was_added_again_is_idle_like_anyone(ask: Ask) -> None:
    log = [
        entry("left", "01-05", "user.remove", on="bo"),
        entry("back", "01-06", "user.add", on="bo"),
        entry("last", "01-07", "deploy", actor="bo"),
        entry("busy", "06-30", "deploy"),
    ]
    assert items(ask(37, log)) == [
        ("last", "Last of the entries by this actor (1), 175 days before the end of the period.", None)
    ]
    log[1] |= {"resource_id": "usr_bo2"}
    assert [row["id"] for row in ask(37, log)] == ["last"]
    log[1] |= {"id": "new", "timestamp": log[0]["timestamp"]}
    assert [row["id"] for row in ask(37, log)] == ["last"]
    log.append(entry("again", "02-01", "user.remove", on="bo", resource_id="usr_bo2"))
    assert ask(37, log) == []


def test_16_an_actor_is_removed_by_any_of_the_ids_that_go_with_the_address(ask: Ask) -> None:
    log = [
        entry("first", "01-05", "deploy", actor="bo", actor_id="usr_z"),
        entry("last", "01-06", "deploy", actor="bo", actor_id="usr_bo"),
        entry("left", "02-01", "user.remove", on="bo", resource_name=None),
        entry("busy", "06-30", "deploy"),
    ]
    assert ask(37, log) == []
    log[2] |= {"resource_id": "usr_cy"}
    assert [row["id"] for row in ask(37, log)] == ["last"]


def test_17_the_matrix_begins_on_monday(ask: Ask) -> None:
    log = [
        entry("monday", "01-05T00:00", "deploy"),
        entry("also", "01-12T00:59:59.999999", "deploy"),
        entry("sunday", "01-04T23:00", "deploy"),
    ]
    assert ask(19, log) == [
        {"weekday": 0, "hour_of_day": 0, "entries": 2},
        {"weekday": 6, "hour_of_day": 23, "entries": 1},
    ]
    assert [(str(row["day"]), row["hour_of_day"], row["entries"]) for row in ask(4, log)] == [
        ("2026-01-04", 23, 1),
        ("2026-01-05", 0, 1),
        ("2026-01-12", 0, 1),
    ]
