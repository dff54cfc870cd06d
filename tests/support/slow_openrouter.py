"""OpenRouter with a provider that takes its time: what it sends while a model works, and what it does if one leaves.

Asked for a stream, it sends comments until the first token, then an event for each, and stops the provider when the
client leaves. Asked for one piece, it sends white space while the provider works, and the answer in the end; if the
client leaves, the provider works on (https://openrouter.ai/docs/api_reference/streaming).
"""

import json
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from glm_openrouter._client.transport import BaseTransport, Clock

from .raw_server import read_request, serve_in_threads
from .wire import event_stream, finishes, response_body, says, uses

__all__ = ["Generation", "SlowOpenRouter", "slow_openrouter"]

_COMMENT = b": OPENROUTER PROCESSING\n\n"


@dataclass
class Generation:
    """One answer of the provider."""

    body: dict[str, Any]
    """The request."""
    tokens: int = 0
    """How many the provider has generated, and somebody has to pay for."""
    client_left_at: float | None = None
    """By `time.monotonic()`."""
    began: threading.Event = field(default_factory=threading.Event)
    """Set once the client has been sent something."""
    over: threading.Event = field(default_factory=threading.Event)


class SlowOpenRouter:
    """The server, and what has happened to it."""

    base_url: str

    def __init__(self, answer: str, pace: float, token_seconds: float) -> None:
        self.generations: list[Generation] = []
        self.connections: list[socket.socket] = []
        self.clock_seconds = 0.0
        """What `token_seconds` have added up to."""
        self.looked = threading.Event()
        """Set when the client looks at the clock, as it does for whatever comes."""
        self._call_on_request: Callable[[], object] = lambda: None
        self._pieces: Sequence[str] = [answer[at : at + 4] for at in range(0, len(answer), 4)]
        self._answer = answer
        self._pace = pace
        self._token_seconds = token_seconds

    @property
    def tokens(self) -> int:
        """How many an answer has."""
        return len(self._pieces)

    def on_request(self, call: Callable[[], object]) -> None:
        """Have something called, in the thread of the server, once the first comment or blank has been sent."""
        self._call_on_request = call

    def close(self) -> None:
        """End all connections; clients keep theirs for the next request."""
        for connection in self.connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def wait_for_request(self) -> Generation:
        """Return the generation of the first request, once its client has been sent something."""
        end = time.monotonic() + 5
        while not self.generations and time.monotonic() < end:
            time.sleep(0.002)
        assert self.generations[0].began.wait(5)
        return self.generations[0]

    def serve(self, connection: socket.socket) -> None:
        """Answer one request after the other."""
        self.connections.append(connection)
        with connection, suppress(OSError):
            while (body := read_request(connection)) is not None:
                generation = Generation(json.loads(body))
                self.generations.append(generation)
                try:
                    self._generate(connection, generation)
                finally:
                    generation.over.set()

    def _generate(self, connection: socket.socket, generation: Generation) -> None:
        streams = bool(generation.body.get("stream"))
        kind = b"text/event-stream" if streams else b"application/json"
        head = b"HTTP/1.1 200 OK\r\nContent-Type: %b\r\nTransfer-Encoding: chunked\r\n\r\n" % kind
        connection.sendall(head + _frame(_COMMENT if streams else b"\n"))
        generation.began.set()
        self._call_on_request()
        for piece in self._pieces:
            self._watch(connection, generation)
            if streams and generation.client_left_at is not None:
                raise ConnectionAbortedError
            self.clock_seconds += self._token_seconds
            generation.tokens += 1
            sign = event_stream(says(piece), done=False) if streams else b"\n"
            if generation.client_left_at is None:
                connection.sendall(_frame(sign))
        whole = json.dumps(response_body({"content": self._answer})).encode()
        end = event_stream(finishes(), uses("B")) if streams else whole
        connection.sendall(_frame(end) + b"0\r\n\r\n")

    def _watch(self, connection: socket.socket, generation: Generation) -> None:
        """Let the time of one token pass, and notice if the client leaves."""
        if self._token_seconds:
            # The clock must not run ahead of a client that has not read yet what was sent in time.
            while generation.client_left_at is None and not self.looked.wait(0.001):
                self._look_for_end(connection, generation, 0.0)
            self.looked.clear()
        self._look_for_end(connection, generation, self._pace)

    def _look_for_end(
        self, connection: socket.socket, generation: Generation, seconds: float
    ) -> None:
        if generation.client_left_at is not None:
            time.sleep(seconds)
        elif select.select([connection], [], [], seconds)[0]:
            with suppress(ConnectionError):
                if connection.recv(1, socket.MSG_PEEK):
                    return
            generation.client_left_at = time.monotonic()


def _frame(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


class _ServersClock(Clock):
    def __init__(self, server: SlowOpenRouter) -> None:
        self._server = server

    def now(self) -> float:
        self._server.looked.set()
        return time.monotonic() + self._server.clock_seconds


@contextmanager
def slow_openrouter(
    answer: str, *, pace: float = 0.0, token_seconds: float = 0.0
) -> Iterator[SlowOpenRouter]:
    """Serve in threads.

    Args:
        answer: What the model says, a token for four letters.
        pace: Seconds that a token takes.
        token_seconds: Seconds that it takes besides on the clock of the clients, which nobody waits.
    """
    server = SlowOpenRouter(answer, pace, token_seconds)
    real, BaseTransport.clock = BaseTransport.clock, _ServersClock(server)
    try:
        with serve_in_threads(server.serve) as server.base_url:
            try:
                yield server
            finally:
                server.close()
    finally:
        BaseTransport.clock = real
