"""What happens behind the back of httpcore, and with it of httpx, for which neither has an option.

- Reading and writing ask how long they may take, from the first byte that is sent. httpx fixes these times when it
  sends a request, and starts the wait again with each read: a server that drips its headers, or sends `102 Processing`
  for ever, would never be left.
- Looking up a host may take no longer than connecting may.

`tests/core/http/test_upstream.py` has a test for each fact about httpcore that this builds on.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

import httpcore
import httpx

from glm_openrouter._idle import IdleTimer

from .options import HTTPRequest, HTTPResponse, is_address

__all__ = ["TimedSocket", "find_socket", "limit_lookups", "sending"]

_PIECE = 1 << 16
"""Bytes that are written before it is asked again how long that may take."""

_NEW_SOCKETS = ("connect_tcp.complete", "connect_unix_socket.complete", "start_tls.complete")
"""httpcore's names for the moments at which there is one."""


class _Socket(Protocol):
    """The part of `httpcore.NetworkStream` that is used here."""

    read: Any
    write: Any


class _Sending(threading.local):
    timer: IdleTimer | None = None
    """That of the request which this thread is sending, until its response starts."""


_sending = _Sending()


class TimedSocket:
    """The reads and writes of one socket, which serves one response after the other."""

    def __init__(self, stream: _Socket) -> None:
        self.timer: IdleTimer | None = None
        """That of the response whose body is being read."""
        self._read, self._write = stream.read, stream.write
        stream.read, stream.write = self.read, self.write

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Read as `httpcore.NetworkStream` does."""
        timer = self.timer or _sending.timer
        data: bytes = self._read(max_bytes, timeout if timer is None else timer.remaining())
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Write as `httpcore.NetworkStream` does."""
        for start in range(0, len(buffer), _PIECE):
            timer = self.timer or _sending.timer
            left = timer.remaining() if timer else None
            limits = [limit for limit in (left, timeout) if limit is not None]
            self._write(buffer[start : start + _PIECE], min(limits, default=None))


def find_socket(response: HTTPResponse) -> TimedSocket | None:
    """Return the socket that a response comes from, or `None` if it shares it with other responses."""
    stream = response.extensions.get("network_stream")
    return None if stream is None or response.http_version != "HTTP/1.1" else _watch(stream)


@contextmanager
def sending(request: HTTPRequest, timer: IdleTimer) -> Iterator[None]:
    """Send a request in this block, through any client; no wait for its response may be longer than `timer` says."""
    request.extensions["trace"] = _trace  # https://www.python-httpx.org/advanced/extensions/#trace
    _sending.timer = timer
    try:
        yield
    finally:
        _sending.timer = None


def _trace(event: str, info: Mapping[str, Any]) -> None:
    if event.endswith(_NEW_SOCKETS):
        _watch(info["return_value"])


def _watch(stream: Any) -> TimedSocket:
    owner = getattr(stream.read, "__self__", None)
    return owner if isinstance(owner, TimedSocket) else TimedSocket(stream)


def limit_lookups(transport: httpx.HTTPTransport) -> None:
    """Have a transport look up its hosts within the time for connecting."""
    transport._pool._network_backend = _Backend()


class _Backend(httpcore.SyncBackend):
    """Makes connections as httpcore does, all in all within the time for connecting."""

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to the first address of `host` that answers."""
        end = None if timeout is None else time.monotonic() + timeout
        failure: Exception = httpcore.ConnectError(f"{host} has no address")
        for address in _addresses(host, port, timeout):
            left = None if end is None else end - time.monotonic()
            if left is not None and left <= 0:
                raise httpcore.ConnectTimeout("timed out")
            try:
                return super().connect_tcp(address, port, left, local_address, socket_options)
            except httpcore.ConnectError as error:
                failure = error
        raise failure


def _addresses(host: str, port: int, timeout: float | None) -> list[str]:
    """Return the addresses of a host.

    `getaddrinfo` can be neither limited nor interrupted, so a thread of its own is left behind with it.
    """
    if is_address(host):
        return [host]
    addresses: list[str] = []
    failures: list[OSError] = []

    def look_up() -> None:
        try:
            entries = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            failures.append(error if isinstance(error, OSError) else OSError(str(error)))
        else:
            addresses.extend(dict.fromkeys(str(entry[4][0]) for entry in entries))

    thread = threading.Thread(target=look_up, name=f"look up {host}", daemon=True)
    thread.start()
    thread.join(timeout)
    if thread.is_alive():
        raise httpcore.ConnectTimeout(f"looking up {host} took too long")
    if failures:
        raise httpcore.ConnectError(str(failures[0])) from failures[0]
    return addresses
