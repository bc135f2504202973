"""Extracts, runs that are sealed already, and runs that only say what they would do."""

import json
import shutil
from pathlib import Path

import pytest

from exporter.errors import UsageError
from exporter.evidence.chain import Predecessor
from exporter.export import export
from exporter.facts import Result, Verdict
from exporter.sandbox.audit_service import Filters
from exporter.verify import verify
from tests.terminal import Terminal
from tests.test_export import SINCE, UNTIL, ids, run
from tests.world import NOW, World

WINDOW = ("--since", "2026-07-01", "--until", "2026-10-01", "--report", "none")


def logged(world: World, filters: Filters) -> set[str]:
    entries = world.service.page(limit=100_000, filters=filters)
    low, high = (int(moment.timestamp()) * 10**9 for moment in (SINCE, UNTIL))
    return {str(entry.id) for entry in entries if low <= entry.created_at < high}


def test_an_extract_holds_what_matches_and_lies_apart_from_the_chain(world: World, tmp_path: Path) -> None:
    published = run(world.request(tmp_path, action="deploy"))

    assert set(ids(published.bundle)) == logged(world, Filters(action="deploy")) != set()
    assert published.run.verdict.value is Verdict.COMPLETE
    assert published.bundle.parent.name == "extracts"
    assert published.run.filters == {"action": "deploy"}
    assert {check.result for check in verify(published.bundle, reperform=True)} == {Result.AS_EXPECTED}
    predicate = json.loads((published.bundle / "manifest.json").read_bytes())["predicate"]
    assert predicate["extract"] == {"action": "deploy"}
    whole = run(world.request(tmp_path))
    assert whole.bundle.name.startswith("000001_")


@pytest.mark.parametrize("by", ["id", "address"])
def test_a_user_is_named_by_id_or_by_address(world: World, tmp_path: Path, by: str) -> None:
    someone = world.service.page(limit=1, offset=1_000)[0]
    user = str(someone.actor_id) if by == "id" else someone.actor_email

    published = run(world.request(tmp_path, user=user))

    assert set(ids(published.bundle)) == logged(world, Filters(user=someone.actor_id)) != set()


def test_extracts_of_one_window_by_other_filters_do_not_stand_for_one_another(
    world: World, tmp_path: Path
) -> None:
    deploys = run(world.request(tmp_path, action="deploy"))
    tokens = run(world.request(tmp_path, action="token.create"))

    assert not tokens.before
    assert tokens.bundle != deploys.bundle
    assert run(world.request(tmp_path, action="deploy")).before
    again = run(world.request(tmp_path, action="deploy", again=True))
    assert again.bundle.name.endswith("_2")


def test_what_somebody_put_beside_the_extracts_is_no_extract(world: World, tmp_path: Path) -> None:
    first = run(world.request(tmp_path, action="deploy")).bundle
    shutil.copytree(first, first.with_name(f"{first.name} copy"))

    assert run(world.request(tmp_path, action="deploy")).bundle == first
    assert run(world.request(tmp_path, action="deploy", again=True)).bundle.name.endswith("_2")


def test_an_extract_that_was_removed_does_not_leave_its_successors_without_a_name(
    world: World, tmp_path: Path
) -> None:
    first = run(world.request(tmp_path, action="deploy")).bundle
    run(world.request(tmp_path, action="deploy", again=True))
    shutil.rmtree(first)

    assert run(world.request(tmp_path, action="deploy", again=True)).bundle.name.endswith("_3")


def test_an_extract_does_not_continue_an_archive(terminal: Terminal) -> None:
    assert terminal("--since", "last", "--action", "deploy") == 2
    assert "an extract is no part of one" in terminal.err


def test_a_bundle_is_linked_to_the_head_of_one_that_is_elsewhere(world: World, tmp_path: Path) -> None:
    published = run(world.request(tmp_path, previous=Predecessor(root="c" * 64)))

    predicate = json.loads((published.bundle / "manifest.json").read_bytes())["predicate"]
    assert predicate["previous"] == {"sha256": "c" * 64}
    assert predicate["sequence"] == 1
    with pytest.raises(UsageError, match="another head"):
        run(world.request(tmp_path, previous=Predecessor(root="d" * 64), again=True))


def test_runs_that_hand_their_link_on_make_one_chain_wherever_each_bundle_is_kept(
    terminal: Terminal, tmp_path: Path
) -> None:
    months = ("2026-07", "2026-08", "2026-09")
    links: list[str] = []
    for month in months:
        handed_on = ("--previous", links[-1]) if links else ()
        elsewhere = ("--output", str(tmp_path / month), "--label", "acme", "--report", "none")
        assert terminal("--period", month, *elsewhere, *handed_on, "--json") == 0
        links.append(terminal.result["link"])
    (archive,) = (tmp_path / months[0]).iterdir()
    for month in months[1:]:
        (bundle,) = (tmp_path / month).glob("*/0*")
        bundle.rename(archive / bundle.name)

    assert terminal("verify", str(archive)) == 0
    assert terminal("--period", months[0], "--previous", "not-a-head") == 2


def test_a_head_that_is_not_the_newest_bundles_is_refused_before_anything_is_asked(
    terminal: Terminal, world: World
) -> None:
    terminal(*WINDOW, "--json")
    head = terminal.result["head"]
    again, asked = (*WINDOW, "--again", "--previous"), world.requests

    for options in ((), ("--dry-run",)):
        assert terminal(*again, "0" * 64, *options) == 2
        assert f"another head than that of the newest bundle, {head}." in terminal.err
    assert terminal(*WINDOW, "--previous", "0" * 64) == 0  # it is sealed, and nothing is chained to anything
    assert world.requests == asked
    assert terminal(*again, f"sha256:{head}") == 0


def test_a_window_is_sealed_once_more_only_when_that_is_asked_for(terminal: Terminal) -> None:
    terminal(*WINDOW)
    first = terminal.out

    assert terminal(*WINDOW) == 0
    assert terminal.out == first
    assert "Sealed already" in terminal.err
    assert terminal(*WINDOW, "--again") == 0
    assert Path(terminal.out.strip()).name.startswith("000002_")


def test_what_is_asked_for_and_was_not_when_the_window_was_sealed_is_an_error(terminal: Terminal) -> None:
    assert terminal(*WINDOW, "--format", "parquet") == 0
    first = terminal.out

    assert terminal(*WINDOW, "--format", "parquet") == 0
    assert terminal(*WINDOW) == 7
    assert terminal.out == first
    assert (
        "The window was sealed before, and without audit.csv and audit.jsonl.\nSeal another" in terminal.err
    )
    assert terminal(*WINDOW, "--format", "parquet", "--report", "pdf", "--json") == 7
    assert terminal.result["error"]["what"] == "The window was sealed before, and without a report."
    assert f"`audit-export report {first.strip()} --to DIR`" in terminal.result["error"]["remedy"]


def test_an_extract_that_nothing_matches_says_so(terminal: Terminal) -> None:
    assert terminal(*WINDOW, "--action", "depoly", "--user", "x\x1b[2J") == 0
    assert "\nNo entry of the window matches --action depoly and --user x\\u001b[2J.\n" in terminal.err
    assert terminal(*WINDOW, "--action", "deploy") == 0
    assert "No entry" not in terminal.err


def test_an_archive_is_continued_from_the_command_line(terminal: Terminal) -> None:
    assert terminal("--since", "last", "--report", "none") == 2
    assert "nothing to continue" in terminal.err
    terminal(*WINDOW)

    assert terminal("--since", "last", "--until", "2026-11-01", "--report", "none") == 0
    assert Path(terminal.out.strip()).name == "000002_20261001T000000Z_20261101T000000Z"
    assert "Entries that were sealed before are still there" in terminal.err


def test_a_dry_run_says_what_would_be_done_and_writes_nothing(terminal: Terminal, tmp_path: Path) -> None:
    assert terminal(*WINDOW, "--dry-run", "--framework", "nist") == 2
    assert terminal(*WINDOW, "--dry-run") == 0
    assert "2026-07-01T00:00:00Z to 2026-10-01T00:00:00Z" in terminal.out
    assert "offset shifts rows      yes" in terminal.out
    assert not list(tmp_path.rglob("evidence"))

    assert terminal(*WINDOW, "--dry-run", "--json") == 0
    plan = terminal.result["plan"]
    assert plan["probe"]["received"] == 1_000
    assert plan["sealed"] is None
    assert terminal.result["published"] is None


def test_a_dry_run_names_the_bundle_that_is_there_already(terminal: Terminal) -> None:
    terminal(*WINDOW)
    bundle = terminal.out.strip()

    terminal(*WINDOW, "--dry-run", "--json")

    assert terminal.result["plan"]["sealed"] == bundle


def test_a_dry_run_of_an_archive_that_is_far_enough_says_what_the_run_does(terminal: Terminal) -> None:
    terminal(*WINDOW)
    bundle = terminal.out.strip()
    further = ("--since", "last", "--until", "2026-08-01", "--report", "none")

    assert terminal(*further) == 0
    assert terminal.out.strip() == bundle
    assert "--since with a date and --again seals another" in terminal.err
    assert terminal(*further, "--dry-run", "--json") == 0
    plan = terminal.result["plan"]
    assert (plan["sealed"], plan["overlap_since"]) == (bundle, None)
    assert (plan["since"], plan["until"]) == ("2026-07-01T00:00:00Z", "2026-10-01T00:00:00Z")


def test_a_dry_run_does_not_wait_for_a_window_to_settle_and_shows_it_as_it_will_be(
    terminal: Terminal,
) -> None:
    assert terminal("--since", "2026-07-01", "--until", "2026-11-23T12:00:00Z", "--dry-run", "--json") == 0
    assert terminal.result["plan"]["until"] == "2026-11-23T12:00:00Z"
    assert terminal.result["plan"]["unfinished"] is None


def test_a_dry_run_says_what_a_run_would_do_that_leaves_a_record_out(
    terminal: Terminal, world: World
) -> None:
    newest = world.service.page(limit=1)[0].id
    world.behave(edit=lambda entry: {**entry, "action": ""} if entry["id"] == str(newest) else entry)
    asked = (*WINDOW, "--org", str(world.settings.organization_id), "--dry-run")

    assert terminal(*asked) == 6
    assert "it has no action" in terminal.err
    assert terminal(*asked, "--allow-partial") == 0
    assert "2026-07-01T00:00:00Z to 2026-10-01T00:00:00Z" in terminal.out


def test_an_extract_says_so_beside_its_data(world: World, tmp_path: Path) -> None:
    published = export(world.request(tmp_path, action="deploy"), now=lambda: NOW, progress=lambda *_: None)

    assert "not the full population" in (published.bundle / "bag-info.txt").read_text()
