"""Who waits for a whole answer does not lose a long one, and stops the provider by stopping to wait."""

import asyncio
import json
import signal
import threading
import time

import pytest
from langchain.agents import create_agent
from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.prompts import PromptTemplate
from pydantic import BaseModel
from workflows.errors import WorkflowCancelledByUser

from glm_openrouter import APITimeoutError
from support.models import make_chat, make_core, make_index, make_text
from support.samples import KEY, PROMPT
from support.slow_openrouter import slow_openrouter

# LlamaIndex looks at every attribute of an agent, and asks its own workflows what is deprecated there.
pytestmark = pytest.mark.filterwarnings(
    "ignore::pydantic.warnings.PydanticDeprecationWarning",
    "ignore:is_running called from within a step:DeprecationWarning",
)

TEXT = "Pier two is free until the tide turns. " * 3


class Berth(BaseModel):
    pier: str
    reasons: list[str]


JSON = json.dumps({"pier": "two", "reasons": [TEXT]})
PROMPT_TEMPLATE = PromptTemplate(PROMPT)


def lc_agent(model):
    return create_agent(model, [])


def li_agent(llm):
    return FunctionAgent(llm=llm, tools=[], streaming=False)


async def run_li_agent(llm):
    return str(await li_agent(llm).run(PROMPT))


def lc_messages():
    return {"messages": [("user", PROMPT)]}


SYNC = {
    "core": (make_core, TEXT, lambda model: model.invoke(PROMPT).text),
    "ChatGLM": (make_chat, TEXT, lambda model: model.invoke(PROMPT).text),
    "GLM of LangChain": (make_text, TEXT, lambda model: model.invoke(PROMPT)),
    "structured output": (
        make_chat,
        JSON,
        lambda model: model.with_structured_output(Berth).invoke(PROMPT).model_dump_json(),
    ),
    "a LangChain agent": (
        make_chat,
        TEXT,
        lambda model: lc_agent(model).invoke(lc_messages())["messages"][-1].text,
    ),
    "GLM of LlamaIndex": (make_index, TEXT, lambda llm: llm.complete(PROMPT).text),
    "structured prediction": (
        make_index,
        JSON,
        lambda llm: llm.structured_predict(Berth, PROMPT_TEMPLATE).model_dump_json(),
    ),
}


async def ainvoke_text(model):
    return (await model.ainvoke(PROMPT)).text


async def ainvoke_structured(model):
    return (await model.with_structured_output(Berth).ainvoke(PROMPT)).model_dump_json()


async def ainvoke_agent(model):
    return (await lc_agent(model).ainvoke(lc_messages()))["messages"][-1].text


async def acomplete(llm):
    return (await llm.acomplete(PROMPT)).text


async def apredict(llm):
    return (await llm.astructured_predict(Berth, PROMPT_TEMPLATE)).model_dump_json()


ASYNC = {
    "core": (make_core, TEXT, ainvoke_text),
    "ChatGLM": (make_chat, TEXT, ainvoke_text),
    "GLM of LangChain": (make_text, TEXT, lambda model: model.ainvoke(PROMPT)),
    "structured output": (make_chat, JSON, ainvoke_structured),
    "a LangChain agent": (make_chat, TEXT, ainvoke_agent),
    "GLM of LlamaIndex": (make_index, TEXT, acomplete),
    "structured prediction": (make_index, JSON, apredict),
    "a LlamaIndex agent": (make_index, TEXT, run_li_agent),
}

ASYNC_RUNS = {name: way for name, way in ASYNC.items() if name != "a LlamaIndex agent"}
"""A run of a LlamaIndex agent goes on when nobody awaits it any longer: it has a handler, which cancels it."""

in_each_way = pytest.mark.parametrize("way", SYNC)
in_each_way_of_asyncio = pytest.mark.parametrize("way", ASYNC)
in_each_way_that_ends_with_its_task = pytest.mark.parametrize("way", ASYNC_RUNS)


def same(answer):
    return "".join(answer.split())


# A long answer


@in_each_way
def test_a_whole_answer_outlasts_its_timeout(way):
    make, said, ask = SYNC[way]
    with slow_openrouter(said, token_seconds=10) as server:
        answer = ask(make(server.base_url, api_key=KEY, timeout=60))

    assert same(answer) == same(said)
    (generation,) = server.generations
    assert generation.body["stream"] is True
    assert server.clock_seconds > 4 * 60


@in_each_way_of_asyncio
async def test_a_whole_answer_outlasts_its_timeout_in_a_loop(way):
    make, said, ask = ASYNC[way]
    with slow_openrouter(said, token_seconds=10) as server:
        answer = await ask(make(server.base_url, api_key=KEY, timeout=60))

    assert same(answer) == same(said)
    assert len(server.generations) == 1
    assert server.clock_seconds > 4 * 60


@in_each_way
def test_in_one_piece_the_timeout_limits_all_of_it(way):
    make, said, ask = SYNC[way]
    with slow_openrouter(said, token_seconds=10) as server:
        with pytest.raises(APITimeoutError):
            ask(make(server.base_url, api_key=KEY, timeout=60, wire_stream=False))
        (generation,) = server.generations
        assert generation.over.wait(5)
    # The provider works on, and OpenRouter has you pay for it.
    assert generation.tokens == server.tokens


# Stopping


def assert_stopped(server, since):
    (generation,) = server.generations
    assert generation.over.wait(5)
    assert generation.client_left_at - since < 0.5
    assert generation.tokens < server.tokens


PACES = {"before the first token": 60.0, "between tokens": 0.01}


@pytest.mark.parametrize("pace", PACES.values(), ids=PACES)
@in_each_way_that_ends_with_its_task
async def test_a_cancelled_task_stops_the_provider(way, pace):
    make, said, ask = ASYNC[way]
    with slow_openrouter(said, pace=pace) as server:
        task = asyncio.create_task(ask(make(server.base_url, api_key=KEY)))
        await asyncio.to_thread(server.wait_for_request)
        since = time.monotonic()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.to_thread(assert_stopped, server, since)


@in_each_way_that_ends_with_its_task
async def test_a_timeout_around_a_call_stops_the_provider(way):
    make, said, ask = ASYNC[way]
    loop = asyncio.get_running_loop()
    with slow_openrouter(said, pace=60.0) as server:

        async def ask_in_time():
            async with asyncio.timeout(None) as limit:
                server.on_request(lambda: loop.call_soon_threadsafe(limit.reschedule, loop.time()))
                await ask(make(server.base_url, api_key=KEY))

        with pytest.raises(TimeoutError):
            await ask_in_time()
        await asyncio.to_thread(assert_stopped, server, time.monotonic())


async def test_a_cancelled_run_of_a_llamaindex_agent_stops_the_provider():
    with slow_openrouter(TEXT, pace=60.0) as server:
        handler = li_agent(make_index(server.base_url, api_key=KEY)).run(PROMPT)
        await asyncio.to_thread(server.wait_for_request)
        since = time.monotonic()
        await handler.cancel_run()
        await asyncio.to_thread(assert_stopped, server, since)
        with pytest.raises(WorkflowCancelledByUser):
            await handler


@pytest.mark.parametrize("pace", PACES.values(), ids=PACES)
@in_each_way
def test_an_interrupt_in_a_call_stops_the_provider(way, pace):
    make, said, ask = SYNC[way]
    with slow_openrouter(said, pace=pace) as server:
        model = make(server.base_url, api_key=KEY)
        since = []

        def interrupt():
            since.append(time.monotonic())
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)

        server.on_request(interrupt)
        with pytest.raises(KeyboardInterrupt):
            ask(model)
        assert_stopped(server, *since)


async def test_a_connection_that_was_cancelled_is_not_used_again():
    with slow_openrouter(TEXT, pace=0.01) as server:
        model = make_chat(server.base_url, api_key=KEY)
        task = asyncio.create_task(ainvoke_text(model))
        await asyncio.to_thread(server.wait_for_request)
        task.cancel()
        await asyncio.wait([task])
        assert same(await ainvoke_text(model)) == same(TEXT)
        assert len(server.connections) == 2
        assert same(await ainvoke_text(model)) == same(TEXT)
        assert len(server.connections) == 2
