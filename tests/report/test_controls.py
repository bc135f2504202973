import re
from dataclasses import replace
from pathlib import Path

import pytest

from exporter.errors import UsageError
from exporter.report import assets, controls
from exporter.report.analytics import analytics
from exporter.report.populations import populations
from exporter.report.sections.followup import Rule, by_control, of_the_log

DOCUMENTED = {
    "deploy",
    "deploy.destroy",
    "deploy.rollback",
    "domain.add",
    "domain.remove",
    "org.update",
    "secret.create",
    "secret.delete",
    "token.create",
    "token.delete",
    "user.add",
    "user.remove",
    "user.role.update",
}


SHIPPED = [known.framework for known in controls.find(["soc2", "iso27001"])]

OWN = """
id = "house"
name = "House rules"
edition = "of 2026"
version = "3"

[[mapping]]
actions = ["deploy"]
control = "H-1"
strength = "solid"
reason = "Our own reason."
"""


@pytest.mark.parametrize("framework", SHIPPED, ids=lambda found: found.id)
def test_every_documented_action_is_mapped_and_no_other(framework: controls.Framework) -> None:
    assert {action for line in framework.mapping for action in line.actions} == DOCUMENTED
    assert framework.log


def test_every_documented_action_has_one_population_and_the_rest_are_unclassified() -> None:
    actions = [action for population in populations() for action in population.actions]
    assert sorted(actions) == sorted(DOCUMENTED)
    assert [known.id for known in populations() if not known.actions] == ["unclassified", "log"]
    assert [known.id for known in populations() if known.whole_log] == ["log"]


def test_the_unclassified_query_leaves_out_exactly_the_documented_actions() -> None:
    sql = (assets.root() / "queries" / "15_unclassified.sql").read_text("utf-8")
    assert set(re.findall(r"'([^']+)'", sql)) == DOCUMENTED


def test_each_population_query_selects_its_own_actions() -> None:
    for population in populations():
        sql = (assets.root() / "queries" / population.query).read_text("utf-8")
        if population.actions:
            assert set(population.actions) <= set(re.findall(r"'([a-z.]+)'", sql))


def test_solid_and_arguable_follow_the_mapping() -> None:
    soc2 = SHIPPED[0]
    lines = [(line.control, line.strength) for line in soc2.of(["user.role.update"])]
    assert lines == [("CC6.3", controls.Strength.SOLID), ("CC6.1", controls.Strength.ARGUABLE)]


def test_no_id_is_of_an_older_edition_or_the_physical_criterion() -> None:
    for framework in SHIPPED:
        for line in framework.mapping + framework.log:
            assert not re.match(r"A\.12\.4|CC6\.5", line.control)


def test_an_unknown_framework_is_refused_by_name() -> None:
    with pytest.raises(UsageError, match=r"'nist'.*Choose from iso27001, soc2, or give the path"):
        controls.find(["nist"])


@pytest.mark.parametrize("name", ["x" * 300, "y" * 5000, "a\0b"])
def test_a_name_that_no_file_can_have_is_none_of_a_catalogue(name: str) -> None:
    with pytest.raises(UsageError, match="There is no control catalogue named"):
        controls.find([name])


def test_a_catalogue_of_ones_own_is_found_by_its_path_and_read_from_the_bundle(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(OWN, "utf-8")
    found = controls.find(["soc2", str(tmp_path / "own.toml")])
    controls.ship(tmp_path / "controls", found)
    assert (tmp_path / "controls" / "house.toml").read_text("utf-8") == OWN
    loaded = controls.load(tmp_path / "controls", ["soc2", "house"])
    assert loaded == [known.framework for known in found]
    assert [line.control for line in loaded[1].of(["deploy"])] == ["H-1"]


@pytest.mark.parametrize(
    ("replaced", "by", "complaint"),
    [
        ('strength = "solid"', 'strength = "certain"', "Invalid enum value 'certain'"),
        ('reason = "Our own reason."', "", "missing required field `reason`"),
        ("reason =", 'notes = "x"\nreason =', "$.mapping[0].notes that is not known"),
        ('id = "house"', 'id = "../house"', "has the id '../house'"),
        ("[[mapping]]", "[[mapping", "cannot be used"),
        ("[[mapping]]", "x = " + 2_000 * "[", "cannot be used"),
        ('name = "House rules"', 'name = " "', "has an empty name"),
        ('"H-1"', '""', "has a mapping whose control or reason is empty"),
        ('["deploy"]', '["deploy", "depoly"]', "maps 'depoly' to H-1."),
        ('["deploy"]', "[]", "maps no action to H-1"),
        ("[[mapping]]", "mapping = []\n\n[[log]]", "names actions for H-1"),
    ],
)
def test_a_catalogue_that_is_none_is_refused_with_what_is_wrong(
    tmp_path: Path, replaced: str, by: str, complaint: str
) -> None:
    (tmp_path / "own.toml").write_text(OWN.replace(replaced, by), "utf-8")
    with pytest.raises(UsageError, match=re.escape(complaint)):
        controls.find([str(tmp_path / "own.toml")])


def test_one_id_for_two_catalogues_is_refused(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(OWN.replace("house", "soc2"), "utf-8")
    with pytest.raises(UsageError, match="'soc2' is asked for twice"):
        controls.find(["soc2", str(tmp_path / "own.toml")])


def test_the_catalogue_in_the_documentation_is_one(tmp_path: Path) -> None:
    text = (Path(__file__).parents[2] / "docs" / "report.md").read_text("utf-8")
    (example,) = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    (tmp_path / "own.toml").write_text(example, "utf-8")
    (found,) = controls.find([str(tmp_path / "own.toml")])
    assert found.framework.id == "pci-dss-4"
    assert [line.control for line in found.framework.log] == ["10.2.1"]


def test_every_figure_and_rule_is_defined_in_the_documentation() -> None:
    text = (Path(__file__).parents[2] / "docs" / "report.md").read_text("utf-8")
    for path in (assets.root() / "queries").iterdir():
        if path.name != "00_audit.sql":
            question = path.read_text("utf-8").partition("\n")[0].removeprefix("-- ")
            assert f"| `templates/queries/{path.name}` | {question} |" in re.sub(r"`([a-z_]+)`", r"\1", text)
    for analytic in analytics().analytic:
        assert f"| {analytic.title} | {analytic.rule} | {analytic.limits} |" in text


def test_controls_are_listed_by_their_numbers_whatever_else_an_id_holds(tmp_path: Path) -> None:
    ids = ["H.10", "H.9", "H.²", "H.٣", f"H.{'9' * 5000}", "H"]
    mapping = OWN[OWN.index("[[mapping]]") :]
    (tmp_path / "own.toml").write_text(OWN + "".join(mapping.replace("H-1", id_) for id_ in ids), "utf-8")
    (own,) = controls.find([str(tmp_path / "own.toml")])
    analytic = replace(analytics().analytic[0], actions=("deploy",))
    rule = Rule(analytic=analytic, thresholds=[], not_performed="", size=1, rows=[])

    listed = [touched.control for touched in by_control([rule], [own.framework])]

    assert sorted(listed) == sorted([*ids, "H-1"])
    assert listed.index("H.9") + 1 == listed.index("H.10")


def test_no_control_is_guessed_for_an_action_that_the_mapping_does_not_know() -> None:
    rules = [
        Rule(analytic=each, thresholds=[], not_performed="", size=1, rows=[]) for each in analytics().analytic
    ]
    listed = {rule.analytic.id for touched in by_control(rules, SHIPPED) for rule in touched.rules}
    assert not listed & {rule.analytic.id for rule in of_the_log(rules)}
    listed |= {rule.analytic.id for rule in of_the_log(rules)}
    assert {rule.analytic.id for rule in rules} - listed == {"unknown-actions"}
