"""What a model answers, and the function that says it."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from .prompt import Call, Prompt

__all__ = ["Answer", "AnswerFunction", "ErrorAnswer"]


@dataclass(frozen=True)
class Answer:
    """What the model thinks, says and wants called, in this order."""

    text: str = ""
    reasoning: str = ""
    """It is left out if the request switches reasoning off, or hides it."""
    tool_calls: Sequence[Call] = ()


@dataclass(frozen=True)
class ErrorAnswer:
    """An error in place of an answer, or in the middle of one."""

    status_code: int
    """From 400 to 599."""
    message: str
    retry_after: float | None = None
    """Seconds to wait before the next try, for the `Retry-After` header."""
    retryable: bool | None = None
    """Whether the error says that another try may succeed; `None` says nothing about it."""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    """What OpenRouter adds to an error, such as `provider_name` and `raw`."""
    partial_text: str = ""
    """What the model has said before the error. The response has begun then, and its status is 200."""

    def __post_init__(self) -> None:
        if not 400 <= self.status_code <= 599:
            raise ValueError(
                f"The status_code of an error is from 400 to 599, not {self.status_code}"
            )


AnswerFunction: TypeAlias = Callable[
    [Prompt], str | Answer | ErrorAnswer | Awaitable[str | Answer | ErrorAnswer]
]
"""Answers a prompt; a plain `str` is the text of an `Answer`."""
