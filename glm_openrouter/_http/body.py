"""The body of a response, read from the socket, within the time and the size that are allowed."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import Awaitable, Callable, Iterator
from typing import Protocol

import httpx

from glm_openrouter._idle import IdleTimer

from .async_time_limit import Watchdog
from .failure import ResponseTooLarge, transport_failure
from .httpcore_hooks import find_socket
from .inflate import PIECE, cut, find_inflater
from .options import HTTPResponse

__all__ = ["AsyncBody", "Body", "ReadableStream"]

_ERROR_PAGE = 1 << 16
"""Bytes of an error page that are read."""


class _BaseBody:
    """What both have in common: what comes from the socket is decompressed piece by piece, and counted."""

    def __init__(self, response: HTTPResponse, timer: IdleTimer, limit: int) -> None:
        self.response = response
        self._timer = timer
        self._limit = self._left = limit
        self._pieces: Iterator[bytes] = iter(())
        """What is left of the bytes that were read last."""
        # What has been read already, such as by a hook of the user's own client, is decompressed.
        encoding = None if response.is_stream_consumed else response.headers.get("content-encoding")
        self._inflater = find_inflater(encoding) if encoding else None

    def _is_ready(self, data: bytes) -> bool:
        """Return whether bytes from the socket can be given out as they are, and then count them."""
        if self._inflater is not None or len(data) > PIECE:
            return False
        self._count(data)
        return True

    def _take_apart(self, data: bytes) -> Iterator[bytes]:
        """Return what bytes from the socket become, piece by piece, so that no piece takes long to read.

        Raises:
            TimeoutError: They come, but have become nothing for too long.
        """
        self._timer.remaining()
        return cut(data) if self._inflater is None else self._inflater.feed(data)

    def _count(self, data: bytes) -> None:
        """Count the next bytes of the body.

        Raises:
            ResponseTooLarge: They are too many.
        """
        self._left -= len(data)
        if self._left < 0:
            raise ResponseTooLarge(self._limit)

    def _is_enough(self, content: bytearray) -> bool:
        """Return whether no more is wanted: of an error page, the beginning says enough."""
        return not self.response.is_success and len(content) >= _ERROR_PAGE

    def _cut(self, content: bytearray) -> bytes:
        return bytes(content if self.response.is_success else content[:_ERROR_PAGE])

    def _is_bearable(self, error: Exception) -> bool:
        """Return whether it does not matter that the body broke: of an error page, the status says enough."""
        failure = transport_failure(error)
        return not self.response.is_success and failure not in (None, "silence")


class Body(_BaseBody):
    """The body of a response; no read of it takes longer than the silence that is allowed.

    httpx fixes the timeout of reads when it sends a request, and would start that wait again with every comment that
    keeps the connection alive. So the reads of its socket ask here how long they may take.

    Args:
        response: Its headers are there, its body is not.
        timer: The clock behind `timeout`.
        limit: How many bytes it may have, decompressed.

    Raises:
        httpx.DecodingError: It is compressed in a way that was not asked for.
    """

    def __init__(self, response: HTTPResponse, timer: IdleTimer, limit: int) -> None:
        super().__init__(response, timer, limit)
        self._socket = find_socket(response)
        if self._socket is not None:
            self._socket.timer = timer
        consumed = response.is_stream_consumed
        self._chunks = iter(response.iter_bytes() if consumed else response.stream)  # type: ignore[arg-type]

    def read(self) -> bytes | None:
        """Return the next bytes, or `None` at the end.

        Raises:
            ResponseTooLarge: The body has more bytes than it may.
            TimeoutError: Nothing comes in time.
        """
        while (piece := next(self._pieces, None)) is None:
            if (data := next(self._chunks, None)) is None:
                return None
            if self._is_ready(data):
                return data
            self._pieces = self._take_apart(data)
        self._count(piece)
        return piece

    def read_all(self) -> bytes:
        """Return the whole body, or the beginning of an error page, which may be incomplete.

        Raises:
            ResponseTooLarge: The body has more bytes than it may.
            TimeoutError: It does not come in time.
        """
        content = bytearray()
        try:
            while not self._is_enough(content) and (data := self.read()) is not None:
                content += data
                self._timer.remaining()
        except Exception as error:
            if not self._is_bearable(error):
                raise
        return self._cut(content)

    def drain(self) -> None:
        """Read to the end and drop what comes.

        Raises:
            ResponseTooLarge: The body has more bytes than it may.
            TimeoutError: It does not come in time.
        """
        while self.read() is not None:
            self._timer.remaining()

    def close(self) -> None:
        """Close the connection, unless it is free for the next request."""
        if self._socket is not None:
            self._socket.timer = None
            self._socket = None
        self.response.close()


class Closable(Protocol):
    """What a response comes from."""

    @property
    def is_closed(self) -> bool:
        """Whether it gives no more responses."""
        ...


class ReadableStream(httpx.AsyncByteStream):
    """A stream that one can read from, which takes half the time of iterating over it."""

    @abstractmethod
    async def read(self) -> bytes:
        """Return the next bytes, or none at the end."""


class AsyncBody(_BaseBody):
    """The body of a response; no read of it takes longer than the silence that is allowed.

    Args:
        response: Its headers are there, its body is not.
        timer: The clock behind `timeout`.
        limit: How many bytes it may have, decompressed.
        client: What the response comes from.

    Raises:
        httpx.DecodingError: It is compressed in a way that was not asked for.
    """

    def __init__(
        self,
        response: HTTPResponse,
        timer: IdleTimer,
        limit: int,
        client: Closable,
    ) -> None:
        super().__init__(response, timer, limit)
        self._client = client
        self._watchdog = Watchdog(timer)
        self._read_socket = _reader_of(response)

    async def read(self) -> bytes | None:
        """Return the next bytes, or `None` at the end.

        Raises:
            ResponseTooLarge: The body has more bytes than it may.
            TimeoutError: Nothing comes in time.
        """
        while (piece := next(self._pieces, None)) is None:
            try:
                with self._watchdog:
                    data = await self._read_socket()
            except RuntimeError as error:
                if self._client.is_closed:
                    raise httpx.StreamClosed from error
                raise
            if not data:
                return None
            if self._is_ready(data):
                return data
            self._pieces = self._take_apart(data)
        await asyncio.sleep(0)  # a few bytes may become many pieces, and others want their turn
        self._count(piece)
        return piece

    async def read_all(self) -> bytes:
        """Return the whole body, or the beginning of an error page, which may be incomplete.

        Raises:
            ResponseTooLarge: The body has more bytes than it may.
            TimeoutError: It does not come in time.
        """
        content = bytearray()
        try:
            while not self._is_enough(content) and (data := await self.read()) is not None:
                content += data
                self._timer.remaining()
        except Exception as error:
            if not self._is_bearable(error):
                raise
        return self._cut(content)

    async def drain(self) -> None:
        """Read to the end and drop what comes.

        Raises:
            ResponseTooLarge: The body has more bytes than it may.
            TimeoutError: It does not come in time.
        """
        while await self.read() is not None:
            self._timer.remaining()

    async def close(self) -> None:
        """Close the connection, unless it is free for the next request."""
        self._watchdog.close()
        await self.response.aclose()


def _reader_of(response: HTTPResponse) -> Callable[[], Awaitable[bytes]]:
    """Return what reads the next bytes of a response, or none at its end."""
    if isinstance(response.stream, ReadableStream):
        return response.stream.read
    consumed = response.is_stream_consumed
    chunks = aiter(response.aiter_bytes() if consumed else response.stream)  # type: ignore[arg-type]

    async def read() -> bytes:
        async for chunk in chunks:
            if chunk:
                return chunk
        return b""

    return read
