"""One response, from bytes to increments to the completion: the path that every response takes.

`ResponseParser.feed` and `ResponseParser.flush` return lists, so that the loops which read from a socket, one
synchronous and one asynchronous, hold no logic. A complete response is a stream of one chunk.
"""

import warnings
from collections.abc import Callable
from functools import partial
from typing import Any, cast

import msgspec

from glm_openrouter._json.values import JSONObject
from glm_openrouter._secrets import Redactor, redact
from glm_openrouter.completions import Completion, Delta
from glm_openrouter.errors import (
    APIError,
    APIResponseError,
    EmptyResponseWarning,
    ErrorDetails,
    ResponseTooLargeError,
    StreamInterruptedError,
)

from .accumulator import ChatAccumulator
from .chunks import ChatChunk, Choice, WireMessage, parse_chunk
from .failures import error_from_envelope
from .memory import SMALL, Memory
from .repairs import Repairs
from .sse import Decoder
from .stop import StopSequences
from .tool_calls import merge_by_index, read_tool_calls

__all__ = ["ResponseParser"]

_EXCERPT = 4096
"""Bytes of a payload that are looked at to show what it is; much more than is shown, so that no secret is cut."""

_MOST_CALLS = 20_000
"""Parts of tool calls in one payload, each of which takes some time; no answer has a hundred."""


class ResponseParser:
    """Put one response together.

    A failure ends the response, but what came before it in the same bytes is given out first: `feed` returns it, and
    `flush` raises.
    """

    def __init__(
        self,
        decoder: Decoder,
        repairs: Repairs,
        model: str | None,
        stop: StopSequences | None = None,
        *,
        redact: Redactor = redact,
        memory: Memory | None = None,
    ) -> None:
        self.done = False
        """Whether nothing more is wanted from the socket."""
        self.completion: Completion | None = None
        """The finished response, once `flush` has returned."""
        self._decoder = decoder
        self._payloads = 0
        self._payloads_at_usage = 0
        self._fruitful = 0
        """The number of the last payload that brought something."""
        self._repairs = repairs
        self._stop = stop
        self._model = model
        self._redact = redact
        self._memory = memory or Memory()
        self._accumulator = ChatAccumulator()
        self._introduced = False
        """Whether the first chunk has come, which has the facts about the response."""
        self._answered = False
        """Whether there was any choice."""
        self._whole = False
        """Whether a complete message came, which needs no finish reason to be complete."""
        self._failure: Callable[[], APIError] | None = None
        """Makes the error that ends the response, once all that came before it has been put in its place."""
        self._reported: Callable[[], APIError] | None = None
        """Makes that error if OpenRouter or the provider reported it."""
        self._unreadable = False
        """Whether a payload was not JSON."""

    @property
    def progress(self) -> int:
        """A number that grows with what the response brings: that of the last event which brought something.

        Events without content do not count, however many there are, and neither do comments and blanks.
        """
        return self._fruitful or self._decoder.progress

    @property
    def facts(self) -> Completion:
        """What is known of the response so far, such as its usage."""
        return self._accumulator.completion

    @property
    def usage_is_final(self) -> bool:
        """Whether the usage is that of the whole response: some servers send an early one, and count on."""
        since = self._payloads - self._payloads_at_usage
        return self.completion is not None or since <= (self._reported is not None)

    @property
    def refused(self) -> bool:
        """Whether the response is an error and nothing else, for which nobody pays.

        OpenRouter charges for no response without completion tokens
        (https://openrouter.ai/docs/features/zero-completion-insurance).
        """
        failed = self.facts.finish_reason == "error"
        reported = self._reported or (self._provider_error if failed else None)
        if reported is None or reported().may_be_billed:
            return False
        accumulator = self._accumulator
        came = (
            self.facts.usage or accumulator.text or accumulator.reasoning or accumulator.tool_calls
        )
        return not came

    @property
    def stopped(self) -> bool:
        """Whether a stop text has ended the answer, whatever still comes."""
        return self._stop is not None and self._stop.found

    def feed(self, data: bytes) -> list[Delta]:
        """Take the next bytes of the body and return the increments that they complete."""
        deltas = []
        payloads = self._decoder.feed(data)
        payloads.reverse()
        while payloads:
            delta = self._take(payloads.pop())  # so that it is gone once it has been read
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
        ended = self._failure is None and self._accumulator.ended_by_itself
        last = self._repairs.flush(ended=ended)
        if self._stop is not None:
            last = self._stop.feed(last)
            last.text += self._stop.flush()
        self._accumulator.feed(last)
        if self.stopped:
            self._accumulator.completion.finish_reason = "stop"
        settled = self._accumulator.settle(ended=self._whole or self._decoder.done)
        last.tool_calls = merge_by_index([*last.tool_calls, *settled])
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
        return error(self._redact(message), **self.details)

    def _take_rest(self) -> list[Delta]:
        """Read what the body ended with, which may be half of an event; after a choice, that is not a failure."""
        answered = self._answered
        payloads = self._decoder.flush()  # one at most
        deltas = [delta for _ in list(payloads) if (delta := self._take(payloads.pop()))]
        if answered and self._unreadable:
            self._failure = None
        return deltas

    def _take(self, payload: bytes) -> Delta | None:
        self._payloads += 1
        if len(payload) > SMALL and not self._memory.admits(payload):
            self._failure = self._too_large
            return None
        try:
            chunk = parse_chunk(payload)
        except msgspec.DecodeError:
            self._unreadable = True
            self._failure = partial(
                self.fail, APIResponseError, f"Not a completion: {self._excerpt(payload)}"
            )
            return None
        del payload
        choice = chunk.choices[0] if chunk.choices else None
        if choice is None or not self._introduced or choice.index or _is_notable(chunk, choice):
            return self._take_notable(chunk, choice)
        return self._take_choice(choice)

    def _take_notable(self, chunk: ChatChunk, choice: Choice | None) -> Delta | None:
        """Take a chunk that has more than the next few words."""
        if not self._introduced:
            self._introduced = True
            self._fruitful = self._payloads
        before = self._accumulator.outcome
        self._accumulator.feed_facts(chunk)
        if chunk.usage is not None:
            self._payloads_at_usage = self._payloads
        if choice is not None and choice.index:
            choice = next((other for other in chunk.choices or () if not other.index), None)
        if choice is None:
            if chunk.error:
                self._take_error(chunk.error)
            return None
        self._answered = True
        self._accumulator.feed_finish(choice)
        if self._accumulator.outcome != before:
            self._fruitful = self._payloads
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
        delta = _read_delta(message, whole=self._whole)
        if delta.text or delta.reasoning or _brings_something(delta, message):
            self._fruitful = self._payloads
        if not self._has_room(delta, message, choice.logprobs):
            return None
        delta = self._repairs.feed(delta)
        if choice.logprobs:
            delta.logprobs = cast("JSONObject", choice.logprobs)
        if self._stop is not None:
            delta = self._stop.feed(delta)
        self._accumulator.feed(delta)
        if message.tool_calls:
            self._memory.keep_calls(self._accumulator.tool_calls)
        return delta

    def _has_room(self, delta: Delta, message: WireMessage, logprobs: object) -> bool:
        """Note what an increment takes, and return whether that is not too much."""
        if len(delta.tool_calls) > _MOST_CALLS:
            self._failure = self._too_many_calls
            return False
        has_extras = message.reasoning_details is not None or message.annotations or message.refusal
        if has_extras and self._accumulator.feed_extras(message, whole=self._whole):
            details = message.reasoning_details
            self._memory.keep_value([details, details, message.annotations, message.refusal])
        if not self._memory.keep(delta, logprobs):
            self._failure = self._too_large
            return False
        return True

    def _too_many_calls(self) -> APIError:
        message = f"The response has more than {_MOST_CALLS:,} parts of tool calls in one piece."
        return self.fail(APIResponseError, f"[OpenRouter] {message}")

    def _too_large(self) -> APIError:
        return self.fail(
            ResponseTooLargeError,
            "[OpenRouter] The response needs too much memory (max_response_bytes)."
            + (f" Model: {self._model}." if self._model else ""),
        )

    def _take_error(self, error: JSONObject | str | None) -> None:
        # Some providers report "Token limit reached" after finish reason `length`: the answer was cut, it did not fail.
        if self._accumulator.completion.finish_reason != "length":
            self._failure = self._reported = partial(self._provider_error, error)

    def _provider_error(self, error: JSONObject | str | None = None) -> APIError:
        envelope = {"error": error or "The provider ended the response with an error"}
        return error_from_envelope(envelope, self.details, redact=self._redact)

    def _check_complete(self, completion: Completion) -> None:
        if not self._answered:
            what = "without choices" if self._payloads else "before anything came"
            raise self.fail(APIResponseError, f"The response ended {what}.")
        if completion.finish_reason == "error":
            raise self._provider_error()
        if completion.finish_reason is None and not self._whole:
            raise self.fail(StreamInterruptedError, "The stream ended before its finish reason.")

    def _excerpt(self, payload: bytes) -> str:
        text = self._redact(payload[:_EXCERPT].decode(errors="replace"))
        return f"{text[:200]!r}" + (" ..." if len(text) > 200 else "")

    @property
    def details(self) -> ErrorDetails:
        """What an error can say about the response."""
        facts = self._accumulator.completion
        return {
            "model": self._model,
            "provider_name": facts.provider and self._redact(facts.provider),
            "request_id": facts.id and self._redact(facts.id),
            "partial_text": self._accumulator.text,
            "partial_reasoning": self._accumulator.reasoning,
            "usage": facts.usage,
            "may_be_billed": True,
        }


def _is_notable(chunk: ChatChunk, choice: Choice) -> bool:
    return (
        choice.finish_reason is not None
        or chunk.usage is not None
        or choice.native_finish_reason is not None
        or chunk.error is not None
        or choice.error is not None
    )


def _brings_something(delta: Delta, message: WireMessage) -> bool:
    """Return whether an increment without text is more than a sign of life."""
    for call in delta.tool_calls:
        if call.arguments or call.name:
            return True
    details = message.reasoning_details or ()
    return bool(any(map(_is_filled, details)) or message.annotations or message.refusal)


def _is_filled(detail: JSONObject) -> bool:
    return any(detail.get(key) for key in ("text", "summary", "data", "signature"))


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
