"""The ``changes`` of an entry: which field went from what to what.

Accepted, freely mixed: ``{"replicas": {"old": 1, "new": 2}}``, ``{"replicas": {"from": 1, "to": 2}}``,
``{"replicas": [1, 2]}``, ``{"replicas": 2}`` (the new value only) and
``[{"field": "replicas", "old": 1, "new": 2}]``. Values stay JSON text, so that numbers keep every digit.
"""

import msgspec

Change = dict[str, str | None]
"""One changed field: ``field``, and ``old`` and ``new`` as JSON text or ``None`` where not given."""

_PAIRS = (("old", "new"), ("from", "to"))

_object = msgspec.json.Decoder(dict[str, msgspec.Raw])
_array = msgspec.json.Decoder(list[msgspec.Raw])
_string = msgspec.json.Decoder(str)


def parse_changes(raw: bytes) -> list[Change] | None:
    """Read ``changes`` from its JSON text; ``None`` when it has none of the known shapes."""
    match raw[:1]:
        case b"{":
            return [_by_field(field, bytes(value)) for field, value in _object.decode(raw).items()]
        case b"[":
            return _listed(raw)
        case _:
            return None


def compact(raw: bytes) -> str:
    """JSON text without white space between its tokens; tokens themselves stay as received."""
    return msgspec.json.format(raw, indent=-1).decode()


def _by_field(field: str, raw: bytes) -> Change:
    if raw[:1] == b"{":
        value = _object.decode(raw)
        for before, after in _PAIRS:
            if value and value.keys() <= {before, after}:
                return _change(field, value.get(before), value.get(after))
    if raw[:1] == b"[":
        match _array.decode(raw):
            case [old, new]:
                return _change(field, old, new)
    return _change(field, None, raw)


def _listed(raw: bytes) -> list[Change] | None:
    changes = []
    for item in _array.decode(raw):
        if bytes(item)[:1] != b"{":
            return None
        value = _object.decode(item)
        if "field" not in value or bytes(value["field"])[:1] != b'"':
            return None
        pair = next((pair for pair in _PAIRS if value.keys() <= {"field", *pair}), None)
        if pair is None:
            return None
        changes.append(_change(_string.decode(value["field"]), value.get(pair[0]), value.get(pair[1])))
    return changes


def _change(field: str, old: bytes | msgspec.Raw | None, new: bytes | msgspec.Raw | None) -> Change:
    return {
        "field": field,
        "old": None if old is None else compact(bytes(old)),
        "new": None if new is None else compact(bytes(new)),
    }
