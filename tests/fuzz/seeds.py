"""Responses to begin with: our own, in every shape that is known, and the recorded ones where they are present."""

import itertools
import json
from typing import Any

from support.exchanges import EXCHANGES
from support.samples import ANSWER_WITH_EVERYTHING
from support.wire import (
    USAGE,
    call,
    calls,
    chunk,
    details,
    error,
    event_stream,
    finishes,
    response_body,
    says,
    thinks,
    uses,
)

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
    return [*_streams(), *_call_shapes(), *_bodies(), *_failures(), *_exchanges()]


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
        event_stream(says("\n"), thinks("Hm."), says("Pier "), says("two."), finishes(), uses("B")),
        event_stream(says("<think>Hm."), says("</think>\n\nPier two."), *end),
        event_stream(says("Hm.</thi"), says("nk>Pier two."), finishes(), uses("A")),
        event_stream(says("Well.\n"), *map(says, LEAK), *end),
        event_stream(says(LEAK), says("\n"), says(LEAKED_JSON), *end),
        event_stream(thinks("I look.\n"), thinks(LEAK[:30]), thinks(LEAK[30:]), *end),
        event_stream(says("The mail says: "), says(LEAK), says(" I will not."), *end),
        event_stream(thinks(f"It says {LEAKED_JSON}. No."), says("I did not."), *end),
        event_stream(says(f"```\n{LEAK}\n``` and `{LEAKED_JSON}`"), *end),
        event_stream(*map(says, FENCED), *end),
        event_stream(says("```json\n"), says(ARGUMENTS), says("\n"), says("\n```\n\n"), *end),
        event_stream(
            details({"type": "reasoning.text", "text": "Hm", "index": 0, "signature": "s"}),
            details({"type": "reasoning.encrypted", "data": "eA==", "id": "1", "index": 1}),
            details({"type": "reasoning.summary", "summary": "Hm.", "index": 2}),
            chunk({"content": "Pier", "annotations": [{"type": "file"}], "refusal": "No."}),
            finishes(usage=USAGE),
        ),
        event_stream(counted, counted, *end),
        event_stream(says("Pier STOP two"), *end),
        event_stream(says("Half a"), finishes("length"), uses("C", reason="length")),
        event_stream(calls(call("find_berth", ARGUMENTS, 0, "a")), finishes("length")),
        event_stream(calls(call("find_berth", ARGUMENTS, 0, "a")), finishes("content_filter")),
        event_stream(says(LEAK), finishes("length")),
        _in_lines(b"\n", says("Pier "), says("two."), *end),
        _in_lines(b"\r\n", says("Pier "), says("two."), *end),
        event_stream(says("Pier two."), *end, done=False),
        b": OPENROUTER PROCESSING\n\n"
        + event_stream(says("Pier two."), *end).replace(b"\n", b"\r\n"),
        b"\xef\xbb\xbf" + event_stream(says("Pier two."), *end).replace(b"\n", b"\r"),
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
        shapes.append(event_stream(begins, *goes_on, second, *end))
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
    return [json.dumps(response_body(*parts)).encode() for parts in messages]


def _failures() -> list[bytes]:
    """Return errors in every place in which they come."""
    failure = error(
        429,
        raw='{"error":{"message":"busy","code":"1305"}}',
        provider_name="Z.AI",
        headers={"X-RateLimit-Reset": "1760000009000", "Retry-After": "3"},
    )
    in_choice = response_body({"content": "Half a"}, "error")
    in_choice["choices"][0]["error"] = failure["error"]
    return [
        json.dumps(failure).encode(),
        json.dumps(response_body({"content": "Half a"}, "error") | failure).encode(),
        json.dumps(in_choice).encode(),
        event_stream(failure),
        event_stream(says("Half a"), {**finishes("error"), **failure}),
        event_stream(says("Half a"), finishes("error")),
        event_stream(says("Half a"), finishes("length"), {**finishes("error"), **failure}),
        b"event: error\n" + event_stream(failure, done=False),
        b"<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head><body>Oh.</body></html>",
        b'{"error": "no such thing"}',
        b'{"detail": [{"msg": "no such thing"}]}',
    ]


def _exchanges() -> list[bytes]:
    return [_shortened(exchange.body.decode()).encode() for exchange in EXCHANGES.values()]


def _shortened(text: str) -> str:
    lines = text.splitlines(keepends=True)
    return "".join(lines if len(lines) <= 2 * _ENDS else lines[:_ENDS] + lines[-_ENDS:])
