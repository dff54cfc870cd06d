"""`Stream` and `AsyncStream`: two thin drivers over one path.

Everything that is not a socket is shared: `ChatCall` holds one request over all its tries, `ChatAttempt` one of these
tries. The two classes differ in the words `async` and `await`, and in nothing else. They are not generators, because
asyncio closes all asynchronous generators at once when a loop shuts down, even those that run inside another.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Self

from tenacity import AsyncRetrying, Retrying

from glm_openrouter.completions import Completion, Delta
from glm_openrouter.errors import APIError

from .chat_attempt import ChatAttempt
from .chat_call import ChatCall

if TYPE_CHECKING:
    from glm_openrouter._http import AsyncBody, Body

    from .client import AsyncClient, Client

__all__ = ["AsyncStream", "Stream"]


class _BaseStream:
    """What both streams have in common."""

    def __init__(self, exchange: ChatCall) -> None:
        self._exchange = exchange
        self._call: ChatAttempt | None = None
        self._pending: Iterator[Delta] = iter(())
        """What has been read and not given out."""

    @property
    def completion(self) -> Completion:
        """The finished response, once the stream has been read to its end.

        Raises:
            RuntimeError: The stream has not been read to its end.
        """
        completion = self._completion
        if completion is None:
            raise RuntimeError("The stream has not been read to its end.")
        return completion

    @property
    def _completion(self) -> Completion | None:
        return self._call.completion if self._call else None

    def _check_finished(self) -> None:
        """Check that a stream without a connection has nothing more to give."""
        if self._completion is None:
            state = "is not open yet" if self._call is None else "was closed before its end"
            raise RuntimeError(
                f"The stream {state}. Read it inside its block: `with client.stream(request) as stream: ...`, "
                "which is `async with` for an AsyncClient."
            )


class Stream(_BaseStream):
    """The increments of one response, as they come. Entering it sends the request, leaving it stops the provider.

    Raises:
        RuntimeError: It is iterated over outside of its block.
    """

    def __init__(self, client: Client, exchange: ChatCall) -> None:
        super().__init__(exchange)
        self._client = client
        self._body: Body | None = None

    def __enter__(self) -> Self:
        for attempt in Retrying(**self._client._retries, sleep=self._client._sleep):
            with attempt:
                self._try()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[Delta]:
        yield from self._pending
        while (deltas := self._read()) is not None:
            self._pending = iter(deltas)
            yield from self._pending

    def close(self) -> None:
        """Close the connection, whatever is still to come."""
        if self._call is not None:
            self._call.close()
        if self._body is not None:
            self._body.close()
            self._body = None

    def _try(self) -> None:
        while True:
            try:
                return self._start()
            except APIError as error:
                if not self._exchange.adjust(error):
                    raise

    def _start(self) -> None:
        call = self._call = self._client._new_call(self._exchange)
        try:
            content = call.open()
            with call.translating_errors():
                self._body = body = self._client._send(content, call.silence)
            if not body.response.is_success:
                with call.translating_errors():
                    raise call.status_error(body.response, body.read_all())
            call.begin()
            self._pending = iter(self._read() or ())
        except BaseException:
            self.close()
            raise

    def _read(self) -> list[Delta] | None:
        """Return what the next read brings, or `None` at the end."""
        call, body = self._call, self._body
        if call is None or body is None:
            self._check_finished()
            return None
        if call.completion is not None:
            with call.ending():
                body.drain()
            self.close()
            return None
        try:
            while not call.done and (deltas := call.feed(body.read())) is not None:
                if deltas:
                    return deltas
        except Exception as error:  # noqa: BLE001 -- raised again, unless the response is complete
            return call.rescue(error)
        return call.flush()


class AsyncStream(_BaseStream):
    """The increments of one response, as they come. Entering it sends the request, leaving it stops the provider.

    Raises:
        RuntimeError: It is iterated over outside of its block.
    """

    def __init__(self, client: AsyncClient, exchange: ChatCall) -> None:
        super().__init__(exchange)
        self._client = client
        self._body: AsyncBody | None = None

    async def __aenter__(self) -> Self:
        async for attempt in AsyncRetrying(**self._client._retries, sleep=self._client._sleep):
            with attempt:
                await self._try()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def __aiter__(self) -> AsyncIterator[Delta]:
        for delta in self._pending:
            yield delta
        while (deltas := await self._read()) is not None:
            self._pending = iter(deltas)
            for delta in self._pending:
                yield delta

    async def aclose(self) -> None:
        """Close the connection, whatever is still to come."""
        if self._call is not None:
            self._call.close()
        if self._body is not None:
            body, self._body = self._body, None
            await body.aclose()

    async def _try(self) -> None:
        while True:
            try:
                return await self._start()
            except APIError as error:
                if not self._exchange.adjust(error):
                    raise

    async def _start(self) -> None:
        call = self._call = self._client._new_call(self._exchange)
        try:
            content = call.open()
            with call.translating_errors():
                self._body = body = await self._client._send(content, call.silence)
            if not body.response.is_success:
                with call.translating_errors():
                    raise call.status_error(body.response, await body.read_all())
            call.begin()
            self._pending = iter(await self._read() or ())
        except BaseException:
            await self.aclose()
            raise

    async def _read(self) -> list[Delta] | None:
        """Return what the next read brings, or `None` at the end."""
        call, body = self._call, self._body
        if call is None or body is None:
            self._check_finished()
            return None
        if call.completion is not None:
            with call.ending():
                await body.drain()
            await self.aclose()
            return None
        try:
            while not call.done and (deltas := call.feed(await body.read())) is not None:
                if deltas:
                    return deltas
        except Exception as error:  # noqa: BLE001 -- raised again, unless the response is complete
            return call.rescue(error)
        return call.flush()
