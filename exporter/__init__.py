"""Export a platform's audit log for a date range as evidence."""

from importlib.metadata import version

__version__ = version("audit-export")
