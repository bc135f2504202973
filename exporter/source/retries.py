"""Which failures pass, and how often and how long a request that met one is tried again."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from typing import Protocol

from tenacity import AttemptManager, RetryCallState, Retrying, retry_if_exception, wait_exponential_jitter

from exporter.errors import SourceError

_log = logging.getLogger(__name__)

_FIRST_CONTACT = 30.0  # seconds
_UNREADABLE_ATTEMPTS = 5
_backoff = wait_exponential_jitter(multiplier=0.1, max=30.0)  # seconds


class Sleep(Protocol):
    """A way to wait."""

    def __call__(self, seconds: float, unwanted: threading.Event | None = None, /) -> object:
        """Wait so many seconds, or until ``unwanted`` is set."""


def sleep(seconds: float, unwanted: threading.Event | None = None, /) -> None:
    """Wait so many seconds, or until ``unwanted`` is set."""
    (unwanted or threading.Event()).wait(seconds)


class TemporaryError(Exception):
    """The platform asks to try again."""

    def __init__(self, status: int, retry_after: float | None) -> None:
        asked = "" if retry_after is None else f" (try again in {retry_after:.0f} seconds)"
        super().__init__(f"HTTP {status}{asked}")
        self.retry_after = retry_after
        """How many seconds to wait, as the platform says, where it says so."""


class UnreachableError(Exception):
    """There was no connection, or no whole response on it."""


class UnreadableError(Exception):
    """The body was not what was asked for."""

    def __init__(self, reason: SourceError) -> None:
        super().__init__(reason.what)
        self.reason = reason
        """What to say where it stays so."""


class Patience:
    """How long one request is tried again: ``retry_for`` seconds from when it was first sent.

    Until the platform has been ``reached`` once it is 30 seconds at most, unless the platform names a time
    itself: who does so is there. Bodies that cannot be read are asked for five times.
    """

    def __init__(
        self,
        retry_for: float,
        *,
        reached: bool,
        sleep: Callable[[float], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._retry_for = retry_for
        self._reached = reached
        self._sleep = sleep
        self._clock = clock
        self._began: float | None = None
        self._unreadable = 0

    def begin(self) -> None:
        """Say that the request is being sent: waiting to send it took nothing from the time for it."""
        if self._began is None:
            self._began = self._clock()

    def attempts(self) -> Iterator[AttemptManager]:
        """Yield attempts: contexts that let an error out only where no other attempt is due."""
        return iter(
            Retrying(
                retry=retry_if_exception(self._lasts),
                wait=_wait,
                sleep=self._sleep,
                before_sleep=_log_retry,
                reraise=True,
            )
        )

    def _lasts(self, error: BaseException) -> bool:
        """Tell whether another attempt is due after this error."""
        if not isinstance(error, UnreachableError | TemporaryError | UnreadableError):
            return False
        self._unreadable += isinstance(error, UnreadableError)
        named = _named_by(error)
        known = self._reached or named is not None
        patience = self._retry_for if known else min(self._retry_for, _FIRST_CONTACT)
        now = self._clock()
        spent = now - (now if self._began is None else self._began)
        return self._unreadable < _UNREADABLE_ATTEMPTS and spent + (named or 0) < patience


def _wait(state: RetryCallState) -> float:
    """Wait as long as the platform names; one that says "at once" is not asked without a pause either."""
    return _named_by(_error(state)) or _backoff(state)


def _named_by(error: BaseException | None) -> float | None:
    return error.retry_after if isinstance(error, TemporaryError) else None


def _log_retry(state: RetryCallState) -> None:
    _log.warning("Trying again in %.1f seconds: %s", state.upcoming_sleep, _error(state))


def _error(state: RetryCallState) -> BaseException | None:
    return None if state.outcome is None else state.outcome.exception()
