import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from bench.pages import PAGE, make_pages
from bench.processes import FOLDER, Cost, Measured, Subject, compare, measure
from bench.results import Result, at_least, at_most, write
from bench.span import SINCE, UNTIL
from exporter.entries.envelope import parse_list
from exporter.source.platform import recorded_rows

BUSY = "sum(range(3_000_000)); held = bytearray(64 << 20); held[::4096] = b'x' * len(held[::4096])"


def test_a_process_is_measured_with_what_it_held_at_the_peak() -> None:
    cost = measure(Subject(name="busy", command=[sys.executable, "-S", "-c", BUSY]))

    assert 0 < cost.cpu <= cost.wall * 3
    assert 64 << 20 < cost.peak < 200 << 20


def test_a_small_process_is_not_charged_with_the_memory_of_the_one_that_measures() -> None:
    held = bytearray(200 << 20)
    held[::4096] = b"x" * len(held[::4096])

    assert measure(Subject(name="idle", command=["true"])).peak < 64 << 20


def test_each_run_gets_an_empty_folder_of_its_own(tmp_path: Path) -> None:
    line = f"import os; os.mkdir('{FOLDER}/new'); open('{tmp_path}/seen', 'a').write('{FOLDER}\\n')"

    (measured,) = compare([Subject(name="one", command=[sys.executable, "-S", "-c", line])], runs=2)

    folders = (tmp_path / "seen").read_text().split()
    assert len(measured.runs) == len(set(folders)) == 2
    assert not any(Path(folder).exists() for folder in folders)


def test_a_command_that_fails_is_not_measured() -> None:
    with pytest.raises(RuntimeError, match="broken failed"):
        measure(Subject(name="broken", command=["false"]))


def test_both_forms_of_the_pages_hold_the_same_entries(tmp_path: Path) -> None:
    pages = make_pages(2_500, tmp_path)

    ids = [
        msgspec.json.decode(entry)["id"]
        for path in pages.files
        for entry in parse_list(path.read_bytes()).entries
    ]
    rows = [rows.batch for rows in recorded_rows(pages.responses)]
    assert [batch.num_rows for batch in rows] == [PAGE, PAGE, 500]
    assert [id_ for batch in rows for id_ in batch["id"].to_pylist()] == ids
    moments = [moment for batch in rows for moment in batch["timestamp"].to_pylist()]
    assert moments == sorted(moments, reverse=True)
    assert SINCE <= moments[-1] < moments[0] < UNTIL


def test_results_are_written_as_data_table_and_plot(tmp_path: Path) -> None:
    runs = [Cost(cpu=cpu, wall=3.0, peak=10 << 20) for cpu in (1.0, 9.0, 2.0)]
    result = Result(
        title="A race",
        work="Two runners.",
        measured=[Measured(name="hare", runs=runs)],
        targets=[at_most("speed", 1.5, 2, " s"), at_least("ratio", 1.5, 2)],
        versions={"hare": "1"},
        left_out=["the tortoise was late."],
    )

    write(result, "race", tmp_path, at=datetime(2026, 11, 24, tzinfo=UTC))

    data = json.loads((tmp_path / "race.json").read_text())
    assert data["measured"][0]["median"] == {"cpu_seconds": 2.0, "wall_seconds": 3.0, "peak_mib": 10.0}
    assert [target["reached"] for target in data["targets"]] == [True, False]
    table = (tmp_path / "race.md").read_text()
    assert "| hare | 2.00 | 3.00 | 10 |" in table
    assert "| ratio | ≥ 2 | 1.5 | **missed** |" in table
    assert "Not measured: the tortoise was late." in table
    assert (tmp_path / "race.svg").read_text().startswith("<svg")
