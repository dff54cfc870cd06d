"""Tool calls that were not run because they could not be read: what goes back to the model of them.

Servers read the arguments of earlier calls to fill in the template of a model, and refuse a whole conversation, with
each turn anew, for one that is not JSON (https://github.com/vllm-project/vllm/issues/47761). So these never go back as
they came. An empty object stands in their place, and the result of the call says what was wrong and quotes them.
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from glm_openrouter._json.strict import find_problem, parse_arguments, write_arguments
from glm_openrouter._json.values import JSONObject

from .instructions import unread_call_result

__all__ = ["mark_unread", "settle_calls"]

_PROBLEM: Final = "problem"
"""Key of a call that must not run, whatever its arguments look like; it is not sent."""

_NOTHING: Final = ("", "null")
"""What stands for no arguments."""

_decode_object: Final = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def mark_unread(call: JSONObject, problem: str) -> JSONObject:
    """Return an entry of `tool_calls` as one that was not run.

    Args:
        call: The entry, see `messages.tool_call`.
        problem: Why it was not run, as a sentence.
    """
    return {**call, _PROBLEM: problem}


def settle_calls(messages: Sequence[JSONObject]) -> list[JSONObject]:
    """Return messages in which all calls have arguments that are JSON, and those that were not run have a result.

    A result that somebody has given already is kept; what it does not say is added. A call without a name cannot be
    sent, and is left out.
    """
    settled: list[JSONObject] = []
    results: dict[str, str] = {}
    for message in messages:
        if "tool_calls" in message:
            results |= _unread_calls(message)
            settled.append(_with_json_arguments(message))
        else:
            settled.append(message)
    if not results:
        return settled
    answered = {message["tool_call_id"] for message in settled if message["role"] == "tool"}
    return [part for message in settled for part in _with_results(message, results, answered)]


def _unread_calls(message: JSONObject) -> dict[str, str]:
    """Return the result of each call of a message that was not run, by the id of the call."""
    results = {}
    for call in message["tool_calls"]:
        function = call["function"]
        arguments = function["arguments"]
        problem = call.get(_PROBLEM)
        if problem is None and not _is_json(arguments) and arguments not in _NOTHING:
            problem = find_problem(arguments)
        if problem is not None and function["name"]:
            results[call["id"]] = unread_call_result(problem, arguments)
    return results


def _with_json_arguments(message: JSONObject) -> JSONObject:
    calls = [_to_json(call) for call in message["tool_calls"] if call["function"]["name"]]
    if calls == message["tool_calls"]:
        return message
    if calls:
        return {**message, "tool_calls": calls}
    others = {key: value for key, value in message.items() if key != "tool_calls"}
    return {**others, "content": message["content"] or ""}


def _to_json(call: JSONObject) -> JSONObject:
    function = call["function"]
    arguments = function["arguments"]
    if not _is_json(arguments):
        # Line breaks in texts, perhaps, which are read here but not everywhere.
        arguments = write_arguments(parse_arguments(arguments) or {})
    return {
        **{key: value for key, value in call.items() if key != _PROBLEM},
        "function": {**function, "arguments": arguments},
    }


def _with_results(
    message: JSONObject, results: dict[str, str], answered: set[str]
) -> list[JSONObject]:
    if message["role"] == "tool" and message["tool_call_id"] in results:
        return [_with_explanation(message, results[message["tool_call_id"]])]
    missing = [
        call["id"]
        for call in message.get("tool_calls", ())
        if call["id"] in results and call["id"] not in answered
    ]
    made = [{"role": "tool", "tool_call_id": made, "content": results[made]} for made in missing]
    return [message, *made]


def _with_explanation(message: JSONObject, words: str) -> JSONObject:
    content: Any = message["content"]
    if isinstance(content, list):
        return {**message, "content": [*content, {"type": "text", "text": f"\n{words}"}]}
    return message if words in content else {**message, "content": f"{content}\n{words}"}


def _is_json(arguments: str) -> bool:
    """Return whether every reader of JSON takes the arguments for an object."""
    try:
        _decode_object(arguments)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return False
    return True
