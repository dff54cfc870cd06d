"""Real exchanges with OpenRouter, read through both adapters, whole and cut into pieces.

The recordings are not part of the project; where their folder is not present, there is nothing to test.
"""

import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from langchain_core.messages import AIMessage
from llama_index.core.base.llms.types import ChatMessage, ChatResponse, TextBlock, ThinkingBlock

from glm_openrouter import EmptyResponseWarning, RateLimitError
from langchain_glm import ChatGLM
from llamaindex_glm import GLM

FOLDER = Path(__file__).resolve().parents[2] / "shared" / "recordings"
RECORDINGS = sorted(FOLDER.glob("*.json"))

pytestmark = [
    pytest.mark.skipif(not RECORDINGS, reason="the recordings are not present"),
    pytest.mark.filterwarnings(f"ignore::{EmptyResponseWarning.__module__}.EmptyResponseWarning"),
]


@dataclass
class Recording:
    """One exchange, and what it says, read in the plainest way."""

    body: bytes
    status: int
    streamed: bool
    text: str = ""
    reasoning: str = ""
    calls: dict[int, list[str]] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def arguments(self) -> list[tuple[str, Any]]:
        return [(name, json.loads(text or "{}")) for name, text in self.calls.values()]


def read(path: Path) -> Recording:
    recorded = json.loads(path.read_text())
    body = recorded["response_body"]
    streamed = bool(recorded["request"].get("stream"))
    recording = Recording(body.encode(), recorded["status"], streamed)
    events = [line[6:] for line in body.splitlines() if line.startswith("data: {")]
    lines = events if streamed else [body]
    for chunk in map(json.loads, lines):
        for key in ("model", "provider"):
            recording.facts[key] = chunk.get(key) or recording.facts.get(key)
        recording.facts["usage"] = chunk.get("usage") or recording.facts.get("usage")
        for choice in chunk.get("choices") or ():
            message = choice.get("delta") or choice.get("message")
            recording.facts["finish"] = (
                choice["finish_reason"]
                if choice.get("finish_reason")
                else recording.facts.get("finish")
            )
            recording.text += message.get("content") or ""
            recording.reasoning += (
                message.get("reasoning") or message.get("reasoning_content") or ""
            )
            for call in message.get("tool_calls") or ():
                kept = recording.calls.setdefault(call["index"], ["", ""])
                kept[0] += call["function"].get("name") or ""
                kept[1] += call["function"].get("arguments") or ""
    recording.text = recording.text.lstrip("\n")
    return recording


class _Pieces(httpx.SyncByteStream, httpx.AsyncByteStream):
    def __init__(self, body: bytes, size: int) -> None:
        self._pieces = [body[start : start + size] for start in range(0, len(body), size)]

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._pieces)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            yield piece


@pytest.fixture(params=RECORDINGS, ids=lambda path: path.stem)
def recording(request: pytest.FixtureRequest) -> Recording:
    return read(request.param)


@pytest.fixture(params=[1, 97, 1 << 24], ids=["byte by byte", "in pieces", "whole"])
def transport(request: pytest.FixtureRequest, recording: Recording) -> httpx.MockTransport:
    content_type = (
        "text/event-stream"
        if recording.streamed and recording.status == 200
        else "application/json"
    )

    def answer(_: httpx.Request) -> httpx.Response:
        headers = {"content-type": content_type}
        return httpx.Response(
            recording.status, headers=headers, stream=_Pieces(recording.body, request.param)
        )

    return httpx.MockTransport(answer)


def check_metadata(metadata: dict[str, Any], recording: Recording) -> None:
    facts = recording.facts
    usage = facts["usage"] or {}
    found = [metadata.get(key) for key in ("model_name", "provider", "finish_reason", "cost")]
    assert found == [facts["model"], facts["provider"], facts["finish"], usage.get("cost")]


def check_message(message: AIMessage, recording: Recording) -> None:
    assert message.content == recording.text
    assert message.additional_kwargs.get("reasoning_content", "") == recording.reasoning
    assert [(call["name"], call["args"]) for call in message.tool_calls] == recording.arguments
    assert not message.invalid_tool_calls
    check_metadata(message.response_metadata, recording)
    usage = recording.facts["usage"]
    assert message.usage_metadata is not None
    assert message.usage_metadata["input_tokens"] == usage["prompt_tokens"]
    assert message.usage_metadata["output_tokens"] == usage["completion_tokens"]


def check_response(llm: GLM, response: ChatResponse, recording: Recording) -> None:
    blocks = response.message.blocks
    assert "".join(block.text for block in blocks if isinstance(block, TextBlock)) == recording.text
    thinking = [block.content or "" for block in blocks if isinstance(block, ThinkingBlock)]
    assert "".join(thinking) == recording.reasoning
    calls = llm.get_tool_calls_from_response(response, error_on_no_tool_call=False)
    assert [(call.tool_name, call.tool_kwargs) for call in calls] == recording.arguments
    check_metadata(response.additional_kwargs, recording)
    usage = recording.facts["usage"]
    assert response.additional_kwargs["prompt_tokens"] == usage["prompt_tokens"]
    assert response.additional_kwargs["completion_tokens"] == usage["completion_tokens"]


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
async def test_a_recording_reads_right_through_langchain(
    recording: Recording, transport: httpx.MockTransport, is_async: bool
) -> None:
    model = ChatGLM(
        api_key="sk-or-test",
        max_retries=0,
        http_client=httpx.Client(transport=transport),
        http_async_client=httpx.AsyncClient(transport=transport),
    )

    async def ask() -> AIMessage:
        if not recording.streamed:
            return await model.ainvoke("?") if is_async else model.invoke("?")
        chunks = (
            [chunk async for chunk in model.astream("?")] if is_async else list(model.stream("?"))
        )
        return sum(chunks[1:], start=chunks[0])

    if recording.status == 200:
        check_message(await ask(), recording)
    else:
        with pytest.raises(RateLimitError, match=r"^\[Google\] .*rate-limited upstream.* \(429\)"):
            await ask()


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
async def test_a_recording_reads_right_through_llamaindex(
    recording: Recording, transport: httpx.MockTransport, is_async: bool
) -> None:
    llm = GLM(
        api_key="sk-or-test",
        max_retries=0,
        http_client=httpx.Client(transport=transport),
        async_http_client=httpx.AsyncClient(transport=transport),
    )
    messages = [ChatMessage("?")]

    async def ask() -> ChatResponse:
        if not recording.streamed:
            return await llm.achat(messages) if is_async else llm.chat(messages)
        if is_async:
            return [response async for response in await llm.astream_chat(messages)][-1]
        return list(llm.stream_chat(messages))[-1]

    if recording.status == 200:
        check_response(llm, await ask(), recording)
    else:
        with pytest.raises(RateLimitError, match=r"^\[Google\] .*rate-limited upstream.* \(429\)"):
            await ask()
