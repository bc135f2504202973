"""The record of a run: what was asked for and what was fetched, as ``run.json`` states it."""

import platform as machine
from importlib.metadata import version
from pathlib import Path

from exporter import __version__, record
from exporter.derive import OBSERVATIONS, Derived
from exporter.evidence.bag import payload_paths
from exporter.evidence.manifest import NAMESPACE
from exporter.facts import Check, Result, Verdict, Window
from exporter.fetched import Fetched
from exporter.files import sha256_file
from exporter.request import Request
from exporter.source.headers import CLOCK_TOLERANCE


def record_run(
    request: Request, fetched: Fetched, folder: Path, versions: dict[str, str], frameworks: list[str]
) -> record.Run:
    """Write down how the bundle in ``folder`` came about, as far as it has been made.

    ``frameworks`` are the ids of the catalogues in it.
    """
    return record.Run(
        tool=record.Tool(name="audit-export", version=__version__),
        window=_period(request, fetched.window),
        timezone=request.timezone,
        filters=request.filters,
        source=_source(request, fetched),
        options=record.Options(
            page_size=request.page_size,
            concurrency=request.concurrency,
            timeout_seconds=request.connection.timeout,
            retry_for_seconds=request.connection.retry_for,
            rate=request.connection.rate,
            formats=list(fetched.derived.files),
            frameworks=frameworks,
            report_rows=request.report_rows,
            thresholds=request.thresholds,
            allow_partial=request.allow_partial,
            accept_unproven=request.accept_unproven,
        ),
        probe=_probe(fetched),
        checks=fetched.checks,
        verdict=record.Judgement(value=Verdict.of(fetched.checks), reasons=_reasons(fetched.checks)),
        counts=_counts(fetched),
        observations=_observations(fetched),
        clocks=_clocks(fetched),
        host=record.Host(
            name=machine.node(),
            system=f"{machine.system()} {machine.release()} {machine.machine()}",
            python=machine.python_version(),
        ),
        versions={"pyarrow": version("pyarrow"), "duckdb": version("duckdb"), **versions},
        files=_files(folder, fetched.derived),
        seal=_seal(request),
        overlap=fetched.overlap,
    )


def _seal(request: Request) -> record.Seal:
    key = request.signing_key
    if key is None:
        return record.Seal()
    return record.Seal(
        signing_key=key.fingerprint,
        algorithm=key.algorithm,
        namespace=NAMESPACE,
        timestamp_authority=None if request.authority is None else request.authority.url,
    )


def _probe(fetched: Fetched) -> dict[str, record.Setting]:
    """Put what was answered before the walk beside what was seen on it."""
    probed = fetched.probed
    return {
        "limit_asked": probed.asked,
        "limit_echoed": probed.limit_echoed,
        "entries_for_limit": probed.received,
        "largest_page": fetched.reader.largest_page,
        "offset_shifts_rows": fetched.walk.offset_shifts_rows,
        "offset_reaches_the_end": probed.reaches_the_end,
        "deepest_offset": fetched.walk.deepest_offset,
        "total": fetched.reader.totals.last,
        "total_is_filtered": probed.total_is_filtered,
        "filters_by_action": probed.filters_by_action,
        "filters_by_user": probed.filters_by_user,
    }


def _period(request: Request, window: Window) -> record.Period:
    return record.Period(
        since=window.since,
        until=window.until,
        asked=request.asked,
        settle_seconds=request.settle.total_seconds(),
        partial_period=request.until is not None and window.until < request.until,
    )


def _source(request: Request, fetched: Fetched) -> record.Source:
    dialect = fetched.platform.dialect
    key = request.connection.key
    return record.Source(
        url=fetched.platform.client.base_url,
        endpoint=f"GET {dialect.path}",
        dialect=dialect.name,
        key_origin=key.origin,
        parameters=_parameters(request, fetched),
        organization_id=request.known_organization,
        organization_name=request.organization_name,
        principal=request.profile.email or request.profile.user_id,
    )


def _parameters(request: Request, fetched: Fetched) -> dict[str, record.Setting]:
    """Say what was sent on the walk; an action or a user there asks for one part after the other."""
    sent: dict[str, record.Setting] = {
        "limit": request.page_size,
        "offset": "as far as the walk had come, less an overlap",
    }
    largest = min(fetched.reader.limit, fetched.platform.most or fetched.reader.limit)
    if largest < request.page_size:
        sent["limit"] = f"{request.page_size:,}, which is refused, then {largest:,}"
    if largest > request.page_size:
        sent["limit"] = f"{request.page_size:,}, then twice as many each time, up to {largest:,}"
    if fetched.walk.by_action:
        sent["action"] = "none at first, then each that is documented or was seen"
    if fetched.walk.by_user:
        sent[fetched.platform.dialect.user_parameter] = "for an action that was cut off, each that was seen"
    return sent


def _reasons(checks: list[Check]) -> list[str]:
    """Say why the verdict is no better, check by check."""
    harmless = (Result.AS_EXPECTED, Result.NOT_PERFORMED)
    return [f"{check.what}: {check.found}." for check in checks if check.result not in harmless]


def _counts(fetched: Fetched) -> record.Counts:
    derived = fetched.derived
    return record.Counts(
        requests=fetched.answers,
        entries_received=derived.received,
        repeated=derived.repeated,
        outside_window=derived.outside,
        entries=derived.rows,
        formats={name: file.rows for name, file in derived.files.items()},
        nulls=derived.nulls,
        earliest=derived.earliest,
        latest=derived.latest,
    )


def _observations(fetched: Fetched) -> list[record.Observation]:
    seen = [
        record.Observation(id=id_, what=OBSERVATIONS[id_], count=count)
        for id_, count in sorted(fetched.derived.observations.items())
        if count
    ]
    if fetched.overlap is not None and fetched.overlap.late:
        what = "Entries that no earlier bundle holds, with times before the window; they are in this one"
        seen.append(record.Observation(id="late-entries", what=what, count=len(fetched.overlap.late)))
    ahead = _clocks(fetched).ahead_of_server_seconds
    if ahead is not None and abs(ahead) > CLOCK_TOLERANCE:
        what = f"This machine's clock was {ahead:+.0f} seconds off the platform's"
        seen.append(record.Observation(id="clock-skew", what=what, count=1))
    return seen


def _clocks(fetched: Fetched) -> record.Clocks:
    server = fetched.greeting.server_time
    return record.Clocks(
        started=fetched.started,
        finished=fetched.finished,
        server_first=server,
        server_last=fetched.reader.server_time,
        ahead_of_server_seconds=None if server is None else (fetched.greeted - server).total_seconds(),
    )


def _files(folder: Path, derived: Derived) -> list[record.File]:
    written = {file.path: file for file in derived.files.values()}
    files = []
    for path in payload_paths(folder):
        known = written.get(path)
        files.append(
            record.File(
                path=path.relative_to(folder).as_posix(),
                bytes=known.size if known else path.stat().st_size,
                sha256=known.sha256 if known else sha256_file(path),
                rows=known.rows if known else None,
            )
        )
    return files
