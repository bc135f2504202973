"""What ``run --dry-run`` prints: the plan, and what the platform was found to be able to do."""

from dataclasses import asdict
from typing import TYPE_CHECKING

from exporter.commands.results import print_json, print_table
from exporter.facts import rfc3339

if TYPE_CHECKING:
    from exporter.foresight import Foresight

_NOT_KNOWN = "not known"


def print_foresight(foresight: "Foresight", *, as_json: bool) -> None:
    """Print what an export would do, as a table or as one JSON object."""
    window, overlap = foresight.window, foresight.overlap
    if as_json:
        plan = {
            "sealed": None if foresight.sealed is None else str(foresight.sealed),
            "unfinished": None if foresight.unfinished is None else str(foresight.unfinished),
            "archive": str(foresight.archive),
            "since": rfc3339(window.since),
            "until": rfc3339(window.until),
            "overlap_since": None if overlap is None else rfc3339(overlap.since),
            "dialect": foresight.dialect,
            "most_pages": foresight.most_pages,
            "probe": asdict(foresight.probe),
        }
        print_json({"published": None, "plan": plan})
        return
    probe = foresight.probe
    rows = [
        ("window", f"{rfc3339(window.since)} to {rfc3339(window.until)}"),
        ("read again", "nothing" if overlap is None else f"from {rfc3339(overlap.since)}"),
        ("sealed already", "no" if foresight.sealed is None else f"yes: {foresight.sealed}"),
        ("carries on from", "nothing" if foresight.unfinished is None else str(foresight.unfinished)),
        ("archive", str(foresight.archive)),
        ("dialect", foresight.dialect),
        ("entries a page", f"{probe.received:,} of {probe.asked:,} asked for"),
        ("entries in the log", _known(probe.total)),
        ("pages at most", _known(foresight.most_pages)),
        ("offset shifts rows", _known(probe.offset_shifts_rows)),
        ("offset reaches the end", _known(probe.reaches_the_end)),
        ("filters by action", _known(probe.filters_by_action)),
        ("total is filtered", _known(probe.total_is_filtered)),
    ]
    print_table(rows)


def _known(value: bool | int | None) -> str:  # noqa: FBT001 - an answer of the platform
    if value is None:
        return _NOT_KNOWN
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,}"
