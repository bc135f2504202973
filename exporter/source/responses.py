"""Every response as received, in one WARC file (WARC 1.1, ISO 28500).

Each record is a gzip member of its own, so the file of a run that was killed can be read up to its last whole
record. The key, and cookies that the platform sets, are replaced before anything is written; a transfer
coding is removed; everything else is as received.
"""

import io
import logging
import os
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import IO, Self

import httpx
from isal import igzip, isal_zlib
from isal.igzip_lib import IsalError
from warcio.exceptions import ArchiveLoadFailed
from warcio.recordloader import ArcWarcRecord, ArcWarcRecordLoader
from warcio.statusandheaders import StatusAndHeaders, StatusAndHeadersParserException
from warcio.warcwriter import WARCWriter

from exporter import __version__
from exporter.errors import EchoError, SourceError, VerificationError
from exporter.facts import rfc3339
from exporter.source.bodies import ALWAYS, BOMB, GROWTH, SMALL, Payload, decoded, without_coding
from exporter.source.credentials import Key

_GZIP_LEVEL = 1
_REDACTED = "[redacted]"
_NO_RECORD = (  # as warcio raises them
    ArchiveLoadFailed,
    StatusAndHeadersParserException,
    AttributeError,
    EOFError,
    OverflowError,
    ValueError,
)
_PRIVATE_HEADERS = frozenset({"x-satusky-api-key", "set-cookie", "cookie"})
_CHUNK = 1 << 16
_AT_ONCE = 1 << 20
_HEADS = 1 << 20  # bytes of the heads of a record, its own and the answer's; httpx takes a fraction of it
_LONGEST_FORM = 32  # more than the bytes that a character takes as \\u0025 in a URL in JSON
_GZIP = isal_zlib.MAX_WBITS | 16
_MAGIC = (
    b"\x1f\x8b\x08\x00"  # deflated, and none of the flags that are never set here (RFC 1952, section 2.3.1)
)
_HOP_HEADERS = frozenset({"transfer-encoding", "connection", "keep-alive"})

# It would quote a file as it stands, and an enemy may have made that.
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


class ResponseFile:
    """A WARC file that responses are appended to, by any thread; a context manager that closes it.

    A file that is there already is one that a run which was broken off left: it is cut after its last whole
    record, and carried on.
    """

    def __init__(self, path: Path, *, key: Key, at: datetime) -> None:
        self._key = key
        self._folder = path.parent
        self._lock = threading.Lock()
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW
        self._file = os.fdopen(os.open(path, flags, 0o600), "wb", buffering=0)
        self.left, self.held = _whole(path)
        """Bytes that a run which was broken off left, and how many responses the file holds by now."""
        self.begun = _begun(path) if self.left else at
        """When the first of the runs that its responses are from began."""
        self._file.truncate(self.left)
        self._records = _writer(io.BytesIO())
        if self.left:
            return
        info = {
            "software": f"audit-export/{__version__}",
            "format": "WARC File Format 1.1",
            "description": "audit log responses",
        }
        record = self._records.create_warcinfo_record(path.name, info)
        record.rec_headers.replace_header("WARC-Date", rfc3339(at))
        self._write(record)

    @property
    def folder(self) -> Path:
        """Where the file lies, and what is too large for memory may."""
        return self._folder

    def append(self, response: httpx.Response, body: Payload, *, at: datetime) -> None:
        """Append a response with its ``body`` as received, and its request.

        Raises :class:`EchoError`, and writes nothing, when the response echoes the key.
        """
        request = response.request
        refuse_echo(response, body, self._key)
        status = f"{response.status_code} {response.reason_phrase}"
        answer = self._record(
            "response",
            str(request.url),
            StatusAndHeaders(status, _without_secrets(response.headers), protocol="HTTP/1.1"),
            body,
            at,
        )
        line = f"{request.method} {request.url.raw_path.decode()} HTTP/1.1"
        asked = self._record(
            "request",
            str(request.url),
            StatusAndHeaders(line, _without_secrets(request.headers), is_http_request=True),
            Payload.of(b""),
            at,
        )
        asked.rec_headers.add_header("WARC-Concurrent-To", answer.rec_headers.get_header("WARC-Record-ID"))
        self._write(answer, asked)
        with self._lock:
            self.held += 1

    def _record(
        self, kind: str, url: str, http_headers: StatusAndHeaders, body: Payload, at: datetime
    ) -> ArcWarcRecord:
        return self._records.create_warc_record(
            url,
            kind,
            payload=body.stream(),
            length=body.size,
            http_headers=http_headers,
            warc_headers_dict={"WARC-Date": rfc3339(at), "WARC-Payload-Digest": _digest(body)},
        )

    def _write(self, *records: ArcWarcRecord) -> None:
        """Compress records, each into a member of its own, and append them together."""
        small = [_member(record) for record in records if record.payload_length <= SMALL]
        with self._lock:
            if len(small) < len(records):
                large = (record for record in records if record.payload_length > SMALL)
                for record in large:
                    sink = _Compressed(self._put)
                    _writer(sink).write_record(record)
                    sink.close()
            self._put(b"".join(small))

    def _put(self, data: bytes) -> None:
        left = memoryview(data)
        while left:  # a file without a buffer may take less than it is given
            left = left[self._file.write(left) :]

    def close(self) -> None:
        """Bring everything to the disk and close the file."""
        if not self._file.closed:
            os.fsync(self._file.fileno())
            self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Compressed:
    """A file to write to, whose content becomes one gzip member, piece by piece."""

    def __init__(self, put: Callable[[bytes], None]) -> None:
        self._put = put
        self._gzip = isal_zlib.compressobj(_GZIP_LEVEL, isal_zlib.DEFLATED, _GZIP)

    def write(self, data: bytes) -> None:
        self._put(self._gzip.compress(data))

    def flush(self) -> None:
        """Leave it to :meth:`close`: a record is one member."""

    def close(self) -> None:
        self._put(self._gzip.flush())


def _writer(sink: "io.BytesIO | _Compressed") -> WARCWriter:
    return WARCWriter(sink, gzip=False, warc_version="1.1")


def _member(record: ArcWarcRecord) -> bytes:
    buffer = io.BytesIO()
    _writer(buffer).write_record(record)
    compressed: bytes = igzip.compress(buffer.getvalue(), _GZIP_LEVEL, mtime=0)
    return compressed


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


def refuse_echo(response: httpx.Response, body: Payload, key: Key) -> None:
    """Raise :class:`EchoError` when a response, its ``body`` as received, holds the key anywhere."""
    head = [response.reason_phrase, *(text for pair in response.headers.multi_items() for text in pair)]
    coding = response.headers.get("content-encoding", "")
    found = key.is_in("\n".join(head).encode()) or _echoes(body.chunks(), key)
    if coding and not found:
        with suppress(SourceError):
            found = _echoes(decoded(body.chunks(), coding), key)
    if found:
        raise EchoError(
            "The platform's answer contains the API key, so it was not stored.",
            "Revoke this key, and report the answer to the platform.",
        )


def _echoes(chunks: Iterator[bytes], key: Key) -> bool:
    """Look for the key in each piece together with the end of the one before."""
    reach = _LONGEST_FORM * len(key.reveal())
    before = b""
    for chunk in chunks:
        window = before + chunk
        if key.is_in(window):
            return True
        before = window[-reach:]
    return False


def _whole(path: Path) -> tuple[int, int]:
    """Return how long a file is up to the end of its last whole record, and how many responses that holds.

    A crash may damage what follows.
    """
    end = held = 0
    with suppress(VerificationError, *_NO_RECORD):
        for offset, size, member in _members(path):
            held += _read_record(member, offset) is not None
            end = offset + size
    return end, held


def _begun(path: Path) -> datetime:
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
            member, size = isal_zlib.decompressobj(_GZIP), 0
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
    if record.rec_headers.get_header("WARC-Payload-Digest", _digest(body)) != _digest(body):
        raise ValueError("a body has another digest than its record says")
    return Recorded(
        url=record.rec_headers.get_header("WARC-Target-URI"),
        status=int(record.http_headers.get_statuscode()),
        payload=body,
        coding=_joined(record.http_headers, "content-encoding"),
        at=at,
    )


def _digest(body: Payload) -> str:
    return f"sha256:{body.sha256}"


def _joined(headers: StatusAndHeaders, name: str) -> str:
    """Return a header as the client reads it, on however many lines it stands (RFC 9110, section 5.2)."""
    return ", ".join(value for found, value in headers.headers if found.lower() == name)


def _damaged(path: Path, offset: int, error: object) -> VerificationError:
    return VerificationError(
        f"{path.name} is damaged in the record at byte {offset:,} ({error}).",
        "Fetch it again, or take the file from a copy.",
    )


def _without_secrets(headers: httpx.Headers) -> list[tuple[str, str]]:
    return [
        (name, _REDACTED if name.lower() in _PRIVATE_HEADERS else value)
        for name, value in headers.multi_items()
        if name.lower() not in _HOP_HEADERS
    ]
