"""What LangChain expects of a chat model, beside its answers."""

import json
import threading
from itertools import pairwise
from typing import Any, TypedDict

import httpx
import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import ModelFallbackMiddleware, ModelRetryMiddleware
from langchain_core.caches import InMemoryCache
from langchain_core.callbacks import get_usage_metadata_callback
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.rate_limiters import BaseRateLimiter
from langchain_core.runnables import ConfigurableField, RunnableLambda
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph

from glm_openrouter import session
from glm_openrouter.testing import ScriptedServer, json_reply, stream_reply
from glm_openrouter.testing.pytest_plugin import StartScript
from langchain_glm import GLM, BadRequestError, ChatGLM, RateLimitError
from support.langchain_models import (
    Ask,
    Recorder,
    ainvoke,
    astream,
    every_way,
    invoke,
    llm_for,
    model_for,
    stream,
)
from support.samples import THOUGHT_CALL
from support.wire import USAGE, call, chunk, response_body

HELLO = [chunk({"content": "Hel"}), chunk({"content": "lo"}), chunk({}, "stop", usage=USAGE)]
SLOW_DOWN = json_reply({"error": {"code": 429, "message": "Slow down"}}, 429)
REFUSED = json_reply({"error": {"code": 400, "message": "Bad"}}, 400)


# Retries and fallbacks


def test_a_retry_acts_on_our_errors(scripted_openrouter: StartScript) -> None:
    server = scripted_openrouter(SLOW_DOWN, stream_reply(HELLO))
    retrying = model_for(server).with_retry(
        retry_if_exception_type=(RateLimitError,), wait_exponential_jitter=False
    )
    assert retrying.invoke("?").text == "Hello"


def retry_middleware() -> ModelRetryMiddleware:
    return ModelRetryMiddleware(
        max_retries=2,
        retry_on=lambda error: getattr(error, "is_retryable", False),
        initial_delay=0,
        jitter=False,
    )


def test_the_retry_middleware_repeats_what_may_pass(scripted_openrouter: StartScript) -> None:
    server = scripted_openrouter(SLOW_DOWN, SLOW_DOWN, stream_reply(HELLO))
    agent = create_agent(model_for(server), middleware=[retry_middleware()])
    assert agent.invoke({"messages": [HumanMessage("?")]})["messages"][-1].text == "Hello"


def test_the_retry_middleware_repeats_nothing_else(scripted_openrouter: StartScript) -> None:
    server = scripted_openrouter(REFUSED)
    agent = create_agent(model_for(server), middleware=[retry_middleware()])
    with pytest.raises(BadRequestError):
        agent.invoke({"messages": [HumanMessage("?")]})
    assert len(server.requests) == 1


def test_the_fallback_middleware_asks_the_next_model(scripted_openrouter: StartScript) -> None:
    server = scripted_openrouter(SLOW_DOWN, stream_reply(HELLO))
    fallback = ModelFallbackMiddleware(model_for(server, model="z-ai/glm-4.5-air"))
    agent = create_agent(model_for(server), middleware=[fallback])
    assert agent.invoke({"messages": [HumanMessage("?")]})["messages"][-1].text == "Hello"
    assert server.requests[1].body["model"] == "z-ai/glm-4.5-air"


# Rate limits, batches, caches


class Turnstile(BaseRateLimiter):
    """Lets everybody through and counts."""

    def __init__(self) -> None:
        self.passed = 0

    def acquire(self, *, blocking: bool = True) -> bool:
        self.passed += 1
        return True

    async def aacquire(self, *, blocking: bool = True) -> bool:
        return self.acquire(blocking=blocking)


@every_way
async def test_a_rate_limiter_sees_each_request(scripted_openrouter: StartScript, ask: Ask) -> None:
    turnstile = Turnstile()
    await ask(model_for(scripted_openrouter(stream_reply(HELLO)), rate_limiter=turnstile), "?")
    assert turnstile.passed == 1


@pytest.mark.parametrize("is_async", [False, True], ids=["batch", "abatch"])
async def test_a_batch_keeps_to_its_limit(scripted_openrouter: StartScript, is_async: bool) -> None:
    server = scripted_openrouter(stream_reply(HELLO, interval=0.01))
    model, config = model_for(server), {"max_concurrency": 2}
    if is_async:
        answers = await model.abatch(["?"] * 6, config)  # type: ignore[arg-type]
    else:
        answers = model.batch(["?"] * 6, config)  # type: ignore[arg-type]
    assert [answer.text for answer in answers] == ["Hello"] * 6
    assert len(server.connections) == 2


@every_way
async def test_a_cached_answer_is_the_same(scripted_openrouter: StartScript, ask: Ask) -> None:
    server = scripted_openrouter(stream_reply(THOUGHT_CALL))
    model = model_for(server, cache=InMemoryCache())
    first = model.invoke("?")
    again = await ask(model, "?")
    assert (again.text, again.tool_calls, again.additional_kwargs) == (
        first.text,
        first.tool_calls,
        first.additional_kwargs,
    )
    if ask in (invoke, ainvoke):
        assert len(server.requests) == 1


SETTINGS: list[dict[str, Any]] = [
    {"model": "z-ai/glm-4.6:nitro"},
    {"temperature": 0.5},
    {"reasoning": False},
    {"provider": {"only": ["z-ai"]}},
    {"extra_body": {"new": 1}},
    {"model_kwargs": {"new": 1}},
    {"stop": ["fjord"]},
    {"repairs": ()},
]


@pytest.mark.parametrize("setting", SETTINGS, ids=str)
def test_a_cache_knows_the_settings_and_no_key(
    scripted_openrouter: StartScript, setting: dict[str, Any]
) -> None:
    server, cache = scripted_openrouter(stream_reply(HELLO)), InMemoryCache()
    for arguments in ({}, setting, {}, setting):
        model_for(server, cache=cache, **arguments).invoke("?")
    assert len(server.requests) == 2
    assert "sk-or-test" not in str(cache._cache.keys())


# Configuration


def test_fields_can_be_configured(scripted_openrouter: StartScript) -> None:
    server = scripted_openrouter(stream_reply(HELLO))
    model = model_for(server, temperature=0.1).configurable_fields(
        temperature=ConfigurableField("temperature"), model_name=ConfigurableField("model")
    )
    model.invoke("?")
    configured = {"temperature": 0.9, "model": "z-ai/glm-4.5"}
    model.with_config(configurable=configured).invoke("?")
    sent = [
        {key: request.body[key] for key in ("temperature", "model")} for request in server.requests
    ]
    assert sent == [{"temperature": 0.1, "model": "z-ai/glm-4.6:exacto"}, configured]


def test_there_can_be_alternatives(scripted_openrouter: StartScript) -> None:
    server = scripted_openrouter(stream_reply(HELLO))
    model = model_for(server).configurable_alternatives(
        ConfigurableField("speed"), quick=model_for(server, model="z-ai/glm-4.5-air")
    )
    model.with_config(configurable={"speed": "quick"}).invoke("?")
    assert server.requests[0].body["model"] == "z-ai/glm-4.5-air"


def test_what_is_bound_is_sent(scripted_openrouter: StartScript) -> None:
    server = scripted_openrouter(stream_reply(HELLO))
    model_for(server).bind(stop=["END"], temperature=0.3, extra_body={"new": 1}).invoke("?")
    body = server.requests[0].body
    assert (body["stop"], body["temperature"], body["new"]) == (["END"], 0.3, 1)


@every_way
async def test_the_answer_ends_at_a_stop_text(scripted_openrouter: StartScript, ask: Ask) -> None:
    pieces = ["Action: look\nObs", "ervation: none\n", "Action: swim"]
    events = [*(chunk({"content": piece}) for piece in pieces), chunk({}, "stop", usage=USAGE)]
    message = await ask(
        model_for(scripted_openrouter(stream_reply(events))), "?", stop=["\nObservation"]
    )
    assert message.text == "Action: look"
    assert message.response_metadata["finish_reason"] == "stop"


@pytest.mark.parametrize(
    ("setting", "streams"),
    [
        ({}, {"invoke": True, "stream": True}),
        ({"streaming": True}, {"invoke": True, "stream": True}),
        ({"streaming": False}, {"invoke": True, "stream": True}),
        ({"disable_streaming": True}, {"invoke": False, "stream": False}),
        ({"wire_stream": False}, {"invoke": False, "stream": True}),
        ({"plugins": [{"id": "response-healing"}]}, {"invoke": False, "stream": True}),
    ],
    ids=str,
)
@every_way
async def test_it_streams_on_the_wire_when_it_should(
    scripted_openrouter: StartScript, ask: Ask, setting: dict[str, Any], streams: dict[str, bool]
) -> None:
    server = scripted_openrouter(stream_reply(HELLO))
    await ask(model_for(server, **setting), "?")
    assert server.requests[0].body.get("stream", False) == streams[ask.__name__.removeprefix("a")]


def test_streaming_can_be_off_with_tools_only(scripted_openrouter: StartScript) -> None:
    server = scripted_openrouter(stream_reply(HELLO))
    model = model_for(server, disable_streaming="tool_calling")
    list(model.stream("?"))
    with_tools = model.bind_tools([{"type": "openrouter:web_search"}])
    list(with_tools.stream("?"))
    with_tools.invoke("?")
    assert ["stream" in request.body for request in server.requests] == [True, False, False]


# Callbacks and tracing


@pytest.mark.usefixtures("separate_reads")
@every_way
async def test_callbacks_hear_all(scripted_openrouter: StartScript, ask: Ask) -> None:
    heard = Recorder()
    model = model_for(scripted_openrouter(stream_reply(HELLO)))
    await ask(model, "?", config={"callbacks": [heard]})
    tokens = [event for event in heard.events if event]
    streamed = ["Hel", "lo"] if ask in (stream, astream) else []
    assert tokens == ["start", *streamed, "end"]


@every_way
async def test_callbacks_hear_of_an_error_and_what_came_before(
    scripted_openrouter: StartScript, ask: Ask
) -> None:
    heard = Recorder()
    error = chunk({}, "error", error={"code": 429, "message": "Slow down"})
    model = model_for(scripted_openrouter(stream_reply([HELLO[0], error])))
    with pytest.raises(RateLimitError) as caught:
        await ask(model, "?", config={"callbacks": [heard]})
    assert (heard.events[0], heard.events[-1]) == ("start", "RateLimitError")
    assert caught.value.partial_text == "Hel"
    if ask in (stream, astream):
        assert heard.result is not None
        assert heard.result.generations[0][0].text == "Hel"


@every_way
async def test_usage_is_summed(scripted_openrouter: StartScript, ask: Ask) -> None:
    model = model_for(scripted_openrouter(stream_reply(HELLO)))
    with get_usage_metadata_callback() as usage:
        message = await ask(model, "?")
        await ask(model, "?")
    assert usage.usage_metadata["z-ai/glm-4.6"]["total_tokens"] == 2 * USAGE["total_tokens"]
    assert message.response_metadata["cost"] == USAGE["cost"]


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("z-ai/glm-4.6:exacto", {"ls_model_name": "z-ai/glm-4.6", "model_variant": "exacto"}),
        ("z-ai/glm-4.6", {"ls_model_name": "z-ai/glm-4.6"}),
        (
            "z-ai/glm-4.6@preset/mine",
            {"ls_model_name": "z-ai/glm-4.6", "model_variant": "@preset/mine"},
        ),
    ],
)
@pytest.mark.parametrize("kind", [ChatGLM, GLM])
def test_traces_name_the_model_as_price_tables_do(
    kind: type[ChatGLM | GLM], model: str, expected: dict[str, str]
) -> None:
    made = kind(model=model, api_key="sk-or-test", temperature=0.3, max_tokens=9)
    traced = made._get_ls_params(stop=["END"])
    known = {
        "ls_provider": "openrouter",
        "ls_temperature": 0.3,
        "ls_max_tokens": 9,
        "ls_stop": ["END"],
    }
    assert {**traced, "ls_model_type": ""} == {**known, **expected, "ls_model_type": ""}


@pytest.mark.parametrize("kind", [ChatGLM, GLM])
@pytest.mark.parametrize("stop", ["END", ["END"]], ids=["one", "a list"])
def test_traces_have_the_stop_texts_of_the_model(
    kind: type[ChatGLM | GLM], stop: str | list[str]
) -> None:
    made = kind(api_key="sk-or-test", stop=stop)
    assert made._get_ls_params()["ls_stop"] == ["END"]
    assert made._get_ls_params(stop=["STOP"])["ls_stop"] == ["STOP"]


@pytest.mark.parametrize("kind", [ChatGLM, GLM])
def test_traces_name_the_packages_that_took_part(
    scripted_openrouter: StartScript, kind: type[ChatGLM | GLM]
) -> None:
    server, heard, mine = scripted_openrouter(stream_reply(HELLO)), Recorder(), {"mine": 1}
    model = kind(api_key="sk-or-test", base_url=server.base_url, metadata=mine)
    model.invoke("?", {"callbacks": [heard]})
    assert heard.metadata["lc_versions"].keys() >= {"langchain-core", "glm-openrouter"}
    assert heard.metadata["mine"] == 1
    assert mine == {"mine": 1}


@every_way
async def test_callbacks_hear_which_model_answered_and_how_it_ended(
    scripted_openrouter: StartScript, ask: Ask
) -> None:
    heard = Recorder()
    await ask(
        model_for(scripted_openrouter(stream_reply(HELLO))), "?", config={"callbacks": [heard]}
    )
    assert heard.result is not None
    assert heard.result.generations[0][0].generation_info == {"finish_reason": "stop"}
    if ask in (invoke, ainvoke):
        answered = {"id": "gen-1760000000-Harbour", "model_name": "z-ai/glm-4.6"}
        assert heard.result.llm_output == {**answered, "created": 1760000000}


def test_what_is_traced_is_in_the_metadata_of_a_run(scripted_openrouter: StartScript) -> None:
    heard = Recorder()
    model_for(scripted_openrouter(stream_reply(HELLO))).invoke("?", {"callbacks": [heard]})
    assert heard.metadata["ls_model_name"] == "z-ai/glm-4.6"
    assert heard.metadata["model_variant"] == "exacto"


# Conversations


def in_thread(name: object) -> dict[str, Any]:
    return {"configurable": {"thread_id": name}}


def sessions(server: ScriptedServer) -> list[str | None]:
    return [request.body.get("session_id") for request in server.requests]


def graph_of(node: Any) -> Any:
    graph = StateGraph(MessagesState)
    graph.add_node("answer", node)
    graph.add_edge(START, "answer")
    return graph.compile(checkpointer=InMemorySaver())


async def test_a_thread_is_a_session(scripted_openrouter: StartScript) -> None:
    server = scripted_openrouter(stream_reply(HELLO))
    model = model_for(server)

    def answer(state: MessagesState) -> dict[str, Any]:
        return {"messages": [model.invoke(state["messages"])]}

    async def answer_later(state: MessagesState) -> dict[str, Any]:
        return {"messages": [await model.ainvoke(state["messages"])]}

    question = {"messages": [HumanMessage("?")]}
    graph, later = graph_of(answer), graph_of(answer_later)
    graph.invoke(question, in_thread("trip-1"))
    list(graph.stream(question, in_thread("trip-1"), stream_mode="messages"))
    graph.invoke(question, in_thread("trip-2"))
    await later.ainvoke(question, in_thread("trip-1"))
    graph.invoke(question, in_thread(7))
    assert sessions(server) == ["trip-1", "trip-1", "trip-2", "trip-1", "7"]


def test_a_thread_of_an_agent_or_a_chain_is_a_session(scripted_openrouter: StartScript) -> None:
    server = scripted_openrouter(stream_reply(HELLO))
    agent = create_agent(model_for(server), checkpointer=InMemorySaver())
    agent.invoke({"messages": [HumanMessage("?")]}, in_thread("trip-1"))
    chain = ChatPromptTemplate.from_template("{x}") | model_for(server)
    chain.invoke({"x": "?"}, in_thread("trip-2"))  # type: ignore[arg-type]
    assert sessions(server) == ["trip-1", "trip-2"]


@pytest.mark.parametrize("make", [model_for, llm_for])
async def test_a_thread_in_the_config_of_a_call_is_a_session(
    scripted_openrouter: StartScript, make: Any
) -> None:
    server = scripted_openrouter(stream_reply(HELLO))
    model = make(server)
    bound = model.bind(temperature=0)
    model.invoke("?", in_thread("invoke"))
    await model.ainvoke("?", config=in_thread("ainvoke"))
    list(model.stream("?", in_thread("stream")))
    _ = [part async for part in model.astream("?", in_thread("astream"))]
    bound.invoke("?", in_thread("bind"))
    await bound.ainvoke("?", in_thread("abind"))
    model.with_config(in_thread("config")).invoke("?")
    list(bound.with_config(in_thread("both")).stream("?"))
    model.with_retry().invoke("?", in_thread("retry"))
    _ = [event async for event in model.astream_events("?", in_thread("events"), version="v2")]
    model.invoke("?")
    named = ["invoke", "ainvoke", "stream", "astream", "bind", "abind", "config", "both"]
    assert sessions(server) == [*named, "retry", "events", None]


@pytest.mark.filterwarnings("ignore:The method .* is in beta")
async def test_a_thread_of_a_chat_model_alone_is_a_session(
    scripted_openrouter: StartScript,
) -> None:
    server = scripted_openrouter(stream_reply(HELLO))
    model = model_for(server)
    list(model.stream_events("?", in_thread("events"), version="v3"))
    async for _ in await model.astream_events("?", in_thread("aevents"), version="v3"):
        pass
    model.batch(["?", "?"], [in_thread("first"), in_thread("second")])
    model_for(server, streaming=True).invoke("?", in_thread("streaming"))
    assert [*sessions(server)[:2], sessions(server)[-1]] == ["events", "aevents", "streaming"]
    assert {*sessions(server)[2:-1]} == {"first", "second"}


def test_the_thread_of_a_call_wins_over_that_of_the_run(scripted_openrouter: StartScript) -> None:
    server = scripted_openrouter(stream_reply(HELLO))
    model = model_for(server)

    def ask(_: str) -> None:
        model.invoke("?", in_thread("call"))
        model.invoke("?")

    RunnableLambda(ask).invoke("", in_thread("run"))  # type: ignore[arg-type]
    assert sessions(server) == ["call", "run"]


def test_the_thread_of_a_call_is_no_part_of_what_is_cached(
    scripted_openrouter: StartScript,
) -> None:
    server = scripted_openrouter(stream_reply(HELLO))
    for model in (
        model_for(server, cache=InMemoryCache()),
        llm_for(server, cache=InMemoryCache()),
    ):
        for name in ("first", "second"):
            model.invoke("?", in_thread(name))
    assert sessions(server) == ["first", "first"]


def test_a_session_that_is_set_wins_over_the_thread(scripted_openrouter: StartScript) -> None:
    server = scripted_openrouter(stream_reply(HELLO))
    of_model, of_call = model_for(server, session_id="mine"), model_for(server)

    def ask(_: str) -> None:
        of_model.invoke("?")
        of_call.invoke("?", session_id="call")
        with session("block"):
            of_call.invoke("?")

    RunnableLambda(ask).invoke("", in_thread("trip"))  # type: ignore[arg-type]
    assert sessions(server) == ["mine", "call", "block"]


def test_a_session_has_no_more_characters_than_openrouter_takes(
    scripted_openrouter: StartScript,
) -> None:
    server = scripted_openrouter(stream_reply(HELLO))
    model = model_for(server)
    for name in ("x" * 300 + "1", "x" * 300 + "2"):
        RunnableLambda(lambda _: model.invoke("?")).invoke("", in_thread(name))  # type: ignore[arg-type]
    first, second = sessions(server)
    assert first is not None
    assert len(first) <= 256
    assert first != second


def test_without_a_conversation_there_is_no_session(scripted_openrouter: StartScript) -> None:
    server = scripted_openrouter(stream_reply(HELLO))
    model_for(server).invoke("?")
    assert sessions(server) == [None]


class Look(TypedDict):
    """Look somewhere."""

    place: str


def raw_messages(content: bytes) -> bytes:
    """Return the bytes of `messages` in a body, without the end of the array."""
    start = content.index(b'"messages":') + len(b'"messages":')
    rest = content[start:].decode()
    _, end = json.JSONDecoder().raw_decode(rest)
    return rest[: end - 1].encode()


def test_each_request_of_an_agent_begins_with_the_bytes_of_the_one_before(
    scripted_openrouter: StartScript,
) -> None:
    def turn(number: int) -> Any:
        # Arguments in spacings and orders of their own, as models write them.
        written = [f'{{"place": "bay {number}", "day": 1}}', f'{{"day":{number}.0,  "place":"ü"}}']
        return stream_reply(
            [
                chunk({"reasoning": f"Turn {number}."}),
                chunk({"content": f"Let me look {number}. "}),
                *(
                    chunk({"tool_calls": [call("look", text, index, f"call_{number}_{index}")]})
                    for index, text in enumerate(written)
                ),
                chunk({}, "tool_calls", usage=USAGE),
            ]
        )

    def look(place: str, day: float) -> str:
        """Look somewhere."""
        return f"{place}: nothing on day {day}"

    bodies: list[bytes] = []
    lock = threading.Lock()

    def note(request: httpx.Request) -> None:
        with lock:
            bodies.append(request.read())

    turns = [turn(number) for number in range(10)]
    server = scripted_openrouter(*turns, stream_reply(HELLO))
    client = httpx.Client(event_hooks={"request": [note]})
    agent = create_agent(
        model_for(server, http_client=client),
        [look],
        system_prompt="Look well.",
        checkpointer=InMemorySaver(),
    )
    question = {"messages": [HumanMessage("Where is the boat?")]}
    list(agent.stream(question, in_thread("search"), stream_mode="messages"))
    client.close()
    assert len(bodies) == 11
    sent = [raw_messages(body) for body in bodies]
    assert all(later.startswith(earlier) for earlier, later in pairwise(sent))
    assert {json.loads(body)["session_id"] for body in bodies} == {"search"}


def test_a_conversation_may_leave_langchain(scripted_openrouter: StartScript) -> None:
    server = scripted_openrouter(json_reply(response_body({"content": "Hi"})))
    message = model_for(server).invoke("?")
    again = AIMessage(**json.loads(message.model_dump_json()))
    model_for(server).invoke([HumanMessage("?"), again])
    assert server.requests[-1].body["messages"][1] == {"role": "assistant", "content": "Hi"}
