"""The classes that a user makes a model of, and the methods that ask one: nothing else in the tests knows all of them.

The frameworks are imported when a model is made, so that a test of one of them can do without the other.
"""

import copy
import inspect
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from glm_openrouter import AsyncClient, ChatRequest, Client, Completion, Delta

from .replies import TEXT
from .samples import KEY, PROMPT


class Methods(NamedTuple):
    """The names of the methods that ask: for a whole answer or a stream, synchronous or not."""

    whole: str
    awhole: str
    stream: str
    astream: str

    def choose(self, in_loop: bool, streamed: bool) -> str:
        """Return one of them."""
        return self[2 * streamed + in_loop]


RUNNABLE = Methods("invoke", "ainvoke", "stream", "astream")
"""Of LangChain, and here of the core."""
CHAT = Methods("chat", "achat", "stream_chat", "astream_chat")
TEXT_COMPLETION = Methods("complete", "acomplete", "stream_complete", "astream_complete")
"""Both of LlamaIndex."""


async def gather(result: Any) -> list[Any]:
    """Return what comes of a call, whatever makes it: one answer, or the parts of a stream."""
    if inspect.isawaitable(result):
        result = await result
    if isinstance(result, AsyncGenerator):
        return [part async for part in result]
    return list(result) if isinstance(result, Generator) else [result]


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

    def invoke(self, prompt: str, **parameters: Any) -> Completion:
        return self.client.complete(_request(prompt, parameters))

    async def ainvoke(self, prompt: str, **parameters: Any) -> Completion:
        return await self.async_client.complete(_request(prompt, parameters))

    def stream(self, prompt: str, **parameters: Any) -> Iterator[Delta | Completion]:
        """Yield the increments, and the completion last."""
        with self.client.stream(_request(prompt, parameters)) as stream:
            yield from stream
            yield stream.completion

    async def astream(self, prompt: str, **parameters: Any) -> AsyncIterator[Delta | Completion]:
        """Yield the increments, and the completion last."""
        async with self.async_client.stream(_request(prompt, parameters)) as stream:
            async for delta in stream:
                yield delta
            yield stream.completion

    def close(self) -> None:
        self.client.close()

    async def aclose(self) -> None:
        await self.async_client.aclose()


def _request(prompt: str, parameters: dict[str, Any]) -> ChatRequest:
    return ChatRequest(messages=[{"role": "user", "content": prompt}], **parameters)


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


MAKERS: dict[str, Callable[..., Any]] = {
    "core": make_core,
    "langchain-chat": make_chat,
    "langchain-text": make_text,
    "llamaindex": make_index,
}


@dataclass(frozen=True)
class ModelClass:
    """One of the classes, with the four ways to ask it for text: what holds for one has to hold for all."""

    name: str

    def make(self, base_url: str | None, **options: Any) -> Any:
        return MAKERS[self.name](base_url, **{"api_key": KEY, **options})

    def call(self, model: Any) -> str:
        return _text(getattr(model, self._methods.whole)(PROMPT))

    async def acall(self, model: Any) -> str:
        return _text(await getattr(model, self._methods.awhole)(PROMPT))

    def stream(self, model: Any) -> Generator[Any, None, None]:
        chunks: Generator[Any, None, None] = getattr(model, self._methods.stream)(PROMPT)
        return chunks

    async def astream(self, model: Any) -> AsyncGenerator[Any, None]:
        opened = getattr(model, self._methods.astream)(PROMPT)
        chunks: AsyncGenerator[Any, None] = await opened if inspect.isawaitable(opened) else opened
        return chunks

    async def adrain(self, model: Any) -> None:
        async for _ in await self.astream(model):
            pass

    async def ask_all_ways(self, model: Any) -> None:
        """Make four requests: whole and streamed, with either client; the synchronous ones block the loop."""
        assert self.call(model) == TEXT
        assert await self.acall(model) == TEXT
        for _ in self.stream(model):
            pass
        await self.adrain(model)

    @property
    def _methods(self) -> Methods:
        return TEXT_COMPLETION if self.name == "llamaindex" else RUNNABLE


def _text(answer: Any) -> str:
    return answer if isinstance(answer, str) else str(answer.text)
