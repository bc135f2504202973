"""The log with this program. Usage: ours.py pages|responses PAGES TO."""

import sys
from collections.abc import Iterator
from pathlib import Path

from bench.span import SINCE, UNTIL
from exporter.derive import derive
from exporter.entries.envelope import parse_list
from exporter.entries.normalize import Rows, normalize
from exporter.facts import Selection, Window


def plain_pages(folder: Path) -> Iterator[Rows]:
    """Yield the rows of the plain pages, as a live run sees them."""
    for page in sorted(folder.glob("page-*.json")):
        yield normalize(parse_list(page.read_bytes()).entries, source=page.name)


def recorded_pages(folder: Path) -> Iterator[Rows]:
    """Yield the rows of the raw responses, as ``verify --reperform`` sees them."""
    from exporter.source.platform import recorded_rows  # noqa: PLC0415 - the HTTP client is no cost of plain pages

    return recorded_rows(folder / "responses.warc.gz")


if __name__ == "__main__":
    form, pages, folder = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    rows = recorded_pages(pages) if form == "responses" else plain_pages(pages)
    print(derive(rows, Selection(window=Window(since=SINCE, until=UNTIL)), folder).files)
