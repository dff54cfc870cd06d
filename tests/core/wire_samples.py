"""Responses in the forms in which OpenRouter has sent them, with words of our own.

Builders of chunks and bodies, `assemble` to put bytes through the path that every response takes, and `joined` for
what a reader of the increments has in the end.
"""

import copy
import json
from collections.abc import Iterable, Mapping
from typing import Any

from glm_openrouter import REPAIRS, ChatRequest, Completion, Delta
from glm_openrouter._response.parser import ResponseParser
from glm_openrouter._response.repairs import Repairs
from glm_openrouter._response.sse import ResponseDecoder

MODEL = "z-ai/glm-4.6"
KEY = "sk-or-v1-0123456789abcdef"
REQUEST = ChatRequest(messages=[{"role": "user", "content": "Where may I moor?"}])

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
    "prompt_tokens_details": {"cached_tokens": 12, "cache_write_tokens": 0},
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


def body(
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


def events(*payloads: Mapping[str, Any] | str, done: bool = True) -> bytes:
    """Payloads as an event stream."""
    texts = [p if isinstance(p, str) else json.dumps(p, ensure_ascii=False) for p in payloads]
    return "".join(f"data: {text}\n\n" for text in [*texts, *["[DONE]"] * done]).encode()


def error(code: Any = 502, message: str = "Provider returned error", **metadata: Any) -> dict:
    """An error envelope."""
    return {"error": {"code": code, "message": message, "metadata": metadata}}


HARBOUR_TOOL = {
    "type": "function",
    "function": {
        "name": "find_berth",
        "description": "Find a free berth.",
        "parameters": {
            "type": "object",
            "properties": {
                "harbour": {"type": "string"},
                "length": {"type": "integer"},
                "with_power": {"type": "boolean"},
                "nights": {"type": "array", "items": {"type": "string"}},
            },
        },
    },
}
TIDE_TOOL = {"type": "function", "function": {"name": "tide", "description": "The tide now."}}
TOOLS = [HARBOUR_TOOL, TIDE_TOOL]
SCHEMAS = {
    "find_berth": HARBOUR_TOOL["function"]["parameters"],
    "tide": {},
}

ANSWER_WITH_EVERYTHING = events(
    says("\n"),
    thinks("The skipper "),
    thinks("asks: für Überfahrt."),
    says("Let me "),
    says("look:\u2028⚓\u0085\n"),
    calls(call("find_berth", '{"harbour": "Sk', 0, "call_1", type="function")),
    calls(call(None, 'agen ⚓", "length": 12}', 0)),
    calls(call("tide", "{}", 1, "call_2", type="function")),
    finishes("tool_calls"),
    uses("C", reason="tool_calls"),
)
"""Reasoning, text beyond ASCII, two tool calls and usage."""


def assemble(
    data: bytes | Iterable[bytes],
    *,
    tools: Mapping[str, Any] | None = None,
    repairs: Iterable[str] = tuple(REPAIRS),
) -> tuple[list[Delta], Completion]:
    """Put the bytes of a response through the path that every response takes."""
    assembly = ResponseParser(
        ResponseDecoder(), Repairs(frozenset(repairs), tools or {}), f"{MODEL}:exacto"
    )
    deltas = []
    for piece in [data] if isinstance(data, bytes) else data:
        # The client hands increments on at once, so nobody may change them later.
        deltas += copy.deepcopy(assembly.feed(piece))
        if assembly.done:
            break
    deltas += assembly.flush()
    assert assembly.completion is not None
    return deltas, assembly.completion


def assemble_stream(
    *payloads: Mapping[str, Any] | str, done: bool = True, **options: Any
) -> tuple[list[Delta], Completion]:
    """Put events through that path, each with a read of its own, so that none is joined with another."""
    pieces = [events(payload, done=False) for payload in payloads]
    return assemble([*pieces, events(done=done)], **options)


def assemble_body(payload: object, **options: Any) -> Completion:
    data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return assemble(data, **options)[1]


def joined(deltas: Iterable[Delta]) -> tuple[str, str, list[tuple[str, str, str]]]:
    """What a reader of the increments has in the end: text, reasoning, and id, name and arguments of each call.

    Fails if an id or a name is sent twice.
    """
    text, reasoning = "", ""
    found: dict[int | None, tuple[list[str], list[str], list[str]]] = {}
    for delta in deltas:
        if delta.text_was_reasoning:
            text, reasoning = "", reasoning + text
        text += delta.text
        reasoning += delta.reasoning
        for part in delta.tool_calls:
            ids, names, arguments = found.setdefault(part.index, ([], [], []))
            ids += [part.id] if part.id else []
            names += [part.name] if part.name else []
            arguments.append(part.arguments)
    assert sorted(found) == list(range(len(found)))
    assert all(len(ids) == 1 and len(names) <= 1 for ids, names, _ in found.values())
    calls = [("".join(i), "".join(n), "".join(a)) for _, (i, n, a) in sorted(found.items())]
    return text, reasoning, calls


def assert_joined(deltas: Iterable[Delta], completion: Completion) -> None:
    """Assert that reading the increments gives what the completion holds."""
    expected = [(c.id, c.name, c.arguments) for c in completion.tool_calls]
    assert joined(deltas) == (completion.text, completion.reasoning, expected)


def facts(completion: Completion) -> dict[str, Any]:
    """A completion as plain values, without ids that had to be made up."""
    values = {name: getattr(completion, name) for name in completion.__struct_fields__}
    values["tool_calls"] = [
        (c.id if "_" not in c.id or len(c.id) < 37 else "made up", c.name, c.arguments, c.parsed)
        for c in completion.tool_calls
    ]
    return values
