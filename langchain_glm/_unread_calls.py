"""Tool calls of a message that must not run: which they are, and what is said of them."""

import warnings

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage

from glm_openrouter import JSONObject, ToolCall, TruncatedToolCallWarning
from glm_openrouter.completions import CUT

__all__ = [
    "invalid_calls",
    "malformed_calls",
    "resent_messages",
    "unread_calls",
    "warn_if_cut",
    "was_cut",
]


def was_cut(message: BaseMessage) -> bool:
    """Return whether the response that became a message was cut off, or may have been."""
    return message.response_metadata.get("finish_reason") in CUT


def invalid_calls(message: AIMessage) -> list[ToolCall]:
    """Return the invalid calls of a message in the core's form, with their arguments as they came.

    Of a message that was streamed, the arguments and what is wrong with them are in its `additional_kwargs`: LangChain
    adds increments up to calls of its own.
    """
    if not message.invalid_tool_calls:
        return []
    written = _object_in(message, "tool_arguments")
    problems = _object_in(message, "tool_call_errors")
    return [
        ToolCall(
            id=call["id"] or "",
            name=call["name"] or "",
            arguments=written.get(str(call["id"])) or call["args"] or "",
            error=problems.get(str(call["id"])) or call.get("error") or "It could not be read.",
        )
        for call in message.invalid_tool_calls
    ]


def _object_in(message: AIMessage, name: str) -> JSONObject:
    value = message.additional_kwargs.get(name)
    return value if isinstance(value, dict) else {}


def unread_calls(message: BaseMessage) -> list[ToolCall]:
    """Return the calls that must not run, of a message in which none may."""
    if not isinstance(message, AIMessage) or message.tool_calls:
        return []
    return invalid_calls(message)


def malformed_calls(message: BaseMessage) -> list[ToolCall]:
    """Return the calls that cannot be read; none if the conversation can go on, or if the response was cut."""
    return [] if was_cut(message) else unread_calls(message)


def resent_messages(message: BaseMessage, problem: str) -> list[BaseMessage]:
    """Return a message whose calls were not run, as it goes back.

    What is wrong with a call becomes its result on the way out; a call without a name cannot go back itself.
    """
    has_name = any(call.name and call.id for call in unread_calls(message))
    return [message] if has_name else [message, HumanMessage(problem)]


def warn_if_cut(message: BaseMessage) -> None:
    """Warn of a message that ends an agent because its call was cut off."""
    calls = unread_calls(message)
    if not calls or not was_cut(message):
        return
    reason = message.response_metadata.get("finish_reason")
    advice = "Raise max_tokens" if reason == "length" else "Ask again"
    warnings.warn(
        f"The call of {calls[0].name!r} was cut off (finish_reason: {reason}): it does not run, and an agent ends "
        f"here. {advice}, or give the agent langchain_glm.InvalidToolCallMiddleware(), which has the model call again.",
        TruncatedToolCallWarning,
        stacklevel=2,
    )
