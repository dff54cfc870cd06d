"""One response, from bytes to increments to the completion: the path that every response takes.

`Assembly.feed` and `Assembly.flush` return lists, so that the loops which read from a socket, one synchronous and one
asynchronous, hold no logic. A complete response is a stream of one chunk.
"""

import warnings
from collections.abc import Callable
from functools import partial
from typing import Any, cast

import msgspec

from ._accumulate import ChatAccumulator
from ._envelope import error_from_envelope
from ._repair import Repairs
from ._secrets import Redactor, redact
from ._sse import Decoder
from ._stop import StopTexts
from ._tool_calls import one_per_call, read_tool_calls
from .errors import (
    APIError,
    APIResponseError,
    EmptyResponseWarning,
    ErrorDetails,
    StreamInterruptedError,
)
from .types import (
    ChatChunk,
    Choice,
    Completion,
    Delta,
    JSONObject,
    WireMessage,
    estimate_values,
    parse_chunk,
)

__all__ = ["Assembly"]

_MOST_VALUES = 1_000_000
"""Values of one payload of JSON: they take many times the memory that they have bytes, so bytes alone limit nothing."""

_MOST_CALLS = 20_000
"""Parts of tool calls in one payload, each of which takes some time."""

_MOST_ENTRIES = 200_000
"""What a response may hold besides its texts and log probabilities, for the same reason."""


class Assembly:
    """Put one response together.

    A failure ends the response, but what came before it in the same bytes is given out first: `feed` returns it, and
    `flush` raises.
    """

    def __init__(
        self,
        decoder: Decoder,
        repairs: Repairs,
        model: str | None,
        stop: StopTexts | None = None,
        *,
        redact: Redactor = redact,
    ) -> None:
        self.done = False
        """Whether nothing more is wanted from the socket."""
        self.completion: Completion | None = None
        """The finished response, once `flush` has returned."""
        self._decoder = decoder
        self._payloads = 0
        self._repairs = repairs
        self._stop = stop
        self._model = model
        self._redact = redact
        self._accumulator = ChatAccumulator()
        self._introduced = False
        """Whether the first chunk has come, which has the facts about the response."""
        self._answered = False
        """Whether there was any choice."""
        self._whole = False
        """Whether a complete message came, which needs no finish reason to be complete."""
        self._failure: Callable[[], APIError] | None = None
        """Makes the error that ends the response, once all that came before it has been put in its place."""
        self._unreadable = False
        """Whether a payload was not JSON."""

    @property
    def progress(self) -> int:
        """A count that grows with what the response brings; what only keeps the connection alive does not count."""
        return self._decoder.progress

    @property
    def billed(self) -> Completion | None:
        """What is known of the response, if it counts as spent: it is complete, or its usage has come."""
        facts = self._accumulator.completion
        return facts if self.completion is not None or facts.usage is not None else None

    @property
    def finished(self) -> bool:
        """Whether the finish reason has come, so that nothing is lost if the connection breaks."""
        return self._failure is None and self._accumulator.completion.finish_reason is not None

    @property
    def stopped(self) -> bool:
        """Whether a stop text has ended the answer, whatever still comes."""
        return self._stop is not None and self._stop.found

    def feed(self, data: bytes) -> list[Delta]:
        """Take the next bytes of the body and return the increments that they complete."""
        deltas = []
        for payload in self._decoder.feed(data):
            delta = self._take(payload)
            if delta:
                deltas.append(delta)
            if self._failure is not None or self.stopped:
                break
        self.done = self._decoder.done or self._failure is not None or self.stopped
        return deltas

    def flush(self) -> list[Delta]:
        """Return what was held back, once the body has ended, and set `completion`.

        Raises:
            APIError: The response is a failure, or not complete.
        """
        deltas = [] if self.done else self._take_rest()
        last = self._repairs.flush()
        if self._stop is not None:
            last = self._stop.feed(last)
            last.text += self._stop.flush()
        self._accumulator.feed(last)
        if self.stopped:
            self._accumulator.completion.finish_reason = "stop"
        settled = self._accumulator.settle(ended=self._whole or self._decoder.done)
        last.tool_calls = one_per_call([*last.tool_calls, *settled])
        if last:
            deltas.append(last)
        completion = self._accumulator.finish()
        if self._failure is not None:
            raise self._failure()
        self._check_complete(completion)
        _warn_if_empty(completion)
        self.completion = completion
        return deltas

    def fail(self, error: type[APIError], message: str) -> APIError:
        """Return an error that holds what has come so far."""
        return error(self._redact(message), **self._details())

    def _take_rest(self) -> list[Delta]:
        """Read what the body ended with, which may be half of an event; after a choice, that is not a failure."""
        answered = self._answered
        deltas = [delta for payload in self._decoder.flush() if (delta := self._take(payload))]
        if answered and self._unreadable:
            self._failure = None
        return deltas

    def _take(self, payload: bytes) -> Delta | None:
        self._payloads += 1
        is_large = len(payload) > 4096
        if is_large and estimate_values(payload) > _MOST_VALUES:
            self._refuse_size(_MOST_VALUES, "values in one piece")
            return None
        try:
            chunk = parse_chunk(payload)
        except msgspec.DecodeError:
            self._unreadable = True
            self._failure = partial(
                self.fail, APIResponseError, f"Not a completion: {self._excerpt(payload)}"
            )
            return None
        choice = chunk.choices[0] if chunk.choices else None
        if choice is None or not self._introduced or choice.index or _is_notable(chunk, choice):
            delta = self._take_notable(chunk, choice)
        else:
            delta = self._take_choice(choice)
        if is_large or not self._payloads % 1024:
            self._check_size()  # now and then, which is enough to bound it
        return delta

    def _take_notable(self, chunk: ChatChunk, choice: Choice | None) -> Delta | None:
        """Take a chunk that has more than the next few words."""
        self._introduced = True
        self._accumulator.feed_facts(chunk)
        if choice is not None and choice.index:
            choice = next((other for other in chunk.choices or () if not other.index), None)
        if choice is None:
            if chunk.error:
                self._take_error(chunk.error)
            return None
        self._answered = True
        self._accumulator.feed_finish(choice)
        delta = self._take_choice(choice)
        if chunk.error or choice.error or choice.finish_reason == "error":
            self._take_error(chunk.error or choice.error)
        return delta

    def _take_choice(self, choice: Choice) -> Delta | None:
        message = choice.delta
        if message is None:
            if choice.message is None:
                return None
            message = choice.message
            self._whole = True
        if message.tool_calls and len(message.tool_calls) > _MOST_CALLS:
            self._refuse_size(_MOST_CALLS, "parts of tool calls in one piece")
            return None
        if message.reasoning_details is not None or message.annotations or message.refusal:
            self._accumulator.feed_extras(message, whole=self._whole)
        delta = self._repairs.feed(_read_delta(message, whole=self._whole))
        if choice.logprobs:
            delta.logprobs = cast("JSONObject", choice.logprobs)
        if self._stop is not None:
            delta = self._stop.feed(delta)
        self._accumulator.feed(delta)
        return delta

    def _check_size(self) -> None:
        if self._accumulator.entries > _MOST_ENTRIES:
            self._refuse_size(_MOST_ENTRIES, "reasoning details, annotations and tool calls")

    def _refuse_size(self, most: int, what: str) -> None:
        message = f"The response has more than {most:,} {what}, which no answer needs."
        self._failure = partial(self.fail, APIResponseError, message)

    def _take_error(self, error: JSONObject | str | None) -> None:
        # Some providers report "Token limit reached" after finish reason `length`: the answer was cut, it did not fail.
        if self._accumulator.completion.finish_reason != "length":
            self._failure = partial(self._provider_error, error)

    def _provider_error(self, error: JSONObject | str | None = None) -> APIError:
        envelope = {"error": error or "The provider ended the response with an error"}
        return error_from_envelope(envelope, self._details(), redact=self._redact)

    def _check_complete(self, completion: Completion) -> None:
        if not self._answered:
            what = "without choices" if self._payloads else "before anything came"
            raise self.fail(APIResponseError, f"The response ended {what}.")
        if completion.finish_reason == "error":
            raise self._provider_error()
        if completion.finish_reason is None and not self._whole:
            raise self.fail(StreamInterruptedError, "The stream ended before its finish reason.")

    def _excerpt(self, payload: bytes) -> str:
        text = self._redact(payload.decode(errors="replace"))
        return f"{text[:200]!r}" + (" ..." if len(text) > 200 else "")

    def _details(self) -> ErrorDetails:
        facts = self._accumulator.completion
        return {
            "model": self._model,
            "provider_name": facts.provider and self._redact(facts.provider),
            "request_id": facts.id and self._redact(facts.id),
            "partial_text": self._accumulator.text,
            "partial_reasoning": self._accumulator.reasoning,
            "usage": facts.usage,
        }


def _is_notable(chunk: ChatChunk, choice: Choice) -> bool:
    return (
        choice.finish_reason is not None
        or chunk.usage is not None
        or choice.native_finish_reason is not None
        or chunk.error is not None
        or choice.error is not None
    )


def _read_delta(message: WireMessage, *, whole: bool) -> Delta:
    content = message.content
    reasoning = message.reasoning or message.reasoning_content
    if not reasoning and message.reasoning_details:
        reasoning = "".join(map(_detail_text, message.reasoning_details))
    delta = Delta(content if isinstance(content, str) else "", reasoning or "")
    if message.tool_calls:
        delta.tool_calls = read_tool_calls(message.tool_calls)
        if whole:
            for position, call in enumerate(delta.tool_calls):
                call.index = position
    if isinstance(content, list):
        delta.text = _join_parts(content)
    return delta


def _detail_text(detail: JSONObject) -> str:
    text = detail.get("text") or detail.get("summary")
    return text if isinstance(text, str) else ""


def _join_parts(content: list[Any]) -> str:
    texts = [part.get("text") if isinstance(part, dict) else part for part in content]
    return "".join(text for text in texts if isinstance(text, str))


def _warn_if_empty(completion: Completion) -> None:
    if completion.finish_reason == "length" and not completion.text and not completion.tool_calls:
        warnings.warn(
            f"The answer is empty: {completion.model} reached max_tokens while it was thinking. Raise max_tokens, "
            "or turn thinking off with reasoning=False.",
            EmptyResponseWarning,
            stacklevel=2,
        )
