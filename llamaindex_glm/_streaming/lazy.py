"""The responses of a stream, put together only when somebody looks at them.

Theory of operation. LlamaIndex gives out the whole text with every increment. Putting it together each time costs the
square of its length, for consumers who mostly read `delta`. So the text is kept once for the whole stream, and a
response knows only its *position*: how many increments there had been.

- `_GrowingText` takes pieces, each with the position at which it came, and gives the text until any position: it joins
  all pieces once, and cuts. `_Answer` has such texts for the text, the reasoning, and the parts of each tool call.
- A `ChatResponse` is an ordinary one; its message is a `_LazyMessage`, whose `__dict__` has `_LATER` in place of the
  values that nobody has needed yet. A `CompletionResponse`, which holds its text itself, is a `_LazyCompletion`.
- The first look at such a value, or at anything else of the object, *materialises* it: it gets its values, and its
  class becomes `ChatMessage` or `CompletionResponse`. Nothing of this file is left in it then.

Every look must come by here first. Attributes do, by `__getattribute__`: also `__dict__`, where pydantic's serialisers
and its own methods find the values, and also in the methods that Python finds through the class (`repr`, `==`, `iter`,
assignment), since each of them begins with an attribute. Only `__copy__` asks for the class before that.
`test_pydantic_asks_a_model_for_an_attribute_before_all_else` tells if that ever changes; `choice.LAZY` turns all of it
off.
"""

from bisect import bisect_right
from collections.abc import Callable, Mapping
from threading import RLock
from typing import Any, TypeVar

from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    CompletionResponse,
    MessageRole,
)
from pydantic import BaseModel

from glm_openrouter import Delta, ToolCallDelta
from llamaindex_glm._from_wire import to_blocks, to_older_calls

from .builder import ChatBuilder, CompletionBuilder, describe_increment

__all__ = ["LazyChatBuilder", "LazyCompletionBuilder"]

Model = TypeVar("Model", bound=BaseModel)

_lock = RLock()
"""Held while a text is joined and an object becomes an ordinary one: events may be looked at in another thread."""


class LazyChatBuilder(ChatBuilder):
    """Increments -> chat responses."""

    def __init__(self, *, one_call: bool = False) -> None:
        super().__init__(one_call=one_call)
        self._position = 0
        self._answer = _Answer(_GrowingText(), {}, max_calls=1 if one_call else None)

    def feed(self, delta: Delta) -> ChatResponse:
        """Return the response for one increment."""
        self._position += 1
        if delta.text_was_reasoning:
            self._answer = self._answer.with_text_as_reasoning(self._position)
        self._answer.add(self._position, delta)
        has_calls = bool(self._answer.calls)
        values: dict[str, Any] = {"role": MessageRole.ASSISTANT}
        if not has_calls:
            values[
                "additional_kwargs"
            ] = {}  # chat engines look for calls there, with each increment
        message = _new_lazy(
            _LazyMessage, _MESSAGE, values, (_message_values, self._answer, self._position)
        )
        facts = describe_increment(delta, has_calls=has_calls)
        return ChatResponse(message=message, delta=delta.text, additional_kwargs=facts)


class LazyCompletionBuilder(CompletionBuilder):
    """Increments -> responses to a text prompt."""

    def __init__(self) -> None:
        self._position = 0
        self._text = _GrowingText()

    def feed(self, delta: Delta) -> CompletionResponse:
        """Return the response for one increment."""
        self._position += 1
        if delta.text_was_reasoning:
            self._text = _GrowingText()
        self._text.add(self._position, delta.text)
        values = {"delta": delta.text, "additional_kwargs": describe_increment(delta)}
        return _new_lazy(
            _LazyCompletion,
            _COMPLETION,
            values,
            (_completion_values, self._text, self._position),
        )


class _GrowingText:
    """A text that grows, and can be had as it was at any position."""

    __slots__ = ("_ends", "_joined", "_pieces", "_positions")

    def __init__(self) -> None:
        self._positions: list[int] = []
        self._pieces: list[str] = []
        self._joined = ""
        """As many of the pieces as there are `_ends`."""
        self._ends: list[int] = []
        """Where in `_joined` each piece ends."""

    def add(self, position: int, piece: str | None) -> None:
        """Take what comes next."""
        if piece:
            self._positions.append(position)
            self._pieces.append(piece)

    def until(self, position: int) -> str:
        """Return what had come at a position."""
        with _lock:
            pieces = self._pieces[len(self._ends) :]
            if pieces:
                end = len(self._joined)
                self._joined = "".join([self._joined, *pieces])
                self._ends += [end := end + len(piece) for piece in pieces]
            count = bisect_right(self._positions, position)
            return self._joined[: self._ends[count - 1]] if count else ""


class _GrowingCall:
    """A tool call that grows."""

    __slots__ = ("_arguments", "_begin", "_id", "_name")

    def __init__(self, begin: int) -> None:
        self._begin = begin
        self._id = _GrowingText()
        self._name = _GrowingText()
        self._arguments = _GrowingText()

    def add(self, position: int, part: ToolCallDelta) -> None:
        """Take what comes next."""
        self._id.add(position, part.id)
        self._name.add(position, part.name)
        self._arguments.add(position, part.arguments)

    def has_begun(self, position: int) -> bool:
        """Return whether there was anything of it at a position."""
        return self._begin <= position

    def until(self, position: int) -> tuple[str | None, str, str]:
        """Return id, name and arguments as they were at a position."""
        call_id = self._id.until(position) or None
        return call_id, self._name.until(position), self._arguments.until(position)


class _Answer:
    """What comes in a stream.

    Args:
        reasoning: The reasoning, to which more may come.
        calls: The tool calls by index, to which more may come.
        max_calls: How many of the calls to show; `None` for all.
    """

    def __init__(
        self,
        reasoning: _GrowingText,
        calls: dict[int | None, _GrowingCall],
        max_calls: int | None,
    ) -> None:
        self.text = _GrowingText()
        self.reasoning = reasoning
        self.calls = calls
        self._max_calls = max_calls

    def with_text_as_reasoning(self, position: int) -> "_Answer":
        """Return the answer that goes on where all text was reasoning; responses so far keep the text of this one."""
        self.reasoning.add(position, self.text.until(position))
        return _Answer(self.reasoning, self.calls, self._max_calls)

    def add(self, position: int, delta: Delta) -> None:
        """Take one increment."""
        self.text.add(position, delta.text)
        self.reasoning.add(position, delta.reasoning)
        for part in delta.tool_calls:
            if part.index not in self.calls:
                self.calls[part.index] = _GrowingCall(position)
            self.calls[part.index].add(position, part)

    def calls_until(self, position: int) -> list[tuple[str | None, str, str]]:
        """Return the calls to show as they were at a position."""
        shown_calls = list(self.calls.values())[: self._max_calls]
        return [call.until(position) for call in shown_calls if call.has_begun(position)]


_LATER: Any = object()
"""In place of a value that will be made when somebody looks at it."""

_SOURCE = "_source"
"""Where the `__dict__` of a lazy model says what makes its values: a function and its arguments."""

_set = object.__setattr__


def _values_of(model: object) -> dict[str, Any]:
    """Return the `__dict__` of a model without looking at the model."""
    values: dict[str, Any] = object.__getattribute__(model, "__dict__")
    return values


class _Lazy:
    """What makes a model lazy."""

    __slots__ = ()

    def __getattribute__(self, name: str) -> Any:
        value = _values_of(self).get(name, _LATER)
        return getattr(_materialise(self), name) if value is _LATER else value

    def __copy__(self) -> Any:
        return _materialise(self).__copy__()


class _LazyMessage(_Lazy, ChatMessage):
    """A message that nobody has looked at yet."""


class _LazyCompletion(_Lazy, CompletionResponse):
    """A response that nobody has looked at yet."""


_ORDINARY: Mapping[type, tuple[type[BaseModel], frozenset[str]]] = {
    _LazyMessage: (ChatMessage, frozenset(("role", "additional_kwargs", "blocks"))),
    _LazyCompletion: (CompletionResponse, frozenset(("text", "delta", "additional_kwargs"))),
}
"""What a lazy model becomes, and which of its fields count as set."""

_MESSAGE = dict.fromkeys(vars(ChatMessage()), _LATER)
_COMPLETION = {**vars(CompletionResponse(text="")), "text": _LATER}
"""The values of a lazy model, in the order of the fields, in which pydantic shows them."""


def _new_lazy(
    kind: type[Model],
    defaults: Mapping[str, Any],
    values: Mapping[str, Any],
    source: tuple[Callable[..., dict[str, Any]], object, int],
) -> Model:
    """Return a lazy model; pydantic's own way of making one would cost more than all the rest of an increment."""
    model = object.__new__(kind)
    _set(model, "__dict__", {**defaults, **values, _SOURCE: source})
    return model


def _materialise(model: Any) -> Any:
    """Make a lazy model an ordinary one, and return it; one that is ordinary already stays as it is."""
    with _lock:
        if type(model) not in _ORDINARY:
            return model  # another thread has done it, while this one waited
        ordinary, fields_set = _ORDINARY[type(model)]
        values = _values_of(model)
        if _SOURCE in values:  # else somebody makes a new one with the class of a lazy model
            _fill(model, values, fields_set)
        _set(model, "__class__", ordinary)
        return model


def _fill(model: object, values: Mapping[str, Any], fields_set: frozenset[str]) -> None:
    """Give a lazy model its values; should an interrupt end this halfway, the next look begins anew."""
    make, source, position = values[_SOURCE]
    made = make(source, position)
    complete = {
        name: made[name] if value is _LATER else value
        for name, value in values.items()
        if name != _SOURCE
    }
    _set(model, "__pydantic_fields_set__", set(fields_set))
    _set(model, "__pydantic_extra__", None)
    _set(model, "__pydantic_private__", None)
    _set(model, "__dict__", complete)


def _message_values(answer: _Answer, position: int) -> dict[str, Any]:
    calls = answer.calls_until(position)
    blocks = to_blocks(answer.text.until(position), answer.reasoning.until(position), calls)
    return {"additional_kwargs": to_older_calls(calls), "blocks": blocks}


def _completion_values(text: _GrowingText, position: int) -> dict[str, Any]:
    return {"text": text.until(position)}
