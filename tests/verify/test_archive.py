"""Archives: what shows that bundles were removed, exchanged or sealed anew, and what does not."""

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from exporter.errors import UsageError
from exporter.export import Published
from exporter.facts import Result
from exporter.verify import Examined, examine
from exporter.verify.archive import Anchors
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
