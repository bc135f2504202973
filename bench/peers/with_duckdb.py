"""The log with DuckDB: Parquet, CSV and JSON lines. Usage: with_duckdb.py PAGES TO."""

import hashlib
import sys
from pathlib import Path

import duckdb

SELECT = """
    CREATE TABLE audit AS
    SELECT id, created_at::TIMESTAMPTZ AS timestamp, organization_id, actor_id,
           actor_email, actor_type, ip_address, user_agent, action,
           resource_type, resource_id, resource_name,
           metadata ->> 'request_id' AS request_id, changes, metadata
    FROM (
        SELECT unnest(data.audit_logs, recursive := true)
        FROM read_json(?, maximum_object_size = 16777216, columns = {
            data: 'STRUCT(audit_logs STRUCT(id VARCHAR, created_at VARCHAR, organization_id VARCHAR,
                actor_id VARCHAR, actor_email VARCHAR, actor_type VARCHAR, ip_address VARCHAR,
                user_agent VARCHAR, action VARCHAR, resource_type VARCHAR, resource_id VARCHAR,
                resource_name VARCHAR, changes JSON, metadata JSON)[])'
        })
    )
    ORDER BY timestamp, id
"""

if __name__ == "__main__":
    pages, folder = sys.argv[1], Path(sys.argv[2])
    database = duckdb.connect(config={"temp_directory": str(folder)})
    database.execute("SET TimeZone = 'UTC'")
    database.execute(SELECT, [f"{pages}/page-*.json"])
    for name, form in (
        ("parquet", "FORMAT parquet, COMPRESSION zstd"),
        ("csv", "FORMAT csv, HEADER"),
        ("jsonl", "FORMAT json"),
    ):
        path = folder / f"audit.{name}"
        database.execute(f"COPY audit TO '{path}' ({form})")
        with path.open("rb") as file:
            print(hashlib.file_digest(file, "sha256").hexdigest(), path)
