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
from llama_index.core.llms.structured_llm import StructuredLLM
from llama_index.core.program.utils import FlexibleModel
from llama_index.core.prompts import PromptTemplate
from pydantic import BaseModel

from llamaindex_glm import GLM

messages = [ChatMessage("?")]
prompt = PromptTemplate("?")


class Berth(BaseModel):
    pier: int


def synchronous() -> None:
    llm = GLM("z-ai/glm-4.6", api_key="sk-or-v1")
    chat = llm.chat(messages)
    assert_type(chat, ChatResponse)
    assert_type(llm.stream_chat(messages), ChatResponseGen)
    assert_type(llm.complete("?"), CompletionResponse)
    assert_type(llm.stream_complete("?"), CompletionResponseGen)
    assert_type(llm.predict(prompt), str)
    assert_type(llm.metadata, LLMMetadata)
    assert_type(llm.refresh_profile(), LLMMetadata)
    assert_type(llm.get_tool_calls_from_response(chat), list[ToolSelection])
    assert_type(llm.chat_with_tools([], "?"), ChatResponse)
    assert_type(llm.stream_chat_with_tools([], "?"), ChatResponseGen)


async def asynchronous() -> None:
    llm = GLM()
    assert_type(await llm.achat(messages), ChatResponse)
    assert_type(await llm.astream_chat(messages), ChatResponseAsyncGen)
    assert_type(await llm.acomplete("?"), CompletionResponse)
    assert_type(await llm.astream_complete("?"), CompletionResponseAsyncGen)
    assert_type(await llm.arefresh_profile(), LLMMetadata)


async def structured() -> None:
    llm = GLM()
    assert_type(llm.structured_predict(Berth, prompt, city="Oslo"), Berth)
    assert_type(await llm.astructured_predict(Berth, prompt), Berth)
    for part in llm.stream_structured_predict(Berth, prompt):
        assert_type(part, Berth | FlexibleModel)
    async for part in await llm.astream_structured_predict(Berth, prompt):
        assert_type(part, Berth | FlexibleModel)
    assert_type(llm.as_structured_llm(Berth), StructuredLLM)
    llm.structured_predict("Berth", prompt)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
