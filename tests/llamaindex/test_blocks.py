"""Content blocks of LlamaIndex, there and back."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from llama_index.core.base.llms.types import (
    AudioBlock,
    CacheControl,
    CachePoint,
    ChatMessage,
    CitableBlock,
    CitationBlock,
    DocumentBlock,
    ImageBlock,
    LogProb,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
    VideoBlock,
)
from llama_index.core.memory import ChatMemoryBuffer, Memory
from openai.types.chat import ChatCompletionMessageFunctionToolCall
from openai.types.chat.chat_completion_chunk import ChoiceDeltaToolCall
from sqlalchemy.ext.asyncio import create_async_engine

from glm_openrouter import InvalidRequestError
from glm_openrouter.testing import ScriptedServer, json_reply, stream_reply
from glm_openrouter.testing.pytest_plugin import StartScript
from support.known_faults import CHAT_MEMORY_IS_NOT_STORED
from support.llamaindex_models import ask, llm_for
from support.models import CHAT
from support.samples import THOUGHT_CALL, THOUGHT_TURN
from support.wire import USAGE, chunk, response_body

HELLO = stream_reply([chunk({"content": "Hi"}), chunk({}, "stop", usage=USAGE)])
POINT = CachePoint(cache_control=CacheControl(type="ephemeral", ttl="1h"))
MARK = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}
SOUND = b"RIFF\x00"
PDF = b"%PDF-1.4 a page"
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
RESULT = ChatMessage("4 degrees", role="tool", additional_kwargs={"tool_call_id": "call_1"})


def sent(server: ScriptedServer) -> list[dict[str, Any]]:
    return server.requests[-1].body["messages"]


def content_of(start: StartScript, *blocks: Any, role: str = "user", **arguments: Any) -> Any:
    """Return what is sent as the content of a message of these blocks."""
    server = start(HELLO)
    extras = {"tool_call_id": "call_1"} if role == "tool" else {}
    message = ChatMessage(role=role, blocks=list(blocks), additional_kwargs=extras)
    llm_for(server, **arguments).chat([message])
    return sent(server)[0]["content"]


def test_text_blocks_are_one_text(scripted_openrouter: StartScript) -> None:
    blocks = [TextBlock(text="One."), TextBlock(text="Two.")]
    content = content_of(scripted_openrouter, *blocks)
    assert content == "One.\nTwo." == ChatMessage(blocks=blocks).content


@pytest.mark.parametrize("role", ["system", "user", "assistant", "tool"])
def test_a_cache_point_marks_the_part_before_it(
    scripted_openrouter: StartScript, role: str
) -> None:
    blocks = [TextBlock(text="Long."), POINT, TextBlock(text="Short.")]
    assert content_of(scripted_openrouter, *blocks, role=role) == [
        {"type": "text", "text": "Long.", **MARK},
        {"type": "text", "text": "Short."},
    ]


def test_a_cache_point_with_nothing_before_it_is_an_error(
    scripted_openrouter: StartScript,
) -> None:
    with pytest.raises(InvalidRequestError, match="after content"):
        content_of(scripted_openrouter, POINT, TextBlock(text="Short."))


def test_a_document_is_a_file_for_the_parser(scripted_openrouter: StartScript) -> None:
    block = DocumentBlock(data=PDF, title="manual.pdf", document_mimetype="application/pdf")
    data = base64.b64encode(PDF).decode()
    assert content_of(scripted_openrouter, TextBlock(text="Sum up."), block) == [
        {"type": "text", "text": "Sum up."},
        {
            "type": "file",
            "file": {
                "filename": "manual.pdf",
                "file_data": f"data:application/pdf;base64,{data}",
            },
        },
    ]


def test_a_document_on_the_web_is_not_fetched(scripted_openrouter: StartScript) -> None:
    block = DocumentBlock(url="https://example.com/manual.pdf", title="manual.pdf")
    (part,) = content_of(scripted_openrouter, block)
    assert part["file"]["file_data"] == "https://example.com/manual.pdf"


def test_a_document_of_text_is_sent_as_text(
    scripted_openrouter: StartScript, tmp_path: Path
) -> None:
    path = tmp_path / "notes.md"
    path.write_text("Tea at five.")
    content = content_of(scripted_openrouter, DocumentBlock(path=path, title="notes.md"))
    assert content == "notes.md:\nTea at five."


def test_a_document_of_unknown_bytes_is_a_file(scripted_openrouter: StartScript) -> None:
    (part,) = content_of(scripted_openrouter, DocumentBlock(data=b"\x80\x81\x82", title="blob"))
    assert part["file"]["file_data"].startswith("data:application/octet-stream;base64,")


def test_what_can_be_cited_is_sent_with_its_title_and_source(
    scripted_openrouter: StartScript,
) -> None:
    block = CitableBlock(title="Tea", source="https://example.com/tea", content="From China.")
    content = content_of(scripted_openrouter, block, TextBlock(text="From where?"))
    assert content == "Tea (https://example.com/tea):\nFrom China.\nFrom where?"


CITATION = CitationBlock(
    cited_content=TextBlock(text="From China."),
    source="https://example.com/tea",
    title="Tea",
    additional_location_info={},
)


def test_a_citation_of_the_user_is_its_text(scripted_openrouter: StartScript) -> None:
    assert content_of(scripted_openrouter, CITATION) == "From China."


def test_a_citation_of_the_model_does_not_go_back(scripted_openrouter: StartScript) -> None:
    said = TextBlock(text="It is from China.")
    content = content_of(scripted_openrouter, said, CITATION, role="assistant")
    assert content == "It is from China."


def test_what_only_the_model_writes_is_not_sent_as_a_question(
    scripted_openrouter: StartScript,
) -> None:
    blocks = [ThinkingBlock(content="Hm."), ToolCallBlock(tool_name="x"), TextBlock(text="Hi")]
    assert content_of(scripted_openrouter, *blocks) == "Hi"


MEDIA = {
    "image": ImageBlock(url="https://example.com/cat.png"),
    "audio": AudioBlock(url="https://example.com/cat.mp3"),
    "video": VideoBlock(url="https://example.com/cat.mp4"),
    "a citable image": CitableBlock(
        title="Cat", source="web", content=[ImageBlock(url="https://example.com/cat.png")]
    ),
}


@pytest.mark.parametrize("medium", MEDIA)
@pytest.mark.parametrize("method", CHAT)
async def test_a_text_model_gets_no_media(
    scripted_openrouter: StartScript, method: str, medium: str
) -> None:
    server = scripted_openrouter(HELLO)
    with pytest.raises(InvalidRequestError, match="takes text only"):
        await ask(llm_for(server), method, [ChatMessage(blocks=[MEDIA[medium]])])
    assert server.requests == []


def test_other_models_get_media(scripted_openrouter: StartScript) -> None:
    blocks = [
        ImageBlock(image=PNG, detail="low"),
        AudioBlock(audio=SOUND, format="wav"),
        VideoBlock(url="https://example.com/cat.mp4"),
    ]
    assert content_of(scripted_openrouter, *blocks, model="some/omni") == [
        {
            "type": "image_url",
            "image_url": {
                "url": f"data:image/png;base64,{base64.b64encode(PNG).decode()}",
                "detail": "low",
            },
        },
        {
            "type": "input_audio",
            "input_audio": {"data": base64.b64encode(SOUND).decode(), "format": "wav"},
        },
        {"type": "video_url", "video_url": {"url": "https://example.com/cat.mp4"}},
    ]


def test_the_name_of_a_speaker_is_sent(scripted_openrouter: StartScript) -> None:
    server = scripted_openrouter(HELLO)
    llm_for(server).chat([ChatMessage("Hi", additional_kwargs={"name": "ada"})])
    assert sent(server) == [{"role": "user", "content": "Hi", "name": "ada"}]


PAGES = [
    {
        "type": "url_citation",
        "url_citation": {
            "url": "https://example.com/tea",
            "title": "Tea",
            "content": "From China.",
            "start_index": 3,
            "end_index": 9,
        },
    },
    {"type": "file", "file": {"hash": "1", "name": "manual.pdf", "content": []}},
]
SEARCHED = json_reply(response_body({"content": "Tea is from China.", "annotations": PAGES}))


@pytest.mark.parametrize("method", CHAT)
async def test_pages_that_an_answer_cites_are_citation_blocks(
    scripted_openrouter: StartScript, method: str
) -> None:
    *_, response = await ask(llm_for(scripted_openrouter(SEARCHED)), method)
    assert response.message.blocks == [
        TextBlock(text="Tea is from China."),
        CitationBlock(
            cited_content=TextBlock(text="From China."),
            source="https://example.com/tea",
            title="Tea",
            additional_location_info={"start_index": 3, "end_index": 9},
        ),
    ]
    assert response.message.content == "Tea is from China."


async def test_a_file_that_was_read_is_not_read_again(scripted_openrouter: StartScript) -> None:
    server = scripted_openrouter(SEARCHED)
    llm = llm_for(server)
    answer = llm.chat([ChatMessage("?")]).message
    llm.chat([ChatMessage("?"), answer, ChatMessage("And?")])
    assert sent(server)[1] == {
        "role": "assistant",
        "content": "Tea is from China.",
        "annotations": PAGES[1:],
    }


async def through_json(message: ChatMessage) -> ChatMessage:
    return ChatMessage.model_validate_json(message.model_dump_json())


async def through_a_buffer(message: ChatMessage) -> ChatMessage:
    buffer = ChatMemoryBuffer.from_defaults(token_limit=10_000, tokenizer_fn=str.split)
    buffer.put(message)
    (kept,) = ChatMemoryBuffer.from_dict(buffer.to_dict()).get_all()
    return kept


async def through_a_memory(message: ChatMessage) -> ChatMessage:
    engine = create_async_engine("sqlite+aiosqlite:///:memory:")
    memory = Memory.from_defaults(tokenizer_fn=str.split, async_engine=engine)
    await memory.aput(message)
    (kept,) = await memory.aget_all()
    await engine.dispose()
    return kept


STORED_IN_A_BUFFER = pytest.param(through_a_buffer, marks=CHAT_MEMORY_IS_NOT_STORED)


@pytest.mark.parametrize("way", [through_json, STORED_IN_A_BUFFER, through_a_memory])
@pytest.mark.parametrize("method", CHAT)
async def test_reasoning_goes_back_unmodified_from_wherever_it_was_kept(
    scripted_openrouter: StartScript, method: str, way: Any
) -> None:
    server = scripted_openrouter(stream_reply(THOUGHT_CALL))
    llm = llm_for(server)
    *_, response = await ask(llm, method)
    await ask(llm, method, [ChatMessage("?"), await way(response.message), RESULT])
    assert sent(server)[1] == THOUGHT_TURN


def test_reasoning_of_another_class_goes_back_as_text(scripted_openrouter: StartScript) -> None:
    server = scripted_openrouter(HELLO)
    blocks = [ThinkingBlock(content="Hm."), TextBlock(text="Hi")]
    llm_for(server).chat([ChatMessage(role="assistant", blocks=blocks)])
    assert sent(server) == [{"role": "assistant", "content": "Hi", "reasoning": "Hm."}]


FUNCTION = {"name": "weather", "arguments": '{"city": "Oslo"}'}
OLDER_CALLS: dict[str, Any] = {
    "an entry": {"id": "call_1", "type": "function", "function": FUNCTION},
    "an entry with an object": {
        "id": "call_1",
        "function": {"name": "weather", "arguments": {"city": "Oslo"}},
    },
    "an object": ChatCompletionMessageFunctionToolCall(
        id="call_1", type="function", function=FUNCTION
    ),
    "an object of a stream": ChoiceDeltaToolCall(
        index=0, id="call_1", type="function", function=FUNCTION
    ),
}


@pytest.mark.parametrize("form", OLDER_CALLS)
def test_calls_from_before_there_were_blocks_are_sent(
    scripted_openrouter: StartScript, form: str
) -> None:
    server = scripted_openrouter(HELLO)
    older = ChatMessage(
        role="assistant", content=None, additional_kwargs={"tool_calls": [OLDER_CALLS[form]]}
    )
    llm_for(server).chat([ChatMessage("?"), older, RESULT])
    (sent_call,) = sent(server)[1]["tool_calls"]
    assert (sent_call["id"], sent_call["function"]["name"]) == ("call_1", "weather")
    assert json.loads(sent_call["function"]["arguments"]) == {"city": "Oslo"}


def test_a_block_wins_over_what_was_there_before(scripted_openrouter: StartScript) -> None:
    server = scripted_openrouter(HELLO)
    mine = ToolCallBlock(tool_call_id="call_1", tool_name="weather", tool_kwargs={"city": "Rome"})
    older = {"tool_calls": [OLDER_CALLS["an entry"]]}
    message = ChatMessage(role="assistant", blocks=[mine], additional_kwargs=older)
    llm_for(server).chat([ChatMessage("?"), message, RESULT])
    (sent_call,) = sent(server)[1]["tool_calls"]
    assert sent_call["function"]["arguments"] == '{"city":"Rome"}'


@pytest.mark.parametrize(
    "unknown", ["call_1", {"id": "call_1", "name": "weather", "input": {}}, {"function": None}]
)
def test_calls_in_the_form_of_another_provider_are_refused(
    scripted_openrouter: StartScript, unknown: Any
) -> None:
    server = scripted_openrouter(HELLO)
    message = ChatMessage(role="assistant", additional_kwargs={"tool_calls": [unknown]})
    with pytest.raises(InvalidRequestError, match="ToolCallBlock"):
        llm_for(server).chat([ChatMessage("?"), message, RESULT])
    assert server.requests == []


def token(text: str, *others: str) -> dict[str, Any]:
    entry = {"token": text, "logprob": -0.5, "bytes": None}
    return {**entry, "top_logprobs": [{**entry, "token": each} for each in others]}


@pytest.mark.parametrize("method", ["chat", "achat", "complete", "acomplete"])
async def test_the_chances_of_tokens_are_on_the_response(
    scripted_openrouter: StartScript, method: str
) -> None:
    body = response_body({"content": "Hi."})
    body["choices"][0]["logprobs"] = {"content": [token("Hi", "Hi", "Oh"), token(".")]}
    (response,) = await ask(llm_for(scripted_openrouter(json_reply(body)), logprobs=True), method)
    assert response.logprobs == [
        [LogProb(token="Hi", logprob=-0.5), LogProb(token="Oh", logprob=-0.5)],
        [LogProb(token=".", logprob=-0.5)],
    ]
