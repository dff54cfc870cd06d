"""The body of a response, read from the socket; no read takes longer than the silence that is allowed."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import httpx

from glm_openrouter._silence import Silence

from .endpoint import AsyncHTTPClient, HTTPResponse
from .failure import transport_failure

if TYPE_CHECKING:
    from .direct_async import DirectAsyncClient

__all__ = ["AsyncBody", "Body"]


class Body:
    """The body of a response; no read of it takes longer than the silence that is allowed.

    httpx fixes the timeout of reads when it sends a request, and would start that wait again with every comment that
    keeps the connection alive. So the reads of its socket ask here how long they may take.
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
        """Return the rest; an error page may be incomplete, because its status is what matters.

        Raises:
            TimeoutError: It does not come in time.
        """
        pieces = []
        try:
            while (data := self.read()) is not None:
                pieces.append(data)
                self._silence.remaining()
        except Exception as error:
            if self.response.is_success or transport_failure(error) != "connection":
                raise
        return b"".join(pieces)

    def close(self) -> None:
        """Close the connection, unless it is free for the next request."""
        if self._socket is not None:
            del self._socket.read
            self._socket = None
        self.response.close()


class AsyncBody:
    """The body of a response; no read of it takes longer than the silence that is allowed."""

    def __init__(
        self, response: HTTPResponse, silence: Silence, client: AsyncHTTPClient | DirectAsyncClient
    ) -> None:
        self.response = response
        self._silence = silence
        self._client = client
        self._chunks = aiter(response.aiter_bytes() if _is_encoded(response) else response.stream)  # type: ignore[arg-type]

    async def read(self) -> bytes | None:
        """Return the next bytes, or `None` at the end."""
        try:
            async with asyncio.timeout_at(self._silence.deadline):
                return await anext(self._chunks, None)
        except RuntimeError as error:
            if self._client.is_closed:
                raise httpx.StreamClosed from error
            raise

    async def read_all(self) -> bytes:
        """Return the rest; an error page may be incomplete, because its status is what matters.

        Raises:
            TimeoutError: It does not come in time.
        """
        pieces = []
        try:
            while (data := await self.read()) is not None:
                pieces.append(data)
                self._silence.remaining()
        except Exception as error:
            if self.response.is_success or transport_failure(error) != "connection":
                raise
        return b"".join(pieces)

    async def aclose(self) -> None:
        """Close the connection, unless it is free for the next request."""
        await self.response.aclose()


def _is_encoded(response: HTTPResponse) -> bool:
    # Where there is nothing to decode, reading the stream itself costs a fifth of `iter_bytes`.
    return response.is_stream_consumed or "content-encoding" in response.headers
