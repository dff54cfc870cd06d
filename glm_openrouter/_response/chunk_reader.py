"""Payloads of a response -> facts, which are kept, and deltas, which go on."""

from functools import partial
from typing import cast

import msgspec

from glm_openrouter._json.values import JSONObject

from .accumulator import ChatAccumulator
from .chunks import ChatChunk, Choice, WireMessage, parse_chunk
from .failures.response_errors import MAX_CALL_PARTS, ResponseErrors
from .memory import SMALL, Memory
from .phases import Event, MakeError, Phase, ResponseState
from .pipeline import DeltaPath
from .read_deltas import has_content, has_token, read_delta

__all__ = ["ChunkReader"]


class ChunkReader:
    """Read the payloads of one response.

    Most chunks are the next few words, and cost no more than that. What has more is a full chunk: the first one, and
    those with a finish reason, a usage or an error.
    """

    def __init__(
        self,
        state: ResponseState,
        path: DeltaPath,
        memory: Memory,
        accumulator: ChatAccumulator,
        errors: ResponseErrors,
    ) -> None:
        self.payloads = 0
        """How many have come."""
        self.payloads_at_usage = 0
        """How many had come with the last usage."""
        self.last_fruitful = 0
        """The number of the last one that brought something."""
        self.has_token = False
        """Whether reasoning, text or a tool call has come."""
        self.is_complete_message = False
        """Whether a complete message has come, which is not a delta."""
        self._state = state
        self._path = path
        self._memory = memory
        self._accumulator = accumulator
        self._errors = errors

    def feed(self, payloads: list[bytes], *, may_be_cut: bool = False) -> None:
        """Read payloads that came together, up to where the response is over; none is left in the list then.

        Args:
            payloads: Those that the decoder has found.
            may_be_cut: Whether one that is no JSON does no harm, because the answer has come before it.
        """
        payloads.reverse()
        while payloads and not self._state.is_over:
            self._take(payloads.pop(), may_be_cut)  # so that it is gone once it has been read
        self._path.end_read()

    def _take(self, payload: bytes, may_be_cut: bool) -> None:
        self.payloads += 1
        chunk = self._parse(payload, may_be_cut)
        del payload
        if chunk is None:
            return
        choice = chunk.choices[0] if chunk.choices else None
        is_full = choice is None or self._state.phase is Phase.WAITING or _is_full(chunk, choice)
        # What follows a stop sequence does not count, not even the usage: the text before it is looked through first.
        stands_alone = self._path.stop is not None and (is_full or _has_extras(choice))
        if stands_alone:
            self._path.end_joining()
            if self._state.is_over:
                return
        if is_full:
            self._take_full_chunk(chunk, choice)
        elif choice is not None and choice.delta is not None:
            self._take_message(choice.delta, choice)
        if stands_alone:
            self._path.end_joining()

    def _parse(self, payload: bytes, may_be_cut: bool) -> ChatChunk | None:
        if len(payload) > SMALL:
            self._path.end_joining()  # so that what came before it is weighed
            if not self._memory.admits(payload):
                self._fail(self._errors.too_large)
                return None
        try:
            return parse_chunk(payload)
        except msgspec.DecodeError:
            if not may_be_cut:
                self._fail(partial(self._errors.unreadable, self._errors.excerpt(payload)))
            return None

    def _take_full_chunk(self, chunk: ChatChunk, choice: Choice | None) -> None:
        """Take a chunk that has more than the next few words."""
        self.last_fruitful = self.last_fruitful or self.payloads
        before = self._accumulator.outcome
        self._accumulator.feed_facts(chunk)
        if chunk.usage is not None:
            self.payloads_at_usage = self.payloads
        if (
            choice is not None and choice.index
        ):  # an answer beside the first, for which nobody has asked
            choice = next((other for other in chunk.choices or () if not other.index), None)
        error = chunk.error
        if choice is not None:
            self._take_choice(choice)
            if self._accumulator.outcome != before:
                self.last_fruitful = self.payloads
            error = error or choice.error
        if error or (choice is not None and choice.finish_reason == "error"):
            self._take_error(error)

    def _take_choice(self, choice: Choice) -> None:
        self._state.move(Event.CHOICE)
        self._accumulator.feed_finish(choice)
        message = choice.delta
        if message is None and choice.message is not None:
            message = choice.message
            self.is_complete_message = True
        if choice.finish_reason or self.is_complete_message:
            self._state.move(Event.FINISH)
        if message is not None:
            self._take_message(message, choice)

    def _take_message(self, message: WireMessage, choice: Choice) -> None:
        delta = read_delta(message, is_complete=self.is_complete_message)
        if has_content(delta, message):
            self.last_fruitful = self.payloads
            self.has_token = self.has_token or has_token(delta, message)
        if len(delta.tool_calls) > MAX_CALL_PARTS:
            self._fail(self._errors.too_many_calls)
            return
        if message.reasoning_details is not None or message.annotations or message.refusal:
            self._take_extras(message)
        if choice.logprobs:
            delta.logprobs = cast("JSONObject", choice.logprobs)
        if delta:
            self._path.feed(delta)

    def _take_extras(self, message: WireMessage) -> None:
        is_complete = self.is_complete_message
        if self._accumulator.feed_extras(message, is_complete=is_complete):
            details = message.reasoning_details
            self._memory.keep_value([details, details, message.annotations, message.refusal])

    def _take_error(self, error: JSONObject | str | None) -> None:
        # Some providers report "Token limit reached" after finish reason `length`: the answer was cut, it did not fail.
        if self._accumulator.completion.finish_reason != "length":
            self._fail(partial(self._errors.reported, error), is_reported=True)

    def _fail(self, make: MakeError, *, is_reported: bool = False) -> None:
        """End the response with an error, unless what came before it has ended it already."""
        self._path.end_joining()
        if not self._state.is_over:
            self._state.fail(make, is_reported=is_reported)


def _is_full(chunk: ChatChunk, choice: Choice) -> bool:
    """Return whether a chunk has more than the next few words."""
    return (
        choice.finish_reason is not None
        or chunk.usage is not None
        or choice.native_finish_reason is not None
        or choice.delta is None
        or chunk.error is not None
        or choice.error is not None
        or chunk.safeguard_results is not None
        or chunk.alignment is not None
        or bool(choice.index)
    )


def _has_extras(choice: Choice | None) -> bool:
    """Return whether words come with something that is kept besides them."""
    if choice is None or choice.delta is None:
        return False
    message = choice.delta
    return bool(
        choice.logprobs or message.reasoning_details or message.annotations or message.refusal
    )
