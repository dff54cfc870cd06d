"""Arguments of a call that concern the connection are refused before anything that listens to LlamaIndex sees them."""

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


def refuse_options_of_calls(kind: C) -> C:
    """Have an LLM refuse these arguments; it must be a `OpenRouterModelBase`.

    The spans and events of LlamaIndex, which show all arguments, lie around its methods. So this lies around those.
    """
    for name in _CALLS:
        setattr(kind, name, _guarded(getattr_static(kind, name), lambda _, named: named))
    for name in _STRUCTURED_CALLS:
        setattr(kind, name, _guarded(getattr_static(kind, name), _llm_kwargs))
    return kind


def _llm_kwargs(positional: tuple[Any, ...], named: Mapping[str, Any]) -> Mapping[str, Any]:
    return (positional[2] if len(positional) > 2 else named.get("llm_kwargs")) or {}


def _guarded(
    method: Callable[..., Any],
    arguments: Callable[[tuple[Any, ...], Mapping[str, Any]], Mapping[str, Any]],
) -> Callable[..., Any]:
    """Return a method that looks at the names of its arguments first."""

    @wraps(method)
    def call(self: Any, *positional: Any, **named: Any) -> Any:
        self._refuse_options(arguments(positional, named))
        return method.__get__(self)(*positional, **named)

    @wraps(method)
    async def acall(self: Any, *positional: Any, **named: Any) -> Any:
        return await call(self, *positional, **named)

    return acall if iscoroutinefunction(unwrap(method)) else call
