"""What a look from the head down makes of entries that it does not meet."""

import json

import msgspec

from exporter.entries.normalize import normalize
from exporter.facts import Window
from exporter.source.platform import Page
from exporter.source.witnesses import Head
from tests.source.test_walk import EVERYTHING


def page(offset: int, **seconds: int) -> Page:
    """Make a page of entries, each with the second of its time."""
    entries = [
        {"id": id_, "timestamp": f"2026-01-01T00:00:{second:02}Z", "action": "deploy"}
        for id_, second in seconds.items()
    ]
    rows = normalize([msgspec.Raw(json.dumps(entry).encode()) for entry in entries], source="the test")
    return Page(
        rows=rows,
        batches=[rows],
        offset=offset,
        stated=None,
        limit=None,
        server_time=None,
        asked=0,
        answered=0,
    )


def gone(window: Window, before: Page, *looked_at: Page) -> int:
    head = Head(window)
    head.remember(before)
    look = head.begin_look()
    for each in looked_at:
        look.take(each, whole=False)
    assert look.closed
    return head.gone


def test_an_entry_that_changed_places_between_two_pages_of_a_look_has_not_vanished() -> None:
    before = page(0, a=50, b=40, c=30, d=30, e=30, f=20)

    assert gone(EVERYTHING, before, page(0, new=55, a=50, b=40, d=30), page(4, d=30, e=30, f=20)) == 0


def test_an_entry_that_a_look_passes_by_has_vanished() -> None:
    before = page(0, a=50, b=40, c=35, d=30, e=30, f=20)

    assert gone(EVERYTHING, before, page(0, new=55, a=50, b=40, d=30), page(4, d=30, e=30, f=20)) == 1
