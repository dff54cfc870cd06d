"""One response, from bytes to increments to the completion: the path that every response takes.

Theory of operation. `feed` takes the bytes of one read. The decoder makes payloads of them, `parse_chunk` makes a chunk
of a payload, `read_delta` a delta of a chunk. Deltas that came with the same bytes are joined, and only then does a
delta run through the repairs and the stop sequences into the accumulator, and out to the caller: what is done for a
delta costs much more than what is done for a chunk, and a caller who is behind gets one delta instead of ten. Nothing
waits for the next read. `flush` takes what the repairs have held back, and settles how the response ended.

A failure ends the response, but what came before it in the same bytes is given out first: `feed` notes how to make the
error, and `flush` raises it. A complete response is a stream of one chunk.

Both methods return lists, so that the loops which read from a socket, one synchronous and one asynchronous, hold no
logic. Where a response stands is its phase; `phases.TRANSITIONS` is all that may happen to it.
"""

import warnings
from functools import partial
from typing import cast

import msgspec

from glm_openrouter._json.values import JSONObject
from glm_openrouter._secrets import Redactor, redact
from glm_openrouter.completions import Completion, Delta
from glm_openrouter.errors import EmptyResponseWarning, ErrorDetails

from .accumulator import ChatAccumulator
from .chunks import ChatChunk, Choice, WireMessage, parse_chunk
from .deltas import DeltaJoiner, has_content, read_delta
from .memory import SMALL, Memory
from .phases import OVER, TRANSITIONS, Event, Phase
from .repairs import Repairs
from .response_errors import MAX_CALL_PARTS, MakeError, ResponseErrors
from .sse import Decoder
from .stop import StopSequences
from .tool_calls import merge_by_index

__all__ = ["ResponseParser"]


class ResponseParser:
    """Put one response together."""

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
        self._phase = Phase.WAITING
        self._decoder = decoder
        self._payloads = 0
        self._payloads_at_usage = 0
        self._last_fruitful = 0
        """The number of the last payload that brought something."""
        self._joiner = DeltaJoiner()
        self._repairs = repairs
        self._stop = stop
        self._memory = memory or Memory()
        self._accumulator = ChatAccumulator()
        self._ready: list[Delta] = []
        """What can be given out."""
        self._is_complete_message = False
        """Whether a complete message has come."""
        self._errors = ResponseErrors(model, redact, self._accumulator)
        self._failure: MakeError | None = None
        """Makes the error that has ended the response."""
        self._report: MakeError | None = None
        """Makes that error if OpenRouter or the provider reported it."""

    @property
    def progress(self) -> int:
        """A number that grows with what the response brings: that of the last event which brought something.

        Events without content do not count, however many there are, and neither do comments and blanks.
        """
        return self._last_fruitful or self._decoder.progress

    @property
    def facts(self) -> Completion:
        """What is known of the response so far, such as its usage."""
        return self._accumulator.completion

    @property
    def details(self) -> ErrorDetails:
        """What an error can say about the response."""
        return self._errors.details

    @property
    def usage_is_final(self) -> bool:
        """Whether the usage is that of the whole response: some servers send an early one, and count on."""
        since = self._payloads - self._payloads_at_usage
        return self.completion is not None or since <= (self._report is not None)

    @property
    def refused(self) -> bool:
        """Whether the response is an error and nothing else, for which nobody pays.

        OpenRouter charges for no response without completion tokens
        (https://openrouter.ai/docs/features/zero-completion-insurance).
        """
        failed = self.facts.finish_reason == "error"
        report = self._report or (self._errors.reported if failed else None)
        if report is None or report().may_be_billed:
            return False
        return not (self.facts.usage or self._accumulator.has_content)

    @property
    def stopped(self) -> bool:
        """Whether a stop sequence has ended the answer, whatever still comes."""
        return self._stop is not None and self._stop.found

    def feed(self, data: bytes) -> list[Delta]:
        """Take the next bytes of the body and return what they bring: one increment, if their order allows it."""
        self._take_all(self._decoder.feed(data))
        self.done = self._decoder.done or self._phase in OVER
        return self._give_out()

    def flush(self) -> list[Delta]:
        """Return what was held back, once the body has ended, and set `completion`.

        Raises:
            APIError: The response is a failure, or not complete.
        """
        if not self.done:
            self._take_all(self._decoder.flush(), may_be_cut=self._phase is not Phase.WAITING)
        deltas = self._give_out()
        last = self._flush_repairs()
        ended = self._is_complete_message or self._decoder.done
        late_calls = self._accumulator.flush(ended=ended)
        last.tool_calls = merge_by_index([*last.tool_calls, *late_calls])
        if last:
            deltas.append(last)
        completion = self._accumulator.build()
        self._settle()
        _warn_if_empty(completion)
        self.completion = completion
        return deltas

    def _take_all(self, payloads: list[bytes], *, may_be_cut: bool = False) -> None:
        payloads.reverse()
        while payloads and self._phase not in OVER:
            self._take(payloads.pop(), may_be_cut)  # so that it is gone once it has been read
        self._pass_on(self._joiner.flush())

    def _take(self, payload: bytes, may_be_cut: bool) -> None:
        self._payloads += 1
        chunk = self._parse(payload, may_be_cut)
        del payload
        if chunk is None:
            return
        choice = chunk.choices[0] if chunk.choices else None
        is_full = choice is None or self._phase is Phase.WAITING or _is_full(chunk, choice)
        # What follows a stop sequence does not count, not even the usage: the text before it is looked through first.
        stands_alone = self._stop is not None and (is_full or _has_extras(choice))
        if stands_alone:
            self._pass_on(self._joiner.flush())
            if self._phase in OVER:
                return
        if is_full:
            self._take_full_chunk(chunk, choice)
        elif choice is not None and choice.delta is not None:
            self._take_message(choice.delta, choice)
        if stands_alone:
            self._pass_on(self._joiner.flush())

    def _parse(self, payload: bytes, may_be_cut: bool) -> ChatChunk | None:
        """Read one payload; one that `may_be_cut` need not be JSON, because an answer has come before it."""
        if len(payload) > SMALL and not self._memory.admits(payload):
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
        self._last_fruitful = self._last_fruitful or self._payloads
        before = self._accumulator.outcome
        self._accumulator.feed_facts(chunk)
        if chunk.usage is not None:
            self._payloads_at_usage = self._payloads
        if (
            choice is not None and choice.index
        ):  # an answer beside the first, for which nobody has asked
            choice = next((other for other in chunk.choices or () if not other.index), None)
        error = chunk.error
        if choice is not None:
            self._take_choice(choice)
            if self._accumulator.outcome != before:
                self._last_fruitful = self._payloads
            error = error or choice.error
        if error or (choice is not None and choice.finish_reason == "error"):
            self._take_error(error)

    def _take_choice(self, choice: Choice) -> None:
        self._move(Event.CHOICE)
        self._accumulator.feed_finish(choice)
        message = choice.delta
        if message is None and choice.message is not None:
            message = choice.message
            self._is_complete_message = True
        if choice.finish_reason or self._is_complete_message:
            self._move(Event.FINISH)
        if message is not None:
            self._take_message(message, choice)

    def _take_message(self, message: WireMessage, choice: Choice) -> None:
        delta = read_delta(message, is_complete=self._is_complete_message)
        if has_content(delta, message):
            self._last_fruitful = self._payloads
        if len(delta.tool_calls) > MAX_CALL_PARTS:
            self._fail(self._errors.too_many_calls)
            return
        if message.reasoning_details is not None or message.annotations or message.refusal:
            self._take_extras(message)
        if choice.logprobs:
            delta.logprobs = cast("JSONObject", choice.logprobs)
        if delta:
            self._pass_on(self._joiner.feed(delta))

    def _take_extras(self, message: WireMessage) -> None:
        is_complete = self._is_complete_message
        if self._accumulator.feed_extras(message, is_complete=is_complete):
            details = message.reasoning_details
            self._memory.keep_value([details, details, message.annotations, message.refusal])

    def _take_error(self, error: JSONObject | str | None) -> None:
        # Some providers report "Token limit reached" after finish reason `length`: the answer was cut, it did not fail.
        if self.facts.finish_reason != "length":
            self._fail(partial(self._errors.reported, error), is_report=True)

    def _pass_on(self, delta: Delta | None) -> None:
        """Repair an increment, keep it, and make it ready to be given out."""
        if delta is None or self._phase in OVER:
            return
        if not self._memory.keep(delta):
            self._end(self._errors.too_large)
            return
        delta = self._repairs.feed(delta)
        if self._stop is not None:
            delta = self._stop.feed(delta)
            if self._stop.found:
                self._move(Event.STOP)
        has_calls = bool(delta.tool_calls)
        self._accumulator.feed(delta)
        if has_calls:
            self._memory.keep_calls(self._accumulator.tool_calls)
        if delta:
            self._ready.append(delta)

    def _give_out(self) -> list[Delta]:
        ready, self._ready = self._ready, []
        return ready

    def _flush_repairs(self) -> Delta:
        """Return what the repairs, and then the stop sequences, have held back."""
        ended = self._phase is not Phase.FAILED and self._accumulator.ended_by_itself
        delta = self._repairs.flush(ended=ended)
        if self._stop is not None:
            delta = self._stop.feed(delta)
            delta.text += self._stop.flush()
            if self._stop.found:
                self._move(Event.STOP)
                self.facts.finish_reason = "stop"
        self._accumulator.feed(delta)
        return delta

    def _fail(self, make: MakeError, *, is_report: bool = False) -> None:
        """End the response with an error, after what came before it."""
        self._pass_on(self._joiner.flush())
        if self._phase not in OVER:
            self._end(make)
            if is_report:
                self._report = make

    def _end(self, make: MakeError) -> None:
        self._failure = make
        self._move(Event.FAILURE)

    def _move(self, event: Event) -> None:
        self._phase = TRANSITIONS[self._phase][event]

    def _settle(self) -> None:
        """Decide how the response ended, when all is there that ever comes.

        Raises:
            APIError: It is a failure, or not complete.
        """
        reason = self.facts.finish_reason
        if self._phase is Phase.WAITING:
            self._end(partial(self._errors.without_choices, is_empty=not self._payloads))
        elif self._phase is not Phase.FAILED and reason == "error":
            self._end(self._errors.reported)
        elif self._phase is Phase.ANSWERING:
            # A reason that no chunk has named: the provider has one of its own, or the tool calls are complete.
            if reason is None:
                self._end(self._errors.interrupted)
            else:
                self._move(Event.FINISH)
        if self._failure is not None:
            raise self._failure()
        self._move(Event.END)


def _is_full(chunk: ChatChunk, choice: Choice) -> bool:
    """Return whether a chunk has more than the next few words."""
    return (
        choice.finish_reason is not None
        or chunk.usage is not None
        or choice.native_finish_reason is not None
        or choice.delta is None
        or chunk.error is not None
        or choice.error is not None
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


def _warn_if_empty(completion: Completion) -> None:
    if completion.finish_reason == "length" and not completion.text and not completion.tool_calls:
        warnings.warn(
            f"The answer is empty: {completion.model} reached max_tokens while it was thinking. Raise max_tokens, "
            "or turn thinking off with reasoning=False.",
            EmptyResponseWarning,
            stacklevel=2,
        )
