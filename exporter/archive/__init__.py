"""Rows into files: order, Parquet, CSV, JSONL."""
