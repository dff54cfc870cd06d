"""Damaged HTTP over a loopback socket: status lines, headers, chunks, compressed bodies."""

import asyncio
import gzip
import json
import socket
import threading
import zlib
from random import Random

from glm_openrouter import AsyncClient, Client, GLMError
from support.samples import KEY, REQUEST
from support.wire import event_stream, finishes, response_body, says

__all__ = ["SEEDS", "check_http"]

_TIMEOUT = 2.0
"""Seconds; nothing here is slow, so this passes only if a read waits for what never comes."""


def _response(head: str, content: bytes) -> bytes:
    return head.replace("\n", "\r\n").encode() + b"\r\n\r\n" + content


def _chunked(content: bytes, size: int) -> bytes:
    parts = [content[at : at + size] for at in range(0, len(content), size)]
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in [*parts, b""])


_STREAM = event_stream(says("Pier "), says("two."), finishes())
_JSON = json.dumps(response_body({"content": "Pier two."})).encode()
_HEAD = "HTTP/1.1 200 OK\nContent-Type: text/event-stream\n"
SEEDS = [
    _response(f"{_HEAD}Transfer-Encoding: chunked", _chunked(_STREAM, 60)),
    _response(f"{_HEAD}Content-Length: {len(_STREAM)}\nConnection: close", _STREAM),
    _response("HTTP/1.0 200 OK\nContent-Type: application/json", _JSON),
    _response(f"{_HEAD}Content-Encoding: gzip\nConnection: close", gzip.compress(_STREAM)),
    _response(f"{_HEAD}Content-Encoding: deflate\nConnection: close", zlib.compress(_STREAM)),
    _response("HTTP/1.1 100 Continue\n", b"") + _response(f"{_HEAD}Connection: close", _STREAM),
    _response("HTTP/1.1 429 Too Many Requests\nRetry-After: 3\nContent-Length: 2", b"{}"),
    _response("HTTP/1.1 302 Found\nLocation: /elsewhere\nContent-Length: 0", b""),
    _response("HTTP/1.1 204 No Content", b""),
]


class _Server:
    """Answers every request with the same bytes, and closes the connection."""

    def __init__(self) -> None:
        self.answer = b""
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}/api/v1"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            connection, _ = self._listening.accept()
            with connection:
                try:
                    self._read_request(connection)
                    connection.sendall(self.answer)
                except OSError:
                    pass  # the client has left

    def _read_request(self, connection: socket.socket) -> None:
        received = b""
        while b"\r\n\r\n" not in received:
            received += connection.recv(65_536)
        head, _, content = received.partition(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r")[0])
        while len(content) < length:
            content += connection.recv(65_536)


_server: _Server | None = None


def check_http(answer: bytes, rng: Random) -> None:
    """A response, whatever its bytes are, is a completion or a typed error."""
    global _server
    _server = _server or _Server()
    _server.answer = answer
    said = ""
    try:
        if rng.random() < 0.5:
            _ask(_server.url)
        else:
            asyncio.run(_ask_in_loop(_server.url))
    except GLMError as error:
        said = str(error)
    assert KEY not in said, "the key is in an error"


def _ask(url: str) -> None:
    with Client(api_key=KEY, base_url=url, max_retries=0, timeout=_TIMEOUT) as client:
        client.complete(REQUEST)


async def _ask_in_loop(url: str) -> None:
    async with AsyncClient(api_key=KEY, base_url=url, max_retries=0, timeout=_TIMEOUT) as client:
        await client.complete(REQUEST)
