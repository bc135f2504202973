"""The archives of one export, written from the same tables, side by side.

Parquet is written where the tables come from, the formats of text in a thread of their own: both compress,
format and hash outside the interpreter's lock. As many tables wait for the thread as memory should hold, so
that neither stands still while the other has more to do.
"""

from collections import deque
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Protocol

import pyarrow as pa

from exporter.archive.csv import CsvWriter
from exporter.archive.files import HashingFile, Written
from exporter.archive.jsonl import JsonlWriter
from exporter.archive.parquet import ParquetWriter
from exporter.archive.text import as_text


class _Writer(Protocol):
    def write(self, table: pa.Table) -> None: ...
    def finish(self) -> Written: ...
    def close(self) -> None: ...


_OpenWriter = Callable[[HashingFile, pa.Schema], _Writer]
_WRITERS_OF_TEXT: dict[str, _OpenWriter] = {"csv": CsvWriter, "jsonl": JsonlWriter}
_WRITERS: dict[str, _OpenWriter] = {"parquet": ParquetWriter, **_WRITERS_OF_TEXT}

_AHEAD = 16 << 20
"""Bytes of tables that wait to become text, at most: some come while a row group of Parquet is written."""

FORMATS = tuple(_WRITERS)
"""The formats in which the archives can be written."""


class Archives:
    """Writes ``audit.parquet``, ``audit.csv`` and ``audit.jsonl`` into a folder, those that are asked for."""

    def __init__(self, to: Path, schema: pa.Schema, formats: Collection[str]) -> None:
        with ExitStack() as files:
            self._writers = {
                name: files.enter_context(closing(open_writer(HashingFile(to / f"audit.{name}"), schema)))
                for name, open_writer in _WRITERS.items()
                if name in formats
            }
            self._files = files.pop_all()
        self._text = [writer for name, writer in self._writers.items() if name in _WRITERS_OF_TEXT]
        self._others = [writer for name, writer in self._writers.items() if name not in _WRITERS_OF_TEXT]
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="text")
        self._handed_over: deque[tuple[Future[None], int]] = deque()

    def write(self, table: pa.Table) -> None:
        """Append the rows of ``table``. What a file refused may be raised by a later call, or by the last."""
        if self._text:
            self._wait(most=_AHEAD)
            self._handed_over.append((self._thread.submit(_write_text, table, self._text), table.nbytes))
        for writer in self._others:
            writer.write(table)

    def finish(self) -> dict[str, Written]:
        """Close the files and describe them, by format."""
        self._wait(most=0)
        return {name: writer.finish() for name, writer in self._writers.items()}

    def close(self) -> None:
        """Close the files, finished or not; closing twice does nothing."""
        self._thread.shutdown(cancel_futures=True)
        self._files.close()

    def _wait(self, *, most: int) -> None:
        """Wait until the tables that are yet to become text hold no more bytes than ``most``."""
        while sum(size for _, size in self._handed_over) > most:
            written, _ = self._handed_over.popleft()
            written.result()


def _write_text(table: pa.Table, writers: Sequence[_Writer]) -> None:
    text = as_text(table)
    for writer in writers:
        writer.write(text)
