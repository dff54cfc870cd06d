"""Event streams and bodies in OpenRouter's form, for the tests of the adapters."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

USAGE = {
    "prompt_tokens": 402,
    "completion_tokens": 74,
    "total_tokens": 476,
    "cost": 0.00023947,
    "is_byok": False,
    "prompt_tokens_details": {"cached_tokens": 392, "cache_write_tokens": 0, "audio_tokens": 0},
    "completion_tokens_details": {"reasoning_tokens": 48},
}


def chunk(
    delta: Mapping[str, Any] | None = None, finish: str | None = None, **more: Any
) -> dict[str, Any]:
    """Return one chunk; `more` goes beside `choices`."""
    choice = {
        "index": 0,
        "delta": {"role": "assistant", **(delta or {})},
        "finish_reason": finish,
        "native_finish_reason": finish,
    }
    head = {"id": "gen-1790000000-test", "object": "chat.completion.chunk", "created": 1790000000}
    return {**head, "model": "z-ai/glm-4.6", "provider": "Z.AI", "choices": [choice], **more}


def reasoning(text: str) -> dict[str, Any]:
    """Return a chunk of reasoning, with its detail."""
    detail = {"type": "reasoning.text", "text": text, "format": "unknown", "index": 0}
    return chunk({"content": "", "reasoning": text, "reasoning_details": [detail]})


def call(
    index: int, name: str | None, arguments: str | None, call_id: str | None = None
) -> dict[str, Any]:
    """Return a fragment of a tool call."""
    function = {"name": name, "arguments": arguments}
    return {"index": index, "id": call_id, "type": "function", "function": function}


def completion(message: Mapping[str, Any], finish: str = "stop") -> dict[str, Any]:
    """Return a complete response."""
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish}
    head = {"id": "gen-1790000000-test", "object": "chat.completion", "created": 1790000000}
    return {
        **head,
        "model": "z-ai/glm-4.6",
        "provider": "Z.AI",
        "choices": [choice],
        "usage": USAGE,
    }


def event_stream(*payloads: Mapping[str, Any], done: bool = True) -> bytes:
    """Return chunks as the bytes of an event stream; `[DONE]` ends it unless told otherwise."""
    written = [json.dumps(payload, ensure_ascii=False) for payload in payloads]
    lines = [*written, "[DONE]"] if done else written
    return "".join(f"data: {line}\n\n" for line in lines).encode()


THOUGHT_CALL: Sequence[dict[str, Any]] = (
    chunk({"content": "\n"}),
    reasoning("The user wants"),
    reasoning(" the weather."),
    chunk({"content": "\nLet me"}),
    chunk({"content": " look."}),
    chunk({"content": None, "tool_calls": [call(0, "weather", "", "call_1")]}),
    chunk({"content": None, "tool_calls": [call(0, None, '{"city": ')]}),
    chunk({"content": None, "tool_calls": [call(0, None, '"Oslo"}')]}),
    chunk({"content": ""}, "tool_calls"),
    chunk({"content": ""}, "tool_calls", usage=USAGE),
)
"""Thinking, a sentence and a tool call, as GLM streams them."""

THOUGHT_TURN: dict[str, Any] = {
    "role": "assistant",
    "content": "Let me look.",
    "reasoning_details": [
        {
            "type": "reasoning.text",
            "text": "The user wants the weather.",
            "format": "unknown",
            "index": 0,
        }
    ],
    "tool_calls": [
        {
            "id": "call_1",
            "type": "function",
            "function": {"name": "weather", "arguments": '{"city": "Oslo"}'},
        }
    ],
}
"""The same, as it goes back."""

WEATHER: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "Look up the weather.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        },
    },
}
