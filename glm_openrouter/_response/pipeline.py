"""What every delta of a response goes through before it is given out."""

from glm_openrouter.completions import Delta

from .accumulator import ChatAccumulator
from .failures.response_errors import ResponseErrors
from .joining import DeltaJoiner
from .memory import Memory
from .phases import Event, Phase, ResponseState
from .repairs import Repairs
from .stop import StopSequences

__all__ = ["DeltaPath"]

_MANY = 64
"""Deltas; more of them together cost no less."""


class DeltaPath:
    """Join deltas, then repair them, look for stop sequences, and keep them for the completion."""

    def __init__(
        self,
        state: ResponseState,
        repairs: Repairs,
        stop: StopSequences | None,
        memory: Memory,
        accumulator: ChatAccumulator,
        errors: ResponseErrors,
        *,
        gives_out: bool,
    ) -> None:
        self.stop = stop
        self._state = state
        self._joiner = DeltaJoiner()
        self._repairs = repairs
        self._memory = memory
        self._accumulator = accumulator
        self._errors = errors
        self._gives_out = gives_out
        self._ready: list[Delta] = []
        """What can be given out."""

    def feed(self, delta: Delta) -> None:
        """Take the next delta; it is joined with those before it, if it can be."""
        before = self._joiner.feed(delta)
        if before is not None:
            self._pass_on(before)

    def end_read(self) -> None:
        """Let the deltas of one read go on: nobody shall wait for what the next one brings.

        Where none are given out nobody does, and it costs less to let many go on together.
        """
        if self._gives_out or self.stop is not None or len(self._joiner) >= _MANY:
            self.end_joining()

    def end_joining(self) -> None:
        """Let the deltas that have been joined go on: nothing more can be joined with them."""
        joined = self._joiner.flush()
        if joined is not None:
            self._pass_on(joined)

    def give_out(self, delta: Delta) -> None:
        """Have a delta go out, if it holds anything and anybody wants it."""
        if self._gives_out and delta:
            self._ready.append(delta)

    def take_ready(self) -> list[Delta]:
        """Return what can be given out."""
        ready, self._ready = self._ready, []
        return ready

    def flush(self) -> Delta:
        """Return what the repairs, and then the stop sequences, have held back."""
        has_failed = self._state.phase is Phase.FAILED
        delta = self._repairs.flush(ended=not has_failed and self._accumulator.ended_by_itself)
        if self.stop is not None:
            delta = self.stop.feed(delta)
            delta.text += self.stop.flush()
            if self.stop.is_over:
                self._state.move(Event.STOP)
                self._accumulator.completion.finish_reason = "stop"
        self._accumulator.feed(delta)
        return delta

    def _pass_on(self, delta: Delta) -> None:
        if self._state.is_over:
            return
        if not self._memory.keep(delta):
            self._state.fail(self._errors.too_large)
            return
        delta = self._repairs.feed(delta)
        if self.stop is not None:
            delta = self.stop.feed(delta)
            if self.stop.is_over:
                self._state.move(Event.STOP)
        has_calls = bool(delta.tool_calls)
        self._accumulator.feed(delta)
        if has_calls:
            self._memory.keep_calls(self._accumulator.tool_calls)
        self.give_out(delta)
