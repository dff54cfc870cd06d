"""Messages of LangChain with odd values in them are sent, or refused with the place; nothing else happens."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    ChatMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)

from glm_openrouter import ChatRequest, InvalidRequestError
from glm_openrouter.request._body import build_body, encode_body
from glm_openrouter.testing import json_reply
from glm_openrouter.testing.pytest_plugin import StartScript
from langchain_glm import ChatGLM
from langchain_glm._to_wire.messages import to_messages
from support.langchain_models import model_for
from support.odd_values import ODD, RULES, assert_sent_or_refused, odd_in
from support.wire import response_body

_EXTRAS = (
    *("annotations", "reasoning_details", "reasoning_content", "tool_arguments", "tool_calls"),
    *("refusal", "function_call", "__openai_role__", "name", "audio", "parsed", "id"),
)
_TYPES = (
    *("text", "image", "image_url", "audio", "input_audio", "video", "video_url", "file"),
    *("document", "text-plain", "non_standard", "tool_call", "tool_use", "tool_result"),
    *("reasoning", "thinking", "what"),
)
_KEYS = (
    *("text", "source", "url", "base64", "data", "mime_type", "media_type", "file", "filename"),
    *("extras", "metadata", "cache_control", "value", "id", "name", "args", "input", "content"),
    *("tool_use_id", "is_error", "reasoning", "image_url", "detail", "index"),
)
_BLOCKS = st.builds(
    lambda kind, rest: {"type": kind, **rest}, st.sampled_from(_TYPES) | ODD, odd_in(*_KEYS)
)
_CONTENT = st.text(max_size=5) | st.lists(st.text(max_size=3) | _BLOCKS | ODD, max_size=3) | ODD
_CALLS = st.lists(
    st.builds(
        lambda name, args, call_id: {"name": name, "args": args, "id": call_id},
        st.just("tool") | ODD,
        odd_in("a", "b") | ODD,
        st.just("id") | ODD,
    ),
    max_size=2,
)
_CLASSES = (AIMessage, HumanMessage, SystemMessage, ToolMessage, ChatMessage)


def _message(kind: type[BaseMessage], content: Any, calls: Any, **fields: Any) -> BaseMessage:
    """Return a message that nobody has checked, as one out of a store or one that was changed."""
    required = {ToolMessage: {"tool_call_id": "id"}, ChatMessage: {"role": "user"}}.get(kind, {})
    update = {"content": content, **fields, **dict.fromkeys(required, fields["name"])}
    if kind is AIMessage:
        update |= {"tool_calls": calls, "invalid_tool_calls": calls[:1]}
    return kind("", **required).model_copy(update=update)


MESSAGES = st.builds(
    lambda kind, content, calls, extras, metadata, name: _message(
        kind,
        content,
        calls,
        additional_kwargs=extras,
        response_metadata=metadata,
        name=name,
    ),
    st.sampled_from(_CLASSES),
    _CONTENT,
    _CALLS,
    odd_in(*_EXTRAS),
    odd_in("finish_reason", "model_provider", "id"),
    st.none() | st.just("Ada") | ODD,
)


def write(messages: list[BaseMessage]) -> bytes:
    request = ChatRequest(messages=to_messages(messages, RULES))
    return encode_body(build_body(request, stream=False))


@given(st.lists(MESSAGES, min_size=1, max_size=3))
@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@pytest.mark.filterwarnings("ignore::glm_openrouter.UnsupportedContentWarning")
def test_any_message_is_sent_or_refused_and_never_changed(messages: list[BaseMessage]) -> None:
    assert_sent_or_refused(messages, to_messages)


_DETAILS = {"reasoning_details": ["text"]}


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (AIMessage("", additional_kwargs=_DETAILS), r"messages\[1\].*reasoning_details'\]\[0\]"),
        (AIMessage("", additional_kwargs={"reasoning_content": 7}), "reasoning must be text"),
        (
            AIMessage("", tool_calls=[{"name": "a", "args": {"b": b"c"}, "id": "1"}]),
            "arguments of a tool call cannot be written as JSON.*bytes",
        ),
        (
            HumanMessage([{"type": "text-plain", "base64": "a"}]),
            r"messages\[1\]: .*'text-plain' has data that is not base64",
        ),
        (HumanMessage([{"type": "text", "text": 7}]), "'text' of a content block must be text"),
        (
            AIMessage("", additional_kwargs={"reasoning_details": [{"a": object()}]}),
            r"messages\[1\]\.reasoning_details\[0\]\.a: .*object",
        ),
        (HumanMessage("\ud800"), r"messages\[1\]\.content: .*surrogates"),
    ],
)
def test_the_error_names_the_message_and_the_field(message: BaseMessage, said: str) -> None:
    model = ChatGLM(api_key="sk-or-test", base_url="http://127.0.0.1:9/api/v1")
    with pytest.raises(InvalidRequestError, match=said):
        model.invoke([HumanMessage("Hello"), message])


@pytest.mark.parametrize(
    "extras",
    [
        {"annotations": 7},
        {"annotations": ["a", {"type": []}]},
        {"tool_arguments": [1]},
        {"tool_arguments": {"1": 7}},
        {"refusal": object(), "parsed": b"bytes"},
    ],
)
def test_what_cannot_be_meant_is_left_out(
    extras: dict[str, Any], scripted_openrouter: StartScript
) -> None:
    server = scripted_openrouter(json_reply(response_body({"content": "Hello"})))
    calls = [{"name": "a", "args": {"b": 1}, "id": "1"}]
    turn = AIMessage("", additional_kwargs=extras, tool_calls=calls)
    model_for(server).invoke([HumanMessage("?"), turn, ToolMessage("1", tool_call_id="1")])
    body = server.requests[0].body
    assert body is not None
    assert body["messages"][1].keys() == {"role", "content", "tool_calls"}
    assert body["messages"][1]["tool_calls"][0]["function"]["arguments"] == '{"b":1}'


@pytest.mark.parametrize("annotations", [7, "text", [7, None], {"type": "url_citation"}])
def test_odd_annotations_leave_the_content_blocks_readable(annotations: Any) -> None:
    extras, metadata = {"annotations": annotations}, {"model_provider": "openrouter"}
    message = AIMessage("Hello", additional_kwargs=extras, response_metadata=metadata)
    assert message.content_blocks == [{"type": "text", "text": "Hello"}]
