"""Raw responses into three archives: this program, its floor, and what else one would use."""

import shutil
import subprocess
import sys
from importlib.metadata import version

from bench.pages import Pages, make_pages
from bench.processes import FOLDER, Measured, Subject, compare
from bench.results import Result, Target, at_least, at_most
from bench.setting import PEERS, ROOT, Setting

_OURS = "audit-export, from the pages"
_FROM_RESPONSES = "audit-export, from the raw responses (verify --reperform)"
_FLOOR = "floor: decode, write, hash"
_JQ = "jq twice and sha256sum (CSV and JSONL only)"
_DUCKDB = "DuckDB"
_DLT = "dlt (Parquet only)"
_PLAIN = "json, csv and pyarrow"
_SMALL, _LARGE = 200_000, 2_000_000
_MIB = 1024 * 1024
_ENVIRONMENT = {"PYTHONPATH": str(ROOT.parent)}


def measure(setting: Setting) -> Result:
    """Measure the derivation."""
    pages = make_pages(setting.entries, setting.work)
    left_out = [] if shutil.which("jq") else ["jq is not on the PATH; `apt-get install jq` brings it."]
    subjects = [_ours(_OURS, "pages", pages), _ours(_FROM_RESPONSES, "responses", pages)]
    subjects += [_floor(pages, setting), *_peers(pages, setting)]
    if left_out:
        subjects = [subject for subject in subjects if subject.name != _JQ]
    measured = compare(subjects, runs=setting.runs)
    sizes = [make_pages(entries, setting.work) for entries in (_SMALL, _LARGE)]
    grown = compare(
        [_ours(_of(pages.entries), "responses", pages) for pages in sizes], runs=min(setting.runs, 3)
    )
    return Result(
        title="Raw responses into archives",
        work=f"{setting.entries:,} entries in pages of 1,000 → Parquet (zstd), CSV, JSONL and the SHA-256 of "
        "each.",
        measured=[*measured, *grown],
        targets=[*_targets({one.name: one for one in measured}), *_growth(*grown)],
        versions={name: version(name) for name in ("pyarrow", "msgspec", "duckdb")} | _peer_versions(setting),
        left_out=left_out,
    )


def _ours(name: str, form: str, pages: Pages) -> Subject:
    return Subject(
        name=name,
        command=[sys.executable, str(PEERS / "ours.py"), form, str(pages.folder), FOLDER],
        environment=_ENVIRONMENT,
    )


def _floor(pages: Pages, setting: Setting) -> Subject:
    prepared = setting.work / f"floor-{pages.entries}"
    if not (prepared / "audit.jsonl").exists():
        archives = setting.work / f"archives-{pages.entries}"
        shutil.rmtree(archives, ignore_errors=True)
        archives.mkdir()
        prepared.mkdir(exist_ok=True)
        ours = _ours(_OURS, "pages", pages)
        command = [part.replace(FOLDER, str(archives)) for part in ours.command]
        subprocess.run(command, env=_ENVIRONMENT, stdout=subprocess.DEVNULL, check=True)  # noqa: S603 - ours
        floor = [sys.executable, str(PEERS / "floor.py"), "prepare", str(archives), str(prepared)]
        subprocess.run(floor, env=_ENVIRONMENT, check=True)  # noqa: S603 - ours
        shutil.rmtree(archives)
    command = [sys.executable, str(PEERS / "floor.py"), "measure", str(pages.folder), str(prepared), FOLDER]
    return Subject(name=_FLOOR, command=command, environment=_ENVIRONMENT)


def _peers(pages: Pages, setting: Setting) -> list[Subject]:
    scripts = {_DUCKDB: "with_duckdb.py", _PLAIN: "with_plain_python.py", _DLT: "with_dlt.py"}
    jq = Subject(name=_JQ, command=[str(PEERS / "with_jq.sh"), str(pages.folder), FOLDER])
    return [
        jq,
        *(
            Subject(name=name, command=[str(setting.peers), str(PEERS / script), str(pages.folder), FOLDER])
            for name, script in scripts.items()
        ),
    ]


def _targets(measured: dict[str, Measured]) -> list[Target]:
    ours = measured[_OURS].median
    ratios = {_JQ: 5.0, _DUCKDB: 4.0, _DLT: 5.0}
    return [
        at_most("CPU, of that of the floor", ours.cpu / measured[_FLOOR].median.cpu, 2.0),
        *(
            at_least(f"CPU of {name}, of ours", measured[name].median.cpu / ours.cpu, ratio)
            for name, ratio in ratios.items()
            if name in measured
        ),
    ]


def _of(entries: int) -> str:
    return f"audit-export, from the raw responses of {entries:,} entries"


def _growth(small: Measured, large: Measured) -> list[Target]:
    times, peaks = ([getattr(one.median, figure) for one in (small, large)] for figure in ("cpu", "peak"))
    each = f"at {_LARGE:,} entries, of that at {_SMALL:,}"
    return [
        at_most(f"Memory {each}", peaks[1] / peaks[0], 1.2),
        at_most(f"Memory at {_LARGE:,} entries", peaks[1] / _MIB, 400, " MiB"),
        at_most(f"CPU for one entry {each}", times[1] / times[0] * _SMALL / _LARGE, 1.15),
    ]


def _peer_versions(setting: Setting) -> dict[str, str]:
    says = "from importlib.metadata import version; print(version('dlt'), version('duckdb'))"
    dlt, duckdb = _run(str(setting.peers), "-c", says).split()
    found = {"dlt": dlt, "duckdb of the peers": duckdb}
    return found | ({"jq": _run("jq", "--version").strip()} if shutil.which("jq") else {})


def _run(*command: str) -> str:
    ran = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)  # noqa: S603 - ours
    return ran.stdout
