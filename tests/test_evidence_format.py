"""A second implementation of the derivation, written from docs/evidence-format.md alone.

Everything above the entries at the end uses the standard library only; the tests below compare.
"""

import gzip
import hashlib
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import fields as dataclass_fields
from datetime import UTC, datetime, timedelta
from decimal import ROUND_DOWN, Decimal
from itertools import product
from json import scanner
from pathlib import Path
from typing import Any

import httpx
import pytest

from exporter.derive import derive
from exporter.export import export
from exporter.facts import Selection, Window
from exporter.record import Run
from exporter.source.bodies import Payload
from exporter.source.credentials import Key
from exporter.source.platform import recorded_rows
from exporter.source.responses import ResponseFile
from tests.pages import WINDOW
from tests.world import NOW, World

COLUMNS = [
    "id",
    "timestamp",
    "organization_id",
    "actor_id",
    "actor_email",
    "actor_type",
    "ip_address",
    "user_agent",
    "action",
    "resource_type",
    "resource_id",
    "resource_name",
    "request_id",
    "changes",
    "metadata",
    "extra",
    "source_sha256",
]
PLACES = {
    "id": ["id"],
    "organization_id": ["organization_id"],
    "actor_id": ["actor_id", "user_id", "user.id"],
    "actor_email": ["actor_email", "user_email", "user.email"],
    "actor_type": ["actor_type"],
    "ip_address": ["ip_address", "ip"],
    "user_agent": ["user_agent"],
    "action": ["action"],
    "resource_type": ["resource_type", "resource.type"],
    "resource_id": ["resource_id", "resource.id"],
    "resource_name": ["resource_name", "resource.name"],
    "request_id": ["request_id", "metadata.request_id"],
}
SPACE = " \t\r\n"
DECODER = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=str)
LEVELS = 200


def bodies(warc: Path) -> Iterator[str]:
    """Section 2: the bodies of responses of status 200."""
    data = gzip.decompress(warc.read_bytes())
    while data:
        head, _, rest = data.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:])
        length = int(headers["Content-Length"])
        content, data = rest[:length], rest[length + 4 :]
        if headers["WARC-Type"] == "response":
            status, _, body = content.partition(b"\r\n\r\n")
            if status.split()[1] == b"200":
                yield body.decode("utf-8-sig")


def members(text: str) -> dict[str, str]:
    """The members of an object as JSON text."""
    found, at = {}, skip(text, text.index("{") + 1)
    while text[at] != "}":
        name, at = DECODER.raw_decode(text, at)
        begin = skip(text, skip(text, at) + 1)
        _, end = DECODER.raw_decode(text, begin)
        found[name] = text[begin:end]
        at = skip(text, end)
        at = skip(text, at + 1) if text[at] == "," else at
    return found


def given(found: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in found.items() if value != "null"}


def items(text: str) -> list[str]:
    """The items of an array as JSON text."""
    found, at = [], skip(text, text.index("[") + 1)
    while text[at] != "]":
        _, end = DECODER.raw_decode(text, at)
        found.append(text[at:end])
        at = skip(text, end)
        at = skip(text, at + 1) if text[at] == "," else at
    return found


def skip(text: str, at: int) -> int:
    while text[at] in SPACE:
        at += 1
    return at


def entries(body: str) -> list[str]:
    """Section 2: the entries of a list, or none where the body is no list."""
    try:
        DECODER.decode(body)
    except ValueError:
        return []
    body = body.strip(SPACE)
    if body.startswith("["):
        return items(body)
    outer = given(members(body)) if body.startswith("{") else {}
    if outer.get("error", "false") != "false":
        return []
    inner = outer
    if outer.get("data", "[")[0] != "[":
        inner = given(members(outer["data"])) if outer["data"][0] == "{" else {}
    if any(not re.fullmatch(r"-?\d+", inner.get(name, "0")) for name in ("total", "limit", "offset")):
        return []
    names = ("audit_logs", "entries", "data")
    found = next((inner[name] for name in names if name in inner), "")
    lists = (each[name] for each in (inner, outer) for name in names if name in each)
    if any(each is not found and each.startswith("[") and items(each) for each in lists):
        return []
    return items(found) if found.startswith("[") else []


def text_of(value: str | None) -> str | None:
    if value is None or value == "null" or value[0] in "[{":
        return None
    return str(json.loads(value)) if value[0] == '"' else value


def compact(value: str) -> str:
    return re.sub(r'("(?:[^"\\]|\\.)*")|[ \t\r\n]+', lambda token: token[1] or "", value)


def string(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)


def moment_of(value: str) -> tuple[datetime, bool]:
    """Section 4: a time cut to microseconds, and whether digits other than zero were cut."""
    if value[0] != '"':
        number = Decimal(value)
        micros = number * (1_000 if abs(number) >= 100_000_000_000 else 1_000_000)
        whole = micros.to_integral_value(ROUND_DOWN)
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(whole)), whole != micros
    found = re.fullmatch(
        r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d+))?([Zz]|[+-]\d\d:\d\d)?", json.loads(value)
    )
    assert found is not None
    date, time, fraction, zone = found.groups(default="")
    zone = "+00:00" if zone in ("", "Z", "z") else zone
    moment = datetime.fromisoformat(f"{date}T{time}.{fraction[:6]:0<6}{zone}").astimezone(UTC)
    return moment, bool(fraction[6:].strip("0"))


def changes_of(value: str) -> str | None:
    """Section 4 and 5: changes as they stand in the JSON line; nothing where their shape is unknown."""
    changes = []
    if value[0] == "{":
        for name, one in members(value).items():
            pair = pair_of(members(one)) if one[0] == "{" else None
            if one[0] == "[" and len(items(one)) == 2:
                pair = dict(zip(("old", "new"), items(one), strict=True))
            changes.append((name, pair or {"new": one}))
    elif value[0] == "[":
        for one in items(value):
            sides = members(one) if one[0] == "{" else {}
            name = sides.pop("field", "null")
            pair = pair_of(sides) if sides else {}
            if name[0] != '"' or pair is None:
                return None
            changes.append((json.loads(name), pair))
    else:
        return None
    objects = []
    for name, pair in changes:
        sides_given = "".join(f',"{side}":{compact(pair[side])}' for side in ("old", "new") if side in pair)
        objects.append(f'{{"field":{string(name)}{sides_given}}}')
    return f"[{','.join(objects)}]"


def pair_of(sides: dict[str, str]) -> dict[str, str] | None:
    for old, new in (("old", "new"), ("from", "to")):
        if sides and sides.keys() <= {old, new}:
            return {side: sides[name] for side, name in (("old", old), ("new", new)) if name in sides}
    return None


def place_user_and_resource(
    fields: dict[str, str],
    nested: dict[str, dict[str, str]],
    texts: dict[str, str | None],
    left: dict[str, str],
) -> None:
    user = text_of(fields.get("user"))
    column = "actor_email" if user is not None and "@" in user else "actor_id"
    if user is not None and texts.get(column) is None:
        texts[column] = user
        left.pop("user")
    known = {place: column for column, places in PLACES.items() for place in places if "." in place}
    for name in ("user", "resource"):
        if name in nested and all(
            value == "null" or text_of(value) == texts.get(known.get(f"{name}.{member}", ""), ())
            for member, value in nested[name].items()
        ):
            left.pop(name)


def row_of(entry: str) -> tuple[datetime, str, str, dict[str, str | None]]:
    """Section 4: when, id, digest, and the row with each value as it stands in the JSON line."""
    digest = hashlib.sha256(entry.encode()).hexdigest()
    halves = r"\\(?:u[dD][89abAB]..\\u[dD][c-fC-F]..|(u[dD][89a-fA-F]..)|.)"
    readable = re.sub(halves, lambda escape: r"\ufffd" if escape[1] else escape[0], entry)
    fields = given(members(readable))
    nested = {name: members(value) for name, value in fields.items() if value[0] == "{"}
    left = dict(fields)
    texts: dict[str, str | None] = {}
    for column, places in PLACES.items():
        for place in places:
            name, _, member = place.partition(".")
            text = text_of(nested.get(name, {}).get(member) if member else fields.get(name))
            if text is not None:
                texts[column] = text
                if not member:
                    left.pop(name, None)
                break
    place_user_and_resource(fields, nested, texts, left)
    time = next(name for name in ("created_at", "timestamp") if name in fields)
    moment, cut = moment_of(fields[time])
    if not cut:
        left.pop(time)
    changes = changes_of(fields["changes"]) if "changes" in fields else None
    if changes is not None:
        left.pop("changes")
    metadata = next((name for name in ("metadata", "details") if name in fields), None)
    if metadata is not None:
        left.pop(metadata)
    extra = ",".join(f"{string(name)}:{compact(value)}" for name, value in left.items())
    row = {name: None if text is None else string(text) for name, text in texts.items()} | {
        "timestamp": f'"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond:06}Z"',
        "changes": changes,
        "metadata": metadata and compact(fields[metadata]),
        "extra": f"{{{extra}}}" if extra else None,
        "source_sha256": f'"{digest}"',
    }
    assert texts["id"]
    assert texts["action"]
    return moment, texts["id"], digest, row


def levels_of(entry: str) -> int:
    """Section 4: how many arrays and objects of an entry stand inside one another, at most."""
    depth = deepest = 0
    for bracket in re.findall(r'"(?:[^"\\]|\\.)*"|[\[{}\]]', entry):
        depth += (bracket in "[{") - (bracket in "]}")
        deepest = max(deepest, depth)
    return deepest


def table(warc: Path, run: dict[str, Any]) -> list[dict[str, str | None]]:
    """Section 3: the rows, each value as it stands in the JSON line."""
    since, until = (datetime.fromisoformat(run["window"][end]) for end in ("since", "until"))
    overlap = run.get("overlap") or {"since": run["window"]["since"], "late": []}
    reread = datetime.fromisoformat(overlap["since"])
    received = [entry for body in bodies(warc) for entry in entries(body)]
    if run["options"]["allow_partial"]:
        received = [entry for entry in received if levels_of(entry) <= LEVELS]
    assert all(levels_of(entry) <= LEVELS for entry in received)
    rows = sorted(map(row_of, received), key=lambda row: row[:3])
    kept: dict[str, dict[str, str | None]] = {}
    for moment, id_, _, row in rows:
        inside = since <= moment < until or (reread <= moment < since and id_ in overlap["late"])
        if inside and matches(row, run.get("filters", {})):
            kept.setdefault(id_, row)
    return list(kept.values())


def matches(row: dict[str, str | None], filters: dict[str, str]) -> bool:
    places = {"action": ("action",), "user": ("actor_id", "actor_email")}
    return all(string(value) in map(row.get, places[name]) for name, value in filters.items())


def jsonl(warc: Path, run: dict[str, Any]) -> bytes:
    """Section 5: the JSON lines."""
    lines = [
        "{" + ",".join(f'"{name}":{row.get(name) or "null"}' for name in COLUMNS) + "}\n"
        for row in table(warc, run)
    ]
    return "".join(lines).encode()


def csv(warc: Path, run: dict[str, Any]) -> bytes:
    """Section 6: the CSV."""
    rows = [[cell(name, row.get(name)) for name in COLUMNS] for row in table(warc, run)]
    return "".join(",".join(line) + "\r\n" for line in [COLUMNS, *rows]).encode()


def cell(column: str, value: str | None) -> str:
    if value is None:
        return ""
    text = value if column in ("changes", "metadata", "extra") else str(json.loads(value))
    apostrophe = "'" if text.startswith(("=", "+", "-", "@", "\t", "\r", "\n", "\0", "'")) else ""
    doubled = text.replace('"', '""')
    return f'"{apostrophe}{doubled}"'


ODD = [
    {"id": 7, "action": 1.50, "created_at": 1_767_225_600.123456789, "n": 10**30, "user": "ada@acme.example"},
    {
        "id": "a",
        "action": "\ud800\ue000",
        "timestamp": "2026-01-02 03:04:05.1234567",
        "user": {"id": "u", "x": None},
    },
    {
        "id": "b",
        "action": "=1",
        "timestamp": 1_767_225_600_123.4567,
        "user": {"id": "u", "x": 1},
        "actor_id": "v",
    },
    {
        "id": "c",
        "action": "x",
        "created_at": "2026-01-02t03:04:05+02:00",
        "user": True,
        "resource": {},
        "details": [],
    },
    {
        "id": "d",
        "action": "x",
        "created_at": "2026-01-31T23:59:59.9999999Z",
        "changes": {"a": {"old": None}, "b": {}},
    },
    {"id": "e", "action": "x", "created_at": -1.5, "changes": [{"field": "f", "from": 1}, {"field": "g"}]},
    {"id": "\0=1", "action": "x", "created_at": -1.5},
    {
        "id": "f",
        "action": "x",
        "created_at": 1_767_225_600,
        "changes": [{"field": 1}],
        "metadata": {"request_id": 5},
    },
    {
        "id": "g",
        "action": "x",
        "created_at": 1_767_225_600,
        "changes": {"h": [1, None], "i": [1], "j": "\x00\x7f\u2028"},
    },
    {
        "id": "h",
        "action": "x",
        "created_at": 1_767_225_600,
        "changes": [],
        "metadata": "text",
        "details": {"é": 1e300},
    },
    {"id": "h", "action": "y", "created_at": 1_767_225_700, "request_id": [], "ip": 1, "ip_address": None},
    {
        "id": "i",
        "action": "x",
        "created_at": 1_767_225_600,
        "resource": {"type": "t", "id": {"u": 1}},
        'q"\x1f': [1, {"a b": 2}],
    },
]
"""Entries of every shape that the document speaks of."""


def recorded(warc: Path, answers: list[tuple[str, int]]) -> None:
    """Keep answers, each a body and its status, as a run does."""
    with ResponseFile(warc, key=Key("no-such-key-in-here", origin="the test"), at=NOW) as kept:
        for body, status in answers:
            request = httpx.Request("GET", "https://api.satusky.com/v1/cli/audit")
            kept.append(httpx.Response(status, request=request), Payload.of(body.encode()), at=NOW)


def test_a_second_implementation_arrives_at_the_same_bytes(world: World, tmp_path: Path) -> None:
    for organization in (None, str(world.settings.organization_id)):
        published = export(
            world.request(tmp_path, organization=organization, label=str(organization)),
            now=lambda: NOW,
            progress=lambda *_: None,
        )
        data = published.bundle / "data"

        warc, run = data / "raw" / "responses.warc.gz", json.loads((data / "run.json").read_bytes())

        assert jsonl(warc, run) == (data / "audit.jsonl").read_bytes()
        assert csv(warc, run) == (data / "audit.csv").read_bytes()
        assert len(table(warc, run)) > 100


@pytest.mark.parametrize(
    "wrap", ["%s", '{"data": {"total": 1, "audit_logs": %s}}', '{"entries": null, "data": %s}']
)
@pytest.mark.parametrize("separators", [(",", ":"), (" , ", " :\t")])
@pytest.mark.parametrize("ascii_only", [True, False])
def test_a_second_implementation_reads_every_odd_shape_the_same_way(
    tmp_path: Path, wrap: str, separators: tuple[str, str], *, ascii_only: bool
) -> None:
    text = json.dumps(ODD, separators=separators, ensure_ascii=ascii_only)
    text = text.replace('"g"', '"g", "id": "gg"').encode("utf-8", "replace").decode()
    warc = tmp_path / "responses.warc.gz"
    recorded(warc, [(wrap % text, 200), ("[]", 200), ("<html>", 200), (text, 500)])
    run = {
        "window": {"since": "1969-12-31T00:00:00Z", "until": "2026-02-01T00:00:00Z"},
        "options": {"allow_partial": False},
    }
    window = Window(since=datetime(1969, 12, 31, tzinfo=UTC), until=datetime(2026, 2, 1, tzinfo=UTC))

    derive(recorded_rows(warc), Selection(window=window), tmp_path)

    assert jsonl(warc, run) == (tmp_path / "audit.jsonl").read_bytes()
    assert csv(warc, run) == (tmp_path / "audit.csv").read_bytes()
    assert len(table(warc, run)) == len(ODD) - 1


@pytest.mark.parametrize(
    "wrap",
    [
        '{"error": true, "data": %s}',
        '{"error": "none", "data": {"audit_logs": %s}}',
        '{"error": null, "message": 5, "data": {"error": 1, "entries": %s}}',
        '{"audit_logs": %s, "data": {"id": "x"}}',
        '{"audit_logs": %s, "data": "none"}',
        '{"audit_logs": [], "data": {"audit_logs": null, "entries": %s}}',
        '{"audit_logs": {}, "entries": %s}',
        '{"entries": [], "data": %s}',
        '{"entries": [{}], "data": {"audit_logs": %s}}',
        '{"total": "1", "data": %s}',
        '{"total": "1", "data": {"total": -1, "data": %s}}',
        '{"data": {"limit": 1.0, "data": %s}}',
        '{"data": {"data": {"data": %s}}}',
    ],
)
def test_a_second_implementation_sees_lists_in_the_same_bodies(tmp_path: Path, wrap: str) -> None:
    entry = '{"id": "a", "action": "x", "created_at": "2026-01-02T00:00:00Z"}'
    warc = tmp_path / "responses.warc.gz"
    recorded(warc, [(wrap % f"[{entry}]", 200)])
    run = {
        "window": {"since": "2026-01-01T00:00:00Z", "until": "2026-02-01T00:00:00Z"},
        "options": {"allow_partial": False},
    }

    derive(recorded_rows(warc), Selection(window=WINDOW), tmp_path)

    assert jsonl(warc, run) == (tmp_path / "audit.jsonl").read_bytes()


@pytest.mark.parametrize("filters", [{"action": "x"}, {"user": "u"}, {"user": "a@b", "action": "y"}])
def test_a_second_implementation_selects_the_same_rows(tmp_path: Path, filters: dict[str, str]) -> None:
    """Late entries of the overlap belong to the table, others before the window do not."""
    entry = '{"id": "%s", "action": "%s", "created_at": "2026-01-%02dT00:00:00Z", "user": "%s"}'
    entries_ = [
        entry % (f"{day}{action}{user}", action, day, user)
        for day, action, user in product((1, 2, 3), "xy", ("u", "a@b"))
    ]
    warc = tmp_path / "responses.warc.gz"
    recorded(warc, [(f"[{','.join(entries_)}]", 200)])
    late = [f"{day}{action}{user}" for day, action, user in product((1, 2), "xy", ("u", "a@b"))]
    run = {
        "window": {"since": "2026-01-03T00:00:00Z", "until": "2026-02-01T00:00:00Z"},
        "overlap": {"since": "2026-01-02T00:00:00Z", "late": late[:-1]},
        "filters": filters,
        "options": {"allow_partial": False},
    }
    begin, since = datetime(2026, 1, 2, tzinfo=UTC), datetime(2026, 1, 3, tzinfo=UTC)
    selection = Selection(
        window=Window(since=since, until=datetime(2026, 2, 1, tzinfo=UTC)),
        overlap=Window(since=begin, until=since),
        late=frozenset(late[:-1]),
        **filters,
    )

    derive(recorded_rows(warc), selection, tmp_path)

    assert jsonl(warc, run) == (tmp_path / "audit.jsonl").read_bytes()
    assert 0 < len(table(warc, run)) < len(entries_)


def test_the_page_names_every_field_of_the_record() -> None:
    page = (Path(__file__).parent.parent / "docs" / "evidence-format.md").read_text("utf-8")
    rows = page.split("## 9 ")[1].split("## 10 ")[0]
    listed = [
        name
        for line in re.findall(r"^\| (`.*?) \|", rows, re.MULTILINE)
        for name in re.findall("`([^`]+)`", line)
    ]
    assert sorted(listed) == sorted(field.name for field in dataclass_fields(Run))


@pytest.fixture
def patient_reader(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Have the standard library read JSON to any depth that a test makes.

    What is written in C goes no deeper than Python 3.12 has it, whatever limit is set.
    """
    in_python = scanner.py_make_scanner(DECODER)  # type: ignore[attr-defined]  # typeshed leaves it out
    monkeypatch.setattr(DECODER, "scan_once", in_python)
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(8_000)
    yield
    sys.setrecursionlimit(limit)


@pytest.mark.usefixtures("patient_reader")
@pytest.mark.parametrize("wrap", ["%s", '{"debug": {"x": [[[]]]}, "data": {"total": 1, "audit_logs": %s}}'])
def test_a_second_implementation_reads_entries_of_every_depth_the_same_way(tmp_path: Path, wrap: str) -> None:
    shapes = [
        '"metadata": %s',
        '"anything": [%s]',
        '"changes": {"a": {"old": %s}}',
        '"user": %s, "changes": %s',
    ]
    entry = '{"id": "%s", "action": "x", "created_at": "2026-01-02T00:00:00Z", %s}'
    sent = [
        entry % (f"{shape} {depth}", shapes[shape].replace("%s", begin * depth + "1" + end * depth))
        for depth in (1, 196, 197, 198, 199, 200, 201, 900, 985, 1_500)
        for shape, (begin, end) in product(range(len(shapes)), [("[", "]"), ('{"k":["}", ', "]}")])
    ]
    warc = tmp_path / "responses.warc.gz"
    recorded(warc, [(wrap % f"[{', '.join(sent)}]", 200)])
    run = {
        "window": {"since": "2026-01-01T00:00:00Z", "until": "2026-02-01T00:00:00Z"},
        "options": {"allow_partial": True},
    }

    derive(recorded_rows(warc, lenient=True), Selection(window=WINDOW), tmp_path)

    assert jsonl(warc, run) == (tmp_path / "audit.jsonl").read_bytes()
    assert 0 < jsonl(warc, run).count(b"\n") < len(sent)
