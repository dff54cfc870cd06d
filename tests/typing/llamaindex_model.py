"""What the signatures of LlamaIndex's `GLM` promise: read by mypy and pyright in `make types`, never run."""

from typing import assert_type

from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    ChatResponseAsyncGen,
    ChatResponseGen,
    CompletionResponse,
    CompletionResponseAsyncGen,
    CompletionResponseGen,
    LLMMetadata,
)
from llama_index.core.llms.llm import ToolSelection

from llamaindex_glm import GLM

messages = [ChatMessage("?")]


def synchronous() -> None:
    llm = GLM("z-ai/glm-4.6", api_key="sk-or-v1")
    # What LlamaIndex decorates is `Any` to mypy; pyright reads the annotations that are ours.
    chat: ChatResponse = llm.chat(messages)
    stream_chat: ChatResponseGen = llm.stream_chat(messages)
    complete: CompletionResponse = llm.complete("?")
    stream_complete: CompletionResponseGen = llm.stream_complete("?")
    assert_type(llm.metadata, LLMMetadata)
    assert_type(llm.refresh_profile(), LLMMetadata)
    assert_type(llm.get_tool_calls_from_response(chat), list[ToolSelection])
    assert_type(llm.chat_with_tools([], "?"), ChatResponse)
    assert_type(llm.stream_chat_with_tools([], "?"), ChatResponseGen)


async def asynchronous() -> None:
    llm = GLM()
    chat: ChatResponse = await llm.achat(messages)
    stream_chat: ChatResponseAsyncGen = await llm.astream_chat(messages)
    complete: CompletionResponse = await llm.acomplete("?")
    stream_complete: CompletionResponseAsyncGen = await llm.astream_complete("?")
    assert_type(await llm.arefresh_profile(), LLMMetadata)
