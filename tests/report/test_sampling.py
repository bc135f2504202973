import csv
import hashlib
import io
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.cli import main
from exporter.errors import UsageError, VerificationError
from exporter.report import cells
from exporter.report.composing import compose
from exporter.report.figures import Figures
from exporter.report.populations import populations
from exporter.report.samples import Sample, digests, sample_bundle
from exporter.report.sampling import Draw, allot, draw, key

Make = Callable[..., Path]
Entry = dict[str, Any]

IDS = [f"evt-{number:03}" for number in range(1, 11)]
POPULATION = "CC8.1/deploy"
MONTHS = st.dictionaries(st.sampled_from([f"2026-{n:02}" for n in range(1, 13)]), st.integers(0, 90))


def drawn(seed: str, size: int, ids: list[str] = IDS) -> list[str]:
    pairs = [(id_, "") for id_ in ids]
    return [each.id for each in draw(pairs, POPULATION, Draw(seed=seed, size=size), {})]


@pytest.fixture(scope="module")
def bundle(make: Make, entries: list[Entry]) -> Path:
    return make(entries).parent


def changes(bundle: Path, **how: Any) -> Sample:
    return sample_bundle(bundle, "changes", Draw(seed="TEST", **how))


def test_the_published_vector_is_drawn() -> None:
    assert drawn("TEST", 3) == ["evt-004", "evt-010", "evt-008"]
    keys = [key("TEST", POPULATION, id_)[:8] for id_ in drawn("TEST", 3)]
    assert keys == ["1d3b6525", "1e136e50", "1e700a29"]


def test_sha256sum_gives_the_same_order() -> None:
    printed = []
    for id_ in IDS:
        text = subprocess.run(
            ["printf", r"audit-export/v1\n%s\n%s\n%s", "TEST", POPULATION, id_],
            check=True,
            capture_output=True,
        )
        digest = subprocess.run(["sha256sum"], input=text.stdout, check=True, capture_output=True)
        printed.append((digest.stdout.split()[0].decode(), id_))
    assert [id_ for _, id_ in sorted(printed)] == drawn("TEST", len(IDS))


def test_one_statement_gives_the_same_sample_of_a_bundle(
    bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(bundle)
    population = (bundle / "data" / "queries" / "11_changes.sql").read_text("utf-8")
    engine = duckdb.connect()
    engine.execute((bundle / "data" / "queries" / "00_audit.sql").read_text("utf-8"))
    order = "sha256(concat_ws(chr(10), 'audit-export/v1', 'TEST', 'changes', id)), id"
    sql = f"SELECT id FROM ({population}) AS population ORDER BY {order} LIMIT 25"  # noqa: S608 - as the report says it
    ids = [entry.id for entry, _ in changes(bundle, size=25).entries]
    assert engine.sql(sql).to_arrow_table()["id"].to_pylist() == ids


def test_the_digest_is_that_of_the_ids_sorted_by_stock_tools(bundle: Path, entries: list[Entry]) -> None:
    ids = "".join(f"{entry['id']}\n" for entry in entries if entry["action"] == "deploy")
    ordered = subprocess.run(
        ["sort"], input=ids.encode(), env={"LC_ALL": "C"}, check=True, capture_output=True
    ).stdout
    sample = changes(bundle, size=1)
    assert sample.digest == hashlib.sha256(ordered).hexdigest()
    assert sample.size == ids.count("\n")


@pytest.mark.parametrize(
    "altered",
    [
        ("11_changes.sql", "", ""),
        ("11_changes.sql", "= 'deploy'", "<> 'user.add'"),
        ("11_changes.sql", "= 'deploy'", "= 'deploy' AND id > 'm'"),
        ("06_joiners.sql", "= 'user.add'", "= 'user.remove'"),
        ("16_log.sql", "ORDER BY", "WHERE id > 'm'\nORDER BY"),
    ],
)
def test_the_digests_of_a_report_are_those_of_what_its_queries_select(
    make: Make, entries: list[Entry], tmp_path: Path, altered: tuple[str, str, str]
) -> None:
    query, text, instead = altered
    ids = ["", "ü", "Ü", "e\u0301", "z" * 40, "10", "9", "m", "M", "\U0001f600"]
    odd = [row | {"id": id_} for row, id_ in zip(entries, ids, strict=False)]
    log = [
        row | {"id": f"{place}/{row['id']}"} for place in range(25) for row in entries
    ]  # more than a batch
    data = make([*odd, *log])
    path = data / "queries" / query
    path.write_text(path.read_text("utf-8").replace(text, instead), "utf-8")
    with Figures(data / "audit.parquet", data / "queries", tmp_path) as figures:
        sizes = {each.query: figures.count(each.query) for each in populations()}
        taken = digests(populations(), sizes, figures)
        for each in populations():
            selected = [row["id"].encode() + b"\n" for row in figures.rows(each.query)]
            assert taken[each.query] == hashlib.sha256(b"".join(sorted(selected))).hexdigest()


def test_each_entry_of_a_sample_is_the_entry_itself(bundle: Path, entries: list[Entry]) -> None:
    by_id = {entry["id"]: entry for entry in entries}
    for entry, row in changes(bundle, size=40).entries:
        assert row["id"] == entry.id
        assert row["timestamp"] == by_id[entry.id]["timestamp"]
        assert row["actor"] == by_id[entry.id]["actor_email"]


def test_a_sample_by_month_has_each_month_in_proportion(bundle: Path, entries: list[Entry]) -> None:
    months = Counter(f"{entry['timestamp']:%Y-%m}" for entry in entries if entry["action"] == "deploy")
    sample = changes(bundle, size=20, by_month=True)
    assert Counter(entry.month for entry, _ in sample.entries) == allot(months, 20)
    keys = [entry.key for entry, _ in sample.entries]
    assert keys == sorted(keys)


def test_a_sample_by_month_that_is_too_small_says_how_large_it_has_to_be(bundle: Path) -> None:
    with pytest.raises(
        UsageError,
        match=r"population changes spreads over 3 months, which is more than a sample of 2.*Ask for 3",
    ):
        changes(bundle, size=2, by_month=True)


def test_an_unknown_population_is_refused_with_those_there_are(bundle: Path) -> None:
    with pytest.raises(UsageError, match=r"'deployments'.*Choose from joiners, leavers, .*, log"):
        sample_bundle(bundle, "deployments", Draw(seed="1", size=1))


def test_nothing_is_drawn_from_an_archive_that_is_not_the_recorded_one(
    make: Make, entries: list[Entry]
) -> None:
    altered = make(entries[:50]).parent
    query = altered / "data" / "queries" / "11_changes.sql"
    query.write_text(query.read_text("utf-8").replace("'deploy'", "'deploy.rollback'"), "utf-8")
    with pytest.raises(VerificationError, match=r"11_changes\.sql is not the file that data/run\.json lists"):
        changes(altered, size=1)


@pytest.mark.parametrize(
    "seed", ["", "a\nb", "a\x00", " a", "a ", "a  b", "a\u00a0b", "cafe\u0301", "s" * 201], ids=ascii
)
def test_a_seed_is_one_line_of_text_that_print_shows_as_it_is(seed: str) -> None:
    with pytest.raises(UsageError, match="one line of printable text"):
        Draw(seed=seed, size=1)


def test_a_sample_has_at_least_one_entry() -> None:
    with pytest.raises(UsageError, match="at least one entry"):
        Draw(seed="1", size=0)


@given(st.lists(st.text(min_size=1, max_size=6), unique=True, max_size=40), st.integers(1, 40))
def test_a_larger_sample_only_adds_and_the_order_of_arrival_is_no_matter(ids: list[str], size: int) -> None:
    assert drawn("s", size + 1, ids)[:size] == drawn("s", size, ids)
    assert drawn("s", size, ids[::-1]) == drawn("s", size, ids)


@given(MONTHS, st.integers(12, 400))
def test_months_share_a_sample_fairly(months: dict[str, int], size: int) -> None:
    shares = allot(months, size)
    filled = {month: entries for month, entries in months.items() if entries}
    assert shares.keys() == filled.keys()
    assert all(1 <= shares[month] <= filled[month] for month in shares)
    assert sum(shares.values()) == min(size, sum(filled.values()))
    for month, entries in filled.items():
        assert all(shares[month] >= shares[other] - 1 for other in filled if filled[other] <= entries)


def test_largest_remainders_decide_and_the_earlier_month_where_they_are_equal() -> None:
    assert allot({"2026-01": 50, "2026-02": 30, "2026-03": 20}, 8) == {
        "2026-01": 4,  # one, and 2.5 of the other five
        "2026-02": 2,  # one, and 1.48
        "2026-03": 2,  # one, and 0.97
    }
    assert allot({"2026-01": 10, "2026-02": 10}, 3) == {"2026-01": 2, "2026-02": 1}


def test_the_months_are_those_of_utc(make: Make, entries: list[Entry]) -> None:
    edge = [
        entries[0] | {"id": "a", "action": "deploy", "timestamp": datetime(2026, 7, 31, 23, 59, tzinfo=UTC)},
        entries[1] | {"id": "b", "action": "deploy", "timestamp": datetime(2026, 8, 1, tzinfo=UTC)},
    ]
    sample = changes(make(edge).parent, size=2, by_month=True)
    assert {entry.id: entry.month for entry, _ in sample.entries} == {"a": "2026-07", "b": "2026-08"}


def test_the_command_prints_the_sample_as_csv_with_columns_for_the_auditor(
    make: Make, entries: list[Entry], capsys: pytest.CaptureFixture[str]
) -> None:
    formula = entries[0] | {
        "action": "deploy",
        "resource_name": "=cmd|' /C calc'!A1",
        "request_id": "\0=1+1",
    }
    bundle = make([formula], filters={"action": "deploy"}).parent
    with pytest.raises(SystemExit) as left:
        main(["sample", str(bundle), "--population", "changes", "--size", "5", "--seed", "TEST"])
    assert left.value.code == 0
    printed = capsys.readouterr()
    ((place, row),) = enumerate(csv.DictReader(io.StringIO(printed.out)), 1)
    assert row["place"] == str(place)
    assert row["key"] == key("TEST", "changes", formula["id"])
    assert row["id"] == formula["id"]
    assert row["resource"] == "'=cmd|' /C calc'!A1"
    assert row["request_id"] == "'\0=1+1"
    assert row["evidence_seen"] == row["result"] == row["tested_by"] == ""
    assert "Population changes: 1 entry, " in printed.err
    assert "Extract: not the full population" in printed.err


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has a file for which there is no room")
def test_a_sample_that_cannot_be_written_says_so(bundle: Path) -> None:
    asked = ("--population", "changes", "--size", "5", "--seed", "TEST")
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "exporter", "sample", str(bundle), *asked],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 7
    assert "The result could not be written to stdout (No space left on device)." in done.stderr


def test_a_seed_fills_in_the_samples_of_the_report(bundle: Path) -> None:
    html = compose(bundle / "data", Draw(seed="TEST", size=3, by_month=True))
    ids = [entry.id for entry, _ in changes(bundle, size=3, by_month=True).entries]
    places = [
        html.index(cells.text(id_), html.index("Sample from changes, in the order drawn")) for id_ in ids
    ]
    assert places == sorted(places)
    assert "Evidence seen" in html
    assert "Evidence seen" not in compose(bundle / "data")
