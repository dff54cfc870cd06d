"""The reads and writes of a synchronous socket: they ask how long they may take, from the first byte that is sent.

httpx fixes these times when it sends a request, and starts the wait again with each read: a server that drips its
headers, or sends `102 Processing` for ever, would never be left.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

from glm_openrouter._idle import IdleTimer

from .options import HTTPRequest, HTTPResponse

__all__ = ["Reads", "reads_of", "sending"]

_PIECE = 1 << 16
"""Bytes that are written before it is asked again how long that may take."""

_NEW_SOCKETS = ("connect_tcp.complete", "connect_unix_socket.complete", "start_tls.complete")
"""httpcore's names for the moments at which there is one."""


class _Socket(Protocol):
    """The part of `httpcore.NetworkStream` that is used here."""

    read: Any
    write: Any


class _Sending(threading.local):
    silence: IdleTimer | None = None
    """That of the request which this thread is sending, until its response starts."""


_sending = _Sending()


class Reads:
    """The reads and writes of one socket, which serves one response after the other."""

    def __init__(self, stream: _Socket) -> None:
        self.silence: IdleTimer | None = None
        """That of the response whose body is being read."""
        self._read, self._write = stream.read, stream.write
        stream.read, stream.write = self.read, self.write

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Read as `httpcore.NetworkStream` does."""
        silence = self.silence or _sending.silence
        data: bytes = self._read(max_bytes, timeout if silence is None else silence.remaining())
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Write as `httpcore.NetworkStream` does."""
        for start in range(0, len(buffer), _PIECE):
            silence = self.silence or _sending.silence
            left = silence.remaining() if silence else None
            limits = [limit for limit in (left, timeout) if limit is not None]
            self._write(buffer[start : start + _PIECE], min(limits, default=None))


def reads_of(response: HTTPResponse) -> Reads | None:
    """Return those of the socket that a response comes from, or `None` if it shares it with other responses."""
    stream = response.extensions.get("network_stream")
    return None if stream is None or response.http_version != "HTTP/1.1" else _watch(stream)


@contextmanager
def sending(request: HTTPRequest, silence: IdleTimer) -> Iterator[None]:
    """Send a request in this block, through any client; no wait for its response may be longer than `silence` says."""
    request.extensions["trace"] = _trace  # https://www.python-httpx.org/advanced/extensions/#trace
    _sending.silence = silence
    try:
        yield
    finally:
        _sending.silence = None


def _trace(event: str, info: Mapping[str, Any]) -> None:
    if event.endswith(_NEW_SOCKETS):
        _watch(info["return_value"])


def _watch(stream: Any) -> Reads:
    owner = getattr(stream.read, "__self__", None)
    return owner if isinstance(owner, Reads) else Reads(stream)
