"""Agents of LangChain and LangGraph, from the question to the answer, against the offline server."""

from collections.abc import Iterator
from typing import Annotated, Any, TypedDict

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import (
    HumanInTheLoopMiddleware,
    ModelCallLimitMiddleware,
    SummarizationMiddleware,
    ToolRetryMiddleware,
)
from langchain_core.callbacks import get_usage_metadata_callback
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, ToolMessage
from langchain_core.tools import StructuredTool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages
from langgraph.prebuilt import ToolNode, tools_condition
from langgraph.types import Command, interrupt

from glm_openrouter.testing import OfflineServer
from langchain_glm import ChatGLM

THREAD: Any = {"configurable": {"thread_id": "thread-7"}}


@pytest.fixture
def model(offline_openrouter: OfflineServer) -> ChatGLM:
    return ChatGLM(api_key="sk-or-test", base_url=offline_openrouter.base_url)


@pytest.fixture(params=["invoke", "ainvoke"])
def run(request: pytest.FixtureRequest) -> Any:
    """Run a graph, in both ways, and return its state."""

    async def run(graph: Any, given: Any, config: Any = None) -> Any:
        if isinstance(given, str):
            given = {"messages": [("user", given)]}
        if request.param == "invoke":
            return graph.invoke(given, config)
        return await graph.ainvoke(given, config)

    return run


def get_weather(city: str) -> str:
    """Get the current weather in a city."""
    return f"21 degrees Celsius in {city}"


def results_in(state: Any) -> list[str]:
    return [
        str(message.content) for message in state["messages"] if isinstance(message, ToolMessage)
    ]


def answer_in(state: Any) -> str:
    return str(state["messages"][-1].text)


async def test_parallel_calls_all_run_and_reach_the_answer(model: ChatGLM, run: Any) -> None:
    agent = create_agent(model, [get_weather])
    state = await run(agent, "What is the weather in Paris and in Rome?")
    assert results_in(state) == ["21 degrees Celsius in Paris", "21 degrees Celsius in Rome"]
    assert "in Paris" in answer_in(state)
    assert "in Rome" in answer_in(state)


async def test_the_reasoning_of_the_first_turn_goes_back_with_the_second(
    model: ChatGLM, run: Any, offline_openrouter: OfflineServer
) -> None:
    state = await run(create_agent(model, [get_weather]), "What is the weather in Paris?")
    _, second = offline_openrouter.requests
    thought = state["messages"][1].additional_kwargs["reasoning_details"]
    assert second.body["messages"][1]["reasoning_details"] == thought


async def test_a_tool_with_a_nested_json_schema_gets_nested_arguments(
    model: ChatGLM, run: Any
) -> None:
    received = []

    def take(**arguments: Any) -> str:
        received.append(arguments)
        return "created"

    async def take_async(**arguments: Any) -> str:
        return take(**arguments)

    place = {
        "type": "object",
        "properties": {"city": {"type": "string"}, "room": {"type": "integer"}},
        "required": ["city"],
    }
    tool = StructuredTool(
        name="create_event",
        description="Create a calendar event.",
        args_schema={
            "type": "object",
            "properties": {"title": {"type": "string"}, "place": place},
            "required": ["title", "place"],
        },
        func=take,
        coroutine=take_async,
    )
    question = 'Create an event titled "Review" in the city of Oslo, room 12.'
    await run(create_agent(model, [tool]), question)
    assert received == [{"title": "Review", "place": {"city": "Oslo", "room": 12}}]


async def test_a_tool_that_raises_is_tried_again_by_the_retry_middleware(
    model: ChatGLM, run: Any
) -> None:
    tries = []

    def get_population(city: str) -> str:
        """Get the population of a city."""
        tries.append(city)
        if len(tries) < 3:
            raise ConnectionError("The register is down.")
        return "2 million people"

    retry = ToolRetryMiddleware(max_retries=2, initial_delay=0, jitter=False)
    agent = create_agent(model, [get_population], middleware=[retry])
    state = await run(agent, "What is the population of Paris?")
    assert tries == ["Paris"] * 3
    assert "2 million people" in answer_in(state)


async def test_the_error_of_a_tool_becomes_a_result_that_the_model_reads(
    model: ChatGLM, run: Any
) -> None:
    def get_population(city: str) -> str:
        """Get the population of a city."""
        raise ConnectionError("The register is down.")

    give_up = ToolRetryMiddleware(max_retries=0, on_failure="continue")
    agent = create_agent(model, [get_population], middleware=[give_up])
    state = await run(agent, "What is the population of Paris?")
    (result,) = [each for each in state["messages"] if isinstance(each, ToolMessage)]
    assert result.status == "error"
    assert "The register is down" in answer_in(state)


async def test_the_limit_of_model_calls_ends_the_run(
    model: ChatGLM, run: Any, offline_openrouter: OfflineServer
) -> None:
    limit = ModelCallLimitMiddleware(run_limit=1)
    agent = create_agent(model, [get_weather], middleware=[limit])
    state = await run(agent, "What is the weather in Paris?")
    assert "limit" in answer_in(state)
    assert len(offline_openrouter.requests) == 1


async def test_a_long_conversation_is_summarised_by_the_model(model: ChatGLM, run: Any) -> None:
    summarise = SummarizationMiddleware(model, trigger=("messages", 5), keep=("messages", 2))
    saver = InMemorySaver()
    agent = create_agent(model, [get_weather], middleware=[summarise], checkpointer=saver)
    for city in ("Paris", "Rome", "Oslo"):
        state = await run(agent, f"What is the weather in {city}?", THREAD)
    assert str(state["messages"][0].text).startswith("Here is a summary of the conversation")
    assert "in Oslo" in answer_in(state)


async def test_a_call_waits_for_approval_and_then_runs(model: ChatGLM, run: Any) -> None:
    calls = []

    def send_mail(to: str) -> str:
        """Send a mail to an address."""
        calls.append(to)
        return f"Sent to {to}"

    approve = HumanInTheLoopMiddleware(interrupt_on={"send_mail": True})
    agent = create_agent(model, [send_mail], middleware=[approve], checkpointer=InMemorySaver())
    state = await run(agent, "Send a mail to ada@example.com.", THREAD)
    assert state["__interrupt__"]
    assert calls == []
    decision = {"decisions": [{"type": "approve"}]}
    state = await run(agent, Command(resume=decision), THREAD)
    assert calls == ["ada@example.com"]
    assert "Sent to ada@example.com" in answer_in(state)


class Conversation(TypedDict):
    messages: Annotated[list[BaseMessage], add_messages]


def build_graph(model: ChatGLM, tool: Any) -> Any:
    """Return a graph written by hand: a model node, a tool node, a checkpointer."""
    bound = model.bind_tools([tool])

    def call_model(state: Conversation) -> Any:
        return {"messages": [bound.invoke(state["messages"])]}

    graph = StateGraph(Conversation)
    graph.add_node("model", call_model)
    graph.add_node("tools", ToolNode([tool]))
    graph.add_edge(START, "model")
    graph.add_conditional_edges("model", tools_condition, {"tools": "tools", END: END})
    graph.add_edge("tools", "model")
    return graph.compile(checkpointer=InMemorySaver())


def streamed(graph: Any, question: str) -> Iterator[tuple[str, Any]]:
    given = {"messages": [("user", question)]}
    yield from graph.stream(given, THREAD, stream_mode=["messages", "values"])


def test_a_graph_streams_the_increments_of_the_model_and_the_states(model: ChatGLM) -> None:
    parts = list(streamed(build_graph(model, get_weather), "What is the weather in Paris?"))
    chunks = [part[0] for mode, part in parts if mode == "messages"]
    state = [part for mode, part in parts if mode == "values"][-1]
    text = "".join(str(chunk.text) for chunk in chunks if isinstance(chunk, AIMessageChunk))
    written = "".join(str(each.text) for each in state["messages"] if isinstance(each, AIMessage))
    assert text == written
    assert len(chunks) > 10
    assert any(chunk.additional_kwargs.get("reasoning_content") for chunk in chunks)
    assert any(getattr(chunk, "tool_call_chunks", None) for chunk in chunks)


def test_usage_is_the_same_in_the_stream_the_states_and_the_callback(model: ChatGLM) -> None:
    with get_usage_metadata_callback() as counted:
        parts = list(streamed(build_graph(model, get_weather), "What is the weather in Paris?"))
    chunks = [part[0] for mode, part in parts if mode == "messages"]
    state = [part for mode, part in parts if mode == "values"][-1]

    def total(messages: list[Any]) -> int:
        usages = (getattr(message, "usage_metadata", None) for message in messages)
        return sum(usage["total_tokens"] for usage in usages if usage)

    (by_model,) = counted.usage_metadata.values()
    assert total(chunks) == total(state["messages"]) == by_model["total_tokens"] > 0


async def test_a_graph_remembers_the_thread_and_only_that(
    model: ChatGLM, run: Any, offline_openrouter: OfflineServer
) -> None:
    graph = create_agent(model, [get_weather], checkpointer=InMemorySaver())
    await run(graph, "My name is Ada.", THREAD)
    await run(graph, "What is the weather in Oslo?", THREAD)
    await run(graph, "Hello.", {"configurable": {"thread_id": "another"}})
    first, second, *_, other = offline_openrouter.requests
    assert second.body["messages"][: len(first.body["messages"])] == first.body["messages"]
    assert len(other.body["messages"]) == 1


async def test_an_interrupt_inside_a_tool_resumes_where_it_was(model: ChatGLM, run: Any) -> None:
    def book_table(city: str) -> str:
        """Book a table in a city."""
        return f"Booked in {city} for {interrupt('For how many?')}"

    agent = create_agent(model, [book_table], checkpointer=InMemorySaver())
    state = await run(agent, "Book a table in Oslo.", THREAD)
    assert [each.value for each in state["__interrupt__"]] == ["For how many?"]
    state = await run(agent, Command(resume=4), THREAD)
    assert results_in(state) == ["Booked in Oslo for 4"]


@pytest.mark.filterwarnings("ignore:The v3 streaming protocol")
def test_a_graph_streams_the_events_that_the_model_makes(
    model: ChatGLM, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(ChatGLM, "_stream")  # of which LangGraph would have to make events
    agent = create_agent(model, [get_weather])
    given: Any = {"messages": [("user", "What is the weather in Paris?")]}
    first, second = list(agent.stream_events(given, version="v3").messages)
    assert first.reasoning.get()
    assert [call["args"] for call in first.tool_calls.get()] == [{"city": "Paris"}]
    assert "21 degrees Celsius in Paris" in second.text.get()
    assert second.output.usage_metadata["total_tokens"] > 0
