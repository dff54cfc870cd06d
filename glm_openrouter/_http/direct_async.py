"""The client of an event loop, on aiohttp. Imported with the first asynchronous call."""

import asyncio
import contextlib
import socket
from typing import Any
from urllib.request import getproxies
from weakref import WeakSet

import aiohttp
import httpx
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http import StreamWriter
from httpx_aiohttp import AiohttpTransport

from .endpoint import HTTPRequest, HTTPResponse
from .pool import LIMITS, ssl_context

__all__ = ["DirectAsyncClient"]

_LONGEST_PIECE = 1 << 19
"""Bytes."""


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
        # With `trust_env`, aiohttp asks a thread for the proxy of each request.
        self._session = aiohttp.ClientSession(
            connector=connector, cookie_jar=aiohttp.DummyCookieJar(), trust_env=bool(getproxies())
        )
        self._transport = AiohttpTransport(verify=ssl_context(), client=self._session)

    async def send(self, request: HTTPRequest, **_: bool) -> HTTPResponse:
        """Return the response, whose body is still to be read."""
        # Two turns of the loop let it notice the connections that the server has closed in the meantime.
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        upload = _Upload(request.content)
        sent = upload.attach(request) if request.content else request
        try:
            response = await self._transport.handle_async_request(sent)
        except BaseException:
            upload.abort()
            raise
        response.request = request
        return response

    async def aclose(self) -> None:
        """Close all connections."""
        self.is_closed = True
        await self._session.close()

    def abandon(self) -> None:
        """Close what can be closed once the loop is closed."""
        self.is_closed = True
        if self._session.connector is not None:
            with contextlib.suppress(StopIteration):
                self._session.connector.close().__await__().send(None)
            self._session.detach()
        for left in self._sockets:
            left.close()

    def _make_socket(self, address: tuple[Any, ...]) -> socket.socket:
        made = socket.socket(*address[:3])
        self._sockets.add(made)
        return made


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

    def attach(self, request: HTTPRequest) -> HTTPRequest:
        """Return the request with this as its body, which httpx passes on as it is."""
        body: Any = self
        return httpx.Request(
            request.method,
            request.url,
            headers=request.headers,
            stream=body,
            extensions=request.extensions,
        )

    def abort(self) -> None:
        """Drop the connection; just closing it would wait until the server has taken what is on its way."""
        if self._transport is not None:
            self._transport.abort()
