"""The responses of a stream, put together with each increment: the plain way, and what the lazy one has to look like.

It costs the square of the length of an answer, in time, and in memory where all responses are kept.
"""

from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    CompletionResponse,
    MessageRole,
)

from glm_openrouter import Delta, ToolCallDelta
from llamaindex_glm._from_wire import to_blocks, to_older_calls

from .builder import ChatBuilder, CompletionBuilder, describe_increment

__all__ = ["EagerChatBuilder", "EagerCompletionBuilder"]


class EagerChatBuilder(ChatBuilder):
    """Increments -> chat responses."""

    def __init__(self, *, one_call: bool = False) -> None:
        super().__init__(one_call=one_call)
        self._text = ""
        self._reasoning = ""
        self._calls: dict[int | None, ToolCallDelta] = {}

    def feed(self, delta: Delta) -> ChatResponse:
        """Return the response for one increment."""
        if delta.text_was_reasoning:
            self._reasoning, self._text = self._reasoning + self._text, ""
        self._text += delta.text
        self._reasoning += delta.reasoning
        for part in delta.tool_calls:
            self._add_to_call(part)
        shown_calls = list(self._calls.values())[: 1 if self._one_call else None]
        calls = [(call.id, call.name or "", call.arguments) for call in shown_calls]
        message = ChatMessage(
            role=MessageRole.ASSISTANT,
            additional_kwargs=to_older_calls(calls),
            blocks=to_blocks(self._text, self._reasoning, calls),
        )
        facts = describe_increment(delta, has_calls=bool(calls))
        return ChatResponse(message=message, delta=delta.text, additional_kwargs=facts)

    def _add_to_call(self, part: ToolCallDelta) -> None:
        call = self._calls.setdefault(part.index, ToolCallDelta(part.index))
        call.id = call.id or part.id
        call.name = call.name or part.name
        call.arguments += part.arguments


class EagerCompletionBuilder(CompletionBuilder):
    """Increments -> responses to a text prompt."""

    def __init__(self) -> None:
        self._text = ""

    def feed(self, delta: Delta) -> CompletionResponse:
        """Return the response for one increment."""
        self._text = delta.text if delta.text_was_reasoning else self._text + delta.text
        facts = describe_increment(delta)
        return CompletionResponse(text=self._text, delta=delta.text, additional_kwargs=facts)
