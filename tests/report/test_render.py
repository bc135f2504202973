import ctypes
import ctypes.util
import hashlib
import importlib.metadata
import re
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from exporter.errors import AuditExportError, OutputError
from exporter.report import cells, libraries, render
from exporter.report.composing import compose
from tests.report.conftest import LayOut, cells_on, page_box, texts_in

Entry = dict[str, Any]
Make = Callable[..., Path]
PageTexts = Callable[[str], list[str]]


def streams(pdf: bytes) -> list[bytes]:
    """What the streams of a PDF hold, deflated ones inflated."""
    found = []
    for part in re.findall(rb"stream\n(.*?)\nendstream", pdf, re.DOTALL):
        try:
            found.append(zlib.decompress(part))
        except zlib.error:
            found.append(part)
    return found


@pytest.fixture(scope="module")
def page_texts(lay_out: LayOut) -> PageTexts:
    """What stands on each page, margins included."""
    return lambda html: [
        " ".join(piece.text for piece in texts_in(page_box(page))) for page in lay_out(html).pages
    ]


def test_the_pdf_says_it_is_archival_and_accessible_and_names_its_run(ordinary: Path) -> None:
    pdf = (ordinary / "report.pdf").read_bytes()
    run_digest = hashlib.sha256((ordinary / "run.json").read_bytes()).hexdigest()
    (metadata,) = (stream for stream in streams(pdf) if b"<rdf:RDF" in stream)
    assert metadata in pdf, "the metadata must be readable without a PDF library"
    assert b'pdfaid:part="3" pdfaid:conformance="A"' in metadata
    assert b'pdfuaid:part="1"' in metadata
    assert f'run:digest="{run_digest}"'.encode() in metadata
    assert b"2026-11-23T02:00:09Z" in metadata


def test_the_record_and_the_queries_are_attached_as_they_are(ordinary: Path) -> None:
    attached = streams((ordinary / "report.pdf").read_bytes())
    for path in [ordinary / "run.json", *(ordinary / "queries").iterdir()]:
        assert path.read_bytes() in attached


def test_temporary_files_of_a_step_that_is_killed_go_with_the_reports_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = tmp_path / "made"
    (tmp_path / "sitecustomize.py").write_text(
        f"import tempfile\nwith open({str(made)!r}, 'a') as file: print(tempfile.mkdtemp(), file=file)"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    with pytest.raises(AuditExportError):
        render.render_report(tmp_path)
    folders = made.read_text().splitlines()
    assert folders
    assert not [folder for folder in folders if Path(folder).exists()]


def test_every_header_cell_says_what_it_heads(ordinary: Path) -> None:
    tree = b"".join(streams((ordinary / "report.pdf").read_bytes()))
    headers = len(re.findall(rb"/S /TH\b", tree))
    assert headers > 100
    assert len(re.findall(rb"/Scope /(?:Row|Column)\b", tree)) == headers


def test_nothing_in_the_pdf_leads_outside(ordinary: Path) -> None:
    pdf = (ordinary / "report.pdf").read_bytes()
    for content in [pdf, *streams(pdf)]:
        assert not re.search(rb"/URI\b|/Launch\b|/JavaScript\b|/GoToR\b", content)


def test_every_page_names_its_export_and_has_no_banner_without_cause(
    html: str, ordinary: Path, page_texts: PageTexts
) -> None:
    run_digest = hashlib.sha256((ordinary / "run.json").read_bytes()).hexdigest()
    texts = page_texts(html)
    for number, text in enumerate(texts, 1):
        assert "Acme Robotics" in text
        assert "2026-07-01 to 2026-09-30" in text
        assert run_digest in text
        assert f"Page {number} of {len(texts)}" in text
        assert "Extract:" not in text


def test_the_counts_of_the_archive_stand_on_one_page_with_their_heading(
    html: str, page_texts: PageTexts
) -> None:
    (counts,) = re.findall(r'<div class="together">.*?</div>', html, re.DOTALL)
    above, below = page_texts(
        f'<html lang="en"><title>t</title><div style="height: 180mm">above</div>{counts}</html>'
    )
    assert "above" in above
    assert "Counts and columns" in below
    assert "source_sha256" in below


def test_a_heading_that_begins_a_page_stands_at_its_top(lay_out: LayOut) -> None:
    _, second = lay_out(
        '<html lang="en"><title>t</title><section id="populations"><div style="height: 150mm"></div>'
        '<section><h2>Heading</h2><div style="height: 60mm"></div></section></section></html>'
    ).pages
    heading = next(box for box in page_box(second).descendants() if box.element_tag == "h2")
    assert heading.margin_top == 0


def test_the_rules_of_an_extract_leave_their_page_room_for_what_no_rule_answers(
    make: Make, entries: list[Entry], page_texts: PageTexts
) -> None:
    html = compose(make(entries[:40], filters={"action": "deploy"}))
    (rules,) = re.findall(r'<section id="followup".*?</section>', html, re.DOTALL)
    (text,) = page_texts(f'<html lang="en"><title>t</title>{rules}</html>')
    assert text.count("an extract holds only what its filters chose") == text.count("not performed") - 1
    assert "Were entries recorded in the order of their times?" in text


def test_the_source_and_the_configuration_fit_on_a_page(html: str, page_texts: PageTexts) -> None:
    (section,) = re.findall(r'<section id="source".*?</section>', html, re.DOTALL)
    row = '<tr><th scope="row">Parameter</th><td>for an action that was cut off, each that was seen</td></tr>'
    longer = section.replace("<tbody>", f"<tbody>{row * 4}", 1)
    assert len(page_texts(f'<html lang="en"><title>t</title>{longer}</html>')) == 1


def test_a_table_of_one_row_leaves_what_follows_to_the_next_page(page_texts: PageTexts) -> None:
    row = '<thead><tr><th scope="col">Head</th></tr></thead><tbody><tr><td>only row</td></tr></tbody>'
    first, second = page_texts(
        '<html lang="en"><title>t</title><div style="height: 150mm"></div>'
        f"<section><h2>Heading</h2><table>{row}</table></section>"
        '<div style="height: 100mm">what follows</div></html>'
    )
    assert "only row" in first
    assert "what follows" in second


def test_the_summary_of_an_empty_window_takes_no_page_of_its_own(make: Make, page_texts: PageTexts) -> None:
    (summary,) = re.findall(r'<section id="summary".*?</section>', compose(make([])), re.DOTALL)
    (page,) = page_texts(
        f'<html lang="en"><title>t</title><div style="height: 180mm">above</div>{summary}</html>'
    )
    assert "above" in page
    assert "nothing to sum up" in page


@pytest.mark.parametrize("table", ["events", "events several"])
def test_an_address_of_version_4_stands_in_one_line(lay_out: LayOut, table: str) -> None:
    address = "255.255.255.255"
    row = f'<tr><td class="e-ip">{cells.text(address)}</td><td></td><td>x</td></tr>'
    (page,) = lay_out(
        f'<html lang="en"><title>t</title><section id="populations"><table class="{table}"><tbody>'
        f"{row}</tbody></table></section></html>"
    ).pages
    assert address in [piece.text for piece in texts_in(page_box(page))]


def test_the_sizes_of_large_files_stay_in_their_cells(html: str, lay_out: LayOut) -> None:
    section = re.search(r'<section id="integrity".*?</table>', html, re.DOTALL)
    assert section
    large = re.sub(
        r'(<td class="number">)[^<]+(</td><td class="number">)[^<]+',
        r"\g<1>16,160,811,920\g<2>20,000,000",
        section[0],
    )
    assert "20,000,000" in large
    for page in lay_out(f'<html lang="en"><title>t</title>{large}</section></html>').pages:
        for cell in cells_on(page):
            for text in texts_in(cell):
                assert cell.position_x <= text.position_x, text.text
                assert text.position_x + text.width <= cell.position_x + cell.border_width(), text.text


@pytest.mark.parametrize(
    ("verdict", "banner"),
    [
        ("UNPROVEN", "UNPROVEN: nothing is known to be missing"),
        ("PARTIAL", "PARTIAL: the export is known not to be whole"),
    ],
)
def test_what_limits_the_export_is_said_on_every_page(
    make: Make, entries: list[Entry], page_texts: PageTexts, verdict: str, banner: str
) -> None:
    data = make(
        entries[:40],
        verdict={"value": verdict, "reasons": ["a"]},
        window={"partial_period": True},
        filters={"action": "deploy"},
    )
    texts = page_texts(compose(data))
    assert len(texts) > 5
    for text in texts:
        for limit in (banner, "Partial period", "Extract: not the full population"):
            assert limit in " ".join(text.split())


def test_an_empty_window_renders(make: Make) -> None:
    data = make([])
    render.render_report(data)
    assert (data / "report.pdf").stat().st_size > 10_000


def test_a_report_that_takes_too_long_is_given_up(ordinary: Path) -> None:
    with pytest.raises(OutputError, match=r"not ready after 0\.01 seconds.*--report-rows"):
        render.render_report(ordinary, time_limit=0.01)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a file for which there is no room")
def test_that_there_is_no_room_for_the_report_is_no_fault_of_rendering(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(render, "_end", lambda *_: b"what was drawn")
    with pytest.raises(OSError, match="No space left"):
        render.render_report(make([]), Path("/dev/full"))


def test_a_folder_without_a_record_is_named(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"run\.json, cannot be read"):
        render.render_report(tmp_path)


def test_versions_name_what_the_bytes_depend_on() -> None:
    versions = libraries.versions()
    assert list(versions) == ["weasyprint", "pydyf", "vl-convert", "pango", "harfbuzz", "zlib", "unicode"]
    assert versions["weasyprint"] == importlib.metadata.version("weasyprint")
    assert all(re.match(r"\d+\.\d+", version) for version in versions.values())


def test_a_missing_library_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    load = ctypes.CDLL

    def without_subset(name: str) -> ctypes.CDLL:
        if "subset" in name:
            raise OSError(name)
        return load(name)

    monkeypatch.setattr(ctypes, "CDLL", without_subset)
    monkeypatch.setattr(ctypes.util, "find_library", lambda _: None)
    with pytest.raises(
        OutputError, match=r"harfbuzz-subset.*apt-get install .*libharfbuzz-subset0.*brew install pango"
    ):
        libraries.versions()


def test_a_library_is_found_where_the_package_managers_of_macos_keep_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    kept = tmp_path / "libpango-1.0.dylib"
    kept.touch()
    monkeypatch.setattr(libraries, "_KEPT", (str(tmp_path / "none"), str(tmp_path)))

    assert libraries.find("pango-1.0", lambda _: "its own") == "its own"
    assert libraries.find("pango-1.0", lambda _: None) == str(kept)
    assert libraries.find("harfbuzz", lambda _: None) is None


def test_a_library_that_cannot_be_loaded_is_no_defect(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: str) -> ctypes.CDLL:
        raise OSError(f"{name}: incompatible architecture")

    monkeypatch.setattr(ctypes, "CDLL", refuse)
    monkeypatch.setattr(ctypes.util, "find_library", lambda name: f"/usr/local/lib/lib{name}.dylib")
    with pytest.raises(
        OutputError, match=r"libpango-1\.0\.dylib cannot be loaded .*incompatible.*--report none"
    ):
        libraries.versions()
