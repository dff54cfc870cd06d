"""A response in one piece -> the same response as the events of a stream."""

import copy
from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["to_events"]

_JOINED = ("text", "summary", "data")


def to_events(body: Mapping[str, Any], size: int) -> list[dict[str, Any]]:
    """Return the payloads of a stream that says what a body says, its texts in pieces of `size` characters."""
    facts = {key: body[key] for key in body if key not in ("choices", "usage", "object")}
    facts["object"] = "chat.completion.chunk"
    if not body.get("choices"):
        return [{**facts, **{key: body[key] for key in ("usage", "choices") if key in body}}]
    choice = body["choices"][0]
    ends = {key: choice.get(key) for key in ("finish_reason", "native_finish_reason")}
    deltas = [*_deltas(choice.get("message") or {}, choice.get("logprobs"), size)]
    payloads = [
        {**facts, "choices": [{"index": 0, "finish_reason": None, **delta}]}
        for delta in [{"delta": {"role": "assistant", "content": ""}}, *deltas]
    ]
    last = {"index": 0, "delta": {"content": ""}, **ends}
    payloads.append({**facts, "choices": [last]})
    if "usage" in body:
        payloads.append({**facts, "choices": [], "usage": body["usage"]})
    return payloads


def _deltas(message: Mapping[str, Any], logprobs: Any, size: int) -> Iterator[dict[str, Any]]:
    details = message.get("reasoning_details")
    if details is not None:
        yield {"delta": {"reasoning_details": []}}
    fragments = [part for detail in details or () for part in _fragments(detail, size)]
    for key in ("reasoning", "reasoning_content"):
        *pieces, last = _cut(message.get(key), size) or [""]
        for piece in pieces:
            beside, fragments = fragments[:1], fragments[1:]
            yield {"delta": {key: piece, **_unless_none(reasoning_details=details and beside)}}
        if last:
            # What is left of the details comes with the last piece: alone it would be reasoning of its own.
            yield {"delta": {key: last, **_unless_none(reasoning_details=details and fragments)}}
            fragments = []
    for fragment in fragments:
        yield {"delta": {"reasoning_details": [fragment]}}
    for piece in _cut(message.get("content"), size):
        yield {"delta": {"content": piece}}
    for token in (logprobs or {}).get("content") or ():
        yield {"delta": {"content": ""}, "logprobs": {"content": [token]}}
    for index, call in enumerate(message.get("tool_calls") or ()):
        yield from _call_deltas(call, index, size)
    rest = {key: message[key] for key in ("annotations", "refusal") if message.get(key)}
    if rest:
        yield {"delta": rest}


def _call_deltas(call: Mapping[str, Any], index: int, size: int) -> Iterator[dict[str, Any]]:
    first = copy.deepcopy(dict(call, index=index))
    arguments = first["function"].get("arguments")
    pieces = _cut(arguments, size)
    if isinstance(arguments, str):
        first["function"]["arguments"] = ""
    yield {"delta": {"tool_calls": [first]}}
    for piece in pieces:
        yield {"delta": {"tool_calls": [{"index": index, "function": {"arguments": piece}}]}}


def _fragments(detail: Mapping[str, Any], size: int) -> Iterator[dict[str, Any]]:
    text = next((key for key in _JOINED if isinstance(detail.get(key), str)), None)
    if text is None or not isinstance(detail.get("index"), int):
        yield dict(detail)
        return
    for piece in _cut(detail[text], size) or [""]:
        yield {**detail, text: piece}


def _unless_none(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _cut(text: Any, size: int) -> list[str]:
    if not isinstance(text, str):
        return []
    return [text[at : at + size] for at in range(0, len(text), size)]
