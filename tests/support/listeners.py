"""Listeners of both frameworks that keep all they are told, and a look at everything that can be read in it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from pydantic import BaseModel, SecretStr


def texts_in(value: Any, seen: set[int] | None = None) -> Iterator[str]:
    """Yield all text that somebody can read who is given a value; a model itself is the user's, and left out."""
    seen = set() if seen is None else seen
    if id(value) in seen or hasattr(value, "_clients"):
        return
    seen.add(id(value))
    yield repr(value)
    if isinstance(value, SecretStr):
        yield value.get_secret_value()
    parts: list[Any] = []
    if isinstance(value, Mapping):
        parts = [*value, *value.values()]
    elif isinstance(value, list | tuple | set | frozenset):
        parts = [*value]
    if isinstance(value, BaseModel | BaseException) or type(value).__module__.startswith("glm_"):
        parts += getattr(value, "__dict__", {}).values()
    for part in parts:
        yield from texts_in(part, seen)


@contextmanager
def listening_to_llamaindex() -> Iterator[tuple[list[str], list[Any]]]:
    """Listen to all spans and events; yield the names of the spans, and all that the listeners are given."""
    from llama_index_instrumentation import get_dispatcher
    from llama_index_instrumentation.event_handlers import BaseEventHandler
    from llama_index_instrumentation.span_handlers import SimpleSpanHandler

    names: list[str] = []
    told: list[Any] = []

    class Events(BaseEventHandler):
        def handle(self, event: Any, **_: Any) -> None:
            told.extend((event, event.model_dump(), event.model_dump_json()))

    class Spans(SimpleSpanHandler):
        def new_span(self, id_: str, bound_args: Any, *arguments: Any, **more: Any) -> Any:
            names.append(id_.partition("-")[0])
            told.append((bound_args.arguments, arguments, more))
            return super().new_span(id_, bound_args, *arguments, **more)

        def prepare_to_exit_span(self, id_: str, bound_args: Any, **more: Any) -> Any:
            told.append((bound_args.arguments, more))
            return super().prepare_to_exit_span(id_, bound_args, **more)

        def prepare_to_drop_span(self, id_: str, bound_args: Any, **more: Any) -> Any:
            told.append((bound_args.arguments, more))
            return super().prepare_to_drop_span(id_, bound_args, **more)

    dispatcher, events, spans = get_dispatcher(), Events(), Spans()
    dispatcher.add_event_handler(events)
    dispatcher.add_span_handler(spans)
    try:
        yield names, told
    finally:
        dispatcher.event_handlers.remove(events)
        dispatcher.span_handlers.remove(spans)


def langchain_listener(told: list[Any]) -> Any:
    """Return a handler of LangChain that keeps all it is told."""
    from langchain_core.callbacks import BaseCallbackHandler

    class Handler(BaseCallbackHandler):
        def __getattribute__(self, name: str) -> Any:
            if name.startswith("on_"):
                return lambda *arguments, **more: told.append((name, arguments, more))
            return super().__getattribute__(name)

    return Handler()
