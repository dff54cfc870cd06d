"""Messages of both frameworks with odd values in them: they become a request or a typed error, and are not changed."""

import json
import warnings
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from langchain_core.messages import messages_from_dict, messages_to_dict
from llama_index.core.base.llms.types import ChatMessage
from pydantic import ValidationError

from glm_openrouter import ChatRequest, GLMError, UnsupportedContentWarning
from glm_openrouter.request._body import build_body, encode_body
from glm_openrouter.request.history import MessageRules
from langchain_glm._to_wire.messages import to_messages as from_langchain
from llamaindex_glm._to_wire import to_messages as from_llamaindex
from support.odd_values import RULES

from .seeds import ARGUMENTS

__all__ = ["SEEDS", "check_messages"]

_DETAILS = [{"type": "reasoning.text", "text": "Hm.", "index": 0, "format": "unknown"}]
_CALL = {"name": "find_berth", "args": json.loads(ARGUMENTS), "id": "call_1", "type": "tool_call"}
_WIRE_CALL = {
    "id": "call_1",
    "type": "function",
    "function": {"name": "find_berth", "arguments": ARGUMENTS},
}
_KEPT = {
    "reasoning_content": "Hm.",
    "reasoning_details": _DETAILS,
    "tool_arguments": {"call_1": ARGUMENTS},
    "annotations": [{"type": "file", "file": {"hash": "h", "content": []}}],
    "refusal": "No.",
    "tool_calls": [_WIRE_CALL],
}
_IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,eA=="}}
_LANGCHAIN: list[dict[str, Any]] = [
    {"type": "system", "data": {"content": "Be brief."}},
    {"type": "human", "data": {"content": [{"type": "text", "text": "Where?"}, _IMAGE]}},
    {"type": "ai", "data": {"content": "", "tool_calls": [_CALL], "additional_kwargs": _KEPT}},
    {
        "type": "ai",
        "data": {"content": [{"type": "reasoning", "reasoning": "Hm."}, {**_CALL, "index": 0}]},
    },
    {
        "type": "tool",
        "data": {"content": [{"type": "json", "json": [1]}], "tool_call_id": "call_1"},
    },
    {"type": "chat", "data": {"content": "Well?", "role": "user"}},
]
_LLAMAINDEX: list[dict[str, Any]] = [
    {"role": "system", "blocks": [{"block_type": "text", "text": "Be brief."}]},
    {
        "role": "user",
        "blocks": [
            {"block_type": "text", "text": "Where?"},
            {"block_type": "image", "image": "eA==", "image_mimetype": "image/png"},
            {"block_type": "document", "data": "eA==", "document_mimetype": "text/plain"},
        ],
    },
    {
        "role": "assistant",
        "blocks": [
            {
                "block_type": "thinking",
                "content": "Hm.",
                "additional_information": {"reasoning_details": _DETAILS},
            },
            {
                "block_type": "tool_call",
                "tool_call_id": "call_1",
                "tool_name": "find_berth",
                "tool_kwargs": ARGUMENTS,
            },
        ],
        "additional_kwargs": _KEPT,
    },
    {
        "role": "tool",
        "blocks": [{"block_type": "text", "text": "Pier two."}],
        "additional_kwargs": {"tool_call_id": "call_1"},
    },
]
SEEDS = [json.dumps(messages).encode() for messages in (_LANGCHAIN, _LLAMAINDEX)]


def check_messages(body: bytes, _: Random) -> None:
    """Read messages from JSON, as a store would, and make a request of them."""
    try:
        given = json.loads(body)
    except (ValueError, RecursionError):
        return
    for read, convert in ((_read_langchain, from_langchain), (_read_llamaindex, from_llamaindex)):
        messages = _read(read, given)
        if messages is not None:
            _check_conversion(messages, convert)


def _read(read: Callable[[Any], list[Any]], given: Any) -> list[Any] | None:
    """Return messages, or `None` for what is none: only what the frameworks take matters."""
    try:
        return read(given)
    except Exception:  # noqa: BLE001 -- theirs
        return None


def _read_langchain(given: Any) -> list[Any]:
    messages = messages_from_dict(given)
    messages_to_dict(messages)
    return messages


def _read_llamaindex(given: Any) -> list[Any]:
    messages = [ChatMessage.model_validate(message) for message in given]
    [message.model_dump_json() for message in messages]
    return messages


def _check_conversion(
    messages: list[Any], convert: Callable[[Sequence[Any], MessageRules], Any]
) -> None:
    before = repr(messages)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UnsupportedContentWarning)
            request = ChatRequest(messages=convert(messages, RULES))
        encode_body(build_body(request, stream=True))
    except (GLMError, ValidationError):
        pass
    assert repr(messages) == before, "messages were changed"
