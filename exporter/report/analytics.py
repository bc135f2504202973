"""The rules of section 6: what is worth asking about, as data beside the templates."""

from dataclasses import dataclass

from exporter.report import assets
from exporter.report.catalogue import read


@dataclass(frozen=True, slots=True, kw_only=True)
class Analytic:
    """One rule: a query that lists items to follow up."""

    id: str
    """Stable name, and anchor in the report."""

    title: str
    """Heading."""

    query: str
    """File name of the query that finds the items."""

    actions: tuple[str, ...]
    """The actions that its items are about; none where they are about the log as a whole."""

    rule: str
    """What is listed, in a sentence."""

    why: str
    """Why that is notable."""

    limits: str = ""
    """What the period, or the log, cannot show."""

    unmapped: bool = False
    """Whether no control is named for its items, since none is known for their actions."""

    longer_than: str = ""
    """The threshold, in days, that the period has to be longer than for the rule to find anything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Elsewhere:
    """A question that the log cannot answer, whatever the query."""

    question: str
    """What one would want to know."""

    needs: str
    """What it would take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """All rules, in the order of the report, and what no rule can answer."""

    analytic: tuple[Analytic, ...]
    """The rules."""

    elsewhere: tuple[Elsewhere, ...]
    """The questions that need another source."""


def analytics() -> Catalogue:
    """Read the rules."""
    return read(assets.root() / "analytics.toml", Catalogue)
