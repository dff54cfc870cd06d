"""The responses of a stream, each of which shows all that has come so far, without copying it each time.

LlamaIndex gives out the whole text with every increment. Putting it together each time would cost the square of its
length, for consumers who mostly read `delta`. So a response knows only how many increments there were. When somebody
looks at it, whichever way, it puts its content together and becomes an ordinary `ChatMessage` or `CompletionResponse`.
"""

from collections.abc import Callable, Sequence
from threading import RLock
from typing import Any, Protocol, TypeVar

from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    CompletionResponse,
    MessageRole,
)
from pydantic import BaseModel

from glm_openrouter import Completion, Delta, ToolCallDelta
from llamaindex_glm._from_wire import to_blocks, to_completion_response, to_older_calls, to_response

__all__ = ["ChatBuilder", "CompletionBuilder", "ResponseBuilder"]

Response = TypeVar("Response", covariant=True)
Model = TypeVar("Model", bound=BaseModel)

_set = object.__setattr__
_values_of: Callable[[object], dict[str, Any]] = BaseModel.__dict__["__dict__"].__get__


class ResponseBuilder(Protocol[Response]):
    """What makes responses of the increments of one stream."""

    def feed(self, delta: Delta) -> Response:
        """Return the response for one increment."""
        ...

    def finish(self, completion: Completion) -> Response:
        """Return the last response, see `to_response`."""
        ...


class ChatBuilder:
    """Increments -> chat responses.

    Args:
        one_call: Whether to show only the first tool call, because no others were wanted.
    """

    def __init__(self, *, one_call: bool = False) -> None:
        self._one_call = one_call
        self._so_far = _Increments(one_call=one_call)

    def feed(self, delta: Delta) -> ChatResponse:
        """Return the response for one increment."""
        return _respond(_UnseenResponse, {"message"}, _CHAT_VALUES, self._so_far, delta)

    def finish(self, completion: Completion) -> ChatResponse:
        """Return the last response, see `to_response`."""
        return to_response(completion, delta="", one_call=self._one_call)


class CompletionBuilder:
    """Increments -> responses to a text prompt, which show no tool calls."""

    def __init__(self) -> None:
        self._so_far = _Increments()

    def feed(self, delta: Delta) -> CompletionResponse:
        """Return the response for one increment."""
        return _respond(_UnseenCompletion, {"text"}, _TEXT_VALUES, self._so_far, delta)

    def finish(self, completion: Completion) -> CompletionResponse:
        """Return the last response, see `to_response`."""
        return to_completion_response(to_response(completion, delta=""))


class _Increments:
    """The increments of a stream, and what the first of them add up to.

    Who looks at one response after the other has each increment added once. So has a second one who comes behind, an
    exporter of events for example.
    """

    def __init__(self, *, one_call: bool = False) -> None:
        self.has_calls = False
        """Whether a tool call has begun."""
        self.shown_calls = 1 if one_call else None
        """How many calls to show, None for all."""
        self._deltas: list[Delta] = []
        self._leading = _Fold()
        self._lagging = _Fold()

    def add(self, delta: Delta) -> int:
        """Take one more increment; return how many there are now."""
        self._deltas.append(delta)
        if delta.tool_calls:
            self.has_calls = True
        return len(self._deltas)

    def fold(self, count: int) -> "_Fold":
        """Return what the first `count` increments add up to."""
        if self._leading.count <= count:
            return self._leading.advance(self._deltas, count)
        if self._lagging.count > count:
            self._lagging = _Fold()
        return self._lagging.advance(self._deltas, count)


class _Fold:
    """What some increments add up to."""

    def __init__(self) -> None:
        self.count = 0
        self.text = ""
        self.reasoning = ""
        self.calls: dict[int | None, ToolCallDelta] = {}

    def advance(self, deltas: Sequence[Delta], count: int) -> "_Fold":
        """Go on to the first `count` of the increments."""
        texts, thoughts = [self.text], [self.reasoning]
        arguments: dict[int | None, list[str]] = {}
        for delta in deltas[self.count : count]:
            if delta.text_was_reasoning:
                thoughts += texts
                texts = []
            texts.append(delta.text)
            thoughts.append(delta.reasoning)
            for part in delta.tool_calls:
                call = self.calls.setdefault(part.index, ToolCallDelta(part.index))
                call.id = call.id or part.id
                call.name = call.name or part.name
                arguments.setdefault(part.index, []).append(part.arguments)
        self.text, self.reasoning = "".join(texts), "".join(thoughts)
        for index, parts in arguments.items():
            self.calls[index].arguments += "".join(parts)
        self.count = count
        return self


_looking = RLock()
"""Held while a response becomes an ordinary one; events may be looked at in another thread."""


def _settled(name: str) -> Callable[..., Any]:
    def method(self: "_Unseen", *arguments: Any) -> Any:
        _Unseen._settle(self)
        return getattr(self, name)(*arguments)

    return method


class _Unseen:
    """A model that nobody has looked at yet: whatever would show that a value is missing has it made first.

    `_settle` is called through this class, since another thread may have made the model an ordinary one just before.
    """

    __slots__ = ()

    def _settle(self) -> None:
        """Become an ordinary model."""
        with _looking:
            if not isinstance(self, _Unseen):
                return  # another thread has done it, while this one waited
            values = _values_of(self)
            if "_so_far" in values:
                increments, count = values.pop("_so_far")
                complete = self._complete(values, increments, count)
                values.clear()
                values.update(complete)
            self.__class__ = self._ordinary()

    def _complete(
        self, values: dict[str, Any], increments: _Increments, count: int
    ) -> dict[str, Any]:
        """Return all values, in the order of the fields, in which pydantic shows them."""
        raise NotImplementedError

    def _ordinary(self) -> Any:
        """Return the class of models that are complete."""
        raise NotImplementedError

    @property
    def __dict__(self) -> dict[str, Any]:
        # pydantic reads the values of a model from here, to dump it for example.
        _Unseen._settle(self)
        return _values_of(self)

    @__dict__.setter
    def __dict__(self, values: dict[str, Any]) -> None:  # pyright: ignore[reportIncompatibleVariableOverride] -- on purpose
        # And writes them, if one is made by `type(response).model_validate(...)`.
        _Unseen._settle(self)
        _values_of(self).update(values)

    def __getattr__(self, name: str) -> Any:
        # Called for what is not there yet.
        _Unseen._settle(self)
        return getattr(self, name)

    def __eq__(self, other: object) -> bool:
        _Unseen._settle(self)
        return self == other  # which settles the other one, too

    __hash__ = None  # type: ignore[assignment]
    __repr__ = _settled("__repr__")
    __iter__ = _settled("__iter__")
    __copy__ = _settled("__copy__")
    __deepcopy__ = _settled("__deepcopy__")
    __reduce_ex__ = _settled("__reduce_ex__")
    __delattr__ = _settled("__delattr__")


class _UnseenResponse(_Unseen, ChatResponse):
    def _complete(
        self, values: dict[str, Any], increments: _Increments, count: int
    ) -> dict[str, Any]:
        message = _UnseenMessage.__new__(_UnseenMessage)
        known: dict[str, Any] = {"role": MessageRole.ASSISTANT}
        if not increments.has_calls:
            # Chat engines look for calls here, with each increment.
            known["additional_kwargs"] = {}
        fields_set = {"role", "additional_kwargs", "blocks"}
        _fill(message, {**known, "_so_far": (increments, count)}, fields_set)
        return {"message": message, **values}

    def _ordinary(self) -> type[ChatResponse]:
        return ChatResponse


class _UnseenMessage(_Unseen, ChatMessage):
    def _complete(
        self, values: dict[str, Any], increments: _Increments, count: int
    ) -> dict[str, Any]:
        fold = increments.fold(count)
        wanted = list(fold.calls.values())[: increments.shown_calls]
        calls = [(call.id, call.name or "", call.arguments) for call in wanted]
        blocks = to_blocks(fold.text, fold.reasoning, calls)
        missing = {"role": None, "additional_kwargs": to_older_calls(calls), "blocks": blocks}
        return {**missing, **values}

    def _ordinary(self) -> type[ChatMessage]:
        return ChatMessage


class _UnseenCompletion(_Unseen, CompletionResponse):
    def _complete(
        self, values: dict[str, Any], increments: _Increments, count: int
    ) -> dict[str, Any]:
        return {"text": increments.fold(count).text, **values}

    def _ordinary(self) -> type[CompletionResponse]:
        return CompletionResponse


def _others(model: BaseModel, missing: str) -> dict[str, Any]:
    return {name: value for name, value in model.__dict__.items() if name != missing}


# Validation would cost more than everything else that is done for an increment; the values are ours, and the others are
# those of a response that pydantic has made.
_CHAT_VALUES = _others(ChatResponse(message=ChatMessage()), "message")
_TEXT_VALUES = _others(CompletionResponse(text=""), "text")
_SHOWN = frozenset(("delta", "additional_kwargs"))


def _respond(
    kind: type[Model],
    missing: set[str],
    others: dict[str, Any],
    increments: _Increments,
    delta: Delta,
) -> Model:
    """Return the response for one increment, without what will only be made when somebody looks at it."""
    response = kind.__new__(kind)
    values = {
        **others,
        "delta": delta.text,
        "additional_kwargs": {"thinking_delta": delta.reasoning} if delta.reasoning else {},
        "_so_far": (increments, increments.add(delta)),
    }
    _fill(response, values, missing | _SHOWN)
    return response


def _fill(model: object, values: dict[str, Any], fields_set: set[str]) -> None:
    _values_of(model).update(values)
    _set(model, "__pydantic_fields_set__", fields_set)
    _set(model, "__pydantic_extra__", None)
    _set(model, "__pydantic_private__", None)
