"""A year in the log of one organization, the same for the same seed, however long it is asked to be."""

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from heapq import merge
from itertools import islice

from exporter.sandbox.cast import assemble
from exporter.sandbox.entry import Entry, nanoseconds
from exporter.sandbox.hours import Period
from exporter.sandbox.routine import work
from exporter.sandbox.scribe import Scribe
from exporter.sandbox.story import tell

ENTRIES = 25_000
"""How many entries a history has unless another number is asked for."""

DAYS = 365
"""How many days it covers, likewise; the stories need about sixty to unfold."""

SEED = 20_260_427


def generate(
    *, entries: int = ENTRIES, ends: datetime, days: int = DAYS, seed: int = SEED
) -> Iterator[Entry]:
    """Yield exactly ``entries`` entries, oldest first, from the ``days`` before ``ends``, an aware time.

    None is as late as ``ends``. The stories come first and everyday work fills up the number; where the
    number is too small for the stories, it is the oldest entries that are left out.
    """
    period = Period(begins=nanoseconds(ends - timedelta(days=days)), ends=nanoseconds(ends))
    cast = assemble(seed, period)
    stories = tell(cast, period, Scribe(random.Random(f"{seed}/story")))
    everyday = work(cast, period, Scribe(random.Random(f"{seed}/routine")), max(entries - len(stories), 0))
    return islice(
        merge(stories, everyday, key=lambda entry: entry.created_at), max(len(stories) - entries, 0), None
    )
