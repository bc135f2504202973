"""The table of threats names tests that exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
THREATS = (ROOT / "docs" / "threats.md").read_text("utf-8")
ROWS = [line for line in THREATS.splitlines() if line.startswith("| ") and "`tests/" in line]
NAMED = re.findall(r"`(tests/[^`:]+)(?:::(\w+))?`", "\n".join(ROWS))


def test_every_row_of_the_table_names_a_test() -> None:
    rows = [line for line in THREATS.splitlines() if line.startswith("| ") and "| ---" not in line]
    headings = {line for line in rows if line.endswith("| test |")}

    assert set(rows) - headings == set(ROWS)
    assert len(ROWS) > 30


@pytest.mark.parametrize(("module", "name"), NAMED, ids=[name or module for module, name in NAMED])
def test_the_test_that_commits_the_attack_exists(module: str, name: str) -> None:
    source = (ROOT / module).read_text("utf-8")

    assert f"def {name}(" in source if name else "def test_" in source
