"""One HTTP client that never gives the key away, and never takes a failure for an answer.

Retried, within bounds (:mod:`exporter.source.retries`): connection errors, time-outs, 429 and 5xx
(``Retry-After`` is obeyed), and bodies that cannot be read. Final at once: 401 and 403, a certificate that is
not trusted, other errors the platform states, records that cannot be rows, since the kept responses would
have to give the same, and every redirect, since following one could send the key elsewhere. What the platform
says is shown without the key and without parts of it.
"""

import logging
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Generic, Self, TypeVar

import httpx

from exporter.errors import RecordError, SourceError, chain_of, reason_of
from exporter.source.bodies import Payload, decoded
from exporter.source.connection import Connection, Sockets, open_http, trusted
from exporter.source.credentials import Key
from exporter.source.headers import server_time
from exporter.source.pace import Pace
from exporter.source.refusals import RefusedError, is_not_accepted, not_accepted, refuse, said, shown
from exporter.source.responses import ResponseFile, refuse_echo
from exporter.source.retries import Patience, Sleep, TemporaryError, UnreachableError, UnreadableError, sleep

T = TypeVar("T")

_LONGEST = 8_000  # bytes of a request target, RFC 9110 section 4.1
_STEADY = 1 << 20  # bytes a second
_LITTLE_PATIENCE = 10.0  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer(Generic[T]):
    """A successful response."""

    content: T
    """The body, as the reader that was passed in understood it."""

    server_time: datetime | None
    """The platform's clock (``Date``, RFC 9110 section 6.6.1), where it gave one."""

    asked: float
    """When the request was sent, in seconds of this machine's monotonic clock."""

    answered: float
    """When the last byte of the answer had come, likewise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """How much an answer is wanted."""

    unwanted: threading.Event | None = None
    """Set when nobody waits for it any more: nothing more is sent then, nor waited for."""

    optional: bool = False
    """Whether it can be done without: it is tried again for ten seconds at most, and where the platform
    refuses the key for it, that says nothing of the rest."""


NEEDED = Wish()
"""So much that the run fails without it."""


class UnwantedError(SourceError):
    """Nobody waits for the answer any more, so the request was not sent."""


class _Redaction(logging.Filter):
    """Takes the key out of what the HTTP library logs, which quotes the platform."""

    def __init__(self, key: Key) -> None:
        super().__init__()
        self._key = key

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = self._key.redact(record.getMessage()), ()
        return True


class Client:
    """Sends requests with the key and keeps every response; a context manager that closes its connections.

    ``now`` is the clock that dates the kept responses. Without ``responses`` nothing is kept. No more than
    ``at_once`` requests are under way at the same time, whoever asks; what follows when an answer has come
    is not counted. After the platform has refused the key, nothing more is sent. ``sleep`` waits before a
    request that failed is tried again, for as long as the ``clock`` allows, and where requests would follow
    one another too fast.
    """

    def __init__(  # noqa: PLR0913 - clocks and sleep are passed in
        self,
        connection: Connection,
        *,
        now: Callable[[], datetime],
        responses: ResponseFile | None = None,
        at_once: int = 1,
        sleep: Sleep = sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.base_url = trusted(connection.base_url)
        self.at_once = at_once
        """Requests under way at the same time, at most."""
        self._key = connection.key
        self._timeout = connection.timeout
        self._retry_for = connection.retry_for
        self._sleep = sleep
        self._clock = clock
        self._pace = Pace(connection.rate, sleep=sleep, clock=clock)
        self._now = now
        self._responses = responses
        self._under_way = threading.Semaphore(at_once)
        self._reached = False
        self._refused: str | None = None
        self._sockets = Sockets()
        self._http = open_http(connection)
        self._redaction = _Redaction(connection.key)
        logging.getLogger("httpx").addFilter(self._redaction)

    @property
    def folder(self) -> Path | None:
        """Where what is too large for memory may lie; ``None`` for the usual place."""
        return None if self._responses is None else self._responses.folder

    def get(
        self,
        path: str,
        parameters: Mapping[str, str],
        read: Callable[[bytes], T],
        read_large: Callable[[Iterator[bytes]], T] | None = None,
        *,
        wish: Wish = NEEDED,
    ) -> Answer[T]:
        """Fetch ``path`` below the base URL and have ``read`` make sense of the body.

        ``read_large`` does so, piece by piece, with a body that is too large to be held in memory.
        ``wish`` says how much it is wanted.

        Raises :class:`AuthorizationError` on 401 and 403, :class:`NotFoundError` on 404 and
        :class:`UnwantedError` where nothing was received before it was unwanted, and :class:`SourceError` on
        everything else that is not a readable answer within the limits.
        """

        def understand(body: Payload, content: Iterator[bytes]) -> T:
            return read_large(content) if body.is_large and read_large else read(b"".join(content))

        def wait(seconds: float) -> None:
            self._sleep(seconds, wish.unwanted)

        retry_for = min(self._retry_for, _LITTLE_PATIENCE) if wish.optional else self._retry_for
        patience = Patience(retry_for, reached=self._reached, sleep=wait, clock=self._clock)
        try:
            for attempt in patience.attempts():
                with attempt:
                    return self._get_once(path, parameters, understand, patience, wish)
        except UnreachableError as error:
            raise SourceError(
                f"The platform at {self.base_url} cannot be reached ({error}).",
                "Check --api-url, the network and any proxy, then run the same command again.",
            ) from error
        except TemporaryError as error:
            raise SourceError(
                f"The platform at {self.base_url} kept answering {error}.",
                "Try again later, or give it longer with --retry-for.",
            ) from error
        except UnreadableError as error:
            raise error.reason from error
        raise AssertionError("the last attempt ends with a result or an exception")

    def hang_up(self) -> None:
        """End what is under way at once, whoever waits for it; nothing can be asked for after that."""
        self._sockets.end()

    def _get_once(
        self,
        path: str,
        parameters: Mapping[str, str],
        understand: Callable[[Payload, Iterator[bytes]], T],
        patience: Patience,
        wish: Wish,
    ) -> Answer[T]:
        with closing(Payload(self.folder)) as body:
            with self._under_way:
                self._refuse_to_send(wish)
                self._pace.wait(wish.unwanted)
                self._refuse_to_send(wish)
                patience.begin()
                asked = time.monotonic()
                try:
                    response = self._fetch(path, parameters, body)
                except UnreachableError:
                    self._refuse_to_send(wish)
                    raise
                answered = time.monotonic()
                if is_not_accepted(response) and not wish.optional:  # before the next request has the place
                    self._refused = said(response, body, self._key)
            self._reached = True
            if self._responses is None:
                refuse_echo(response, body, self._key)
            else:
                self._responses.append(response, body, at=self._now())
            refuse(response, body, self._key)
            content = decoded(body.chunks(), response.headers.get("content-encoding", ""))
            try:
                understood = understand(body, content)
            except RecordError:
                raise  # it would be no better another time
            except SourceError as error:
                # Not chained: what was read stands in the message, and a traceback would show it unredacted.
                raise UnreadableError(type(error)(shown(error.what, self._key), error.remedy)) from None
        return Answer(content=understood, server_time=server_time(response), asked=asked, answered=answered)

    def _fetch(self, path: str, parameters: Mapping[str, str], body: Payload) -> httpx.Response:
        """Return a response, having written its body as received, less the transfer coding, to ``body``."""
        request = self._request(path, parameters)
        began = time.monotonic()
        try:
            with closing(self._http.send(request, stream=True)) as response:
                for chunk in response.iter_raw():
                    body.write(chunk)
                    # The library's limit is one for each read; a body that comes steadily may take longer.
                    if time.monotonic() - began > self._timeout + body.size / _STEADY:
                        raise httpx.ReadTimeout("the body took longer than --timeout allows")
        except httpx.HTTPError as error:
            self._refuse_certificate(error)
            # Not chained, as above: a malformed answer is quoted in every link of the chain.
            raise UnreachableError(shown(reason_of(error), self._key)) from None
        except (httpx.InvalidURL, UnicodeError):  # the library looks at where a redirect leads
            raise SourceError(
                "The platform redirects to what is no address.", "Check --api-url, and what stands before it."
            ) from None
        return response

    def _request(self, path: str, parameters: Mapping[str, str]) -> httpx.Request:
        try:
            url, extensions = self.base_url + path, {"trace": self._sockets.note}
            request = self._http.build_request("GET", url, params=dict(parameters), extensions=extensions)
        except httpx.InvalidURL:  # of a length that the library does not take either
            request = None
        if request is None or len(request.url.raw_path) > _LONGEST:
            raise RefusedError(
                f"The request is longer than the {_LONGEST:,} characters that every server has to take.",
                "Give a shorter id or filter.",
            )
        return request

    def _refuse_certificate(self, error: BaseException) -> None:
        for cause in chain_of(error):
            if isinstance(cause, ssl.SSLCertVerificationError):
                raise SourceError(
                    f"The certificate of {self.base_url}, or of a proxy before it, is not trusted "
                    f"({cause.verify_message}).",
                    "Check the host in --api-url and this machine's clock; name an authority of your own "
                    "with --ca-bundle, for a proxy of the environment in SSL_CERT_FILE.",
                ) from error

    def _refuse_to_send(self, wish: Wish) -> None:
        if self._refused is not None:
            raise not_accepted(self._refused, self._key)
        if wish.unwanted is not None and wish.unwanted.is_set():
            raise UnwantedError("The answer is not wanted any more.", "Ask again where it is.")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        logging.getLogger("httpx").removeFilter(self._redaction)
        self._http.close()
