"""Two readings of one entry, and whether they are the same, whatever bytes they came as.

Rows are compared as parsed values (not their ``source_sha256``, which names the bytes): the order of members
in an object and white space between tokens do not count, the text of a number does.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

_JSON_COLUMNS = ("metadata", "extra")
_BYTES = "source_sha256"

_object = msgspec.json.Decoder(dict[str, msgspec.Raw])
_array = msgspec.json.Decoder(list[msgspec.Raw])
_string = msgspec.json.Decoder(str)


def same_content(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Tell whether two rows of the table, as Python values by column, hold the same content."""
    return content_of(one) == content_of(other)


def content_of(row: Mapping[str, Any]) -> str:
    """Return what stands for the content of a row: the same text, the same content."""
    content = {name: value for name, value in row.items() if name != _BYTES}
    for name in _JSON_COLUMNS:
        content[name] = _parsed(row[name])
    if row["changes"] is not None:
        content["changes"] = sorted(
            (change["field"], repr(_parsed(change["old"])), repr(_parsed(change["new"])))
            for change in row["changes"]
        )
    return repr(content)


def _parsed(text: str | None) -> Any:  # noqa: ANN401 - a value from JSON
    """Read JSON text, numbers kept as the text they are, members sorted; what cannot be read stays text."""
    if text is None:
        return None
    try:
        match text[:1]:
            case "{":
                members = _object.decode(text)
                return {name: _parsed(bytes(members[name]).decode()) for name in sorted(members)}
            case "[":
                return [_parsed(bytes(item).decode()) for item in _array.decode(text)]
            case '"':
                return ("string", _string.decode(text))
            case _:
                return text
    except (msgspec.MsgspecError, RecursionError):
        return text
