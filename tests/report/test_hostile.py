import itertools
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pikepdf
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from exporter.errors import OutputError, VerificationError
from exporter.report.composing import compose
from exporter.report.fonts import Face
from exporter.report.glyphs import coverage
from exporter.report.redraw import redraw
from exporter.report.render import render_report
from exporter.report.samples import sample_bundle
from exporter.report.sampling import Draw
from tests.report.conftest import LayOut, cells_on, digest, page_box, texts_in

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src="http://198.51.100.1/x.png">',
    '<link rel="stylesheet" href="file:///etc/passwd">',
    "<style>@import url(http://198.51.100.1/x.css)</style>",
    "url(file:///etc/passwd)",
    "0123456{{ run.digest }} {% raw %}",
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


def what_the_fonts_can_draw() -> list[str]:
    """Text in every letter of the first two typefaces, and in some of each of the others."""
    points = {*coverage(Face.SANS), *coverage(Face.MONO)}
    for face in (Face.ARABIC, Face.HEBREW, Face.CHINESE, Face.REST):
        points.update(sorted(coverage(face))[:: max(1, len(coverage(face)) // 200)])
    drawable = "".join(map(chr, sorted(points)))
    return [drawable[at : at + 60] for at in range(0, len(drawable), 60)]


@pytest.fixture(scope="module")
def many_controls(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A catalogue of more controls for one action than have room on a page."""
    path = tmp_path_factory.mktemp("controls") / "many.toml"
    control = '[[mapping]]\nactions = ["user.add"]\ncontrol = "M.1"\nstrength = "solid"\nreason = "It is."\n'
    path.write_text('id = "many"\nname = "M"\nedition = "M"\nversion = "1"\n' + control * 30, "utf-8")
    return path


@pytest.fixture(scope="module")
def hostile(make: Make, entries: list[Entry], many_controls: Path) -> Path:
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
    return make(attacked, source=source, options={"frameworks": ["soc2", str(many_controls)]})


@pytest.fixture(scope="module")
def composed(hostile: Path) -> str:
    return compose(hostile)


def test_hostile_values_stay_text(composed: str) -> None:
    for markup in ("<script", "<img", "<link", "<style", "Verdict: complete</h1>"):
        assert markup not in composed
    assert "&lt;script&gt;" in composed
    assert "[U+202E]gnp.exe" in composed
    assert "[U+1F600]" in composed
    assert "5,000 characters]" in composed
    assert "5,002 characters]" in composed  # the same as JSON has it, with its quotes


def test_more_actions_than_a_table_holds_are_said_to_be_more(make: Make, entries: list[Entry]) -> None:
    many = [entry | {"action": f"made.up.{number}"} for number, entry in enumerate(entries[:100])]
    html = compose(make(many))
    assert "shows the 40 most frequent; 60 more are in" in html
    assert "<figcaption>Entries by action, the 24 most frequent." in html


def test_more_kinds_of_actor_than_a_table_of_deployments_holds_are_said_to_be_more(
    make: Make, entries: list[Entry]
) -> None:
    many = [
        entry | {"action": "deploy", "actor_type": f"kind.{number}"}
        for number, entry in enumerate(entries[:100])
    ]
    html = compose(make(many))
    assert html.count("shows the 40 most frequent; 60 more are in") == 2
    assert html.count('<th scope="col">Kind of actor</th>') == 2
    assert len(re.findall(r"<tr><t[hd][^>]*>kind[.]\d+</t[hd]>", html)) == 80


def test_each_action_has_its_bar_where_labels_are_cut_to_the_same(make: Make, entries: list[Entry]) -> None:
    long = [entry | {"action": f"{'x' * 40}.{number % 3}"} for number, entry in enumerate(entries[:60])]
    assert compose(make(long)).count(f"{'x' * 28} …</text>") == 3


@pytest.fixture(scope="module")
def drawn(hostile: Path) -> Path:
    """Its report: drawing it fetched nothing and lacked no glyph, or there would be none."""
    render_report(hostile)
    return hostile / "report.pdf"


def test_nothing_in_the_file_runs_or_leads_anywhere(drawn: Path) -> None:
    active = {
        "/JavaScript",
        "/JS",
        "/Launch",
        "/URI",
        "/GoToR",
        "/SubmitForm",
        "/OpenAction",
        "/AA",
        "/RichMedia",
    }
    with pikepdf.open(drawn) as pdf:
        for each in pdf.objects:
            if isinstance(each, pikepdf.Dictionary | pikepdf.Stream):
                assert not active & {*map(str, each.keys())}
                assert str(each.get("/S")) not in active


def test_a_hostile_name_is_clean_in_what_a_viewer_shows_of_the_file(drawn: Path) -> None:
    with pikepdf.open(drawn) as pdf:
        title, author = str(pdf.docinfo["/Title"]), str(pdf.docinfo["/Author"])
        assert title.endswith(f": {author}")
        assert author.startswith("<script>alert(1)</script>")
        assert len(author) <= 81
        assert title.isprintable()
        assert {*pdf.attachments} <= {"run.json", *(path.name for path in drawn.parent.glob("*/*.*"))}


@pytest.mark.parametrize(
    "name", ["W" * 5000, "\u0645\u062f\u064a\u0631 " * 40, "\U0001f600" * 90], ids=["wide", "Arabic", "emoji"]
)
def test_the_cover_holds_any_name_and_every_banner(make: Make, lay_out: LayOut, name: str) -> None:
    data = make(
        [],
        source={"organization_name": name},
        verdict={"value": "PARTIAL", "reasons": ["a"]},
        window={"partial_period": True},
        filters={"action": name},
    )
    cover, _, _ = compose(data).partition('<section id="contents"')
    (page,) = lay_out(f"{cover}</body></html>").pages
    boxes = {
        name: box
        for box in page_box(page).descendants()
        for name in (box.element.attrib.get("class", "") if box.element is not None else "").split()
    }
    order = [boxes[name] for name in ("headline", "subline", "cover-banner", "facts", "integrity")]
    for upper, lower in itertools.pairwise(order):
        assert upper.position_y + upper.margin_height() <= lower.position_y + lower.margin_top + 1, upper


def test_hostile_values_stay_in_their_cells_and_these_on_the_page(composed: str, lay_out: LayOut) -> None:
    for page in lay_out(composed).pages:
        paper = page_box(page)
        for cell in cells_on(page):
            bottom = cell.position_y + cell.border_height()
            assert bottom <= paper.content_box_y() + paper.height + 1, cell
            right = cell.position_x + cell.border_width()
            texts = texts_in(cell)
            assert all(box.position_x + box.width <= right + 1 for box in texts), texts


Change = Callable[[Path], object]
"""What an enemy does to a bundle's data folder before making its record anew."""


def rewrite(name: str, content: bytes) -> Change:
    return lambda data: (data / name).write_bytes(content)


def append(name: str, sql: str) -> Change:
    return lambda data: (data / name).write_text((data / name).read_text("utf-8") + sql, "utf-8")


def retable(change: Callable[[pa.Table], pa.Table]) -> Change:
    def rewrite(data: Path) -> None:
        pq.write_table(change(pq.read_table(data / "audit.parquet")), data / "audit.parquet")

    return rewrite


def column(name: str, values: Callable[[pa.Table], pa.Array]) -> Change:
    return retable(lambda table: table.set_column(table.schema.get_field_index(name), name, values(table)))


SETUP, LOG = "queries/00_audit.sql", "queries/16_log.sql"
FORGED: dict[str, Change] = {
    "deep record": rewrite("run.json", b'{"a":' * 100_000),
    "record in no encoding": lambda data: (data / "run.json").write_bytes(
        (data / "run.json").read_bytes().replace(b'"UTC"', b'"\xff\xfe"')
    ),
    "window in no zone": lambda data: (data / "run.json").write_bytes(
        (data / "run.json").read_bytes().replace(b"2026-10-01T00:00:00Z", b"2026-10-01T00:00:00")
    ),
    "junk": rewrite("audit.parquet", b"PAR1" + b"junk" * 100 + b"PAR1"),
    "empty": rewrite("audit.parquet", b""),
    "other columns": retable(lambda _: pa.table({"a": [1]})),
    "times as texts": column("timestamp", lambda table: pa.array(["soon"] * len(table))),
    "no ids": column("id", lambda table: pa.nulls(len(table), pa.string())),
    "far times": column(
        "timestamp", lambda table: pa.array([1 << 62] * len(table), pa.timestamp("us", "UTC"))
    ),
    "no set-up": lambda data: (data / SETUP).unlink(),
    "empty set-up": rewrite(SETUP, b""),
    "no query": lambda data: (data / LOG).unlink(),
    "query in no encoding": rewrite("queries/01_by_action.sql", b"\xff\xfe"),
    "query of other columns": rewrite(LOG, b"-- Which?\nSELECT id, timestamp FROM audit\n"),
    "query that never says the same": rewrite(
        LOG,
        b"-- Which?\nSELECT * REPLACE (random() AS id), 1 AS actor, 1 AS resource FROM audit\n",
    ),
    "reading another file": append(SETUP, "CREATE TABLE other AS SELECT * FROM read_text('/etc/passwd');"),
    "writing a file": append(SETUP, "COPY (SELECT 1) TO '/tmp/written.csv';"),
    "opening a database": append(SETUP, "ATTACH '/tmp/written.db';"),
    "more memory": append(SETUP, "SET memory_limit = '6GB';"),
}


@pytest.mark.parametrize("how", FORGED)
def test_no_sample_is_drawn_from_what_cannot_be_what_was_sealed(
    make: Make, entries: list[Entry], how: str
) -> None:
    data = make(entries[:60])
    FORGED[how](data)
    record_again(data)

    with pytest.raises(VerificationError):
        sample_bundle(data.parent, "log", Draw(seed="TEST", size=5))


@pytest.mark.parametrize("how", ["deep record", "junk", "no query", "more memory"])
def test_no_report_is_drawn_of_what_cannot_be_what_was_sealed_whatever_a_library_says_of_it(
    make: Make, entries: list[Entry], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    data = make(entries[:60])
    FORGED[how](data)
    record_again(data)
    talkative = "import atexit, sys; atexit.register(sys.stderr.write, 'Exception ignored in: it')"
    (tmp_path / "sitecustomize.py").write_text(talkative)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    with pytest.raises(VerificationError):
        redraw(data.parent, tmp_path / "out")
    assert not list((tmp_path / "out").glob("*"))


def test_a_query_without_an_end_is_given_up(
    make: Make, entries: list[Entry], monkeypatch: pytest.MonkeyPatch
) -> None:
    data = make(entries[:60])
    (data / LOG).write_text(
        "-- Which?\nSELECT cast(i AS varchar) AS id, now() AS timestamp FROM range(1000000000000000000) t(i)"
    )
    record_again(data)
    monkeypatch.setattr("exporter.report.figures.TIME_LIMIT", 0.2)

    with pytest.raises(OutputError, match=r"no answer after 0\.2 seconds"):
        sample_bundle(data.parent, "log", Draw(seed="TEST", size=5))


def record_again(data: Path) -> None:
    """List the files anew, as an enemy does who makes the whole seal anew."""
    try:
        run = json.loads((data / "run.json").read_bytes())
    except (ValueError, RecursionError):
        return
    run["files"] = [
        {"path": f"data/{path.relative_to(data)}", "bytes": path.stat().st_size, "sha256": digest(path)}
        for path in [data / "audit.parquet", *sorted(data.glob("*/*.*"))]
    ]
    (data / "run.json").write_text(json.dumps(run), "utf-8")
