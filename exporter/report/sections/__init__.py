"""What the sections of the report show, gathered: one module a section that asks the archive."""
