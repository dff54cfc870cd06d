"""The thread of a conversation, from the config of a call to its request: a model is not told its config.

A config around the call, of a chain or a graph, is LangChain's to keep. One that is given to the call itself is kept
here: a whole answer is made within the call, but a stream is read after it, and takes its thread along as an argument.
"""

from collections.abc import Callable
from contextvars import ContextVar
from functools import wraps
from inspect import getattr_static, iscoroutinefunction, unwrap
from typing import Any, TypeVar

from langchain_core.runnables.config import RunnableConfig, ensure_config

__all__ = ["current_thread", "keep_threads"]

C = TypeVar("C", bound=type[Any])

_thread: ContextVar[str | None] = ContextVar("thread of a call", default=None)


def keep_threads(model_class: C) -> C:
    """Have the methods of a model that take a config keep the thread that it names."""
    for name in ("invoke", "ainvoke"):
        setattr(model_class, name, _keeping_around(getattr_static(model_class, name)))
    for name in ("stream", "astream", "stream_events", "astream_events"):
        setattr(model_class, name, _taking_along(getattr_static(model_class, name)))
    return model_class


def current_thread() -> str | None:
    """Return the `thread_id` of the config of the call, else of the run around it."""
    return _thread.get() or _thread_in(ensure_config())


def _keeping_around(method: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(method)
    def call(self: Any, input: Any, config: RunnableConfig | None = None, **keywords: Any) -> Any:
        token = _thread.set(_thread_in(config))
        try:
            return method(self, input, config, **keywords)
        finally:
            _thread.reset(token)

    @wraps(method)
    async def acall(
        self: Any, input: Any, config: RunnableConfig | None = None, **keywords: Any
    ) -> Any:
        token = _thread.set(_thread_in(config))
        try:
            return await method(self, input, config, **keywords)
        finally:
            _thread.reset(token)

    return acall if iscoroutinefunction(unwrap(method)) else call


def _taking_along(method: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(method)
    def call(self: Any, input: Any, config: RunnableConfig | None = None, **keywords: Any) -> Any:
        thread = _thread_in(config)
        if thread not in (None, current_thread()):
            keywords.setdefault("thread_id", thread)
        return method(self, input, config, **keywords)

    return call


def _thread_in(config: RunnableConfig | None) -> str | None:
    """Return the `thread_id` of a config, under which LangGraph keeps a conversation."""
    thread = ((config or {}).get("configurable") or {}).get("thread_id")
    return None if thread is None else str(thread)
