"""``python -m exporter`` is ``audit-export``."""

from exporter.cli import main

main()
