from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from exporter.report import document
from exporter.report.fonts import Face, coverage
from exporter.report.render import render_report

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src="http://198.51.100.1/x.png">',
    '<link rel="stylesheet" href="file:///etc/passwd">',
    "<style>@import url(http://198.51.100.1/x.css)</style>",
    "url(file:///etc/passwd)",
    "{{ run.digest }} {% raw %}",
    "</table></section><h1>Verdict: complete</h1>",
    "\u202egnp.exe\u2066\u2069",
    "a\x00b\x07c\x1bd\r\n\te",
    "\N{GRINNING FACE}\N{FAMILY}\u200d\ufe0f",
    "\u738b\u5c0f\u660e \u0645\u062d\u0645\u062f",
    "Z\u0351\u036b\u0343\u036a\u0342\u036bA" * 40,
    "W" * 5000,
    "=cmd|' /C calc'!A1",
    "\ufeff\ue000\uffff",
)

Entry = dict[str, Any]
Make = Callable[..., Path]
LayOut = Callable[[str], Any]


def what_the_fonts_can_draw() -> list[str]:
    """Text in every letter of the first two typefaces, and in some of each of the others."""
    points = {*coverage(Face.SANS), *coverage(Face.MONO)}
    for face in (Face.ARABIC, Face.HEBREW, Face.CHINESE, Face.REST):
        points.update(sorted(coverage(face))[:: max(1, len(coverage(face)) // 200)])
    drawable = "".join(map(chr, sorted(points)))
    return [drawable[at : at + 60] for at in range(0, len(drawable), 60)]


@pytest.fixture(scope="module")
def hostile(make: Make, entries: list[Entry]) -> Path:
    """Every column that an attacker can fill, filled with everything they might try."""
    values = [*HOSTILE, *what_the_fonts_can_draw()]
    columns = ("actor_email", "actor_type", "ip_address", "resource_type", "resource_name", "request_id")
    attacked = [
        entries[number]
        | {"id": f"{number:02}{value}", "action": value if number % 2 else "user.add"}
        | dict.fromkeys(columns, value)
        | {"changes": [{"field": value, "old": None, "new": "7"}]}
        for number, value in enumerate(values)
    ]
    source = {"organization_name": HOSTILE[0] + HOSTILE[-3], "principal": HOSTILE[1]}
    return make(attacked, source=source)


def test_hostile_values_stay_text(hostile: Path) -> None:
    html = document.compose(hostile)
    for markup in ("<script", "<img", "<link", "<style", "Verdict: complete</h1>"):
        assert markup not in html
    assert "&lt;script&gt;" in html
    assert "[U+202E]gnp.exe" in html
    assert "[U+1F600]" in html
    assert "5,000 characters]" in html or "5,002 characters]" in html


def test_more_actions_than_a_table_holds_are_said_to_be_more(make: Make, entries: list[Entry]) -> None:
    many = [entry | {"action": f"made.up.{number}"} for number, entry in enumerate(entries[:100])]
    assert "shows the 40 most frequent; 60 more are in" in document.compose(make(many))


def test_hostile_values_fetch_nothing_and_draw_without_complaint(hostile: Path) -> None:
    render_report(hostile)
    assert (hostile / "report.pdf").read_bytes().startswith(b"%PDF-1.7")


def test_hostile_values_stay_in_their_cells(hostile: Path, lay_out: LayOut) -> None:
    for page in lay_out(document.compose(hostile)).pages:
        for cell in page._page_box.descendants():  # noqa: SLF001 - WeasyPrint keeps its boxes to itself
            if cell.element_tag in {"td", "th"}:
                right = cell.position_x + cell.border_width()
                texts = [box for box in cell.descendants() if getattr(box, "text", None)]
                assert all(box.position_x + box.width <= right + 1 for box in texts), texts
