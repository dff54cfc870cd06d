"""The responses of a stream, each of which shows all that has come so far, without copying it each time.

LlamaIndex gives out the whole message with every increment. Putting the text together each time would cost the
square of its length, for consumers who mostly read `delta`. So a message knows only how many increments there were;
when somebody looks at it, whichever way, it puts its blocks together and becomes an ordinary `ChatMessage`.
"""

from collections.abc import Callable
from typing import Any

from llama_index.core.base.llms.types import ChatMessage, ChatResponse, MessageRole
from pydantic import BaseModel

from glm_openrouter import Delta, ToolCallDelta

from ._from_wire import Block, to_blocks

__all__ = ["GrowingResponse", "GrowingResponses"]

_set = object.__setattr__
_values_of: Callable[[object], dict[str, Any]] = BaseModel.__dict__["__dict__"].__get__


class GrowingResponse(ChatResponse):
    """A response that is not finished: a tool call in it may be half of one."""


class GrowingResponses:
    """Increments -> responses."""

    def __init__(self) -> None:
        self._fold = _Fold()

    def feed(self, delta: Delta) -> ChatResponse:
        """Return the response for one increment."""
        deltas = self._fold.deltas
        deltas.append(delta)
        message = _GrowingMessage.__new__(_GrowingMessage)
        values = {**_MESSAGE_VALUES, "additional_kwargs": {}, "_growth": (self._fold, len(deltas))}
        _fill(message, values, {"role", "blocks"})
        response = GrowingResponse.__new__(GrowingResponse)
        extras = {"thinking_delta": delta.reasoning} if delta.reasoning else {}
        shown = {"message": message, "delta": delta.text, "additional_kwargs": extras}
        _fill(response, {**_RESPONSE_VALUES, **shown}, {"message", "delta", "additional_kwargs"})
        return response


class _Fold:
    """What the increments of a stream add up to; looking at each message in turn adds each increment once."""

    def __init__(self) -> None:
        self.deltas: list[Delta] = []
        self._count = 0
        self._text = ""
        self._reasoning = ""
        self._calls: dict[int | None, ToolCallDelta] = {}

    def blocks(self, count: int) -> list[Block]:
        """Return the blocks of the first `count` increments."""
        if count < self._count:
            earlier = _Fold()
            earlier.deltas = self.deltas
            return earlier.blocks(count)
        for delta in self.deltas[self._count : count]:
            self._add(delta)
        self._count = count
        calls = [(call.id, call.name or "", call.arguments) for call in self._calls.values()]
        return to_blocks(self._text, self._reasoning, calls)

    def _add(self, delta: Delta) -> None:
        if delta.refiles_text:
            self._reasoning += self._text
            self._text = ""
        self._text += delta.text
        self._reasoning += delta.reasoning
        for part in delta.tool_calls:
            call = self._calls.setdefault(part.index, ToolCallDelta(part.index))
            call.id = call.id or part.id
            call.name = call.name or part.name
            call.arguments += part.arguments


class _GrowingMessage(ChatMessage):
    """A message that nobody has looked at yet."""

    @property
    def __dict__(self) -> dict[str, Any]:  # type: ignore[override]
        # pydantic reads the values of a model from here, to dump it for example.
        _settle(self)
        return _values_of(self)

    def __getattr__(self, name: str) -> Any:
        # Called for what is not there yet: `blocks`, on which `content` stands.
        _settle(self)
        return getattr(self, name)


def _settled(name: str) -> Callable[..., Any]:
    def method(self: _GrowingMessage, *arguments: Any) -> Any:
        _settle(self)
        return getattr(self, name)(*arguments)

    return method


for _name in ("__eq__", "__repr__", "__iter__", "__copy__", "__deepcopy__", "__reduce_ex__"):
    setattr(_GrowingMessage, _name, _settled(_name))


def _settle(message: _GrowingMessage) -> None:
    """Make an ordinary message of a growing one."""
    values = _values_of(message)
    fold, count = values.pop("_growth")
    values["blocks"] = fold.blocks(count)
    message.__class__ = ChatMessage  # type: ignore[assignment]


# Validation would cost more than everything else that is done for an increment; the values are ours, and the others are
# those of a response that pydantic has made.
_MESSAGE_VALUES = {"role": MessageRole.ASSISTANT}
_RESPONSE_VALUES = dict(ChatResponse(message=ChatMessage()).__dict__)


def _fill(model: object, values: dict[str, Any], fields_set: set[str]) -> None:
    _values_of(model).update(values)
    _set(model, "__pydantic_fields_set__", fields_set)
    _set(model, "__pydantic_extra__", None)
    _set(model, "__pydantic_private__", None)
