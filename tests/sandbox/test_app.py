import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from uuid import UUID

import httpx
import pytest
from starlette.applications import Starlette

from exporter.sandbox.app import Settings, create_app
from exporter.sandbox.audit_service import AuditService
from exporter.sandbox.cast import ORGANIZATION_ID
from exporter.sandbox.dialects import Body
from exporter.sandbox.entry import SECOND, Entry, Json, nanoseconds
from exporter.sandbox.faults import Fault
from exporter.sandbox.history import generate
from exporter.sandbox.server import serving

ENDS = datetime(2026, 4, 27, 10, 14, 2, tzinfo=UTC)
ENTRIES = list(generate(entries=300, ends=ENDS))
NOBODY = UUID(int=404)
A = "/audit"
B = f"/audit-logs/organizations/{ORGANIZATION_ID}"


@dataclass(slots=True)
class Platform:
    service: AuditService
    client: httpx.Client
    app: Starlette
    now: datetime = ENDS
    entries: tuple[Entry, ...] = tuple(ENTRIES)

    def behave(self, settings: Settings) -> None:
        self.app.state.settings = settings

    def get(self, path: str, **query: str | int) -> httpx.Response:
        return self.client.get(path, params=query or None)

    def ids(self, **query: str | int) -> list[str]:
        page = self.get(B, **query).json()["data"]["audit_logs"]
        return [entry["id"] for entry in page]


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[Starlette, str]]:
    with AuditService() as empty:
        app = create_app(empty, Settings(), lambda: ENDS)
        with serving(app) as served:
            yield app, served.base_url


@pytest.fixture
def platform(server: tuple[Starlette, str]) -> Iterator[Platform]:
    app, base_url = server
    key = {"x-satusky-api-key": "sandbox-key"}
    with AuditService() as service, httpx.Client(base_url=base_url, headers=key, trust_env=False) as client:
        service.record_all(ENTRIES)
        fresh = Platform(service, client, app)
        app.state.service, app.state.settings, app.state.clock = service, Settings(), lambda: fresh.now
        yield fresh


def test_both_dialects_tell_the_same_of_every_entry(platform: Platform) -> None:
    documented = platform.get(A, limit=500).json()
    called = platform.get(B, limit=500).json()["data"]["audit_logs"]
    assert len(documented) == len(called) == 300
    for a, b in zip(documented, called, strict=True):
        assert a["id"] == f"log_{UUID(b['id']).hex}"
        assert a["user"] == {"id": f"usr_{UUID(b['actor_id']).hex}", "email": b["actor_email"]}
        assert a["ip"] == b["ip_address"]
        assert a["action"] == b["action"]
        assert a["resource"]["type"] == b["resource_type"]
        assert a["resource"]["id"].split("_")[1] == UUID(b["resource_id"]).hex
        assert a["resource"]["name"] == b["resource_name"]
        assert a["changes"] == (b["changes"] or {})
        assert a["request_id"] == b["metadata"].pop("request_id")
        assert a.get("details", {}) == b["metadata"]
        assert a["timestamp"] == b["created_at"][:19] + "Z"


def test_dialect_a_names_deployments_as_the_manual_does(platform: Platform) -> None:
    deploys = platform.get(A, action="deploy").json()
    assert deploys
    assert all(entry["resource"]["type"] == "deployment" for entry in deploys)
    assert all(entry["resource"]["id"].startswith("dep_") for entry in deploys)


def test_dialect_b_keeps_nanoseconds_and_integers_beyond_a_float(platform: Platform) -> None:
    page = platform.get(B, action="quota.adjust", limit=1).json()["data"]["audit_logs"][0]
    newest = next(entry for entry in reversed(platform.entries) if entry.action == "quota.adjust")
    assert page["changes"] == {"bytes": {"old": 2**53 + 6, "new": 2**53 + 7}} == newest.changes
    seconds, _, fraction = page["created_at"].rstrip("Z").partition(".")
    moment = nanoseconds(datetime.fromisoformat(seconds).replace(tzinfo=UTC))
    assert moment + int(fraction.ljust(9, "0")) == newest.created_at


def test_an_entry_can_be_read_by_its_id_in_both_dialects(platform: Platform) -> None:
    documented = platform.get(A, limit=1).json()[0]
    assert platform.get(f"{A}/{documented['id']}").json() == documented
    called = platform.get(B, limit=1).json()["data"]["audit_logs"][0]
    assert platform.get(f"{B}/{called['id']}").json()["data"] == called


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (f"{A}/log_{NOBODY.hex}", 404),
        (f"{A}/{NOBODY}", 404),
        (f"{B}/{NOBODY}", 404),
        (f"{B}/nonsense", 404),
        (f"/audit-logs/organizations/{NOBODY}", 403),
        ("/nothing/here", 404),
        (f"{B}?limit=many", 400),
        (f"{B}?limit={10**18}", 400),
        (f"{B}?user_id=nobody", 400),
    ],
)
def test_what_cannot_be_answered_is_refused_in_the_error_envelope(
    platform: Platform, path: str, status: int
) -> None:
    response = platform.get(path)
    assert response.status_code == status
    assert response.json()["error"] is True
    assert response.json()["message"]


@pytest.mark.parametrize("path", [A, B])
@pytest.mark.parametrize("key", ["", "wrong"])
def test_without_the_key_nothing_is_shown(platform: Platform, path: str, key: str) -> None:
    platform.client.headers["x-satusky-api-key"] = key
    response = platform.get(path)
    assert response.status_code == 401
    assert response.json() == {"error": True, "message": "Invalid or missing API key"}


def test_the_date_is_the_clock_that_was_given(platform: Platform) -> None:
    platform.now = ENDS + timedelta(days=9000)
    for path in (A, "/nothing"):
        response = platform.get(path)
        assert response.headers.get_list("date") == ["Sat, 17 Dec 2050 10:14:02 GMT"]
        assert parsedate_to_datetime(response.headers["date"]) == platform.now


def test_a_page_has_twenty_rows_unless_asked_otherwise(platform: Platform) -> None:
    data = platform.get(B).json()["data"]
    assert (len(data["audit_logs"]), data["total"], data["limit"], data["offset"]) == (20, 300, 20, 0)
    assert len(platform.get(A).json()) == 20


def test_offsets_tile_the_log(platform: Platform) -> None:
    read = [entry for offset in (0, 100, 200, 300) for entry in platform.ids(limit=100, offset=offset)]
    assert read == [str(entry.id) for entry in reversed(platform.entries)]


@pytest.mark.parametrize("by", ["id", "email"])
def test_both_dialects_filter_by_action_and_user(platform: Platform, by: str) -> None:
    admin = next(entry for entry in platform.entries if entry.action == "user.add")
    hers = [e for e in platform.entries if (e.actor_id, e.action) == (admin.actor_id, "user.add")]
    a = admin.actor_email if by == "email" else f"usr_{admin.actor_id.hex}"
    b = admin.actor_email if by == "email" else str(admin.actor_id)
    assert len(platform.get(A, action="user.add", user=a).json()) == len(hers)
    assert platform.get(B, action="user.add", user_id=b).json()["data"]["total"] == len(hers)


@pytest.mark.parametrize(
    ("body", "entries"),
    [
        (Body.ENVELOPE, lambda page: page["data"]["audit_logs"]),
        (Body.ENVELOPE_ARRAY, lambda page: page["data"]),
        (Body.ARRAY, lambda page: page),
        (Body.AUDIT_LOGS, lambda page: page["audit_logs"]),
        (Body.ENTRIES, lambda page: page["entries"]),
        (Body.DATA, lambda page: page["data"]),
    ],
)
def test_the_shape_of_the_body_is_a_setting(
    platform: Platform, body: Body, entries: Callable[[Any], list[object]]
) -> None:
    platform.behave(Settings(body=body))
    for path in (A, B):
        assert len(entries(platform.get(path, limit=3).json())) == 3


def test_a_dialect_can_be_left_out(platform: Platform) -> None:
    platform.behave(Settings(dialects="B"))
    assert [platform.get(path).status_code for path in (A, B)] == [404, 200]


def test_the_cap_lowers_the_rows_and_the_echo(platform: Platform) -> None:
    platform.behave(Settings(cap=7))
    data = platform.get(B, limit=100).json()["data"]
    assert (len(data["audit_logs"]), data["limit"]) == (7, 7)
    assert len(platform.get(A, limit=100).json()) == 7


def test_an_ignored_offset_gives_the_head_again(platform: Platform) -> None:
    platform.behave(Settings(offset_honoured=False))
    assert platform.ids(offset=50) == platform.ids()


def test_beyond_the_ceiling_pages_are_empty(platform: Platform) -> None:
    platform.behave(Settings(ceiling=100))
    assert len(platform.ids(offset=100)) == 20
    assert platform.ids(offset=101) == []


@pytest.mark.parametrize(("total", "given"), [("filtered", 12), ("whole", 300), ("absent", None)])
def test_the_total_counts_what_the_settings_say(platform: Platform, total: str, given: int | None) -> None:
    platform.behave(Settings(total=total))  # type: ignore[arg-type]  # parametrized
    assert platform.get(B, action="user.add").json()["data"].get("total") == given


def test_filters_can_be_ignored(platform: Platform) -> None:
    platform.behave(Settings(filters_ignored=True))
    assert platform.ids(action="user.add") == platform.ids()


def test_latency_delays_every_answer(platform: Platform) -> None:
    platform.behave(Settings(latency=0.2))
    before = time.monotonic()
    platform.get(A)
    assert time.monotonic() - before >= 0.2


@pytest.mark.parametrize(
    ("fault", "status", "kind", "says"),
    [
        (Fault.RATE_LIMITED, 429, "application/json", "Too many"),
        (Fault.UNAVAILABLE, 503, "text/plain; charset=utf-8", "unavailable"),
        (Fault.SERVER_ERROR, 500, "application/json", '"error":true'),
        (Fault.BAD_GATEWAY, 502, "text/html; charset=utf-8", "502"),
        (Fault.HTML, 200, "text/html; charset=utf-8", "<html>"),
        (Fault.SIGN_IN, 200, "text/html; charset=utf-8", "password"),
        (Fault.ERROR_IN_200, 200, "application/json", '"error":true'),
    ],
)
def test_each_fault_looks_like_itself(
    platform: Platform, fault: Fault, status: int, kind: str, says: str
) -> None:
    platform.behave(Settings(faults={fault: 1.0}))
    response = platform.get(A)
    assert (response.status_code, response.headers["content-type"]) == (status, kind)
    assert says in response.text
    assert "date" in response.headers


def test_a_rate_limit_says_how_long_to_wait(platform: Platform) -> None:
    platform.behave(Settings(faults={Fault.RATE_LIMITED: 1.0}, retry_after=17))
    assert platform.get(A).headers["retry-after"] == "17"


def test_a_redirect_points_elsewhere(platform: Platform) -> None:
    platform.behave(Settings(faults={Fault.REDIRECT: 1.0}))
    response = platform.get(A, limit=5)
    assert response.status_code == 307
    assert response.headers["location"] == "https://elsewhere.example/v1/cli/audit?limit=5"


def test_a_cut_off_body_is_shorter_than_its_promise(platform: Platform) -> None:
    platform.behave(Settings(faults={Fault.CUT_OFF: 1.0}))
    with pytest.raises(httpx.RemoteProtocolError, match="without sending complete message body"):
        platform.get(A)


def test_a_reset_connection_gives_no_answer(platform: Platform) -> None:
    platform.behave(Settings(faults={Fault.RESET: 1.0}))
    with pytest.raises(httpx.ReadError):
        platform.get(A)


def test_a_script_is_played_once_and_in_order(platform: Platform) -> None:
    platform.behave(Settings(script=(Fault.UNAVAILABLE, None, Fault.BAD_GATEWAY)))
    assert [platform.get(A).status_code for _ in range(5)] == [503, 200, 502, 200, 200]


def test_faults_come_in_the_same_order_for_the_same_seed(platform: Platform) -> None:
    runs = []
    for seed in (1, 1, 2):
        platform.behave(Settings(seed=seed, faults={Fault.UNAVAILABLE: 0.3, Fault.RATE_LIMITED: 0.2}))
        runs.append([platform.get(A, limit=1).status_code for _ in range(40)])
    assert runs[0] == runs[1] != runs[2]
    assert set(runs[0]) == {200, 429, 503}


def test_entries_arrive_while_the_log_is_read(platform: Platform) -> None:
    platform.behave(Settings(insert_every=2))
    totals = [platform.get(B).json()["data"]["total"] for _ in range(4)]
    assert totals == [300, 301, 301, 302]
    head = platform.get(A, limit=1).json()[0]
    assert head["timestamp"] == "2026-04-27T10:14:02Z"


def test_entries_can_arrive_late(platform: Platform) -> None:
    platform.behave(Settings(insert_every=1, insert_age=timedelta(days=30)))
    head = platform.ids()
    assert head[0] == str(platform.entries[-1].id)
    assert platform.service.count() == 301


def test_entries_of_one_instant_change_places_and_nothing_else(platform: Platform) -> None:
    latest = platform.entries[-1]
    moment = latest.created_at + SECOND
    tied = (replace(latest, id=UUID(int=number), created_at=moment) for number in range(10))
    platform.service.record_all(tied)
    platform.behave(Settings(ties_shuffled=True))
    pages = [platform.get(B, limit=400).json()["data"]["audit_logs"] for _ in range(5)]
    assert len({tuple(entry["id"] for entry in page[:10]) for page in pages}) > 1
    assert len({frozenset(entry["id"] for entry in page[:10]) for page in pages}) == 1
    assert len({tuple(entry["created_at"] for entry in page) for page in pages}) == 1


def test_hidden_entries_vanish_while_the_table_keeps_them(platform: Platform) -> None:
    gone = platform.entries[-3]
    platform.behave(Settings(hidden=frozenset({gone.id}), hidden_after=1))
    assert str(gone.id) in platform.ids()
    assert str(gone.id) not in platform.ids()
    assert platform.get(B).json()["data"]["total"] == 299
    assert platform.get(f"{B}/{gone.id}").status_code == 404
    assert platform.service.get(gone.id) == gone


def test_entries_can_be_edited_on_their_way_out(platform: Platform) -> None:
    def rename(entry: dict[str, Json]) -> dict[str, Json]:
        entry["user_email"] = entry.pop("actor_email")
        return entry

    platform.behave(Settings(edit=rename))
    assert "user_email" in platform.get(B).json()["data"]["audit_logs"][0]
    assert platform.get(f"{B}/{platform.entries[0].id}").json()["data"]["user_email"]


def test_settings_name_the_organization_of_the_history(platform: Platform) -> None:
    assert {entry.organization_id for entry in platform.entries} == {ORGANIZATION_ID}
    assert Settings().organization_id == ORGANIZATION_ID
