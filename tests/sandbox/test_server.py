import signal
import socket
import subprocess
import sys

import httpx
import pytest
from starlette.responses import PlainTextResponse

from exporter.sandbox.server import serving

FOREGROUND = """
from datetime import UTC, datetime
from exporter.sandbox.app import Settings, create_app
from exporter.sandbox.audit_service import AuditService
from exporter.sandbox.server import serve_forever

with AuditService() as service:
    app = create_app(service, Settings(), lambda: datetime(2026, 4, 27, tzinfo=UTC))
    serve_forever(app, "127.0.0.1", 0, lambda served: print(served.base_url, flush=True))
print("ended", flush=True)
"""


hello = PlainTextResponse("hello")


def test_the_port_is_free_again_afterwards() -> None:
    with serving(hello) as first:
        port = int(first.origin.rsplit(":", 1)[1])
        assert httpx.get(first.base_url, trust_env=False).text == "hello"
    with serving(hello, port=port) as second:
        assert second == first


def test_a_client_that_keeps_its_connection_open_does_not_hold_up_the_end() -> None:
    with httpx.Client(trust_env=False) as client, serving(hello) as served:
        assert client.get(served.base_url).status_code == 200


def test_a_taken_port_is_a_plain_os_error() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as other,
        pytest.raises(OSError, match="in use"),
        serving(hello, port=other.getsockname()[1]),
    ):
        pass


@pytest.mark.skipif(sys.platform == "win32", reason="signals are sent otherwise there")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_foreground_server_ends_cleanly_when_told_to(number: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-W", "error", "-c", FOREGROUND],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as program:
        assert program.stdout is not None
        assert program.stderr is not None
        address = program.stdout.readline().strip()
        assert httpx.get(f"{address}/audit", trust_env=False).status_code == 401
        program.send_signal(number)
        assert program.stdout.read() == "ended\n"
        assert program.stderr.read() == ""
        assert program.wait(10) == 0
