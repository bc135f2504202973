"""The platform's audit API over HTTP, well behaved or as badly as the settings ask.

``app.state.settings`` may be replaced while the app runs; requests are then counted from 1 again.
"""

import asyncio
import itertools
import json
import random
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Literal, TypeAlias
from uuid import UUID

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from exporter.sandbox.audit_service import AuditService, Filters
from exporter.sandbox.cast import ORGANIZATION_ID
from exporter.sandbox.dialects import A, B, Body, Dialect, wrap
from exporter.sandbox.entry import Entry, Json, nanoseconds
from exporter.sandbox.faults import ANSWERS, Fault, refusal

BASE = "/v1/cli"
DEFAULT_LIMIT = 20

_MOST_DIGITS = 18
"""As many digits as any number has that the database takes."""

Clock: TypeAlias = Callable[[], datetime]
"""Gives the platform's time, aware."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How the platform behaves. The default is a good day: both dialects, no limits, no faults."""

    api_key: str = "sandbox-key"
    """The one key that opens the log."""

    organization_id: UUID = ORGANIZATION_ID
    """The organization that the key belongs to."""

    dialects: str = "AB"
    """Which dialects are served: ``A``, ``B`` or ``AB``; the routes of the other are unknown."""

    body: Body | None = None
    """The shape of list responses; None leaves each dialect its own."""

    cap: int | None = None
    """Highest number of rows on a page; a higher ``limit`` is lowered to it, in the echo too."""

    offset_honoured: bool = True
    """Whether ``offset`` shifts rows; where it does not, 0 is echoed."""

    ceiling: int | None = None
    """Highest ``offset`` that is answered; pages beyond it are empty."""

    heaviest: int | None = None
    """Most bytes that the entries of a page may take; the first comes whatever it takes."""

    refuses: bool = False
    """Whether a limit above the cap and an offset beyond the ceiling are refused with 400."""

    total: Literal["filtered", "whole", "absent", "zero", "page"] = "filtered"
    """What ``total`` counts: what the filters leave, the whole log, nothing, the page; or it is left out."""

    filters_ignored: bool = False
    """Whether ``action`` and the user are ignored."""

    filters_refused: int | None = None
    """Status that a list with a filter is refused with, where it is."""

    latency: float = 0.0
    """Seconds before any answer."""

    faults: Mapping[Fault, float] = field(default_factory=dict)
    """The share of requests that meet each fault, drawn from the seed; 1.0 is all of them."""

    script: tuple[Fault | None, ...] = ()
    """What the first requests meet, one after the other, before ``faults`` applies."""

    seed: int = 0
    """The n-th request under the same seed and the same faults meets the same fate."""

    retry_after: int = 1
    """Seconds that a rate-limited client is told to wait."""

    redirect_to: str = "https://elsewhere.example"
    """Origin that ``Fault.REDIRECT`` points at."""

    insert_every: int = 0
    """Record more entries before every n-th list request; 0 is never."""

    insert_count: int = 1
    """How many entries are recorded each time."""

    insert_age: timedelta = timedelta()
    """How far in the past the entries thus recorded say that they happened."""

    ties_shuffled: bool = False
    """Whether entries of one instant change their order from request to request."""

    hidden: frozenset[UUID] = frozenset()
    """Entries that the API denies having."""

    hidden_after: int = 0
    """List requests answered in full before ``hidden`` applies."""

    edit: Callable[[dict[str, Json]], dict[str, Json]] | None = None
    """Last word on every entry as it goes out: other field names, other values, another body."""


@dataclass(slots=True)
class _Tally:
    """Requests since the settings were put in place."""

    settings: Settings
    requests: int = 0
    lists: int = 0


def create_app(service: AuditService, settings: Settings, clock: Clock) -> Starlette:
    """Serve the log of ``service`` under ``/v1/cli``, every response dated by ``clock``."""
    app = Starlette(
        routes=[
            *_routes(A, f"{BASE}/audit"),
            *_routes(B, f"{BASE}/audit-logs/organizations/{{organization}}"),
        ],
        middleware=[Middleware(_Front)],
        exception_handlers={HTTPException: _refuse},
    )
    app.state.service = service
    app.state.settings = settings
    app.state.clock = clock
    app.state.tally = _Tally(settings)
    app.state.inserting = threading.Lock()
    return app


class _Front:
    """What stands before the API: the date on every answer, the delay, and the fault of the moment."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app: Starlette = scope["app"]

        async def send_dated(message: Message) -> None:
            if message["type"] == "http.response.start":
                date = format_datetime(app.state.clock().astimezone(UTC), usegmt=True)
                message = {**message, "headers": [*message["headers"], (b"date", date.encode())]}
            await send(message)

        tally = _tally(app)
        tally.requests += 1
        fault = _draw(tally.settings, tally.requests)
        await asyncio.sleep(tally.settings.latency)
        if fault is None:
            await self.app(scope, receive, send_dated)
        else:
            await ANSWERS[fault](self.app, scope, receive, send_dated)


def _tally(app: Starlette) -> _Tally:
    if app.state.tally.settings is not app.state.settings:
        app.state.tally = _Tally(app.state.settings)
    tally: _Tally = app.state.tally
    return tally


def _draw(settings: Settings, number: int) -> Fault | None:
    if number <= len(settings.script):
        return settings.script[number - 1]
    left = random.Random(f"{settings.seed}/{number}").random()
    for fault, share in settings.faults.items():
        left -= share
        if left < 0:
            return fault
    return None


def _routes(dialect: Dialect, path: str) -> list[Route]:
    async def list_entries(request: Request) -> Response:
        settings = _admit(request, dialect)
        limit = _number(request, "limit", DEFAULT_LIMIT)
        offset = _number(request, "offset", 0) if settings.offset_honoured else 0
        filtered = not {"action", dialect.user_parameter}.isdisjoint(request.query_params)
        if filtered and settings.filters_refused is not None:
            raise HTTPException(settings.filters_refused, "Lists cannot be filtered")
        if settings.refuses:
            _refuse_above("limit", limit, settings.cap)
            _refuse_above("offset", offset, settings.ceiling)
        if settings.cap is not None:
            limit = min(limit, settings.cap)
        tally = _tally(request.app)
        tally.lists += 1
        return await run_in_threadpool(_answer, request, dialect, tally.lists, limit, offset)

    async def get_entry(request: Request) -> Response:
        settings = _admit(request, dialect)
        try:
            entry_id = dialect.read_id(request.path_params["entry"])
        except ValueError:
            raise HTTPException(404, "Audit log not found") from None
        service: AuditService = request.app.state.service
        entry = await run_in_threadpool(service.get, entry_id)
        if entry is None or entry_id in _hidden(settings, _tally(request.app).lists):
            raise HTTPException(404, "Audit log not found")
        written = _write(settings, dialect, entry)
        if dialect is B:
            return JSONResponse({"error": False, "message": "Audit log retrieved", "data": written})
        return JSONResponse(written)

    return [Route(path, list_entries), Route(f"{path}/{{entry}}", get_entry)]


def _answer(request: Request, dialect: Dialect, number: int, limit: int, offset: int) -> Response:
    """Answer the list request of that number; runs in a thread, for it reads the database."""
    settings: Settings = request.app.state.settings
    service: AuditService = request.app.state.service
    if settings.insert_every and number % settings.insert_every == 0:
        moment = request.app.state.clock() - settings.insert_age
        with request.app.state.inserting:  # of two requests at once neither may count what the other counts
            for _ in range(settings.insert_count):
                service.record(_one_more(service.count(), moment, settings))
    whole = Filters(hidden=_hidden(settings, number - 1))
    filters = whole if settings.filters_ignored else _filters(request, dialect, whole.hidden)
    if settings.ceiling is not None and offset > settings.ceiling:
        entries = []
    elif settings.ties_shuffled:
        entries = service.shuffled_page(salt=number, limit=limit, offset=offset, filters=filters)
    else:
        entries = service.page(limit=limit, offset=offset, filters=filters)
    written = _no_heavier([_write(settings, dialect, entry) for entry in entries], settings.heaviest)
    totals: dict[str, Callable[[], int | None]] = {
        "filtered": lambda: service.count(filters),
        "whole": lambda: service.count(whole),
        "absent": lambda: None,
        "zero": lambda: 0,
        "page": lambda: len(written),
    }
    total = totals[settings.total]()
    return JSONResponse(wrap(settings.body or dialect.body, written, total=total, limit=limit, offset=offset))


def _no_heavier(written: list[Json], heaviest: int | None) -> list[Json]:
    """Cut a page off where its entries would take more bytes than that."""
    if heaviest is None:
        return written
    ends = itertools.accumulate(len(json.dumps(entry)) for entry in written)
    return written[: max(1, sum(end <= heaviest for end in ends))]


def _admit(request: Request, dialect: Dialect) -> Settings:
    """Let the request in, or raise what it is refused with."""
    settings: Settings = request.app.state.settings
    if dialect.name not in settings.dialects:
        raise HTTPException(404, "Not found")
    if request.headers.get("x-satusky-api-key") != settings.api_key:
        raise HTTPException(401, "Invalid or missing API key")
    organization = str(settings.organization_id)
    if request.path_params.get("organization", organization) != organization:
        raise HTTPException(403, "This key does not belong to that organization")
    return settings


async def _refuse(_request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    return refusal(error.status_code, error.detail)


def _number(request: Request, name: str, default: int) -> int:
    text = request.query_params.get(name, str(default))
    if not (text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS):
        raise HTTPException(400, f"{name} must be a whole number of at most {_MOST_DIGITS} digits")
    return int(text)


def _refuse_above(name: str, asked: int, most: int | None) -> None:
    if most is not None and asked > most:
        raise HTTPException(400, f"{name} must be at most {most}")


def _filters(request: Request, dialect: Dialect, hidden: frozenset[UUID]) -> Filters:
    action = request.query_params.get("action") or None
    user = request.query_params.get(dialect.user_parameter) or None
    if user is None or "@" in user:
        return Filters(action=action, user=user, hidden=hidden)
    try:
        return Filters(action=action, user=dialect.read_id(user), hidden=hidden)
    except ValueError:
        raise HTTPException(400, f"{dialect.user_parameter} must be an id or an e-mail address") from None


def _hidden(settings: Settings, answered: int) -> frozenset[UUID]:
    return settings.hidden if answered >= settings.hidden_after else frozenset()


def _write(settings: Settings, dialect: Dialect, entry: Entry) -> dict[str, Json]:
    written = dialect.write(entry)
    return settings.edit(written) if settings.edit else written


def _one_more(number: int, moment: datetime, settings: Settings) -> Entry:
    """Make an entry that nobody has seen, told apart by how long the log is, a microsecond for each entry."""
    rng = random.Random(f"{settings.seed}/entry/{number}")
    return Entry(
        id=UUID(int=rng.getrandbits(128), version=4),
        created_at=nanoseconds(moment) + number * 1_000,
        organization_id=settings.organization_id,
        actor_id=UUID(int=rng.getrandbits(128), version=4),
        actor_email="late.shift@acme.example",
        actor_type="user",
        action="deploy",
        resource_type="deployment",
        resource_id=UUID(int=rng.getrandbits(128), version=4),
        resource_name="status-page",
        ip_address="192.0.2.200",
        user_agent="1ctl/0.11.0",
        request_id=f"req_{rng.getrandbits(32):08x}",
        changes={"replicas": {"old": number, "new": number + 1}},
        metadata={},
    )
