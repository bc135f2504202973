import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.report import cells, scripts
from exporter.report.fonts import Face
from exporter.report.glyphs import coverage, face_of

MARKS = dict.fromkeys(map(ord, "\u2066\u2067\u2068\u2069\u202a\u202b\u202c\u202d\u202e\u200e\u200f\u061c"))


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
        ("\u738b\u5c0f\u660e", "\u738b\u5c0f\u660e"),
        ("Nguye\u0302\u0303n Thi\u0323", "Nguy\u1ec5n Th\u1ecb"),
        ("\u0e17\u0e35\u0e48", "\u0e17\u0e35\u0e48"),
        ("e\u0301", "\u00e9"),
        ("\u0645\u0645\u0645\u064e\u0651\u064e", "<span>\u0645\u0645\u0645\u064e\u064e</span>[U+0651]"),
        ("a\u3164\u2800\ufe0fb", "a[U+3164][U+2800][U+FE0F]b"),
        ("\ufdfd", "[U+FDFD]"),
        ("[U+0041]", "[U+005B]U+0041]"),
        ("x [cut; 9 characters]", "x [U+005B]cut; 9 characters]"),
        ("[x]", "[x]"),
        ("\N{EN DASH}", "[U+2013]"),
        ("(empty)", "[U+0028]empty)"),
        ("a\u200bb", "a[U+200B]b"),
        ("a\u00a0b", "a[U+00A0]b"),
        ("\u0301", "[U+0301]"),
        ("   ", "[U+0020][U+0020][U+0020]"),
        (" admin ", "[U+0020]admin[U+0020]"),
        ("a  b c", "a [U+0020]b c"),
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
    shown = cells.text(value).replace("<span>", "").replace("</span>", "").unescape()
    assert all(face_of(character) for character in shown)
    assert shown == shown.translate(MARKS)


@pytest.mark.parametrize("face", Face)
def test_a_character_that_a_face_draws_is_shown_or_named_never_dropped(face: Face) -> None:
    for point in sorted(coverage(face))[::41]:
        shown = "".join(cells.visible(chr(point), lambda _: True))
        assert shown == unicodedata.normalize("NFC", chr(point)) or re.search(r"\[U\+\w+\]", shown)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("p\u0430ypal.example", "p[U+0430]ypal.example"),
        ("\u0441\u0435\u043e@acme.example", "[U+0441][U+0435][U+043E]@acme.example"),
        ("\u0418\u0432a\u043d", "\u0418\u0432[U+0061]\u043d"),
        (
            "\u0434\u0438\u043c\u0430 \u0440\u043e\u0441\u0430",
            "\u0434\u0438\u043c\u0430 \u0440\u043e\u0441\u0430",
        ),
        ("\u0395\u03bb\u03ad\u03bd\u03b7", "\u0395\u03bb\u03ad\u03bd\u03b7"),
        ("web-\u0438\u043c\u044f", "web-\u0438\u043c\u044f"),
        ("IBM\u682a\u5f0f\u4f1a\u793e", "IBM\u682a\u5f0f\u4f1a\u793e"),
    ],
    ids=[
        "one letter",
        "a whole word",
        "the rarer script",
        "a Russian name",
        "Greek",
        "two words",
        "Japanese",
    ],
)
def test_letters_that_pose_as_others_are_named(value: str, shown: str) -> None:
    assert cells.text(value).replace(cells.BREAK, "") == shown


@given(st.text(st.characters(codec="ascii")))
def test_plain_letters_are_never_taken_for_disguised(value: str) -> None:
    assert not scripts.disguised(value)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("\u0645\u062f\u064a\u0631", "<span>\u0645\u062f\u064a\u0631</span>"),
        ("api-\u05d3\u05d5\u05d3-12", "api-<span>\u05d3\u05d5\u05d3</span>-12"),
        ("\u05d3 \u05d3, \u05d3", "<span>\u05d3 \u05d3</span>, <span>\u05d3</span>"),
        ("\u05d3\u202e1", "<span>\u05d3</span>[U+202E]1"),
    ],
)
def test_text_from_right_to_left_is_kept_apart(value: str, shown: str) -> None:
    assert cells.text(value).replace(cells.BREAK, "") == shown


def test_text_from_right_to_left_has_no_empty_line_before_it() -> None:
    assert cells.text("\u0645" * 40).startswith("<span>")


@given(st.text(st.sampled_from("a1 .\u05d3\u0645\u0661\u064b\u202e"), max_size=300))
def test_text_from_right_to_left_is_closed_wherever_it_ends(value: str) -> None:
    shown = cells.text(value)
    assert shown.count("<span>") == shown.count("</span>")
    assert "<span><" not in shown
    assert not any(map(scripts.begins_leftward, re.sub("<span>.*?</span>", "", shown)))


@given(st.text(max_size=400))
def test_a_line_can_always_be_broken(value: str) -> None:
    shown = cells.text(value).replace("<span>", "").replace("</span>", "")
    pieces = shown.unescape().replace(" ", cells.BREAK).split(cells.BREAK)
    assert max(map(len, pieces)) <= cells.STRETCH


@pytest.mark.parametrize(
    ("value", "pieces"),
    [
        ("registry.acme.test/pricing-api:1.29.3", ["registry.", "acme.test/", "pricing-", "api:1.29.3"]),
        ("certificate.3rd.example.org", ["certificate.", "3rd.example.", "org"]),
        ("3f9a1c2e-0000-4000", ["3f9a1c2e-", "0000-4000"]),
        ("3f9a1c2e{{ run.digest }}", ["3f9a1c2e{{ ", "run.digest ", "}}"]),
    ],
)
def test_a_line_breaks_behind_punctuation_but_not_within_a_version(value: str, pieces: list[str]) -> None:
    assert cells.text(value).split(cells.BREAK) == pieces


def test_a_line_breaks_within_no_code_point_and_before_no_mark() -> None:
    assert cells.text("line\nline\u2028c").split(cells.BREAK) == ["line", "[U+000A]line", "[U+2028]c"]
    assert cells.BREAK not in cells.text("underneath-\u0331")
    for before in range(cells.STRETCH):
        thai = "\u0e01" * before + "\u0e17\u0e35\u0e48" * 20
        pieces = cells.text(thai).split(cells.BREAK)
        assert len(pieces) > 1
        assert not any(unicodedata.category(piece[0])[0] == "M" for piece in pieces)


def test_changes_read_as_old_to_new_a_line_each() -> None:
    fields: list[dict[str, str | None]] = [
        {"field": "role", "old": None, "new": '"admin"'},
        {"field": "replicas", "old": "2", "new": "30000000000000000001"},
    ]
    shown = cells.changes(fields).replace(cells.BREAK, "")
    assert shown == "role: \N{EN DASH} → admin<br/>replicas: 2 → 30000000000000000001"
    assert cells.changes(None) == cells.changes([]) == cells.ABSENT


def test_no_value_can_forge_a_change() -> None:
    fields: list[dict[str, str | None]] = [
        {"field": "note: 1 → 2<br>role", "old": '"\N{EN DASH}"', "new": '"viewer → owner"'},
    ]
    shown = cells.changes(fields).replace(cells.BREAK, "")
    assert shown == ("note: 1 [U+2192] 2&lt;br&gt;role: [U+2013] → viewer [U+2192] owner")


def test_very_many_changes_are_counted_instead() -> None:
    many: list[dict[str, str | None]] = [
        {"field": "x" * 5_000, "old": "1", "new": '"' + "y" * 5_000 + '"'}
    ] * 4_000
    shown = cells.changes(many).replace(cells.BREAK, "")
    assert shown.endswith("<br/>[3,998 more fields]")
    assert len(shown) < 4 * cells.LIMIT


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("Acme & Sons <b>", "Acme & Sons <b>"),
        ("Acme\u202e\n", "Acme[U+202E][U+000A]"),
        ("x" * 99, "x" * 80 + "…"),
        ("\u0645\u062f", "\u0645\u062f"),
    ],
)
def test_a_title_is_clean_text_without_markup_or_breaks(value: str, shown: str) -> None:
    assert cells.line(value, 80) == shown


def test_a_digest_stays_in_one_piece() -> None:
    assert cells.whole("ab" * 32) == "ab" * 32
