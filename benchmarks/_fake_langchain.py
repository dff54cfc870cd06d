"""LangChain without a network: a model that has its chunks in memory."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult

_TEXT = {"content": "tok "}


def _call(arguments: str, name: str | None = None) -> dict[str, Any]:
    fragment = {"name": name, "args": arguments, "id": name and "call_1", "index": 0}
    return {"content": "", "tool_call_chunks": [fragment]}


class FakeChatModel(BaseChatModel):
    """Gives `chunks` chunks, built by pydantic one by one, or all before the first call if `ready`."""

    chunks: int
    ready: bool
    tools: bool = False
    in_memory: list[ChatGenerationChunk] = []  # noqa: RUF012 -- pydantic copies it

    def model_post_init(self, context: Any) -> None:
        super().model_post_init(context)
        if self.ready:
            self.in_memory = list(self._build())

    def _build(self) -> Iterator[ChatGenerationChunk]:
        kind = _call("abc ") if self.tools else _TEXT
        fields = [kind] * self.chunks
        if self.tools:
            fields[0], fields[-1] = _call('{"query":"', "look_up"), _call('"}')
        for values in fields:
            yield ChatGenerationChunk(message=AIMessageChunk(**values))

    def _stream(self, *_: Any, **__: Any) -> Iterator[ChatGenerationChunk]:
        yield from self.in_memory or self._build()

    async def _astream(self, *_: Any, **__: Any) -> AsyncIterator[ChatGenerationChunk]:
        for chunk in self.in_memory or self._build():
            yield chunk

    def _generate(self, *_: Any, **__: Any) -> ChatResult:
        return ChatResult(generations=[ChatGeneration(message=AIMessage("Hello there."))])

    async def _agenerate(self, *_: Any, **__: Any) -> ChatResult:
        return self._generate()

    def bind_tools(self, tools: Any, **_: Any) -> Any:
        return FakeChatModel(chunks=self.chunks, ready=self.ready, tools=bool(tools))

    @property
    def _llm_type(self) -> str:
        return "fake"
