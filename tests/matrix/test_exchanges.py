"""Whole exchanges with OpenRouter, read through both adapters in pieces; `EXCHANGES` says which.

That bytes may be cut anywhere is held on the core path, which all surfaces share: tests/core/response/test_fuzz.py.
"""

import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from langchain_core.messages import AIMessage
from llama_index.core.base.llms.types import ChatMessage, ChatResponse, TextBlock, ThinkingBlock

from glm_openrouter import EmptyResponseWarning, RateLimitError
from langchain_glm import ChatGLM
from llamaindex_glm import GLM
from support.exchanges import EXCHANGES, Exchange

pytestmark = pytest.mark.filterwarnings(
    f"ignore::{EmptyResponseWarning.__module__}.EmptyResponseWarning"
)
PIECE = 97
"""Bytes that are read at a time."""


@dataclass
class Reading:
    """One exchange, and what it says, read in the plainest way."""

    exchange: Exchange
    text: str = ""
    reasoning: str = ""
    calls: dict[int, list[str]] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def arguments(self) -> list[tuple[str, Any]]:
        return [(name, json.loads(text or "{}")) for name, text in self.calls.values()]


def read(exchange: Exchange) -> Reading:
    body = exchange.body.decode()
    reading = Reading(exchange)
    events = [line[6:] for line in body.splitlines() if line.startswith("data: {")]
    lines = events if exchange.is_stream else [body]
    for chunk in map(json.loads, lines):
        for key in ("model", "provider"):
            reading.facts[key] = chunk.get(key) or reading.facts.get(key)
        reading.facts["usage"] = chunk.get("usage") or reading.facts.get("usage")
        for choice in chunk.get("choices") or ():
            message = choice.get("delta") or choice.get("message")
            reading.facts["finish"] = (
                choice["finish_reason"]
                if choice.get("finish_reason")
                else reading.facts.get("finish")
            )
            reading.text += message.get("content") or ""
            reading.reasoning += message.get("reasoning") or message.get("reasoning_content") or ""
            for call in message.get("tool_calls") or ():
                kept = reading.calls.setdefault(call["index"], ["", ""])
                kept[0] += call["function"].get("name") or ""
                kept[1] += call["function"].get("arguments") or ""
    reading.text = reading.text.lstrip("\n")
    return reading


class _Pieces(httpx.SyncByteStream, httpx.AsyncByteStream):
    def __init__(self, body: bytes) -> None:
        self._pieces = [body[start : start + PIECE] for start in range(0, len(body), PIECE)]

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._pieces)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            yield piece


@pytest.fixture(params=EXCHANGES.values(), ids=EXCHANGES)
def reading(request: pytest.FixtureRequest) -> Reading:
    return read(request.param)


@pytest.fixture
def transport(reading: Reading) -> httpx.MockTransport:
    exchange = reading.exchange

    def answer(_: httpx.Request) -> httpx.Response:
        headers = {"content-type": exchange.content_type}
        return httpx.Response(exchange.status, headers=headers, stream=_Pieces(exchange.body))

    return httpx.MockTransport(answer)


def check_metadata(metadata: dict[str, Any], reading: Reading) -> None:
    facts = reading.facts
    usage = facts["usage"] or {}
    found = [metadata.get(key) for key in ("model_name", "provider", "finish_reason", "cost")]
    assert found == [facts["model"], facts["provider"], facts["finish"], usage.get("cost")]


def check_message(message: AIMessage, reading: Reading) -> None:
    assert message.content == reading.text
    assert message.additional_kwargs.get("reasoning_content", "") == reading.reasoning
    assert [(call["name"], call["args"]) for call in message.tool_calls] == reading.arguments
    assert not message.invalid_tool_calls
    check_metadata(message.response_metadata, reading)
    usage = reading.facts["usage"]
    assert message.usage_metadata is not None
    assert message.usage_metadata["input_tokens"] == usage["prompt_tokens"]
    assert message.usage_metadata["output_tokens"] == usage["completion_tokens"]


def check_response(llm: GLM, response: ChatResponse, reading: Reading) -> None:
    blocks = response.message.blocks
    assert "".join(block.text for block in blocks if isinstance(block, TextBlock)) == reading.text
    thinking = [block.content or "" for block in blocks if isinstance(block, ThinkingBlock)]
    assert "".join(thinking) == reading.reasoning
    calls = llm.get_tool_calls_from_response(response, error_on_no_tool_call=False)
    assert [(call.tool_name, call.tool_kwargs) for call in calls] == reading.arguments
    check_metadata(response.additional_kwargs, reading)
    usage = reading.facts["usage"]
    assert response.additional_kwargs["prompt_tokens"] == usage["prompt_tokens"]
    assert response.additional_kwargs["completion_tokens"] == usage["completion_tokens"]


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
async def test_an_exchange_reads_right_through_langchain(
    reading: Reading, transport: httpx.MockTransport, is_async: bool
) -> None:
    model = ChatGLM(
        api_key="sk-or-test",
        max_retries=0,
        http_client=httpx.Client(transport=transport),
        http_async_client=httpx.AsyncClient(transport=transport),
    )

    async def ask() -> AIMessage:
        if not reading.exchange.is_stream:
            return await model.ainvoke("?") if is_async else model.invoke("?")
        chunks = (
            [chunk async for chunk in model.astream("?")] if is_async else list(model.stream("?"))
        )
        return sum(chunks[1:], start=chunks[0])

    if reading.exchange.status == 200:
        check_message(await ask(), reading)
    else:
        with pytest.raises(RateLimitError, match=r"^\[Google\] .*rate-limited upstream.* \(429\)"):
            await ask()


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
async def test_an_exchange_reads_right_through_llamaindex(
    reading: Reading, transport: httpx.MockTransport, is_async: bool
) -> None:
    llm = GLM(
        api_key="sk-or-test",
        max_retries=0,
        http_client=httpx.Client(transport=transport),
        async_http_client=httpx.AsyncClient(transport=transport),
    )
    messages = [ChatMessage("?")]

    async def ask() -> ChatResponse:
        if not reading.exchange.is_stream:
            return await llm.achat(messages) if is_async else llm.chat(messages)
        if is_async:
            return [response async for response in await llm.astream_chat(messages)][-1]
        return list(llm.stream_chat(messages))[-1]

    if reading.exchange.status == 200:
        check_response(llm, await ask(), reading)
    else:
        with pytest.raises(RateLimitError, match=r"^\[Google\] .*rate-limited upstream.* \(429\)"):
            await ask()
