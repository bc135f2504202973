import json
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.archive.files import HashingFile
from exporter.archive.jsonl import JsonlWriter
from exporter.archive.text import as_text
from exporter.entries.normalize import Rows
from exporter.entries.schema import SCHEMA
from tests.pages import VALUES, entry, page, received


def write(path: Path, rows: Rows) -> bytes:
    """Write rows as JSON lines and return the file's content."""
    path.unlink(missing_ok=True)
    writer = JsonlWriter(HashingFile(path), SCHEMA)
    writer.write(as_text(pa.Table.from_batches([rows.batch])))
    assert writer.finish().rows == rows.batch.num_rows
    return path.read_bytes()


def test_a_line_is_in_the_canonical_form(tmp_path: Path) -> None:
    rows = received(
        b'[{"price" : 1.10, "created_at": "2026-01-02T05:04:05.12+02:00", "id": "\\u00e9\\u0007",'
        b' "action": "/", "changes": {"n": [ 1 , 12345678901234567890123 ], "m": {"new": null},'
        b' "o": {"old": 1e400}}, "metadata": {"b" : 1.0, "a": "\\u00e9" }}]'
    )

    digest = rows.batch["source_sha256"][0]
    assert write(tmp_path / "audit.jsonl", rows).decode() == (
        '{"id":"é\\u0007","timestamp":"2026-01-02T03:04:05.120000Z","organization_id":null,"actor_id":null,'
        '"actor_email":null,"actor_type":null,"ip_address":null,"user_agent":null,"action":"/",'
        '"resource_type":null,"resource_id":null,"resource_name":null,"request_id":null,'
        '"changes":[{"field":"n","old":1,"new":12345678901234567890123},{"field":"m","new":null},'
        '{"field":"o","old":1e400}],"metadata":{"b":1.0,"a":"\\u00e9"},"extra":{"price":1.10},'
        f'"source_sha256":"{digest}"}}\n'
    )


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ('a"b', 'a\\"b'),
        ("a\\b", "a\\\\b"),
        ("\x1f", "\\u001f"),
        ("a\nb", "a\\nb"),
        (" \x7fé\u2028", " \x7fé\u2028"),
    ],
)
def test_of_a_text_just_what_has_to_be_is_escaped(tmp_path: Path, text: str, written: str) -> None:
    rows = page(entry(user_agent=text), entry(id="log_2"), entry(id="log_3", user_agent="plain"))

    first, second, third = write(tmp_path / "audit.jsonl", rows).decode().split("\n")[:-1]

    assert f'"user_agent":"{written}",' in first
    assert '"user_agent":null,' in second
    assert '"user_agent":"plain",' in third


@given(
    sent=st.lists(
        st.fixed_dictionaries(
            {}, optional={"user_agent": st.text(), "metadata": VALUES, "changes": VALUES, "more": VALUES}
        ),
        max_size=3,
    )
)
def test_every_line_is_one_entry_with_the_columns_in_order_and_no_white_space(
    sent: list[dict[str, Any]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    rows = page(*(entry(**fields) for fields in sent))

    lines = write(tmp_path_factory.getbasetemp() / "any.jsonl", rows).decode().split("\n")

    assert lines.pop() == ""
    assert len(lines) == len(sent)
    for line, fields, made in zip(lines, sent, rows.batch.to_pylist(), strict=True):
        assert msgspec.json.format(line, indent=-1) == line
        read = json.loads(line)
        assert list(read) == SCHEMA.names
        assert read["metadata"] == fields.get("metadata")
        assert read["user_agent"] == fields.get("user_agent")
        for name in ("metadata", "extra"):
            assert read[name] == (None if made[name] is None else json.loads(made[name]))


def test_an_empty_table_is_an_empty_file(tmp_path: Path) -> None:
    assert write(tmp_path / "audit.jsonl", page()) == b""
