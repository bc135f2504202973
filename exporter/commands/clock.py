"""The clock: read here, and handed to whatever needs it."""

import os
from datetime import UTC, datetime

from exporter.errors import UsageError

_EPOCH = "SOURCE_DATE_EPOCH"


def now() -> datetime:
    """Return the current time in UTC."""
    return datetime.now(UTC)


def invented_now() -> datetime:
    """Return the time in the invented organization's world: now, unless ``SOURCE_DATE_EPOCH`` fixes it.

    The variable asks for the same output on every run. Evidence says when it was made; it has no say there.
    Raises :class:`UsageError` where it holds no whole number of seconds.
    """
    seconds = os.environ.get(_EPOCH)
    if not seconds:
        return now()
    try:
        return datetime.fromtimestamp(int(seconds), UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise UsageError(
            f"{_EPOCH} is not a time: {seconds!r}.", "Give whole seconds since 1970, or unset it."
        ) from error
