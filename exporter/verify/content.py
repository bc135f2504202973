"""The archives: whether they hold as many entries as the run counted."""

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.parquet as pq

from exporter.archive.formats import FORMATS
from exporter.facts import Check, Result
from exporter.verify.bundle import NOT_READABLE, Bundle
from exporter.verify.findings import finding, lacking
from exporter.verify.measure import measure

_NOT_COUNTABLE = (OSError, ValueError, KeyError, pa.ArrowException)


def rows(bundle: Bundle) -> Iterator[Check]:
    """Count the entries of each archive."""
    try:
        run = bundle.run
    except NOT_READABLE as error:
        yield finding(
            "rows",
            "Each archive holds the entries that the run counted",
            expected="a readable data/run.json",
            found=str(error),
            result=lacking(error),
        )
        return
    listed = {file.path: file.rows for file in run.files}
    for name, count in run.counts.formats.items():
        recorded = {count, run.counts.entries, listed.get(f"data/audit.{name}", count)}
        try:
            counted = _counted(bundle, name)
        except _NOT_COUNTABLE as error:
            found, result = f"not counted: {error}", lacking(error)
        else:
            found, result = f"{counted:,}", Result.AS_EXPECTED if recorded == {counted} else Result.DIFFERS
        yield finding(
            f"rows-{name}",
            f"audit.{name} holds the entries that the run counted",
            expected=" or ".join(sorted("none" if rows is None else f"{rows:,}" for rows in recorded)),
            found=found,
            result=result,
        )


def _counted(bundle: Bundle, name: str) -> int:
    """Count the entries of an archive; raises what ``_NOT_COUNTABLE`` names."""
    path = f"data/audit.{name}"
    if name not in FORMATS:
        raise ValueError("an unknown kind of archive")
    if name == "parquet":
        with bundle.container.open(path) as file:
            return int(pq.ParquetFile(file).metadata.num_rows)
    found = bundle.measured.get(path) or measure(bundle.container, path)
    if isinstance(found, OSError):
        raise found
    return found.rows or 0
