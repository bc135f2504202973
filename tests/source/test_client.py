"""What is tried again, what is final, and where the key never goes."""

import gzip
import logging
import os
import socket
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from exporter.entries.envelope import Body, parse_list
from exporter.errors import AuditExportError, AuthorizationError, EchoError, SourceError, UsageError
from exporter.sandbox.faults import Fault
from exporter.source.client import Answer, Client
from exporter.source.connection import Connection
from exporter.source.credentials import Key
from exporter.source.refusals import NotFoundError, RefusedError
from exporter.source.retries import Patience, UnreachableError
from tests.clock import Clock, no_sleep
from tests.source import servers
from tests.source.conftest import HALVES, TELLTALE, Authority
from tests.source.servers import http, proxying, reset, serving
from tests.world import NOW, World

DATE = "Date: Mon, 23 Nov 2026 12:00:00 GMT"


def connection(url: str, **changes: Any) -> Connection:
    given = {"base_url": url, "key": Key(TELLTALE, origin="the test"), "timeout": 2.0, "retry_for": 5.0}
    return Connection(**{**given, **changes})


def client(url: str, clock: Clock | None = None, **changes: Any) -> Client:
    clock = clock or Clock()
    return Client(connection(url, **changes), now=lambda: NOW, sleep=clock.sleep, clock=clock)


def ask(url: str, clock: Clock | None = None, **changes: Any) -> Answer[Body]:
    with client(url, clock, **changes) as asking:
        return asking.get("/audit", {"limit": "1"}, parse_list)


def hang(connection: socket.socket) -> None:
    connection.recv(1)  # until the client goes


def trickle(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    for _ in range(1000):
        connection.sendall(b" ")
        time.sleep(0.02)


CUT_OFF = http(b"[]" + b" " * 98)[:-50]

PASSING: dict[str, servers.Answer] = {
    "reset": reset,
    "closed": lambda _connection: None,
    "time-out": hang,
    "429": http(b"{}", "Retry-After: 1", status="429 Too Many Requests"),
    "500": http(b'{"error": true, "message": "no"}', status="500 Internal Server Error"),
    "502": http(b"<html>", status="502 Bad Gateway"),
    "503": http(b"", status="503 Service Unavailable"),
    "408": http(b"", status="408 Request Timeout"),
    "cut-off": CUT_OFF,
    "cut-off chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n[]\r\n",
    "not HTTP": b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
    "HTML": http(b"<!doctype html><title>Sign in</title>", "Content-Type: text/html"),
    "half JSON": http(b'{"audit_logs": [{"id"'),
    "not gzip": http(b"[]", "Content-Encoding: gzip"),
    "empty": http(b""),
    "error in 200": http(b'{"error": true, "message": "Failed to fetch"}'),
}

LASTING = {
    "reset": "cannot be reached",
    "closed": "cannot be reached (Server disconnected without sending a response.)",
    "time-out": "cannot be reached (timed out)",
    "429": "kept answering HTTP 429",
    "500": "kept answering HTTP 500",
    "502": "kept answering HTTP 502",
    "503": "kept answering HTTP 503",
    "408": "kept answering HTTP 408",
    "cut-off": "cannot be reached (peer closed connection without sending complete message body",
    "cut-off chunks": "cannot be reached (peer closed connection without sending complete message body",
    "not HTTP": "cannot be reached (illegal status line",
    "HTML": "something that is not a list of audit entries",
    "half JSON": "something that is not a list of audit entries",
    "not gzip": "cannot be decompressed",
    "empty": "something that is not a list of audit entries",
    "error in 200": "The platform reports a failure: Failed to fetch.",
}


def patience(failure: str) -> float:
    """Return how many seconds to wait for an answer: few for one that never comes, enough for others."""
    return 0.3 if failure == "time-out" else 5.0


@pytest.mark.parametrize("failure", PASSING)
def test_a_failure_that_passes_is_tried_again(failure: str) -> None:
    with serving(PASSING[failure], PASSING[failure], http(b"[{}]")) as served:
        assert len(ask(served.url, timeout=patience(failure)).content.entries) == 1
    assert len(served.heads) == 3


@pytest.mark.parametrize("failure", PASSING)
def test_a_failure_that_lasts_is_said_in_a_sentence(failure: str) -> None:
    with serving(PASSING[failure]) as served, pytest.raises(SourceError) as failed:
        ask(served.url, timeout=patience(failure), retry_for=2.0)

    assert LASTING[failure] in failed.value.what
    assert failed.value.what.endswith(".")
    assert failed.value.remedy.endswith(".")
    assert failed.value.exit_code == 6
    assert len(served.heads) > 1


def test_a_platform_that_is_not_there_is_tried_again_and_named(caplog: pytest.LogCaptureFixture) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(SourceError, match=rf"127\.0\.0\.1:{port} cannot be reached \(.*refused\)"):
        ask(f"http://127.0.0.1:{port}")
    assert "Trying again" in caplog.text


@pytest.mark.parametrize(
    ("answer", "error", "what"),
    [
        (http(b'{"error": true, "message": "Bad key"}', status="401 No"), AuthorizationError, "401: Bad key"),
        (http(b"<html>", status="403 Forbidden"), AuthorizationError, "does not accept the key (HTTP 403)."),
        (http(b"[" * 100_000, status="401 No"), AuthorizationError, "(HTTP 401)."),
        (http(b'{"message": "\xff"}', status="401 No"), AuthorizationError, "(HTTP 401)."),
        (http(b"{}", status="404 Not Found"), NotFoundError, "knows no /v1/cli/audit (HTTP 404)."),
        (
            http(b'{"message": "limit?"}', status="400 No"),
            RefusedError,
            "refuses the request (HTTP 400: limit?)",
        ),
        (http(b"[]", status="206 Partial Content"), SourceError, "refuses the request (HTTP 206)"),
        (http(b"[]", status="203 Altered"), SourceError, "refuses the request (HTTP 203)"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", SourceError, "refuses the request (HTTP 204)"),
        (b"HTTP/1.1 304 Not Modified\r\n\r\n", SourceError, "refuses the request (HTTP 304)"),
    ],
)
def test_a_refusal_is_final_at_once(answer: bytes, error: type[AuditExportError], what: str) -> None:
    with serving(answer) as served, pytest.raises(error) as refused:
        ask(served.url)
    assert type(refused.value) is error
    assert what in refused.value.what
    assert len(served.heads) == 1


def test_what_the_platform_says_at_length_is_cut_short() -> None:
    said = b'{"message": "%s"}' % (b"no " * 10_000)
    with serving(http(said, status="401 No")) as served, pytest.raises(AuthorizationError) as refused:
        ask(served.url)
    assert len(refused.value.what) < 400


@pytest.mark.parametrize(
    "header", ["Retry-After: 1", "Retry-After: Mon, 23 Nov 2026 12:00:01 GMT", "Retry-After:  1 "]
)
def test_retry_after_is_obeyed_in_seconds_and_as_a_date(header: str) -> None:
    busy = http(b"", header, DATE, status="429 Too Many Requests")
    clock = Clock()
    with serving(busy, http()) as served:
        ask(served.url, clock)
    assert clock.slept == [1.0]
    assert len(served.heads) == 2


@pytest.mark.parametrize("header", ["Retry-After: 0", "Retry-After: Mon, 23 Nov 2026 11:00:00 GMT"])
def test_a_platform_that_may_be_asked_again_at_once_is_not_asked_without_a_pause(header: str) -> None:
    busy, clock = http(b"", header, DATE, status="503 No"), Clock()
    with serving(busy, busy, http()) as served:
        ask(served.url, clock)
    assert len(clock.slept) == 2
    assert all(clock.slept)


@pytest.mark.parametrize(
    "header",
    ["Retry-After: 3600", "Retry-After: Mon, 23 Nov 2026 13:00:00 GMT", f"Retry-After: {'9' * 400}"],
)
def test_a_wait_beyond_the_patience_is_not_begun(header: str) -> None:
    busy = http(b"", header, DATE, status="503 Service Unavailable")
    with serving(busy) as served, pytest.raises(SourceError) as failed:
        ask(served.url)
    assert "kept answering HTTP 503 (try again in " in failed.value.what
    assert len(served.heads) == 1


def test_a_platform_that_names_a_time_is_waited_for_even_on_first_contact() -> None:
    busy = http(b"", "Retry-After: 60", status="429 Too Many Requests")
    clock = Clock()
    with serving(busy, http()) as served:
        ask(served.url, clock, retry_for=600)
    assert clock.slept == [60.0]
    assert len(served.heads) == 2


@pytest.mark.parametrize(
    "value", ["soon", "-5", "1.5", "٣", "Mon, 23 Nov 99999999999999 12:00:00 GMT", "Mon, 1 Jan 0001 99:00:00"]
)
@pytest.mark.parametrize("name", ["Retry-After", "Date"])
def test_a_time_that_cannot_be_read_is_passed_over(name: str, value: str) -> None:
    with serving(http(b"", f"{name}: {value}", status="503 No"), http(b"[]", f"{name}: {value}")) as served:
        assert ask(served.url).server_time is None


@pytest.mark.parametrize("zone", ["GMT", "-0000", "+0000", ""])
def test_the_platforms_clock_is_read_as_gmt(zone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        with serving(http(b"[]", f"Date: Mon, 23 Nov 2026 12:00:00 {zone}")) as served:
            assert ask(served.url).server_time == datetime(2026, 11, 23, 12, tzinfo=UTC)
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize(("answer", "attempts"), [(PASSING["503"], 2), (PASSING["HTML"], 2), (reset, 2)])
def test_patience_ends_in_time(answer: servers.Answer, attempts: int) -> None:
    clock = Clock()
    with serving(answer) as served, pytest.raises(SourceError):
        ask(served.url, clock, retry_for=0.05)
    assert len(clock.slept) == len(served.heads) - 1
    assert 1 <= len(served.heads) <= attempts


@pytest.mark.parametrize(("reached", "seconds"), [(True, 600), (False, 30)])
def test_pauses_grow_to_half_a_minute_each_by_chance_a_little_longer_and_end_in_time(
    seconds: int, *, reached: bool
) -> None:
    """Whoever has never answered is given up soon: it may be the wrong address."""

    def pauses() -> list[float]:
        clock = Clock()
        patience = Patience(600, reached=reached, sleep=clock.sleep, clock=clock)
        with suppress(UnreachableError):
            for attempt in patience.attempts():
                with attempt:
                    patience.begin()
                    raise UnreachableError("no route")
        return clock.slept

    runs = [pauses(), pauses()]
    for number, pause in enumerate(runs[0]):
        shortest = 0.1 * 2**number
        assert min(30, shortest) <= pause <= min(30, shortest + 1)
    assert runs[0][:5] != runs[1][:5]
    assert sum(runs[0][:-1]) < seconds <= sum(runs[0])


def test_a_patience_of_nothing_means_one_attempt() -> None:
    with serving(PASSING["503"]) as served, pytest.raises(SourceError):
        ask(served.url, retry_for=0)
    assert len(served.heads) == 1


def test_bodies_that_cannot_be_read_are_tried_five_times(world: World) -> None:
    world.behave(faults={Fault.HTML: 1.0})
    before = world.requests
    with (
        Client(world.connection(), now=lambda: NOW, sleep=no_sleep) as asking,
        pytest.raises(SourceError, match="not a list of audit entries"),
    ):
        asking.get("/audit", {}, parse_list)
    assert world.requests - before == 5


def test_a_body_that_only_trickles_does_not_outlast_the_time_out() -> None:
    began = time.monotonic()
    with serving(trickle) as served, pytest.raises(SourceError, match="the body took longer than --timeout"):
        ask(served.url, timeout=0.3, retry_for=0)
    assert time.monotonic() - began < 2.0


def test_a_compressed_answer_is_understood_though_none_was_asked_for() -> None:
    with serving(http(gzip.compress(b"[{}]"), "Content-Encoding: gzip")) as served:
        assert len(ask(served.url).content.entries) == 1
    assert b"accept-encoding: identity\r\n" in served.heads[0].lower()


def test_an_answer_that_something_on_the_way_has_kept_is_not_wanted() -> None:
    with serving(http()) as served:
        ask(served.url)
    assert b"cache-control: no-cache\r\n" in served.heads[0].lower()


def test_a_cookie_that_no_request_can_carry_is_not_kept() -> None:
    cookies = ("Set-Cookie: user=Jörg", "Set-Cookie: node=7")
    with serving(http(b"[]", *cookies)) as served, client(served.url) as asking:
        asking.get("/audit", {}, parse_list)
        asking.get("/audit", {}, parse_list)
    assert b"\r\nCookie: node=7\r\n" in served.heads[1]


def test_no_more_requests_than_allowed_are_under_way_at_the_same_time() -> None:
    lock, under_way, most = threading.Lock(), 0, 0

    def slow(connection: socket.socket) -> None:
        nonlocal under_way, most
        with lock:
            under_way += 1
            most = max(most, under_way)
        time.sleep(0.05)
        with lock:
            under_way -= 1
        connection.sendall(http())

    with (
        serving(slow) as served,
        Client(connection(served.url), now=lambda: NOW, at_once=3) as asking,
        ThreadPoolExecutor(9) as pool,
    ):
        answers = list(pool.map(lambda _: asking.get("/audit", {}, parse_list), range(18)))

    assert len(answers) == 18
    assert most == 3


def test_waiting_for_others_takes_nothing_from_the_time_for_which_a_request_is_tried_again() -> None:
    begun = threading.Event()

    def slow(connection: socket.socket) -> None:
        begun.set()
        time.sleep(1.0)
        connection.sendall(http())

    with (
        serving(http(), slow, PASSING["503"], http()) as served,
        Client(connection(served.url, retry_for=0.8), now=lambda: NOW, sleep=no_sleep) as asking,
        ThreadPoolExecutor(1) as pool,
    ):
        asking.get("/audit", {}, parse_list)
        before = pool.submit(asking.get, "/audit", {}, parse_list)
        begun.wait()
        asking.get("/audit", {}, parse_list)
        before.result()

    assert len(served.heads) == 4


def test_an_answer_gives_its_place_to_the_next_request_before_it_is_read() -> None:
    with serving(http()) as served, Client(connection(served.url), now=lambda: NOW, at_once=1) as asking:

        def read(body: bytes) -> Answer[Body]:
            assert body == b"[]"
            return asking.get("/audit", {}, parse_list)

        answer = asking.get("/audit", {}, read)

    assert answer.answered <= answer.content.asked


def test_after_the_key_was_refused_nothing_more_is_sent_whoever_waits_for_a_place() -> None:
    def refused(asking: Client) -> bool:
        with pytest.raises(AuthorizationError, match="no such key"):
            asking.get("/audit", {}, parse_list)
        return True

    forbidden = http(b'{"error": true, "message": "no such key"}', status="401 Unauthorized")
    with serving(forbidden) as served, client(served.url) as asking, ThreadPoolExecutor(9) as pool:
        assert all(pool.map(refused, [asking] * 18))

    assert len(served.heads) == 1


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 Other", "307 Temporary", "308 Permanent"])
def test_a_redirect_to_another_host_is_not_followed(status: str) -> None:
    with serving(http()) as elsewhere:
        moved = http(b"", f"Location: {elsewhere.url}/audit", status=status)
        with serving(moved) as served, pytest.raises(SourceError, match="the key is not sent there"):
            ask(served.url)
        assert len(served.heads) == 1
        assert elsewhere.heads == []


@pytest.mark.parametrize("target", ["http://xn--zzzz/", "http:["])
def test_a_redirect_to_what_is_no_address_is_final_too(target: str) -> None:
    moved = http(b"", f"Location: {target}", status="302 Found")
    with serving(moved) as served, pytest.raises(SourceError, match="redirects to what is no address"):
        ask(served.url)
    assert len(served.heads) == 1


def test_a_redirect_from_https_to_http_is_not_followed(authority: Authority) -> None:
    with serving(http()) as elsewhere:
        moved = http(b"", f"Location: {elsewhere.url}/audit", status="302 Found")
        with serving(moved, tls=authority.server) as served, pytest.raises(SourceError, match="redirects to"):
            ask(served.tls_url, ca_bundle=authority.certificate)
        assert len(served.heads) == 1
        assert elsewhere.heads == []


@pytest.mark.parametrize(
    "url",
    [
        "http://api.example",
        "http://127.0.0.1.example",
        "http://10.0.0.1",
        "http://localhost.example",
        "ftp://localhost",
    ],
)
def test_the_key_is_not_sent_unprotected(url: str) -> None:
    with pytest.raises(UsageError, match="The key would travel unprotected"):
        client(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://me:pass-word@api.example",
        "https://me@api.example",
        "https://a.example?k=pass-word",
        "https://a#b",
        "https://a.example/v1?",
        "https://a.example/v1#",
    ],
)
def test_a_url_with_more_than_an_address_is_refused_without_being_shown(url: str) -> None:
    with pytest.raises(UsageError, match="holds a user name, a query or a fragment") as refused:
        client(url)
    assert "pass-word" not in str(refused.value)


@pytest.mark.parametrize(
    "url",
    ["https://", "https:///v1", "https:/api.example", "https://a:b", "https://a:65536", "api.example", ""],
)
def test_what_is_no_url_is_refused(url: str) -> None:
    with pytest.raises(UsageError):
        client(url)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "LOCALHOST"])
def test_plain_http_is_for_this_machine(host: str) -> None:
    with serving(http()) as served:
        ask(f"http://{host}:{served.port}/v1/cli/")
    assert served.heads[0].startswith(b"GET /v1/cli/audit?limit=1 HTTP/1.1\r\n")
    assert f"x-satusky-api-key: {TELLTALE}\r\n".encode() in served.heads[0].lower().replace(
        TELLTALE.lower().encode(), TELLTALE.encode()
    )


def test_an_authority_of_ones_own_is_trusted_where_it_is_named(
    authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    with serving(http(), tls=authority.server) as served:
        ask(served.tls_url, ca_bundle=authority.certificate)
        with pytest.raises(SourceError, match="is not trusted") as failed:
            ask(served.tls_url)
    assert "Trying again" not in caplog.text
    assert "--ca-bundle" in failed.value.remedy
    assert len(served.heads) == 1


def test_a_certificate_for_another_name_is_not_trusted(authority: Authority) -> None:
    with (
        serving(http(), tls=authority.server) as served,
        pytest.raises(SourceError, match=r"is not trusted \(IP address mismatch") as failed,
    ):
        ask(f"https://127.0.0.1:{served.port}", ca_bundle=authority.certificate)
    assert failed.value.remedy.startswith("Check the host in --api-url")


def test_an_authority_can_come_from_the_environment(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.certificate))
    with serving(http(), tls=authority.server) as served:
        ask(served.tls_url)


@pytest.mark.parametrize("content", [None, b"", b"no certificate"])
def test_a_ca_bundle_without_certificates_is_refused(tmp_path: Path, content: bytes | None) -> None:
    bundle = tmp_path / "ca.pem"
    if content is not None:
        bundle.write_bytes(content)
    with pytest.raises(UsageError, match="cannot be used"):
        client("https://api.example", ca_bundle=bundle)


def test_a_ca_bundle_that_is_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "bundle.pem")

    with pytest.raises(UsageError, match="is a pipe, which can be read but once"):
        client("https://api.example", ca_bundle=tmp_path / "bundle.pem")


@pytest.fixture
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    return monkeypatch


def test_a_proxy_of_the_environment_carries_https_and_does_not_see_the_key(
    authority: Authority, no_proxies: pytest.MonkeyPatch
) -> None:
    with proxying() as proxy, serving(http(), tls=authority.server) as served:
        no_proxies.setenv("HTTPS_PROXY", f"http://me:word@127.0.0.1:{proxy.port}")
        ask(served.tls_url, ca_bundle=authority.certificate)
        assert proxy.heads[0].startswith(f"CONNECT localhost:{served.port} HTTP/1.1\r\n".encode())
        assert b"proxy-authorization: basic" in proxy.heads[0].lower()
        assert TELLTALE.encode() not in b"".join(proxy.heads)

        no_proxies.setenv("NO_PROXY", "localhost")
        ask(served.tls_url, ca_bundle=authority.certificate)
        assert len(proxy.heads) == 1
    assert len(served.heads) == 2


def test_a_proxy_that_speaks_https_itself_is_trusted_by_the_ca_bundle_too(authority: Authority) -> None:
    with proxying(tls=authority.server) as proxy, serving(http(), tls=authority.server) as served:
        through = f"https://localhost:{proxy.port}"
        ask(served.tls_url, ca_bundle=authority.certificate, proxy=through)
    assert len(proxy.heads) == len(served.heads) == 1


def test_plain_http_does_not_leave_this_machine_through_a_proxy(no_proxies: pytest.MonkeyPatch) -> None:
    with serving(http()) as proxy, serving(http()) as served:
        no_proxies.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.port}")
        no_proxies.setenv("ALL_PROXY", f"http://127.0.0.1:{proxy.port}")
        ask(served.url)
    assert proxy.heads == []


@pytest.mark.parametrize(
    "proxy", ["gopher://me:pass-word@proxy.example", "socks5://me:pass-word@p", "http://[::1"]
)
def test_a_proxy_that_cannot_be_used_is_refused_without_its_password(
    no_proxies: pytest.MonkeyPatch, proxy: str
) -> None:
    no_proxies.setenv("ALL_PROXY", proxy)
    with pytest.raises(UsageError, match="proxy") as refused:
        client("https://api.example")
    assert "pass-word" not in str(refused.value)
    assert refused.value.__suppress_context__


ECHOES = {
    "body": http(b'[{"id": "%s"}]' % TELLTALE.encode()),
    "escaped body": http(b'[{"id": "%s"}]' % TELLTALE.replace("/", "\\/").encode()),
    "compressed body": http(gzip.compress(TELLTALE.encode()), "Content-Encoding: gzip"),
    "header": http(b"[]", f"X-Debug: {TELLTALE}"),
    "name of a header": http(b"[]", f"X-{TELLTALE.replace('/', '')}: 1", f"Y: {TELLTALE}"),
    "cookie": http(b"[]", f"Set-Cookie: k={TELLTALE}"),
    "location": http(b"", f"Location: /?k={TELLTALE.replace('/', '%2F')}", status="302 Found"),
    "reason": http(b"[]", status=f"200 {TELLTALE}"),
    "refusal": http(b'{"message": "no key %s"}' % TELLTALE.encode(), status="401 No"),
}


@pytest.mark.parametrize("echo", ECHOES)
def test_an_answer_that_echoes_the_key_is_final_and_not_shown(
    echo: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG", "httpx")
    with serving(ECHOES[echo]) as served, pytest.raises(EchoError, match="contains the API key") as failed:
        ask(served.url)
    assert len(served.heads) == 1
    assert_hidden(failed, caplog)


PARTS = {
    "refusal": lambda part: http(b'{"message": "no key %s..."}' % part, status="401 No"),
    "error in 200": lambda part: http(b'{"error": true, "message": "no key %s..."}' % part),
    "location": lambda part: http(b"", f"Location: https://x/{part.decode()}", status="302 Found"),
    "reason": lambda part: http(b"", status=f"400 {part.decode()}"),
    "malformed status": lambda part: b"HTP/1.1 %s\r\n\r\n" % part,
    "malformed header": lambda part: b"HTTP/1.1 200 OK\r\n%s \x00 \r\n\r\n" % part,
}


@pytest.mark.parametrize("half", HALVES)
@pytest.mark.parametrize("place", PARTS)
def test_a_part_of_the_key_that_the_platform_quotes_is_not_shown(
    place: str, half: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    with serving(PARTS[place](half.encode())) as served, pytest.raises(AuditExportError) as failed:
        ask(served.url)
    assert_hidden(failed, caplog)


def assert_hidden(failed: pytest.ExceptionInfo[AuditExportError], caplog: pytest.LogCaptureFixture) -> None:
    shown = "".join(traceback.format_exception(failed.value))
    shown += "".join(record.getMessage() for record in caplog.records if record.name != "httpcore.http11")
    assert "Traceback" in shown
    for half in HALVES:
        assert half not in shown


def test_the_client_leaves_no_trace_in_the_log_of_others(world: World) -> None:
    before = list(logging.getLogger("httpx").filters)
    with Client(world.connection(), now=lambda: NOW):
        assert len(logging.getLogger("httpx").filters) == len(before) + 1
    assert logging.getLogger("httpx").filters == before
