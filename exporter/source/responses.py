"""Every response as received, written to one WARC file (WARC 1.1, ISO 28500).

Each record is a gzip member of its own, so the file of a run that was killed can be read up to its last whole
record (:mod:`exporter.source.warc`). The key, and cookies that the platform sets, are replaced before
anything is written; a transfer coding is removed; everything else is as received.
"""

import io
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Self

import httpx
from isal import igzip, isal_zlib
from warcio.recordloader import ArcWarcRecord
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from exporter import __version__
from exporter.errors import EchoError, SourceError
from exporter.facts import rfc3339
from exporter.source.bodies import SMALL, Payload, decoded
from exporter.source.credentials import Key
from exporter.source.warc import GZIP, begun, digest_of, extent

_GZIP_LEVEL = 1
_REDACTED = "[redacted]"
_PRIVATE_HEADERS = frozenset({"x-satusky-api-key", "set-cookie", "cookie"})
_LONGEST_FORM = 32  # more than the bytes that a character takes as \\u0025 in a URL in JSON
_HOP_HEADERS = frozenset({"transfer-encoding", "connection", "keep-alive"})


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
        self.left, self.held = extent(path)
        """Bytes that a run which was broken off left, and how many responses the file holds by now."""
        self.begun = begun(path) if self.left else at
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
            warc_headers_dict={"WARC-Date": rfc3339(at), "WARC-Payload-Digest": digest_of(body)},
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
        self._gzip = isal_zlib.compressobj(_GZIP_LEVEL, isal_zlib.DEFLATED, GZIP)

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


def _without_secrets(headers: httpx.Headers) -> list[tuple[str, str]]:
    return [
        (name, _REDACTED if name.lower() in _PRIVATE_HEADERS else value)
        for name, value in headers.multi_items()
        if name.lower() not in _HOP_HEADERS
    ]
