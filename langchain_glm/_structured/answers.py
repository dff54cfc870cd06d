"""Messages of a model, read as answers in a schema."""

from typing import Any

from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    HumanMessage,
    ToolMessage,
)

from glm_openrouter.structured import ModelAnswer

__all__ = ["answer_of", "correction_messages"]


def answer_of(message: BaseMessage) -> ModelAnswer:
    """Return what counts of a message as an answer."""
    calls: list[tuple[str, Any]] = []
    if isinstance(message, AIMessage):
        calls += [(call["name"], call["args"]) for call in message.tool_calls]
        calls += [(call["name"] or "", call["args"] or "") for call in message.invalid_tool_calls]
    cut = message.response_metadata.get("finish_reason") == "length"
    refusal = None if calls else message.additional_kwargs.get("refusal")
    return ModelAnswer(str(message.text), calls, cut, refusal)


def correction_messages(message: BaseMessage, words: str) -> list[BaseMessage]:
    """Return a message and what is wrong with it; each of its calls needs a result."""
    ids = []
    if isinstance(message, AIMessage):
        ids = [call["id"] or "" for call in (*message.tool_calls, *message.invalid_tool_calls)]
    results = [ToolMessage(words, tool_call_id=call_id, status="error") for call_id in ids]
    return [message, *results] if results else [message, HumanMessage(words)]
