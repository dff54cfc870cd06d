"""Refuses arguments of a call that concern the connection, before anything that listens to LlamaIndex sees them."""

from collections.abc import Callable, Mapping
from functools import wraps
from inspect import getattr_static, iscoroutinefunction, unwrap
from typing import Any, TypeVar

__all__ = ["refuse_options_of_calls"]

C = TypeVar("C", bound=type[Any])

_CALLS = tuple(
    f"{prefix}{name}"
    for name in ("chat", "complete", "stream_chat", "stream_complete", "predict_and_call")
    for prefix in ("", "a")
)
"""Methods whose further arguments are those of the call."""

_STRUCTURED_CALLS = tuple(
    f"{prefix}{name}"
    for name in ("structured_predict", "stream_structured_predict")
    for prefix in ("", "a")
)
"""Methods that take them as `llm_kwargs`, at most the third argument; the others fill in a prompt."""


def refuse_options_of_calls(llm_class: C) -> C:
    """Have the methods of an LLM, which is an `OpenRouterModelBase`, refuse these arguments.

    The spans and events of LlamaIndex, which show all arguments, lie around the methods of a class once it is made. So
    this is a decorator of the class, which lies around those.
    """
    for name in _CALLS:
        setattr(llm_class, name, _guarded(getattr_static(llm_class, name), _keywords))
    for name in _STRUCTURED_CALLS:
        setattr(llm_class, name, _guarded(getattr_static(llm_class, name), _llm_kwargs))
    return llm_class


def _keywords(_: tuple[Any, ...], keywords: Mapping[str, Any]) -> Mapping[str, Any]:
    return keywords


def _llm_kwargs(arguments: tuple[Any, ...], keywords: Mapping[str, Any]) -> Mapping[str, Any]:
    return (arguments[2] if len(arguments) > 2 else keywords.get("llm_kwargs")) or {}


def _guarded(
    method: Callable[..., Any],
    options_in: Callable[[tuple[Any, ...], Mapping[str, Any]], Mapping[str, Any]],
) -> Callable[..., Any]:
    """Return a method that looks at the names of its arguments first."""

    @wraps(method)
    def call(self: Any, *arguments: Any, **keywords: Any) -> Any:
        self._refuse_options(options_in(arguments, keywords))
        return method.__get__(self)(*arguments, **keywords)

    @wraps(method)
    async def acall(self: Any, *arguments: Any, **keywords: Any) -> Any:
        return await call(self, *arguments, **keywords)

    return acall if iscoroutinefunction(unwrap(method)) else call
