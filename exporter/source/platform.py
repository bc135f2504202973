"""The audit log behind its API: pages of the list and single entries, in whichever dialect it speaks."""

import math
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from exporter.entries.envelope import Body, parse_entry, parse_list
from exporter.entries.normalize import Rows, normalize
from exporter.source.again import read_again
from exporter.source.batches import read_batches
from exporter.source.client import NEEDED, Client, Wish
from exporter.source.dialects import Dialect, dialect_a, dialect_b
from exporter.source.refusals import NotFoundError, RefusedError
from exporter.source.warc import read_responses

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LIMITS = (10_000, 5_000, 2_000, 1_000, 500, 250, 200, 100, 50, 20)
"""Limits that platforms usually set; the last is applied where none is asked for."""


@dataclass(frozen=True, kw_only=True)  # without slots, for what is worked out once
class Page:
    """One list response."""

    rows: Rows
    """Its entries as rows, in the order received; of a large page, only what the walk looks at."""

    batches: Iterable[Rows]
    """The same rows with all their columns, in pieces."""

    offset: int
    """The offset that was asked for."""

    stated: int | None
    """How many entries the log holds, as the platform says, where it says so."""

    limit: int | None
    """The limit that the platform says it applied, where it says so."""

    server_time: datetime | None
    """The platform's clock when it answered, where it gave one."""

    asked: float
    """When it was asked for, in seconds of this machine's monotonic clock; before all else if recorded."""

    answered: float
    """When the answer had come, likewise."""

    @property
    def size(self) -> int:
        """Number of entries."""
        return int(self.rows.batch.num_rows)

    @property
    def reach(self) -> int:
        """The place in the list below its last entry."""
        return self.offset + self.size

    @property
    def total(self) -> int | None:
        """How many entries the log holds; ``None`` where the page itself shows more than are stated."""
        return None if self.stated is None or self.stated < self.reach else self.stated

    @property
    def recorded(self) -> bool:
        """Whether it was received before this run, by an attempt that was broken off."""
        return self.answered == -math.inf

    @cached_property
    def ids(self) -> list[str]:
        """Ids of the entries, in the order received."""
        ids: list[str] = self.rows.batch["id"].to_pylist()
        return ids

    @cached_property
    def moments(self) -> list[datetime]:
        """Times of the entries, in the order received; a tenth of the time that ``to_pylist`` takes."""
        microseconds = self.rows.batch["timestamp"].cast(pa.int64()).to_pylist()
        return [_EPOCH + timedelta(0, 0, count) for count in microseconds]

    @cached_property
    def in_order(self) -> bool:
        """Whether no entry is newer than the one above it."""
        below = self.rows.batch["timestamp"][1:]
        above = self.rows.batch["timestamp"][:-1]
        return not pc.any(pc.greater(below, above)).as_py()

    def is_of(self, action: str) -> bool:
        """Whether it holds no entry of another action."""
        return set(self.rows.batch["action"].to_pylist()) <= {action}

    def start_of(self, moment: datetime) -> int:
        """Return the first place in the list whose entry is no newer than ``moment``, as far as it shows."""
        moments = self.rows.batch["timestamp"]
        newer = pc.greater(moments, pa.scalar(moment, moments.type))
        return self.offset + int(newer.true_count)

    @property
    def oldest(self) -> datetime | None:
        """Time of its oldest entry, whatever the order; ``None`` for an empty page."""
        oldest: datetime | None = pc.min(self.rows.batch["timestamp"]).as_py()
        return oldest


class Platform:
    """The audit log of one organization.

    Where ``lenient``, entries that cannot be rows are left out and named in ``Rows.left_out``. A limit that
    the platform refuses is lowered to the next usual one until it does not.
    """

    def __init__(self, client: Client, dialect: Dialect, *, lenient: bool = False) -> None:
        self.client = client
        self.dialect = dialect
        self.lenient = lenient
        self.most: int | None = None
        """The highest limit that is still sent; ``None`` where none was refused."""
        self._reading = threading.Lock()  # threads that compete for the interpreter are slower

    def page(
        self,
        *,
        limit: int,
        offset: int = 0,
        action: str | None = None,
        user: str | None = None,
        wish: Wish = NEEDED,
    ) -> Page:
        """Fetch a page of the list, newest first; ``wish`` says how much it is wanted.

        An offset or a filter that the platform refuses gives an empty page: nothing is to be had by it.
        """
        while True:
            allowed = limit if self.most is None else min(limit, self.most)
            try:
                parameters = self._parameters(limit=allowed, offset=offset, action=action, user=user)
                return self._page(parameters, offset, wish)
            except RefusedError:
                if offset or action is not None or user is not None:
                    return _nothing(offset)
                if allowed <= _LIMITS[-1]:
                    raise
                self.most = next(usual for usual in _LIMITS if usual < allowed)

    def _page(self, parameters: dict[str, str], offset: int, wish: Wish) -> Page:
        source = f"the page at offset {offset:,}"

        def read(body: bytes) -> tuple[Body, Rows, Iterable[Rows]]:
            with self._reading:
                parsed = parse_list(body)
                rows = normalize(parsed.entries, source=source, lenient=self.lenient)
            return parsed, rows, [rows]

        def read_large(chunks: Iterator[bytes]) -> tuple[Body, Rows, Iterable[Rows]]:
            folder, lenient = self.client.folder, self.lenient
            with self._reading:
                return read_batches(chunks, source=source, folder=folder, lenient=lenient)

        answer = self.client.get(self.dialect.path, parameters, read, read_large, wish=wish)
        body, rows, batches = answer.content
        return Page(
            rows=rows,
            batches=batches,
            offset=offset,
            stated=body.total,
            limit=body.limit,
            server_time=answer.server_time,
            asked=answer.asked,
            answered=answer.answered,
        )

    def entries(self, *, limit: int, action: str | None = None, user: str | None = None) -> list[msgspec.Raw]:
        """Fetch the newest entries, each as the JSON that the platform sent, in memory at any size."""
        parameters = self._parameters(limit=limit, offset=0, action=action, user=user)
        return self.client.get(self.dialect.path, parameters, parse_list).content.entries

    def entry(self, entry_id: str) -> msgspec.Raw:
        """Fetch one entry, as the JSON that the platform sent."""
        return self.client.get(self.dialect.entry_path(entry_id), {}, parse_entry).content

    def _parameters(self, *, limit: int, offset: int, action: str | None, user: str | None) -> dict[str, str]:
        parameters = {"limit": str(limit)}
        if offset:
            parameters["offset"] = str(offset)
        if action is not None:
            parameters["action"] = action
        if user is not None:
            parameters[self.dialect.user_parameter] = user
        return parameters


def _nothing(offset: int) -> Page:
    rows, now = normalize([], source=""), time.monotonic()
    return Page(
        rows=rows,
        batches=[rows],
        offset=offset,
        stated=None,
        limit=None,
        server_time=None,
        asked=now,
        answered=now,
    )


def connect(
    client: Client, *, organization: str | None, known_organization: str | None, lenient: bool = False
) -> tuple[Platform, Page]:
    """Find the dialect: B where an organization was asked for, else A, else B for the one that is known.

    Returns the platform and the page of one entry that it answered with. Raises
    :class:`~exporter.source.refusals.NotFoundError` when the platform speaks neither.
    """
    if organization is not None:
        return _greet(client, dialect_b(organization), lenient=lenient)
    try:
        return _greet(client, dialect_a(), lenient=lenient)
    except NotFoundError:
        if known_organization is None:
            raise
        return _greet(client, dialect_b(known_organization), lenient=lenient)


def _greet(client: Client, dialect: Dialect, *, lenient: bool) -> tuple[Platform, Page]:
    platform = Platform(client, dialect, lenient=lenient)
    return platform, platform.page(limit=1)


def recorded_rows(responses: Path, *, lenient: bool = False) -> Iterator[Rows]:
    """Yield the rows of every list response in a WARC file, as the live run saw them.

    A response that was no list (a failure that was tried again) holds no entries and is passed over.
    """
    for index, response in enumerate(read_responses(responses)):
        read = read_again(response, source=f"response {index} of {responses.name}", lenient=lenient)
        if read is not None:
            yield from read[2]
