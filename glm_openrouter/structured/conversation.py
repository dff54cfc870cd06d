"""The conversation that gets an answer in a schema: asked once, corrected once."""

from collections.abc import Awaitable, Callable, Generator, Sequence
from typing import Any, TypeVar

from glm_openrouter.errors import ModelRefusalError, StructuredOutputError
from glm_openrouter.request.instructions import correction_instruction

from .spec import ModelAnswer, OutputSpec

__all__ = ["Conversation", "adrive", "ask_until_valid", "drive"]


Message = TypeVar("Message")
Answer = TypeVar("Answer")
Result = TypeVar("Result")
Conversation = Generator[list[Message], Answer, Result]
"""Yields the messages to send, receives the answers."""


def ask_until_valid(
    spec: OutputSpec,
    messages: Sequence[Message],
    *,
    read: Callable[[Answer], ModelAnswer],
    correction_messages: Callable[[Answer, str], Sequence[Message]],
    error: Callable[[str, Answer], StructuredOutputError] = StructuredOutputError,
    refusal: Callable[[str, Answer], ModelRefusalError] = ModelRefusalError,
) -> Conversation[Message, Answer, tuple[Any, Answer]]:
    """Yield the messages to send and receive the answer, at most twice; return the object and the answer it is from.

    Args:
        spec: What is asked for.
        messages: The conversation so far.
        read: Returns the parts of an answer that count.
        correction_messages: Returns the messages that show the model its answer and what was wrong with it.
        error: Makes the error, which holds the answer.
        refusal: Makes the error for an answer that was refused.

    Raises:
        ModelRefusalError: The model refused.
        StructuredOutputError: No answer fits.
    """
    again: Sequence[Message] = ()
    while True:
        answer = yield [*messages, *again]
        reading = read(answer)
        try:
            return spec.read(reading), answer
        except StructuredOutputError as problem:
            if again or not spec.may_ask_again(reading):
                make = error if reading.refusal is None else refusal
                raise make(problem.message, answer) from problem.__cause__
            again = correction_messages(answer, correction_instruction(problem.message))


def drive(
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


async def adrive(
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
