"""The log with dlt: Parquet alone. Usage: with_dlt.py PAGES TO."""

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

os.environ.update(
    {
        "RUNTIME__DLTHUB_TELEMETRY": "false",
        "RUNTIME__LOG_LEVEL": "CRITICAL",
        "NORMALIZE__DATA_WRITER__DISABLE_COMPRESSION": "true",
    }
)
import dlt


def audit(pages: Path) -> Iterator[list[dict[str, Any]]]:
    """Yield the entries a page at a time, as dlt's own paginator does."""
    for page in sorted(pages.glob("page-*.json")):
        yield json.loads(page.read_bytes())["data"]["audit_logs"]


if __name__ == "__main__":
    pages, folder = Path(sys.argv[1]), Path(sys.argv[2])
    destination = dlt.destinations.filesystem(bucket_url=str(folder / "out"))
    pipeline = dlt.pipeline("audit", pipelines_dir=str(folder / "state"), destination=destination)
    resource = dlt.resource(audit(pages), name="audit", max_table_nesting=0, primary_key="id")
    pipeline.run(resource, loader_file_format="parquet")
