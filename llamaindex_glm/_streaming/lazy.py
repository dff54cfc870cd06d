"""The responses of a stream, put together only when somebody looks at them.

Theory of operation. LlamaIndex gives out the whole text with every increment. Putting it together each time costs the
square of its length, for consumers who mostly read `delta`. So the text is kept once for the whole stream, and a
response knows only its *position*: how many increments there had been.

- A `GrowingText` takes pieces, each with the position at which it came, and gives the text until any position: it
  joins all pieces once, and cuts. A `GrowingAnswer` has such texts for text, reasoning, and the parts of each call.
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

from collections.abc import Mapping
from threading import RLock
from typing import Any, TypeVar

from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    CompletionResponse,
    MessageRole,
)
from pydantic import BaseModel

from glm_openrouter import Delta
from llamaindex_glm._from_wire import to_blocks, to_older_calls

from .builder import ChatBuilder, CompletionBuilder, describe_increment
from .growing import GrowingAnswer, GrowingText

__all__ = ["LazyChatBuilder", "LazyCompletionBuilder"]

Model = TypeVar("Model", bound=BaseModel)

_lock = RLock()
"""Held while an object becomes an ordinary one: events may be looked at in another thread."""


class LazyChatBuilder(ChatBuilder):
    """Increments -> chat responses."""

    def __init__(self, *, one_call: bool = False) -> None:
        super().__init__(one_call=one_call)
        self._position = 0
        self._answer = GrowingAnswer(GrowingText(), {}, max_calls=1 if one_call else None)

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
        source = (_message_values, self._answer, self._position)
        message = _new_lazy(_LazyMessage, {**_MESSAGE, **values, _SOURCE: source})
        facts = describe_increment(delta, has_calls=has_calls)
        return _new_response(message, delta.text, facts)


class LazyCompletionBuilder(CompletionBuilder):
    """Increments -> responses to a text prompt."""

    def __init__(self) -> None:
        self._position = 0
        self._text = GrowingText()

    def feed(self, delta: Delta) -> CompletionResponse:
        """Return the response for one increment."""
        self._position += 1
        if delta.text_was_reasoning:
            self._text = GrowingText()
        self._text.add(self._position, delta.text)
        facts = describe_increment(delta)
        source = (_completion_values, self._text, self._position)
        values = {"delta": delta.text, "additional_kwargs": facts, _SOURCE: source}
        return _new_lazy(_LazyCompletion, {**_COMPLETION, **values})


_LATER: Any = object()
"""In place of a value that will be made when somebody looks at it."""

_SOURCE = "_source"
"""Where the `__dict__` of a lazy model says what makes its values: a function and its arguments."""

_ASKED_BY_ISINSTANCE = frozenset(("__class__", "__pydantic_decorators__"))
"""What `isinstance` looks at before pydantic 2.12; that is no look at the values."""

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
        if value is not _LATER:
            return value
        if name in _ASKED_BY_ISINSTANCE:
            return object.__getattribute__(self, name)
        return getattr(_materialise(self), name)

    def __copy__(self) -> Any:
        return _materialise(self).__copy__()


class _LazyMessage(_Lazy, ChatMessage, defer_build=True):
    """A message that nobody has looked at yet."""


class _LazyCompletion(_Lazy, CompletionResponse, defer_build=True):
    """A response that nobody has looked at yet."""


_ORDINARY: Mapping[type, tuple[type[BaseModel], frozenset[str]]] = {
    _LazyMessage: (ChatMessage, frozenset(("role", "additional_kwargs", "blocks"))),
    _LazyCompletion: (CompletionResponse, frozenset(("text", "delta", "additional_kwargs"))),
}
"""What a lazy model becomes, and which of its fields count as set."""

_MESSAGE = dict.fromkeys(vars(ChatMessage()), _LATER)
_COMPLETION = {**vars(CompletionResponse(text="")), "text": _LATER}
_RESPONSE = vars(ChatResponse(message=ChatMessage()))
"""The values that models begin with, in the order of the fields, in which pydantic shows them."""


# pydantic's own way of making a model costs more than all the rest of an increment; the values are ours.


def _new_lazy(kind: type[Model], values: dict[str, Any]) -> Model:
    model = object.__new__(kind)
    _set(model, "__dict__", values)
    return model


def _new_response(message: ChatMessage, delta: str, facts: dict[str, Any]) -> ChatResponse:
    response = object.__new__(ChatResponse)
    values = {"message": message, "delta": delta, "additional_kwargs": facts}
    _set_values(response, {**_RESPONSE, **values}, set(values))
    return response


def _set_values(model: BaseModel, values: dict[str, Any], fields_set: set[str]) -> None:
    """Set all that pydantic keeps of a model; its values last, so that an interrupt before leaves it as it was."""
    _set(model, "__pydantic_fields_set__", fields_set)
    _set(model, "__pydantic_extra__", None)
    _set(model, "__pydantic_private__", None)
    _set(model, "__dict__", values)


def _materialise(model: Any) -> Any:
    """Make a lazy model an ordinary one, and return it; one that is ordinary already stays as it is."""
    with _lock:
        if type(model) not in _ORDINARY:
            return model  # another thread has done it, while this one waited
        ordinary, fields_set = _ORDINARY[type(model)]
        values = _values_of(model)
        if _SOURCE in values:  # else somebody makes a new one with the class of a lazy model
            _set_values(model, _complete(values), set(fields_set))
        _set(model, "__class__", ordinary)
        return model


def _complete(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of a lazy model with those that are not there yet."""
    make, source, position = values[_SOURCE]
    new_values = make(source, position)
    return {
        name: new_values[name] if value is _LATER else value
        for name, value in values.items()
        if name != _SOURCE
    }


def _message_values(answer: GrowingAnswer, position: int) -> dict[str, Any]:
    calls = answer.calls_until(position)
    blocks = to_blocks(answer.text.until(position), answer.reasoning.until(position), calls)
    return {"additional_kwargs": to_older_calls(calls), "blocks": blocks}


def _completion_values(text: GrowingText, position: int) -> dict[str, Any]:
    return {"text": text.until(position)}
