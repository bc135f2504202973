from typing import Any

import pytest

from exporter.entries.compare import same_content
from tests.pages import received, row


def row_of(body: str) -> dict[str, Any]:
    (made,) = received(f"[{body}]".encode()).batch.to_pylist()
    return dict(made)


ENTRY = '{{"id": "log_1", "action": "deploy", "created_at": "2026-01-02T03:04:05Z", {}}}'


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ('"metadata": {"a": 1, "b": [2, "x"]}', '"metadata": {"b":[2,"\\u0078"],"a":1}'),
        ('"changes": {"a": [1, 2], "b": 3}', '"changes": {"b": 3, "a": {"old": 1, "new": 2}}'),
        ('"changes": {"a": {"x": {"p": 1, "q": 2}}}', '"changes": {"a": {"x": {"q": 2, "p": 1}}}'),
        ('"level": "high", "n": 1', '"n": 1, "level": "high"'),
        ('"ip_address": null', '"user_agent": null'),
    ],
)
def test_the_same_content_in_other_bytes_is_the_same(one: str, other: str) -> None:
    first, second = row_of(ENTRY.format(one)), row_of(ENTRY.format(other))

    assert first["source_sha256"] != second["source_sha256"]
    assert same_content(first, second)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"action": "deploy"}, {"action": "deploy.destroy"}),
        ({"created_at": "2026-01-02T03:04:05Z"}, {"created_at": "2026-01-02T03:04:06Z"}),
        ({"metadata": {"n": 1}}, {"metadata": {"n": "1"}}),
        ({"metadata": {"n": [1, 2]}}, {"metadata": {"n": [2, 1]}}),
        ({"metadata": {}}, {"metadata": None}),
        ({"changes": []}, {"changes": None}),
        ({"changes": {"a": [1, 2]}}, {"changes": {"a": [1, 3]}}),
        ({"changes": {"a": {"old": None, "new": 2}}}, {"changes": {"a": 2}}),
        ({"level": 1}, {"level": True}),
    ],
)
def test_another_content_is_not_the_same(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert not same_content(row(**one), row(**other))


def test_numbers_are_compared_digit_by_digit() -> None:
    first, second = (row_of(ENTRY.format(f'"metadata": {{"n": {n}}}')) for n in (2**53, 2**53 + 1))

    assert not same_content(first, second)
