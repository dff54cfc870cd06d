"""What may be called for each row, and how it is called."""

import inspect
from collections.abc import Awaitable, Callable
from typing import Any, Protocol, TypeAlias, cast

from glm_openrouter.errors import InvalidRequestError

__all__ = ["Ask", "Call", "Program", "Runnable", "read_call"]


class Runnable(Protocol):
    """A LangChain runnable, such as a chain from a prompt to an answer in a schema."""

    async def ainvoke(self, input: Any, /) -> Any:
        """Answer one input."""


class Program(Protocol):
    """A structured program of LlamaIndex, such as a `FunctionCallingProgram`."""

    async def acall(self, **values: Any) -> Any:
        """Answer a prompt whose variables have these values."""


Ask: TypeAlias = Callable[[dict[str, Any]], Awaitable[Any]]
"""Answers a row."""

Call: TypeAlias = Ask | Runnable | Program


def read_call(call: Call) -> Ask:
    """Return the function that answers a row.

    Raises:
        InvalidRequestError: It is nothing that can be called for a row without blocking the others.
    """
    if not isinstance(call, type):
        if (ainvoke := getattr(call, "ainvoke", None)) is not None:
            return cast(Ask, ainvoke)
        if hasattr(call, "output_cls") and (acall := getattr(call, "acall", None)) is not None:
            return lambda row: cast(Awaitable[Any], acall(**row))
        if _is_asynchronous(call):
            return cast(Ask, call)
    raise InvalidRequestError(
        "call must be an asynchronous function of a row, a LangChain runnable or a structured program of LlamaIndex, "
        f"got {call!r:.80}. Wrap it: `async def call(row): return await ...`."
    )


def _is_asynchronous(function: object) -> bool:
    """Return whether calling this gives something to await."""
    called = getattr(function, "__call__", None)  # noqa: B004 -- that of an object may be asynchronous
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(called)
