"""Cost, budgets and what was changed because it was refused: the same through both frameworks."""

import asyncio

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import ModelRetryMiddleware
from langchain_core.exceptions import ModelError
from langchain_core.messages import AIMessage
from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.base.llms.types import ChatMessage, ChatResponse

import langchain_glm
from glm_openrouter import APIConnectionError, Budget, BudgetExceededError, SpendEntry, track_spend
from glm_openrouter.testing import Close, Hold, json_reply, stream_reply
from langchain_glm import ChatGLM
from llamaindex_glm import GLM
from support.samples import WEATHER
from support.wire import USAGE, call, chunk, response_body

KEY = "sk-or-v1-of-a-test"
QUESTION = "What is the weather in Oslo?"
ANSWER = response_body({"content": "It rains."})
CALL = response_body(
    {"content": None, "tool_calls": [call("get_weather", '{"city": "Oslo"}', 0, "call_1")]},
    "tool_calls",
)
REFUSAL = {
    "error": {
        "code": 400,
        "message": "Provider returned error",
        "metadata": {"raw": "Tool choice must be auto"},
    }
}
TOKENS = {
    "prompt_tokens": USAGE["prompt_tokens"],
    "completion_tokens": USAGE["completion_tokens"],
    "cached_tokens": USAGE["prompt_tokens_details"]["cached_tokens"],
    "reasoning_tokens": USAGE["completion_tokens_details"]["reasoning_tokens"],
    "cost": USAGE["cost"],
}


def chat_glm(server, **settings):
    return ChatGLM(base_url=server.base_url, api_key=KEY, **settings)


def llama_glm(server, **settings):
    return GLM(api_base=server.base_url, api_key=KEY, **settings)


def last(chunks):
    """What a stream adds up to, in LangChain."""
    total = None
    for part in chunks:
        total = part if total is None else total + part
    return total


async def collect(stream):
    return [item async for item in stream]


LANGCHAIN = {
    "invoke": lambda model: model.invoke(QUESTION),
    "ainvoke": lambda model: asyncio.run(model.ainvoke(QUESTION)),
    "stream": lambda model: last(model.stream(QUESTION)),
    "astream": lambda model: last(asyncio.run(collect(model.astream(QUESTION)))),
}


def messages():
    return [ChatMessage(role="user", content=QUESTION)]


async def astream_chat(llm, **arguments):
    return await collect(await llm.astream_chat(messages(), **arguments))


LLAMAINDEX = {
    "chat": lambda llm, **more: llm.chat(messages(), **more),
    "achat": lambda llm, **more: asyncio.run(llm.achat(messages(), **more)),
    "stream_chat": lambda llm, **more: list(llm.stream_chat(messages(), **more))[-1],
    "astream_chat": lambda llm, **more: asyncio.run(astream_chat(llm, **more))[-1],
}


def reply(way, body):
    return stream_reply([body]) if "stream" in way else json_reply(body)


@pytest.mark.parametrize("way", LANGCHAIN)
def test_langchain_counts_and_shows_what_a_call_cost(scripted_openrouter, way):
    server = scripted_openrouter(reply(way, ANSWER))
    with track_spend() as spend:
        message: AIMessage = LANGCHAIN[way](chat_glm(server))

    assert message.response_metadata["cost"] == USAGE["cost"]
    assert spend.total == SpendEntry(calls=1, **TOKENS)


@pytest.mark.parametrize("way", LLAMAINDEX)
def test_llamaindex_counts_and_shows_what_a_call_cost(scripted_openrouter, way):
    server = scripted_openrouter(reply(way, ANSWER))
    with track_spend() as spend:
        response: ChatResponse = LLAMAINDEX[way](llama_glm(server))

    assert {name: response.additional_kwargs[name] for name in TOKENS} == TOKENS
    assert response.raw["cost"] == USAGE["cost"]
    assert spend.total == SpendEntry(calls=1, **TOKENS)


@pytest.mark.parametrize("way", LANGCHAIN)
def test_langchain_shows_what_was_changed(scripted_openrouter, way):
    server = scripted_openrouter(json_reply(REFUSAL, 400), reply(way, CALL))
    message = LANGCHAIN[way](chat_glm(server).bind_tools([WEATHER], tool_choice="any"))

    assert message.response_metadata["adjustments"] == ["tool_choice: required -> auto"]


@pytest.mark.parametrize("way", LLAMAINDEX)
def test_llamaindex_shows_what_was_changed(scripted_openrouter, way):
    server = scripted_openrouter(json_reply(REFUSAL, 400), reply(way, CALL))
    response = LLAMAINDEX[way](llama_glm(server), tools=[WEATHER], tool_choice="required")

    expected = ["tool_choice: required -> auto"]
    assert response.raw["adjustments"] == expected
    assert response.additional_kwargs["adjustments"] == expected


def test_a_batch_in_langchain_counts_in_all_its_threads(offline_openrouter):
    with track_spend() as spend:
        chat_glm(offline_openrouter).batch([QUESTION] * 6)
    assert spend.total.calls == 6


def test_a_batch_in_langchain_stops_at_the_budget(offline_openrouter):
    model = chat_glm(offline_openrouter)
    with track_spend() as spend:
        model.invoke(QUESTION)
    offline_openrouter.clear()

    with Budget(4 * spend.total.cost) as budget:
        model.invoke(QUESTION)
        outcomes = model.batch([QUESTION] * 10, return_exceptions=True)
    refused = [each for each in outcomes if isinstance(each, BudgetExceededError)]
    assert refused
    assert len(offline_openrouter.requests) == 11 - len(refused)
    assert budget.spent <= budget.limit


def get_weather(city: str) -> str:
    """Get the weather in a city."""
    return f"{city}: rain"


async def leave(stream):
    async for _ in stream:
        return


async def leave_astream_chat(llm):
    await leave(await llm.astream_chat(messages()))


LEAVING = {
    "langchain": lambda server: next(chat_glm(server).stream(QUESTION)),
    "langchain async": lambda server: asyncio.run(leave(chat_glm(server).astream(QUESTION))),
    "llamaindex": lambda server: next(llama_glm(server).stream_chat(messages())),
    "llamaindex async": lambda server: asyncio.run(leave_astream_chat(llama_glm(server))),
}


@pytest.mark.parametrize("way", LEAVING)
def test_streams_that_are_left_use_up_a_budget(scripted_openrouter, way):
    server = scripted_openrouter(stream_reply([chunk({"content": "It "}), Hold()], done=False))
    with Budget(0.35, first_call=0.1) as budget:
        for _ in range(3):
            LEAVING[way](server)
        with pytest.raises(BudgetExceededError):
            LEAVING[way](server)

    assert len(server.requests) == 3
    assert budget.total.unreported == budget.spent == pytest.approx(0.3)


ASKING = {
    **{f"langchain {way}": (chat_glm, ask) for way, ask in LANGCHAIN.items()},
    **{f"llamaindex {way}": (llama_glm, ask) for way, ask in LLAMAINDEX.items()},
}


@pytest.mark.parametrize("way", ASKING)
def test_calls_without_an_answer_use_up_a_budget(scripted_openrouter, way):
    make, ask = ASKING[way]
    server = scripted_openrouter((Close(),))
    model = make(server, max_retries=0)
    with Budget(0.15, first_call=0.1) as budget:
        with pytest.raises(APIConnectionError):
            ask(model)
        with pytest.raises(BudgetExceededError):
            ask(model)

    assert len(server.requests) == budget.total.unreported_calls == 1


def endless(server_replies):
    """Return a script in which the model never stops to call its tool."""
    return [json_reply({**CALL, "usage": {**USAGE, "cost": 0.1}})] * server_replies


def test_a_langchain_agent_stops_at_the_budget(scripted_openrouter):
    server = scripted_openrouter(*endless(1))
    agent = create_agent(chat_glm(server), tools=[get_weather])

    with Budget(0.35), pytest.raises(BudgetExceededError):
        agent.invoke({"messages": [("user", QUESTION)]})
    assert len(server.requests) == 3


def test_an_async_langchain_agent_stops_at_the_budget(scripted_openrouter):
    server = scripted_openrouter(*endless(1))
    agent = create_agent(chat_glm(server), tools=[get_weather])

    with Budget(0.35), pytest.raises(BudgetExceededError):
        asyncio.run(agent.ainvoke({"messages": [("user", QUESTION)]}))
    assert len(server.requests) == 3


# LlamaIndex looks at every attribute of an agent, at deprecated ones of pydantic, too.
@pytest.mark.filterwarnings("ignore::pydantic.PydanticDeprecationWarning")
def test_a_llamaindex_agent_stops_at_the_budget(scripted_openrouter):
    server = scripted_openrouter(*endless(1))
    agent = FunctionAgent(tools=[get_weather], llm=llama_glm(server), streaming=False)

    async def ask():
        return await agent.run(QUESTION)

    with Budget(0.35), pytest.raises(BudgetExceededError):
        asyncio.run(ask())
    assert len(server.requests) == 3


def test_the_error_in_langchain_is_one_of_langchain_that_is_not_retryable(scripted_openrouter):
    with Budget(0), pytest.raises(langchain_glm.BudgetExceededError) as caught:
        chat_glm(scripted_openrouter(json_reply(ANSWER))).invoke(QUESTION)

    assert isinstance(caught.value, ModelError)
    assert caught.value.is_retryable is False
    assert (caught.value.limit, caught.value.spent) == (0, 0)


def test_the_retries_of_a_langchain_agent_let_it_through_at_once(scripted_openrouter):
    server = scripted_openrouter(*endless(1))
    retry = ModelRetryMiddleware(max_retries=5, initial_delay=60, on_failure="error")
    agent = create_agent(chat_glm(server), tools=[get_weather], middleware=[retry])

    with Budget(0.15), pytest.raises(BudgetExceededError):
        agent.invoke({"messages": [("user", QUESTION)]})
    assert len(server.requests) == 1


def test_retries_that_ask_what_is_retryable_let_it_through_at_once(scripted_openrouter):
    server = scripted_openrouter(*endless(1))
    asked = []

    def is_retryable(error):
        asked.append(error)
        return error.is_retryable

    retry = ModelRetryMiddleware(retry_on=is_retryable, initial_delay=0, on_failure="error")
    agent = create_agent(chat_glm(server), tools=[get_weather], middleware=[retry])

    with Budget(0), pytest.raises(BudgetExceededError):
        agent.invoke({"messages": [("user", QUESTION)]})
    assert len(asked) == 1
