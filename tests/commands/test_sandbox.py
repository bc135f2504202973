"""The sandbox says where it can be reached, and how far this program would go there."""

import socket
import sys
from typing import TYPE_CHECKING

import pytest

from exporter.commands.results import UnreadError
from exporter.sandbox import server
from tests.terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp


@pytest.fixture(autouse=True)
def brief(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have it serve for no longer than it takes to say where."""

    def serve(app: "ASGIApp", host: str, port: int, ready: "Callable[[server.Served], None]") -> None:
        with server.serving(app, host, port) as served:
            ready(served)

    monkeypatch.setattr(server, "serve_forever", serve)


def test_what_listens_on_every_address_is_reached_on_this_machine(terminal: Terminal) -> None:
    assert terminal("sandbox", "--host", "0.0.0.0", "--port", "0", "--entries", "1") == 0  # noqa: S104
    assert "Serving 1 entry at http://127.0.0.1:" in terminal.out
    assert "export SATUSKY_API_URL=http://127.0.0.1:" in terminal.out


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has more than one address of its own")
def test_an_address_that_the_program_itself_refuses_is_said_to_be_one(terminal: Terminal) -> None:
    assert terminal("sandbox", "--host", "127.0.0.2", "--port", "0", "--entries", "1") == 0
    assert "it takes plain http from localhost only" in terminal.out
    assert "SATUSKY_API_URL" not in terminal.out


def test_a_port_that_is_taken_asks_for_another(terminal: Terminal) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        assert terminal("sandbox", "--port", port, "--entries", "1") == 7
    assert "Choose another --port." in terminal.err


def test_a_place_that_cannot_be_printed_is_not_said_to_be_an_address_that_cannot_be_had(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_text: str) -> None:
        raise UnreadError("Nobody reads it.", "")

    monkeypatch.setattr("exporter.commands.sandbox.print_result", fail)
    assert terminal("sandbox", "--port", "0", "--entries", "1") == 141
    assert terminal.err == ""
