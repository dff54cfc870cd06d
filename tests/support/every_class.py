"""The classes that a user makes, behind one interface: what holds for one of them has to hold for all."""

import copy
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterator
from dataclasses import dataclass
from typing import Any

from glm_openrouter import AsyncClient, ChatRequest, Client
from glm_openrouter.testing import Event, Hold, Status, stream_reply
from support.wire import USAGE, chunk

KEY = "sk-or-v1-of-a-test"
PROMPT = "Where may I moor?"
REQUEST = ChatRequest(messages=[{"role": "user", "content": PROMPT}])

OPEN = Status(200, {"content-type": "text/event-stream"})
TEXT = "Pier two."
ANSWER = stream_reply(
    [chunk({"content": "Pier "}), chunk({"content": "two."}), chunk({}, "stop", usage=USAGE)]
)
"""For plain requests, too: a stream is an answer to them as well."""
LONG = stream_reply([chunk({"content": "word "}) for _ in range(200)], interval=0.01)
STALLED = (OPEN, Event(chunk({"content": "word "})), Hold())


class CoreModel:
    """Both clients of the core as one model, with LangChain's names for what it does."""

    client: Client | None = None
    async_client: AsyncClient | None = None

    def __init__(self, **options: Any) -> None:
        own = {name: options.pop(name, None) for name in ("http_client", "http_async_client")}
        self.client = Client(http_client=own["http_client"], **options)
        self.async_client = AsyncClient(http_async_client=own["http_async_client"], **options)

    def __copy__(self) -> "CoreModel":
        copied = object.__new__(CoreModel)
        copied.client = copy.copy(self.client)
        copied.async_client = copy.copy(self.async_client)
        return copied

    def __repr__(self) -> str:
        return f"{self.client!r} {self.async_client!r}"

    def invoke(self, _: str) -> str:
        return self.client.complete(REQUEST).text

    async def ainvoke(self, _: str) -> str:
        return (await self.async_client.complete(REQUEST)).text

    def stream(self, _: str) -> Iterator[str]:
        with self.client.stream(REQUEST) as stream:
            for delta in stream:
                yield delta.text

    async def astream(self, _: str) -> AsyncIterator[str]:
        async with self.async_client.stream(REQUEST) as stream:
            async for delta in stream:
                yield delta.text

    def close(self) -> None:
        self.client.close()

    async def aclose(self) -> None:
        await self.async_client.aclose()


def make_core(base_url: str | None, **options: Any) -> CoreModel:
    return CoreModel(base_url=base_url, **options)


def make_chat(base_url: str | None, **options: Any) -> Any:
    from langchain_glm import ChatGLM

    return ChatGLM(base_url=base_url, **options)


def make_text(base_url: str | None, **options: Any) -> Any:
    from langchain_glm import GLM

    return GLM(base_url=base_url, **options)


def make_index(base_url: str | None, **options: Any) -> Any:
    from llamaindex_glm import GLM

    return GLM(api_base=base_url, **options)


MAKERS = {
    "core": make_core,
    "langchain-chat": make_chat,
    "langchain-text": make_text,
    "llamaindex": make_index,
}


@dataclass(frozen=True)
class Surface:
    """One of the classes, with the four ways to ask it."""

    name: str

    @property
    def _maker(self) -> Callable[..., Any]:
        return MAKERS[self.name]

    def make(self, base_url: str | None, **options: Any) -> Any:
        return self._maker(base_url, **{"api_key": KEY, **options})

    def call(self, model: Any) -> str:
        answer = model.complete(PROMPT) if self._is_index else model.invoke(PROMPT)
        return answer if isinstance(answer, str) else str(answer.text)

    async def acall(self, model: Any) -> str:
        answer = await (model.acomplete if self._is_index else model.ainvoke)(PROMPT)
        return answer if isinstance(answer, str) else str(answer.text)

    def stream(self, model: Any) -> Generator[Any, None, None]:
        stream = model.stream_complete if self._is_index else model.stream
        chunks: Generator[Any, None, None] = stream(PROMPT)
        return chunks

    async def astream(self, model: Any) -> AsyncGenerator[Any, None]:
        if self._is_index:
            chunks: AsyncGenerator[Any, None] = await model.astream_complete(PROMPT)
        else:
            chunks = model.astream(PROMPT)
        return chunks

    async def adrain(self, model: Any) -> None:
        async for _ in await self.astream(model):
            pass

    async def ask_all_ways(self, model: Any) -> None:
        """Make four requests: plain and streamed, with either client; the synchronous ones block the loop."""
        assert self.call(model) == TEXT
        assert await self.acall(model) == TEXT
        for _ in self.stream(model):
            pass
        await self.adrain(model)

    @property
    def _is_index(self) -> bool:
        return self.name == "llamaindex"
