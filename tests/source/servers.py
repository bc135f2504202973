"""Small real servers that say exactly what a test wants said, and remember what they were sent."""

import select
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

Answer = bytes | Callable[[socket.socket], None]
"""The bytes of a whole response, or what to do with the connection."""


@dataclass(slots=True, kw_only=True)
class Served:
    """A server at work on loopback."""

    port: int
    """Where it listens."""

    heads: list[bytes] = field(default_factory=list)
    """Request lines and headers, one for each connection, in the order received."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1/cli"

    @property
    def tls_url(self) -> str:
        return f"https://localhost:{self.port}/v1/cli"


def http(body: bytes = b"[]", *headers: str, status: str = "200 OK") -> bytes:
    """Write a response."""
    lines = [f"HTTP/1.1 {status}", *headers, f"Content-Length: {len(body)}", "Connection: close", "", ""]
    return "\r\n".join(lines).encode() + body


def reset(connection: socket.socket) -> None:
    """End the connection with RST."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@contextmanager
def serving(*answers: Answer, tls: ssl.SSLContext | None = None) -> Iterator[Served]:
    """Answer each connection with the next of ``answers``, the last of them for ever."""
    left = list(answers)

    def answer(connection: socket.socket, served: Served) -> None:
        if tls is not None:
            connection = tls.wrap_socket(connection, server_side=True)
        with connection:
            served.heads.append(_read_head(connection))
            said = left.pop(0) if len(left) > 1 else left[0]
            if callable(said):
                said(connection)
            else:
                connection.sendall(said)

    with _listening(answer) as served:
        yield served


@contextmanager
def answering(choose: Callable[[bytes], bytes]) -> Iterator[Served]:
    """Answer each connection with what ``choose`` makes of the head of its request."""

    def answer(connection: socket.socket, served: Served) -> None:
        with connection:
            head = _read_head(connection)
            served.heads.append(head)
            connection.sendall(choose(head))

    with _listening(answer) as served:
        yield served


@contextmanager
def proxying(*, tls: ssl.SSLContext | None = None) -> Iterator[Served]:
    """Forward CONNECT requests, wherever they are for, to the same port of this machine."""

    def forward(connection: socket.socket, served: Served) -> None:
        with connection if tls is None else tls.wrap_socket(connection, server_side=True) as near:
            head = _read_head(near)
            served.heads.append(head)
            port = int(head.split()[1].rpartition(b":")[2])
            with socket.create_connection(("127.0.0.1", port)) as target:
                near.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                _relay(near, target)

    with _listening(forward) as served:
        yield served


def _relay(near: socket.socket, far: socket.socket) -> None:
    ends = {near: far, far: near}
    while True:
        for source in select.select(ends, [], [])[0]:
            data = source.recv(1 << 16)
            if not data:
                return
            while isinstance(source, ssl.SSLSocket) and source.pending():  # which no select shows
                data += source.recv(1 << 16)
            ends[source].sendall(data)


@contextmanager
def _listening(handle: Callable[[socket.socket, Served], None]) -> Iterator[Served]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        served = Served(port=listener.getsockname()[1])
        threads: list[threading.Thread] = []

        def handle_one(connection: socket.socket) -> None:
            with suppress(OSError), connection:  # a client may leave at any time
                handle(connection, served)

        def accept() -> None:
            while True:
                connection, _ = listener.accept()
                if stop.is_set():
                    connection.close()
                    return
                threads.append(threading.Thread(target=handle_one, args=(connection,)))
                threads[-1].start()

        stop = threading.Event()
        acceptor = threading.Thread(target=accept)
        acceptor.start()
        try:
            yield served
        finally:
            stop.set()
            socket.create_connection(("127.0.0.1", served.port)).close()
            for thread in (acceptor, *threads):
                thread.join()


def _read_head(connection: socket.socket) -> bytes:
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        if not (data := connection.recv(1 << 16)):
            break
        head += data
    return head
