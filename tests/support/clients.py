"""Both clients of the core behind one interface, so that one body tests the two of them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from glm_openrouter import AsyncClient, AsyncStream, ChatRequest, Client, Completion, Delta, Stream

from .samples import KEY, REQUEST

MODES = ("sync", "async")

T = TypeVar("T")


class _AwaitedStream:
    """A synchronous stream behind the interface of the asynchronous one."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[Delta]:
        for delta in self._stream:
            yield delta

    @property
    def completion(self) -> Completion:
        return self._stream.completion

    async def aclose(self) -> None:
        self._stream.close()


class _AwaitedClient:
    """The synchronous client behind the interface of the asynchronous one."""

    def __init__(self, **options: Any) -> None:
        self.inner = Client(**options)

    async def complete(self, request: ChatRequest, **how: Any) -> Completion:
        return self.inner.complete(request, **how)

    @asynccontextmanager
    async def stream(self, request: ChatRequest) -> AsyncIterator[_AwaitedStream]:
        with self.inner.stream(request) as stream:
            yield _AwaitedStream(stream)

    async def aclose(self) -> None:
        self.inner.close()


class _AsyncClient(AsyncClient):
    @property
    def inner(self) -> AsyncClient:
        return self


AnyClient = _AwaitedClient | _AsyncClient
AnyStream = _AwaitedStream | AsyncStream


@dataclass
class ClientRun:
    """Runs calls through one of the two clients. Nothing waits between tries: `slept` has the waits instead."""

    mode: str
    slept: list[float]
    request: ChatRequest = REQUEST

    def scenario(
        self, base_url: str, body: Callable[[AnyClient], Awaitable[T]], **options: Any
    ) -> T:
        """Run a coroutine function that takes a client; both clients look asynchronous to it."""

        async def main() -> T:
            client = self.client(base_url, **options)
            try:
                return await body(client)
            finally:
                await client.aclose()

        return asyncio.run(main())

    def complete(self, base_url: str, request: ChatRequest = REQUEST, **options: Any) -> Completion:
        """Make a plain call."""
        return self.scenario(base_url, lambda client: client.complete(request), **options)

    def stream(
        self, base_url: str, request: ChatRequest = REQUEST, **options: Any
    ) -> tuple[list[Delta], Completion]:
        """Read a stream to its end."""

        async def read(client: AnyClient) -> tuple[list[Delta], Completion]:
            async with client.stream(request) as stream:
                deltas = [delta async for delta in stream]
                return deltas, stream.completion

        return self.scenario(base_url, read, **options)

    def either(
        self, streamed: bool, base_url: str, request: ChatRequest = REQUEST, **options: Any
    ) -> Completion:
        """Return the completion of a stream, or of a plain call."""
        if streamed:
            return self.stream(base_url, request, **options)[1]
        return self.complete(base_url, request, **options)

    def client(self, base_url: str, **options: Any) -> AnyClient:
        """Return a client."""
        made = _AwaitedClient if self.mode == "sync" else _AsyncClient
        return made(**{"base_url": base_url, "api_key": KEY, **options})
