import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from exporter.errors import UsageError
from exporter.thresholds import Thresholds


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"token_days": 0}, "token_days cannot be 0"),
        ({"privileged_roles": ("Owner",)}, "privileged_roles cannot be 'Owner'. Write names in lower case"),
        ({"privileged_roles": ()}, "Give at least one"),
        ({"change_keys": ("a|b",)}, "change_keys cannot be 'a|b'"),
        ({"calendar_zone": "Mars/Olympus"}, "calendar_zone cannot be 'Mars/Olympus'"),
        ({"calendar_days": ("funday",)}, "Choose from monday"),
        ({"calendar_begins": "8:00"}, "calendar_begins cannot be '8:00'"),
        ({"calendar_ends": "07:00"}, "before calendar_ends"),
        ({"calendar_holidays": ("2026-13-01",)}, "Write a day such as 2026-12-25"),
        ({"calendar_holidays": ("20261225",)}, "Write a day such as 2026-12-25"),
    ],
)
def test_a_value_that_makes_no_sense_is_refused_by_name(given: dict[str, Any], complaint: str) -> None:
    with pytest.raises(UsageError, match=re.escape(complaint)):
        Thresholds(**given)


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
