"""What was measured, as data, as a table and as a plot, with the machine and the versions."""

import json
import os
import platform
import re
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import vl_convert

from bench.processes import Measured

_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A ratio or an amount that is to be reached, and the one that was found."""

    what: str
    """What is compared with what."""

    reach: str
    """What is to be reached: ``≤ 1.2``."""

    found: str
    """What was found: ``1.07``."""

    reached: bool
    """Whether it was."""


def at_most(what: str, found: float, limit: float, unit: str = "") -> Target:
    """Set a target that ``found`` should not exceed."""
    return Target(
        what=what, reach=f"≤ {limit:g}{unit}", found=f"{found:.3g}{unit}", reached=bool(found <= limit)
    )


def at_least(what: str, found: float, limit: float, unit: str = "") -> Target:
    """Set a target that ``found`` should reach."""
    return Target(
        what=what, reach=f"≥ {limit:g}{unit}", found=f"{found:.3g}{unit}", reached=bool(found >= limit)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """What is no matter of time: what each of several programs did."""

    caption: str
    """What they were to do, in a sentence or two."""

    heads: tuple[str, ...]
    """A name for each column."""

    rows: Sequence[tuple[str, ...]]
    """A text for each column."""

    def lines(self) -> list[str]:
        """Write it as Markdown."""
        rows = [self.heads, ("---",) * len(self.heads), *self.rows]
        return [self.caption, "", *(f"| {' | '.join(row)} |" for row in rows), ""]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One benchmark's answer."""

    title: str
    """What was measured, as a heading."""

    work: str
    """What the commands did, and on what, in a sentence or two."""

    measured: Sequence[Measured]
    """Every command and its cost, in the order of the table."""

    targets: Sequence[Target]
    """What should be reached, and what was."""

    versions: dict[str, str]
    """Versions of the programs that were measured."""

    left_out: Sequence[str] = field(default=())
    """Commands that could not be measured here, and why."""

    tables: Sequence[Table] = field(default=())
    """What else was found."""


def write(result: Result, name: str, folder: Path, *, at: datetime) -> None:
    """Write ``NAME.json``, ``NAME.md`` and ``NAME.svg`` into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    found = [
        {
            "name": one.name,
            "median": _figures(one.median.cpu, one.median.wall, one.median.peak),
            "runs": [_figures(run.cpu, run.wall, run.peak) for run in one.runs],
        }
        for one in result.measured
    ]
    whole = {
        "title": result.title,
        "at": at.isoformat(timespec="seconds"),
        "work": result.work,
        "machine": machine(),
        "versions": result.versions,
        "measured": found,
        "targets": [asdict(target) for target in result.targets],
        "left_out": list(result.left_out),
        "tables": [asdict(table) for table in result.tables],
    }
    (folder / f"{name}.json").write_text(json.dumps(whole, indent=2, ensure_ascii=False) + "\n", "utf-8")
    (folder / f"{name}.md").write_text(_page(result, name, at), "utf-8")
    (folder / f"{name}.svg").write_text(_plot(result), "utf-8")


def machine() -> dict[str, str]:
    """Say what this machine is, without its name."""
    return {
        "processor": _first(Path("/proc/cpuinfo"), r"model name\s*:\s*(.*)") or platform.processor(),
        "cores": str(os.cpu_count()),
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 1024**3:.0f} GiB",
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
    }


def _first(path: Path, pattern: str) -> str | None:
    found = re.search(pattern, path.read_text()) if path.exists() else None
    return found[1] if found else None


def _figures(cpu: float, wall: float, peak: int) -> dict[str, float]:
    return {
        "cpu_seconds": round(cpu, 3),
        "wall_seconds": round(wall, 3),
        "peak_mib": round(peak / _MIB, 1),
    }


def _page(result: Result, name: str, at: datetime) -> str:
    runs = max(len(one.runs) for one in result.measured)
    lines = [
        f"# {result.title}",
        "",
        f"{result.work} Medians of {runs}, the commands in turns, each a whole process.",
        "",
        "| command | CPU s | wall s | peak MiB |",
        "| --- | ---: | ---: | ---: |",
    ]
    for one in result.measured:
        cost = one.median
        lines.append(f"| {one.name} | {cost.cpu:.2f} | {cost.wall:.2f} | {cost.peak / _MIB:.0f} |")
    lines += ["", f"![CPU seconds of each command]({name}.svg)", ""]
    if result.targets:
        lines += ["| target | reach | found | |", "| --- | ---: | ---: | --- |"]
        lines += [
            f"| {one.what} | {one.reach} | {one.found} | {'reached' if one.reached else '**missed**'} |"
            for one in result.targets
        ]
        lines.append("")
    for table in result.tables:
        lines += table.lines()
    lines += [f"Not measured: {reason}" for reason in result.left_out]
    lines += [""] if result.left_out else []
    known = {**machine(), **result.versions}
    lines.append(f"{at:%Y-%m-%d}; " + ", ".join(f"{what} {value}" for what, value in known.items()) + ".")
    return "\n".join(lines) + "\n"


def _plot(result: Result) -> str:
    rows = [{"command": one.name, "cpu": one.median.cpu} for one in result.measured]
    encoding: dict[str, Any] = {
        "y": {
            "field": "command",
            "type": "nominal",
            "sort": None,
            "title": None,
            "axis": {"labelLimit": 400},
        },
        "x": {"field": "cpu", "type": "quantitative", "title": "CPU seconds, median"},
    }
    label = {**encoding, "text": {"field": "cpu", "type": "quantitative", "format": ".2f"}}
    spec = {
        "title": result.title,
        "width": 480,
        "height": {"step": 26},
        "data": {"values": rows},
        "layer": [
            {"mark": {"type": "bar", "color": "#3b6ea5"}, "encoding": encoding},
            {"mark": {"type": "text", "align": "left", "dx": 4}, "encoding": label},
        ],
    }
    svg: str = vl_convert.vegalite_to_svg(spec, allowed_base_urls=[])
    return svg


def say(result: Result) -> None:
    """Print what was found, for whoever waits for it."""
    for one in result.measured:
        cost = one.median
        print(
            f"{cost.cpu:9.2f} s CPU {cost.wall:9.2f} s {cost.peak / _MIB:7.0f} MiB  {one.name}",
            file=sys.stderr,
        )
    for target in result.targets:
        mark = "reached" if target.reached else "MISSED "
        print(f"  {mark}  {target.what}: {target.found} ({target.reach})", file=sys.stderr)
    for table in result.tables:
        print("\n".join(table.lines()), file=sys.stderr)
