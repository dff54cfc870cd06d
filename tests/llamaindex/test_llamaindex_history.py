"""What of earlier turns goes to the model: content that it takes, and reasoning that it reads."""

import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.base.llms.types import (
    AudioBlock,
    ChatMessage,
    CitableBlock,
    DocumentBlock,
    ImageBlock,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
    VideoBlock,
)
from llama_index.core.memory import BaseMemory, ChatMemoryBuffer, Memory
from llama_index.core.tools import FunctionTool
from sqlalchemy.ext.asyncio import create_async_engine

from glm_openrouter import InvalidRequestError, UnsupportedContentWarning
from glm_openrouter.testing import ScriptedServer, text_reply, tool_call_reply
from glm_openrouter.testing.pytest_plugin import StartScript
from glm_openrouter.tokens import count_tokens
from support.llamaindex_models import ask, llm_for
from support.models import CHAT

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
SHOT = ImageBlock(image=PNG, image_mimetype="image/png")
CALL = ChatMessage(
    role="assistant", blocks=[ToolCallBlock(tool_call_id="call_1", tool_name="look")]
)
LEFT_OUT = "[image/png, 70 bytes, left out: z-ai/glm-4.6 takes text only]"

left_out = pytest.mark.filterwarnings("ignore::glm_openrouter.UnsupportedContentWarning")
# LlamaIndex looks at every attribute of an agent, and asks its own workflows what is deprecated there.
agents = pytest.mark.filterwarnings(
    "ignore::pydantic.warnings.PydanticDeprecationWarning",
    "ignore:is_running called from within a step:DeprecationWarning",
)


def looks(*result: Any) -> list[ChatMessage]:
    """Return a conversation in which a tool has returned these blocks."""
    answer = ChatMessage(
        role="tool", blocks=list(result), additional_kwargs={"tool_call_id": "call_1"}
    )
    return [ChatMessage("Look."), CALL, answer]


def sent(server: ScriptedServer) -> list[dict[str, Any]]:
    body = server.requests[-1].body
    assert body is not None
    messages: list[dict[str, Any]] = body["messages"]
    return messages


RESULTS: dict[str, tuple[Any, str]] = {
    "an image": (SHOT, LEFT_OUT),
    "an image by URL": (
        ImageBlock(url="https://e.org/a.png"),
        "[image/png, left out: z-ai/glm-4.6 takes text only]",
    ),
    "an image in a file that is gone": (
        SHOT.model_copy(update={"image": None, "path": Path("gone.png")}),
        "[image/png, left out: z-ai/glm-4.6 takes text only]",
    ),
    "audio on the web, which is not fetched": (
        AudioBlock(url="http://127.0.0.1:9/a.mp3", format="mp3"),
        "[audio/mp3, left out: z-ai/glm-4.6 takes text only]",
    ),
    "a video": (
        VideoBlock(url="https://e.org/a.mp4", video_mimetype="video/mp4"),
        "[video/mp4, left out: z-ai/glm-4.6 takes text only]",
    ),
    "an image as a document": (
        DocumentBlock(data=PNG, title="a.png", document_mimetype="image/png"),
        LEFT_OUT,
    ),
    "an image that can be cited": (
        CitableBlock(title="Cat", source="web", content=[SHOT]),
        f"Cat (web):\n{LEFT_OUT}",
    ),
}
"""What it is -> the block, and the text that is sent in its place."""


@left_out
@pytest.mark.parametrize("what", RESULTS)
def test_what_a_tool_returned_is_named_where_it_cannot_be_sent(
    scripted_openrouter: StartScript, what: str
) -> None:
    block, text = RESULTS[what]
    server = scripted_openrouter(text_reply("A ship."))
    llm_for(server).chat(looks(TextBlock(text="Here:"), block))
    assert sent(server)[-1] == {
        "role": "tool",
        "tool_call_id": "call_1",
        "content": f"Here:\n{text}",
    }


@pytest.mark.parametrize("method", CHAT)
async def test_every_call_goes_on_after_an_image_of_a_tool(
    scripted_openrouter: StartScript, method: str
) -> None:
    llm = llm_for(scripted_openrouter(text_reply("A ship.")))
    with pytest.warns(UnsupportedContentWarning, match=r"images.*glm-4\.6 takes text only"):
        responses = await ask(llm, method, looks(SHOT))
    assert responses[-1].message.content == "A ship."
    await ask(llm, method, looks(SHOT))  # and says so once


@left_out
def test_an_image_of_another_model_is_named(scripted_openrouter: StartScript) -> None:
    server = scripted_openrouter(text_reply("A ship."))
    drawn = ChatMessage(role="assistant", blocks=[TextBlock(text="Here:"), SHOT])
    llm_for(server).chat([ChatMessage("Draw."), drawn, ChatMessage("What is it?")])
    assert sent(server)[1] == {"role": "assistant", "content": f"Here:\n{LEFT_OUT}"}


@pytest.mark.parametrize("where", ["model", "call"])
def test_whoever_wants_an_error_gets_it(scripted_openrouter: StartScript, where: str) -> None:
    server = scripted_openrouter(text_reply("A ship."))
    options = {"unsupported_content": "raise"}
    llm = llm_for(server, **(options if where == "model" else {}))
    with pytest.raises(InvalidRequestError, match=r"messages\[2\]: .*takes text only, no images"):
        llm.chat(looks(SHOT), **(options if where == "call" else {}))
    assert server.requests == []


def test_a_model_that_sees_gets_the_image_of_a_tool(scripted_openrouter: StartScript) -> None:
    server = scripted_openrouter(text_reply("A ship."))
    llm_for(server, model="z-ai/glm-4.6v").chat(looks(SHOT))
    (part,) = sent(server)[-1]["content"]
    assert part["image_url"]["url"].startswith("data:image/png;base64,iVBORw0KGgo")


def take_shot() -> list[Any]:
    """Take a screenshot."""
    return [TextBlock(text="The screen:"), SHOT]


@left_out
@agents
@pytest.mark.parametrize("streaming", [True, False])
async def test_an_agent_goes_on_after_a_screenshot(
    scripted_openrouter: StartScript, streaming: bool
) -> None:
    server = scripted_openrouter(tool_call_reply("take_shot", {}), text_reply("Done."))
    shooter = FunctionTool.from_defaults(take_shot)
    agent = FunctionAgent(tools=[shooter], llm=llm_for(server), streaming=streaming)
    answer = await agent.run("Take a shot.")
    assert str(answer) == "Done."
    assert sent(server)[-1]["content"] == f"The screen:\n{LEFT_OUT}"


def thought(text: str, **more: Any) -> ChatMessage:
    detail = {"type": "reasoning.text", "text": text, "format": "unknown", "index": 0}
    thinking = ThinkingBlock(content=text, additional_information={"reasoning_details": [detail]})
    return ChatMessage(role="assistant", blocks=[thinking, TextBlock(text="Yes.")], **more)


def thoughts(messages: list[dict[str, Any]]) -> list[str]:
    """Return the reasoning in what was sent, all of it."""
    assert all("reasoning" not in message for message in messages)
    details = [message.get("reasoning_details", []) for message in messages]
    return [detail["text"] for entries in details for detail in entries]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, ["New."]),
        ({"model": "z-ai/glm-5.1"}, ["Old.", "New."]),
        ({"model": "z-ai/glm-5.1", "reasoning_history": "turn"}, ["New."]),
        ({"reasoning_history": "all"}, ["Old.", "New."]),
        ({"reasoning_history": "none"}, []),
    ],
)
@pytest.mark.parametrize("where", ["model", "call"])
def test_reasoning_goes_to_models_that_read_it(
    scripted_openrouter: StartScript, options: dict[str, str], expected: list[str], where: str
) -> None:
    server = scripted_openrouter(text_reply("A ship."))
    llm = llm_for(server, **(options if where == "model" else {}))
    conversation = [ChatMessage("First?"), thought("Old."), ChatMessage("Second?"), thought("New.")]
    llm.chat(conversation, **(options if where == "call" else {}))
    assert thoughts(sent(server)) == expected


@agents
@pytest.mark.parametrize("streaming", [True, False])
async def test_an_agent_sends_back_what_is_thought_in_its_turn(
    scripted_openrouter: StartScript, streaming: bool
) -> None:
    server = scripted_openrouter(
        tool_call_reply("take_shot", {}, reasoning="Look first."),
        tool_call_reply("take_shot", {}, reasoning="Once more."),
        text_reply("A ship.", reasoning="Now I know."),
    )
    seen = FunctionTool.from_defaults(lambda: "A ship.", name="take_shot", description="Look.")
    agent = FunctionAgent(tools=[seen], llm=llm_for(server), streaming=streaming)
    history = [ChatMessage("Hi"), thought("Old.")]
    await agent.run("What is it?", chat_history=history)
    assert thoughts(sent(server)) == ["Look first.", "Once more."]


@asynccontextmanager
async def memory_of(kind: str) -> AsyncIterator[BaseMemory]:
    """Give a memory of 2,000 tokens, which are words here."""
    limits: Any = {"token_limit": 2000, "tokenizer_fn": str.split}
    if kind == "ChatMemoryBuffer":
        yield ChatMemoryBuffer.from_defaults(**limits)
        return
    engine = create_async_engine("sqlite+aiosqlite:///:memory:")  # so that the test can close it
    try:
        yield Memory.from_defaults(async_engine=engine, **limits)
    finally:
        await engine.dispose()


@pytest.mark.parametrize("kind", ["ChatMemoryBuffer", "Memory"])
async def test_a_memory_limit_bounds_what_is_sent(
    scripted_openrouter: StartScript, kind: str
) -> None:
    server = scripted_openrouter(text_reply("It is so. " * 10, reasoning="I wonder. " * 330))
    llm = llm_for(server)
    async with memory_of(kind) as memory:
        for turn in range(30):
            await memory.aput(ChatMessage(f"Is it so, for the {turn}th time?"))
            await memory.aput((await llm.achat(await memory.aget())).message)
    texts = json.dumps(sent(server))
    assert "I wonder" not in texts
    assert count_tokens(texts) < 3000
