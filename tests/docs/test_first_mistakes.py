"""What everybody gets wrong first has one clear, typed error each, in both frameworks, sync and async."""

import math
import socket
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest

from glm_openrouter import (
    APIConnectionError,
    AuthenticationError,
    BadRequestError,
    InvalidRequestError,
)
from glm_openrouter.testing import OfflineServer
from langchain_glm import ChatGLM
from llamaindex_glm import GLM

Ask = Callable[..., Awaitable[Any]]


async def _langchain(base_url: str, **arguments: Any) -> Any:
    return ChatGLM(**{"api_key": "sk-or-test", "base_url": base_url, **arguments}).invoke("Hi")


async def _langchain_async(base_url: str, **arguments: Any) -> Any:
    return await ChatGLM(**{"api_key": "sk-or-test", "base_url": base_url, **arguments}).ainvoke(
        "Hi"
    )


async def _llamaindex(base_url: str, **arguments: Any) -> Any:
    return GLM(**{"api_key": "sk-or-test", "api_base": base_url, **arguments}).complete("Hi")


async def _llamaindex_async(base_url: str, **arguments: Any) -> Any:
    return await GLM(**{"api_key": "sk-or-test", "api_base": base_url, **arguments}).acomplete("Hi")


@pytest.fixture(
    params=[_langchain, _langchain_async, _llamaindex, _llamaindex_async],
    ids=lambda ask: ask.__name__,
)
def ask(request: pytest.FixtureRequest) -> Ask:
    return request.param


async def test_a_wrong_key_names_the_key(offline_openrouter: OfflineServer, ask: Ask) -> None:
    with pytest.raises(AuthenticationError, match=r"\(401\).*OPENROUTER_API_KEY"):
        await ask(offline_openrouter.base_url, api_key="not-a-key")


async def test_a_wrong_model_id_names_the_model(
    offline_openrouter: OfflineServer, ask: Ask
) -> None:
    with pytest.raises(
        BadRequestError, match=r"z-ai/glm-4.60 is not a valid model ID \(400\).*Check the model id"
    ):
        await ask(offline_openrouter.base_url, model="z-ai/glm-4.60")


@pytest.mark.parametrize("seconds", ["30", (5, 30), timedelta(seconds=3), 0, -1, math.nan, True])
async def test_a_timeout_that_is_none_is_refused(ask: Ask, seconds: object) -> None:
    with pytest.raises(InvalidRequestError, match="timeout must be a positive number of seconds"):
        await ask("http://127.0.0.1:1", timeout=seconds)


async def test_a_client_of_the_wrong_kind_is_refused(ask: Ask) -> None:
    async with httpx.AsyncClient() as asynchronous:
        with httpx.Client() as synchronous:
            swapped = {"http_client": asynchronous, "http_async_client": synchronous}
            with pytest.raises(
                InvalidRequestError, match=r"http_(async_)?client must be an httpx\.(Async)?Client"
            ):
                await ask("http://127.0.0.1:1", **swapped)


async def test_no_network_names_the_base_url(ask: Ask) -> None:
    with socket.socket() as bound:  # bound, but nobody listens
        bound.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{bound.getsockname()[1]}/api/v1"
        with pytest.raises(APIConnectionError, match=f"{url}; check the network and "):
            await ask(url, max_retries=0)
