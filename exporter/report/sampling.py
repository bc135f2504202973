r"""Samples that anyone can draw again: the order of a population under a seed that its keeper did not choose.

Each entry has a key, the SHA-256 in lower-case hexadecimal of the UTF-8 text
``audit-export/v1\n{seed}\n{population}\n{entry id}``. The sample of size n is the first n entries by
(key, id), so a larger sample holds every smaller one. A sample by month takes one entry of each month, and
the rest in proportion to what each has left, by largest remainder; in each month the first ones by (key, id).
When it grows it may take one entry fewer from a month.
"""

import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from heapq import nsmallest
from itertools import chain, islice

from exporter.errors import UsageError

METHOD = "audit-export/v1"
"""Name and version of the method; the first line of what is hashed."""

LONGEST = 200
"""Characters that a seed may have: the report prints it whole."""

CHUNK = 10_000
"""Entries that are looked at together; a sample is kept down to its size after each."""

Keyed = tuple[str, str, str]
"""Key, id and month: plain tuples, since there can be millions on the way to a sample."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draw:
    """How to draw; raises ``UsageError`` for a seed that print does not show as it is, and a size below 1."""

    seed: str
    """What the auditor chose after receiving the sealed bundle."""

    size: int
    """How many entries to draw from each population, at most."""

    by_month: bool = False
    """Whether to draw from every calendar month, in UTC."""

    def __post_init__(self) -> None:
        shown = unicodedata.normalize("NFC", " ".join(self.seed.split()))
        if self.seed != shown or not self.seed.isprintable() or not 0 < len(self.seed) <= LONGEST:
            raise UsageError(
                f"A seed is one line of printable text of at most {LONGEST} characters, "
                "with single spaces inside it and letters in composed form.",
                "Ask the auditor for one: whoever reads it in the report has to draw the same sample.",
            )
        if self.size < 1:
            raise UsageError("A sample has at least one entry.", "Give a larger size.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """One entry of a sample."""

    key: str
    """What decides on its place: 64 hexadecimal digits."""

    id: str
    """The entry's id."""

    month: str
    """The calendar month it belongs to, in UTC: ``2026-07``."""


def key(seed: str, population: str, entry: str) -> str:
    """Return the key of an entry."""
    return sha256(f"{METHOD}\n{seed}\n{population}\n{entry}".encode()).hexdigest()


def draw(
    entries: Iterable[tuple[str, str]], population: str, how: Draw, months: Mapping[str, int]
) -> list[Drawn]:
    """Draw from ``entries``, pairs of id and month, in the order of their keys.

    ``months`` says how many entries each month has that has any. Memory is bounded by the sample, not by
    the population. Raises ``UsageError`` where a sample by month is smaller than the number of months.
    """
    keyed = ((key(how.seed, population, id_), id_, month) for id_, month in entries)
    if how.by_month:
        if how.size < len(months):
            raise UsageError(
                f"The population {population} spreads over {len(months)} months, "
                f"which is more than a sample of {how.size}.",
                f"Ask for {len(months)} or more, or leave out the months.",
            )
        drawn = sorted(chain.from_iterable(_by_month(keyed, allot(months, how.size)).values()))
    else:
        drawn = nsmallest(how.size, keyed)
    return [Drawn(key=place, id=id_, month=month) for place, id_, month in drawn]


def _by_month(keyed: Iterator[Keyed], sizes: Mapping[str, int]) -> dict[str, list[Keyed]]:
    chosen: dict[str, list[Keyed]] = {month: [] for month in sizes}
    while part := list(islice(keyed, CHUNK)):
        for month, size in sizes.items():
            mine = (entry for entry in part if entry[2] == month)
            chosen[month] = nsmallest(size, chain(chosen[month], mine))
    return chosen


def allot(months: Mapping[str, int], size: int) -> dict[str, int]:
    """Say how many entries each month gives: one each, the rest in proportion to what each has left.

    That is by largest remainder; where remainders are equal, the earlier month comes first. ``size`` is at
    least the number of months that have entries.
    """
    filled = {month: entries for month, entries in sorted(months.items()) if entries}
    size = min(size, sum(filled.values()))
    left = size - len(filled)
    room = {month: entries - 1 for month, entries in filled.items()}
    total = max(1, sum(room.values()))
    whole = {month: left * entries // total for month, entries in room.items()}
    by_remainder = sorted(room, key=lambda month: (-(left * room[month] % total), month))
    over = set(by_remainder[: left - sum(whole.values())])
    return {month: 1 + whole[month] + (month in over) for month in room}
