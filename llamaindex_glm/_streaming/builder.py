"""What the builders of responses have in common, whichever way they show all that has come."""

from abc import ABC, abstractmethod
from typing import Any, Generic, TypeVar

from llama_index.core.base.llms.types import ChatResponse, CompletionResponse

from glm_openrouter import Completion, Delta
from llamaindex_glm._from_wire import (
    IN_PROGRESS,
    refusal_text,
    to_completion_response,
    to_response,
)

__all__ = ["ChatBuilder", "CompletionBuilder", "ResponseBuilder", "describe_increment"]

Response = TypeVar("Response")


class ResponseBuilder(ABC, Generic[Response]):
    """Base of what makes responses of the increments of one stream."""

    @abstractmethod
    def feed(self, delta: Delta) -> Response:
        """Return the response for one increment: all that has come, and what is new as `delta`."""

    @abstractmethod
    def flush(self, completion: Completion) -> Response:
        """Return the last response, which holds what only the end tells; its `delta` is a refusal, or nothing."""


class ChatBuilder(ResponseBuilder[ChatResponse]):
    """Base of the builders of chat responses.

    Args:
        one_call: Whether to show only the first tool call, because no others were wanted.
    """

    def __init__(self, *, one_call: bool = False) -> None:
        self._one_call = one_call

    def flush(self, completion: Completion) -> ChatResponse:
        """Return the last response, see `to_response`."""
        return to_response(completion, delta=refusal_text(completion), one_call=self._one_call)


class CompletionBuilder(ResponseBuilder[CompletionResponse]):
    """Base of the builders of responses to a text prompt, which show no tool calls."""

    def flush(self, completion: Completion) -> CompletionResponse:
        """Return the last response, see `to_response`."""
        return to_completion_response(to_response(completion, delta=refusal_text(completion)))


def describe_increment(delta: Delta, *, has_calls: bool = False) -> dict[str, Any]:
    """Return the `additional_kwargs` of the response for an increment.

    Args:
        delta: The increment.
        has_calls: Whether the response shows tool calls, which may still grow.
    """
    facts: dict[str, Any] = {"thinking_delta": delta.reasoning} if delta.reasoning else {}
    if has_calls:
        facts[IN_PROGRESS] = True
    return facts
