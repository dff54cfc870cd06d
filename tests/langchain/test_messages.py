"""LangChain's messages on the wire, and annotations of answers as content blocks."""

import base64
from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    ChatMessage,
    FunctionMessage,
    HumanMessage,
    RemoveMessage,
    SystemMessage,
    ToolMessage,
)
from langchain_core.messages import content as blocks

from glm_openrouter import InvalidRequestError
from glm_openrouter.testing import json_reply, stream_reply
from glm_openrouter.testing.pytest_plugin import StartScript
from langchain_glm import ChatGLM
from support.langchain_models import merge
from support.samples import THOUGHT_CALL, THOUGHT_TURN
from support.wire import USAGE, chunk, response_body, thinks

Send = Callable[..., list[dict[str, Any]]]

TEXT, SEES = "z-ai/glm-4.6:exacto", "z-ai/glm-4.6v"
PDF = base64.b64encode(b"%PDF-1.4").decode()
MARK = {"type": "ephemeral"}


@pytest.fixture
def send(scripted_openrouter: StartScript) -> Send:
    """Send messages to a model and return them as they arrive."""
    server = scripted_openrouter(json_reply(response_body({"content": "Hi"})))

    def send(*messages: BaseMessage, **arguments: Any) -> list[dict[str, Any]]:
        before = len(server.requests)
        try:
            ChatGLM(api_key="sk-or-test", base_url=server.base_url, **arguments).invoke([*messages])
        finally:
            assert len(server.requests) <= before + 1
        body = server.requests[-1].body
        assert body is not None
        sent: list[dict[str, Any]] = body["messages"]
        return sent

    return send


def file_part(data: str, **more: str) -> dict[str, Any]:
    return {"type": "file", "file": {**more, "file_data": data}}


def image_part(url: str, **more: str) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url, **more}}


QUESTION_BLOCKS: dict[str, tuple[str, Any, Any]] = {
    "text": (TEXT, blocks.create_text_block("Hi"), "Hi"),
    "a string": (TEXT, "Hi", "Hi"),
    "text that is marked": (
        TEXT,
        {"type": "text", "text": "Hi", "cache_control": MARK},
        {"type": "text", "text": "Hi", "cache_control": MARK},
    ),
    "text that is marked in its extras": (
        TEXT,
        blocks.create_text_block("Hi", cache_control=MARK),
        {"type": "text", "text": "Hi", "cache_control": MARK},
    ),
    "plain text": (TEXT, blocks.create_plaintext_block("Hi"), "Hi"),
    "plain text as data": (
        TEXT,
        blocks.create_plaintext_block(base64=base64.b64encode(b"Hi").decode()),
        "Hi",
    ),
    "plain text by URL": (
        TEXT,
        blocks.create_plaintext_block(url="https://e.org/a.txt"),
        file_part("https://e.org/a.txt"),
    ),
    "a file by URL": (
        TEXT,
        blocks.create_file_block(url="https://e.org/a.pdf"),
        file_part("https://e.org/a.pdf"),
    ),
    "a file as data": (
        TEXT,
        blocks.create_file_block(base64=PDF, mime_type="application/pdf", filename="a.pdf"),
        file_part(f"data:application/pdf;base64,{PDF}", filename="a.pdf"),
    ),
    "a file of LangChain 0.3": (
        TEXT,
        {"type": "file", "source_type": "base64", "data": PDF, "mime_type": "application/pdf"},
        file_part(f"data:application/pdf;base64,{PDF}"),
    ),
    "a file in OpenRouter's form": (
        TEXT,
        file_part("https://e.org/a.pdf", filename="a.pdf"),
        file_part("https://e.org/a.pdf", filename="a.pdf"),
    ),
    "a document of Anthropic's": (
        TEXT,
        {
            "type": "document",
            "source": {"type": "base64", "media_type": "application/pdf", "data": PDF},
        },
        file_part(f"data:application/pdf;base64,{PDF}"),
    ),
    "what is not standard": (
        TEXT,
        blocks.create_non_standard_block({"type": "new_part", "new_part": 1}),
        {"type": "new_part", "new_part": 1},
    ),
    "an image by URL": (
        SEES,
        blocks.create_image_block(url="https://e.org/a.png"),
        image_part("https://e.org/a.png"),
    ),
    "an image as data": (
        SEES,
        blocks.create_image_block(base64="aW1n", mime_type="image/png", detail="low"),
        image_part("data:image/png;base64,aW1n", detail="low"),
    ),
    "an image in OpenAI's form": (
        SEES,
        image_part("https://e.org/a.png", detail="high"),
        image_part("https://e.org/a.png", detail="high"),
    ),
    "an image of Anthropic's": (
        SEES,
        {"type": "image", "source": {"type": "url", "url": "https://e.org/a.png"}},
        image_part("https://e.org/a.png"),
    ),
    "audio, for a model that we know nothing of": (
        "some/model",
        blocks.create_audio_block(base64="YXVk", mime_type="audio/mpeg"),
        {"type": "input_audio", "input_audio": {"data": "YXVk", "format": "mp3"}},
    ),
    "video, for a model that we know nothing of": (
        "some/model",
        blocks.create_video_block(url="https://e.org/a.mp4"),
        {"type": "video_url", "video_url": {"url": "https://e.org/a.mp4"}},
    ),
}
"""What it is -> model, block, and the part that is sent, or the content if it becomes plain text."""


@pytest.mark.parametrize("what", QUESTION_BLOCKS)
def test_a_block_of_a_question_is_sent(send: Send, what: str) -> None:
    model, block, expected = QUESTION_BLOCKS[what]
    (sent,) = send(HumanMessage([block]), model=model)
    assert sent == {
        "role": "user",
        "content": expected if isinstance(expected, str) else [expected],
    }


REFUSED: dict[str, tuple[str, BaseMessage, str]] = {
    "an image": (
        TEXT,
        HumanMessage([blocks.create_image_block(url="https://e.org/a.png")]),
        "glm-4.6 takes text only, no images",
    ),
    "audio": (
        TEXT,
        HumanMessage([blocks.create_audio_block(base64="YXVk", mime_type="audio/wav")]),
        "no audio",
    ),
    "video": (
        TEXT,
        HumanMessage([blocks.create_video_block(url="https://e.org/a.mp4")]),
        "no video",
    ),
    "audio, for a model that sees": (
        SEES,
        HumanMessage([blocks.create_audio_block(base64="YXVk", mime_type="audio/wav")]),
        "no audio",
    ),
    "an image in the system prompt": (
        TEXT,
        SystemMessage([image_part("https://e.org/a.png")]),
        "no images",
    ),
    "audio by URL": (
        "some/model",
        HumanMessage([blocks.create_audio_block(url="https://e.org/a.wav")]),
        "needs base64 data",
    ),
    "a file by id": (
        TEXT,
        HumanMessage([blocks.create_file_block(file_id="file-1")]),
        "no file ids",
    ),
    "a block that is unknown": (TEXT, HumanMessage([{"type": "hologram"}]), "'hologram'"),
    "a tool call in a question": (
        TEXT,
        HumanMessage([{"type": "tool_use", "id": "1", "name": "f", "input": {}}]),
        "'tool_use'",
    ),
    "a result that names no call": (
        TEXT,
        HumanMessage([{"type": "tool_result", "content": "4"}]),
        "'tool_result' needs 'tool_use_id'",
    ),
    "a call without a name": (
        TEXT,
        AIMessage([{"type": "tool_use", "id": "1", "input": {}}]),
        "'tool_use' needs 'name'",
    ),
    "a block that holds nothing": (
        TEXT,
        HumanMessage([{"type": "non_standard"}]),
        "'non_standard' needs 'value'",
    ),
    "a message that removes another": (TEXT, RemoveMessage(id="1"), "RemoveMessage"),
    "the result of a function": (TEXT, FunctionMessage("4", name="f"), "as a ToolMessage"),
}
"""What it is -> model, message, and what the error says."""


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_sent_is_refused_before(scripted_openrouter: StartScript, what: str) -> None:
    model, message, text = REFUSED[what]
    server = scripted_openrouter(json_reply(response_body({"content": "Hi"})))
    chat = ChatGLM(model=model, api_key="sk-or-test", base_url=server.base_url)
    with pytest.raises(InvalidRequestError, match=text):
        chat.invoke([HumanMessage("Hi"), message])
    assert not server.requests


FRAGMENT = {"type": "reasoning.text", "format": "unknown", "index": 0.0}
"""The SDK of OpenRouter makes a float of the index."""

TURNS: dict[str, tuple[BaseMessage, list[dict[str, Any]]]] = {
    "a question with a name": (
        HumanMessage("Hi", name="Ada"),
        [{"role": "user", "content": "Hi", "name": "Ada"}],
    ),
    "an answer of an agent with a name": (
        AIMessage("Hi", name="planner"),
        [{"role": "assistant", "content": "Hi"}],
    ),
    "a result with the name of its tool": (
        ToolMessage("4", tool_call_id="1", name="weather"),
        [{"role": "tool", "tool_call_id": "1", "content": "4"}],
    ),
    "a result with an artifact": (
        ToolMessage("4", tool_call_id="1", artifact={"raw": [1, 2]}),
        [{"role": "tool", "tool_call_id": "1", "content": "4"}],
    ),
    "a result in blocks": (
        ToolMessage([blocks.create_text_block("4"), " degrees"], tool_call_id="1"),
        [{"role": "tool", "tool_call_id": "1", "content": "4 degrees"}],
    ),
    "a result that is a failure": (
        ToolMessage("no such city", tool_call_id="1", status="error"),
        [{"role": "tool", "tool_call_id": "1", "content": "Error: no such city"}],
    ),
    "a failure that says so itself": (
        ToolMessage("Error: no such city", tool_call_id="1", status="error"),
        [{"role": "tool", "tool_call_id": "1", "content": "Error: no such city"}],
    ),
    "a failure in Anthropic's form": (
        HumanMessage(
            [{"type": "tool_result", "tool_use_id": "1", "content": "no", "is_error": True}]
        ),
        [{"role": "tool", "tool_call_id": "1", "content": "Error: no"}],
    ),
    "a result and a question in Anthropic's form": (
        HumanMessage(
            [
                {"type": "tool_result", "tool_use_id": "1", "content": "4"},
                {"type": "text", "text": "And tomorrow?"},
            ]
        ),
        [
            {"role": "tool", "tool_call_id": "1", "content": "4"},
            {"role": "user", "content": "And tomorrow?"},
        ],
    ),
    "a prompt of the developer": (
        SystemMessage("Be brief.", additional_kwargs={"__openai_role__": "developer"}),
        [{"role": "developer", "content": "Be brief."}],
    ),
    "a message of any role": (
        ChatMessage("Hi", role="user"),
        [{"role": "user", "content": "Hi"}],
    ),
    "an answer with marked text": (
        AIMessage([{"type": "text", "text": "Hi", "cache_control": MARK}]),
        [
            {
                "role": "assistant",
                "content": [{"type": "text", "text": "Hi", "cache_control": MARK}],
            }
        ],
    ),
    "an answer that read a file": (
        AIMessage(
            "It is short.",
            additional_kwargs={"annotations": [{"type": "file", "file": {"hash": "1"}}]},
        ),
        [
            {
                "role": "assistant",
                "content": "It is short.",
                "annotations": [{"type": "file", "file": {"hash": "1"}}],
            }
        ],
    ),
    "an answer with citations": (
        AIMessage("Hi", additional_kwargs={"annotations": [{"type": "url_citation"}]}),
        [{"role": "assistant", "content": "Hi"}],
    ),
    "an answer in standard blocks": (
        AIMessage(
            content_blocks=[
                blocks.create_reasoning_block("They greet."),
                blocks.create_text_block("Hi"),
                blocks.create_tool_call("f", {"x": 1}, id="1"),
            ]
        ),
        [
            {
                "role": "assistant",
                "content": "Hi",
                "reasoning": "They greet.",
                "tool_calls": [
                    {
                        "id": "1",
                        "type": "function",
                        "function": {"name": "f", "arguments": '{"x":1}'},
                    }
                ],
            }
        ],
    ),
    "what ran at another server": (
        AIMessage(
            [
                {"type": "server_tool_call", "id": "1", "name": "web_search", "args": {}},
                {"type": "server_tool_result", "tool_call_id": "1", "status": "success"},
                {"type": "non_standard", "value": {"type": "guess"}},
                {"type": "text", "text": "Hi"},
            ]
        ),
        [{"role": "assistant", "content": "Hi"}],
    ),
    "what only another provider knows": (
        AIMessage(
            [
                {"type": "reasoning_content", "reasoning_content": {"text": "They greet."}},
                {"type": "web_search_call", "id": "ws_1", "status": "completed"},
                {"type": "executable_code", "executable_code": "1 + 1"},
                {"type": "text", "text": "Hi"},
            ]
        ),
        [{"role": "assistant", "content": "Hi"}],
    ),
    "reasoning that ChatOpenRouter has streamed": (
        AIMessage(
            "Hi",
            additional_kwargs={
                "reasoning_details": [
                    {**FRAGMENT, "text": "They "},
                    {**FRAGMENT, "text": "greet."},
                    {**FRAGMENT, "text": None, "signature": "s1"},
                    {**FRAGMENT, "text": "So do I."},
                    {**FRAGMENT, "text": "Sealed.", "index": 1.0},
                ]
            },
        ),
        [
            {
                "role": "assistant",
                "content": "Hi",
                "reasoning_details": [
                    {**FRAGMENT, "text": "They greet.", "signature": "s1"},
                    {**FRAGMENT, "text": "So do I."},
                    {**FRAGMENT, "text": "Sealed.", "index": 1.0},
                ],
            }
        ],
    ),
    "only a call": (
        AIMessage("", tool_calls=[{"name": "f", "args": {}, "id": "1"}]),
        [
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [
                    {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
                ],
            }
        ],
    ),
}
"""What it is -> message, and what is sent."""


@pytest.mark.parametrize("what", TURNS)
def test_a_message_is_sent(send: Send, what: str) -> None:
    message, expected = TURNS[what]
    assert send(HumanMessage("Hi"), message)[1:] == expected


FORMS: dict[str, Callable[[ChatGLM], Any]] = {
    "invoke": lambda model: model.invoke("?"),
    "stream": lambda model: merge(model.stream("?")),
    "v3": lambda model: model.stream_events("?", version="v3").output,
}


@pytest.mark.parametrize("how", FORMS)
@pytest.mark.parametrize("output_version", [None, "v1"])
@pytest.mark.filterwarnings("ignore:.*(beta|experimental)")
def test_a_turn_goes_back_as_it_came_in_every_form(
    scripted_openrouter: StartScript, output_version: str | None, how: str
) -> None:
    server = scripted_openrouter(stream_reply(THOUGHT_CALL))
    model = ChatGLM(api_key="sk-or-test", base_url=server.base_url, output_version=output_version)
    message = FORMS[how](model)
    model.invoke([HumanMessage("?"), message, ToolMessage("4", tool_call_id="call_1")])
    sent = server.requests[-1].body["messages"][1]
    assert sent == THOUGHT_TURN


CITED = {
    "type": "url_citation",
    "url_citation": {
        "url": "https://e.org",
        "title": "Tides",
        "content": "The sea is salty.",
        "start_index": 0,
        "end_index": 5,
    },
}
CITATION = {
    "type": "citation",
    "url": "https://e.org",
    "title": "Tides",
    "cited_text": "The sea is salty.",
    "start_index": 0,
    "end_index": 5,
}
READ = {"type": "file", "file": {"hash": "1", "name": "a.pdf"}}


@pytest.mark.parametrize("how", FORMS)
@pytest.mark.parametrize("output_version", [None, "v1"])
@pytest.mark.filterwarnings("ignore:.*(beta|experimental)")
def test_annotations_are_on_the_text_block(
    scripted_openrouter: StartScript, output_version: str | None, how: str
) -> None:
    events = [
        thinks("Where from?"),
        chunk({"content": "Salty"}),
        chunk({"content": ".", "annotations": [CITED]}),
        chunk({"content": "", "annotations": [READ]}),
        chunk({}, "stop", usage=USAGE),
    ]
    server = scripted_openrouter(stream_reply(events))
    model = ChatGLM(api_key="sk-or-test", base_url=server.base_url, output_version=output_version)
    message = FORMS[how](model)
    thought, text = message.content_blocks
    assert (thought["type"], text["text"]) == ("reasoning", "Salty.")
    assert text["annotations"] == [CITATION, {"type": "non_standard_annotation", "value": READ}]


def test_an_answer_without_annotations_has_none(scripted_openrouter: StartScript) -> None:
    server = scripted_openrouter(json_reply(response_body({"content": "Hi"})))
    message = ChatGLM(api_key="sk-or-test", base_url=server.base_url).invoke("?")
    assert message.content_blocks == [{"type": "text", "text": "Hi"}]
