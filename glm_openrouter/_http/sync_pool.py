"""The synchronous client that the process shares."""

import atexit
import functools
import os
import threading
from ssl import SSLContext
from weakref import WeakSet

import httpx

from .httpcore_hooks import limit_lookups
from .options import HTTPRequest, HTTPResponse
from .proxy import Proxy
from .request import proxy_of

__all__ = ["LIMITS", "DirectClient", "release_sync_client", "ssl_context", "sync_client"]

LIMITS = httpx.Limits(max_connections=None, max_keepalive_connections=100, keepalive_expiry=30.0)


@functools.cache
def ssl_context() -> SSLContext:
    """Return the context that all connections share, because making one takes 10 ms."""
    return httpx.create_ssl_context()


class DirectClient:
    """Sends requests as they are, without the cookies, redirects and merging of `httpx.Client`.

    Clients are shared, so the cookies of one user would be sent for another; and leaving that work out saves a fourth
    of what a short request costs.
    """

    def __init__(self) -> None:
        self._transports: dict[Proxy | None, httpx.HTTPTransport] = {}
        self._lock = threading.Lock()

    def send(self, request: HTTPRequest, **_: bool) -> HTTPResponse:
        """Return the response, whose body is still to be read."""
        response = self._transport(proxy_of(request)).handle_request(request)
        response.request = request
        return response

    def _transport(self, proxy: Proxy | None) -> httpx.HTTPTransport:
        with self._lock:
            if proxy not in self._transports:
                self._transports[proxy] = httpx.HTTPTransport(
                    verify=ssl_context(), limits=LIMITS, proxy=proxy.for_httpx() if proxy else None
                )
                limit_lookups(self._transports[proxy])
            return self._transports[proxy]

    def close(self) -> None:
        """Close all connections."""
        for transport in self._transports.values():
            transport.close()


class _Pool:
    """A shared client and its users; it is closed when the last of them is closed explicitly."""

    def __init__(self, client: DirectClient) -> None:
        self.client = client
        self.users: WeakSet[object] = WeakSet()


_lock = threading.Lock()
_pool: list[_Pool] = []
"""The one pool of the process, once there is one."""


def sync_client(user: object) -> DirectClient:
    """Return the client that the process shares, for `user`."""
    with _lock:
        if not _pool:
            _pool.append(_Pool(DirectClient()))
        _pool[0].users.add(user)
        return _pool[0].client


def release_sync_client(user: object) -> None:
    """Close the shared client if nobody else uses it."""
    with _lock:
        if not _pool:
            return
        _pool[0].users.discard(user)
        if not _pool[0].users:
            _pool.pop().client.close()


@atexit.register
def _close_pool() -> None:
    while _pool:
        _pool.pop().client.close()


def _forget_pool() -> None:
    """Drop the client without closing it: after a fork its sockets belong to the parent."""
    global _lock
    _lock = threading.Lock()
    _pool.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_pool)
