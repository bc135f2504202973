import csv
import hashlib
import json
import os
import stat
import subprocess
import sys
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import msgspec
import pandas as pd
import polars as pl
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.archive import order
from exporter.derive import Derived, derive
from exporter.entries.normalize import Rows, normalize
from exporter.entries.schema import SCHEMA
from exporter.facts import NAMED, Result, Selection, Verdict
from tests.pages import SELECTION, VALUES, WINDOW, Entry, entry, page, received

HISTORY: list[Entry] = [
    entry(
        id=f"log_{number:03}",
        created_at=f"2026-01-{1 + number % 31:02}T{number % 24:02}:00:00.{number:06}Z",
        action="secret.create" if number % 7 else "=deploy",
        user={"id": f"usr_{number % 5}", "email": "ada@acme.example"},
        changes={"replicas": [number, number + 1], "note": "é\r\nß"} if number % 3 else None,
        metadata={"request_id": f"req_{number}", "n": number / 10},
        level="\u202ehigh" if number % 2 else None,
    )
    for number in range(300)
]
NAMES = ("audit.parquet", "audit.csv", "audit.jsonl")

DERIVE_ELSEWHERE = """
import json, sys
from pathlib import Path
from exporter.derive import derive
from tests.pages import SELECTION, page
entries, size = json.load(sys.stdin), int(sys.argv[1])
pages = [page(*entries[low : low + size]) for low in range(0, len(entries), size)]
derived = derive(pages, SELECTION, Path(sys.argv[2]))
print(json.dumps({name: file.sha256 for name, file in derived.files.items()}))
"""


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Derived]:
    folder = tmp_path_factory.mktemp("archives")
    return folder, derive([page(*HISTORY)], SELECTION, folder)


def derived_from(*pages: Rows) -> tuple[dict[str, bytes], Derived]:
    with TemporaryDirectory() as folder:
        derived = derive(pages, SELECTION, Path(folder))
        return {name: (Path(folder) / name).read_bytes() for name in NAMES}, derived


def result_of(derived: Derived, check: str) -> Result:
    return next(found.result for found in derived.checks if found.id == check)


def test_the_three_formats_hold_the_same_entries(archives: tuple[Path, Derived]) -> None:
    folder, derived = archives
    rows = pq.read_table(folder / "audit.parquet").to_pylist()
    with (folder / "audit.csv").open(encoding="utf-8", newline="") as file:
        cells = list(csv.DictReader(file))
    lines = [json.loads(line) for line in (folder / "audit.jsonl").read_bytes().splitlines()]

    assert derived.rows == len(rows) == len(cells) == len(lines) == len(HISTORY)
    for row, cell, line in zip(rows, cells, lines, strict=True):
        for name in SCHEMA.names:
            text = cell[name].removeprefix("'")
            match name:
                case "timestamp":
                    assert datetime.fromisoformat(text) == datetime.fromisoformat(line[name]) == row[name]
                case "changes" | "metadata" | "extra":
                    assert (json.loads(text) if text else None) == line[name]
                    assert (row[name] is None) == (line[name] is None)
                case _:
                    assert (text or None) == line[name] == row[name]


def test_duckdb_pandas_and_polars_read_the_parquet_and_count_the_same(archives: tuple[Path, Derived]) -> None:
    folder, derived = archives
    path = folder / "audit.parquet"
    expected = {
        action: sum(line["action"] == action for line in HISTORY) for action in ("=deploy", "secret.create")
    }

    by_duckdb = duckdb.execute("SELECT action, count(*) FROM read_parquet(?) GROUP BY action", [str(path)])
    by_pandas = pd.read_parquet(path)["action"].value_counts()
    by_polars = pl.read_parquet(path)["action"].value_counts()

    assert dict(by_duckdb.fetchall()) == expected
    assert by_pandas.to_dict() == expected
    assert dict(by_polars.iter_rows()) == expected
    assert derived.rows == sum(expected.values())


def test_duckdb_reads_the_same_rows_from_csv_and_jsonl(archives: tuple[Path, Derived]) -> None:
    folder, derived = archives
    for query in (
        "SELECT count(*), count(DISTINCT id) FROM read_csv(?, all_varchar = true)",
        "SELECT count(*), count(DISTINCT id) FROM read_ndjson(?)",
    ):
        path = folder / ("audit.csv" if "csv" in query else "audit.jsonl")
        assert duckdb.execute(query, [str(path)]).fetchone() == (derived.rows, derived.rows)


def test_pandas_and_polars_read_the_same_rows_from_csv_and_jsonl(archives: tuple[Path, Derived]) -> None:
    folder, _ = archives
    ids = pq.read_table(folder / "audit.parquet")["id"].to_pylist()
    kinds = dict.fromkeys(SCHEMA.names, "string")

    assert pd.read_csv(folder / "audit.csv", dtype=kinds)["id"].to_list() == ids
    assert pd.read_json(folder / "audit.jsonl", lines=True)["id"].to_list() == ids
    assert pl.read_csv(folder / "audit.csv", infer_schema=False)["id"].to_list() == ids
    assert pl.read_ndjson(folder / "audit.jsonl")["id"].to_list() == ids


def test_what_each_file_is_said_to_be_is_what_it_is(archives: tuple[Path, Derived]) -> None:
    folder, derived = archives

    assert derived.files.keys() == {"parquet", "csv", "jsonl"}
    for name, file in derived.files.items():
        content = (folder / f"audit.{name}").read_bytes()
        assert file.path == folder / f"audit.{name}"
        assert file.sha256 == hashlib.sha256(content).hexdigest()
        assert file.size == len(content)
        assert file.rows == len(HISTORY)
        assert stat.S_IMODE(file.path.stat().st_mode) == 0o600


def test_nothing_but_the_archives_is_left_behind(archives: tuple[Path, Derived]) -> None:
    folder, _ = archives

    assert {path.name for path in folder.iterdir()} == set(NAMES)


def test_what_is_said_of_the_rows_is_true_of_them(archives: tuple[Path, Derived]) -> None:
    folder, derived = archives
    table = pq.read_table(folder / "audit.parquet")

    assert derived.nulls == {name: table[name].null_count for name in SCHEMA.names}
    assert derived.earliest == "2026-01-01T00:00:00Z"
    assert derived.latest == max(entry["created_at"] for entry in HISTORY)


def test_the_parquet_names_the_window_and_nothing_of_the_run(archives: tuple[Path, Derived]) -> None:
    folder, _ = archives

    assert pq.read_schema(folder / "audit.parquet").metadata == {
        b"audit-export.schema": b"1",
        b"audit-export.since": b"2026-01-01T00:00:00Z",
        b"audit-export.until": b"2026-02-01T00:00:00Z",
    }


@settings(max_examples=25)
@given(
    order=st.permutations(range(40)), size=st.integers(min_value=1, max_value=40), again=st.integers(0, 40)
)
def test_page_size_order_and_overlap_never_change_a_byte(order: list[int], size: int, again: int) -> None:
    entries = [HISTORY[number * 7] for number in order]
    pages = [page(*entries[low : low + size]) for low in range(0, len(entries), size)]

    as_it_came, derived = derived_from(*pages, page(*entries[:again]))
    at_once, _ = derived_from(page(*HISTORY[:280:7]))

    assert as_it_came == at_once
    assert derived.repeated == again


def test_rows_that_are_written_a_few_at_a_time_make_the_same_archives(
    archives: tuple[Path, Derived], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As those of a log of any length are: what was sorted is written, and the rest is held."""
    monkeypatch.setattr(order, "_TOGETHER", 0)
    history = sorted(HISTORY, key=lambda one: str(one["created_at"]), reverse=True)
    pages = [page(*history[low : low + 19]) for low in range(0, len(history), 17)]
    _, at_once = archives

    derived = derive(pages, SELECTION, tmp_path)

    for name, file in derived.files.items():
        assert (file.sha256, file.rows) == (at_once.files[name].sha256, at_once.files[name].rows)
    assert (derived.rows, derived.nulls) == (at_once.rows, at_once.nulls)
    assert (derived.earliest, derived.latest) == (at_once.earliest, at_once.latest)


@settings(max_examples=25)
@given(
    fields=st.lists(
        st.fixed_dictionaries({}, optional={"user_agent": st.text(), "metadata": VALUES}), max_size=5
    )
)
def test_whatever_the_entries_hold_all_archives_hold_as_many(fields: list[dict[str, Any]]) -> None:
    files, derived = derived_from(page(*(entry(id=str(n), **given) for n, given in enumerate(fields))))

    assert result_of(derived, "counts") is Result.AS_EXPECTED
    assert files["audit.jsonl"].count(b"\n") == len(fields)


@pytest.mark.parametrize(
    ("size", "environment"),
    [
        (300, {"PYTHONHASHSEED": "1", "TZ": "UTC", "LC_ALL": "C"}),
        (17, {"PYTHONHASHSEED": "2", "TZ": "Pacific/Kiritimati", "LC_ALL": "C.UTF-8"}),
        (1, {"PYTHONHASHSEED": "random", "TZ": "America/St_Johns", "LC_ALL": "tr_TR.UTF-8"}),
    ],
)
def test_another_process_in_another_zone_locale_and_hash_seed_writes_the_same_bytes(
    archives: tuple[Path, Derived], tmp_path: Path, size: int, environment: dict[str, str]
) -> None:
    _, derived = archives
    path = f"{Path(__file__).parents[1]}{os.pathsep}{os.environ['PYTHONPATH']}"

    ran = subprocess.run(
        [sys.executable, "-c", DERIVE_ELSEWHERE, str(size), str(tmp_path)],
        input=json.dumps(HISTORY[::-1]),
        env={**os.environ, "PYTHONPATH": path, **environment},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )

    assert json.loads(ran.stdout) == {name: file.sha256 for name, file in derived.files.items()}


@pytest.mark.parametrize("pages", [[], [page()], [page(entry(created_at="2025-12-31T23:59:59Z"))]])
def test_an_empty_window_gives_empty_but_valid_files(tmp_path: Path, pages: list[Rows]) -> None:
    derived = derive(pages, SELECTION, tmp_path)

    assert pq.read_table(tmp_path / "audit.parquet").schema.names == SCHEMA.names
    assert duckdb.execute(
        "SELECT count(*) FROM read_parquet(?)", [f"{tmp_path}/audit.parquet"]
    ).fetchone() == (0,)
    assert (tmp_path / "audit.csv").read_bytes().count(b"\n") == 1
    assert (tmp_path / "audit.jsonl").read_bytes() == b""
    assert (derived.rows, derived.earliest, derived.latest) == (0, None, None)
    assert Verdict.of(derived.checks) is Verdict.COMPLETE


def test_the_window_takes_its_first_instant_and_not_its_last() -> None:
    moments = [
        "2025-12-31T23:59:59.999999999Z",
        "2026-01-01T00:00:00Z",
        "2026-01-31T23:59:59.999999999Z",
        "2026-02-01T00:00:00Z",
    ]

    files, derived = derived_from(page(*(entry(id=str(n), created_at=at) for n, at in enumerate(moments))))

    assert [json.loads(line)["id"] for line in files["audit.jsonl"].splitlines()] == ["1", "2"]
    assert (derived.received, derived.outside, derived.rows) == (4, 2, 2)
    assert (derived.earliest, derived.latest) == ("2026-01-01T00:00:00Z", "2026-01-31T23:59:59.999999Z")


@pytest.mark.parametrize(
    "other",
    [
        {"action": "deploy.destroy"},
        {"created_at": "2026-01-20T00:00:00Z"},
        {"created_at": "2026-01-02T03:04:05.000000001Z"},
    ],
)
@pytest.mark.parametrize("apart", [False, True])
def test_an_id_with_two_contents_contradicts_the_log_and_stands_once(
    other: dict[str, str], *, apart: bool
) -> None:
    first, second, innocent = entry(), entry(**other), entry(id="log_2", created_at="2026-01-10T00:00:00Z")
    pages = [page(second, innocent), page(first)] if apart else [page(first, second, innocent)]

    files, derived = derived_from(*pages)

    assert sorted(json.loads(line)["id"] for line in files["audit.jsonl"].splitlines()) == ["log_1", "log_2"]
    assert (derived.rows, derived.conflicts) == (2, ("log_1",))
    assert result_of(derived, "one-content") is Result.CONTRADICTS
    assert result_of(derived, "counts") is Result.AS_EXPECTED
    assert Verdict.of(derived.checks) is Verdict.PARTIAL


@pytest.mark.parametrize("elsewhere", ["2025-12-31T23:59:59.999999Z", "2026-02-01T00:00:00Z"])
@pytest.mark.parametrize("apart", [False, True])
def test_an_id_that_came_inside_and_outside_the_window_contradicts_the_log(
    elsewhere: str, *, apart: bool
) -> None:
    inside, stray, innocent = entry(), entry(created_at=elsewhere), entry(id="log_2", created_at=elsewhere)
    pages = [page(inside), page(stray, innocent)] if apart else [page(stray, inside, innocent)]

    files, derived = derived_from(*pages)

    (line,) = files["audit.jsonl"].splitlines()
    assert json.loads(line)["timestamp"] == "2026-01-02T03:04:05.000000Z"
    (check,) = (check for check in derived.checks if check.id == "one-content")
    assert (check.found, check.result) == ("1 (log_1)", Result.CONTRADICTS)
    assert result_of(derived, "counts") is Result.AS_EXPECTED


def test_ids_that_came_outside_the_window_as_well_are_named_ascending() -> None:
    ids = [f"log_{number}" for number in range(9)]
    strays = (entry(id=id_, created_at="2026-02-01T00:00:00Z") for id_ in ids)

    _, derived = derived_from(page(*strays, *(entry(id=id_) for id_ in ids)))

    assert derived.strays == tuple(ids)


def test_an_id_with_two_times_that_both_lie_outside_is_no_matter_of_the_window() -> None:
    strays = (entry(id="log_2", created_at=f"2026-02-0{day}T00:00:00Z") for day in (1, 2))

    _, derived = derived_from(page(*strays, entry()))

    assert (derived.outside, derived.rows) == (2, 1)
    assert {check.result for check in derived.checks} == {Result.AS_EXPECTED}


def test_the_same_entry_read_again_is_no_contradiction() -> None:
    _, derived = derived_from(page(entry()), page(entry(), entry()))

    assert (derived.received, derived.repeated, derived.rows) == (3, 2, 1)
    assert {check.result for check in derived.checks} == {Result.AS_EXPECTED}


def test_an_entry_that_came_again_in_other_bytes_stands_once_in_the_same_bytes_whatever_came_first() -> None:
    bodies = [json.dumps([entry()], separators=form).encode() for form in ((",", ":"), (", ", ": "))]
    pages = [received(body) for body in bodies]
    digests = [rows.batch["source_sha256"][0].as_py() for rows in pages]

    files, derived = derived_from(*pages, pages[0])
    other_way_round, _ = derived_from(*reversed(pages))

    assert files == other_way_round
    assert json.loads(files["audit.jsonl"])["source_sha256"] == min(digests)
    assert (derived.repeated, derived.rewritten, derived.conflicts, derived.rows) == (1, 1, (), 1)
    assert derived.observations["entry-in-other-bytes"] == 1
    assert {check.result for check in derived.checks} == {Result.AS_EXPECTED}


@pytest.mark.parametrize(("user", "ids"), [("usr_1", ["1", "3"]), ("ada@acme.example", ["2", "3"])])
def test_a_user_is_found_by_id_or_by_address_where_an_entry_has_one_of_them(
    tmp_path: Path, user: str, ids: list[str]
) -> None:
    named = {"actor_id": "usr_1"}, {"actor_email": "ada@acme.example"}
    people = [{}, named[0], named[1], {**named[0], **named[1]}, {"actor_id": "usr_2", "actor_email": "b@c.d"}]
    entries = page(*(entry(id=str(number), **person) for number, person in enumerate(people)))

    derived = derive([entries], Selection(window=WINDOW, user=user), tmp_path)

    assert pq.read_table(tmp_path / "audit.parquet")["id"].to_pylist() == ids
    assert (derived.received, derived.outside, derived.rows) == (5, 3, 2)


def test_ids_with_several_contents_are_counted_by_id() -> None:
    _, derived = derived_from(page(*(entry(action=action) for action in "abc"), entry(id="log_2")))

    (check,) = (check for check in derived.checks if check.id == "one-content")
    assert check.found == "1 (log_1)"


def test_oddities_are_counted_over_all_pages() -> None:
    odd = {"changes": "odd", "created_at": "2026-01-02T03:04:05"}

    _, derived = derived_from(page(entry(**odd)), page(entry(id="log_2", **odd), entry(id="log_3")))

    assert derived.observations["changes-of-unknown-shape"] == 2
    assert derived.observations["timestamp-without-zone"] == 2


def test_what_is_left_out_is_named_once_in_the_order_received() -> None:
    raws = [msgspec.Raw(json.dumps(entry(id=None, at=at)).encode()) for at in range(3)]
    pages = [([0], "the first"), ([1, 0], "the second"), ([2], "the third")]

    _, derived = derived_from(
        *(normalize([raws[at] for at in of], source=source, lenient=True) for of, source in pages)
    )

    assert [name.partition(":")[0] for name in derived.left_out] == [
        "entry 0 of the first",
        "entry 0 of the second",
        "entry 0 of the third",
    ]


def test_of_many_that_are_left_out_all_are_counted_and_the_first_few_are_named() -> None:
    raws = [msgspec.Raw(json.dumps(entry(id=None, at=at)).encode()) for at in range(NAMED + 1)]

    _, derived = derived_from(normalize(raws, source="the page", lenient=True))

    (check,) = (check for check in derived.checks if check.id == "records")
    assert check.found.startswith(f"{NAMED + 1} left out: entry 0 of the page")
    assert check.found.count("of the page") == NAMED
    assert check.result is Result.DIFFERS


def test_an_archive_that_holds_another_number_of_entries_than_was_received_differs() -> None:
    _, derived = derived_from(page(entry()))

    assert result_of(replace(derived, received=2), "counts") is Result.DIFFERS
    lost = replace(derived.files["csv"], rows=0)
    assert result_of(replace(derived, files={**derived.files, "csv": lost}), "counts") is Result.DIFFERS


def test_an_archive_that_is_there_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "audit.csv").write_text("evidence")

    with pytest.raises(FileExistsError):
        derive([page(entry())], SELECTION, tmp_path)
    assert (tmp_path / "audit.csv").read_text() == "evidence"
