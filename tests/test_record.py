import json
from pathlib import Path

import msgspec
import pytest

from exporter import record
from exporter.export import export
from tests.world import NOW, World


def test_a_record_comes_back_as_it_was_written(world: World, tmp_path: Path) -> None:
    published = export(world.request(tmp_path), now=lambda: NOW, progress=lambda *_: None)
    content = (published.bundle / "data" / "run.json").read_bytes()

    assert record.decode(content) == published.run
    assert record.encode(record.decode(content)) == content
    assert content.endswith(b"}\n")
    assert json.loads(content)["format"] == "audit-export/run/v1"


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"null", b'{"format": "audit-export/run/v1"}'])
def test_what_is_no_record_is_refused(content: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        record.decode(content)
