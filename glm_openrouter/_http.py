"""Sockets: the only module that imports httpx.

Clients are shared: one for the process and one for each running event loop, so that a thousand model instances use
one pool. The asynchronous one runs on aiohttp, which at a thousand streams needs a tenth of the time of httpx's own
pool; it is imported with the first asynchronous call.
"""

import asyncio
import atexit
import contextlib
import functools
import os
import sys
import threading
from collections.abc import AsyncGenerator, Mapping
from ipaddress import ip_address
from ssl import SSLContext
from typing import TYPE_CHECKING, Literal, TypeAlias
from urllib.parse import urlsplit
from urllib.request import getproxies
from weakref import WeakKeyDictionary, WeakSet

import httpx

from ._silence import Silence
from .errors import InvalidRequestError

if TYPE_CHECKING:
    import aiohttp

__all__ = [
    "DEFAULT_TIMEOUT",
    "AsyncBody",
    "AsyncHTTPClient",
    "Body",
    "Endpoint",
    "HTTPClient",
    "HTTPRequest",
    "HTTPResponse",
    "Timeout",
    "async_client",
    "build_timeout",
    "check_base_url",
    "release_async_client",
    "release_sync_client",
    "sync_client",
    "transport_failure",
]

HTTPClient: TypeAlias = httpx.Client
AsyncHTTPClient: TypeAlias = httpx.AsyncClient
HTTPRequest: TypeAlias = httpx.Request
HTTPResponse: TypeAlias = httpx.Response
Timeout: TypeAlias = httpx.Timeout

DEFAULT_TIMEOUT = 300.0
"""Seconds of silence. GLM may think for minutes before a response that is not streamed starts."""
CONNECT_TIMEOUT = 10.0
"""Seconds to make a connection."""

_LONGEST_PIECE = 1 << 19
"""Bytes."""

_LIMITS = httpx.Limits(max_connections=None, max_keepalive_connections=100, keepalive_expiry=30.0)


def build_timeout(timeout: float | Timeout | None) -> Timeout:
    """Return the limits in httpx's form: `read` is the silence that `timeout` bounds."""
    if isinstance(timeout, httpx.Timeout):
        return timeout
    limit = DEFAULT_TIMEOUT if timeout is None else timeout
    connect = min(CONNECT_TIMEOUT, limit)
    return httpx.Timeout(limit, connect=connect, pool=connect)


def check_base_url(url: str, *, allow_http: bool) -> str:
    """Return the base URL without its last slash.

    Raises:
        InvalidRequestError: It is no URL, or would send the key in the clear to another machine.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise InvalidRequestError(f"base_url must start with https://, got {url!r}.")
    if parts.scheme == "http" and not allow_http and not _is_loopback(parts.hostname):
        raise InvalidRequestError(
            f"base_url {url!r} would send the API key unencrypted. Use https://, or set allow_http=True."
        )
    return url.rstrip("/")


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


@functools.cache
def _ssl_context() -> SSLContext:
    return httpx.create_ssl_context()


class _DirectClient:
    """Sends requests as they are, without the cookies, redirects and merging of `httpx.Client`.

    Clients are shared, so that the cookies of one user would go to another; and that work is a fourth of what a
    short request costs.
    """

    def __init__(self) -> None:
        self._transport = httpx.HTTPTransport(verify=_ssl_context(), limits=_LIMITS)

    def send(self, request: HTTPRequest, **_: bool) -> HTTPResponse:
        response = self._transport.handle_request(request)
        response.request = request
        return response

    def close(self) -> None:
        self._transport.close()


class _DirectAsyncClient:
    """The same on aiohttp."""

    def __init__(self, transport: httpx.AsyncBaseTransport) -> None:
        self._transport = transport

    async def send(self, request: HTTPRequest, **_: bool) -> HTTPResponse:
        response = await self._transport.handle_async_request(_in_pieces(request))
        response.request = request
        return response

    async def aclose(self) -> None:
        await self._transport.aclose()


def _in_pieces(request: HTTPRequest) -> HTTPRequest:
    """Return a request whose body, if it is a long one, is sent in pieces; aiohttp warns about sending one at once."""
    body = request.content
    if len(body) <= _LONGEST_PIECE:
        return request

    async def pieces() -> AsyncGenerator[bytes, None]:
        for start in range(0, len(body), _LONGEST_PIECE):
            yield body[start : start + _LONGEST_PIECE]

    return httpx.Request(
        request.method,
        request.url,
        headers=request.headers,  # with the length of the body
        content=pieces(),
        extensions=request.extensions,
    )


def _make_sync_client() -> HTTPClient | _DirectClient:
    # Only `httpx.Client` reads the proxies of the environment.
    if getproxies():
        return httpx.Client(verify=_ssl_context(), limits=_LIMITS)
    return _DirectClient()


class _Pool:
    """A shared client and those who use it; it is closed when the last of them is closed explicitly."""

    def __init__(self, client: HTTPClient | _DirectClient) -> None:
        self.client = client
        self.users: WeakSet[object] = WeakSet()


_lock = threading.Lock()
_pool: list[_Pool] = []
"""The one pool of the process, once there is one."""


def sync_client(user: object) -> HTTPClient | _DirectClient:
    """Return the client that the process shares, for `user`."""
    with _lock:
        if not _pool:
            _pool.append(_Pool(_make_sync_client()))
        _pool[0].users.add(user)
        return _pool[0].client


def release_sync_client(user: object) -> None:
    """Close the shared client if `user` is the last who uses it."""
    with _lock:
        if not _pool:
            return
        _pool[0].users.discard(user)
        if not _pool[0].users:
            _pool.pop().client.close()


class _LoopPool:
    """The shared client of one event loop.

    It lives in an asynchronous generator, because those are what asyncio closes properly when a loop shuts down
    (https://docs.python.org/3/library/asyncio-eventloop.html#asyncio.loop.shutdown_asyncgens).
    """

    def __init__(self) -> None:
        self.users: WeakSet[object] = WeakSet()
        self.client: _DirectAsyncClient | None = None
        self.closed = False
        self._session: aiohttp.ClientSession | None = None
        self._life = self._live()

    async def open(self) -> _DirectAsyncClient:
        """Return the client, made at the first call."""
        if self.client is None:
            await anext(self._life)
        assert self.client is not None  # for the type checker; `_live` has set it
        return self.client

    async def aclose(self) -> None:
        await self._life.aclose()

    def abandon(self) -> None:
        """Let go of a loop that was closed without shutting down its generators; nothing can run on it any more."""
        if self._session is not None and self._session.connector is not None:
            with contextlib.suppress(StopIteration):
                self._session.connector.close().__await__().send(None)
            self._session.detach()

    async def _live(self) -> AsyncGenerator[None, None]:
        import aiohttp
        from httpx_aiohttp import AiohttpTransport

        connector = aiohttp.TCPConnector(
            limit=0, ssl=_ssl_context(), keepalive_timeout=_LIMITS.keepalive_expiry
        )
        # With `trust_env`, aiohttp asks a thread for the proxy of each request.
        self._session = aiohttp.ClientSession(
            connector=connector, cookie_jar=aiohttp.DummyCookieJar(), trust_env=bool(getproxies())
        )
        self.client = _DirectAsyncClient(
            AiohttpTransport(verify=_ssl_context(), client=self._session)
        )
        try:
            yield
        finally:
            self.closed = True
            await self.client.aclose()


_loop_pools: WeakKeyDictionary[asyncio.AbstractEventLoop, _LoopPool] = WeakKeyDictionary()


async def async_client(user: object) -> _DirectAsyncClient:
    """Return the client that everything on the running event loop shares, for `user`."""
    loop = asyncio.get_running_loop()
    with _lock:
        for other in [other for other in _loop_pools if other.is_closed()]:
            _loop_pools.pop(other).abandon()
        pool = _loop_pools.get(loop)
        if pool is None or pool.closed:
            pool = _loop_pools[loop] = _LoopPool()
    pool.users.add(user)
    return await pool.open()


async def release_async_client(user: object) -> None:
    """Close the shared client of the running event loop if `user` is the last who uses it."""
    loop = asyncio.get_running_loop()
    with _lock:
        pool = _loop_pools.get(loop)
        if pool is None:
            return
        pool.users.discard(user)
        if pool.users:
            return
        del _loop_pools[loop]
    await pool.aclose()


@atexit.register
def _close_pool() -> None:
    while _pool:
        _pool.pop().client.close()


def _forget_clients() -> None:
    """Drop the clients without closing them: after a fork their sockets belong to the parent."""
    global _lock
    _lock = threading.Lock()
    _pool.clear()
    _loop_pools.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_clients)


class Endpoint:
    """Where the requests of a client go, in httpx's form; made once, since making it is a good part of a request."""

    def __init__(self, url: str, headers: Mapping[str, str], timeout: Timeout) -> None:
        self._url = httpx.URL(url)
        self._headers = httpx.Headers(headers)
        self._timeout = timeout

    def build_post(self, body: bytes, client: HTTPClient | AsyncHTTPClient | None) -> HTTPRequest:
        """Return a request; what the user's own `client` adds to requests is merged, a shared one adds nothing."""
        if client is not None:
            return client.build_request(
                "POST", self._url, headers=self._headers, content=body, timeout=self._timeout
            )
        extensions = {"timeout": self._timeout.as_dict()}
        return httpx.Request(
            "POST", self._url, headers=self._headers, content=body, extensions=extensions
        )


class Body:
    """The body of a response; no read of it outlasts the silence.

    httpx settles the timeout of reads when it sends a request, and would start that wait again with every comment
    that keeps the connection alive. So the reads of its socket ask here how long they may take.
    """

    def __init__(self, response: HTTPResponse, silence: Silence) -> None:
        self.response = response
        self._silence = silence
        self._socket = response.extensions.get("network_stream")
        if response.http_version != "HTTP/1.1":
            self._socket = None  # shared with other responses
        if self._socket is not None:
            read = self._socket.read
            self._socket.read = lambda max_bytes, **_: read(max_bytes, timeout=silence.remaining())
        self._chunks = iter(response.iter_bytes() if _is_encoded(response) else response.stream)  # type: ignore[arg-type]

    def read(self) -> bytes | None:
        """Return the next bytes, or `None` at the end."""
        return next(self._chunks, None)

    def read_all(self) -> bytes:
        """Return the rest.

        Raises:
            TimeoutError: It does not come in time.
        """
        pieces = []
        while (data := self.read()) is not None:
            pieces.append(data)
            self._silence.remaining()
        return b"".join(pieces)

    def close(self) -> None:
        """Close the connection, unless it is free for the next request."""
        if self._socket is not None:
            del self._socket.read
            self._socket = None
        self.response.close()


class AsyncBody:
    """The body of a response; no read of it outlasts the silence."""

    def __init__(self, response: HTTPResponse, silence: Silence) -> None:
        self.response = response
        self._silence = silence
        self._chunks = aiter(response.aiter_bytes() if _is_encoded(response) else response.stream)  # type: ignore[arg-type]

    async def read(self) -> bytes | None:
        """Return the next bytes, or `None` at the end."""
        async with asyncio.timeout_at(self._silence.deadline):
            return await anext(self._chunks, None)

    async def read_all(self) -> bytes:
        """Return the rest.

        Raises:
            TimeoutError: It does not come in time.
        """
        pieces = []
        while (data := await self.read()) is not None:
            pieces.append(data)
            self._silence.remaining()
        return b"".join(pieces)

    async def aclose(self) -> None:
        """Close the connection, unless it is free for the next request."""
        await self.response.aclose()


def _is_encoded(response: HTTPResponse) -> bool:
    # Where there is nothing to decode, the stream itself costs a fifth of `iter_bytes`.
    return response.is_stream_consumed or "content-encoding" in response.headers


def transport_failure(
    error: BaseException,
) -> Literal["connection", "connect timeout", "silence"] | None:
    """Return how the transport failed, or `None` if `error` does not come from httpx, aiohttp or a socket."""
    aiohttp = sys.modules.get("aiohttp")
    kinds = (httpx.HTTPError, httpx.StreamError, OSError)
    if not isinstance(error, kinds if aiohttp is None else (*kinds, aiohttp.ClientError)):
        return None
    cause = error.__cause__
    if isinstance(error, httpx.ConnectTimeout | httpx.PoolTimeout):
        # httpx-aiohttp reports a refused or reset connection like this, too; the cause tells.
        from_aiohttp = type(cause).__module__.startswith("aiohttp")
        if from_aiohttp and not isinstance(cause, TimeoutError):
            return "connection"
        return "connect timeout"
    return "silence" if isinstance(error, httpx.TimeoutException | TimeoutError) else "connection"
