"""What the tests of the LlamaIndex `GLM` share: each method of it called in the same way."""

import inspect
from collections.abc import AsyncGenerator, Generator, Iterator
from contextlib import contextmanager
from typing import Any

from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.instrumentation import get_dispatcher
from llama_index.core.instrumentation.event_handlers import BaseEventHandler

from glm_openrouter.testing import OfflineServer, ScriptedServer
from llamaindex_glm import GLM

CHATS = ("chat", "achat", "stream_chat", "astream_chat")
TEXTS = ("complete", "acomplete", "stream_complete", "astream_complete")
METHODS = (*CHATS, *TEXTS)
STREAMS = ("stream_chat", "astream_chat", "stream_complete", "astream_complete")


def llm_for(server: ScriptedServer | OfflineServer, **arguments: Any) -> GLM:
    """Return an LLM that asks a server, once for each call."""
    key = {} if "api_key" in arguments else {"api_key": "sk-or-test"}
    return GLM(**{"api_base": server.base_url, "max_retries": 0, **key, **arguments})


async def ask(llm: GLM, method: str, prompt: Any = "?", **arguments: Any) -> list[Any]:
    """Call a method of an LLM by its name; return all its responses."""
    chats = method in CHATS and isinstance(prompt, str)
    given = [ChatMessage(prompt)] if chats else prompt
    return await gather(getattr(llm, method)(given, **arguments))


async def gather(result: Any) -> list[Any]:
    """Return what comes of a call: one response, or those of a stream."""
    if inspect.isawaitable(result):
        result = await result
    if isinstance(result, AsyncGenerator):
        return [response async for response in result]
    return list(result) if isinstance(result, Generator) else [result]


class _Listener(BaseEventHandler):
    """Keeps each event, and looks at none."""

    events: list[Any] = []

    def handle(self, event: Any, **_: Any) -> None:
        self.events.append(event)


@contextmanager
def listening() -> Iterator[list[Any]]:
    """Give the events that LlamaIndex dispatches inside the block, as they come."""
    listener, dispatcher = _Listener(), get_dispatcher()
    dispatcher.add_event_handler(listener)
    try:
        yield listener.events
    finally:
        dispatcher.event_handlers.remove(listener)
