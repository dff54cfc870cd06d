"""LlamaIndex without a network: an LLM that has its responses in memory."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

from llama_index.core.llms import ChatMessage, ChatResponse, CustomLLM, LLMMetadata
from llama_index.core.llms.callbacks import llm_chat_callback


class FakeLLM(CustomLLM):
    """Gives `chunks` responses, built by pydantic one by one, or all before the first call if `ready`."""

    chunks: int
    ready: bool
    in_memory: list[ChatResponse] = []  # noqa: RUF012 -- pydantic copies it

    def model_post_init(self, context: Any) -> None:
        super().model_post_init(context)
        if self.ready:
            self.in_memory = list(self._build())

    def _build(self) -> Iterator[ChatResponse]:
        text = ""
        for _ in range(self.chunks):
            text += "tok "
            message = ChatMessage(role="assistant", content=text)
            yield ChatResponse(message=message, delta="tok ")

    @llm_chat_callback()
    def stream_chat(self, *_: Any, **__: Any) -> Any:
        def responses() -> Iterator[ChatResponse]:
            yield from self.in_memory or self._build()

        return responses()

    @llm_chat_callback()
    async def astream_chat(self, *_: Any, **__: Any) -> Any:
        async def responses() -> AsyncIterator[ChatResponse]:
            for response in self.in_memory or self._build():
                yield response

        return responses()

    @llm_chat_callback()
    def chat(self, *_: Any, **__: Any) -> ChatResponse:
        return ChatResponse(message=ChatMessage(role="assistant", content="Hello there."))

    @llm_chat_callback()
    async def achat(self, *_: Any, **__: Any) -> ChatResponse:
        return ChatResponse(message=ChatMessage(role="assistant", content="Hello there."))

    def complete(self, *_: Any, **__: Any) -> Any:
        raise NotImplementedError

    def stream_complete(self, *_: Any, **__: Any) -> Any:
        raise NotImplementedError

    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata()
