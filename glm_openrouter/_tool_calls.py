"""Fragments of tool calls -> tool calls, in every shape in which they come."""

import json
import uuid
from collections.abc import Sequence

import msgspec

from .messages import parse_arguments
from .types import ToolCall, ToolCallDelta, WireToolCall

__all__ = ["ToolCallAccumulator", "one_per_call", "read_tool_calls"]

_encode = msgspec.json.Encoder().encode

_CUT = ("length", "error", None)
"""Finish reasons of a response that was cut off."""


def read_tool_calls(calls: Sequence[WireToolCall]) -> list[ToolCallDelta]:
    """Flatten the wire's form without loss: an id that says nothing becomes `None`, an object becomes JSON."""
    deltas = []
    for call in calls:
        function = call.function
        name = function.name if function else None
        arguments = function.arguments if function else None
        call_id = str(call.id) if call.id not in (None, "", "null") else None
        if call_id is None and name is None and arguments is None:
            continue
        if arguments is None:
            arguments = ""
        elif not isinstance(arguments, str):
            arguments = _encode(arguments).decode()
        deltas.append(ToolCallDelta(call.index, call_id, name or None, arguments))
    return deltas


def one_per_call(deltas: list[ToolCallDelta]) -> list[ToolCallDelta]:
    """Join the parts of a call that came in one increment: frameworks join increments, not the parts of one."""
    if len(deltas) < 2:
        return deltas
    joined: dict[int | None, ToolCallDelta] = {}
    for delta in deltas:
        first = joined.setdefault(delta.index, delta)
        if first is not delta:
            first.id, first.name = first.id or delta.id, first.name or delta.name
            first.arguments += delta.arguments
    return list(joined.values())


class _Call:
    """One tool call while it grows."""

    def __init__(self, position: int, index: int | None) -> None:
        self.position = position
        self.index = index
        self.id: str | None = None
        self.name: str | None = None
        self.held = True
        """Whether the arguments wait for the end, because they do not (yet) look like a JSON object."""
        self._parts: list[str] = []
        self._is_blank = True
        """Whether the arguments are white space so far."""

    @property
    def arguments(self) -> str:
        self._parts = ["".join(self._parts)]  # which is quick to join again
        return self._parts[0]

    @arguments.setter
    def arguments(self, arguments: str) -> None:
        self._parts = [arguments]

    def append(self, arguments: str) -> str:
        """Add to the arguments; return what can go out now."""
        self._parts.append(arguments)
        if self.held and self._is_blank:
            begin = self.arguments.lstrip()[:1]
            self._is_blank, self.held = not begin, begin != "{"
            return "" if self.held else self.arguments
        return "" if self.held else arguments

    def is_whole(self) -> bool:
        """Return whether the arguments are a complete JSON object already."""
        text = self.arguments.rstrip()
        return text.endswith("}") and parse_arguments(text) is not None

    def accepts(self, delta: ToolCallDelta) -> bool:
        """Return whether `delta`, which came under this call's index, continues this call.

        A new id with a name is a new call on a used index, and so is a name after complete arguments. But some hosts
        repeat the name, or invent an id, with every fragment: as long as arguments are open, a fragment continues.
        """
        if delta.name is None or self.name is None or (delta.id and delta.id == self.id):
            return True
        if delta.name != self.name or self.is_whole():
            return False
        if self.arguments.strip():
            return True
        return delta.id is None or self.id is None or bool(delta.arguments)

    def new_part(self, arguments: str) -> str:
        """Return what `arguments` adds, which is less than all of it if the whole call is sent a second time.

        That happens with a doubled finish chunk, and in vLLM where the first time lacks its last brace
        (https://github.com/vllm-project/vllm/issues/42167). It cannot be meant otherwise: no object follows a value.
        """
        if not arguments.startswith("{") or self._awaits_a_value():
            return arguments
        if (again := parse_arguments(arguments)) is None:
            return arguments
        before = self.arguments
        return next((end for end in ("", "}") if parse_arguments(before + end) == again), arguments)

    def _awaits_a_value(self) -> bool:
        # To look at the last part is enough, and costs the same however many there are.
        return not self._parts or self._parts[-1].rstrip().endswith((",", ":", "["))


class ToolCallAccumulator:
    """Put fragments of tool calls together.

    Fragments belong together by `index`; where that is missing by `id`, and else to the call that came last. The
    first id and the first name of a call win. See https://openrouter.ai/docs/guides/features/tool-calling and, for
    the shapes that occur, `tests/core/test_tool_calls.py`.
    """

    def __init__(self) -> None:
        self._calls: list[_Call] = []

    def __len__(self) -> int:
        """How many calls there are."""
        return len(self._calls)

    def feed(self, deltas: Sequence[ToolCallDelta]) -> list[ToolCallDelta]:
        """Take fragments; return what is new of each call, with its position as `index`."""
        return one_per_call([new for delta in deltas if (new := self._take(delta)) is not None])

    @property
    def complete(self) -> bool:
        """Whether there are calls, and all have arguments that are a JSON object."""
        arguments = (_normalise(call.arguments) for call in self._calls)
        return bool(self._calls) and all(parse_arguments(text) is not None for text in arguments)

    def flush(self, finish_reason: str | None) -> list[ToolCallDelta]:
        """Settle what could not be settled before the end: ids that never came, arguments that were held.

        Arguments of a response that was cut stay as they came: there may have been more.
        """
        deltas = []
        for call in self._calls:
            late = ToolCallDelta(index=call.position)
            if call.id is None:
                late.id = call.id = f"call_{uuid.uuid4().hex}"
            if call.held:
                cut = finish_reason in _CUT
                late.arguments = call.arguments if cut else _normalise(call.arguments)
                call.arguments = late.arguments
            if late.id or late.arguments:
                deltas.append(late)
        return deltas

    def finish(self, finish_reason: str | None) -> list[ToolCall]:
        """Return the calls, with arguments parsed strictly; a cut response leaves none that may run."""
        return [_finish_call(call, finish_reason) for call in self._calls]

    def _take(self, delta: ToolCallDelta) -> ToolCallDelta | None:
        call = self._find(delta)
        if call is None and self._is_sent_again(delta):
            return None
        if call is None:
            if not (delta.id or delta.name or delta.arguments.strip()):
                return None
            call = _Call(len(self._calls), delta.index)
            self._calls.append(call)
        arguments = call.new_part(delta.arguments)
        new = ToolCallDelta(index=call.position)
        if call.id is None and delta.id is not None:
            new.id = call.id = self._unused(delta.id)
        if call.name is None and delta.name is not None:
            new.name = call.name = delta.name
        if arguments:
            new.arguments = call.append(arguments)
        return new if new.id or new.name or new.arguments else None

    def _find(self, delta: ToolCallDelta) -> _Call | None:
        last = None
        for call in reversed(self._calls):
            if delta.index is None or call.index == delta.index:
                if delta.id is None or call.id == delta.id:
                    return call if call.accepts(delta) else None
                last = last or call
        if last is None or (delta.index is None and delta.id and last.id):
            return None
        return last if last.accepts(delta) else None

    def _is_sent_again(self, delta: ToolCallDelta) -> bool:
        # Without an id it is the index that tells a second copy from a second call.
        if delta.index is None or delta.id is not None:
            return False
        same = [
            call for call in self._calls if (call.index, call.name) == (delta.index, delta.name)
        ]
        return bool(same and delta.arguments) and not same[-1].new_part(delta.arguments)

    def _unused(self, call_id: str) -> str:
        # Results are matched to calls by id, so two calls must not share one.
        if any(call.id == call_id for call in self._calls):
            return f"call_{uuid.uuid4().hex}"
        return call_id


def _normalise(arguments: str) -> str:
    """Return arguments as the text of an object where nothing is lost by it."""
    text = arguments.strip()
    if text in ("", "null", '""', '"null"'):
        return "{}"
    try:
        inner = json.loads(text)
    except (ValueError, RecursionError):
        return arguments
    return inner if isinstance(inner, str) and parse_arguments(inner) is not None else arguments


def _finish_call(call: _Call, finish_reason: str | None) -> ToolCall:
    finished = ToolCall(call.id or "", call.name or "", call.arguments)
    if finish_reason in _CUT:
        finished.error = f"The response was cut off (finish_reason: {finish_reason})."
    elif not call.name:
        finished.error = "The call has no name."
    else:
        finished.parsed = parse_arguments(finished.arguments)
        if finished.parsed is None:
            finished.error = "The arguments are not a complete JSON object."
    return finished
