"""What the options of ``run`` ask for, read into a request."""

import os
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from exporter.commands.clock import now
from exporter.commands.connection import find_connection
from exporter.errors import UsageError
from exporter.facts import Window, rfc3339
from exporter.windows import parse_moment, parse_period

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from exporter.request import Request
    from exporter.source.connection import Connection

LAST = "last"
"""What ``--since`` takes to continue an archive."""

_AS_GIVEN = (
    "output",
    "label",
    "report_rows",
    "allow_partial",
    "accept_unproven",
    "lock_timeout",
    "page_size",
    "concurrency",
    "action",
    "user",
    "again",
)
_TRUST = ("sign_key", "sign_key_passphrase_file", "tsa_url", "require_timestamp")


def read_request(
    *, org: str | None, report: str, settle: int, overlap: float, framework: str, **given: Any
) -> "Request":
    """Read the options of ``run`` as what is asked for."""
    from exporter.evidence.chain import parse_predecessor
    from exporter.request import Request

    window = _window(**{name: given.pop(name) for name in ("since", "until", "period", "timezone")})
    if window["since"] is None and (given["action"] or given["user"]):
        raise UsageError(
            "--since last continues an archive, and an extract is no part of one.",
            "Give an extract's window with --since and --until, or with --period.",
        )
    as_given = {name: given.pop(name) for name in _AS_GIVEN}
    previous = given.pop("previous")
    formats = _formats(given.pop("format"), report=report == "pdf")
    trust = {name: given.pop(name) for name in _TRUST}
    connection, credentials = find_connection(**given)
    return Request(
        **_sealing(connection, **trust),
        connection=connection,
        profile=credentials.profile,
        organization=org,
        report=report == "pdf",
        formats=formats,
        previous=None if previous is None else parse_predecessor(previous),
        frameworks=_frameworks(framework),
        settle=timedelta(seconds=settle),
        overlap=timedelta(hours=overlap),
        **window,
        **as_given,
    )


def _formats(names: str, *, report: bool) -> tuple[str, ...]:
    """Return the formats that were asked for, in the order in which they are always written."""
    from exporter.archive.formats import FORMATS

    asked = _names(names)
    unknown = sorted(set(asked).difference(FORMATS))
    if unknown or not asked:
        raise UsageError(
            f"--format names {' and '.join(unknown) or 'nothing'}.",
            f"Give one or several of {', '.join(FORMATS)}, separated by commas.",
        )
    if report and "parquet" not in asked:
        raise UsageError(
            "--format leaves out Parquet, which the report is drawn from.",
            "Add parquet to it, or give --report none as well.",
        )
    return tuple(name for name in FORMATS if name in asked)


def _frameworks(names: str) -> tuple[str, ...]:
    asked = _names(names)
    if not asked:
        raise UsageError(
            "--framework names nothing, as a variable does that the shell does not know.",
            "Give names or paths of catalogues, separated by commas, or leave it out.",
        )
    return asked


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _sealing(
    connection: "Connection",
    *,
    sign_key: Path | None,
    sign_key_passphrase_file: Path | None,
    tsa_url: str | None,
    require_timestamp: bool,
) -> dict[str, Any]:
    """Open the key and find the authority, before anything is fetched that could not be sealed."""
    if require_timestamp and tsa_url is None:
        raise UsageError("--require-timestamp needs an authority.", "Name one with --tsa-url.")
    if tsa_url is not None and sign_key is None:
        raise UsageError(
            "A time stamp covers a signature, and no key to sign with was given.",
            "Give --sign-key as well, or leave --tsa-url out.",
        )
    if sign_key is None and sign_key_passphrase_file is not None:
        raise UsageError(
            "A passphrase opens a key to sign with, and none was given.",
            "Give --sign-key as well, or leave --sign-key-passphrase-file out.",
        )
    if sign_key is None:
        return {}

    from exporter.evidence.authority import Authority
    from exporter.evidence.keys import load_signing_key, read_passphrase

    passphrase = read_passphrase(sign_key_passphrase_file, os.environ)
    authority = tsa_url and Authority(
        url=tsa_url, proxy=connection.proxy, ca_bundle=connection.ca_bundle, timeout=connection.timeout
    )
    return {
        "signing_key": load_signing_key(sign_key, passphrase),
        "authority": authority or None,
        "require_timestamp": require_timestamp,
    }


def _window(
    *, since: str | None, until: str | None, period: str | None, timezone: "ZoneInfo"
) -> dict[str, Any]:
    """Read what was asked for, as the request has it."""
    if period is not None:
        if since is not None or until is not None:
            raise UsageError(
                f"--period {period} says both ends of the window, and --since or --until was given as well.",
                "Give --period alone, or --since with or without --until.",
            )
        whole = parse_period(period, zone=timezone, now=now())
        asked: dict[str, str | None] = {"period": period}
        return {"since": whole.since, "until": whole.until, "asked": asked, "timezone": timezone.key}
    if since is None:
        raise UsageError(
            "No window was asked for.",
            "Give --since 2026-01-01, a --period such as 2026-Q1 or last-month, or --since last to continue.",
        )
    begin = None if since == LAST else parse_moment(since, name="--since", zone=timezone)
    end = None if until is None else parse_moment(until, name="--until", zone=timezone)
    if begin is not None and begin == end:
        raise UsageError(
            f"The window ends where it begins ({rfc3339(begin)}), so nothing lies in it.",
            "Give an --until that lies after --since: it no longer belongs to the window.",
        )
    if begin is not None and end is not None:
        Window(since=begin, until=end)
    asked = {"since": since, "until": until}
    return {"since": begin, "until": end, "asked": asked, "timezone": timezone.key}
