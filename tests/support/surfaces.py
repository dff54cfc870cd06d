"""One way to ask a question over every surface: core, LangChain and LlamaIndex, both colours, streamed and not.

`across` runs each shape of a response on the core path, and a few representative ones on every surface. One path is
what makes that sound: every surface reads its response through `ResponseParser`, and an adapter only translates the
deltas and the completion, whatever shape they were read from.
"""

import asyncio
import itertools
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import reduce
from operator import add
from typing import Any, NamedTuple

import pytest
from langchain_core.messages import AIMessage
from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
)

from glm_openrouter import Completion, Delta, InvalidToolCallError, TruncatedToolCallError
from glm_openrouter._json.strict import parse_arguments

from .clock import noted_waits
from .models import CHAT, RUNNABLE, Methods, gather, make_chat, make_core, make_index
from .samples import KEY

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
            waits: Gets the seconds between tries, none of which are waited then.
            options: Of the client or model; by default nothing is tried again.
        """
        framework = FRAMEWORKS[self.framework]
        options = {"api_key": KEY, "max_retries": 0, "timeout": 20, **options}
        model, given = framework.make(base_url, **options), {"tools": tools} if tools else {}
        if given and hasattr(model, "bind_tools"):
            model, given = model.bind_tools(tools), {}
        method = framework.methods.choose(self.mode == "async", self.streamed)

        async def ask() -> Answer:
            return framework.read(await gather(getattr(model, method)(framework.question, **given)))

        with nullcontext() if waits is None else noted_waits(waits):
            try:
                return asyncio.run(ask())
            except (InvalidToolCallError, TruncatedToolCallError) as error:
                return Answer(cut=[error.name])

    def __str__(self) -> str:
        return f"{self.framework}-{self.mode}-{'stream' if self.streamed else 'whole'}"


def read_core(parts: Sequence[Delta | Completion]) -> Answer:
    """Read what `Client` and `AsyncClient` give."""
    completion: Any = parts[-1]
    usage = completion.usage
    calls = completion.tool_calls
    return Answer(
        completion.text,
        "".join(part.text for part in parts[:-1] or parts),
        completion.reasoning,
        completion.reasoning_details,
        [(call.id, call.name, call.parsed) for call in calls if call.error is None],
        [call.name for call in calls if call.error],
        completion.finish_reason,
        completion.provider,
        usage and (usage.prompt_tokens, usage.completion_tokens, usage.cost),
    )


def read_langchain(parts: Sequence[AIMessage]) -> Answer:
    """Read what `ChatGLM` gives."""
    message: Any = reduce(add, parts)
    extras, facts, usage = (
        message.additional_kwargs,
        message.response_metadata,
        message.usage_metadata,
    )
    return Answer(
        str(message.text),
        "".join(str(part.text) for part in parts),
        extras.get("reasoning_content", ""),
        extras.get("reasoning_details"),
        [(call["id"] or "", call["name"], call["args"]) for call in message.tool_calls],
        [call["name"] or "" for call in message.invalid_tool_calls],
        facts.get("finish_reason"),
        facts.get("provider"),
        usage and (usage["input_tokens"], usage["output_tokens"], facts.get("cost")),
    )


def read_llamaindex(parts: Sequence[ChatResponse]) -> Answer:
    """Read what LlamaIndex's `GLM` gives."""
    response = parts[-1]
    blocks, facts = response.message.blocks, response.raw
    usage = facts["usage"]
    thinking = [block for block in blocks if isinstance(block, ThinkingBlock)]
    calls = [block for block in blocks if isinstance(block, ToolCallBlock)]
    text = "".join(block.text for block in blocks if isinstance(block, TextBlock))
    return Answer(
        text,
        "".join(part.delta or "" for part in parts) if response.delta is not None else text,
        "".join(block.content or "" for block in thinking),
        next((block.additional_information.get("reasoning_details") for block in thinking), None),
        [
            (call.tool_call_id or "", call.tool_name, arguments_of(call))
            for call in calls
            if arguments_of(call) is not None
        ],
        [call.tool_name for call in calls if arguments_of(call) is None],
        facts.get("finish_reason"),
        facts.get("provider"),
        usage and (usage.prompt_tokens, usage.completion_tokens, usage.cost),
    )


def arguments_of(call: ToolCallBlock) -> Any:
    written = call.tool_kwargs
    return parse_arguments(written) if isinstance(written, str) else written


class Framework(NamedTuple):
    """How a framework is asked, and how what it gives is read."""

    make: Callable[..., Any]
    methods: Methods
    question: Any
    read: Callable[[Sequence[Any]], Answer]


FRAMEWORKS = {
    "core": Framework(make_core, RUNNABLE, QUESTION, read_core),
    "langchain": Framework(make_chat, RUNNABLE, QUESTION, read_langchain),
    "llamaindex": Framework(make_index, CHAT, [ChatMessage(QUESTION)], read_llamaindex),
}
SURFACES = [
    Surface(*parts) for parts in itertools.product(FRAMEWORKS, ("sync", "async"), (False, True))
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
