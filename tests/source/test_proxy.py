"""A proxy is used when it is asked for, by option or environment, and never gets the key in the clear."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import httpx
import pytest

from exporter.entries.envelope import parse_list
from exporter.errors import UsageError
from exporter.source.client import Client
from tests.world import NOW, World


class _Relay(BaseHTTPRequestHandler):
    """Forwards what it is asked for, and notes it."""

    relayed: list[str]

    def do_GET(self) -> None:
        self.relayed.append(self.path)
        answer = httpx.get(self.path, headers=dict(self.headers), trust_env=False)
        self.send_response(answer.status_code)
        self.send_header("content-length", str(len(answer.content)))
        self.end_headers()
        self.wfile.write(answer.content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - named by the base class
        pass


@contextmanager
def relaying() -> Iterator[tuple[str, list[str]]]:
    relayed: list[str] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Relay", (_Relay,), {"relayed": relayed}))
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://user:secret@127.0.0.1:{server.server_port}", relayed
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def entries(world: World, proxy: str | None) -> int:
    with Client(world.connection(proxy=proxy), now=lambda: NOW) as client:
        return len(client.get("/audit", {"limit": "3"}, parse_list).content.entries)


def test_requests_go_through_the_proxy_that_was_asked_for(world: World) -> None:
    with relaying() as (proxy, relayed):
        assert entries(world, proxy) == 3

    assert relayed == [f"{world.url}/audit?limit=3"]


@pytest.mark.parametrize("proxy", ["", "proxy", "ftp://proxy", "socks5://user:secret@proxy", "http://"])
def test_what_is_no_proxy_is_refused_without_repeating_it(world: World, proxy: str) -> None:
    with pytest.raises(UsageError, match="--proxy is not the URL") as refused:
        entries(world, proxy)
    assert "secret" not in str(refused.value)


def test_the_key_does_not_travel_unprotected_to_a_proxy_elsewhere(world: World) -> None:
    with pytest.raises(UsageError, match=r"unprotected to the proxy at proxy\.example"):
        entries(world, "http://user:secret@proxy.example:3128")


def test_a_connection_does_not_show_its_proxys_password(world: World) -> None:
    assert "secret" not in repr(world.connection(proxy="http://user:secret@proxy.example:3128"))
