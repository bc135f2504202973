"""What a reader reads, word for word: one organization's year, from its log to the text of the report.

``make golden`` writes it anew; the difference is reviewed like any other.
"""

import html.parser
import json
import os
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from exporter.report.composing import compose
from exporter.sandbox.cast import ORGANIZATION_ID
from exporter.sandbox.entry import Entry
from exporter.sandbox.history import generate

GOLDEN = Path(__file__).parent.parent / "golden" / "report.txt"
BEGINS, ENDS = datetime(2025, 10, 1, tzinfo=UTC), datetime(2026, 10, 1, tzinfo=UTC)
LINES = {"caption", "figcaption", "h1", "h2", "li", "p", "pre", "title", "tr"}

Make = Callable[..., Path]


class Text(html.parser.HTMLParser):
    """The document as lines of text, cells apart from one another."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self._parts: list[str] = []
        self._drawing = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del attrs
        self._drawing = self._drawing or tag == "svg"
        if tag in {"td", "th"}:
            self._parts.append(" | ")
        elif tag == "br":
            self._parts.append(" ")
        elif tag in {"h1", "h2"}:
            self._parts.append("\n\n" + "#" * int(tag[1]) + " ")

    def handle_endtag(self, tag: str) -> None:
        if tag in LINES:
            self._parts.append("\n")
        self._drawing = self._drawing and tag != "svg"

    def handle_data(self, data: str) -> None:
        if not self._drawing:
            self._parts.append(re.sub(r"\s+", " ", data))

    def __str__(self) -> str:
        lines = "".join(self._parts).replace("\u200b", "").splitlines()
        return "\n".join(line.strip() for line in lines if line.strip(" |")) + "\n"


def steady(text: str) -> str:
    """Leave out what follows from the versions of packages: digests of files, and their sizes."""
    text = re.sub(r"\b[0-9a-f]{64}\b", "<sha256>", text)
    return re.sub(r"^(\| data/\S+ \| )[\d,]+ ", r"\1<bytes> ", text, flags=re.MULTILINE)


def row(entry: Entry) -> dict[str, Any]:
    """Write an entry of the sandbox as a row of the table."""
    changes = [
        {"field": field, **{side: json.dumps(value) for side, value in dict(values).items()}}  # type: ignore[arg-type]  # the sandbox writes objects
        for field, values in entry.changes.items()
    ]
    names = ("actor_email", "actor_type", "action", "resource_type", "resource_name", "ip_address")
    ids = ("id", "organization_id", "actor_id", "resource_id")
    return {
        **{name: str(getattr(entry, name)) for name in (*ids, *names, "user_agent", "request_id")},
        "timestamp": datetime.fromtimestamp(entry.created_at // 10**9, UTC),
        "changes": changes or None,
        "metadata": json.dumps(dict(entry.metadata), separators=(",", ":")),
        "extra": None,
        "source_sha256": "0" * 64,
    }


def test_the_report_of_a_year_reads_as_it_was_reviewed(make: Make) -> None:
    entries = [row(entry) for entry in generate(entries=1_200, ends=ENDS)]
    entries.append(entries[0] | {"id": "late", "timestamp": datetime(2025, 9, 30, 23, 59, 59, tzinfo=UTC)})
    data = make(
        sorted(entries, key=lambda entry: (entry["timestamp"], entry["id"])),
        window={"since": BEGINS.isoformat(), "until": ENDS.isoformat(), "asked": {"period": "a year"}},
        source={"organization_id": str(ORGANIZATION_ID)},
        options={"report_rows": 120, "thresholds": {"calendar_zone": "Europe/Berlin"}},
    )
    text = steady(str(Text(compose(data))))
    if os.environ.get("GOLDEN") == "write":
        GOLDEN.parent.mkdir(exist_ok=True)
        GOLDEN.write_text(text, "utf-8")
    assert text == GOLDEN.read_text("utf-8"), "run: make golden, and review the difference"
