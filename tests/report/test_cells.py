import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.report import cells
from exporter.report.fonts import Face, coverage


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("api-prod", "api-prod"),
        ("<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"),
        ("\u202egnp.exe", "[U+202E]gnp.exe"),
        ("Ana\x07 Bell", "Ana[U+0007] Bell"),
        ("\ud800", "[U+D800]"),
        ("\ue000", "[U+E000]"),
        ("\N{GRINNING FACE}", "[U+1F600]"),
        ("\u738b", "[U+738B]"),
        ("e\u0301", "\u00e9"),
        ("a\u200bb", "a[U+200B]b"),
        ("a\u00a0b", "a[U+00A0]b"),
        ("\u0301", "[U+0301]"),
        (None, "\N{EN DASH}"),
        ("", "(empty)"),
    ],
)
def test_a_value_is_shown_as_what_it_is(value: str | None, shown: str) -> None:
    assert cells.text(value).replace(cells.BREAK, "") == shown


def test_a_cut_is_said_to_be_one() -> None:
    shown = cells.text("x" * 5000).replace(cells.BREAK, "")
    assert shown == "x" * cells.LIMIT + " … [cut; 5,000 characters]"


def test_a_cut_is_said_even_where_composing_shortens_the_value() -> None:
    assert "[cut; 1,000 characters]" in cells.text("e\u0301" * 500)


def test_a_label_is_short_and_clean() -> None:
    assert cells.label("a\x00" + "b" * 40) == "a[U+0000]" + "b" * 26 + " …"
    assert cells.label("deploy") == "deploy"


@given(st.text(st.characters(codec=None), max_size=400))
def test_whatever_the_value_only_drawable_characters_come_out(value: str) -> None:
    assert {ord(character) for character in cells.text(value).unescape()} <= coverage(Face.SANS)


@given(st.text(max_size=400))
def test_a_line_can_always_be_broken(value: str) -> None:
    pieces = cells.text(value).unescape().replace(" ", cells.BREAK).split(cells.BREAK)
    assert max(map(len, pieces)) <= cells.STRETCH


def test_changes_read_as_old_to_new() -> None:
    fields: list[dict[str, str | None]] = [
        {"field": "role", "old": None, "new": '"admin"'},
        {"field": "replicas", "old": "2", "new": "30000000000000000001"},
    ]
    shown = cells.changes(fields).replace(cells.BREAK, "")
    assert shown == "role: \N{EN DASH} → admin; replicas: 2 → 30000000000000000001"
    assert cells.changes(None) == cells.changes([]) == cells.ABSENT


def test_a_digest_stays_in_one_piece() -> None:
    assert cells.whole("ab" * 32) == "ab" * 32
