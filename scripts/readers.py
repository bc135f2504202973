#!/usr/bin/env python3
"""Holds the archives out to readers that are too large for the test suite: Spark and LibreOffice.

Usage: readers.py SPARK_PYTHON, a Python that has pyspark. Needs Java and LibreOffice Calc. Exits with 0 where
Spark reads the same rows from all three archives, and no cell of the CSV becomes a formula in LibreOffice.
"""

import json
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree as ET

import msgspec
import pyarrow.parquet as pq

from exporter.derive import derive
from exporter.entries.normalize import normalize
from exporter.facts import Selection, Window

WINDOW = Window(since=datetime(2026, 1, 1, tzinfo=UTC), until=datetime(2026, 2, 1, tzinfo=UTC))
HOSTILE = (
    "=1+1",
    "+1",
    "-1+1",
    "@SUM(A1)",
    "\t=1+1",
    "\r=1+1",
    "\n=1+1",
    "'=1+1",
    "\0=1+1",
    '=HYPERLINK("http://evil.example")',
    '=cmd|"/c calc"!A1',
    'a"b,c\r\nd',
    "\u202e=1",
    "\U0001f600",
    "x" * 5_000,
    "",
    "2026-01-01",
    "00123",
    "1e5",
)
TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
TEXT = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"
AS_HOSTILE_AS_CAN_BE = (
    "--infilter=Text - txt - csv (StarCalc):44,34,76,1,,0,false,true,false,false,false,0,true"
)
"""Comma, quote, UTF-8; quoted cells are not taken for text, numbers are detected, formulas evaluated."""

READ_BY_SPARK = """
import json, sys
from pyspark.sql import SparkSession
folder = sys.argv[1]
spark = (
    SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false")
    .config("spark.sql.session.timeZone", "UTC").getOrCreate()
)
parquet = spark.read.parquet(f"{folder}/audit.parquet")
csv = spark.read.options(header=True, multiLine=True, quote='"', escape='"').csv(f"{folder}/audit.csv")
frames = {"parquet": parquet, "csv": csv, "jsonl": spark.read.json(f"{folder}/audit.jsonl")}
found = {
    name: [row.resource_name for row in frame.select("id", "resource_name").orderBy("id").collect()]
    for name, frame in frames.items()
}
found["schema"] = parquet.dtypes
found["changed"] = parquet.selectExpr("explode(changes) as c").where("c.field = 'replicas'").count()
print("FOUND " + json.dumps(found))
"""


def write_archives(folder: Path) -> list[str]:
    """Write archives whose every text is hostile; return the texts in the order of their ids."""
    entries = [
        {
            "id": f"log_{number:03}",
            "created_at": f"2026-01-02T03:04:05.{number:06}Z",
            "action": text or "deploy",
            "actor_email": text,
            "resource_name": text,
            "user_agent": text,
            "changes": {"replicas": {"old": text, "new": -1}},
            "metadata": -number,
            "level": text,
        }
        for number, text in enumerate(HOSTILE)
    ]
    page = normalize([msgspec.Raw(msgspec.json.encode(entry)) for entry in entries], source="the page")
    derive([page], Selection(window=WINDOW), folder)
    return list(HOSTILE)


def ask_spark(python: str, folder: Path, texts: Sequence[str]) -> list[str]:
    """Return what Spark reads otherwise than it was written."""
    out = run(python, "-c", READ_BY_SPARK, str(folder))
    found = json.loads(next(line for line in out.splitlines() if line.startswith("FOUND "))[len("FOUND ") :])
    found["csv"] = [(text or "").removeprefix("'") for text in found["csv"]]
    expected = dict.fromkeys(("parquet", "csv", "jsonl"), texts)
    expected["csv"] = [text.replace("\r\n", "\n") for text in texts]  # Spark's way with line breaks in cells
    wrong = [
        f"Spark reads {text!r} as {read!r} from audit.{name}"
        for name, written in expected.items()
        for text, read in zip(written, found[name], strict=True)
        if read != text
    ]
    if found["changed"] != len(texts):
        wrong.append("Spark does not see into the changes")
    if dict(found["schema"])["timestamp"] != "timestamp":
        wrong.append("Spark does not take the times for times")
    return wrong


def ask_libreoffice(folder: Path) -> list[str]:
    """Return what LibreOffice makes of the CSV that it should not."""
    control = folder / "control.csv"
    control.write_text('"=1+1"\r\n')
    wrong = [] if formulas(control) else ["LibreOffice evaluates no formula at all, so this shows nothing"]
    wrong += [f"LibreOffice takes a cell for the formula {one}" for one in formulas(folder / "audit.csv")]
    shown, rows = cells(folder / "audit.csv"), pq.read_metadata(folder / "audit.parquet").num_rows
    ids = [cell for cell in shown if cell.startswith("log_")]
    if len(ids) != rows:
        wrong.append(f"LibreOffice shows {len(ids)} rows of {rows}")
    return wrong


def formulas(file: Path) -> list[str]:
    """Return the formulas of a CSV file as LibreOffice reads it."""
    found = (cell.get(f"{TABLE}formula") for cell in read_by_libreoffice(file).iter(f"{TABLE}table-cell"))
    return [formula for formula in found if formula]


def cells(file: Path) -> list[str]:
    """Return the texts of a CSV file as LibreOffice shows them."""
    return ["".join(text.itertext()) for text in read_by_libreoffice(file).iter(f"{TEXT}p")]


def read_by_libreoffice(file: Path) -> ET.Element:
    """Open a CSV file and return the content of the sheet."""
    profile = f"-env:UserInstallation=file://{file.parent}/profile"
    to = ("--convert-to", "ods", "--outdir", str(file.parent), str(file))
    run("soffice", profile, "--headless", AS_HOSTILE_AS_CAN_BE, *to)
    with zipfile.ZipFile(file.with_suffix(".ods")) as sheet:
        return ET.fromstring(sheet.read("content.xml"))  # noqa: S314 - LibreOffice just wrote it


def run(*command: str) -> str:
    """Run a command and return what it prints."""
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout  # noqa: S603 - as written here


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        texts = write_archives(folder)
        wrong = [*ask_spark(sys.argv[1], folder, texts), *ask_libreoffice(folder)]
    sys.exit("\n".join(wrong) if wrong else 0)
