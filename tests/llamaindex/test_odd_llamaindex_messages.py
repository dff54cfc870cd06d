"""Messages of LlamaIndex with odd values in them are sent, or refused with the place; nothing else happens."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from llama_index.core.base.llms.types import (
    AudioBlock,
    CachePoint,
    ChatMessage,
    CitableBlock,
    CitationBlock,
    DocumentBlock,
    ImageBlock,
    MessageRole,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
    VideoBlock,
)

from glm_openrouter import ChatRequest, InvalidRequestError
from glm_openrouter.request._body import build_body, encode_body
from llamaindex_glm import GLM
from llamaindex_glm._to_wire import to_messages
from support.odd_values import ODD, RULES, assert_sent_or_refused, odd_in

_EXTRAS = ("annotations", "tool_call_id", "tool_calls", "name", "refusal", "reasoning_content")
_OLDER_CALLS = st.lists(
    st.builds(lambda function: {"id": "1", "function": function}, odd_in("name", "arguments"))
    | ODD,
    max_size=2,
)
_FIELDS = {
    TextBlock: ("text",),
    ThinkingBlock: ("content", "additional_information"),
    ToolCallBlock: ("tool_call_id", "tool_name", "tool_kwargs"),
    DocumentBlock: ("data", "path", "url", "title", "document_mimetype"),
    ImageBlock: ("image", "path", "url", "image_mimetype", "detail"),
    AudioBlock: ("audio", "path", "url", "format"),
    VideoBlock: ("video", "path", "url", "video_mimetype"),
    CitableBlock: ("title", "source", "content"),
    CitationBlock: ("cited_content", "source", "title", "additional_location_info"),
    CachePoint: ("cache_control",),
}
_THOUGHTS = st.builds(
    lambda details: ThinkingBlock(
        content="", additional_information={"reasoning_details": details}
    ),
    ODD,
)


def _blocks(kind: type[Any]) -> st.SearchStrategy[Any]:
    """Return blocks that nobody has checked, as those out of a store or those that were changed."""
    return odd_in(*_FIELDS[kind]).map(lambda fields: kind.model_construct(**fields))


_BLOCKS = st.sampled_from(list(_FIELDS)).flatmap(_blocks) | _THOUGHTS | ODD
_ROLES = st.sampled_from(list(MessageRole)) | ODD
MESSAGES = st.builds(
    lambda role, blocks, extras, calls: ChatMessage.model_construct(
        role=role,
        blocks=blocks,
        additional_kwargs={**extras, **({"tool_calls": calls} if calls else {})},
    ),
    _ROLES,
    st.lists(_BLOCKS, max_size=3) | ODD,
    odd_in(*_EXTRAS),
    _OLDER_CALLS,
)


def write(messages: list[ChatMessage]) -> bytes:
    request = ChatRequest(messages=to_messages(messages, RULES))
    return encode_body(build_body(request, stream=False))


@given(st.lists(MESSAGES, min_size=1, max_size=3))
@settings(max_examples=75, suppress_health_check=[HealthCheck.too_slow])
@pytest.mark.filterwarnings("ignore::glm_openrouter.UnsupportedContentWarning")
def test_any_message_is_sent_or_refused_and_never_changed(messages: list[ChatMessage]) -> None:
    assert_sent_or_refused(messages, to_messages)


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (ChatMessage(blocks=[DocumentBlock()]), r"messages\[1\]: A DocumentBlock needs data"),
        (
            ChatMessage(role="tool", content="1", additional_kwargs={"tool_call_id": 7}),
            r"messages\[1\]: tool_call_id must be text, got int",
        ),
        (
            ChatMessage(role="assistant", additional_kwargs={"tool_calls": 7}),
            r"additional_kwargs\['tool_calls'\] must be a list",
        ),
        (
            ChatMessage(content="Hello", additional_kwargs={"name": ["Ada"]}),
            r"additional_kwargs\['name'\] must be text",
        ),
        (
            ChatMessage(
                role="assistant",
                blocks=[ToolCallBlock(tool_name="a", tool_kwargs={"b": b"c"}, tool_call_id="1")],
            ),
            "arguments of a tool call cannot be written as JSON.*bytes",
        ),
        (
            ChatMessage(
                role="assistant",
                blocks=[ThinkingBlock(additional_information={"reasoning_details": [7]})],
            ),
            r"reasoning_details of a ThinkingBlock\[0\] must be an object",
        ),
    ],
)
def test_the_error_names_the_message_and_the_field(message: ChatMessage, said: str) -> None:
    llm = GLM(api_key="sk-or-test", api_base="http://127.0.0.1:9/api/v1")
    with pytest.raises(InvalidRequestError, match=said):
        llm.chat([ChatMessage(content="Hello"), message])


def test_annotations_of_another_type_are_left_out() -> None:
    for annotations in (7, ["a"], [{"type": []}], {"type": "file"}):
        message = ChatMessage(
            role="assistant", content="Hello", additional_kwargs={"annotations": annotations}
        )
        assert to_messages([message], RULES) == [{"role": "assistant", "content": "Hello"}]
