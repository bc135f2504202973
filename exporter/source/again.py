"""Responses that were recorded, read again as the live run read them."""

from collections.abc import Iterable

import httpx

from exporter.entries.envelope import Body, parse_list
from exporter.entries.normalize import Rows, normalize
from exporter.errors import RecordError, SourceError
from exporter.source.batches import read_batches
from exporter.source.bodies import decoded
from exporter.source.warc import Recorded


def read_again(response: Recorded, *, source: str, lenient: bool) -> tuple[Body, Rows, Iterable[Rows]] | None:
    """Return the envelope of a list response, its rows (of a large one in outline), and its rows in pieces.

    ``None`` for what was no list to the live run either: a failure that was tried again. Raises
    :class:`RecordError` for an entry that cannot be a row; where ``lenient``, it is left out and named.
    """
    if response.status != httpx.codes.OK:
        return None
    try:
        if response.payload.is_large:
            chunks = decoded(response.payload.chunks(), response.coding)
            return read_batches(chunks, source=source, folder=None, lenient=lenient)
        body = parse_list(response.content)
        rows = normalize(body.entries, source=source, lenient=lenient)
    except RecordError:
        raise
    except SourceError:
        return None
    return body, rows, [rows]
