"""Entries and pages, for the tests of what is made of them."""

import json
from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

from exporter.entries.envelope import parse_list
from exporter.entries.normalize import Rows, normalize
from exporter.facts import Selection, Window

WINDOW = Window(since=datetime(2026, 1, 1, tzinfo=UTC), until=datetime(2026, 2, 1, tzinfo=UTC))
"""The window of the entries made here: January 2026."""

SELECTION = Selection(window=WINDOW)
"""Everything in it."""

Entry = dict[str, Any]
"""One entry, as JSON has it."""

VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
"""Any JSON value."""


def entry(**fields: Any) -> Entry:
    """Make an entry that lies in the window, with ``fields`` added or replaced."""
    return {"id": "log_1", "action": "deploy", "created_at": "2026-01-02T03:04:05Z", **fields}


def received(body: bytes) -> Rows:
    """Make the rows of a response body."""
    return normalize(parse_list(body).entries, source="the page at offset 40")


def page(*entries: Entry) -> Rows:
    """Make the rows of a page that holds ``entries``."""
    return received(json.dumps(entries).encode())


def row(**fields: Any) -> dict[str, Any]:
    """Make the row of ``entry(**fields)``."""
    (made,) = page(entry(**fields)).batch.to_pylist()
    return dict(made)
