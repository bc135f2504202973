"""Responses that were recorded, read again as the live run read them."""

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import httpx

from exporter.entries.envelope import Body, NestedTooDeepError, parse_list
from exporter.entries.normalize import Rows, normalize
from exporter.errors import RecordError, SourceError, VerificationError
from exporter.source.batches import read_batches
from exporter.source.bodies import decoded
from exporter.source.responses import Recorded

_HEADROOM = 500


def read_again(response: Recorded, *, source: str, lenient: bool) -> tuple[Body, Rows, Iterable[Rows]] | None:
    """Return the envelope of a list response, its rows (of a large one in outline), and its rows in pieces.

    ``None`` for what was no list to the live run either: a failure that was tried again. Raises
    :class:`VerificationError` for a response that the live run may have read and that cannot be read here;
    where ``lenient``, it is none either.
    """
    if response.status != httpx.codes.OK:
        return None
    try:
        with _headroom():
            if response.payload.is_large:
                chunks = decoded(response.payload.chunks(), response.coding)
                return read_batches(chunks, source=source, folder=None, lenient=lenient)
            body = parse_list(response.content)
            rows = normalize(body.entries, source=source, lenient=lenient)
            return body, rows, [rows]
    except NestedTooDeepError as error:
        if lenient:
            return None
        raise VerificationError(
            f"{source[:1].upper()}{source[1:]} is nested too deeply to be read again.",
            "Report the entry to the platform. An export with --allow-partial leaves the response out.",
        ) from error
    except RecordError:
        raise
    except SourceError:
        return None


@contextmanager
def _headroom() -> Iterator[None]:
    """Let JSON be nested deeper than the live run let it be.

    The decoder's limit counts the Python frames of its caller too: what was read near the bottom of a thread
    of its own would be nested too deeply for a caller further up the stack.
    """
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(limit + _HEADROOM)
    try:
        yield
    finally:
        sys.setrecursionlimit(limit)
