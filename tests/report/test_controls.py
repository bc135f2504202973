import re

import pytest

from exporter.errors import OutputError
from exporter.report import assets, controls

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


@pytest.mark.parametrize("framework", controls.frameworks(["soc2", "iso27001"]), ids=lambda found: found.id)
def test_every_documented_action_is_mapped_and_no_other(framework: controls.Framework) -> None:
    assert {action for line in framework.mapping for action in line.actions} == DOCUMENTED
    assert framework.log


def test_every_documented_action_has_one_population_and_the_rest_are_unclassified() -> None:
    populations = controls.populations()
    actions = [action for population in populations for action in population.actions]
    assert sorted(actions) == sorted(DOCUMENTED)
    assert [population.id for population in populations if not population.actions] == ["unclassified"]


def test_the_unclassified_query_leaves_out_exactly_the_documented_actions() -> None:
    sql = (assets.root() / "queries" / "15_unclassified.sql").read_text("utf-8")
    assert set(re.findall(r"'([^']+)'", sql)) == DOCUMENTED


def test_each_population_query_selects_its_own_actions() -> None:
    for population in controls.populations():
        sql = (assets.root() / "queries" / population.query).read_text("utf-8")
        if population.actions:
            assert set(re.findall(r"'([a-z.]+)'", sql)) == set(population.actions)


def test_solid_and_arguable_follow_the_mapping() -> None:
    soc2 = controls.frameworks(["soc2"])[0]
    lines = [(line.control, line.strength) for line in soc2.of(["user.role.update"])]
    assert lines == [("CC6.3", controls.Strength.SOLID), ("CC6.1", controls.Strength.ARGUABLE)]


def test_no_id_is_of_an_older_edition_or_the_physical_criterion() -> None:
    for framework in controls.frameworks(["soc2", "iso27001"]):
        for line in framework.mapping + framework.log:
            assert not re.match(r"A\.12\.4|CC6\.5", line.control)


def test_an_unknown_framework_is_refused_by_name() -> None:
    with pytest.raises(OutputError, match=r"'nist'.*Choose from iso27001, soc2"):
        controls.frameworks(["nist"])
