"""What each row is asked, and how its answer is read."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from glm_openrouter import (
    AsyncClient,
    ChatRequest,
    Completion,
    GLMError,
    InvalidRequestError,
    ModelParameters,
    ModelRefusalError,
    StructuredOutputError,
)
from glm_openrouter._json.values import JSONObject
from glm_openrouter.cli._common import UsageError
from glm_openrouter.request.layers import build_request
from glm_openrouter.request.messages import assistant_message
from glm_openrouter.structured import ModelAnswer, OutputSpec, adrive, ask_until_valid

from .template import Template

__all__ = ["Job", "UnusableAnswerError"]


class UnusableAnswerError(GLMError):
    """An answer in text that is empty, or cut off."""

    def __init__(self, message: str, raw: str = "") -> None:
        super().__init__(message)
        self.raw = raw
        """The answer, as far as it came."""


@dataclass(frozen=True)
class Job:
    """One question, asked about each row."""

    prompt: Template
    system: Template | None
    spec: OutputSpec | None
    """What the answers have to look like; `None` is text."""
    settings: Mapping[str, Any]
    """Arguments of each request, its model among them."""

    def check(self, columns: Collection[str]) -> None:
        """See whether rows with these columns can be asked about.

        Raises:
            UsageError: A column is missing, nothing of the rows is in the question, or a parameter makes no sense.
        """
        templates = [self.prompt, *([self.system] if self.system else [])]
        for template in templates:
            template.check(columns)
        if not any(template.columns for template in templates):
            raise UsageError(
                "--prompt has no place for a column, so each row would be asked the same. "
                f"Write {{column}}; the columns are: {', '.join(columns)}."
            )
        try:
            self.request(dict.fromkeys(columns, "text"))
        except InvalidRequestError as error:
            raise UsageError(error.message) from None

    def describe(self) -> Mapping[str, Any]:
        """Return what makes it another job than others: the name of each part, and the part, as JSON has it."""
        return {
            "prompt": self.prompt.text,
            "system prompt": self.system.text if self.system else None,
            "schema": self.spec.schema if self.spec else None,
            **self.settings,
        }

    def request(self, row: Mapping[str, Any]) -> ChatRequest:
        """Return the first request about a row."""
        return self._request(self._messages(row))

    async def ask(self, client: AsyncClient, row: Mapping[str, Any]) -> Any:
        """Return the answer for a row: text, or a value that fits the schema.

        Raises:
            StructuredOutputError: No answer fits the schema.
            ModelRefusalError: The model refused.
            UnusableAnswerError: The answer is empty, or cut off.
            GLMError: There is none.
        """

        async def send(messages: list[JSONObject]) -> Completion:
            return await client.complete(self._request(messages))

        if self.spec is None:
            return _text_of(await send(self._messages(row)))
        conversation = ask_until_valid(
            self.spec,
            self._messages(row),
            read=_read,
            correction_messages=_correction_messages,
            error=lambda words, completion: StructuredOutputError(words, completion.text),
            refusal=lambda words, completion: ModelRefusalError(words, completion.refusal),
        )
        value, _ = await adrive(conversation, await send(next(conversation)), send)
        return value

    def _messages(self, row: Mapping[str, Any]) -> list[JSONObject]:
        system = [{"role": "system", "content": self.system.fill(row)}] if self.system else []
        return [*system, {"role": "user", "content": self.prompt.fill(row)}]

    def _request(self, messages: list[JSONObject]) -> ChatRequest:
        arguments = self.spec.arguments if self.spec else {}
        return build_request(messages, ModelParameters(), self.settings, arguments)


def _text_of(completion: Completion) -> str:
    """Return the text of an answer, if it is one."""
    text, reason = completion.text, completion.finish_reason
    if completion.refusal is not None:
        raise ModelRefusalError(f"The model refused to answer: {completion.refusal}", text)
    if reason == "length":
        raise UnusableAnswerError(
            "The answer was cut off at the limit of tokens. Raise --max-tokens.", text
        )
    if not text:
        raise UnusableAnswerError(f"The answer is empty (finish reason: {reason}).")
    return text


def _read(completion: Completion) -> ModelAnswer:
    cut = completion.finish_reason == "length"
    return ModelAnswer(completion.text, cut=cut, refusal=completion.refusal)


def _correction_messages(completion: Completion, words: str) -> list[JSONObject]:
    """Return the answer and what is wrong with it."""
    answer = assistant_message(
        completion.text,
        reasoning=completion.reasoning,
        reasoning_details=completion.reasoning_details,
    )
    return [answer, {"role": "user", "content": words}]
