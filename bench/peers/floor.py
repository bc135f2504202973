"""What cannot be done without: decode the pages, write the three files, hash them.

Usage: ``floor.py prepare ARCHIVES TO`` keeps finished archives in a form that costs nothing to read;
``floor.py measure PAGES PREPARED TO`` decodes pages and writes the archives from that form: typed decoding,
pyarrow's own Parquet and CSV writers with our settings, the lines as bytes, SHA-256 of each.
"""

import hashlib
import sys
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import csv

from exporter.archive.parquet import ROW_GROUP, SETTINGS

PIECE = 1 << 20


class Entry(msgspec.Struct):
    """An entry of dialect B; what it holds stays JSON."""

    id: str
    created_at: str
    organization_id: str
    actor_id: str
    actor_email: str
    actor_type: str
    action: str
    resource_type: str
    resource_id: str
    resource_name: str
    ip_address: str
    user_agent: str
    changes: msgspec.Raw
    metadata: msgspec.Raw


class Data(msgspec.Struct):
    """The list inside the envelope."""

    audit_logs: list[Entry]


class Page(msgspec.Struct):
    """A whole page."""

    data: Data


def prepare(archives: Path, to: Path) -> None:
    """Keep the table and its lines where they can be mapped into memory."""
    table = pq.read_table(archives / "audit.parquet")
    text = csv.read_csv(
        archives / "audit.csv",
        parse_options=csv.ParseOptions(newlines_in_values=True),
        convert_options=csv.ConvertOptions(column_types=dict.fromkeys(table.schema.names, pa.string())),
    )
    for name, content in (("table", table), ("text", text)):
        with pa.ipc.new_file(str(to / f"{name}.arrow"), content.schema) as file:
            file.write_table(content, max_chunksize=ROW_GROUP)
    (to / "audit.jsonl").write_bytes((archives / "audit.jsonl").read_bytes())


def measure(pages: Path, prepared: Path, to: Path) -> None:
    """Do what cannot be done without."""
    decode = msgspec.json.Decoder(Page).decode
    decoded = sum(len(decode(page.read_bytes()).data.audit_logs) for page in pages.glob("page-*.json"))
    table = pa.ipc.open_file(pa.memory_map(str(prepared / "table.arrow")))
    with pq.ParquetWriter(to / "audit.parquet", table.schema, **SETTINGS) as parquet:
        for index in range(table.num_record_batches):
            parquet.write_batch(table.get_batch(index))
    text = pa.ipc.open_file(pa.memory_map(str(prepared / "text.arrow")))
    with csv.CSVWriter(to / "audit.csv", text.schema) as writer:
        for index in range(text.num_record_batches):
            writer.write_batch(text.get_batch(index))
    with (prepared / "audit.jsonl").open("rb") as source, (to / "audit.jsonl").open("wb") as sink:
        while piece := source.read(PIECE):
            sink.write(piece)
    for name in ("parquet", "csv", "jsonl"):
        with (to / f"audit.{name}").open("rb") as file:
            print(hashlib.file_digest(file, "sha256").hexdigest(), name, decoded)


if __name__ == "__main__":
    paths = list(map(Path, sys.argv[2:]))
    if sys.argv[1] == "prepare":
        prepare(*paths)
    else:
        measure(*paths)
