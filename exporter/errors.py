"""Everything that can go wrong, as one tree.

::

    AuditExportError            what happened, and what to do about it
    ├── UsageError              the request makes no sense                    exit 2
    ├── IncompleteError         not shown to be whole, so not published       exit 3
    ├── VerificationError       a bundle is not what it says                  exit 4
    ├── AuthorizationError      no key, or the platform refuses it            exit 5
    ├── SourceError             the platform is out of reach or speaks nonsense   exit 6
    │   └── RecordError         one record cannot be a row
    ├── EchoError               an answer holds the API key                   exit 6
    ├── OutputError             cannot write, render or publish               exit 7
    │   ├── SigningError        the key cannot be used
    │   └── StampError          the time-stamping authority gives no token
    └── BusyError               another run holds the archive                 exit 75

Rooms raise them, and narrower kinds of their own; ``cli`` alone turns them into sentences on stderr and an
exit code.
"""

from collections.abc import Iterator
from typing import ClassVar


class AuditExportError(Exception):
    """An error a user can act on.

    ``what`` is one sentence that says what happened, ``remedy`` one that says what to do.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(what)
        self.what = what
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.what} {self.remedy}"


class UsageError(AuditExportError):
    """The request makes no sense: a date that cannot be read, a window that is empty by definition."""

    exit_code = 2


class IncompleteError(AuditExportError):
    """The window could not be shown to be whole, and the caller did not ask for a partial bundle."""

    exit_code = 3


class VerificationError(AuditExportError):
    """A bundle, or the history behind it, is not what it says it is."""

    exit_code = 4


class AuthorizationError(AuditExportError):
    """No key was found, or the platform does not accept it."""

    exit_code = 5


class SourceError(AuditExportError):
    """The platform cannot be reached, fails, or sends what cannot be understood."""

    exit_code = 6


class RecordError(SourceError):
    """One record has no id, no time or no action, or is nested too deeply to be placed in the archive."""


class EchoError(AuditExportError):
    """An answer holds the API key: to keep the answer would be to keep the key, so the run stops."""

    exit_code = 6


class OutputError(AuditExportError):
    """Something could not be written, rendered or published on this machine."""

    exit_code = 7


class SigningError(OutputError):
    """The key to sign with cannot be read or used."""


class StampError(OutputError):
    """The time-stamping authority cannot be reached, or gives no token that fits."""


class BusyError(AuditExportError):
    """Another run holds the archive: try again later (``EX_TEMPFAIL`` of ``sysexits.h``)."""

    exit_code = 75


def chain_of(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error, and what it came of."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def reason_of(error: BaseException) -> str:
    """Say what went wrong, as the system does where it does, without its number for it."""
    said = (cause.strerror for cause in chain_of(error) if isinstance(cause, OSError) and cause.strerror)
    return next(said, str(error)) or type(error).__name__
