"""One HTTP client that never gives the key away, and never takes a failure for an answer.

Retried, within bounds: connection errors, time-outs, 429 and 5xx (``Retry-After`` is obeyed), and bodies
that cannot be read. Final at once: 401 and 403, a certificate that is not trusted, other errors the platform
states, records that cannot be rows, since the kept responses would have to give the same, and every redirect,
since following one could send the key elsewhere. What the platform says is shown without the key and without
parts of it.
"""

import logging
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from types import TracebackType
from typing import Generic, Self, TypeVar

import httpx
import msgspec
import stamina
from stamina.instrumentation import RetryDetails, set_on_retry_hooks

from exporter import __version__
from exporter.errors import AuthorizationError, RecordError, SourceError, UsageError
from exporter.source.bodies import Payload, decoded
from exporter.source.credentials import Key
from exporter.source.pace import Pace
from exporter.source.responses import ResponseFile, refuse_echo

T = TypeVar("T")

_log = logging.getLogger(__name__)

_LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})
_FIRST_CONTACT = 30.0
_WAIT_MAX = 30.0
_UNREADABLE_ATTEMPTS = 5
_SHOWN = 300
_IN_EARNEST = 1 << 20
_ERROR_BODY = (msgspec.MsgspecError, RecursionError, UnicodeDecodeError)
_NOT_ACCEPTED = frozenset({httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN})
_AGAIN = frozenset({httpx.codes.REQUEST_TIMEOUT, httpx.codes.TOO_MANY_REQUESTS})


def _log_retry(details: RetryDetails) -> None:
    _log.warning("Trying again in %.1f seconds: %s", details.wait_for, details.caused_by)


set_on_retry_hooks([_log_retry])


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """Where to connect, as whom, and how patiently."""

    base_url: str
    """Base URL of the API; https, or http to this machine."""

    key: Key
    """The API key, sent in ``x-satusky-api-key``."""

    timeout: float = 30.0
    """Seconds that one request may take."""

    retry_for: float = 600.0
    """Seconds for which a failing request is tried again.

    30 at most until the platform has answered once, unless it names a time itself (``Retry-After``).
    """

    rate: float | None = None
    """Requests a second at most, retries included; ``None`` for no limit."""

    proxy: str | None = field(default=None, repr=False)
    """URL of the proxy to use, which may hold a password; ``None`` for what the environment says."""

    ca_bundle: Path | None = None
    """PEM certificates to trust instead of the usual ones."""


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


class NotFoundError(SourceError):
    """The platform knows no such path (404)."""


class UnwantedError(SourceError):
    """Nobody waits for the answer any more, so the request was not sent."""


class _TemporaryError(Exception):
    """The platform asks to try again."""

    def __init__(self, status: int, retry_after: float | None) -> None:
        asked = "" if retry_after is None else f" (try again in {retry_after:.0f} seconds)"
        super().__init__(f"HTTP {status}{asked}")
        self.retry_after = retry_after


class _UnreachableError(Exception):
    """There was no connection, or no whole response on it."""


class _UnreadableError(Exception):
    """The body was not what was asked for."""

    def __init__(self, reason: SourceError) -> None:
        super().__init__(reason.what)
        self.reason = reason


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
    is not counted. After the platform has refused the key, nothing more is sent. ``sleep`` waits where
    requests would follow one another too fast.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        now: Callable[[], datetime],
        responses: ResponseFile | None = None,
        at_once: int = 1,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self.base_url = _trusted(connection.base_url)
        self.requests = 0
        """Requests sent so far, retries included."""
        self.at_once = at_once
        """Requests under way at the same time, at most."""
        self._key = connection.key
        self._timeout = connection.timeout
        self._retry_for = connection.retry_for
        self._pace = Pace(connection.rate, sleep=sleep)
        self._now = now
        self._responses = responses
        self._under_way = threading.Semaphore(at_once)
        self._reached = False
        self._refused: str | None = None
        self._http = _open(connection)
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
        unwanted: threading.Event | None = None,
    ) -> Answer[T]:
        """Fetch ``path`` below the base URL and have ``read`` make sense of the body.

        ``read_large`` does so, piece by piece, with a body that is too large to be held in memory.
        Once it is ``unwanted``, nothing more is sent.

        Raises :class:`AuthorizationError` on 401 and 403, :class:`NotFoundError` on 404 and
        :class:`UnwantedError` where nothing was received before it was unwanted, and :class:`SourceError` on
        everything else that is not a readable answer within the limits.
        """

        def understand(body: Payload, content: Iterator[bytes]) -> T:
            return read_large(content) if body.is_large and read_large else read(b"".join(content))

        sent: list[float] = []
        try:
            for attempt in self._attempts(sent):
                with attempt:
                    return self._get_once(path, parameters, understand, sent, unwanted)
        except _UnreachableError as error:
            raise SourceError(
                f"The platform at {self.base_url} cannot be reached ({error}).",
                "Check --api-url, the network and any proxy, then run the same command again.",
            ) from error
        except _TemporaryError as error:
            raise SourceError(
                f"The platform at {self.base_url} kept answering {error}.",
                "Try again later, or give it longer with --retry-for.",
            ) from error
        except _UnreadableError as error:
            raise error.reason from error
        raise AssertionError("stamina ends with a result or an exception")

    def _attempts(self, sent: Sequence[float]) -> Iterator[AbstractContextManager[object]]:
        """Try again for as long as allowed, counted from the first of the times at which it was ``sent``."""
        reached, unreadable = self._reached, 0

        def backoff(error: Exception) -> bool | float:
            nonlocal unreadable
            if not isinstance(error, _UnreachableError | _TemporaryError | _UnreadableError):
                return False
            unreadable += isinstance(error, _UnreadableError)
            wait = error.retry_after if isinstance(error, _TemporaryError) else None
            known = reached or wait is not None  # who names a time is there, and may name a later one
            patience = self._retry_for if known else min(self._retry_for, _FIRST_CONTACT)
            if unreadable == _UNREADABLE_ATTEMPTS or time.monotonic() - sent[0] + (wait or 0) >= patience:
                return False
            return True if wait is None else wait

        return iter(stamina.retry_context(on=backoff, attempts=None, timeout=None, wait_max=_WAIT_MAX))

    def _get_once(
        self,
        path: str,
        parameters: Mapping[str, str],
        understand: Callable[[Payload, Iterator[bytes]], T],
        sent: list[float],
        unwanted: threading.Event | None,
    ) -> Answer[T]:
        with closing(Payload(self.folder)) as body:
            with self._under_way:
                self._refuse_to_send(unwanted)
                self._pace.wait()
                self._refuse_to_send(unwanted)
                asked = time.monotonic()
                sent.append(asked)
                response = self._fetch(path, parameters, body)
                answered = time.monotonic()
                if response.status_code in _NOT_ACCEPTED:  # before the next request has the place
                    self._refused = self._said(response, body)
            self._reached = True
            if self._responses is None:
                refuse_echo(response, body, self._key)
            else:
                self._responses.append(response, body, at=self._now())
            self._refuse_status(response, body)
            content = decoded(body.chunks(), response.headers.get("content-encoding", ""))
            try:
                understood = understand(body, content)
            except RecordError:
                raise  # it would be no better another time
            except SourceError as error:
                # Not chained: what was read stands in the message, and a traceback would show it unredacted.
                raise _UnreadableError(type(error)(self._shown(error.what), error.remedy)) from None
        return Answer(content=understood, server_time=_server_time(response), asked=asked, answered=answered)

    def _fetch(self, path: str, parameters: Mapping[str, str], body: Payload) -> httpx.Response:
        """Return a response, having written its body as received, less the transfer coding, to ``body``."""
        self.requests += 1
        began = time.monotonic()
        try:
            with self._http.stream("GET", self.base_url + path, params=dict(parameters)) as response:
                for chunk in response.iter_raw():
                    body.write(chunk)
                    # The library's limit is one for each read; what comes in earnest may take longer.
                    if time.monotonic() - began > self._timeout + body.size / _IN_EARNEST:
                        raise httpx.ReadTimeout("the body took longer than --timeout allows")
        except httpx.HTTPError as error:
            self._refuse_certificate(error)
            # Not chained, as above: a malformed answer is quoted in every link of the chain.
            raise _UnreachableError(self._shown(str(error)) or type(error).__name__) from None
        return response

    def _refuse_certificate(self, error: BaseException) -> None:
        cause: BaseException | None = error
        while cause is not None and not isinstance(cause, ssl.SSLCertVerificationError):
            cause = cause.__cause__ or cause.__context__
        if cause is not None:
            raise SourceError(
                f"The certificate of {self.base_url} is not trusted ({cause.verify_message}).",
                "If an authority of your own issued it, name its certificate with --ca-bundle.",
            ) from error

    def _refuse_to_send(self, unwanted: threading.Event | None) -> None:
        if self._refused is not None:
            raise _not_accepted(self._refused)
        if unwanted is not None and unwanted.is_set():
            raise UnwantedError("The answer is not wanted any more.", "Ask again where it is.")

    def _refuse_status(self, response: httpx.Response, body: Payload) -> None:
        status = response.status_code
        if status == httpx.codes.OK:
            return
        if status in _AGAIN or response.is_server_error:
            raise _TemporaryError(status, _retry_after(response))
        said = self._said(response, body)
        if status in _NOT_ACCEPTED:
            raise _not_accepted(said)
        if status == httpx.codes.NOT_FOUND:
            raise NotFoundError(
                f"The platform knows no {response.request.url.path} ({said}).",
                "Check --api-url, --org and the id.",
            )
        if response.is_redirect:
            raise SourceError(
                f"The platform redirects to {self._shown(response.headers.get('location', ''))!r};"
                " the key is not sent there.",
                "Give the final address as --api-url, if you trust it.",
            )
        raise SourceError(
            f"The platform refuses the request ({said}).", "Check the options against the platform's manual."
        )

    def _said(self, response: httpx.Response, body: Payload) -> str:
        stated = "" if body.is_large else _stated(body.whole())
        said = f"HTTP {response.status_code}"
        return f"{said}: {self._shown(stated)}" if stated else said

    def _shown(self, text: str) -> str:
        """Return what the platform said in a form that can be shown: short, and without the key."""
        return self._key.redact(text if len(text) <= _SHOWN else text[:_SHOWN] + "…")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        logging.getLogger("httpx").removeFilter(self._redaction)
        self._http.close()


def _open(connection: Connection) -> httpx.Client:
    """Make the HTTP client. Proxies of the environment are for https: plain http stays on this machine."""
    try:
        return httpx.Client(
            headers={
                "x-satusky-api-key": connection.key.reveal(),
                "accept": "application/json",
                "accept-encoding": "identity",
                "user-agent": f"audit-export/{__version__}",
            },
            timeout=connection.timeout,
            verify=_tls(connection.ca_bundle),
            proxy=_proxy(connection),
            follow_redirects=False,
            trust_env=httpx.URL(connection.base_url).scheme == "https",
        )
    except (ImportError, ValueError, httpx.InvalidURL):
        # Not chained: the library quotes the proxy's URL, which may hold a password.
        raise UsageError(
            "The proxy that the environment names cannot be used.",
            "Check HTTPS_PROXY and ALL_PROXY: an http or https URL, or unset.",
        ) from None


def _trusted(base_url: str) -> str:
    try:
        url = httpx.URL(base_url)
    except httpx.InvalidURL as error:
        raise UsageError(
            f"--api-url is not a URL: {error}.", "Give one such as https://api.example/v1/cli."
        ) from error
    if url.userinfo or url.query or url.fragment:
        raise UsageError(
            "--api-url holds a user name, a query or a fragment.",
            "Give the base URL alone; the key has its own options.",
        )
    if not url.host:
        raise UsageError("--api-url names no host.", "Give one such as https://api.example/v1/cli.")
    if url.scheme != "https" and not (url.scheme == "http" and url.host in _LOCAL_HOSTS):
        raise UsageError(
            f"The key would travel unprotected to {base_url}.", "Use https; plain http is for localhost only."
        )
    return base_url.rstrip("/")


def _proxy(connection: Connection) -> httpx.Proxy | None:
    """Return the proxy that was asked for; its URL may hold a password, so no message repeats it."""
    if connection.proxy is None:
        return None
    try:
        proxy = httpx.Proxy(connection.proxy)
    except (ValueError, httpx.InvalidURL):
        proxy = None
    if proxy is None or proxy.url.scheme not in ("http", "https") or not proxy.url.host:
        raise UsageError(
            "--proxy is not the URL of an http or https proxy.", "Give one such as http://proxy.example:3128."
        )
    if httpx.URL(connection.base_url).scheme == "http" and proxy.url.host not in _LOCAL_HOSTS:
        raise UsageError(
            f"The key would travel unprotected to the proxy at {proxy.url.host}.",
            "Reach this machine without --proxy, or use an https API.",
        )
    return proxy


def _tls(ca_bundle: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=None if ca_bundle is None else str(ca_bundle))
    except (OSError, ssl.SSLError) as error:
        raise UsageError(
            f"The CA bundle {ca_bundle} cannot be used ({error}).",
            "Name a readable file of PEM certificates.",
        ) from error


def _not_accepted(said: str) -> AuthorizationError:
    return AuthorizationError(
        f"The platform does not accept the key ({said}).",
        "Check that the key is current, may read the audit log, and belongs to the organization.",
    )


def _stated(body: bytes) -> str:
    """Return the message of an error envelope, where the body is one."""
    try:
        return msgspec.json.decode(body, type=_Envelope).message
    except _ERROR_BODY:
        return ""


class _Envelope(msgspec.Struct):
    message: str = ""


def _retry_after(response: httpx.Response) -> float | None:
    """Read ``Retry-After`` in seconds; a date (RFC 9110 section 10.2.3) is counted from ``Date``."""
    value = response.headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return float(value)
    until, server_time = _http_date(value), _server_time(response)
    return None if until is None or server_time is None else max(0.0, (until - server_time).total_seconds())


def _server_time(response: httpx.Response) -> datetime | None:
    return _http_date(response.headers.get("date", ""))


def _http_date(value: str) -> datetime | None:
    """Read an HTTP date, which is in GMT whether it says so or not; ``None`` where it is none."""
    try:
        moment = parsedate_to_datetime(value)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
