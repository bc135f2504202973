"""Section 6: what the rules list, what they compare with, and what the period or the log cannot show."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import timedelta

from exporter import record
from exporter.report import periods, queries
from exporter.report.analytics import Analytic, analytics
from exporter.report.controls import Framework, Strength
from exporter.report.figures import Figures, Row
from exporter.report.runs import EXTRACT

_NUMBER = re.compile("[0-9]{1,9}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule and what came of it."""

    analytic: Analytic
    """What it lists and why."""

    thresholds: list[tuple[str, object]]
    """What it compares with, by name."""

    not_performed: str
    """Why it says nothing; empty where it was performed."""

    size: int
    """How many items there are."""

    rows: list[Row]
    """The items printed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Touched:
    """A control that items to follow up are about."""

    framework: Framework
    """Whose control it is."""

    control: str
    """Its id."""

    strength: Strength
    """How directly the entries speak to it, at best."""

    rules: list[Rule]
    """The rules whose items are about it."""

    @property
    def items(self) -> int:
        """How many items there are."""
        return sum(rule.size for rule in self.rules)


def gather(run: record.Run, figures: Figures) -> list[Rule]:
    """Ask each rule that can be performed, for as many items as the report could print in all."""
    thresholds = asdict(run.options.thresholds)
    rules = []
    for analytic in analytics().analytic:
        reason = _not_performed(analytic, run, figures)
        size, rows = (0, []) if reason else figures.listing(analytic.query, run.options.report_rows)
        rules.append(
            Rule(
                analytic=analytic,
                thresholds=[(name, thresholds[name]) for name in queries.parameters(analytic.query)],
                not_performed=reason,
                size=size,
                rows=rows,
            )
        )
    return rules


def cut(rules: Sequence[Rule], shares: Mapping[str, int]) -> list[Rule]:
    """Keep as many items of each rule as its share, by the rule's query, allows."""
    return [replace(rule, rows=rule.rows[: shares[rule.analytic.query]]) for rule in rules]


def by_control(rules: Sequence[Rule], frameworks: Sequence[Framework]) -> list[Touched]:
    """Gather the rules that list something about actions by the controls that those map to, if any."""
    touched = []
    for framework in frameworks:
        found: dict[str, list[tuple[Rule, Strength]]] = {}
        for rule in rules:
            lines = framework.of(rule.analytic.actions)
            for control, strength in {line.control: line.strength for line in reversed(lines)}.items():
                if rule.size:
                    found.setdefault(control, []).append((rule, strength))
        touched += [
            Touched(
                framework=framework,
                control=control,
                strength=max((strength for _, strength in found[control]), key=_directness),
                rules=[rule for rule, _ in found[control]],
            )
            for control in sorted(found, key=_natural)
        ]
    return touched


def of_the_log(rules: Sequence[Rule]) -> list[Rule]:
    """Pick the rules that list something about the log as a whole, whose controls are the same for each."""
    return [rule for rule in rules if rule.size and not rule.analytic.actions and not rule.analytic.unmapped]


def _directness(strength: Strength) -> bool:
    return strength is Strength.SOLID


def _natural(control: str) -> list[tuple[int, str]]:
    """Sort A.5.3 before A.5.16."""
    return [(int(part), "") if _NUMBER.fullmatch(part) else (0, part) for part in control.split(".")]


def _not_performed(analytic: Analytic, run: record.Run, figures: Figures) -> str:
    """Say why a rule cannot be performed on this archive; nothing where it can."""
    if run.filters:
        return EXTRACT
    if not figures.knows(analytic.query):
        asked = queries.parameters(analytic.query)
        undeclared = "calendar_zone" in asked and run.options.thresholds.calendar_zone is None
        return "no calendar was declared" if undeclared else "the bundle does not hold its query"
    if analytic.longer_than:
        days: int = getattr(run.options.thresholds, analytic.longer_than)
        if run.window.until - run.window.since <= timedelta(days=days):
            length = periods.length(run.window, run.timezone)
            return f"the period is of {length}, no longer than {analytic.longer_than} = {days:,}"
    return ""
