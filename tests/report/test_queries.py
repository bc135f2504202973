import re
from pathlib import Path

import duckdb
import pytest

from exporter.report import assets, queries
from exporter.report.figures import Figures

NAMES = sorted(path.name for path in (assets.root() / "queries").iterdir())


def test_the_queries_are_shipped_in_order_and_as_they_are(tmp_path: Path) -> None:
    shipped = queries.ship(tmp_path / "queries")
    assert [path.name for path in shipped] == NAMES
    for path in shipped:
        assert path.read_bytes() == (assets.root() / "queries" / path.name).read_bytes()


def test_they_are_numbered_without_a_gap() -> None:
    assert [name[:3] for name in NAMES] == [f"{number:02}_" for number in range(1, len(NAMES) + 1)]


@pytest.mark.parametrize("name", NAMES)
def test_each_query_says_what_it_answers_runs_and_is_in_a_total_order(
    name: str, ordinary: Path, tmp_path: Path
) -> None:
    loaded = queries.load(ordinary / "queries")
    assert loaded[name].question.endswith((".", "?"))
    with Figures(ordinary / "audit.parquet", loaded, tmp_path) as figures:
        rows = figures.rows(name)
        assert figures.count(name) == len(rows)
        assert figures.rows(name, 3) == rows[:3]


@pytest.mark.parametrize("name", NAMES)
def test_each_query_keeps_to_what_spark_takes_too(name: str) -> None:
    sql = queries.load(assets.root() / "queries")[name].sql
    assert not re.search(r"::|\bepoch_us\b|//|;|\bQUALIFY\b|\bGROUP BY ALL\b|\bEXCLUDE\b|\$\w", sql)


@pytest.mark.parametrize("name", NAMES)
def test_the_report_cites_each_query(name: str, html: str) -> None:
    assert html.count(f"data/queries/{name}") >= 1


def test_a_query_can_reach_nothing_but_the_archive(ordinary: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_text("a\n1\n", "utf-8")
    hostile = queries.Query(name="hostile", question="", sql="FROM read_csv('" + str(secret) + "')")
    spill = tmp_path / "spill"
    spill.mkdir()
    with (
        Figures(ordinary / "audit.parquet", {"hostile": hostile}, spill) as figures,
        pytest.raises(duckdb.PermissionException),
    ):
        figures.rows("hostile")
