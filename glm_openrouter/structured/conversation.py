"""The conversation that gets an answer in a schema: asked once, corrected once."""

from collections.abc import Awaitable, Callable, Generator, Sequence
from typing import Any, TypeVar

from glm_openrouter.errors import StructuredOutputError
from glm_openrouter.request.instructions import repair_instruction

from .spec import Plan, Reply

__all__ = ["Conversation", "afinish", "converse", "finish"]


Message = TypeVar("Message")
Answer = TypeVar("Answer")
Result = TypeVar("Result")
Conversation = Generator[list[Message], Answer, Result]
"""Yields the messages to send, receives the answers."""


def converse(
    plan: Plan,
    messages: Sequence[Message],
    *,
    read: Callable[[Answer], Reply],
    complain: Callable[[Answer, str], Sequence[Message]],
    error: Callable[[str, Answer], StructuredOutputError] = StructuredOutputError,
) -> Conversation[Message, Answer, tuple[Any, Answer]]:
    """Yield the messages to send and receive the answer, at most twice; return the object and the answer it is from.

    Args:
        plan: What is asked for.
        messages: The conversation so far.
        read: Returns the parts of an answer that count.
        complain: Returns the messages that show the model its answer and what was wrong with it.
        error: Makes the error, which holds the answer.

    Raises:
        StructuredOutputError: No answer fits.
    """
    answer = yield [*messages]
    reply = read(answer)
    try:
        return plan.read(reply), answer
    except StructuredOutputError as problem:
        if not plan.may_ask_again(reply):
            raise error(str(problem), answer) from problem.__cause__
        again = complain(answer, repair_instruction(str(problem)))
    answer = yield [*messages, *again]
    try:
        return plan.read(read(answer)), answer
    except StructuredOutputError as problem:
        raise error(str(problem), answer) from problem.__cause__


def finish(
    conversation: Conversation[Message, Answer, Result],
    answer: Answer,
    ask: Callable[[list[Message]], Answer],
) -> Result:
    """Go on from an answer to the end of the conversation, and return what it returns."""
    while True:
        try:
            messages = conversation.send(answer)
        except StopIteration as end:
            result: Result = end.value
            return result
        answer = ask(messages)


async def afinish(
    conversation: Conversation[Message, Answer, Result],
    answer: Answer,
    ask: Callable[[list[Message]], Awaitable[Answer]],
) -> Result:
    """Go on from an answer to the end of the conversation, and return what it returns."""
    while True:
        try:
            messages = conversation.send(answer)
        except StopIteration as end:
            result: Result = end.value
            return result
        answer = await ask(messages)
