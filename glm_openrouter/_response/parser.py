"""One response, from bytes to increments to the completion: the path that every response takes.

Theory of operation. `feed` takes the bytes of one read. The decoder makes payloads of them, and the reader makes a
chunk of each payload and a delta of each chunk. Deltas that came with the same bytes are joined, and only then does a
delta run through the repairs and the stop sequences into the accumulator, and out to the caller: what is done for a
delta costs much more than what is done for a chunk, and a caller who is behind gets one delta instead of ten. Nothing
waits for the next read, unless only the completion is wanted: then a few reads are joined. `flush` takes what the
repairs have held back, and decides how the response ended.

    bytes -> Decoder -> payloads -> ChunkReader -> deltas -> DeltaPath -> deltas
                                        |  facts                 |  texts and tool calls
                                        +---> ChatAccumulator <--+

Where a response stands is its phase, and `phases.TRANSITIONS` is all that may happen to it. A failure ends the
response, but what came before it in the same bytes is given out first: `feed` notes how to make the error, and `flush`
raises it. A complete response is a stream of one chunk.

Both methods return lists, so that the loops which read from a socket, one synchronous and one asynchronous, hold no
logic.
"""

import warnings
from functools import partial

from glm_openrouter._secrets import Redactor, redact
from glm_openrouter.completions import Completion, Delta
from glm_openrouter.errors import EmptyResponseWarning, ErrorDetails

from .accumulator import ChatAccumulator
from .chunk_reader import ChunkReader
from .failures.response_errors import ResponseErrors
from .memory import Memory
from .phases import Event, Phase, ResponseState
from .pipeline import DeltaPath
from .repairs import TOOL_ARGUMENTS, Repairs
from .sse import Decoder
from .stop import StopSequences
from .tool_calls import merge_by_index

__all__ = ["ResponseParser"]


class ResponseParser:
    """Put one response together.

    Args:
        decoder: Finds the payloads in its bytes.
        repairs: Those that it goes through.
        model: The model that was asked for.
        stop: Texts that end it.
        redact: Takes secrets out of the texts of errors.
        memory: What it may take.
        gives_out: Whether increments are wanted; without, only `completion` is, and `feed` and `flush` return none.
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
        gives_out: bool = True,
    ) -> None:
        self.done = False
        """Whether nothing more is wanted from the socket."""
        self.completion: Completion | None = None
        """The finished response, once `flush` has returned."""
        memory = memory or Memory()
        self._state = ResponseState()
        self._decoder = decoder
        self._repairs = repairs
        self._accumulator = ChatAccumulator(repairs_arguments=repairs.tool_arguments)
        self._errors = ResponseErrors(model, redact, self._accumulator)
        self._path = DeltaPath(
            self._state, repairs, stop, memory, self._accumulator, self._errors, gives_out=gives_out
        )
        self._reader = ChunkReader(self._state, self._path, memory, self._accumulator, self._errors)

    @property
    def progress(self) -> int:
        """A number that grows with what the response brings: that of the last event which brought something.

        Events without content do not count, however many there are, and neither do comments and blanks.
        """
        return self._reader.last_fruitful or self._decoder.progress

    @property
    def has_begun(self) -> bool:
        """Whether reasoning, text or a tool call has come, not counting blanks, or the answer has ended without."""
        has_ended = self._state.phase not in (Phase.WAITING, Phase.ANSWERING)
        return self._reader.has_token or self._decoder.progress > 0 or has_ended

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
        since = self._reader.payloads - self._reader.payloads_at_usage
        return self.completion is not None or since <= self._state.is_reported

    @property
    def refused(self) -> bool:
        """Whether the response is an error and nothing else, for which nobody pays.

        OpenRouter charges for no response without completion tokens
        (https://openrouter.ai/docs/features/zero-completion-insurance).
        """
        report = self._state.failure if self._state.is_reported else None
        if report is None or report().may_be_billed:
            return False
        return not (self.facts.usage or self._accumulator.has_content)

    @property
    def fired_repairs(self) -> list[str]:
        """The names of the repairs that have changed something."""
        late = [TOOL_ARGUMENTS] if self._accumulator.tool_calls.has_repaired else []
        return [*self._repairs.fired, *late]

    @property
    def stopped(self) -> bool:
        """Whether a stop sequence has ended the answer, whatever still comes."""
        return self._path.stop is not None and self._path.stop.is_over

    def feed(self, data: bytes) -> list[Delta]:
        """Take the next bytes of the body and return what they bring: one increment, if their order allows it."""
        self._reader.feed(self._decoder.feed(data))
        self.done = self._decoder.done or self._state.is_over
        return self._path.take_ready()

    def flush(self) -> list[Delta]:
        """Return what was held back, once the body has ended, and set `completion`.

        Raises:
            APIError: The response is a failure, or not complete.
        """
        if not self.done:
            # The body ended with half an event, perhaps; after a choice that is not a failure.
            may_be_cut = self._state.phase is not Phase.WAITING
            self._reader.feed(self._decoder.flush(), may_be_cut=may_be_cut)
        self._path.end_joining()
        last = self._path.flush()
        has_ended = self._reader.is_complete_message or self._decoder.done
        late_calls = self._accumulator.flush(ended=has_ended)
        last.tool_calls = merge_by_index([*last.tool_calls, *late_calls])
        self._path.give_out(last)
        completion = self._accumulator.build()
        self._check_end()
        _warn_if_empty(completion)
        self.completion = completion
        return self._path.take_ready()

    def _check_end(self) -> None:
        """Decide how the response ended, when all is there that ever comes.

        Raises:
            APIError: It is a failure, or not complete.
        """
        state, reason = self._state, self.facts.finish_reason
        if state.phase is Phase.WAITING:
            state.fail(partial(self._errors.without_choices, is_empty=not self._reader.payloads))
        elif state.phase is not Phase.FAILED and reason == "error":
            state.fail(self._errors.reported, is_reported=True)
        elif state.phase is Phase.ANSWERING and reason is None:
            state.fail(self._errors.interrupted)
        elif state.phase is Phase.ANSWERING:
            # A reason that no chunk has named: the provider has one of its own, or the tool calls are complete.
            state.move(Event.FINISH)
        if state.failure is not None:
            raise state.failure()
        state.move(Event.END)


def _warn_if_empty(completion: Completion) -> None:
    if completion.finish_reason == "length" and not completion.text and not completion.tool_calls:
        warnings.warn(
            f"The answer is empty: {completion.model} reached max_tokens while it was thinking. Raise max_tokens, "
            "or turn thinking off with reasoning=False.",
            EmptyResponseWarning,
            stacklevel=2,
        )
    elif completion.refusal == "":
        warnings.warn(
            f"The answer is empty: a content filter of {completion.provider or 'the provider'} took it. Ask in other "
            "words, or choose another provider or model.",
            EmptyResponseWarning,
            stacklevel=2,
        )
