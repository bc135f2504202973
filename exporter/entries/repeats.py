"""Keys that stand twice in one object, which JSON allows (RFC 8259, section 4) and most readers overlook."""

import json
from typing import Any


class _Members(list[tuple[str, Any]]):
    """The members of an object, in the order received."""

    @property
    def repeats(self) -> bool:
        return len({name for name, _ in self}) < len(self)


def gives_twice(entry: bytes) -> bool:
    """Tell whether an entry gives a key twice where its values are taken apart.

    These are the entry itself, ``user``, ``resource``, ``changes`` and each change. Elsewhere JSON is kept as
    the text it is, both members included. Raises what reading JSON raises.
    """
    text = entry.decode()
    read = json.loads(text, object_pairs_hook=_Members, parse_int=str, parse_float=str, parse_constant=str)
    return any(members.repeats for members in _taken_apart(read))


def _taken_apart(entry: object) -> list[_Members]:
    if not isinstance(entry, _Members):
        return []
    found = [entry]
    for name, value in entry:
        if name in ("user", "resource", "changes") and isinstance(value, _Members):
            found.append(value)
        if name == "changes":
            inner = [member for _, member in value] if isinstance(value, _Members) else value
            found += [one for one in inner if isinstance(one, _Members)] if isinstance(inner, list) else []
    return found
