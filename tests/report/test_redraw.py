import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pikepdf
import pytest

from exporter.cli import main
from exporter.commands.report import _compared
from exporter.errors import OutputError, UsageError, VerificationError
from exporter.report.redraw import Redrawn, redraw
from exporter.report.sampling import Draw

Entry = dict[str, Any]
Make = Callable[..., Path]


@pytest.fixture
def copied(ordinary: Path, tmp_path: Path) -> Path:
    """A bundle with its report, as far as the report is concerned, to be altered."""
    return Path(shutil.copytree(ordinary.parent, tmp_path / "copied"))


def contents(folder: Path) -> dict[str, bytes]:
    return {path.as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_the_same_bundle_gives_the_same_bytes_wherever_it_is_drawn(
    ordinary: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in {
        "TZ": "Asia/Kolkata",
        "LC_ALL": "C",
        "LANG": "tr_TR.UTF-8",
        "PYTHONHASHSEED": "7",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    before = contents(ordinary.parent)

    with pytest.raises(SystemExit) as left:
        main(["report", str(ordinary.parent), "--to", "elsewhere/reports", "--json"])

    drawn = Path("elsewhere/reports/report.pdf")
    assert left.value.code == 0
    assert drawn.read_bytes() == (ordinary / "report.pdf").read_bytes()
    assert [path.name for path in drawn.parent.iterdir()] == ["report.pdf"]
    assert contents(ordinary.parent) == before, "nothing is written to the bundle"
    printed = capsys.readouterr()
    digest = hashlib.sha256(drawn.read_bytes()).hexdigest()
    assert json.loads(printed.out) == {"report": str(drawn), "sha256": digest, "same": True}
    assert printed.err.startswith("The same bytes as the bundle's own report")


@pytest.mark.parametrize("how", [["--by-month"], ["--sample-size", "30"]])
def test_how_to_draw_samples_is_no_use_without_a_seed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], how: list[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        main(["report", str(tmp_path), "--to", str(tmp_path / "out"), *how])

    assert left.value.code == 2
    assert capsys.readouterr().err == (
        f"Error: {how[0]} says how samples are drawn, and without a seed none are.\nGive --seed as well.\n"
    )


@pytest.mark.parametrize("name", ["audit.parquet", "queries/06_joiners.sql", "controls/soc2.toml"])
def test_a_file_that_is_not_the_recorded_one_is_refused(copied: Path, tmp_path: Path, name: str) -> None:
    with (copied / "data" / name).open("ab") as file:
        file.write(b"\n")
    with pytest.raises(VerificationError, match=f"data/{name} is not the file that data/run.json lists"):
        redraw(copied, tmp_path / "out")


def test_a_query_that_the_record_does_not_list_is_refused(copied: Path, tmp_path: Path) -> None:
    (copied / "data" / "queries" / "99_more.sql").write_text("-- More?\nSELECT 1\n")
    with pytest.raises(VerificationError, match=r"99_more\.sql is not the file"):
        redraw(copied, tmp_path / "out")


def test_a_query_that_is_missing_is_named(copied: Path, tmp_path: Path) -> None:
    (copied / "data" / "queries" / "06_joiners.sql").unlink()
    with pytest.raises(VerificationError, match=r"data/queries/06_joiners\.sql is not the file"):
        redraw(copied, tmp_path / "out")


def test_a_bundle_without_parquet_has_no_figures(copied: Path, tmp_path: Path) -> None:
    (copied / "data" / "audit.parquet").unlink()
    with pytest.raises(UsageError, match=r"holds no data/audit\.parquet"):
        redraw(copied, tmp_path / "out")


def test_a_folder_that_is_no_bundle_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is not a bundle"):
        redraw(tmp_path, tmp_path / "out")


def test_a_place_that_cannot_be_written_is_named(ordinary: Path, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(OutputError, match=r"could not be written to .*taken"):
        redraw(ordinary.parent, tmp_path / "taken")


@pytest.mark.parametrize(
    ("versions", "said"),
    [
        ({"pango": ("1.50.12", "1.56.3")}, "it was drawn with pango 1.56.3 instead of 1.50.12."),
        ({}, "though it was drawn with the versions recorded."),
    ],
)
def test_a_report_drawn_again_says_why_its_bytes_may_differ(
    versions: dict[str, tuple[str | None, str]], said: str
) -> None:
    assert _compared(Redrawn(path=Path("r.pdf"), sha256="ab", same=False, versions=versions)).endswith(said)


def test_a_report_drawn_again_says_that_there_is_nothing_to_compare_it_with() -> None:
    redrawn = Redrawn(path=Path("r.pdf"), sha256="ab", same=None, versions={})
    assert _compared(redrawn) == "The bundle holds no such report to compare it with."


def test_a_seed_fills_in_the_samples_and_a_sample_that_cannot_be_drawn_is_refused(
    make: Make, entries: list[Entry], tmp_path: Path
) -> None:
    bundle = make(entries[:200], options={"report_rows": 0}).parent
    redrawn = redraw(bundle, tmp_path, Draw(seed="TEST", size=2))
    assert redrawn.path.name == "report-with-samples.pdf"
    assert redrawn.same is None
    with pikepdf.open(redrawn.path) as pdf, pdf.open_outline() as outline:
        (samples,) = (item for item in outline.root if str(item.title).endswith("Samples"))
        drawn = [str(item.title).partition(" ")[2] for item in samples.children]
        assert "Changes (deployments): 2 of 146" in drawn

    with pytest.raises(UsageError, match="which is more than a sample of 1") as refused:
        redraw(make(entries[::9]).parent, tmp_path, Draw(seed="TEST", size=1, by_month=True))
    assert refused.value.remedy.startswith("Ask for ")
