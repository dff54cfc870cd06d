"""What the tests of the LangChain models share: a model for a server, and each way to ask it."""

from collections.abc import Callable, Iterable
from functools import reduce
from operator import add
from typing import Any

import pytest

from glm_openrouter.testing import OfflineServer, ScriptedServer
from langchain_glm import GLM, ChatGLM

Ask = Callable[..., Any]


def model_for(server: ScriptedServer | OfflineServer, **arguments: Any) -> ChatGLM:
    """Return a chat model that asks a server, once."""
    return ChatGLM(**_given(server, arguments))


def llm_for(server: ScriptedServer | OfflineServer, **arguments: Any) -> GLM:
    """Return a text LLM that asks a server, once."""
    return GLM(**_given(server, arguments))


def _given(server: ScriptedServer | OfflineServer, arguments: dict[str, Any]) -> dict[str, Any]:
    return {"api_key": "sk-or-test", "base_url": server.base_url, "max_retries": 0, **arguments}


async def invoke(model: Any, prompt: Any = "?", **arguments: Any) -> Any:
    return model.invoke(prompt, **arguments)


async def ainvoke(model: Any, prompt: Any = "?", **arguments: Any) -> Any:
    return await model.ainvoke(prompt, **arguments)


async def stream(model: Any, prompt: Any = "?", **arguments: Any) -> Any:
    return merge(model.stream(prompt, **arguments))


async def astream(model: Any, prompt: Any = "?", **arguments: Any) -> Any:
    return merge([chunk async for chunk in model.astream(prompt, **arguments)])


def merge(chunks: Iterable[Any]) -> Any:
    """Return what chunks add up to."""
    return reduce(add, chunks)


WAYS = (invoke, ainvoke, stream, astream)


def ways(*asks: Ask) -> pytest.MarkDecorator:
    """Have a test run once for each way to ask."""
    return pytest.mark.parametrize("ask", asks, ids=lambda ask: ask.__name__)


every_way = ways(*WAYS)
