"""The client of an event loop, on aiohttp. Imported with the first asynchronous call."""

import asyncio
import asyncio.trsock
import contextlib
import functools
import select
import socket
from collections.abc import AsyncIterator
from typing import Any
from weakref import WeakSet

import aiohttp
import httpx
from aiohttp.abc import AbstractStreamWriter
from aiohttp.connector import Connection
from aiohttp.http import StreamWriter

from glm_openrouter._secrets import Concealed

from .body import ReadableStream
from .options import HTTPResponse
from .proxy import Proxy
from .request import PlainRequest, RequestBuilder
from .sync_pool import LIMITS, ssl_context

__all__ = ["DirectAsyncClient"]

_LONGEST_PIECE = 1 << 19
"""Bytes that are written at once."""

_READ_SIZE = 1 << 14
"""Bytes that are read at once, at most."""


class DirectAsyncClient:
    """Sends requests as they are, without the cookies, redirects and merging of `httpx.AsyncClient`."""

    def __init__(self) -> None:
        self.is_closed = False
        self._sockets: WeakSet[socket.socket] = WeakSet()
        connector = aiohttp.TCPConnector(
            limit=0,
            ssl=ssl_context(),
            keepalive_timeout=LIMITS.keepalive_expiry,
            socket_factory=self._make_socket,
        )
        # The environment names the proxy, which comes with each request; aiohttp would read `.netrc` as well.
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            auto_decompress=False,
            request_class=_Request,
        )
        self._socks: dict[Proxy, httpx.AsyncHTTPTransport] = {}
        """For proxies that aiohttp does not know."""

    async def send(self, request: PlainRequest, builder: RequestBuilder) -> HTTPResponse:
        """Return the response, whose body is still to be read.

        Raises:
            httpx.TransportError: None came.
        """
        proxy = builder.proxy
        if proxy is not None and proxy.is_socks:
            http_request = builder.build_request(request, None)
            return await self._through_socks(proxy).handle_async_request(http_request)
        while (response := await self._send(request, builder)) is None:
            pass
        return response

    async def _send(self, request: PlainRequest, builder: RequestBuilder) -> HTTPResponse | None:
        """Return the response, or `None` if the server had closed the connection, so that nothing was sent."""
        upload = _Upload(request.body)
        try:
            response = await self._session.request(
                request.method,
                builder.base_url + request.path,
                data=upload if request.body else None,
                allow_redirects=False,
                timeout=_connect_limits(builder.timeout.pool, builder.timeout.connect),
                **_headers_and_proxy(builder),
            )
        except _ClosedEarlierError:
            return None
        except aiohttp.ClientError as error:
            upload.abort()
            raise _plain(error) from None
        except BaseException:
            upload.abort()
            raise
        return httpx.Response(
            response.status, headers=response.raw_headers, stream=_Stream(response)
        )

    def _through_socks(self, proxy: Proxy) -> httpx.AsyncHTTPTransport:
        if proxy not in self._socks:
            self._socks[proxy] = httpx.AsyncHTTPTransport(
                verify=ssl_context(), limits=LIMITS, proxy=proxy.for_httpx()
            )
        return self._socks[proxy]

    async def aclose(self) -> None:
        """Close all connections."""
        self.is_closed = True
        await self._session.close()
        for transport in self._socks.values():
            await transport.aclose()

    def abandon(self) -> None:
        """Close what can be closed once the loop is closed."""
        self.is_closed = True
        if self._session.connector is not None:
            with contextlib.suppress(StopIteration):
                self._session.connector.close().__await__().send(None)
            self._session.detach()
        for connected in self._sockets:
            connected.close()

    def _make_socket(self, address: tuple[Any, ...]) -> socket.socket:
        new = socket.socket(*address[:3])
        self._sockets.add(new)
        return new


@functools.cache
def _connect_limits(pool: float | None, connect: float | None) -> aiohttp.ClientTimeout:
    """Return these limits in aiohttp's form; all others are kept elsewhere."""
    return aiohttp.ClientTimeout(connect=pool, sock_connect=connect)


def _headers_and_proxy(builder: RequestBuilder) -> dict[str, Any]:
    """Return these arguments of aiohttp; a request that is not tunnelled tells the proxy itself who one is."""
    headers, proxy = builder.headers, builder.proxy
    if proxy is None:
        return {"headers": headers}
    if builder.base_url.startswith("http:"):
        return {"headers": Concealed({**headers, **proxy.headers}), "proxy": proxy.url}
    return {"headers": headers, "proxy": proxy.url, "proxy_headers": proxy.headers}


def _plain(error: aiohttp.ClientError) -> httpx.TransportError:
    """Return an error of httpx that says the same; aiohttp's may hold headers, and the password of a proxy."""
    error_type: type[httpx.TransportError] = httpx.NetworkError
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        error_type = httpx.ConnectTimeout
    elif isinstance(error, aiohttp.ClientConnectorError):
        error_type = httpx.ConnectError
    elif isinstance(error, aiohttp.ClientHttpProxyError):
        error_type = httpx.ProxyError
    elif isinstance(error, TimeoutError):
        error_type = httpx.ReadTimeout
    return error_type(str(error) or type(error).__name__)


class _ClosedEarlierError(Exception):
    """The server had closed a connection before anything was sent on it."""


class _Request(aiohttp.ClientRequest):
    """A request that looks whether its connection is still open: the loop may not have noticed yet."""

    async def send(self, conn: Connection) -> aiohttp.ClientResponse:
        protocol, transport = conn.protocol, conn.transport
        if protocol in _used and transport is not None:
            # The server owes nothing, so what is there to read is its end.
            if _is_readable(transport.get_extra_info("socket")):
                raise _ClosedEarlierError
        elif protocol is not None:
            _used.add(protocol)
        return await super().send(conn)


_used: WeakSet[Any] = WeakSet()
"""The connections that have been used."""


def _is_readable(connected: asyncio.trsock.TransportSocket) -> bool:
    if not hasattr(select, "poll"):  # as on Windows
        return bool(select.select([connected], [], [], 0)[0])
    poll = select.poll()
    poll.register(connected, select.POLLIN)
    return bool(poll.poll(0))


class _Stream(ReadableStream):
    """The body of a response."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response

    async def read(self) -> bytes:
        try:
            return await self._response.content.read(_READ_SIZE)
        except aiohttp.ClientError as error:
            raise _plain(error) from None

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while data := await self.read():
            yield data

    async def aclose(self) -> None:
        self._response.release()
        await self._response.wait_for_close()


class _Upload(aiohttp.Payload):
    """The body of a request, which goes out in pieces and knows its connection."""

    def __init__(self, body: bytes) -> None:
        super().__init__(body)
        self._size = len(body)
        self._transport: asyncio.Transport | None = None

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        return str(self._value, encoding, errors)

    async def write(self, writer: AbstractStreamWriter) -> None:
        assert isinstance(writer, StreamWriter)  # for the type checker; requests have no other
        self._transport = writer.transport
        for start in range(0, len(self._value), _LONGEST_PIECE):
            await writer.write(self._value[start : start + _LONGEST_PIECE])

    def abort(self) -> None:
        """Drop the connection; just closing it would wait until the server has taken what is on its way."""
        if self._transport is not None:
            self._transport.abort()
