"""The report, from a thousand entries and from a million, with 300 rows and with 60."""

import sys
from importlib.metadata import version

from bench.bundles import make_bundle, with_rows
from bench.processes import FOLDER, Measured, Subject, compare
from bench.results import Result, Target, at_most
from bench.setting import ROOT, Setting

_SIZES = (1_000, 1_000_000)
_ROWS = (300, 60)
_MIB = 1024 * 1024


def measure(setting: Setting) -> Result:
    """Measure drawing the report: composing, with its queries, and the PDF."""
    subjects = [_subject(entries, rows, setting) for entries in _SIZES for rows in _ROWS]
    measured = compare(subjects, runs=setting.runs)
    return Result(
        title="Archive into report",
        work="`audit-export report` on bundles of a year: every query, 300 rows of events or 60, PDF/A-3a.",
        measured=measured,
        targets=_targets({one.name: one for one in measured}),
        versions={name: version(name) for name in ("weasyprint", "duckdb", "vl-convert-python")},
    )


def _name(entries: int, rows: int) -> str:
    return f"{entries:,} entries, {rows} rows"


def _subject(entries: int, rows: int, setting: Setting) -> Subject:
    bundle = with_rows(make_bundle(entries, setting.work), rows, setting.work / f"report-{entries}-{rows}")
    return Subject(
        name=_name(entries, rows),
        command=[sys.executable, "-m", "exporter", "report", str(bundle), "--to", FOLDER],
        environment={"PYTHONPATH": str(ROOT.parent)},
    )


def _targets(measured: dict[str, Measured]) -> list[Target]:
    small, large = ({rows: measured[_name(entries, rows)].median for rows in _ROWS} for entries in _SIZES)
    return [
        *(
            at_most(f"time with {rows} rows", small[rows].wall, limit, " s")
            for rows, limit in ((300, 10), (60, 5))
        ),
        *(
            at_most(f"memory from {entries:,} entries", cost[300].peak / _MIB, 300, " MiB")
            for entries, cost in zip(_SIZES, (small, large), strict=True)
        ),
        at_most(
            "time of a million entries, beyond that of a thousand", large[300].wall - small[300].wall, 2, " s"
        ),
    ]
