import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from exporter.entries.schema import SCHEMA
from exporter.errors import UsageError
from exporter.facts import Window
from exporter.report import queries
from exporter.report.figures import Figures
from exporter.thresholds import MOST, Thresholds
from tests.world import NOW


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"token_days": 0}, "token_days cannot be 0"),
        ({"privileged_roles": ("Owner",)}, "privileged_roles cannot be 'Owner'. Write names in lower case"),
        ({"privileged_roles": ()}, "Give at least one"),
        ({"change_keys": ("a|b",)}, "change_keys cannot be 'a|b'"),
        ({"token_days": 9_999_999_999}, "Give a whole number from 1 to 1,000,000"),
        ({"calendar_zone": "localtime"}, "calendar_zone cannot be 'localtime'"),
        ({"calendar_zone": "right/UTC"}, "calendar_zone cannot be 'right/UTC'"),
        ({"calendar_zone": "Factory"}, "calendar_zone cannot be 'Factory'"),
        ({"calendar_zone": "Mars/Olympus"}, "calendar_zone cannot be 'Mars/Olympus'"),
        ({"calendar_days": ("funday",)}, "Choose from monday"),
        ({"calendar_days": ()}, "calendar_days cannot be ''. Choose from monday"),
        ({"calendar_begins": "8:00"}, "calendar_begins cannot be '8:00'"),
        ({"calendar_begins": "0٨:00"}, "calendar_begins cannot be '0٨:00'"),
        ({"calendar_ends": "07:00"}, "before calendar_ends"),
        ({"calendar_holidays": ("2026-13-01",)}, "Write a day such as 2026-12-25"),
        ({"calendar_holidays": ("20261225",)}, "Write a day such as 2026-12-25"),
    ],
)
def test_a_value_that_makes_no_sense_is_refused_by_name(given: dict[str, Any], complaint: str) -> None:
    with pytest.raises(UsageError, match=re.escape(complaint)):
        Thresholds(**given)


def test_the_largest_can_be_asked_with(tmp_path: Path) -> None:
    numbers: dict[str, Any] = {
        field.name: MOST for field in fields(Thresholds) if isinstance(field.default, int)
    }
    row = {"id": "a", "timestamp": NOW, "action": "token.create", "source_sha256": "0" * 64}
    pq.write_table(pa.Table.from_pylist([row], schema=SCHEMA), tmp_path / "audit.parquet")
    queries.ship(tmp_path / "queries", Thresholds(**numbers), Window(since=NOW, until=NOW))

    with Figures(tmp_path / "audit.parquet", tmp_path / "queries", tmp_path / "spill") as figures:
        assert all(figures.rows(query.name) is not None for query in figures.queries)


def test_they_can_be_read_from_a_table_of_the_configuration_file() -> None:
    table = msgspec.toml.decode(
        "token_days = 30\ncalendar_zone = 'Europe/Berlin'\ncalendar_days = ['monday']\n"
    )
    read = msgspec.convert(table, Thresholds)
    assert (read.token_days, read.calendar_zone, read.calendar_days) == (30, "Europe/Berlin", ("monday",))


def test_each_default_is_documented_as_it_is() -> None:
    text = (Path(__file__).parent.parent / "docs" / "report.md").read_text("utf-8")
    for name, default in msgspec.to_builtins(Thresholds()).items():
        shown = ", ".join(default) if isinstance(default, list | tuple) else default
        shown = "none" if shown in (None, "") else shown
        assert re.search(rf"^\| `{name}` \| {re.escape(str(shown))} \|", text, re.MULTILINE), name
