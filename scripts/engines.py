#!/usr/bin/env python3
"""Asks each query of a bundle of Spark as well as of DuckDB; the answers are to be equal, in the same order.

Usage: engines.py SPARK_PYTHON BUNDLE. SPARK_PYTHON is a Python that has pyspark. Needs Java. Exits with 0
where all answers are equal.
"""

import json
import os
import re
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import duckdb

ASK_SPARK = """
import decimal, json, sys
from pyspark.sql import SparkSession

def written(value):
    return float(value) if isinstance(value, decimal.Decimal) else str(value)

views, *queries = json.load(sys.stdin)
spark = (
    SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false")
    .config("spark.sql.session.timeZone", "UTC").config("spark.sql.shuffle.partitions", 1).getOrCreate()
)
for view in views:
    spark.sql(view)
answers = [[list(row) for row in spark.sql(query).collect()] for query in queries]
print("ANSWERS " + json.dumps(answers, default=written))
"""
VIEWS = (
    "CREATE TEMPORARY VIEW archive USING parquet OPTIONS (path '{bundle}/data/audit.parquet')",
    """CREATE TEMPORARY VIEW audit_all AS SELECT
    * EXCEPT (
      organization_id, actor_id, actor_email, actor_type, ip_address, user_agent, resource_type, resource_id,
      resource_name, request_id
    ),
    nullif(organization_id, '') AS organization_id,
    nullif(actor_id, '') AS actor_id,
    nullif(actor_email, '') AS actor_email,
    nullif(actor_type, '') AS actor_type,
    nullif(ip_address, '') AS ip_address,
    nullif(user_agent, '') AS user_agent,
    nullif(resource_type, '') AS resource_type,
    nullif(resource_id, '') AS resource_id,
    nullif(resource_name, '') AS resource_name,
    nullif(request_id, '') AS request_id,
    coalesce(lower(nullif(actor_email, '')), nullif(actor_id, '')) AS actor_key
    FROM archive""",
    "CREATE TEMPORARY VIEW audit AS SELECT * FROM audit_all WHERE timestamp >= TIMESTAMP '{since}'",
    """CREATE TEMPORARY VIEW changed_fields AS SELECT id, action, change.field, change.old, change.new
    FROM (SELECT id, action, explode(changes) AS change FROM audit)""",
)
"""What ``00_audit.sql`` makes, as Spark writes it."""


def main(spark_python: str, bundle: Path) -> list[str]:
    """Return the names of the queries whose answers differ."""
    setup, *files = sorted(bundle.glob("data/queries/*.sql"))
    prepared = setup.read_text("utf-8")
    since = re.search(r"TIMESTAMPTZ '([^']+)'", prepared)
    if since is None:
        raise AssertionError("the first file does not say when the window begins")
    queries = [file.read_text("utf-8") for file in files]
    views = [view.format(bundle=bundle.absolute(), since=since[1]) for view in VIEWS]
    asked = subprocess.run(  # noqa: S603 - as written here
        [spark_python, "-c", ASK_SPARK],
        input=json.dumps([views, *queries]),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    line = next(line for line in asked.stdout.splitlines() if line.startswith("ANSWERS "))
    os.chdir(bundle)
    engine = duckdb.connect()
    engine.execute(prepared)
    ours = [_written(engine.sql(query).to_arrow_table().to_pylist()) for query in queries]
    theirs = json.loads(line.removeprefix("ANSWERS "))
    return [file.name for file, one, other in zip(files, ours, theirs, strict=True) if one != other]


def _written(value: object) -> object:
    """Write what DuckDB answers as Spark's answers are written."""
    match value:
        case dict():
            return [_written(cell) for cell in value.values()]
        case list():
            return [_written(one) for one in value]
        case Decimal():
            return float(value)
        case None | bool() | int() | float() | str():
            return value
        case _:
            return str(value).removesuffix("+00:00")


if __name__ == "__main__":
    differing = main(sys.argv[1], Path(sys.argv[2]))
    sys.exit(f"Spark answers otherwise: {', '.join(differing)}" if differing else 0)
