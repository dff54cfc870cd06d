"""Responses with tool calls that cannot be read, though nothing was cut, and what a model is told of them."""

from collections.abc import Mapping
from typing import Any

from glm_openrouter.testing import ScriptedServer, stream_reply

from .wire import USAGE, call, chunk

BAD = '{"city": Oslo}'
GOOD = '{"city": "Oslo"}'


def calls_reply(
    *arguments: str, text: str = "", finish: str = "tool_calls", name: str = "weather"
) -> Any:
    """A stream that calls a tool once for each text of arguments; the ids are `call_0`, `call_1`, ..."""
    entries = [call(name, text, at, f"call_{at}") for at, text in enumerate(arguments)]
    parts = [chunk({"content": text})] if text else []
    return stream_reply([*parts, chunk({"tool_calls": entries}), chunk({}, finish, usage=USAGE)])


def says_reply(text: str) -> Any:
    return stream_reply([chunk({"content": text}), chunk({}, "stop", usage=USAGE)])


def results_sent(server: ScriptedServer, request: int) -> Mapping[str, str]:
    """The results of calls in a request, by the id of the call; each call has one, and arguments that are JSON."""
    messages = server.requests[request].body["messages"]
    made = [entry for message in messages for entry in message.get("tool_calls", ())]
    results = [message for message in messages if message["role"] == "tool"]
    answered = [result["tool_call_id"] for result in results]
    assert sorted(entry["id"] for entry in made) == sorted(answered)
    assert all(entry["function"]["arguments"] in ("{}", GOOD) for entry in made)
    return {result["tool_call_id"]: result["content"] for result in results}
