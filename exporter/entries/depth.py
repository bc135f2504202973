"""How deep JSON may be nested: a limit of our own, where Python's depends on the stack of whoever reads.

An entry of more than :data:`LEVELS` arrays and objects inside one another cannot be a row (RFC 8259, section
9, allows such limits). That it came does not spoil the list it stands in: whether a body is JSON is found out
at any depth, some levels at a time.
"""

import re

import msgspec

LEVELS = 200
"""Arrays and objects that may stand inside one another in an entry, itself included."""

_AROUND = len("{{[")  # what stands around an entry in a list response, at most
_AT_ONCE = LEVELS + _AROUND
_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+"?+|[\[\]{}]', re.DOTALL)

_value = msgspec.json.Decoder(msgspec.Raw)


def is_too_deep(value: bytes, *, levels: int = LEVELS) -> bool:
    """Tell whether JSON is nested more than so many levels deep."""
    if value.count(b"[") + value.count(b"{") <= levels:
        return False
    depth = 0
    for token in _TOKEN.finditer(value):
        first = token[0][:1]
        depth += (first in b"[{") - (first in b"]}")
        if depth > levels:
            return True
    return False


def without_depths(body: bytes) -> bytes:
    """Return a list response with an empty array, as long, for whatever is too deep in it for any entry.

    Raises :class:`msgspec.DecodeError` where what is replaced is no JSON, or has no end.
    """
    shallow = bytearray(body)
    layers = [bytearray()]
    depth = start = done = 0
    for token in _TOKEN.finditer(body):
        first = token[0][:1]
        if first in b"[{":
            if depth > 0 and depth % _AT_ONCE == 0:
                layers[-1] += body[done : token.start()]
                layers.append(bytearray())
                done = token.start()
                start = done if depth == _AT_ONCE else start
            depth += 1
        elif first in b"]}":
            depth -= 1
            if depth > 0 and depth % _AT_ONCE == 0:
                _value.decode(layers.pop() + body[done : token.end()])
                layers[-1] += b"[]"
                done = token.end()
                if depth == _AT_ONCE:
                    shallow[start:done] = b"[%b]" % (b" " * (done - start - len("[]")))
    if len(layers) > 1:
        raise msgspec.DecodeError("what is nested deepest in it has no end")
    return bytes(shallow)
