"""Requests with what came back: our own in each form that was seen, and recorded ones where their folder is present.

The recorded exchanges are not part of the project: every property is held on our own, and they only add to those.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .samples import THOUGHT_CALL, WEATHER
from .wire import (
    FACTS,
    MODEL,
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

_RECORDED = Path(__file__).resolve().parents[3] / "shared" / "recordings"


@dataclass(frozen=True)
class Exchange:
    """A request, and the response to it."""

    request: Mapping[str, Any]
    body: bytes
    status: int = 200

    @property
    def is_stream(self) -> bool:
        """Whether the response is an event stream."""
        return bool(self.request.get("stream")) and self.status == 200

    @property
    def content_type(self) -> str:
        return "text/event-stream" if self.is_stream else "application/json"


def _streamed(*payloads: Mapping[str, Any], **request: Any) -> Exchange:
    body = b": OPENROUTER PROCESSING\n\n" + event_stream(*payloads)
    return Exchange({**_request(**request), "stream": True}, body)


def _whole(payload: Mapping[str, Any], status: int = 200, **request: Any) -> Exchange:
    return Exchange(_request(**request), b"\n \n" + json.dumps(payload).encode(), status)


def _request(**more: Any) -> dict[str, Any]:
    return {"model": MODEL, "messages": [{"role": "user", "content": "Where may I moor?"}], **more}


_THOUGHT = {"type": "reasoning.text", "text": "Pier one is full.", "format": "unknown", "index": 0}
_OSLO = call("weather", '{"city": "Oslo"}', 0, "call_1", type="function")
_ROME = call("weather", '{"city": "Rome"}', 1, "call_2", type="function")
_ERROR_AFTER_LENGTH = {
    **FACTS,
    "choices": [],
    **error(502, "Upstream error", provider_name="Novita"),
}
_NULL_CONTENT = chunk({"content": None, "reasoning": "Pier one", "reasoning_details": [_THOUGHT]})

OWN: dict[str, Exchange] = {
    "text": _whole(response_body({"content": "\nPier two."})),
    "text, streamed": _streamed(says("\n"), says("Pier "), says("two."), uses("C")),
    "text without thinking": _whole(
        response_body({"content": "Pier two."}), reasoning={"enabled": False}
    ),
    "thinking": _whole(
        response_body(
            {
                "content": "Pier two.",
                "reasoning": "Pier one is full.",
                "reasoning_details": [_THOUGHT],
            }
        )
    ),
    "thinking, streamed": _streamed(
        says("\n"),
        thinks("Pier one"),
        thinks(" is full."),
        says("Pier two."),
        finishes(),
        uses("A"),
    ),
    "thinking without content": _streamed(_NULL_CONTENT, says("Pier two."), finishes(), uses("B")),
    "thinking as Z.AI names it": _streamed(
        chunk({"reasoning_content": "Pier one"}),
        chunk({"reasoning_content": " is full."}),
        says("Pier two."),
        uses("C"),
    ),
    "a call": _whole(
        response_body({"content": "Let me look.", "tool_calls": [_OSLO]}, "tool_calls"),
        tools=[WEATHER],
    ),
    "a call, streamed": _streamed(*THOUGHT_CALL, tools=[WEATHER]),
    "two calls": _whole(
        response_body({"content": None, "tool_calls": [_OSLO, _ROME]}, "tool_calls"),
        tools=[WEATHER],
    ),
    "two calls, streamed": _streamed(
        thinks("Both."),
        calls(_OSLO),
        calls(call("weather", '{"city": ', 1, "call_2", type="function")),
        calls(call(None, '"Rome"}', 1)),
        uses("C", reason="tool_calls"),
        tools=[WEATHER],
    ),
    "a call without arguments": _streamed(
        calls(call("clock", ..., 0, "call_1", type="function")),
        finishes("tool_calls"),
        uses("B"),
    ),
    "an error after the length": _streamed(
        says("Pier"), finishes("length", usage=USAGE), _ERROR_AFTER_LENGTH
    ),
    "reasoning that is sealed": _streamed(
        details({"type": "reasoning.encrypted", "data": "eA==", "id": "1", "index": 0}),
        says("Pier two."),
        {**FACTS, "choices": []},
        finishes(usage=USAGE),
    ),
    "too many requests": _whole(
        error(
            429,
            raw=f"{MODEL} is temporarily rate-limited upstream. Please retry shortly.",
            provider_name="Google",
        ),
        429,
    ),
}


def _read(path: Path) -> Exchange:
    recorded = json.loads(path.read_text())
    return Exchange(recorded["request"], recorded["response_body"].encode(), recorded["status"])


EXCHANGES: dict[str, Exchange] = {
    **OWN,
    **{path.stem: _read(path) for path in sorted(_RECORDED.glob("*.json"))},
}
