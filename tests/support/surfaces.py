"""One way to ask a question over every surface: core, LangChain and LlamaIndex, both colours, streamed and not.

`across` runs each shape of a response on the core path, and a few representative ones on every surface. One path is
what makes that sound: every surface reads its response through `ResponseParser`, and an adapter only translates the
deltas and the completion, whatever shape they were read from.
"""

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from langchain_core.messages import AIMessage
from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
)

from glm_openrouter import AsyncClient, ChatRequest, Client, Completion, TruncatedToolCallError
from glm_openrouter._json.strict import parse_arguments
from langchain_glm import ChatGLM
from llamaindex_glm import GLM

from .clock import noted_waits

KEY = "sk-or-v1-of-a-surface"
QUESTION = "What is the weather, and what time is it?"


def tool(name: str, **properties: str) -> dict[str, Any]:
    schema = {name: {"type": kind} for name, kind in properties.items()}
    parameters = {"type": "object", "properties": schema}
    return {"type": "function", "function": {"name": name, "parameters": parameters}}


TOOLS = [tool("weather", city="string"), tool("clock", zone="integer")]


@dataclass
class Answer:
    """What a response adds up to, in the same words for all surfaces."""

    text: str = ""
    streamed: str = ""
    """The increments of the text, joined."""
    reasoning: str = ""
    reasoning_details: Any = None
    calls: list[tuple[str, str, Any]] = field(default_factory=list)
    """Calls that may run: id, name, arguments."""
    cut: list[str] = field(default_factory=list)
    """The names of calls that must not run."""
    finish_reason: str | None = None
    provider: str | None = None
    usage: tuple[int, int, float | None] | None = None
    """Prompt tokens, completion tokens, USD."""


@dataclass(frozen=True)
class Surface:
    """One of the ways to ask."""

    framework: str
    mode: str
    streamed: bool

    def ask(
        self, base_url: str, *, tools: Any = None, waits: list[float] | None = None, **options: Any
    ) -> Answer:
        """Ask, and return the answer or raise what the surface raises.

        Args:
            base_url: Of the server.
            tools: In OpenRouter's form.
            waits: Gets the seconds between tries, none of which are waited.
            options: Of the client or model; by default nothing is tried again.
        """
        options = {"api_key": KEY, "max_retries": 0, "timeout": 20, **options}
        asker = ASKERS[self.framework](base_url, tools, options)
        in_loop = self.mode == "async"
        with noted_waits([] if waits is None else waits):
            return asyncio.run(asker.ask(in_loop, self.streamed))

    def __str__(self) -> str:
        return f"{self.framework}-{self.mode}-{'stream' if self.streamed else 'whole'}"


async def iterate(items: Any) -> AsyncIterator[Any]:
    """Iterate over what is synchronous or asynchronous."""
    if isinstance(items, Iterable):
        for item in items:
            yield item
    else:
        async for item in items:
            yield item


class CoreAsker:
    """`Client` and `AsyncClient`."""

    def __init__(self, base_url: str, tools: Any, options: Mapping[str, Any]) -> None:
        given: Any = {"base_url": base_url, **options}
        self._client, self._async_client = Client(**given), AsyncClient(**given)
        self._request = ChatRequest(messages=[{"role": "user", "content": QUESTION}], tools=tools)

    async def ask(self, in_loop: bool, streamed: bool) -> Answer:
        if not in_loop:
            client = self._client
            if not streamed:
                return self._answer(client.complete(self._request))
            with client.stream(self._request) as stream:
                text = "".join(delta.text for delta in stream)
                return self._answer(stream.completion, text)
        async with self._async_client as client:
            if not streamed:
                return self._answer(await client.complete(self._request))
            async with client.stream(self._request) as stream:
                text = "".join([delta.text async for delta in stream])
                return self._answer(stream.completion, text)

    def _answer(self, completion: Completion, text: str | None = None) -> Answer:
        usage = completion.usage
        calls = completion.tool_calls
        return Answer(
            completion.text,
            completion.text if text is None else text,
            completion.reasoning,
            completion.reasoning_details,
            [(call.id, call.name, call.parsed) for call in calls if call.error is None],
            [call.name for call in calls if call.error],
            completion.finish_reason,
            completion.provider,
            usage and (usage.prompt_tokens, usage.completion_tokens, usage.cost),
        )


class LangChainAsker:
    """`ChatGLM`."""

    def __init__(self, base_url: str, tools: Any, options: Mapping[str, Any]) -> None:
        self._plain = ChatGLM(base_url=base_url, **options)
        self._model: Any = self._plain.bind_tools(tools) if tools else self._plain

    async def ask(self, in_loop: bool, streamed: bool) -> Answer:
        if streamed:
            stream = self._model.astream if in_loop else self._model.stream
            chunks = [chunk async for chunk in iterate(stream(QUESTION))]
            text = "".join(str(chunk.text) for chunk in chunks)
            return self._answer(sum(chunks[1:], start=chunks[0]), text)
        answer = self._model.ainvoke if in_loop else self._model.invoke
        return self._answer(await settled(answer(QUESTION)))

    def _answer(self, message: AIMessage, text: str | None = None) -> Answer:
        extras, facts, usage = (
            message.additional_kwargs,
            message.response_metadata,
            message.usage_metadata,
        )
        return Answer(
            str(message.text),
            str(message.text) if text is None else text,
            extras.get("reasoning_content", ""),
            extras.get("reasoning_details"),
            [(call["id"] or "", call["name"], call["args"]) for call in message.tool_calls],
            [call["name"] or "" for call in message.invalid_tool_calls],
            facts.get("finish_reason"),
            facts.get("provider"),
            usage and (usage["input_tokens"], usage["output_tokens"], facts.get("cost")),
        )


class LlamaIndexAsker:
    """LlamaIndex's `GLM`."""

    def __init__(self, base_url: str, tools: Any, options: Mapping[str, Any]) -> None:
        self._llm: Any = GLM(api_base=base_url, **options)
        self._arguments = {"tools": tools} if tools else {}

    async def ask(self, in_loop: bool, streamed: bool) -> Answer:
        messages = [ChatMessage(role="user", content=QUESTION)]
        try:
            if streamed:
                stream = self._llm.astream_chat if in_loop else self._llm.stream_chat
                opened = await settled(stream(messages, **self._arguments))
                responses = [response async for response in iterate(opened)]
                text = "".join(response.delta or "" for response in responses)
                return self._answer(responses[-1], text)
            chat = self._llm.achat if in_loop else self._llm.chat
            return self._answer(await settled(chat(messages, **self._arguments)))
        except TruncatedToolCallError as error:
            return Answer(cut=[error.name])

    def _answer(self, response: ChatResponse, text: str | None = None) -> Answer:
        blocks, facts = response.message.blocks, response.raw
        usage = facts["usage"]
        thinking = [block for block in blocks if isinstance(block, ThinkingBlock)]
        calls = [block for block in blocks if isinstance(block, ToolCallBlock)]
        written = "".join(block.text for block in blocks if isinstance(block, TextBlock))
        return Answer(
            written,
            written if text is None else text,
            "".join(block.content or "" for block in thinking),
            next(
                (block.additional_information.get("reasoning_details") for block in thinking), None
            ),
            [(call.tool_call_id or "", call.tool_name, arguments_of(call)) for call in calls],
            [],
            facts.get("finish_reason"),
            facts.get("provider"),
            usage and (usage["prompt_tokens"], usage["completion_tokens"], usage.get("cost")),
        )


def arguments_of(call: ToolCallBlock) -> Any:
    written = call.tool_kwargs
    return parse_arguments(written) if isinstance(written, str) else written


async def settled(value: Any) -> Any:
    """Return a value, awaited if it has to be."""
    return await value if isinstance(value, Awaitable) else value


ASKERS: dict[str, Any] = {
    "core": CoreAsker,
    "langchain": LangChainAsker,
    "llamaindex": LlamaIndexAsker,
}
SURFACES = [
    Surface(*parts) for parts in itertools.product(ASKERS, ("sync", "async"), (False, True))
]


CORE_PATH = [
    surface for surface in SURFACES if str(surface) in ("core-sync-stream", "core-async-whole")
]


def across(name: str, shapes: Iterable[Any], *representative: Any) -> pytest.MarkDecorator:
    """Have a test run with each shape on the core path, and with the representative ones on every surface.

    Args:
        name: Of the argument that gets the name of the shape; `surface` gets the surface.
        shapes: Their names.
        representative: Those whose way through an adapter differs.
    """
    assert {*representative} <= {*shapes}
    cases = [
        pytest.param(surface, shape, id=f"{surface}-{shape}")
        for surface in SURFACES
        for shape in shapes
        if surface in CORE_PATH or shape in representative
    ]
    return pytest.mark.parametrize(("surface", name), cases)


core_path = pytest.mark.parametrize("surface", CORE_PATH, ids=str)
"""Has a test run on the core path alone."""
