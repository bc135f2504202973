"""Reading each payload file once, for all that is asked of its bytes: digest, size, and rows."""

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from exporter.evidence.bag import RESPONSES
from exporter.evidence.container import Container

_CHUNK = 1 << 20
_BREAK = ord("\n")
_ALL_BUT_MARKS = bytes(set(range(256)) - set(b'"\n'))


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """What reading a file told."""

    sha256: str
    """Its digest, 64 hexadecimal digits."""

    size: int
    """Its length in bytes."""

    rows: int | None
    """How many rows it has, where it is of a kind that has any and is counted by reading."""


class Measures(Mapping[str, Measure | OSError]):
    """What reading told of each file, or why it could not be read; asking for one waits for it."""

    def __init__(self, under_way: Mapping[str, Future[Measure | OSError]]) -> None:
        self._under_way = under_way

    def __getitem__(self, path: str) -> Measure | OSError:
        return self._under_way[path].result()

    def __iter__(self) -> Iterator[str]:
        return iter(self._under_way)

    def __len__(self) -> int:
        return len(self._under_way)


@contextmanager
def measuring(container: Container, paths: Iterable[str]) -> Iterator[Measures]:
    """Read files beside whatever else is done, several at a time, those first that archives follow from.

    The digest is taken where the interpreter's lock is not held, so that threads do help.
    """
    wanted = sorted(paths, key=lambda path: (path != RESPONSES, path))
    pool = ThreadPoolExecutor(max_workers=os.cpu_count() or 1)
    try:
        yield Measures({path: pool.submit(measure, container, path) for path in wanted})
    finally:
        pool.shutdown(cancel_futures=True)


def measure(container: Container, path: str) -> Measure | OSError:
    """Read a file, and say what it is or why it could not be read."""
    digest, size, counter = hashlib.sha256(), 0, _COUNTERS.get(path, _NoRows)()
    try:
        with container.open(path) as file:
            chunk = memoryview(bytearray(_CHUNK))
            while count := file.readinto(chunk):
                digest.update(chunk[:count])
                size += count
                counter.feed(chunk[:count])
    except OSError as error:
        return error.with_traceback(None)  # which would keep the chunk
    return Measure(sha256=digest.hexdigest(), size=size, rows=counter.rows)


class _Counter(Protocol):
    @property
    def rows(self) -> int | None: ...
    def feed(self, chunk: memoryview) -> None: ...


class _NoRows:
    rows: int | None = None

    def feed(self, _chunk: memoryview) -> None:
        """Count nothing."""


class _JsonlRows:
    """Counts lines, the last one also where its line break is missing."""

    def __init__(self) -> None:
        self._breaks, self._last = 0, _BREAK

    @property
    def rows(self) -> int:
        return self._breaks + (self._last != _BREAK)

    def feed(self, chunk: memoryview) -> None:
        self._breaks += bytes(chunk).count(b"\n")
        self._last = chunk[-1]


class _CsvRows:
    """Counts the lines below the heading that end outside quotes; every quote in a value is doubled."""

    def __init__(self) -> None:
        self._breaks, self._quoted, self._last = 0, False, _BREAK

    @property
    def rows(self) -> int:
        lines = self._breaks + (self._last != _BREAK and not self._quoted)
        return max(0, lines - 1)

    def feed(self, chunk: memoryview) -> None:
        marks = bytes(chunk).translate(None, _ALL_BUT_MARKS).replace(b'""', b"")
        stretches = marks.split(b'"')
        self._breaks += sum(stretch.count(b"\n") for stretch in stretches[self._quoted :: 2])
        self._quoted ^= len(stretches) % 2 == 0
        self._last = chunk[-1]


_COUNTERS: dict[str, type[_Counter]] = {"data/audit.csv": _CsvRows, "data/audit.jsonl": _JsonlRows}
