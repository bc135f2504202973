"""Export a platform's audit log for a date range as evidence."""

__version__ = "0.1.0"
