"""Asks again where no tool call of an answer can be read, so that an agent goes on after one bad call.

The answer goes back with what is wrong, as the result of each call that was not run (`request/unread_calls.py`). A cut
answer is none of these: it would be cut again. Neither is one with a call that can run: its result brings the model
on, and what is wrong with the others goes along with it.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, TypeVar

from .completions import ToolCall
from .errors import InvalidToolCallError

__all__ = ["Corrections", "invalid_call_error"]

Message = TypeVar("Message")
Answer = TypeVar("Answer")


class Corrections(Generic[Message, Answer]):
    """The correction of one answer, over all tries.

    Args:
        messages: The conversation that the answer is to.
        limit: How often to ask again.
        malformed: Returns the calls of an answer that cannot be read; none if the conversation can go on with it.
        messages_of: Returns the messages with which an answer, and what is wrong with it, go back.
        error: Makes the error for a call, which no try has mended.
    """

    def __init__(
        self,
        messages: Sequence[Message],
        limit: int,
        *,
        malformed: Callable[[Answer], Sequence[ToolCall]],
        messages_of: Callable[[Answer, str], Sequence[Message]],
        error: Callable[[ToolCall, Answer], Exception],
    ) -> None:
        self._messages = [*messages]
        self._limit = limit
        self._malformed = malformed
        self._messages_of = messages_of
        self._error = error

    def follow_up(self, answer: Answer) -> list[Message] | None:
        """Return the conversation to ask again with, or `None` if it can go on with this answer.

        Raises:
            InvalidToolCallError: It cannot, and the limit is reached.
        """
        calls = self._malformed(answer)
        if not calls:
            return None
        if not self._limit:
            raise self._error(calls[0], answer)
        self._limit -= 1
        self._messages += self._messages_of(answer, str(calls[0].error))
        return self._messages


def invalid_call_error(
    call: ToolCall,
    facts: Mapping[str, Any],
    error: Callable[..., InvalidToolCallError] = InvalidToolCallError,
) -> InvalidToolCallError:
    """Return the error for a call that cannot be read.

    Args:
        call: The call, with its `error`.
        facts: The metadata of the response, for the model and the provider.
        error: The class.
    """
    names = (facts.get("model_name"), facts.get("provider"))
    where = " at ".join(str(name) for name in names if name)
    return error(
        f"The call of {call.name!r} must not run: {call.error} {where and f'Model: {where}. '}"
        "Nothing was cut off, so more tokens do not help: try another provider or model, or a simpler tool.",
        name=call.name,
        arguments=call.arguments,
    )
