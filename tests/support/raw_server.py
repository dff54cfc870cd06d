"""A server that writes what it likes: for each request the next of some iterables of bytes."""

import socket
import struct
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from itertools import repeat

Play = Callable[[], Iterable[bytes]]

HEAD = b"HTTP/1.1 200 OK\r\n"
STREAM_HEAD = HEAD + b"Content-Type: text/event-stream\r\n\r\n"
JSON_HEAD = HEAD + b"Content-Type: application/json\r\n\r\n"


def drip(data: bytes, seconds: float = 0.02) -> Iterator[bytes]:
    """Yield the same bytes for ever, with a pause before each."""
    for piece in repeat(data):
        time.sleep(seconds)
        yield piece


class RawServer:
    """What has happened to the server."""

    base_url: str

    def __init__(self, plays: list[Play], *, reset: bool, keep_alive: bool) -> None:
        self.connections = 0
        self.requests = 0
        self.sent = 0
        """Bytes of responses, not counting what is lost on the way."""
        self.left = threading.Event()
        """Set once a client has left before all was sent."""
        self._plays = plays
        self._reset = reset
        self._keep_alive = keep_alive

    def serve(self, connection: socket.socket) -> None:
        """Answer one request after the other."""
        self.connections += 1
        with connection, suppress(OSError):
            while read_request(connection) is not None:
                play = self._plays[min(self.requests, len(self._plays) - 1)]
                self.requests += 1
                self._send(connection, play())
                if self._reset:
                    linger = struct.pack("ii", 1, 0)
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                if not self._keep_alive:
                    return

    def _send(self, connection: socket.socket, pieces: Iterable[bytes]) -> None:
        try:
            for piece in pieces:
                connection.sendall(piece)
                self.sent += len(piece)
        except OSError:
            self.left.set()


@contextmanager
def raw_server(*plays: Play, reset: bool = False, keep_alive: bool = False) -> Iterator[RawServer]:
    """Serve in threads.

    Args:
        plays: What the responses are; the last serves all further requests, too.
        reset: Whether a connection ends with RST.
        keep_alive: Whether a connection serves one request after the other, instead of one.
    """
    server = RawServer([*plays], reset=reset, keep_alive=keep_alive)
    with serve_in_threads(server.serve) as server.base_url:
        yield server


@contextmanager
def serve_in_threads(serve: Callable[[socket.socket], None]) -> Iterator[str]:
    """Serve each connection in a thread of its own; give out the base URL."""
    with socket.create_server(("127.0.0.1", 0)) as listening, ExitStack() as connections:
        threads: list[threading.Thread] = []

        def accept() -> None:
            with suppress(OSError):
                while True:
                    connection = connections.enter_context(listening.accept()[0])
                    connection.settimeout(30)
                    thread = threading.Thread(target=serve, args=(connection,), daemon=True)
                    threads.append(thread)
                    thread.start()

        accepting = threading.Thread(target=accept, daemon=True)
        accepting.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}/api/v1"
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            for thread in (accepting, *threads):
                thread.join(10)


def read_request(connection: socket.socket) -> bytes | None:
    """Return the body of the next request, or `None` if there is none."""
    received = b""
    while b"\r\n\r\n" not in received:
        if not (data := connection.recv(1 << 16)):
            return None
        received += data
    head, _, body = received.partition(b"\r\n\r\n")
    lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    missing = int(lengths[0].split(b":")[1]) - len(body) if lengths else 0
    while missing > 0 and (data := connection.recv(min(missing, 1 << 16))):
        missing -= len(data)
        body += data
    return body
