"""Rows into pages: figures, controls, charts, and the PDF."""
