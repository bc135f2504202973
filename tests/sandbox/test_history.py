import hashlib
import os
import subprocess
import sys
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from ipaddress import ip_address, ip_network
from itertools import pairwise
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from exporter.sandbox.entry import EPOCH, SECOND, Entry, nanoseconds
from exporter.sandbox.history import generate
from exporter.sandbox.hours import DAY, HOUR, MINUTE, berlin, berlin_day

ENDS = datetime(2026, 4, 27, 10, 14, 2, tzinfo=UTC)
PRIVILEGED = {"admin", "owner"}
DOCUMENTATION = [
    ip_network(net) for net in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32")
]


@pytest.fixture(scope="module")
def year() -> list[Entry]:
    return list(generate(ends=ENDS))


def only(year: list[Entry], *actions: str) -> list[Entry]:
    return [entry for entry in year if entry.action in actions]


def role(entry: Entry) -> tuple[object, object]:
    change = entry.changes["role"]
    assert isinstance(change, dict)
    return change["old"], change["new"]


def local(entry: Entry) -> datetime:
    return (EPOCH + timedelta(seconds=entry.created_at // SECOND)).astimezone(ZoneInfo("Europe/Berlin"))


def test_the_same_seed_gives_the_same_history_in_any_process() -> None:
    program = (
        "import hashlib; from datetime import UTC, datetime; from exporter.sandbox.history import generate;"
        "rows = generate(entries=2000, ends=datetime(2026, 4, 27, 10, 14, 2, tzinfo=UTC));"
        "print(hashlib.sha256(repr(list(rows)).encode()).hexdigest())"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for seed in ("1", "2")
    }
    here = repr(list(generate(entries=2000, ends=ENDS)))
    assert digests == {hashlib.sha256(here.encode()).hexdigest()}


def test_another_seed_gives_another_history() -> None:
    first, second = ({e.id for e in generate(entries=500, ends=ENDS, seed=seed)} for seed in (1, 2))
    assert not first & second


@pytest.mark.parametrize("entries", [0, 1, 50, 300, 4321])
@pytest.mark.parametrize("days", [1, 30, 365])
def test_a_history_has_exactly_the_size_asked_for_and_lies_in_its_days(entries: int, days: int) -> None:
    rows = list(generate(entries=entries, ends=ENDS, days=days))
    assert len(rows) == len({row.id for row in rows}) == entries
    assert all(nanoseconds(ENDS - timedelta(days=days)) <= row.created_at < nanoseconds(ENDS) for row in rows)
    assert all(a.created_at <= b.created_at for a, b in pairwise(rows))


def test_a_year_has_thirty_people_and_sixty_services(year: list[Entry]) -> None:
    assert len(year) == 25_000
    assert len({entry.actor_id for entry in year if entry.actor_type == "user"}) in range(28, 31)
    assert len({entry.resource_id for entry in year if entry.resource_type == "deployment"}) == 60
    assert nanoseconds(ENDS) - year[-1].created_at < DAY


def test_addresses_are_reserved_for_documentation(year: list[Entry]) -> None:
    assert all(entry.actor_email.endswith("@acme.example") for entry in year)
    assert all(entry.actor_email.isascii() for entry in year)
    for address in {entry.ip_address for entry in year}:
        assert any(ip_address(address) in net for net in DOCUMENTATION)


def test_people_keep_their_addresses_but_for_a_few_new_ones(year: list[Entry]) -> None:
    mine = Counter(entry.ip_address for entry in year if entry.actor_email == "hugo.marchetti@acme.example")
    usual = sum(count for _, count in mine.most_common(2))
    assert 0.98 < usual / mine.total() < 1


def test_people_join_and_two_straight_into_a_privileged_role(year: list[Entry]) -> None:
    joiners = only(year, "user.add")
    assert len(joiners) == 12
    assert sorted(str(role(entry)[1]) for entry in joiners if role(entry)[1] in PRIVILEGED) == [
        "admin",
        "owner",
    ]


def test_people_leave_and_do_nothing_more_but_for_one(year: list[Entry]) -> None:
    left = {entry.resource_id: entry.created_at for entry in only(year, "user.remove")}
    later = [entry for entry in year if left.get(entry.actor_id, entry.created_at) < entry.created_at]
    assert len(left) == 7
    assert [(entry.actor_email, entry.action) for entry in later] == [
        ("finn.sorensen@acme.example", "deploy")
    ]


def test_nobody_acts_before_they_join(year: list[Entry]) -> None:
    joined = {entry.resource_id: entry.created_at for entry in only(year, "user.add")}
    assert all(entry.created_at >= joined.get(entry.actor_id, 0) for entry in year)


def test_two_leavers_leave_a_token_behind(year: list[Entry]) -> None:
    left = {entry.resource_name: entry.created_at for entry in only(year, "user.remove")}
    deleted = {entry.resource_name: entry.created_at for entry in only(year, "token.delete")}
    lingering = {
        email
        for email, moment in left.items()
        if deleted.get(f"cli-{email}", moment + 99 * DAY) > moment + DAY
    }
    assert lingering == {"finn.sorensen@acme.example", "xavier.dumont@acme.example"}


def test_roles_change_by_oneself_and_by_who_added_the_user(year: list[Entry]) -> None:
    updates = only(year, "user.role.update")
    added_by = {entry.resource_id: (entry.actor_id, entry.created_at) for entry in only(year, "user.add")}
    assert [entry.actor_email for entry in updates if entry.actor_id == entry.resource_id] == [
        "boris.keller@acme.example"
    ]
    both = [entry for entry in updates if added_by.get(entry.resource_id, (None, 0))[0] == entry.actor_id]
    assert [role(entry) for entry in both] == [("developer", "admin")]
    assert any(role(entry) == ("admin", "maintainer") for entry in updates)


def test_tokens_are_rotated_forgotten_switched_off_and_on(year: list[Entry]) -> None:
    ever = {
        action: {entry.resource_name for entry in only(year, action)}
        for action in ("token.create", "token.delete", "token.disable", "token.enable")
    }
    assert {"ci-deploy-1", "ci-deploy-2", "ci-deploy-3"} <= ever["token.create"] & ever["token.delete"]
    assert "legacy-import" in ever["token.create"] - ever["token.delete"]
    assert "old-laptop" in ever["token.delete"] - ever["token.create"]
    assert ever["token.disable"] == {"grafana-reader", "partner-webhooks"}
    assert ever["token.enable"] == {"grafana-reader"}


def test_secrets_are_replaced_within_minutes(year: list[Entry]) -> None:
    created = {(entry.resource_name, entry.created_at) for entry in only(year, "secret.create")}
    replaced = [
        gone
        for gone in only(year, "secret.delete")
        if any(name == gone.resource_name and 0 < at - gone.created_at < 10 * MINUTE for name, at in created)
    ]
    assert len(replaced) > 100
    assert {"stripe-key", "saml-certificate"} <= {entry.resource_name for entry in replaced}


def test_a_rollback_follows_a_deploy_of_the_same_service_within_the_hour(year: list[Entry]) -> None:
    last: dict[UUID, int] = {}
    for entry in only(year, "deploy", "deploy.rollback"):
        if entry.action == "deploy.rollback":
            assert 0 < entry.created_at - last[entry.resource_id] < HOUR
        last[entry.resource_id] = entry.created_at
    assert len(only(year, "deploy.rollback")) > 100


def test_what_an_entry_calls_old_is_what_the_one_before_called_new(year: list[Entry]) -> None:
    running: dict[tuple[UUID, str], object] = {}
    for entry in only(year, "deploy", "deploy.rollback"):
        if entry.resource_name.endswith(("-worker", "-web", "-cache")):
            for field, change in entry.changes.items():
                assert isinstance(change, dict)
                assert change["old"] == running.get((entry.resource_id, field), change["old"])
                assert change["old"] != change["new"]
                running[entry.resource_id, field] = change["new"]


def test_services_are_destroyed_recreated_and_six_go_within_an_hour(year: list[Entry]) -> None:
    destroyed = only(year, "deploy.destroy")
    previews = [entry.created_at for entry in destroyed if entry.resource_name.startswith("preview-")]
    assert len(previews) == 6
    assert max(previews) - min(previews) < HOUR
    back = {
        gone.resource_name
        for gone in destroyed
        for again in only(year, "deploy")
        if again.resource_id == gone.resource_id and 0 < again.created_at - gone.created_at < DAY
    }
    assert back == {"edge-gateway", "report-builder", "demo-portal"}
    assert "legacy-importer" in {entry.resource_name for entry in destroyed} - back


def test_people_work_in_berlin_office_hours_and_automation_at_any(year: list[Entry]) -> None:
    people = [local(entry) for entry in year if entry.actor_type == "user"]
    assert sum(8 <= moment.hour < 19 and moment.weekday() < 5 for moment in people) / len(people) > 0.95
    assert any(moment.hour >= 21 for moment in people)
    machines = Counter(local(entry).hour for entry in year if entry.actor_type != "user")
    assert min(machines.values()) * 2 > max(machines.values())
    assert {entry.actor_type for entry in year} == {"user", "ci", "service"}


def test_one_weekend_is_silent(year: list[Entry]) -> None:
    gaps = [later.created_at - earlier.created_at for earlier, later in pairwise(year)]
    assert sum(gap > 24 * HOUR for gap in gaps) == 1


def test_some_entries_share_one_instant(year: list[Entry]) -> None:
    assert Counter(entry.created_at for entry in year).most_common(1)[0][1] == 4


def test_deploys_name_commits_and_tickets_often_but_not_always(year: list[Entry]) -> None:
    deploys = [entry for entry in only(year, "deploy") if "image" in entry.changes]
    share = sum("commit" in entry.metadata or "ticket" in entry.metadata for entry in deploys) / len(deploys)
    assert 0.7 < share < 0.95


def test_domains_and_settings_change(year: list[Entry]) -> None:
    assert len(only(year, "domain.add")) == 5
    assert len(only(year, "domain.remove")) == 3
    fields = {field for entry in only(year, "org.update") for field in entry.changes}
    assert fields == {"name", "sso.enforced", "sso.provider", "billing.plan", "billing.email"}


def test_two_kinds_of_action_are_on_nobodys_list(year: list[Entry]) -> None:
    assert len(only(year, "webhook.replay")) == 9
    assert len(only(year, "quota.adjust")) == 6


def test_summer_time_is_that_of_berlin() -> None:
    zone = ZoneInfo("Europe/Berlin")
    for ordinal in range(date(2024, 1, 1).toordinal(), date(2028, 1, 1).toordinal()):
        day = date.fromordinal(ordinal)
        noon = datetime(day.year, day.month, day.day, 12, tzinfo=zone)
        assert berlin(day, 12) == nanoseconds(noon.astimezone(UTC))
        assert berlin_day(berlin(day, 12)) == day
