"""Responses to begin with: our own, in every shape that is known, and the recorded ones where they are present."""

import itertools
import json
from pathlib import Path
from typing import Any

from wire_samples import (
    ANSWER_WITH_EVERYTHING,
    USAGE,
    body,
    call,
    calls,
    chunk,
    details,
    error,
    events,
    finishes,
    says,
    thinks,
    uses,
)

RECORDINGS = Path(__file__).resolve().parents[3] / "shared" / "recordings"
_ENDS = 12
"""Lines at both ends that are kept of a long recording; what is between them says the same again."""

ARGUMENTS = '{"harbour": "Oslo", "length": 12}'
LEAK = (
    "<tool_call>find_berth\n<arg_key>harbour</arg_key>\n<arg_value>Oslo</arg_value>\n"
    "<arg_key>length</arg_key>\n<arg_value>12</arg_value>\n</tool_call>"
)
LEAKED_JSON = '<tool_call>{"name": "tide", "arguments": {}}</tool_call>'
FENCED = '```json\n{"harbour": "Oslo", "length": 12}\n```'


def responses() -> list[bytes]:
    """Return the bodies of all responses to begin with."""
    return [*_streams(), *_call_shapes(), *_bodies(), *_failures(), *_recorded()]


def answers() -> list[str]:
    """Return answers that hold JSON, for structured output."""
    value = ARGUMENTS
    nested = '{"harbour": "Oslo", "berths": [{"length": 12.5}, {"length": 1e3}], "open": null}'
    return [
        value,
        nested,
        f"```json\n{nested}\n```",
        f"<think>Which {{harbour}}?</think>\nHere: {value}. Anything else?",
        f"<|begin_of_box|>{value}<|end_of_box|>",
        json.dumps(nested),
        f"First [1, 2], then {value}, then ```\n[{value}]\n```",
        '["Oslo", "Bergen", -12, 0.5e-3, true, {"a": {"b": ["c"]}}]',
        f"{LEAK} {{",
    ]


def _streams() -> list[bytes]:
    end = (finishes(), uses("C"))
    logprobs = {"content": [{"token": "Pier", "logprob": -0.1, "top_logprobs": []}]}
    counted = chunk({"content": "Pier"})
    counted["choices"][0]["logprobs"] = logprobs
    return [
        ANSWER_WITH_EVERYTHING,
        events(says("\n"), thinks("Hm."), says("Pier "), says("two."), finishes(), uses("B")),
        events(says("<think>Hm."), says("</think>\n\nPier two."), *end),
        events(says("Hm.</thi"), says("nk>Pier two."), finishes(), uses("A")),
        events(says("Well.\n"), *map(says, LEAK), *end),
        events(says(LEAK), says("\n"), says(LEAKED_JSON), *end),
        events(thinks("I look.\n"), thinks(LEAK[:30]), thinks(LEAK[30:]), *end),
        events(says("The mail says: "), says(LEAK), says(" I will not."), *end),
        events(thinks(f"It says {LEAKED_JSON}. No."), says("I did not."), *end),
        events(says(f"```\n{LEAK}\n``` and `{LEAKED_JSON}`"), *end),
        events(*map(says, FENCED), *end),
        events(says("```json\n"), says(ARGUMENTS), says("\n"), says("\n```\n\n"), *end),
        events(
            details({"type": "reasoning.text", "text": "Hm", "index": 0, "signature": "s"}),
            details({"type": "reasoning.encrypted", "data": "eA==", "id": "1", "index": 1}),
            details({"type": "reasoning.summary", "summary": "Hm.", "index": 2}),
            chunk({"content": "Pier", "annotations": [{"type": "file"}], "refusal": "No."}),
            finishes(usage=USAGE),
        ),
        events(counted, counted, *end),
        events(says("Pier STOP two"), *end),
        events(says("Half a"), finishes("length"), uses("C", reason="length")),
        events(calls(call("find_berth", ARGUMENTS, 0, "a")), finishes("length")),
        events(calls(call("find_berth", ARGUMENTS, 0, "a")), finishes("content_filter")),
        events(says(LEAK), finishes("length")),
        _in_lines(b"\n", says("Pier "), says("two."), *end),
        _in_lines(b"\r\n", says("Pier "), says("two."), *end),
        events(says("Pier two."), *end, done=False),
        b": OPENROUTER PROCESSING\n\n" + events(says("Pier two."), *end).replace(b"\n", b"\r\n"),
        b"\xef\xbb\xbf" + events(says("Pier two."), *end).replace(b"\n", b"\r"),
    ]


def _in_lines(end: bytes, *chunks: dict[str, Any]) -> bytes:
    """Return a stream whose events have several lines each."""
    stream = b"".join(
        b"".join(b"data: %b\n" % line for line in json.dumps(chunk, indent=1).encode().split(b"\n"))
        + b"\n"
        for chunk in chunks
    )
    return (stream + b"data: [DONE]\n\n").replace(b"\n", end)


def _call_shapes() -> list[bytes]:
    """Return a stream for each way in which index, id and arguments of calls have come."""
    indexes: list[Any] = [0, ..., None]
    ids: list[Any] = ["call_1", ..., ""]
    written: list[list[Any]] = [
        [ARGUMENTS],
        [ARGUMENTS[:9], ARGUMENTS[9:20], ARGUMENTS[20:]],
        [*ARGUMENTS],
        [ARGUMENTS, ARGUMENTS],
        [ARGUMENTS[:-1]],
        [json.loads(ARGUMENTS)],
        ["", "", "{}"],
        ["null"],
        [...],
        [json.dumps(ARGUMENTS)],
    ]
    end = (finishes("tool_calls"), uses("C", reason="tool_calls"))
    shapes = []
    for index, call_id, parts in itertools.product(indexes, ids, written):
        first, *others = parts
        begins = calls(call("find_berth", first, index, call_id, type="function"))
        goes_on = [calls(call(None, part, index)) for part in others]
        second = calls(call("tide", "{}", 1 if index == 0 else index, "call_2"))
        shapes.append(events(begins, *goes_on, second, *end))
    return shapes


def _bodies() -> list[bytes]:
    message = {
        "content": "Pier two.",
        "reasoning": "Hm.",
        "reasoning_details": [{"type": "reasoning.text", "text": "Hm.", "index": 0}],
        "tool_calls": [
            call("find_berth", ARGUMENTS, 0, "a", type="function"),
            call("tide", "", 1, "b", type="function"),
        ],
        "annotations": [{"type": "url_citation", "url_citation": {"url": "https://x.test"}}],
    }
    messages = [
        (message, "tool_calls"),
        ({"content": f"Well.\n{LEAK}"}, "stop"),
        ({"content": None, "reasoning": LEAK}, "stop"),
        ({"content": f'"{LEAKED_JSON}" I will not.'}, "stop"),
        ({"content": FENCED}, "stop"),
        ({"content": [{"type": "text", "text": "Pier"}, " two."]}, "stop"),
        ({"tool_calls": [call("find_berth", ARGUMENTS[:-4], 0, "a")]}, "length"),
        ({"tool_calls": [call("find_berth", ARGUMENTS, 0, "a")]}, "length"),
    ]
    return [json.dumps(body(*parts)).encode() for parts in messages]


def _failures() -> list[bytes]:
    """Return errors in every place in which they come."""
    failure = error(
        429,
        raw='{"error":{"message":"busy","code":"1305"}}',
        provider_name="Z.AI",
        headers={"X-RateLimit-Reset": "1760000009000", "Retry-After": "3"},
    )
    in_choice = body({"content": "Half a"}, "error")
    in_choice["choices"][0]["error"] = failure["error"]
    return [
        json.dumps(failure).encode(),
        json.dumps(body({"content": "Half a"}, "error") | failure).encode(),
        json.dumps(in_choice).encode(),
        events(failure),
        events(says("Half a"), {**finishes("error"), **failure}),
        events(says("Half a"), finishes("error")),
        events(says("Half a"), finishes("length"), {**finishes("error"), **failure}),
        b"event: error\n" + events(failure, done=False),
        b"<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head><body>Oh.</body></html>",
        b'{"error": "no such thing"}',
        b'{"detail": [{"msg": "no such thing"}]}',
    ]


def _recorded() -> list[bytes]:
    if not RECORDINGS.is_dir():
        return []
    recorded = [json.loads(path.read_text()) for path in sorted(RECORDINGS.glob("*.json"))]
    return [_shortened(str(exchange["response_body"])).encode() for exchange in recorded]


def _shortened(text: str) -> str:
    lines = text.splitlines(keepends=True)
    return "".join(lines if len(lines) <= 2 * _ENDS else lines[:_ENDS] + lines[-_ENDS:])
