"""The members of JSON objects as columns, and how long the objects are when they are written again.

Objects are read a member at a time, all of them at once. What is given back holds what was read; ``sizes``
holds how many bytes it takes to write just that, without white space and without an escape. An object that
came as exactly as many bytes lost nothing: a key that stands twice, an escape in a text and white space
between tokens make the bytes longer, and nothing makes them shorter. What stays JSON counts as it came, and
only the white space between its tokens is left out. What may be nested too deeply counts as nothing.
"""

from collections.abc import Sequence
from functools import reduce
from itertools import chain

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
from msgspec import UNSET, Raw, UnsetType

from exporter.entries.changes import compact
from exporter.entries.depth import LEVELS, is_too_deep
from exporter.entries.literals import ends, flag, flags, number, numbers, strings, text
from exporter.entries.schema import CHANGES

Text = str | UnsetType | None
"""A text, null, or not given."""

ABSENT = Raw()
"""JSON that is not given."""

_SURE = LEVELS - len("{{{")  # levels that JSON may have wherever in an entry it stands
_LONG = len("[]") * _SURE
_SPACES = (b" ", b"\t", b"\r", b"\n")
_SPACE = r"[ \t\r\n]"
_NO_PAIRS: dict[str, "Pair"] = {}


class Pair(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """A change as the public client reads it: from what to what."""

    old: Raw = ABSENT
    new: Raw = ABSENT


Pairs = dict[str, Pair] | UnsetType | None
"""Changes by field, null, or not given."""


class Members:
    """The members of ``count`` objects; of one that has none at all, the size is too small by one byte."""

    def __init__(self, count: int) -> None:
        self._same = len("{}") - len(",")
        self._varying = [numbers([0] * count)]

    @property
    def sizes(self) -> pa.Array:
        """How many bytes it takes to write what was read of each object."""
        return pc.add(reduce(pc.add, self._varying), number(self._same))

    def text(self, name: str, cells: Sequence[Text]) -> pa.StringArray:
        """Return a column of text; what is null or not given is null."""
        if not any(cells) and cells.count(UNSET) == len(cells):
            return pa.nulls(len(cells), pa.string())
        given = None
        try:
            texts = pa.array(cells, pa.string())
        except pa.ArrowTypeError:  # not every object has it
            given = flags([cell is not UNSET for cell in cells])
            texts = pa.array([None if cell is UNSET else cell for cell in cells], pa.string())
        sizes = pc.binary_length(texts)
        if texts.null_count:
            sizes = pc.fill_null(sizes, number(len("null") - len('""')))
        self._count(f'"{name}":"",', sizes, given)
        return texts

    def json(self, name: str, cells: Sequence[Raw]) -> pa.StringArray:
        """Return a column of JSON without white space between its tokens; what is not given is null."""
        content = b"".join(cells)
        lengths = list(map(len, cells))
        sizes = numbers(lengths)
        texts = strings(content, sizes)
        if max(lengths, default=0) > _LONG:
            sizes = numbers(
                [0 if is_too_deep(cell, levels=_SURE) else len(cell) for cell in map(bytes, cells)]
            )
        given = pc.greater(sizes, number(0))
        if given.false_count:
            texts = pc.if_else(given, texts, text(None))
        self._count(f'"{name}":,', sizes, given)
        return _compacted(texts) if any(space in content for space in _SPACES) else texts

    def object(self, name: str, sizes: pa.Array, cells: Sequence[object]) -> pa.BooleanArray:
        """Count objects of these ``sizes``; tell of each of the ``cells`` whether it is null or not given.

        The size of what is null or not given is overlooked.
        """
        absent = flags([cell is None or cell is UNSET for cell in cells])
        given = None
        if absent.true_count:
            sizes = pc.if_else(absent, number(len("null")), sizes)
            given = flags([cell is not UNSET for cell in cells])
        self._count(f'"{name}":,', sizes, given)
        return absent

    def pairs(self, name: str, cells: Sequence[Pairs]) -> pa.ListArray:
        """Return a column of changes; what is null or not given is null."""
        objects = [cell or _NO_PAIRS for cell in cells]
        pairs = list(chain.from_iterable(map(dict.values, objects)))
        members = Members(len(pairs))
        columns = [
            pa.array(list(chain.from_iterable(objects)), pa.string()),
            members.json("old", [pair.old for pair in pairs]),
            members.json("new", [pair.new for pair in pairs]),
        ]
        places = ends(numbers(list(map(len, objects))))
        sizes = pc.add(pc.add(pc.binary_length(columns[0]), members.sizes), number(len('"":,')))
        whole = pc.add(_sums(sizes, places), number(len("{}") - len(",")))
        absent = self.object(name, pc.max_element_wise(whole, number(len("{}"))), cells)
        changes = pa.StructArray.from_arrays(columns, fields=list(CHANGES.value_type))
        return pa.ListArray.from_arrays(places, changes, type=CHANGES, mask=absent)

    def _count(self, around: str, sizes: pa.Array, given: pa.BooleanArray | None) -> None:
        if given is None or not given.false_count:
            self._same += len(around)
            self._varying.append(sizes)
        else:
            self._varying.append(pc.if_else(given, pc.add(sizes, number(len(around))), number(0)))


def _sums(values: pa.Int32Array, places: pa.Int32Array) -> pa.Int32Array:
    """Return the sums of the ``values`` between each place and the next."""
    sums = ends(values).take(places)
    return pc.subtract(sums[1:], sums[:-1])


def _compacted(texts: pa.StringArray) -> pa.StringArray:
    spaced = pc.fill_null(pc.match_substring_regex(texts, _SPACE), flag(False))
    compacted = [compact(text.encode()) for text in texts.filter(spaced).to_pylist()]
    return pc.replace_with_mask(texts, spaced, pa.array(compacted, pa.string()))
