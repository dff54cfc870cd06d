"""Whole answers and tools that several tests use, in words of our own."""

from collections.abc import Sequence
from typing import Any

from glm_openrouter import ChatRequest

from .wire import USAGE, call, calls, chunk, event_stream, finishes, says, thinks, uses

KEY = "sk-or-v1-0123456789abcdef"
PROMPT = "Where may I moor?"
REQUEST = ChatRequest(messages=[{"role": "user", "content": PROMPT}])

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

ANSWER_WITH_EVERYTHING = event_stream(
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


THOUGHT_CALL: Sequence[dict[str, Any]] = (
    chunk({"content": "\n"}),
    thinks("The user wants"),
    thinks(" the weather."),
    chunk({"content": "\nLet me"}),
    chunk({"content": " look."}),
    chunk({"content": None, "tool_calls": [call("weather", "", 0, "call_1")]}),
    chunk({"content": None, "tool_calls": [call(None, '{"city": ', 0)]}),
    chunk({"content": None, "tool_calls": [call(None, '"Oslo"}', 0)]}),
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
