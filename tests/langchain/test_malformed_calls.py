"""A tool call that cannot be read, though nothing was cut, costs an agent of LangChain one more request."""

import warnings
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain.agents.structured_output import ToolStrategy
from langchain_core.callbacks import get_usage_metadata_callback
from langchain_core.exceptions import ModelError
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition
from pydantic import BaseModel

from glm_openrouter import TruncatedToolCallWarning, track_spend
from glm_openrouter.testing.pytest_plugin import StartScript
from langchain_glm import (
    ChatGLM,
    InvalidToolCallError,
    InvalidToolCallMiddleware,
    TruncatedToolCallError,
)
from support.bad_calls import BAD, GOOD, calls_reply, results_sent, says_reply
from support.langchain_models import Ask, ainvoke, astream, invoke, model_for, stream, ways

RAN: list[str] = []


@pytest.fixture(autouse=True)
def ran() -> list[str]:
    RAN.clear()
    return RAN


def weather(city: str = "nowhere") -> str:
    """Look up the weather."""
    RAN.append(city)
    return f"4 degrees in {city}"


def stock_agent(model: ChatGLM) -> Any:
    return create_agent(model, [weather])


def graph_with_tool_node(model: ChatGLM) -> Any:
    bound = model.bind_tools([weather])

    async def acall(state: MessagesState) -> dict[str, Any]:
        return {"messages": await bound.ainvoke(state["messages"])}

    def call(state: MessagesState) -> dict[str, Any]:
        return {"messages": bound.invoke(state["messages"])}

    from langchain_core.runnables import RunnableLambda

    graph = StateGraph(MessagesState)
    graph.add_node("model", RunnableLambda(call, acall))
    graph.add_node("tools", ToolNode([weather]))
    graph.add_edge(START, "model")
    graph.add_conditional_edges("model", tools_condition)
    graph.add_edge("tools", "model")
    return graph.compile()


async def run_whole(agent: Any) -> list[Any]:
    return list(agent.invoke({"messages": [("user", "Weather?")]})["messages"])


async def arun_whole(agent: Any) -> list[Any]:
    return list((await agent.ainvoke({"messages": [("user", "Weather?")]}))["messages"])


async def run_streamed(agent: Any) -> list[Any]:
    modes = ["messages", "values"]
    parts = list(agent.stream({"messages": [("user", "Weather?")]}, stream_mode=modes))
    return list([part for mode, part in parts if mode == "values"][-1]["messages"])


async def arun_streamed(agent: Any) -> list[Any]:
    modes = ["messages", "values"]
    parts = [
        part
        async for mode, part in agent.astream(
            {"messages": [("user", "Weather?")]}, stream_mode=modes
        )
        if mode == "values"
    ]
    return list(parts[-1]["messages"])


every_agent = pytest.mark.parametrize("make", [stock_agent, graph_with_tool_node])
every_run = pytest.mark.parametrize(
    "run", [run_whole, arun_whole, run_streamed, arun_streamed], ids=lambda run: run.__name__
)


@every_agent
@every_run
async def test_an_agent_goes_on_after_a_call_that_cannot_be_read(
    scripted_openrouter: StartScript, ran: list[str], make: Any, run: Any
) -> None:
    server = scripted_openrouter(
        calls_reply(GOOD), calls_reply(BAD, text="Now..."), calls_reply(GOOD), says_reply("Cold.")
    )
    messages = await run(make(model_for(server)))
    assert messages[-1].text == "Cold."
    assert ran == ["Oslo", "Oslo"]
    assert len(server.requests) == 4


@every_agent
@every_run
async def test_an_agent_asks_no_more_than_three_times(
    scripted_openrouter: StartScript, ran: list[str], make: Any, run: Any
) -> None:
    server = scripted_openrouter(calls_reply(BAD))
    with pytest.raises(InvalidToolCallError, match=r"'weather' must not run.*Novita") as caught:
        await run(make(model_for(server)))
    assert isinstance(caught.value, ModelError)
    assert (caught.value.name, caught.value.arguments) == ("weather", BAD)
    assert ran == []
    assert len(server.requests) == 3


@every_agent
@every_run
async def test_a_good_call_beside_a_bad_one_runs(
    scripted_openrouter: StartScript, ran: list[str], make: Any, run: Any
) -> None:
    server = scripted_openrouter(calls_reply(BAD, GOOD), says_reply("Cold."))
    messages = await run(make(model_for(server)))
    assert messages[-1].text == "Cold."
    assert ran == ["Oslo"]
    results = results_sent(server, 1)
    assert "Expecting value: line 1 column 10" in results["call_0"]
    assert BAD in results["call_0"]
    assert results["call_1"] == "4 degrees in Oslo"


async def batch(model: Any, prompt: str) -> Any:
    return model.batch([prompt])[0]


async def abatch(model: Any, prompt: str) -> Any:
    return (await model.abatch([prompt]))[0]


async def as_completed(model: Any, prompt: str) -> Any:
    return next(iter(model.batch_as_completed([prompt])))[1]


@pytest.mark.parametrize(
    "ask", [invoke, ainvoke, batch, abatch, as_completed], ids=lambda ask: ask.__name__
)
async def test_a_model_with_tools_is_told_what_was_wrong_with_its_call(
    scripted_openrouter: StartScript, ask: Ask
) -> None:
    server = scripted_openrouter(calls_reply(BAD), calls_reply(GOOD))
    with track_spend() as spend, get_usage_metadata_callback() as usage:
        message = await ask(model_for(server).bind_tools([weather]), "Weather?")
    assert [made["args"] for made in message.tool_calls] == [{"city": "Oslo"}]
    assert message.invalid_tool_calls == []
    (result,) = results_sent(server, 1).values()
    assert result.startswith("Error: this call was not run.")
    assert BAD in result
    assert spend.total.calls == 2
    assert [counts["input_tokens"] for counts in usage.usage_metadata.values()] == [62]


@ways(stream, astream)
async def test_a_stream_gives_the_call_as_it_came(
    scripted_openrouter: StartScript, ask: Ask
) -> None:
    server = scripted_openrouter(calls_reply(BAD), says_reply("Hello"))
    model = model_for(server).bind_tools([weather])
    message = await ask(model, "Weather?")
    assert [made["name"] for made in message.invalid_tool_calls] == ["weather"]
    assert len(server.requests) == 1
    model.invoke([HumanMessage("Weather?"), message, HumanMessage("Well?")])
    (result,) = results_sent(server, 1).values()
    assert "Expecting value: line 1 column 10" in result
    assert f"What you wrote as arguments: {BAD}\n" in result


async def test_the_number_of_tries_is_an_argument(scripted_openrouter: StartScript) -> None:
    server = scripted_openrouter(calls_reply(BAD))
    with pytest.raises(InvalidToolCallError):
        model_for(server, tool_call_retries=0).bind_tools([weather]).invoke("Weather?")
    assert len(server.requests) == 1
    left = model_for(server, tool_call_retries=None).bind_tools([weather]).invoke("Weather?")
    bound = model_for(server).bind_tools([weather], tool_call_retries=None).invoke("Weather?")
    assert [made["args"] for made in left.invalid_tool_calls] == [BAD]
    assert [made["args"] for made in bound.invalid_tool_calls] == [BAD]
    assert len(server.requests) == 3


@pytest.mark.parametrize("reason", ["length", "content_filter"])
@every_run
async def test_an_agent_whose_call_was_cut_warns(
    scripted_openrouter: StartScript, ran: list[str], reason: str, run: Any
) -> None:
    server = scripted_openrouter(calls_reply(GOOD, finish=reason))
    with pytest.warns(TruncatedToolCallWarning, match=rf"'weather'.*finish_reason: {reason}"):
        await run(stock_agent(model_for(server)))
    assert ran == []
    assert len(server.requests) == 1


def test_an_answer_that_was_cut_without_a_call_warns_of_none(
    scripted_openrouter: StartScript,
) -> None:
    server = scripted_openrouter(calls_reply(text="Once upon a", finish="length"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model_for(server).bind_tools([weather]).invoke("Weather?")


def test_a_call_without_a_name_is_corrected_in_words(scripted_openrouter: StartScript) -> None:
    server = scripted_openrouter(calls_reply(GOOD, name=""), calls_reply(GOOD))
    model_for(server).bind_tools([weather]).invoke("Weather?")
    *_, answer, correction = server.requests[1].body["messages"]
    assert "tool_calls" not in answer
    assert correction == {"role": "user", "content": "The call has no name."}


def test_a_bad_call_of_an_old_conversation_does_not_spoil_it(
    scripted_openrouter: StartScript,
) -> None:
    bad = {"name": "weather", "args": BAD, "id": "call_0", "error": None}
    turn = AIMessage("", invalid_tool_calls=[bad])
    given = ToolMessage("Failed.", tool_call_id="call_0", status="error")
    server = scripted_openrouter(says_reply("Hello"))
    model = model_for(server)
    model.invoke([HumanMessage("Weather?"), turn, HumanMessage("And now?")])
    model.invoke([HumanMessage("Weather?"), turn, given, HumanMessage("And now?")])
    assert "not run" in results_sent(server, 0)["call_0"]
    assert results_sent(server, 1)["call_0"].startswith("Error: Failed.\nError: this call was")


def test_text_with_line_breaks_goes_back_as_json_that_all_can_read(
    scripted_openrouter: StartScript,
) -> None:
    import json

    server = scripted_openrouter(calls_reply('{"city": "Os\nlo"}'), says_reply("Hello"))
    model = model_for(server)
    turn = model.bind_tools([weather]).invoke("Weather?")
    result = ToolMessage("4 degrees", tool_call_id="call_0")
    model.invoke([HumanMessage("Weather?"), turn, result])
    sent = server.requests[1].body["messages"][1]["tool_calls"][0]["function"]["arguments"]
    assert json.loads(sent) == {"city": "Os\nlo"}


def agent_with_middleware(model: ChatGLM, **arguments: Any) -> Any:
    return create_agent(model, [weather], middleware=[InvalidToolCallMiddleware(**arguments)])


@pytest.mark.parametrize("finish", ["tool_calls", "length"], ids=["malformed", "cut"])
@every_run
async def test_middleware_gives_a_call_back_where_all_see_it(
    scripted_openrouter: StartScript, ran: list[str], finish: str, run: Any
) -> None:
    server = scripted_openrouter(
        calls_reply(BAD, finish=finish), calls_reply(GOOD), says_reply("Cold.")
    )
    messages = await run(agent_with_middleware(model_for(server)))
    kinds = [type(message).__name__.removesuffix("Chunk") for message in messages]
    assert kinds == ["HumanMessage", *("AIMessage", "ToolMessage") * 2, "AIMessage"]
    assert messages[2].status == "error"
    assert messages[2].tool_call_id == "call_0"
    assert results_sent(server, 1)["call_0"] == messages[2].content
    assert ran == ["Oslo"]


@pytest.mark.parametrize(
    ("finish", "error"),
    [("tool_calls", InvalidToolCallError), ("length", TruncatedToolCallError)],
    ids=["malformed", "cut"],
)
@pytest.mark.parametrize("run", [run_whole, arun_whole], ids=["sync", "async"])
async def test_middleware_gives_up_with_a_typed_error(
    scripted_openrouter: StartScript, ran: list[str], finish: str, error: Any, run: Any
) -> None:
    server = scripted_openrouter(calls_reply(BAD, finish=finish))
    with pytest.raises(error, match="'weather' must not run"):
        await run(agent_with_middleware(model_for(server), max_retries=1))
    assert ran == []
    assert len(server.requests) == 2


async def test_middleware_counts_answers_in_a_row(scripted_openrouter: StartScript) -> None:
    script = [calls_reply(BAD), calls_reply(GOOD)] * 3
    server = scripted_openrouter(*script, says_reply("Cold."))
    messages = await run_whole(agent_with_middleware(model_for(server), max_retries=1))
    assert messages[-1].text == "Cold."


async def test_middleware_lets_a_good_call_beside_a_bad_one_run(
    scripted_openrouter: StartScript, ran: list[str]
) -> None:
    server = scripted_openrouter(calls_reply(BAD, GOOD), says_reply("Cold."))
    await run_whole(agent_with_middleware(model_for(server)))
    assert ran == ["Oslo"]
    assert "not run" in results_sent(server, 1)["call_0"]


def test_an_answer_in_a_tool_that_cannot_be_read_is_corrected(
    scripted_openrouter: StartScript,
) -> None:
    class Forecast(BaseModel):
        """A forecast."""

        city: str

    server = scripted_openrouter(
        calls_reply(BAD, name="Forecast"), calls_reply(GOOD, name="Forecast")
    )
    agent = create_agent(model_for(server), [weather], response_format=ToolStrategy(Forecast))
    state = agent.invoke({"messages": [("user", "Weather?")]})
    assert state["structured_response"] == Forecast(city="Oslo")
    assert BAD in results_sent(server, 1)["call_0"]
