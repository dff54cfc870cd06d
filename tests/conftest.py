"""What tests share: `run` lets one body test the synchronous and the asynchronous client."""

import asyncio
import gc
import os
import re
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import pytest
from hypothesis import settings

from glm_openrouter import AsyncClient, AsyncStream, ChatRequest, Client, Completion, Delta, Stream
from glm_openrouter._response.parser import ResponseParser
from glm_openrouter.testing.pytest_plugin import scripted_openrouter  # noqa: F401 - a fixture, also without the entry point
from support.clock import noted_waits

settings.register_profile("repeatable", deadline=None, derandomize=True)
settings.load_profile("repeatable")

FROM_OUTSIDE = re.compile(r"(OPENROUTER|OPENAI|LANGSMITH|LANGCHAIN|GLM)_|(.*_)?proxy$", re.I)
"""What a shell may have set that changes what a client does: keys, proxies, tracing."""

T = TypeVar("T")

REQUEST = ChatRequest(messages=[{"role": "user", "content": "Which way to the harbour?"}])


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

    async def complete(self, request: ChatRequest) -> Completion:
        return self.inner.complete(request)

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
class Run:
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
        return made(**{"base_url": base_url, "api_key": "sk-or-v1-of-a-test", **options})


@pytest.fixture
def waits() -> Iterator[list[float]]:
    """The seconds that clients would wait between tries; none of them are waited."""
    seconds: list[float] = []
    with noted_waits(seconds):
        yield seconds


def pytest_collection_finish() -> None:
    """Take thousands of tests and three frameworks out of what each `gc.collect()` of a test looks at."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in filter(FROM_OUTSIDE.match, list(os.environ)):
        monkeypatch.delenv(name)


@pytest.fixture(params=["sync", "async"])
def run(request: pytest.FixtureRequest, waits: list[float]) -> Run:
    """Both clients, one after the other."""
    return Run(request.param, waits)


@pytest.fixture
def separate_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each event comes with a read of its own, so that each is an increment of its own, however fast they come."""
    feed = ResponseParser.feed

    def feed_one_by_one(parser: ResponseParser, data: bytes) -> list[Delta]:
        deltas: list[Delta] = []
        for piece in re.split(rb"(?<=\n\n)", data):
            if not parser.done:
                deltas += feed(parser, piece)
        return deltas

    monkeypatch.setattr(ResponseParser, "feed", feed_one_by_one)


@pytest.fixture
def deaf_port() -> Iterator[str]:
    """A port whose queue of connections is full, so that another connection is never made."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        queued = []
        for _ in range(3):
            waiting = socket.socket()
            waiting.setblocking(False)
            waiting.connect_ex(listening.getsockname())
            queued.append(waiting)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/api/v1"
        for waiting in queued:
            waiting.close()
