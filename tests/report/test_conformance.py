"""What independent programs say of the PDF: is it archival, accessible, sound?"""

import re
from collections.abc import Iterator
from pathlib import Path

import outloud
import page
import pikepdf
import pytest

SET_ASIDE = {
    "LNK-010": "an address in the log is data; evidence must not link to wherever an entry points",
    "TBL-010": "in a table of one row there are more header cells than others, since rows have headers too",
}


STREAM_LENGTH = "PDFA3A-STREAM-LENGTH-001"
"""What is said, wrongly, of a stream whose last byte is 0x0D: it is taken for a part of the line's end."""


def ends_like_a_line(report: Path) -> bool:
    with pikepdf.open(report) as pdf:
        streams = [each for each in pdf.objects if isinstance(each, pikepdf.Stream)]
        return any(stream.read_raw_bytes().endswith(b"\r") for stream in streams)


@pytest.fixture(scope="module")
def report(ordinary: Path) -> Path:
    return ordinary / "report.pdf"


def furniture(content: pikepdf.Page) -> Iterator[str]:
    """Yield the kind of each stretch of a page that is no content."""
    for each in pikepdf.parse_content_stream(content):
        if str(each.operator) == "BDC" and each.operands[0] == "/Artifact":
            yield str(each.operands[1].Type)


@pytest.mark.parametrize("profile", ["3a", "ua1"])
def test_the_report_follows_the_archival_and_the_accessible_profile(report: Path, profile: str) -> None:
    judged = page.validate_pdf(report, profile=profile)
    failures = {(failure.rule_id, failure.message) for failure in judged.failures}
    assert {rule for rule, _ in failures} <= ({STREAM_LENGTH} if ends_like_a_line(report) else set()), (
        failures
    )
    assert judged.rules.total > 100


def test_a_screen_reader_is_told_everything_once_and_in_order(report: Path) -> None:
    heard = outloud.check(str(report))
    assert heard.error is None
    assert not [
        (finding.rule, finding.page, finding.evidence)
        for finding in heard.findings
        if finding.rule not in SET_ASIDE and not _running_head(finding)
    ]


def _running_head(finding: outloud.findings.Finding) -> bool:
    """Whether the head of a section's only page was taken for prose that is left out."""
    return (
        finding.rule == "TAG-002"
        and re.fullmatch(
            r"Acme Robotics · [-0-9]+ to [-0-9]+ \(UTC\) \d [A-Z][a-z ]+", finding.evidence or ""
        )
        is not None
    )


def test_the_file_has_no_fault_of_syntax(report: Path) -> None:
    with pikepdf.open(report) as pdf:
        assert pdf.check_pdf_syntax() == []


def test_what_stands_in_the_margins_of_a_page_is_not_read_aloud(report: Path) -> None:
    with pikepdf.open(report) as pdf:
        for number, each in enumerate(pdf.pages):
            assert list(furniture(each)) == ["/Pagination"] * (2 if number == 0 else 4)


def test_bookmarks_lead_to_each_section_and_population(report: Path) -> None:
    with pikepdf.open(report) as pdf, pdf.open_outline() as outline:
        titles = [str(item.title) for item in outline.root]
        assert titles[0] == "Contents"
        assert [title[0] for title in titles[1:]] == [str(number) for number in range(1, len(titles))]
        (populations,) = (item for item in outline.root if str(item.title).endswith("Populations"))
        assert all(
            str(item.title).startswith(str(populations.title)[0] + ".") for item in populations.children
        )
        assert len(populations.children) > 5


def test_the_contents_link_to_every_section(report: Path) -> None:
    with pikepdf.open(report) as pdf:
        links = [note for each in pdf.pages for note in each.get("/Annots", [])]
        assert len(links) > 12
        assert {str(link.Subtype) for link in links} == {"/Link"}
        assert all("/Dest" in link and "/Contents" in link for link in links)


def test_every_font_is_one_of_ours_and_embedded(report: Path) -> None:
    with pikepdf.open(report) as pdf:
        fonts = [each for each in pdf.objects if isinstance(each, pikepdf.Dictionary) and "/FontName" in each]
        assert {re.sub(r"^/[A-Z]{6}\+", "", str(font.FontName)) for font in fonts} == {
            "IBM-Plex-Sans",
            "IBM-Plex-Sans-Semi-Bold",
            "IBM-Plex-Mono",
        }
        assert all("/FontFile2" in font or "/FontFile3" in font for font in fonts)
