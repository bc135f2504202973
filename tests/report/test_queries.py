import re
import shutil
import subprocess
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from exporter.errors import VerificationError
from exporter.facts import Window
from exporter.report import assets, queries
from exporter.report.cells import BREAK
from exporter.report.figures import Figures
from exporter.thresholds import Thresholds

NAMES = sorted(path.name for path in (assets.root() / "queries").iterdir())
ASKED = NAMES[1:]
WINDOW = Window(since=datetime(2026, 7, 1, tzinfo=UTC), until=datetime(2026, 10, 1, tzinfo=UTC))
DECLARED = Thresholds(calendar_zone="Europe/Berlin")


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bundle") / "queries"
    queries.ship(folder, DECLARED, WINDOW)
    return folder


@pytest.fixture(scope="module")
def figures(shipped: Path, undrawn: Path, tmp_path_factory: pytest.TempPathFactory) -> Figures:
    return Figures(undrawn / "audit.parquet", shipped, tmp_path_factory.mktemp("spill"))


def test_every_query_is_shipped_in_order_without_anything_left_to_fill_in(shipped: Path) -> None:
    assert [path.name for path in sorted(shipped.iterdir())] == NAMES
    for path in shipped.iterdir():
        assert "$" not in path.read_text("utf-8")


def test_a_query_is_left_out_where_what_it_compares_with_was_not_declared(tmp_path: Path) -> None:
    paths = queries.ship(tmp_path, Thresholds(), WINDOW)
    assert set(NAMES) - {path.name for path in paths} == {"36_outside_calendar.sql"}


def test_a_shipped_query_shows_each_value_with_its_name(tmp_path: Path) -> None:
    queries.ship(tmp_path, Thresholds(token_days=30, privileged_roles=("root", "boss")), WINDOW)
    assert "> 30 /* token_days */ *" in (tmp_path / "28_old_tokens.sql").read_text("utf-8")
    assert "IN ('root', 'boss') /* privileged_roles */" in (tmp_path / "21_privileged_grants.sql").read_text(
        "utf-8"
    )
    setup = (tmp_path / "00_audit.sql").read_text("utf-8")
    assert ">= TIMESTAMPTZ '2026-07-01T00:00:00Z' /* since */" in setup
    late = (tmp_path / "17_supplement.sql").read_text("utf-8")
    assert "< 1782864000000000 /* since: 2026-07-01T00:00:00Z */" in late


def test_every_threshold_is_asked_for_by_a_query() -> None:
    asked = {name for query in ASKED for name in queries.parameters(query)}
    assert asked == set(Thresholds.__dataclass_fields__)


def test_they_are_numbered_without_a_gap() -> None:
    assert [name[:3] for name in NAMES] == [f"{number:02}_" for number in range(len(NAMES))]


@pytest.mark.parametrize("name", ASKED)
def test_each_query_says_what_it_answers_runs_and_is_in_a_total_order(
    name: str, shipped: Path, figures: Figures
) -> None:
    assert queries.load(shipped)[name].question.endswith((".", "?"))
    rows = figures.rows(name)
    assert figures.count(name) == len(rows)
    assert figures.rows(name, 3) == rows[:3]


@pytest.mark.parametrize("name", ASKED)
def test_each_query_keeps_to_what_spark_takes_too(name: str, shipped: Path) -> None:
    sql = queries.load(shipped)[name].sql
    assert not re.search(r"::|\bepoch_us\b|//|;|\\|\bQUALIFY\b|\bGROUP BY ALL\b|\bEXCLUDE\b|\bFILTER\b", sql)


def test_what_says_nothing_is_none_in_the_views_of_either_engine() -> None:
    ours = (assets.root() / "queries" / "00_audit.sql").read_text("utf-8")
    theirs = (assets.root().parent / "scripts" / "engines.py").read_text("utf-8")
    empty = r"nullif\((\w+), ''\) AS"
    assert {*re.findall(empty, ours)} == {*re.findall(empty, theirs)}


@pytest.mark.parametrize("name", ["02_by_actor_type.sql", "26_change_references.sql"])
def test_where_a_kind_of_actor_that_is_not_stated_stands_is_said(name: str, shipped: Path) -> None:
    assert queries.load(shipped)[name].sql.endswith("DESC, actor_type NULLS LAST")


@pytest.mark.parametrize("name", [name for name in ASKED if name != "36_outside_calendar.sql"])
def test_the_report_cites_each_query(name: str, html: str) -> None:
    assert f"data/queries/{name}" in html or name in html.replace(BREAK, "")


def test_a_shipped_query_can_be_asked_again_with_a_plain_engine(
    undrawn: Path, tmp_path: Path, shipped: Path, figures: Figures
) -> None:
    (tmp_path / "data").mkdir()
    shutil.copy(undrawn / "audit.parquet", tmp_path / "data")
    shutil.copytree(shipped, tmp_path / "data" / "queries")
    script = """
import duckdb
engine = duckdb.connect()
engine.execute(open("data/queries/00_audit.sql").read())
print(engine.sql(open("data/queries/01_by_action.sql").read()).project("entries").fetchall())
"""
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, check=True, capture_output=True, text=True
    )
    numbers = [int(number) for number in re.findall(r"\d+", done.stdout)]
    assert numbers == [row["entries"] for row in figures.rows("01_by_action.sql")]


@pytest.mark.parametrize(
    "setting",
    [
        {"THREADS": 1, "MEMORY": "1GB"},
        {"THREADS": 3, "AS_WRITTEN": ""},
        {"READ_LATE": 0, "PAGEWISE": "false"},
    ],
    ids=str,
)
def test_the_figures_are_the_same_however_the_engine_is_set(
    monkeypatch: pytest.MonkeyPatch,
    undrawn: Path,
    tmp_path: Path,
    figures: Figures,
    setting: dict[str, object],
) -> None:
    for name, value in setting.items():
        monkeypatch.setattr(f"exporter.report.figures.{name}", value)
    with Figures(undrawn / "audit.parquet", undrawn / "queries", tmp_path) as others:
        for query in others.queries:
            assert others.rows(query.name) == figures.rows(query.name), query.name
            assert others.rows(query.name, 70) == figures.rows(query.name)[:70], query.name


def test_a_query_can_reach_nothing_but_the_archive(undrawn: Path, tmp_path: Path, shipped: Path) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_text("a\n1\n", "utf-8")
    hostile = tmp_path / "queries"
    shutil.copytree(shipped, hostile)
    (hostile / "99_hostile.sql").write_text(f"-- Hostile?\nFROM read_csv('{secret}')\n", "utf-8")
    with (
        Figures(undrawn / "audit.parquet", hostile, tmp_path / "spill") as figures,
        pytest.raises(VerificationError, match="file system operations are disabled"),
    ):
        figures.rows("99_hostile.sql")


def test_the_set_up_can_reach_nothing_but_the_archive(undrawn: Path, tmp_path: Path, shipped: Path) -> None:
    hostile = tmp_path / "queries"
    shutil.copytree(shipped, hostile)
    setup = hostile / "00_audit.sql"
    setup.write_text(setup.read_text("utf-8") + f"COPY audit TO '{tmp_path}/stolen.csv';\n", "utf-8")
    with pytest.raises(VerificationError, match="file system operations are disabled"):
        Figures(undrawn / "audit.parquet", hostile, tmp_path / "spill")
    assert not (tmp_path / "stolen.csv").exists()


def test_a_question_leaves_no_thread_that_would_hold_the_engine_at_the_interpreters_end(
    figures: Figures,
) -> None:
    before = threading.active_count()
    for _ in range(20):
        assert figures.count("16_log.sql")
        assert threading.active_count() == before
