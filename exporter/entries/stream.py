"""A list response of any size, taken apart as it comes in: chunks of bytes go in, whole entries come out.

The list's elements are cut out where they stand; what is left, the envelope, is small and read at the end by
:func:`~exporter.entries.envelope.parse_list`, so that both ways understand the same bodies. An element's end
is first guessed, where one object seems to follow another, and the guess is held against the decoder, which
accepts it only if it is right; where guessing fails, the last end that is there is looked for token by token.
"""

import re

import msgspec

from exporter.entries.envelope import ENTRY_KEYS, SEVERAL, UNREADABLE, Body, not_a_list, parse_list
from exporter.errors import SourceError

_ENOUGH = 1 << 18  # bytes to gather before they are taken apart
_BETWEEN = (b"},\n{", b"}, {", b"},{")  # what also stands inside entries comes last
_GUESSES = 8  # of each kind, before tokens are read
_ENVELOPE_MAX = 16 << 20  # bytes
_LONG = 1_000  # bytes of a string that is no longer read: no key to a list is as long
_BLANK = b" \t\r\n"
_TOKEN = re.compile(rb'[ \t\r\n]+|"(?:[^"\\]++|\\.)*+"|[\[\]{}:,]|[^ \t\r\n"\[\]{}:,]+', re.DOTALL)

_string = msgspec.json.Decoder(str)


class Splitter:
    """Takes one body apart. Every method raises :class:`SourceError` where the body is no list."""

    def __init__(self) -> None:
        self._buffer = b""
        self._at = 0
        self._waiting: list[bytes] = []
        self._size = 0
        self._envelope = bytearray()
        self._path: list[str | None] = []
        self._word = ""
        self._inside = False
        self._after = b"["
        self._enough = _ENOUGH
        self._lists = 0

    def feed(self, chunk: bytes) -> list[msgspec.Raw]:
        """Take the next bytes of the body; return the entries that are whole by now."""
        self._waiting.append(chunk)
        self._size += len(chunk)
        return self._split() if self._size >= self._enough else []

    def finish(self) -> tuple[list[msgspec.Raw], Body]:
        """Return the last entries, and the envelope; ``entries`` of the latter mean nothing."""
        last = self._split()
        self._envelope += self._buffer[self._at :]
        if self._inside:
            raise not_a_list("the list has no end")
        body = parse_list(bytes(self._envelope))
        chosen = [str(self._lists).encode()] if self._lists else []
        if self._lists > 1 or [bytes(mark) for mark in body.entries] != chosen:
            raise not_a_list(SEVERAL)
        return last, body

    def _split(self) -> list[msgspec.Raw]:
        entries: list[msgspec.Raw] = []
        self._buffer = b"".join((self._buffer[self._at :], *self._waiting))
        self._at, self._enough = 0, _ENOUGH
        self._waiting.clear()
        try:
            while self._step(entries):
                pass
        except UNREADABLE as error:
            raise not_a_list(error) from error
        self._size = len(self._buffer) - self._at
        if self._size >= self._enough:  # nothing that long has an end yet: wait for as much again
            self._enough = 2 * self._size
        return entries

    def _step(self, entries: list[msgspec.Raw]) -> bool:
        """Go on as far as the bytes allow; whether that changed anything."""
        if not self._inside:
            return self._read_envelope()
        return self._guess(entries) or self._read_elements(entries)

    def _guess(self, entries: list[msgspec.Raw]) -> bool:
        """Try to cut where one object seems to follow another, from the end of what is there backwards."""
        for mark in _BETWEEN:
            end = len(self._buffer)
            for _ in range(_GUESSES):
                end = self._buffer.rfind(mark, self._at, end)
                if end < 0:
                    break
                try:
                    entries += parse_list(b"[%b]" % self._buffer[self._at : end + 1]).entries
                except SourceError:
                    continue
                self._at = end + len(b"},")
                self._count(b",")
                return True
        return False

    def _read_elements(self, entries: list[msgspec.Raw]) -> bool:
        """Read, token by token, up to the last comma between elements, or the end of the list."""
        depth, end = 0, self._at
        following: re.Match[bytes] | None = None
        for token in _TOKEN.finditer(self._buffer, self._at):
            if token.start() != end:  # a string that has not ended yet
                break
            end = token.end()
            first = token[0][:1]
            if depth == 0 and first in b",]":
                following = token
                if first == b"]":
                    break
            depth += (first in b"[{") - (first in b"]}")
        if following is None:
            return False
        self._take(entries, self._buffer[self._at : following.start()], following[0])
        self._at = following.end()
        return True

    def _take(self, entries: list[msgspec.Raw], elements: bytes, following: bytes) -> None:
        if elements.strip(_BLANK):
            entries += parse_list(b"[%b]" % elements).entries
            self._count(following)
        elif following == b"," or self._after == b",":
            raise msgspec.DecodeError("an element is missing from the list")
        if following == b"]":
            self._inside = False
            self._envelope += b"]"

    def _count(self, after: bytes) -> None:
        """Mark in the envelope the list that entries came from."""
        if self._envelope.endswith(b"["):
            self._lists += 1
            self._envelope += str(self._lists).encode()
        self._after = after

    def _read_envelope(self) -> bool:
        """Move tokens into the envelope, up to a list that may be the one of the entries."""
        end = self._at
        for token in _TOKEN.finditer(self._buffer, self._at):
            if token.start() != end:
                break
            end = token.end()
            if token[0] == b"[" and self._may_hold_entries():
                self._inside, self._after = True, b"["
                break
            self._follow(token[0])
        self._envelope += self._buffer[self._at : end]
        self._at = end
        if len(self._envelope) + len(self._buffer) - end > _ENVELOPE_MAX and not self._inside:
            raise msgspec.DecodeError("it goes on without a list")
        return self._inside

    def _may_hold_entries(self) -> bool:
        match self._path:
            case []:
                return True
            case [key] | ["data", key]:
                return key in ENTRY_KEYS
            case _:
                return False

    def _follow(self, token: bytes) -> None:
        """Keep track of where in the envelope a token is: the key that led into each open object."""
        match token[:1]:
            case b'"':
                self._word = _word(token) if len(token) < _LONG else ""
            case b":" if self._path:
                self._path[-1] = self._word
            case b"{" | b"[":
                self._path.append(None)
            case b"}" | b"]" if self._path:
                self._path.pop()


def _word(token: bytes) -> str:
    """Read a string of the envelope; empty for what is no text, which the key to a list cannot be."""
    try:
        return _string.decode(token)
    except UNREADABLE:
        return ""
