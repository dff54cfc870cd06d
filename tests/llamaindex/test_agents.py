"""Agents of LlamaIndex, from the question to the answer."""

import asyncio
import contextlib
import io
import json
from collections.abc import AsyncIterator
from itertools import pairwise
from typing import Any

import pytest
from llama_index.core.agent.workflow import (
    AgentOutput,
    AgentStream,
    AgentStreamStructuredOutput,
    AgentWorkflow,
    CodeActAgent,
    FunctionAgent,
    ReActAgent,
    ToolCall,
    ToolCallResult,
)
from llama_index.core.base.llms.types import ThinkingBlock
from llama_index.core.memory import BaseMemory, ChatMemoryBuffer, Memory
from llama_index.core.tools import FunctionTool
from llama_index.core.workflow import Context, HumanResponseEvent, InputRequiredEvent
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import create_async_engine

from glm_openrouter import RateLimitError, TruncatedToolCallError
from glm_openrouter.testing import Hold, OfflineServer, json_reply, stream_reply
from glm_openrouter.testing.pytest_plugin import StartScript
from llamaindex_glm import GLM
from support.known_faults import CHAT_MEMORY_IS_NOT_STORED
from support.llamaindex_models import llm_for
from support.wire import USAGE, call, chunk, thinks

# LlamaIndex looks at every attribute of an agent, and asks its own workflows what is deprecated there.
pytestmark = pytest.mark.filterwarnings(
    "ignore::pydantic.warnings.PydanticDeprecationWarning",
    "ignore:is_running called from within a step:DeprecationWarning",
)


@pytest.fixture
def llm(offline_openrouter: OfflineServer) -> GLM:
    return llm_for(offline_openrouter)


@pytest.fixture(params=[True, False], ids=["streamed", "whole"])
def streaming(request: pytest.FixtureRequest) -> Any:
    return request.param


def get_weather(city: str) -> str:
    """Get the current weather in a city."""
    return f"21 degrees Celsius in {city}"


def multiply(a: int, b: int) -> int:
    """Multiply two whole numbers."""
    return a * b


async def events_of(handler: Any, *kinds: type) -> list[Any]:
    """Run an agent to its end and return its events of some kinds."""
    events = [event async for event in handler.stream_events() if type(event) in kinds]
    await handler
    return events


async def test_parallel_calls_all_run_and_reach_the_answer(llm: GLM, streaming: bool) -> None:
    agent = FunctionAgent(tools=[get_weather], llm=llm, streaming=streaming)
    output = await agent.run("What is the weather in Paris and in Rome?")
    cities = [each.tool_kwargs["city"] for each in output.tool_calls]
    assert sorted(cities) == ["Paris", "Rome"]  # in the order in which they ended
    assert "21 degrees Celsius in Paris" in str(output)
    assert "21 degrees Celsius in Rome" in str(output)


async def test_calls_are_made_one_at_a_time_if_that_is_asked_for(
    llm: GLM, streaming: bool, offline_openrouter: OfflineServer
) -> None:
    agent = FunctionAgent(
        tools=[get_weather], llm=llm, streaming=streaming, allow_parallel_tool_calls=False
    )
    answer = str(await agent.run("What is the weather in Paris and in Rome?"))
    assert "in Paris" in answer
    assert "in Rome" in answer
    sent = [request.body.get("parallel_tool_calls") for request in offline_openrouter.requests]
    assert sent == [False, False, False]


async def test_a_tool_may_be_forced_for_the_first_step_only(
    llm: GLM, streaming: bool, offline_openrouter: OfflineServer
) -> None:
    agent = FunctionAgent(
        tools=[get_weather], llm=llm, streaming=streaming, initial_tool_choice="get_weather"
    )
    await agent.run("How about Paris?")
    choices = [request.body.get("tool_choice") for request in offline_openrouter.requests]
    assert choices == [{"type": "function", "function": {"name": "get_weather"}}, None]


@pytest.mark.usefixtures("separate_reads")
async def test_the_deltas_of_the_events_add_up_to_what_the_agent_said(llm: GLM) -> None:
    handler = FunctionAgent(tools=[get_weather], llm=llm).run("What is the weather in Paris?")
    events = await events_of(handler, AgentStream, AgentOutput)
    streamed = [event for event in events if isinstance(event, AgentStream)]
    outputs = [event.response for event in events if isinstance(event, AgentOutput)]
    thought = [
        block.content
        for message in outputs
        for block in message.blocks
        if isinstance(block, ThinkingBlock)
    ]
    assert len(streamed) > 20
    assert "".join(event.delta for event in streamed) == "".join(
        message.content or "" for message in outputs
    )
    assert "".join(event.thinking_delta or "" for event in streamed) == "".join(map(str, thought))
    assert thought


async def test_an_event_shows_a_call_once_it_is_complete(llm: GLM) -> None:
    handler = FunctionAgent(tools=[get_weather], llm=llm).run("What is the weather in Paris?")
    events = await events_of(handler, AgentStream, ToolCall, ToolCallResult)
    kinds = [type(event).__name__ for event in events]
    assert kinds.index("ToolCall") < kinds.index("ToolCallResult")
    before = events[: kinds.index("ToolCall")]
    (shown,) = before[-1].tool_calls
    assert (shown.tool_name, shown.tool_kwargs) == ("get_weather", {"city": "Paris"})
    partial = [each.tool_kwargs for event in before for each in event.tool_calls]
    assert all(arguments in ({}, {"city": "Paris"}) for arguments in partial)


async def test_a_tool_that_raises_is_a_result_that_the_model_reads(
    llm: GLM, streaming: bool
) -> None:
    def get_population(city: str) -> str:
        """Get the population of a city."""
        raise ConnectionError("The register is down.")

    agent = FunctionAgent(tools=[get_population], llm=llm, streaming=streaming)
    output = await agent.run("What is the population of Paris?")
    (result,) = output.tool_calls
    assert result.tool_output.is_error
    assert "The register is down" in str(output)


async def test_a_tool_may_have_the_last_word(llm: GLM, streaming: bool) -> None:
    direct = FunctionTool.from_defaults(get_weather, return_direct=True)
    agent = FunctionAgent(tools=[direct], llm=llm, streaming=streaming)
    assert str(await agent.run("What is the weather in Paris?")) == "21 degrees Celsius in Paris"


async def test_a_cut_call_runs_nothing_and_says_why(
    scripted_openrouter: StartScript, streaming: bool
) -> None:
    ran = []

    def delete_records(target: str = "everything") -> str:
        """Delete records."""
        ran.append(target)
        return "Deleted."

    delta = {"tool_calls": [call("delete_records", '{"target": "dra', 0, "call_1")]}
    cut = [chunk(delta), chunk({}, "length", usage=USAGE)]
    whole = {"id": "gen-1", "choices": [{"message": delta, "finish_reason": "length"}]}
    server = scripted_openrouter(stream_reply(cut) if streaming else json_reply(whole))
    llm = llm_for(server)
    agent = FunctionAgent(tools=[delete_records], llm=llm, streaming=streaming)
    with pytest.raises(TruncatedToolCallError, match="delete_records"):
        await agent.run("Delete the drafts.")
    assert ran == []


async def test_the_error_of_the_provider_reaches_the_caller(
    scripted_openrouter: StartScript, streaming: bool
) -> None:
    limited = json_reply({"error": {"code": 429, "message": "Too many requests"}}, 429)
    server = scripted_openrouter(limited)
    llm = llm_for(server)
    with pytest.raises(RateLimitError, match="Too many requests"):
        await FunctionAgent(tools=[get_weather], llm=llm, streaming=streaming).run("Hello")


async def test_the_reasoning_of_a_turn_goes_back_unmodified_with_the_next(
    llm: GLM, streaming: bool, offline_openrouter: OfflineServer
) -> None:
    handler = FunctionAgent(tools=[get_weather], llm=llm, streaming=streaming).run(
        "What is the weather in Paris?"
    )
    first, _ = await events_of(handler, AgentOutput)
    (thinking,) = (block for block in first.response.blocks if isinstance(block, ThinkingBlock))
    _, second = offline_openrouter.requests
    assert second.body["messages"][1]["reasoning_details"] == [
        {
            "type": "reasoning.text",
            "text": thinking.content,
            "format": "unknown",
            "index": 0,
        }
    ]


@CHAT_MEMORY_IS_NOT_STORED
async def test_each_request_of_a_turn_begins_with_the_one_before(
    llm: GLM, streaming: bool, offline_openrouter: OfflineServer
) -> None:
    agent = FunctionAgent(tools=[get_weather, multiply], llm=llm, streaming=streaming)
    context = Context(agent)
    await agent.run("Get the weather in Oslo, then multiply 6 and 7.", ctx=context)
    await agent.run("Get the weather in Rome.", ctx=context)
    sent = [json.dumps(request.body["messages"]) for request in offline_openrouter.requests]
    assert len(sent) == 5
    turns = (sent[:3], sent[3:])  # the reasoning of a turn stays behind when the next one begins
    for earlier, later in (pair for turn in turns for pair in pairwise(turn)):
        assert later.startswith(earlier[:-1])


@CHAT_MEMORY_IS_NOT_STORED
async def test_with_all_reasoning_each_request_begins_with_the_one_before(
    offline_openrouter: OfflineServer,
) -> None:
    llm = llm_for(offline_openrouter, reasoning_history="all")
    agent = FunctionAgent(tools=[get_weather], llm=llm)
    context = Context(agent)
    await agent.run("Get the weather in Oslo.", ctx=context)
    await agent.run("Get the weather in Rome.", ctx=context)
    sent = [json.dumps(request.body["messages"]) for request in offline_openrouter.requests]
    assert len(sent) == 4
    assert all(later.startswith(earlier[:-1]) for earlier, later in pairwise(sent))


def office(llm: GLM, streaming: bool = True) -> AgentWorkflow:
    """Return two agents, each of which can do one thing and knows of the other."""
    forecaster = FunctionAgent(
        name="Forecaster",
        description="Looks up the weather in cities",
        system_prompt="You look up the weather.",
        tools=[get_weather],
        can_handoff_to=["Calculator"],
        llm=llm,
        streaming=streaming,
    )
    calculator = FunctionAgent(
        name="Calculator",
        description="Multiplies numbers",
        system_prompt="You calculate.",
        tools=[multiply],
        can_handoff_to=["Forecaster"],
        llm=llm,
        streaming=streaming,
    )
    return AgentWorkflow(agents=[forecaster, calculator], root_agent="Forecaster")


async def test_agents_hand_over_to_and_fro(llm: GLM, streaming: bool) -> None:
    handler = office(llm, streaming).run("Multiply 6 and 7, then get the weather in Oslo.")
    outputs = await events_of(handler, AgentOutput)
    assert [(output.current_agent_name, called(output)) for output in outputs] == [
        ("Forecaster", ["handoff"]),
        ("Calculator", ["multiply"]),
        ("Calculator", ["handoff"]),
        ("Forecaster", ["get_weather"]),
        ("Forecaster", ["handoff", "multiply", "handoff", "get_weather"]),
    ]


def called(output: AgentOutput) -> list[str]:
    return [each.tool_name for each in output.tool_calls]


async def test_the_last_agent_has_the_last_word_not_the_hand_off(llm: GLM, streaming: bool) -> None:
    answer = str(
        await office(llm, streaming).run("Multiply 6 and 7, then get the weather in Oslo.")
    )
    assert "42" in answer
    assert "21 degrees Celsius in Oslo" in answer
    assert "handling the request" not in answer


async def test_an_agent_sees_what_the_other_one_thought_and_did(
    llm: GLM, offline_openrouter: OfflineServer
) -> None:
    await office(llm).run("Multiply 6 and 7, then get the weather in Oslo.")
    last = offline_openrouter.requests[-1].body["messages"]
    assert [message["role"] for message in last] == [
        "system",
        "user",
        *["assistant", "tool"] * 4,
    ]
    assert all(message["reasoning_details"] for message in last if message["role"] == "assistant")


async def test_a_react_agent_speaks_its_protocol_in_words(
    llm: GLM, streaming: bool, offline_openrouter: OfflineServer
) -> None:
    agent = ReActAgent(tools=[get_weather, multiply], llm=llm, streaming=streaming)
    output = await agent.run("What is the weather in Paris, and what is 17 times 23?")
    assert "391" in str(output)
    assert "21 degrees Celsius in Paris" in str(output)
    assert sorted(called(output)) == ["get_weather", "multiply"]
    assert not any("tools" in request.body for request in offline_openrouter.requests)


async def test_a_stop_sequence_keeps_a_react_agent_from_inventing_observations(
    scripted_openrouter: StartScript,
) -> None:
    act = 'Thought: I look.\nAction: get_weather\nAction Input: {"city": "Oslo"}\n'
    answer = "Thought: I can answer without using any more tools.\nAnswer: It is 21 degrees."
    server = scripted_openrouter(
        *(
            stream_reply([thinks("Hm."), chunk({"content": text}), chunk({}, "stop")])
            for text in (act, answer)
        )
    )
    stop = {"stop": ["Observation:"]}
    llm = llm_for(server, additional_kwargs=stop)
    handler = ReActAgent(tools=[get_weather], llm=llm).run("What is the weather in Oslo?")
    streamed = await events_of(handler, AgentStream)
    assert str(await handler) == "It is 21 degrees."
    assert [event.thinking_delta for event in streamed if event.thinking_delta] == ["Hm.", "Hm."]
    assert [request.body["stop"] for request in server.requests] == [["Observation:"]] * 2


async def test_a_code_agent_runs_the_code_that_the_model_writes(
    scripted_openrouter: StartScript, streaming: bool
) -> None:
    def run_code(code: str) -> str:
        """Run Python code and return what it prints."""
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(code, {"multiply": multiply})
        return printed.getvalue()

    texts = ("<execute>\nprint(multiply(17, 23))\n</execute>", "It is 391.")
    replies = [
        stream_reply([chunk({"content": text}), chunk({}, "stop")])
        if streaming
        else json_reply({"choices": [{"message": {"content": text}, "finish_reason": "stop"}]})
        for text in texts
    ]
    server = scripted_openrouter(*replies)
    llm = llm_for(server)
    agent = CodeActAgent(code_execute_fn=run_code, tools=[multiply], llm=llm, streaming=streaming)
    assert str(await agent.run("What is 17 times 23?")) == "It is 391."
    assert "391" in server.requests[1].body["messages"][-1]["content"]


@pytest.fixture(params=["Memory", "ChatMemoryBuffer"])
async def memory(request: pytest.FixtureRequest, llm: GLM) -> AsyncIterator[BaseMemory]:
    if request.param == "ChatMemoryBuffer":
        yield ChatMemoryBuffer.from_defaults(llm=llm)
        return
    engine = create_async_engine("sqlite+aiosqlite:///:memory:")  # so that the test can close it
    yield Memory.from_defaults(token_limit=4000, async_engine=engine)
    await engine.dispose()


async def test_an_agent_remembers(llm: GLM, memory: BaseMemory, streaming: bool) -> None:
    agent = FunctionAgent(tools=[get_weather], llm=llm, streaming=streaming)
    await agent.run("My name is Ada.", memory=memory)
    await agent.run("What is the weather in Paris?", memory=memory)
    assert "Ada" in str(await agent.run("What is my name?", memory=memory))


def test_a_memory_without_a_limit_takes_three_quarters_of_the_window(llm: GLM) -> None:
    assert ChatMemoryBuffer.from_defaults(llm=llm).token_limit == 202_752 * 3 // 4


@CHAT_MEMORY_IS_NOT_STORED
async def test_a_conversation_survives_as_json(offline_openrouter: OfflineServer) -> None:
    llm = llm_for(offline_openrouter, reasoning_history="all")
    agent = FunctionAgent(tools=[get_weather], llm=llm)
    context = Context(agent)
    await agent.run("What is the weather in Paris?", ctx=context)
    stored = json.dumps(context.to_dict())
    await agent.run("And in Rome?", ctx=Context.from_dict(agent, json.loads(stored)))
    _, second, third, *_ = (request.body["messages"] for request in offline_openrouter.requests)
    assert third[: len(second)] == second


async def test_an_agent_waits_for_a_human(llm: GLM, streaming: bool) -> None:
    async def book_table(ctx: Context, city: str) -> str:
        """Book a table in a city."""
        asks = InputRequiredEvent(prefix="For how many?")
        reply = await ctx.wait_for_event(HumanResponseEvent, waiter_event=asks, waiter_id="guests")
        return f"Booked in {city} for {reply.response}"

    agent = FunctionAgent(tools=[book_table], llm=llm, streaming=streaming)
    handler = agent.run("Book a table in Oslo.")
    async for event in handler.stream_events():
        if isinstance(event, InputRequiredEvent):
            assert event.prefix == "For how many?"
            handler.ctx.send_event(HumanResponseEvent(response="4"))
    assert "Booked in Oslo for 4" in str(await handler)


class Report(BaseModel):
    """The weather in a city."""

    city: str
    degrees: int


@pytest.mark.parametrize("kind", [FunctionAgent, ReActAgent])
async def test_an_agent_ends_with_an_object_and_no_tool_is_forced_for_it(
    llm: GLM, kind: Any, streaming: bool, offline_openrouter: OfflineServer
) -> None:
    agent = kind(tools=[get_weather], llm=llm, streaming=streaming, output_cls=Report)
    handler = agent.run("What is the weather in Paris?")
    (event,) = await events_of(handler, AgentStreamStructuredOutput)
    output = await handler
    assert output.get_pydantic_model(Report) == Report(city="Paris", degrees=21)
    assert event.output == output.structured_response
    last = offline_openrouter.requests[-1].body
    assert last["response_format"]["json_schema"]["name"] == "Report"
    assert not any("tool_choice" in request.body for request in offline_openrouter.requests)


async def test_an_agent_that_ran_out_of_steps_may_still_answer(
    llm: GLM, streaming: bool, offline_openrouter: OfflineServer
) -> None:
    agent = FunctionAgent(
        tools=[get_weather], llm=llm, streaming=streaming, early_stopping_method="generate"
    )
    output = await agent.run("What is the weather in Paris?", max_iterations=1)
    assert output.response.content
    assert "tools" not in offline_openrouter.requests[-1].body


async def test_agents_run_side_by_side(llm: GLM, streaming: bool) -> None:
    cities = ("Paris", "Rome", "Oslo", "Vienna")
    agent = FunctionAgent(tools=[get_weather], llm=llm, streaming=streaming)
    runs = (agent.run(f"What is the weather in {city}?") for city in cities)
    for city, output in zip(cities, await asyncio.gather(*runs), strict=True):
        assert f"21 degrees Celsius in {city}" in str(output)


async def test_a_run_that_is_cancelled_hangs_up(scripted_openrouter: StartScript) -> None:
    server = scripted_openrouter(stream_reply([chunk({"content": "Well"}), Hold()]))
    llm = llm_for(server)
    handler = FunctionAgent(tools=[get_weather], llm=llm).run("Hello")
    async for event in handler.stream_events():
        if isinstance(event, AgentStream) and event.delta == "Well":
            await handler.cancel_run()
    assert await asyncio.to_thread(server.connections[0].wait_closed)
