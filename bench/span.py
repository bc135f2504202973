"""The stretch of time that the log covers; by itself, since ``ours.py`` is timed with all it imports."""

from datetime import UTC, datetime

SINCE = datetime(2025, 11, 23, tzinfo=UTC)
"""No entry is older."""

UNTIL = datetime(2026, 11, 23, tzinfo=UTC)
"""Every entry is older."""
