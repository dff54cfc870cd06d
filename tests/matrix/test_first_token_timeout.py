"""A provider that does not begin is left, and another one asked: the recipes of docs/reliability.md."""

import asyncio

import httpx
import pytest
from langchain_core.exceptions import ModelTimeoutError

import langchain_glm
from glm_openrouter import APITimeoutError, FirstTokenTimeoutError
from glm_openrouter.testing import Comment, Status, Wait, stream_reply
from langchain_glm import ChatGLM
from llamaindex_glm import GLM
from support.at_once import at_once
from support.models import gather
from support.samples import KEY, PROMPT
from support.surfaces import SURFACES
from support.wire import finishes, says, uses

OPEN = Status(200, {"content-type": "text/event-stream"})
SILENT = (OPEN, *[Comment(), Wait(0.01)] * 300)
ANSWER = stream_reply([says("Pier "), says("two."), finishes(), uses("B")])


def test_each_way_to_ask_has_the_limit(scripted_openrouter):
    def ask(surface):
        server = scripted_openrouter(SILENT)
        with pytest.raises(FirstTokenTimeoutError):
            surface.ask(server.base_url, first_token_timeout=0.5, max_retries=2)
        assert len(server.requests) == 1

    at_once(ask, SURFACES)


def in_turn(scripted_openrouter):
    """Return a server whose provider for `:exacto` does not begin."""

    def reply(request):
        return SILENT if request.body["model"].endswith(":exacto") else ANSWER

    return scripted_openrouter(reply)


@pytest.mark.parametrize("method", ["invoke", "ainvoke", "stream", "astream"])
def test_in_langchain_a_fallback_takes_over(scripted_openrouter, method):
    server = in_turn(scripted_openrouter)
    options = {"base_url": server.base_url, "api_key": KEY}
    quickest = ChatGLM(model="z-ai/glm-4.6", provider={"sort": "latency"}, **options)
    model = ChatGLM(first_token_timeout=0.2, **options).with_fallbacks(
        [quickest], exceptions_to_handle=(APITimeoutError,)
    )

    async def ask():
        return await gather(getattr(model, method)(PROMPT))

    assert "".join(part.text for part in asyncio.run(ask())) == "Pier two."
    assert len(server.requests) == 2
    assert server.requests[1].body["provider"] == {"sort": "latency"}


@pytest.mark.parametrize("method", ["complete", "acomplete", "stream_complete", "astream_complete"])
def test_in_llamaindex_its_error_says_when_to_ask_another(scripted_openrouter, method):
    server = in_turn(scripted_openrouter)
    options = {"api_base": server.base_url, "api_key": KEY}
    exact = GLM(first_token_timeout=0.2, **options)
    quickest = GLM("z-ai/glm-4.6", provider={"sort": "latency"}, **options)

    async def ask():
        try:
            return await gather(getattr(exact, method)(PROMPT))
        except FirstTokenTimeoutError:
            return await gather(getattr(quickest, method)(PROMPT))

    assert asyncio.run(ask())[-1].text == "Pier two."
    assert len(server.requests) == 2


def test_the_error_is_one_of_langchain_too(scripted_openrouter):
    server = scripted_openrouter(SILENT)
    model = ChatGLM(base_url=server.base_url, api_key=KEY, first_token_timeout=0.2)
    with pytest.raises(langchain_glm.FirstTokenTimeoutError) as caught:
        model.invoke(PROMPT)

    assert isinstance(caught.value, ModelTimeoutError)
    assert isinstance(caught.value, langchain_glm.APITimeoutError)
    assert caught.value.is_retryable is True


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_clients_of_your_own_wait_for_the_first_token_too(scripted_openrouter, mode):
    late = (Wait(0.4), *ANSWER)
    server = scripted_openrouter(late)
    options = {"base_url": server.base_url, "api_key": KEY, "timeout": 0.25}

    def ask():
        with httpx.Client() as own:
            return ChatGLM(http_client=own, first_token_timeout=20, **options).invoke(PROMPT)

    async def aask():
        async with httpx.AsyncClient() as own:
            model = ChatGLM(http_async_client=own, first_token_timeout=20, **options)
            return await model.ainvoke(PROMPT)

    assert (ask() if mode == "sync" else asyncio.run(aask())).text == "Pier two."
