"""Fragments of tool calls -> tool calls, in every shape in which they come."""

import json
import uuid
from collections.abc import Sequence

import msgspec

from glm_openrouter._json.outline import Outline
from glm_openrouter._json.prefix import StrictPrefix
from glm_openrouter._json.strict import find_problem, parse_arguments
from glm_openrouter._json.values import JSONObject
from glm_openrouter.completions import CUT, ToolCall, ToolCallDelta

from .chunks import WireToolCall

__all__ = ["ToolCallAccumulator", "merge_by_index", "read_tool_calls"]

_encode = msgspec.json.Encoder().encode


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


def merge_by_index(deltas: list[ToolCallDelta]) -> list[ToolCallDelta]:
    """Join the parts of a call that came in one increment: frameworks join increments, not the parts of one."""
    if len(deltas) < 2:
        return deltas
    joined: dict[int | None, list[ToolCallDelta]] = {}
    for delta in deltas:
        joined.setdefault(delta.index, []).append(delta)
    return [_join(parts) if len(parts) > 1 else parts[0] for parts in joined.values()]


def _join(parts: list[ToolCallDelta]) -> ToolCallDelta:
    return ToolCallDelta(
        parts[0].index,
        next((part.id for part in parts if part.id), None),
        next((part.name for part in parts if part.name), None),
        "".join(part.arguments for part in parts),
    )


class _Call:
    """One tool call while it grows."""

    __slots__ = (
        *("_is_blank", "_is_broken", "_outline", "_outlined", "_parts", "_prefix", "_value"),
        *("held", "id", "index", "name", "parsed", "position", "released", "was_loose"),
    )

    def __init__(self, position: int, index: int | None, prefix: StrictPrefix | None) -> None:
        self.position = position
        self.index = index
        self.id: str | None = None
        self.name: str | None = None
        self.held = True
        """Whether the arguments wait for the end, because they do not (yet) look like a JSON object."""
        self.released = 0
        """How much of the arguments has gone out."""
        self.parsed: JSONObject | None = None
        """What the arguments are, once nothing more comes; `None` if the call must not run."""
        self.was_loose = False
        """Whether the arguments were read in a looser form than JSON."""
        self._prefix = prefix
        """What tells how much may go out, where arguments that are not JSON may be repaired at the end."""
        self._parts: list[str] = []
        self._is_blank = True
        """Whether the arguments are white space so far."""
        self._outline: Outline | None = None
        """Of the arguments, once it is needed."""
        self._outlined = 0
        """How many parts the outline has seen."""
        self._value: JSONObject | None = None
        """What the arguments are, once they have been read as a whole object."""
        self._is_broken = False
        """Whether the arguments cannot become an object any more."""

    @property
    def arguments(self) -> str:
        """All that has come; putting it together costs its length."""
        return "".join(self._parts)

    def append(self, arguments: str) -> str:
        """Add to the arguments; return what can go out now."""
        ends = self._value is not None and not arguments.isspace()
        if ends or (arguments.startswith("{") and self._ends_in_value()):
            self._value, self._is_broken = None, True
        self._parts.append(arguments)
        if not self._is_blank:
            return "" if self.held else self._release(arguments)
        begin = arguments.lstrip()[:1]
        self._is_blank, self.held = not begin, begin != "{"
        return "" if self.held else self._release(self.arguments)

    def settle(self, *, was_cut: bool) -> str:
        """Decide what the arguments are, once nothing more comes; return what has not gone out of them.

        Args:
            was_cut: Whether there may have been more, so that they stay as they came.
        """
        if not was_cut:
            text = _normalise(self.arguments) if self.held else self.arguments
            self.parsed = parse_arguments(text)
            if self.parsed is None and self._prefix and (tight := _tighten(text)) is not None:
                text, self.parsed = tight, parse_arguments(tight)
                self.was_loose = self.parsed is not None
            self._parts = [text]
        return self.arguments[self.released :]

    def is_whole(self) -> bool:
        """Return whether the arguments are a complete JSON object already."""
        return self._read_whole() is not None

    def accepts(self, delta: ToolCallDelta) -> bool:
        """Return whether `delta`, which came under this call's index, continues this call.

        A new id with a name is a new call on a used index, and so is a name after complete arguments. But some hosts
        repeat the name, or invent an id, with every fragment: as long as arguments are open, a fragment continues.
        """
        if delta.name is None or self.name is None or (delta.id and delta.id == self.id):
            # The usual fragment, a name that comes after its arguments, or id and name with every fragment.
            return True
        if delta.name != self.name or self.is_whole():
            # Another call under an index that is used again.
            return False
        if not self._is_blank:
            # The name with every fragment, perhaps with another id each time.
            return True
        # The name comes twice before any argument. With two ids and still no argument, these are two calls of a tool
        # that takes none; else the second one brings what the first has announced.
        return delta.id is None or self.id is None or bool(delta.arguments)

    def new_part(self, arguments: str) -> str:
        """Return what `arguments` adds, which is less than all of it if the whole call is sent a second time.

        That happens with a doubled finish chunk, and in vLLM where the first time lacks its last brace
        (https://github.com/vllm-project/vllm/issues/42167). It cannot be meant otherwise: no object follows a value.
        """
        if self._is_broken or not arguments.startswith("{") or not self._ends_in_value():
            return arguments
        if (again := parse_arguments(arguments)) is None:
            return arguments
        whole = self._read_whole()
        if whole is not None and whole == again:
            return ""
        if whole is None and self._outline_so_far().open == ["{"] and self._read("}") == again:
            return "}"
        return arguments

    def _release(self, arguments: str) -> str:
        text = self._prefix.feed(arguments) if self._prefix else arguments
        self.released += len(text)
        return text

    def _ends_in_value(self) -> bool:
        outline = self._outline_so_far()
        return not outline.in_string and outline.last not in ("", ",", ":", "[")

    def _read_whole(self) -> JSONObject | None:
        """Return the arguments if they are a complete object; they are read once when their brackets are closed."""
        if self._value is None and not self._is_broken:
            outline = self._outline_so_far()
            if not outline.open and outline.last == "}":
                self._value = self._read("")
                self._is_broken = self._value is None
        return self._value

    def _read(self, end: str) -> JSONObject | None:
        return parse_arguments(self.arguments + end)

    def _outline_so_far(self) -> Outline:
        outline = self._outline = self._outline or Outline()
        for part in self._parts[self._outlined :]:
            outline.feed(part)
        self._outlined = len(self._parts)
        return outline


class ToolCallAccumulator:
    """Put fragments of tool calls together.

    Fragments belong together by `index`; where that is missing by `id`, and else to the call that came last. The
    first id and the first name of a call win. See https://openrouter.ai/docs/guides/features/tool-calling and, for
    the shapes that occur, `tests/core/response/test_tool_calls.py`.

    Args:
        repairs_arguments: Whether arguments that are not JSON may be read in a looser form: the repair
            `tool_arguments`.
    """

    def __init__(self, *, repairs_arguments: bool = False) -> None:
        self._repairs_arguments = repairs_arguments
        self._calls: list[_Call] = []
        self._by_id: dict[str, _Call] = {}
        self._last_by_index: dict[int | None, _Call] = {}
        self._last_by_name: dict[tuple[int | None, str], _Call] = {}
        """By index and name."""

    def __len__(self) -> int:
        """How many calls there are."""
        return len(self._calls)

    def feed(self, deltas: Sequence[ToolCallDelta]) -> list[ToolCallDelta]:
        """Take fragments; return what is new of each call, with its position as `index`."""
        return merge_by_index([new for delta in deltas if (new := self._take(delta)) is not None])

    @property
    def has_repaired(self) -> bool:
        """Whether the arguments of a call were read in a looser form than JSON."""
        return any(call.was_loose for call in self._calls)

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
            late.arguments = call.settle(was_cut=finish_reason in CUT)
            if late.id or late.arguments:
                deltas.append(late)
        return deltas

    def build(self, finish_reason: str | None) -> list[ToolCall]:
        """Return the calls, once `flush` has returned; a cut response leaves none that may run."""
        return [_build_call(call, finish_reason) for call in self._calls]

    def _take(self, delta: ToolCallDelta) -> ToolCallDelta | None:
        call = self._find(delta)
        if call is None and self._is_sent_again(delta):
            return None
        if call is None:
            if not (delta.id or delta.name or delta.arguments.strip()):
                return None
            call = self._begin(delta.index)
        arguments = call.new_part(delta.arguments)
        new = ToolCallDelta(index=call.position)
        if call.id is None and delta.id is not None:
            new.id = call.id = self._unused(delta.id)
            self._by_id[call.id] = call
        if call.name is None and delta.name is not None:
            new.name = call.name = delta.name
            self._keep_name(call, delta.name)
        if arguments:
            new.arguments = call.append(arguments)
        return new if new.id or new.name or new.arguments else None

    def _begin(self, index: int | None) -> _Call:
        prefix = StrictPrefix() if self._repairs_arguments else None
        call = _Call(len(self._calls), index, prefix)
        self._calls.append(call)
        self._last_by_index[index] = call
        return call

    def _find(self, delta: ToolCallDelta) -> _Call | None:
        """Return the call that a fragment continues, or `None` if it begins one."""
        call = self._by_id.get(delta.id) if delta.id is not None else None
        if call is not None and delta.index in (None, call.index):
            # The id is known, whichever call came last.
            return call if call.accepts(delta) else None
        if delta.index is not None:
            # The usual fragment: an index, and nothing else that says which call it is.
            last = self._last_by_index.get(delta.index)
        else:
            # Hosts that send no indexes send one call after the other.
            last = self._calls[-1] if self._calls else None
        if last is None or (delta.index is None and delta.id and last.id):
            # The first call, or a new id where nothing else tells calls apart.
            return None
        return last if last.accepts(delta) else None

    def _is_sent_again(self, delta: ToolCallDelta) -> bool:
        # Without an id it is the index that tells a second copy from a second call.
        if delta.index is None or delta.id is not None or delta.name is None:
            return False
        same = self._last_by_name.get((delta.index, delta.name))
        return same is not None and bool(delta.arguments) and not same.new_part(delta.arguments)

    def _keep_name(self, call: _Call, name: str) -> None:
        same = self._last_by_name.get((call.index, name))
        if same is None or same.position < call.position:
            self._last_by_name[call.index, name] = call

    def _unused(self, call_id: str) -> str:
        # Results are matched to calls by id, so two calls must not share one.
        return f"call_{uuid.uuid4().hex}" if call_id in self._by_id else call_id


def _tighten(text: str) -> str | None:
    from glm_openrouter._json.loose import (
        tighten,
    )  # late: its patterns take a while, and few calls need them

    return tighten(text)


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


def _build_call(call: _Call, finish_reason: str | None) -> ToolCall:
    finished = ToolCall(call.id or "", call.name or "", call.arguments)
    if finish_reason in CUT:
        finished.error = f"The response was cut off (finish_reason: {finish_reason})."
        finished.cut = True
    elif not call.name:
        finished.error = "The call has no name."
    elif call.parsed is None:
        finished.error = find_problem(finished.arguments)
    else:
        finished.parsed = call.parsed
    return finished
