"""Archives: what shows that bundles were removed, exchanged or sealed anew, and what does not."""

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest
import rfc8785

from exporter.errors import UsageError
from exporter.evidence.container import Folder
from exporter.evidence.coverage import SealedBundle
from exporter.export import Published
from exporter.facts import Check, Result, Verdict, Window
from exporter.verify import Examined, examine, open_bundle
from exporter.verify import archive as archives
from exporter.verify.archive import NOTHING, Anchors, Place, folders, has_traces, judge, read_place
from exporter.verify.bundle import Bundle
from exporter.verify.findings import Outcome
from tests.verify.conftest import Sealer, found_by, result_of

SEPTEMBER = datetime(2026, 9, 1, tzinfo=UTC)


def bundles(archive: Path) -> list[Path]:
    return sorted(path for path in archive.iterdir() if path.name.startswith("0"))


def look(archive: Path, sealer: Sealer, **anchors: object) -> Examined:
    return examine(archive, reperform=False, trust=sealer.trust, anchors=Anchors(**anchors))  # type: ignore[arg-type]


def flawed(examined: Examined) -> set[str]:
    """Return what is not as expected of the archive; its bundles must be as sealed."""
    assert {bundle.outcome for bundle in examined.bundles} <= {Outcome.AS_SEALED}
    return {check.id for check in examined.findings if check.result is not Result.AS_EXPECTED}


def test_an_archive_is_its_bundles_their_chain_and_what_they_cover(archive: Path, sealer: Sealer) -> None:
    examined = look(archive, sealer)

    assert examined.outcome is Outcome.AS_SEALED
    assert [bundle.path for bundle in examined.bundles] == bundles(archive)
    assert found_by(examined.findings, "coverage") == "2026-05-01T00:00:00Z to 2026-09-01T00:00:00Z"


def test_an_archive_is_examined_whole_also_where_a_link_leads_to_it(
    archive: Path, sealer: Sealer, tmp_path: Path
) -> None:
    """With the bundles of its chain passed over, its extracts alone would be called as sealed."""
    sealer.seal(tmp_path, 0, action="deploy")
    link = tmp_path / "link"
    link.symlink_to(archive)

    examined = look(link, sealer)

    assert [bundle.path.name for bundle in examined.bundles][:4] == [path.name for path in bundles(archive)]
    assert len(examined.bundles) == 5
    assert found_by(examined.findings, "coverage") == "2026-05-01T00:00:00Z to 2026-09-01T00:00:00Z"


def test_a_bundle_taken_from_the_middle_leaves_a_gap(archive: Path, sealer: Sealer) -> None:
    shutil.rmtree(bundles(archive)[1])

    examined = look(archive, sealer)

    assert flawed(examined) == {"chain-sequence"}
    assert found_by(examined.findings, "chain-sequence") == "without 000002"
    assert examined.outcome is Outcome.INCOMPLETE


def test_a_bundle_that_claims_a_place_without_end_is_found_at_once(archive: Path, sealer: Sealer) -> None:
    statement = bundles(archive)[-1] / "manifest.json"
    stated = json.loads(statement.read_bytes())
    stated["predicate"]["sequence"] = 10**40
    statement.write_text(json.dumps(stated))

    examined = look(archive, sealer)

    assert found_by(examined.findings, "chain-sequence").startswith("without 000004, 000005, 000006, ")
    assert result_of(examined.findings, "chain-names") is Result.DIFFERS


def test_the_newest_bundles_taken_away_show_against_a_head_or_a_date_only(
    archive: Path, four: list[Published], sealer: Sealer
) -> None:
    for bundle in bundles(archive)[2:]:
        shutil.rmtree(bundle)

    assert flawed(look(archive, sealer)) == set()
    assert flawed(look(archive, sealer, head=four[3].root)) == {"head"}
    assert flawed(look(archive, sealer, expect_through=SEPTEMBER)) == {"coverage"}
    assert flawed(look(archive, sealer, head=four[1].root)) == set()


def test_a_head_from_before_newer_bundles_is_found_among_them(
    archive: Path, four: list[Published], sealer: Sealer
) -> None:
    examined = look(archive, sealer, head=four[1].root, expect_through=SEPTEMBER)

    assert flawed(examined) == set()
    assert found_by(examined.findings, "head") == f"{four[1].bundle.name}; sealed since: 2"


def test_old_bundles_removed_in_due_time_are_missing_unless_the_auditor_knows_where_it_begins(
    archive: Path, four: list[Published], sealer: Sealer
) -> None:
    for bundle in bundles(archive)[:2]:
        shutil.rmtree(bundle)

    assert flawed(look(archive, sealer)) == {"chain-sequence", "chain-begin"}
    assert flawed(look(archive, sealer, from_head=four[1].root)) == set()
    assert flawed(look(archive, sealer, from_head=four[0].root)) == {"chain-sequence", "chain-begin"}


def test_a_bundle_sealed_anew_with_the_key_breaks_the_link_of_the_one_after_it(
    archive: Path, sealer: Sealer, tmp_path: Path
) -> None:
    """The operator has the key and a copy of the archive as it was after the first bundle."""
    other = tmp_path / "other" / archive.name
    shutil.copytree(bundles(archive)[0], other / bundles(archive)[0].name)
    again = sealer.seal(other.parent, 1, report_rows=10)
    assert again.bundle.parent == other
    shutil.rmtree(bundles(archive)[1])
    shutil.copytree(again.bundle, archive / again.bundle.name)

    assert flawed(look(archive, sealer)) == {"chain-links"}
    assert "000003_" in found_by(look(archive, sealer).findings, "chain-links")


def test_two_bundles_that_follow_the_same_one_are_a_fork(
    archive: Path, sealer: Sealer, tmp_path: Path
) -> None:
    other = tmp_path / "other" / archive.name
    shutil.copytree(bundles(archive)[0], other / bundles(archive)[0].name)
    again = sealer.seal(other.parent, 2)
    shutil.copytree(again.bundle, archive / again.bundle.name)

    examined = look(archive, sealer)

    assert "chain-forks" in flawed(examined)
    assert found_by(examined.findings, "chain-forks").count("000002_") == 2
    assert examined.outcome is Outcome.ALTERED


def test_a_bundle_of_another_organizations_archive_is_not_of_this_chain(
    archive: Path, sealer: Sealer, tmp_path: Path
) -> None:
    other = sealer.seal(tmp_path / "other", 1)
    shutil.rmtree(bundles(archive)[0])
    shutil.copytree(other.bundle, archive / other.bundle.name)

    assert flawed(look(archive, sealer)) >= {"chain", "chain-links"}


@pytest.mark.parametrize(
    "name", ["000009_20260601T000000Z_20260701T000000Z", "000002_20260101T000000Z_20260701T000000Z", "june"]
)
def test_a_folder_that_is_not_called_as_the_bundle_states_is_found(
    archive: Path, sealer: Sealer, name: str
) -> None:
    bundles(archive)[1].rename(archive / name)

    examined = look(archive, sealer)

    assert flawed(examined) == {"chain-names"}
    assert found_by(examined.findings, "chain-names") == name


def test_two_bundles_that_exchanged_their_names_are_found(archive: Path, sealer: Sealer) -> None:
    _, second, third, _ = bundles(archive)
    second.rename(archive / "aside")
    third.rename(second)
    (archive / "aside").rename(third)

    assert flawed(look(archive, sealer)) == {"chain-names"}


def test_a_hole_in_what_is_covered_is_told_and_is_a_flaw_only_against_a_date(
    sealer: Sealer, tmp_path: Path
) -> None:
    sealer.seal(tmp_path, 0)
    archive = sealer.seal(tmp_path, 2).bundle.parent

    examined = look(archive, sealer)
    assert flawed(examined) == set()
    assert found_by(examined.findings, "coverage").endswith(
        "; not 2026-06-01T00:00:00Z to 2026-07-01T00:00:00Z"
    )
    assert flawed(look(archive, sealer, expect_through=datetime(2026, 8, 1, tzinfo=UTC))) == {"coverage"}
    assert flawed(look(archive, sealer, expect_through=datetime(2026, 6, 1, tzinfo=UTC))) == set()


def test_windows_by_hand_in_any_order_make_one_chain_and_one_coverage(sealer: Sealer, tmp_path: Path) -> None:
    sealed = [sealer.seal(tmp_path, month) for month in (2, 0, 1)]

    examined = look(sealed[0].bundle.parent, sealer, expect_through=datetime(2026, 8, 1, tzinfo=UTC))

    assert flawed(examined) == set()


def test_an_extract_in_the_place_of_the_newest_bundle_is_found(
    archive: Path, sealer: Sealer, tmp_path: Path
) -> None:
    newest = bundles(archive)[-1]
    shutil.rmtree(newest)
    shutil.copytree(sealer.seal(tmp_path / "extract", 3, action="deploy").bundle, newest)

    examined = look(archive, sealer)

    assert found_by(examined.findings, "chain-names") == newest.name
    assert examined.outcome is Outcome.ALTERED


def test_an_archive_of_extracts_alone_is_as_sealed(sealer: Sealer, tmp_path: Path) -> None:
    extract = sealer.seal(tmp_path, 0, action="deploy").bundle

    examined = look(extract.parent.parent, sealer)

    assert flawed(examined) == set()
    assert [bundle.path for bundle in examined.bundles] == [extract]
    assert flawed(look(extract.parent.parent, sealer, expect_through=SEPTEMBER)) == {"coverage"}


def test_one_altered_bundle_makes_the_archive_altered(archive: Path, sealer: Sealer) -> None:
    with (bundles(archive)[2] / "data" / "audit.csv").open("a") as file:
        file.write("one more\r\n")

    examined = look(archive, sealer)

    assert examined.outcome is Outcome.ALTERED
    assert [bundle.outcome for bundle in examined.bundles].count(Outcome.ALTERED) == 1


@pytest.mark.parametrize("name", ["manifest.json", "tagmanifest-sha256.txt", "data"])
def test_a_bundle_that_cannot_be_placed_is_still_examined(archive: Path, sealer: Sealer, name: str) -> None:
    spoiled = bundles(archive)[2]
    (spoiled / name).rename(archive.parent / "elsewhere")

    examined = look(archive, sealer)

    assert examined.outcome is Outcome.INCOMPLETE
    assert len(examined.bundles) == 4


def test_a_bundle_is_examined_itself_also_where_another_was_put_into_it(signed: Path, sealer: Sealer) -> None:
    (signed / "000001_20260101T000000Z_20260201T000000Z").mkdir()

    examined = look(signed, sealer)

    assert examined.bundles == []
    assert result_of(examined.findings, "layout") is Result.DIFFERS


def test_what_may_not_be_read_among_the_extracts_is_no_bundle_of_the_chain(
    archive: Path, sealer: Sealer, monkeypatch: pytest.MonkeyPatch
) -> None:
    unread = Bundle.unread

    def refuse(bundle: Bundle, *paths: str) -> dict[str, OSError]:
        closed = isinstance(bundle.container, Folder) and bundle.container.path.name == "closed"
        return {paths[0]: PermissionError("said")} if closed else unread(bundle, *paths)

    monkeypatch.setattr(Bundle, "unread", refuse)
    shutil.rmtree(bundles(archive)[1])
    for place, result in (("extracts", Result.MISSING), (".", Result.NOT_PERFORMED)):
        (archive / place / "closed").mkdir(parents=True)
        (archive / place / "closed" / "bagit.txt").touch()
        assert result_of(look(archive, sealer).findings, "chain-sequence") is result


def test_what_is_being_built_and_what_is_no_bundle_is_passed_over(archive: Path, sealer: Sealer) -> None:
    (archive / ".partial-x").mkdir()
    (archive / "notes").mkdir()
    (archive / "notes" / "readme.txt").write_text("nothing")
    (archive / "list.txt").write_text("nothing")

    assert look(archive, sealer).outcome is Outcome.AS_SEALED


def test_the_anchors_of_an_archive_make_no_sense_for_one_bundle(
    four: list[Published], sealer: Sealer
) -> None:
    with pytest.raises(UsageError, match="ask about an archive"):
        look(four[0].bundle, sealer, from_head=four[0].root)


def test_one_bundle_can_be_held_against_a_head(four: list[Published], sealer: Sealer) -> None:
    bundle = four[0].bundle

    assert look(bundle, sealer, head=four[0].root).outcome is Outcome.AS_SEALED
    examined = look(bundle, sealer, head=four[1].root)
    assert result_of(examined.findings, "head") is Result.DIFFERS


def placed(sequence: int, previous: str | None, *, month: int = 0, **stated: object) -> Place:
    """Return the place of a bundle of one month of 2026, counted from January, whose head is ``head-N``."""
    since, until = (
        datetime(2026, number, 1, tzinfo=UTC) for number in ((month or sequence), (month or sequence) + 1)
    )
    window = Window(since=since, until=until)
    fields = {"chain": "acme/1", "root": f"head-{sequence}", "verdict": Verdict.COMPLETE, **stated}
    path = Path(f"{sequence:06}_{window.slug}")
    sealed = SealedBundle(**{"path": path, "sequence": sequence, "window": window, **fields})  # type: ignore[arg-type]  # of any field
    return Place(sealed=sealed, previous=previous)


def judged(*places: Place, unread: tuple[str, ...] = (), anchors: Anchors = NOTHING) -> dict[str, Check]:
    """Return the findings about an archive that are not as expected, by their ids."""
    checks = judge(places, [], unread, anchors)
    return {check.id: check for check in checks if check.result is not Result.AS_EXPECTED}


CHAIN = [placed(1, None), placed(2, "head-1"), placed(3, "head-2")]
BROKEN = {"chain-forks", "chain-links"}


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0)])
def test_bundles_that_follow_one_another_make_a_chain_in_whatever_order_they_are_met(
    order: tuple[int, ...],
) -> None:
    anchors = Anchors(head="head-2", expect_through=datetime(2026, 4, 1, tzinfo=UTC))

    assert judged(*(CHAIN[at] for at in order), anchors=anchors) == {}


@pytest.mark.parametrize(
    ("places", "flaws"),
    [
        ([*CHAIN, placed(4, "head-3", chain="acme/2")], {"chain"}),
        ([*CHAIN, placed(4, "head-3", path=Path("000005"))], {"chain-names"}),
        ([*CHAIN, placed(3, "other", month=5)], {"chain-forks", "chain-links"}),
        ([*CHAIN, placed(4, "head-2")], {"chain-forks", "chain-links"}),
        ([*CHAIN, placed(4, None)], {"chain-links"}),
        ([*CHAIN, placed(4, "other")], {"chain-links"}),
        ([*CHAIN, placed(5, "head-4")], {"chain-sequence"}),
        ([*CHAIN, placed(4, "head-2", chain="acme/2", path=Path("4"))], {"chain", *BROKEN, "chain-names"}),
        ([placed(-1, None, month=1)], set()),
        ([placed(4, None)], {"chain-sequence"}),
        (CHAIN[:1], set()),
        (CHAIN[1:], {"chain-sequence", "chain-begin"}),
        ([placed(1, "head-0")], {"chain-begin"}),
        ([], set()),
    ],
)
def test_what_breaks_a_chain_is_found_and_nothing_else(places: list[Place], flaws: set[str]) -> None:
    assert judged(*places).keys() == flaws


def test_a_chain_of_which_old_bundles_were_removed_begins_after_a_head_that_the_examiner_knows() -> None:
    assert judged(*CHAIN[1:], anchors=Anchors(from_head="head-1")) == {}
    assert judged(*CHAIN[2:], anchors=Anchors(from_head="head-1")).keys() == {"chain-sequence", "chain-begin"}
    assert judged(CHAIN[1], placed(4, "head-3"), anchors=Anchors(from_head="head-1")).keys() == {
        "chain-sequence"
    }


def test_time_that_no_complete_bundle_covers_is_lacking_before_the_date_that_is_known() -> None:
    unproven = placed(4, "head-3", verdict=Verdict.UNPROVEN)
    later = placed(4, "head-3", month=5)

    assert judged(
        *CHAIN, unproven, anchors=Anchors(expect_through=datetime(2026, 5, 1, tzinfo=UTC))
    ).keys() == {"coverage"}
    for through, flaws in (
        (datetime(2026, 4, 1, tzinfo=UTC), set()),
        (datetime(2026, 4, 2, tzinfo=UTC), {"coverage"}),
    ):
        assert judged(*CHAIN, later, anchors=Anchors(expect_through=through)).keys() == flaws
    assert judged(anchors=Anchors(expect_through=datetime(2026, 4, 1, tzinfo=UTC))).keys() == {"coverage"}


def said(*places: Place, **anchors: object) -> dict[str, tuple[str, str]]:
    """Return what is expected and found of an archive, by the ids of the findings."""
    checks = judge(places, [], (), Anchors(**anchors))  # type: ignore[arg-type]  # of any field
    return {check.id: (check.expected, check.found) for check in checks}


def test_a_finding_about_an_archive_says_what_was_expected_and_found() -> None:
    april = datetime(2026, 4, 1, tzinfo=UTC)
    begin = "nothing before it, or a head given with --from-head"

    none, some = said(expect_through=april), said(*CHAIN[1:], placed(5, "head-4"), head="head-3")
    assert none["chain"][1] == "none"
    assert some["chain"][1] == "1: acme/1"
    assert none["chain-begin"] == (begin, "with the first of its chain")
    assert some["chain-begin"] == (begin, "after the head head-1, not known here")
    assert none["chain-sequence"] == ("none", "all of them")
    assert some["chain-sequence"] == ("sequences 1 to 5", "without 000001, 000004")
    assert some["head"] == ("head-3", f"{CHAIN[2].name}; sealed since: 1")
    assert none["coverage"] == ("everything up to 2026-04-01T00:00:00Z", "nothing")
    covered = "2026-02-01T00:00:00Z to 2026-04-01T00:00:00Z, 2026-05-01T00:00:00Z to 2026-06-01T00:00:00Z"
    assert some["coverage"] == (
        "no expectation given",
        f"{covered}; not 2026-04-01T00:00:00Z to 2026-05-01T00:00:00Z",
    )
    for places, found in ((CHAIN[1:], "a bundle follows it"), (CHAIN[2:], "no bundle follows it")):
        assert said(*places, from_head="head-1")["chain-begin"] == ("after the head head-1", found)
    eight = said(CHAIN[0], placed(8, "head-7"))["chain-sequence"][1]
    assert eight == "without 000002, 000003, 000004, 000005, 000006 and 1 more"
    seven = said(CHAIN[0], placed(7, "head-6"), head="other")
    assert seven["chain-sequence"][1] == "without 000002, 000003, 000004, 000005, 000006"
    assert seven["head"] == ("other", "no bundle has it")
    assert said(*CHAIN)["chain-sequence"] == ("sequences 1 to 3", "all of them")
    assert "head" not in said(*CHAIN)


def test_a_folder_that_cannot_be_listed_may_be_a_bundle_among_such_and_is_none_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names_in = archives._names_in  # noqa: SLF001 - root may list every folder
    monkeypatch.setattr(
        archives, "_names_in", lambda place: None if place.name == "closed" else names_in(place)
    )
    for name in ("closed", "notes"):
        (tmp_path / name).mkdir()
    assert folders(tmp_path) == []
    assert not has_traces(tmp_path / "closed")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "bagit.txt").touch()
    assert folders(tmp_path) == [tmp_path / "closed", tmp_path / "other"]


def test_what_may_be_in_a_folder_that_was_not_read_is_not_called_missing_and_no_more_than_that() -> None:
    anchors = Anchors(head="other", expect_through=datetime(2026, 6, 1, tzinfo=UTC))
    last = placed(5, "head-4")

    one = judged(*CHAIN, last, unread=("closed",), anchors=anchors)
    assert {check.result for check in one.values()} == {Result.NOT_PERFORMED}
    assert one.keys() == {"chain-sequence", "head", "coverage"}
    assert one["head"].found == "no bundle has it; not read: closed"
    two = judged(*CHAIN[:2], last, unread=("closed",))
    assert two["chain-sequence"].result is Result.MISSING
    assert (
        judged(*CHAIN, placed(3, "other", month=5), unread=("closed",))["chain-forks"].result
        is Result.DIFFERS
    )


def test_a_bundle_that_ends_before_it_begins_has_no_place(four: list[Published], tmp_path: Path) -> None:
    stated = json.loads((four[0].bundle / "manifest.json").read_bytes())
    stated["predicate"]["window"]["until"] = "2026-04-01T00:00:00Z"
    (tmp_path / "manifest.json").write_bytes(rfc8785.dumps(stated))
    (tmp_path / "tagmanifest-sha256.txt").write_text("anything")

    assert read_place(tmp_path, open_bundle(tmp_path)) is None


def test_a_folder_is_looked_into_that_is_called_like_a_bundle_or_has_a_file_of_one(tmp_path: Path) -> None:
    called = tmp_path / "000001_20260101T000000Z_20260201T000000Z"
    for folder in (
        called,
        tmp_path / f"{called.name}-copy",
        tmp_path / "b",
        tmp_path / "a",
        tmp_path / ".partial",
    ):
        folder.mkdir()
    (tmp_path / "b" / "tagmanifest-sha256.txt").touch()
    (tmp_path / "a" / "bagit.txt").touch()
    (tmp_path / ".partial" / "bagit.txt").touch()
    (tmp_path / called.name.replace("1", "2")).touch()
    (tmp_path / "extracts").symlink_to(tmp_path)

    assert folders(tmp_path) == [called, tmp_path / "a", tmp_path / "b"]
