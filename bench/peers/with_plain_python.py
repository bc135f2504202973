"""The log as most would write it: json, csv and pyarrow. Usage: with_plain_python.py PAGES TO."""

import csv
import hashlib
import json
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

COLUMNS = (
    "id",
    "timestamp",
    "organization_id",
    "actor_id",
    "actor_email",
    "actor_type",
    "ip_address",
    "user_agent",
    "action",
    "resource_type",
    "resource_id",
    "resource_name",
    "request_id",
    "changes",
    "metadata",
)


def row(entry: dict[str, Any]) -> dict[str, Any]:
    """Give one entry the columns of the table."""
    return {
        **{name: entry.get(name) for name in COLUMNS},
        "timestamp": entry["created_at"],
        "request_id": (entry["metadata"] or {}).get("request_id"),
        "changes": json.dumps(entry["changes"]),
        "metadata": json.dumps(entry["metadata"]),
    }


if __name__ == "__main__":
    pages, folder = Path(sys.argv[1]), Path(sys.argv[2])
    rows = [
        row(entry)
        for page in pages.glob("page-*.json")
        for entry in json.loads(page.read_bytes())["data"]["audit_logs"]
    ]
    rows.sort(key=lambda made: (made["timestamp"], made["id"]))
    with (folder / "audit.jsonl").open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(made, ensure_ascii=False) + "\n" for made in rows)
    with (folder / "audit.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    for made in rows:
        made["timestamp"] = datetime.fromisoformat(made["timestamp"])
    pq.write_table(pa.Table.from_pylist(rows), folder / "audit.parquet", compression="zstd")
    for name in ("jsonl", "csv", "parquet"):
        with (folder / f"audit.{name}").open("rb") as written:
            print(hashlib.file_digest(written, "sha256").hexdigest(), name)
