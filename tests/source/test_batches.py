"""A list response that is too large for memory."""

import json
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from exporter.errors import RecordError
from exporter.source.batches import read_batches
from tests.pages import entry

MIB = 1 << 20


@pytest.mark.parametrize(("count", "size"), [(40, MIB), (5_000, 200)])
def test_a_batch_is_bounded_in_rows_and_in_bytes(tmp_path: Path, count: int, size: int) -> None:
    sent = [entry(id=f"log_{number}", metadata={"text": "x" * size}) for number in range(count)]

    def chunks() -> Iterator[bytes]:
        body = json.dumps(sent, separators=(",", ":")).encode()
        for start in range(0, len(body), 1 << 16):
            yield body[start : start + (1 << 16)]

    _, outline, batches = read_batches(chunks(), source="the page", folder=tmp_path)

    found = list(batches)
    assert [id_ for rows in found for id_ in rows.batch["id"].to_pylist()] == [one["id"] for one in sent]
    assert outline.batch.num_rows == count
    assert all(rows.batch.num_rows < 4_096 and rows.batch.nbytes < 32 * MIB for rows in found)
    assert len(found) > 1


def test_what_follows_an_entry_that_cannot_be_a_row_is_not_held_in_memory(tmp_path: Path) -> None:
    heavy = json.dumps(entry(metadata={"text": "x" * MIB}), separators=(",", ":")).encode()

    def chunks() -> Iterator[bytes]:
        yield b'[{"id":"log_0"}'
        for _ in range(70):
            yield b"," + heavy
        yield b"]"

    tracemalloc.start()
    try:
        with pytest.raises(RecordError, match="has no action"):
            read_batches(chunks(), source="the page", folder=tmp_path)
        assert tracemalloc.get_traced_memory()[1] < 50 * MIB
    finally:
        tracemalloc.stop()
