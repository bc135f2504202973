"""Every response as received, in one WARC file (WARC 1.1, ISO 28500).

Each record is a gzip member of its own, so the file of a run that was killed can be read up to its last whole
record. The key, and cookies that the platform sets, are replaced before anything is written; a transfer
coding is removed; everything else is as received.
"""

import gzip
import hashlib
import io
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx
from warcio.archiveiterator import WARCIterator
from warcio.recordloader import ArcWarcRecord
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from exporter import __version__
from exporter.errors import SourceError
from exporter.facts import rfc3339
from exporter.source.credentials import Key

_GZIP_LEVEL = 1
_REDACTED = "[redacted]"
_PRIVATE_HEADERS = frozenset({"x-satusky-api-key", "set-cookie"})
_HOP_HEADERS = frozenset({"transfer-encoding", "connection", "keep-alive"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """A response as it stands in the file."""

    url: str
    """Where it came from, query included."""

    status: int
    """HTTP status code."""

    body: bytes
    """The body as received."""


class ResponseFile:
    """A new WARC file that responses are appended to; a context manager that closes it."""

    def __init__(self, path: Path, *, key: Key, at: datetime) -> None:
        self._lock = threading.Lock()
        self._key = key.reveal().encode()
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        self._file = os.fdopen(descriptor, "wb", buffering=0)
        self._records = WARCWriter(io.BytesIO(), gzip=False, warc_version="1.1")
        info = {
            "software": f"audit-export/{__version__}",
            "format": "WARC File Format 1.1",
            "description": "audit log responses",
        }
        record = self._records.create_warcinfo_record(path.name, info)
        record.rec_headers.replace_header("WARC-Date", rfc3339(at))
        self._write(record)

    def append(self, response: httpx.Response, *, at: datetime) -> None:
        """Append a response that has been read, and its request.

        Raises :class:`SourceError`, and writes nothing, when the response echoes the key.
        """
        request = response.request
        headers = _without_secrets(response.headers)
        if self._key in response.content or any(self._key in value.encode() for _, value in headers):
            raise SourceError(
                "The platform's answer contains the API key, so it was not stored.",
                "Revoke this key, and report the answer to the platform.",
            )
        status = f"{response.status_code} {response.reason_phrase}"
        answer = self._record(
            "response",
            str(request.url),
            StatusAndHeaders(status, headers, protocol="HTTP/1.1"),
            response.content,
            at,
        )
        line = f"{request.method} {request.url.raw_path.decode()} HTTP/1.1"
        asked = self._record(
            "request",
            str(request.url),
            StatusAndHeaders(line, _without_secrets(request.headers), is_http_request=True),
            b"",
            at,
        )
        asked.rec_headers.add_header("WARC-Concurrent-To", answer.rec_headers.get_header("WARC-Record-ID"))
        with self._lock:
            self._write(answer)
            self._write(asked)

    def _record(
        self, kind: str, url: str, http_headers: StatusAndHeaders, body: bytes, at: datetime
    ) -> ArcWarcRecord:
        digest = hashlib.sha256(body).hexdigest()
        return self._records.create_warc_record(
            url,
            kind,
            payload=io.BytesIO(body),
            length=len(body),
            http_headers=http_headers,
            warc_headers_dict={"WARC-Date": rfc3339(at), "WARC-Payload-Digest": f"sha256:{digest}"},
        )

    def _write(self, record: ArcWarcRecord) -> None:
        buffer = self._records.out = io.BytesIO()
        self._records.write_record(record)
        self._file.write(gzip.compress(buffer.getvalue(), compresslevel=_GZIP_LEVEL, mtime=0))

    def close(self) -> None:
        """Bring everything to the disk and close the file."""
        if not self._file.closed:
            os.fsync(self._file.fileno())
            self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def read_responses(path: Path) -> Iterator[Recorded]:
    """Yield the responses of a WARC file in the order they were received."""
    with path.open("rb") as file:
        for record in WARCIterator(file):
            if record.rec_type == "response":
                yield Recorded(
                    url=record.rec_headers.get_header("WARC-Target-URI"),
                    status=int(record.http_headers.get_statuscode()),
                    body=record.content_stream().read(),
                )


def _without_secrets(headers: httpx.Headers) -> list[tuple[str, str]]:
    return [
        (name, _REDACTED if name.lower() in _PRIVATE_HEADERS else value)
        for name, value in headers.multi_items()
        if name.lower() not in _HOP_HEADERS
    ]
