"""What the tests of the LangChain models share: a model for a server, and each way to ask it."""

from collections.abc import Callable, Iterable
from functools import reduce
from operator import add
from typing import Any
from uuid import UUID

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.outputs import LLMResult

from glm_openrouter.testing import OfflineServer, ScriptedServer
from langchain_glm import GLM, ChatGLM

from .models import RUNNABLE, gather

Ask = Callable[..., Any]


def model_for(server: ScriptedServer | OfflineServer, **arguments: Any) -> ChatGLM:
    """Return a chat model that asks a server, once."""
    return ChatGLM(**_given(server, arguments))


def llm_for(server: ScriptedServer | OfflineServer, **arguments: Any) -> GLM:
    """Return a text LLM that asks a server, once."""
    return GLM(**_given(server, arguments))


def _given(server: ScriptedServer | OfflineServer, arguments: dict[str, Any]) -> dict[str, Any]:
    return {"api_key": "sk-or-test", "base_url": server.base_url, "max_retries": 0, **arguments}


def merge(chunks: Iterable[Any]) -> Any:
    """Return what chunks add up to."""
    return reduce(add, chunks)


def _way(method: str) -> Ask:
    async def ask(model: Any, prompt: Any = "?", **arguments: Any) -> Any:
        return merge(await gather(getattr(model, method)(prompt, **arguments)))

    ask.__name__ = method
    return ask


WAYS = (invoke, ainvoke, stream, astream) = tuple(_way(method) for method in RUNNABLE)
"""Functions that ask a model in one way, and return the whole answer."""


def ways(*asks: Ask) -> pytest.MarkDecorator:
    """Have a test run once for each way to ask."""
    return pytest.mark.parametrize("ask", asks, ids=lambda ask: ask.__name__)


every_way = ways(*WAYS)


class Recorder(BaseCallbackHandler):
    """Notes what callbacks hear."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.result: LLMResult | None = None
        self.metadata: dict[str, Any] = {}

    def on_chat_model_start(self, *_: Any, metadata: dict[str, Any], **__: Any) -> None:
        self.events.append("start")
        self.metadata = metadata

    def on_llm_start(self, *_: Any, metadata: dict[str, Any], **__: Any) -> None:
        self.events.append("start")
        self.metadata = metadata

    def on_llm_new_token(self, token: str, **_: Any) -> None:
        self.events.append(token)

    def on_llm_end(self, response: LLMResult, **_: Any) -> None:
        self.events.append("end")
        self.result = response

    def on_llm_error(
        self, error: BaseException, *, run_id: UUID, response: LLMResult | None = None, **_: Any
    ) -> None:
        self.events.append(type(error).__name__)
        self.result = response
