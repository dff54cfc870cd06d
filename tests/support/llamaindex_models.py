"""What the tests of the LlamaIndex `GLM` share: each method of it called in the same way."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.instrumentation import get_dispatcher
from llama_index.core.instrumentation.event_handlers import BaseEventHandler

from glm_openrouter.testing import OfflineServer, ScriptedServer
from llamaindex_glm import GLM

from .models import CHAT, TEXT_COMPLETION, gather

METHODS = (*CHAT, *TEXT_COMPLETION)
STREAMS = (*CHAT[2:], *TEXT_COMPLETION[2:])


def llm_for(server: ScriptedServer | OfflineServer, **arguments: Any) -> GLM:
    """Return an LLM that asks a server, once for each call."""
    key = {} if "api_key" in arguments else {"api_key": "sk-or-test"}
    return GLM(**{"api_base": server.base_url, "max_retries": 0, **key, **arguments})


async def ask(llm: GLM, method: str, prompt: Any = "?", **arguments: Any) -> list[Any]:
    """Call a method of an LLM by its name; return all its responses."""
    chats = method in CHAT and isinstance(prompt, str)
    given = [ChatMessage(prompt)] if chats else prompt
    return await gather(getattr(llm, method)(given, **arguments))


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
