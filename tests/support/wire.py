"""Responses in the forms in which OpenRouter has sent them: chunks, whole bodies, errors, and the bytes of a stream."""

import json
from collections.abc import Mapping
from typing import Any

MODEL = "z-ai/glm-4.6"

FACTS = {
    "id": "gen-1760000000-Harbour",
    "object": "chat.completion.chunk",
    "created": 1760000000,
    "model": MODEL,
    "provider": "Novita",
}

USAGE = {
    "prompt_tokens": 31,
    "completion_tokens": 17,
    "total_tokens": 48,
    "cost": 0.0000521,
    "is_byok": False,
    "prompt_tokens_details": {"cached_tokens": 12, "cache_write_tokens": 0, "audio_tokens": 0},
    "completion_tokens_details": {"reasoning_tokens": 9},
    "cost_details": {"upstream_inference_cost": 0.0000521},
}


def chunk(delta: Mapping[str, Any] | None = None, finish: str | None = None, **more: Any) -> dict:
    """A chunk with one choice; `more` goes to the top level."""
    whole = {"role": "assistant", "content": "", **(delta or {})}
    choice = {
        "index": 0,
        "delta": whole,
        "finish_reason": finish,
        "native_finish_reason": finish,
    }
    return {**FACTS, "choices": [choice], **more}


def says(content: str, **more: Any) -> dict:
    return chunk({"content": content}, **more)


def thinks(reasoning: str, **detail: Any) -> dict:
    """A chunk of reasoning, with its text twice, as OpenRouter sends it."""
    entry = {"type": "reasoning.text", "text": reasoning, "format": "unknown", "index": 0}
    return chunk({"reasoning": reasoning, "reasoning_details": [{**entry, **detail}]})


def details(*entries: Mapping[str, Any]) -> dict:
    return chunk({"reasoning_details": list(entries)})


def calls(*entries: Mapping[str, Any] | None, finish: str | None = None) -> dict:
    return chunk({"content": None, "tool_calls": list(entries)}, finish)


def call(
    name: str | None = None, arguments: Any = ..., index: Any = ..., id: Any = ..., **more: Any
) -> dict:
    """An entry of `tool_calls`; what is not given is not there."""
    entry = {"index": index, "id": id, **more}
    function = {"name": name, "arguments": arguments}
    function = {k: v for k, v in function.items() if v is not ... and (k != "name" or v)}
    return {**{k: v for k, v in entry.items() if v is not ...}, "function": function}


def finishes(reason: str | None = "stop", **more: Any) -> dict:
    return chunk({}, reason, **more)


def uses(form: str, usage: Mapping[str, Any] = USAGE, reason: str = "stop") -> dict:
    """The chunk with the usage in the three forms in which it has been recorded, oldest first."""
    if form == "A":
        return chunk({}, None, usage=usage)
    if form == "B":
        return {**FACTS, "choices": [], "usage": usage}
    return chunk({}, reason, usage=usage, service_tier=None)


def response_body(
    message: Mapping[str, Any], finish: str | None = "stop", usage: Any = USAGE, **more: Any
) -> dict:
    """A complete response."""
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": None, "refusal": None, **message},
        "finish_reason": finish,
        "native_finish_reason": finish,
        "logprobs": None,
    }
    facts = {**FACTS, "object": "chat.completion"}
    return {**facts, "choices": [choice], "usage": usage, **more}


def event_stream(*payloads: Mapping[str, Any] | str, done: bool = True) -> bytes:
    """Payloads as an event stream."""
    texts = [p if isinstance(p, str) else json.dumps(p, ensure_ascii=False) for p in payloads]
    return "".join(f"data: {text}\n\n" for text in [*texts, *["[DONE]"] * done]).encode()


def error(code: Any = 502, message: str = "Provider returned error", **metadata: Any) -> dict:
    """An error envelope."""
    return {"error": {"code": code, "message": message, "metadata": metadata}}
