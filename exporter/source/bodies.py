"""The body of one response: in memory where it is small, else in a file without a name."""

import hashlib
import io
import shutil
import tempfile
import weakref
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import IO

import httpx

from exporter.errors import OutputError, SourceError

SMALL = 8 << 20
"""Bytes up to which a body is held in memory."""

LEFT_FREE = 64 << 20
"""Bytes that are left free on the disk, however large a body is."""

ALWAYS, GROWTH = 64 << 20, 200
"""Bytes that coded content may always have, and how much larger than its coded form more may be.

Pages of entries compress to a tenth or so; what grows a thousandfold was made to fill memory.
"""

BOMB = f"it grows to more than {GROWTH} times its size"

_CHUNK = 1 << 18  # bytes that are read from the file at a time
_PIECE = 1 << 16  # bytes of coded content, after each of which its growth is judged


class Payload:
    """A body in the making, then read as often as need be. A large one lies in ``folder``."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._memory = bytearray()
        self._file: IO[bytes] | None = None
        self._hash = hashlib.sha256()
        self._looked = 0
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

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Payload) and self._digest() == other._digest()

    def __hash__(self) -> int:
        return hash(self._digest())

    def _digest(self) -> tuple[int, str]:
        return self.size, self.sha256

    def write(self, chunk: bytes) -> None:
        """Append bytes; raises ``OutputError`` where they would take room that is to be left free."""
        self.size += len(chunk)
        self._hash.update(chunk)
        if self.size <= SMALL:
            self._memory += chunk
            return
        if self._file is None:
            self._file = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115 - it lives as long as this does
            weakref.finalize(self, self._file.close)
            self._file.write(self._memory)
            self._memory = bytearray()
        self._file.write(chunk)
        if self.size - self._looked > SMALL:
            self._looked = self.size
            _refuse_without_room(self._folder)

    def whole(self) -> bytes:
        """Return all of it, which takes the memory it takes."""
        return bytes(self._memory) if self._file is None else b"".join(self.chunks())

    def chunks(self) -> Iterator[bytes]:
        """Yield it from its beginning, in pieces of bounded size."""
        if self._file is None:
            yield bytes(self._memory)
            return
        stream = self.stream()
        while chunk := stream.read(_CHUNK):
            yield chunk

    def stream(self) -> IO[bytes]:
        """Return it as a file to read and seek, at its beginning."""
        if self._file is None:
            return io.BytesIO(self._memory)
        self._file.seek(0)
        return self._file

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
    read = 0

    def coded() -> Iterator[bytes]:
        nonlocal read
        for chunk in chunks:
            for at in range(0, len(chunk), _PIECE):
                piece = chunk[at : at + _PIECE]
                read += len(piece)
                yield piece

    response = httpx.Response(httpx.codes.OK, headers={"content-encoding": coding}, content=coded())
    left = ALWAYS
    try:
        with closing(response):
            for part in response.iter_bytes():
                left -= len(part)
                _refuse_growth(left + GROWTH * read)
                yield part
    except httpx.DecodingError as error:
        raise SourceError(
            f"The platform's answer cannot be decompressed ({error}).",
            "Check whether a proxy alters it; answers without compression were asked for.",
        ) from error


def _refuse_without_room(folder: Path | None) -> None:
    place = folder or Path(tempfile.gettempdir())
    if shutil.disk_usage(place).free < LEFT_FREE:
        raise OutputError(
            f"An answer of the platform is too large for the disk that holds {place}.",
            "Make room, or see whether the platform's answers have an end.",
        )


def _refuse_growth(left: int) -> None:
    if left < 0:
        raise httpx.DecodingError(BOMB)
