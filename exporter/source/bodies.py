"""The body of one response: in memory where it is small, else in a file that has no name and leaves no trace."""

import hashlib
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import IO

import httpx

from exporter.errors import SourceError

SMALL = 8 << 20
"""Bytes up to which a body is held in memory."""

_CHUNK = 1 << 18


class Payload:
    """A body in the making, then read as often as need be. A large one lies in ``folder``."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._memory = bytearray()
        self._file: IO[bytes] | None = None
        self._hash = hashlib.sha256()
        self.size = 0
        """Bytes so far."""

    @classmethod
    def of(cls, content: bytes) -> "Payload":
        """Make one of bytes that are there already."""
        payload = cls()
        payload.size, payload._memory = len(content), bytearray(content)
        payload._hash.update(content)
        return payload

    @property
    def is_large(self) -> bool:
        """Whether it lies in a file."""
        return self._file is not None

    @property
    def sha256(self) -> str:
        """Digest of what is there so far, 64 hexadecimal digits."""
        return self._hash.hexdigest()

    def write(self, chunk: bytes) -> None:
        """Append bytes."""
        self.size += len(chunk)
        self._hash.update(chunk)
        if self._file is None and self.size <= SMALL:
            self._memory += chunk
            return
        if self._file is None:
            self._file = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115 - it lives as long as this does
            self._file.write(self._memory)
            self._memory = bytearray()
        self._file.write(chunk)

    def whole(self) -> bytes:
        """Return all of it, which takes the memory it takes."""
        return bytes(self._memory) if self._file is None else b"".join(self.chunks())

    def chunks(self) -> Iterator[bytes]:
        """Yield it from its beginning, in pieces of bounded size."""
        if self._file is None:
            yield bytes(self._memory)
            return
        self._file.flush()
        self._file.seek(0)
        while chunk := self._file.read(_CHUNK):
            yield chunk

    def close(self) -> None:
        """Give back what it takes."""
        if self._file is not None:
            self._file.close()


def without_coding(body: bytes, coding: str) -> bytes:
    """Undo a content coding (RFC 9110 section 8.4); an unknown one is left as it is.

    Raises :class:`SourceError` where the body is not so coded.
    """
    return b"".join(decoded(iter([body]), coding)) if coding else body


def decoded(chunks: Iterator[bytes], coding: str) -> Iterator[bytes]:
    """Undo a content coding piece by piece, as :func:`without_coding` does."""
    if not coding:
        yield from chunks
        return
    coded = httpx.Response(httpx.codes.OK, headers={"content-encoding": coding}, content=chunks)
    try:
        with closing(coded):
            yield from coded.iter_bytes(_CHUNK)
    except httpx.DecodingError as error:
        raise SourceError(
            f"The platform's answer cannot be decompressed ({error}).",
            "Check whether a proxy alters it; answers without compression were asked for.",
        ) from error
