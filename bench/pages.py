"""Pages as the platform sends them, for this program and for its peers: the same bytes for both.

The reference platform's history in dialect B, newest first, about 650 bytes an entry, a thousand entries a
page. Pages stand as plain files, and as the raw responses of a run. What was made is kept and used again.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import httpx

from bench.span import UNTIL
from exporter.sandbox.dialects import B, wrap
from exporter.sandbox.entry import Json
from exporter.sandbox.history import generate
from exporter.source.bodies import Payload
from exporter.source.credentials import Key
from exporter.source.responses import ResponseFile

PAGE = 1_000
"""Entries in a page."""

_URL = "https://api.satusky.com/v1/cli/audit-logs/organizations/acme"
_KEY = Key("a-key-that-stands-in-no-page", origin="the benchmark")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pages:
    """The pages of one log."""

    entries: int
    """How many entries they hold."""

    folder: Path
    """The plain files: ``page-000000.json`` is the newest page."""

    responses: Path
    """The same pages as the raw responses of a run."""

    @property
    def files(self) -> list[Path]:
        """The plain files, newest page first."""
        return sorted(self.folder.glob("page-*.json"))


def make_pages(entries: int, work: Path) -> Pages:
    """Make the pages of a log of so many entries below ``work``, or find them there."""
    folder = work / f"pages-{entries}"
    pages = Pages(entries=entries, folder=folder, responses=folder / "responses.warc.gz")
    if not pages.responses.exists():
        folder.mkdir(parents=True, exist_ok=True)
        _write_files(pages)
        _write_responses(pages)
    return pages


def _write_files(pages: Pages) -> None:
    """Write the oldest page first, as the history comes, under the number that it has newest first."""
    count = -(-pages.entries // PAGE)
    for number, page in enumerate(_oldest_first(pages.entries)):
        offset = (count - 1 - number) * PAGE
        body = wrap(B.body, page[::-1], total=pages.entries, limit=PAGE, offset=offset)
        path = pages.folder / f"page-{offset // PAGE:06}.json"
        path.write_bytes(json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode())


def _oldest_first(entries: int) -> Iterator[list[Json]]:
    history = generate(entries=entries, ends=UNTIL)
    size = entries % PAGE or PAGE  # the oldest page is the last, and may be short
    while page := list(islice(history, size)):
        yield [B.write(entry) for entry in page]
        size = PAGE


def _write_responses(pages: Pages) -> None:
    """Write under another name first, so that what is there is whole."""
    partial = pages.responses.with_suffix(".partial")
    partial.unlink(missing_ok=True)
    with ResponseFile(partial, key=_KEY, at=UNTIL) as kept:
        for number, path in enumerate(pages.files):
            request = httpx.Request("GET", _URL, params={"limit": PAGE, "offset": number * PAGE})
            headers = {"content-type": "application/json"}
            kept.append(
                httpx.Response(200, headers=headers, request=request), Payload.of(path.read_bytes()), at=UNTIL
            )
    partial.rename(pages.responses)
