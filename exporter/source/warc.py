"""The file of responses, read back up to its last whole record, whoever wrote it.

An attacker may have: so a gzip member may grow to a multiple of its size only, heads are bounded, and a body
has to have the digest that its record states.
"""

import logging
from collections.abc import Generator, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import IO

from isal import isal_zlib
from isal.igzip_lib import IsalError
from warcio.exceptions import ArchiveLoadFailed
from warcio.recordloader import ArcWarcRecordLoader
from warcio.statusandheaders import StatusAndHeaders, StatusAndHeadersParserException

from exporter.errors import VerificationError
from exporter.source.bodies import ALWAYS, BOMB, GROWTH, SMALL, Payload, without_coding

GZIP = isal_zlib.MAX_WBITS | 16
"""What tells zlib that a stream is gzip."""

_NO_RECORD = (  # as warcio raises them
    ArchiveLoadFailed,
    StatusAndHeadersParserException,
    AttributeError,
    EOFError,
    OverflowError,
    ValueError,
)
_CHUNK = 1 << 16
_AT_ONCE = 1 << 20
_HEADS = 1 << 20  # bytes of the heads of a record, its own and the answer's; httpx takes a fraction of it
_MAGIC = (
    b"\x1f\x8b\x08\x00"  # deflated, and none of the flags that are never set here (RFC 1952, section 2.3.1)
)

# It would quote a file as it stands, and an attacker may have made that.
logging.getLogger("warcio").setLevel(logging.CRITICAL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """A response as it stands in the file."""

    url: str
    """Where it came from, query included."""

    status: int
    """HTTP status code."""

    payload: Payload
    """The body as received, less a transfer coding."""

    coding: str = ""
    """Its content coding (``Content-Encoding``); none was asked for."""

    at: int = 0
    """Where its record begins in the file, in bytes."""

    @property
    def body(self) -> bytes:
        """The body as received, all of it in memory."""
        return self.payload.whole()

    @property
    def content(self) -> bytes:
        """The body without its content coding. Raises :class:`SourceError` where it cannot be undone."""
        return without_coding(self.body, self.coding)


def read_responses(path: Path) -> Iterator[Recorded]:
    """Yield the responses of a WARC file in the order they were received, up to its last whole record.

    Raises :class:`VerificationError` for damage that the end of a run does not explain.
    """
    for offset, _, member in _members(path):
        try:
            recorded = _read_record(member, offset)
        except _NO_RECORD as error:
            raise _damaged(path, offset, error) from error
        if recorded is not None:
            yield recorded


def read_response(path: Path, at: int) -> Recorded:
    """Return the response whose record begins at byte ``at``, as :func:`read_responses` gave it.

    Raises :class:`VerificationError` where there is none.
    """
    recorded = next((_read_record(member, offset) for offset, _, member in _members(path, at)), None)
    if recorded is None:
        raise _damaged(path, at, ValueError("there is no response"))
    return recorded


def digest_of(body: Payload) -> str:
    """Write the digest of a body as ``WARC-Payload-Digest`` has it."""
    return f"sha256:{body.sha256}"


def extent(path: Path) -> tuple[int, int]:
    """Return how long a file is up to the end of its last whole record, and how many responses that holds.

    A crash may damage what follows.
    """
    end = held = 0
    with suppress(VerificationError, *_NO_RECORD):
        for offset, size, member in _members(path):
            held += _read_record(member, offset) is not None
            end = offset + size
    return end, held


def begun(path: Path) -> datetime:
    """Return when a file was begun, as its first record has it."""
    with closing(_members(path)) as members:
        *_, member = next(members)
        record = ArcWarcRecordLoader(arc2warc=False).parse_record_stream(member, known_format="warc")
        return datetime.fromisoformat(record.rec_headers.get_header("WARC-Date"))


def _members(path: Path, start: int = 0) -> Generator[tuple[int, int, IO[bytes]], None, None]:
    """Yield each whole gzip member from byte ``start`` on: where it begins, its length there, its content."""
    offset = start
    with path.open("rb") as file:
        file.seek(start)
        left = b""
        while left or (left := file.read(_CHUNK)):
            if not _MAGIC.startswith(left[: len(_MAGIC)]):
                raise _damaged(path, offset, ValueError("no gzip member begins there"))
            member, size = isal_zlib.decompressobj(GZIP), 0
            with SpooledTemporaryFile(max_size=SMALL) as content:
                while not member.eof:
                    left = left or file.read(_CHUNK)
                    try:
                        part = member.decompress(left, _AT_ONCE)
                    except IsalError as error:  # type: ignore[misc]  # isal's stub says it is an instance
                        raise _damaged(path, offset, error) from error
                    if not left and not part:
                        return
                    content.write(part)
                    rest = member.unused_data or member.unconsumed_tail
                    size, left = size + len(left) - len(rest), rest
                    if content.tell() > ALWAYS + GROWTH * size:
                        raise _damaged(path, offset, BOMB)
                content.seek(0)
                yield offset, size, content
            offset += size


class _Headed:
    """The content of a member, where warcio reads lines: its heads, and these are as they are written here.

    Of many lines warcio makes more than memory holds, and to join folded ones takes it hours.
    """

    def __init__(self, content: IO[bytes]) -> None:
        self._content = content
        self._left = _HEADS

    def readline(self, most: int = _HEADS) -> bytes:
        line = self._content.readline(min(most, self._left))
        self._left -= len(line)
        if not self._left:
            raise ValueError(f"its head is longer than {_HEADS:,} bytes")
        if line.startswith((b" ", b"\t")):
            raise ValueError("a line of its head is folded")
        return line

    def read(self, most: int) -> bytes:
        return self._content.read(most)

    def tell(self) -> int:
        return self._content.tell()


def _read_record(member: IO[bytes], at: int) -> Recorded | None:
    """Read the one record of a gzip member; ``None`` where it is no response."""
    record = ArcWarcRecordLoader(arc2warc=False).parse_record_stream(_Headed(member), known_format="warc")
    body = Payload()
    while chunk := record.raw_stream.read(_AT_ONCE):
        body.write(chunk)
    if member.read() != b"\r\n\r\n":
        raise ValueError("a record is not as long as it says")
    if record.rec_type != "response":
        return None
    if record.http_headers is None:
        raise ValueError("a response has no status")
    if record.rec_headers.get_header("WARC-Payload-Digest", digest_of(body)) != digest_of(body):
        raise ValueError("a body has another digest than its record says")
    return Recorded(
        url=record.rec_headers.get_header("WARC-Target-URI"),
        status=int(record.http_headers.get_statuscode()),
        payload=body,
        coding=_joined(record.http_headers, "content-encoding"),
        at=at,
    )


def _joined(headers: StatusAndHeaders, name: str) -> str:
    """Return a header as the client reads it, on however many lines it stands (RFC 9110, section 5.2)."""
    return ", ".join(value for found, value in headers.headers if found.lower() == name)


def _damaged(path: Path, offset: int, error: object) -> VerificationError:
    return VerificationError(
        f"{path.name} is damaged in the record at byte {offset:,} ({error}).",
        "Fetch it again, or take the file from a copy.",
    )
