"""Parquet files of other bytes: the same where every value is, and nowhere else."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from exporter.verify import values
from exporter.verify.values import same_values

CHANGES = pa.list_(pa.struct([("field", pa.string()), ("old", pa.string())]))
SCHEMA = pa.schema([("id", pa.string()), ("at", pa.int64()), ("changes", CHANGES)])
ROWS: list[dict[str, object]] = [
    {"id": "a", "at": 1, "changes": [{"field": "name", "old": "x"}, {"field": "name", "old": None}]},
    {"id": "b", "at": None, "changes": None},
    {"id": None, "at": 3, "changes": []},
    {"id": "a", "at": 4, "changes": [{"field": None, "old": "yy"}]},
]


@pytest.fixture(autouse=True)
def _a_few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(values, "_ROWS", 2)


def table(*rows: dict[str, object]) -> pa.Table:
    return pa.Table.from_pylist(list(rows), schema=SCHEMA)


def same(folder: Path, one: pa.Table, **written: object) -> bool:
    """Compare a file with the one of ``ROWS``, as it is written here."""
    pq.write_table(table(*ROWS), folder / "derived.parquet")
    pq.write_table(one, folder / "one.parquet", **written)
    with (folder / "one.parquet").open("rb") as file:
        return same_values(file, folder / "derived.parquet")


@pytest.mark.parametrize(
    "written",
    [
        {},
        {"compression": "gzip"},
        {"use_dictionary": False},
        {"use_dictionary": False, "column_encoding": {"id": "DELTA_LENGTH_BYTE_ARRAY"}},
        {"data_page_version": "2.0", "version": "1.0"},
    ],
)
def test_how_a_file_is_written_makes_no_difference(tmp_path: Path, written: dict[str, object]) -> None:
    assert same(tmp_path, table(*ROWS), **written)


@pytest.mark.parametrize(
    "other",
    [
        [*ROWS[:3], {**ROWS[3], "id": "b"}],
        [*ROWS[:3], {**ROWS[3], "at": 5}],
        [*ROWS[:3], {**ROWS[3], "changes": [{"field": None, "old": "yz"}]}],
        [*ROWS[:3], {**ROWS[3], "changes": [{"field": "x", "old": "yy"}]}],
        [{**ROWS[0], "id": "x" * 1_000}, *ROWS[1:]],
        [ROWS[1], ROWS[0], *ROWS[2:]],
        [ROWS[0], {**ROWS[1], "changes": []}, *ROWS[2:]],
        ROWS[:3],
        [*ROWS, ROWS[3]],
        [],
    ],
)
def test_one_other_value_makes_a_difference(tmp_path: Path, other: list[dict[str, object]]) -> None:
    assert not same(tmp_path, table(*other))


@pytest.mark.parametrize(
    "other",
    [
        table(*ROWS).drop_columns(["at"]),
        table(*ROWS).rename_columns(["id", "time", "changes"]),
        table(*ROWS).set_column(1, "at", pa.array([1, None, 3, 4], pa.int32())),
        table(*ROWS).select(["at", "id", "changes"]),
    ],
    ids=["fewer", "another name", "another type", "another order"],
)
def test_other_columns_make_a_difference(tmp_path: Path, other: pa.Table) -> None:
    assert not same(tmp_path, other)
