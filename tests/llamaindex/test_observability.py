"""What listens to LlamaIndex sees tokens and cost, and never the key."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.callbacks import (
    CallbackManager,
    CBEventType,
    EventPayload,
    LlamaDebugHandler,
    TokenCountingHandler,
)
from llama_index.core.instrumentation import get_dispatcher
from llama_index.core.instrumentation.events.llm import (
    LLMChatEndEvent,
    LLMChatInProgressEvent,
    LLMChatStartEvent,
    LLMCompletionEndEvent,
    LLMCompletionInProgressEvent,
    LLMCompletionStartEvent,
)
from llama_index.core.instrumentation.span_handlers import SimpleSpanHandler
from llama_index.core.workflow import Context

from glm_openrouter import APIError, session
from glm_openrouter.testing import ScriptedServer, stream_reply
from glm_openrouter.testing.pytest_plugin import StartScript
from llamaindex_glm import GLM
from support.known_faults import CHAT_MEMORY_IS_NOT_STORED
from support.llamaindex_models import METHODS, STREAMS, ask, listening, llm_for
from support.models import CHAT
from support.samples import THOUGHT_CALL
from support.wire import USAGE, chunk

KEY = "sk-or-v1-secret"
HELLO = stream_reply([chunk({"content": "Hi"}), chunk({"content": "!"}, "stop", usage=USAGE)])
WITHOUT_USAGE = stream_reply([chunk({"content": "Hi there"}, "stop")])


@pytest.fixture
def events() -> Iterator[list[Any]]:
    """The events of the test, as they come."""
    with listening() as events:
        yield events


def kinds(method: str) -> list[type]:
    chats = method in CHAT
    start, progress, end = (
        (LLMChatStartEvent, LLMChatInProgressEvent, LLMChatEndEvent)
        if chats
        else (LLMCompletionStartEvent, LLMCompletionInProgressEvent, LLMCompletionEndEvent)
    )
    return [start, *([progress] * 3 if method in STREAMS else []), end]


@pytest.mark.usefixtures("separate_reads")
@pytest.mark.parametrize("method", METHODS)
async def test_a_call_has_its_start_its_progress_and_its_end(
    scripted_openrouter: StartScript, events: list[Any], method: str
) -> None:
    await ask(llm_for(scripted_openrouter(HELLO)), method)
    assert [type(event) for event in events if "Span" not in type(event).__name__] == kinds(method)


@pytest.mark.parametrize("method", METHODS)
async def test_the_end_has_usage_and_cost(
    scripted_openrouter: StartScript, events: list[Any], method: str
) -> None:
    await ask(llm_for(scripted_openrouter(HELLO)), method)
    dumped = json.loads(events[-1].model_dump_json())["response"]
    assert dumped["raw"]["usage"]["cost"] == USAGE["cost"]
    expected = {
        "prompt_tokens": 31,
        "completion_tokens": 17,
        "cached_tokens": 12,
        "reasoning_tokens": 9,
        "cost": USAGE["cost"],
        "provider": "Novita",
    }
    assert expected.items() <= dumped["additional_kwargs"].items()


@pytest.mark.parametrize("method", METHODS)
async def test_the_start_says_which_model_and_what_was_asked_for(
    scripted_openrouter: StartScript, events: list[Any], method: str
) -> None:
    await ask(llm_for(scripted_openrouter(HELLO)), method, "Tea?", temperature=0.5)
    start = next(event for event in events if type(event) is kinds(method)[0])
    assert "z-ai/glm-4.6:exacto" in start.model_dict.values()
    assert start.additional_kwargs == {"temperature": 0.5}
    assert "Tea?" in str(start.messages if method in CHAT else start.prompt)


@pytest.mark.parametrize("method", STREAMS)
async def test_a_failure_is_an_event_too(
    scripted_openrouter: StartScript, events: list[Any], method: str
) -> None:
    handler = LlamaDebugHandler(print_trace_on_end=False)
    server = scripted_openrouter(stream_reply([chunk({"content": "Hi"})], done=False))
    llm = llm_for(server, callback_manager=CallbackManager([handler]))
    with pytest.raises(APIError) as caught:
        await ask(llm, method)
    assert [event.exception for event in events if hasattr(event, "exception")] == [caught.value]
    ((_, end),) = handler.get_event_pairs(CBEventType.LLM)
    assert end.payload == {EventPayload.EXCEPTION: caught.value}


@pytest.mark.parametrize("method", METHODS)
async def test_callbacks_get_the_response_with_its_usage(
    scripted_openrouter: StartScript, method: str
) -> None:
    handler = LlamaDebugHandler(print_trace_on_end=False)
    llm = llm_for(scripted_openrouter(HELLO), callback_manager=CallbackManager([handler]))
    *_, last = await ask(llm, method)
    ((start, end),) = handler.get_event_pairs(CBEventType.LLM)
    name = EventPayload.RESPONSE if method in CHAT else EventPayload.COMPLETION
    assert end.payload is not None
    assert end.payload[name] == last
    assert last.raw["usage"]["total_tokens"] == USAGE["total_tokens"]
    assert start.payload is not None
    assert EventPayload.SERIALIZED in start.payload


def counting(server: ScriptedServer) -> tuple[GLM, TokenCountingHandler]:
    # The tokenizer is only there for responses without usage; that of LlamaIndex would have to be downloaded.
    counter = TokenCountingHandler(tokenizer=str.split)
    return llm_for(server, callback_manager=CallbackManager([counter])), counter


@pytest.mark.parametrize("method", METHODS)
async def test_the_token_counter_counts_what_openrouter_counted(
    scripted_openrouter: StartScript, method: str
) -> None:
    llm, counter = counting(scripted_openrouter(HELLO))
    await ask(llm, method)
    await ask(llm, method)
    counts = (
        counter.prompt_llm_token_count,
        counter.completion_llm_token_count,
        counter.total_llm_token_count,
    )
    assert counts == (62, 34, 96)


@pytest.mark.parametrize("method", METHODS)
async def test_the_token_counter_estimates_where_nothing_was_reported(
    scripted_openrouter: StartScript, method: str
) -> None:
    llm, counter = counting(scripted_openrouter(WITHOUT_USAGE))
    await ask(llm, method, "What is tea?")
    (event,) = counter.llm_token_counts
    assert event.prompt_token_count >= 3
    assert event.completion_token_count >= 2


@pytest.mark.parametrize("method", METHODS)
async def test_events_belong_to_the_span_of_their_call(
    scripted_openrouter: StartScript, events: list[Any], method: str
) -> None:
    spans, dispatcher = SimpleSpanHandler(), get_dispatcher()
    dispatcher.add_span_handler(spans)
    await ask(llm_for(scripted_openrouter(HELLO)), method)
    dispatcher.span_handlers.remove(spans)
    (span_id,) = {event.span_id for event in events}
    assert span_id is not None
    assert span_id.startswith(f"GLM.{method}-")


@pytest.mark.parametrize("method", METHODS)
async def test_the_key_is_in_no_event(
    scripted_openrouter: StartScript, events: list[Any], method: str
) -> None:
    handler = LlamaDebugHandler(print_trace_on_end=False)
    llm = llm_for(
        scripted_openrouter(HELLO),
        api_key=KEY,
        default_headers={"X-Secret": KEY},
        callback_manager=CallbackManager([handler]),
    )
    await ask(llm, method)
    payloads = [pair for pairs in handler.get_event_pairs() for pair in pairs]
    assert KEY not in repr([events, payloads, llm])
    assert KEY not in "".join(event.model_dump_json() for event in events)


SETTINGS: dict[str, Any] = {
    "model": "z-ai/glm-4.6",
    "temperature": 0.5,
    "reasoning": True,
    "order": ["z-ai"],
    "additional_kwargs": {"top_k": 5},
    "should_use_structured_outputs": True,
    "default_headers": {"X-Secret": "mine"},
}


@pytest.mark.parametrize("way", ["dict", "json"])
async def test_a_copy_of_what_was_written_down_works(
    scripted_openrouter: StartScript, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    server = scripted_openrouter(HELLO)
    llm = llm_for(server, api_key=KEY, **SETTINGS)
    monkeypatch.setenv("OPENROUTER_API_KEY", "sk-or-of-the-environment")
    copied = GLM.from_json(llm.to_json()) if way == "json" else GLM.from_dict(llm.to_dict())
    await ask(llm, "chat")
    await ask(copied, "achat")
    first, second = server.requests
    assert first.body == second.body
    assert second.headers["authorization"] == "Bearer sk-or-of-the-environment"
    assert "x-secret" not in second.headers
    assert copied.should_use_structured_outputs


def weather(city: str) -> str:
    """Look up the weather."""
    return f"4 degrees in {city}"


ANSWER = stream_reply([chunk({"content": "4 degrees"}), chunk({}, "stop", usage=USAGE)])


@pytest.mark.filterwarnings("ignore::pydantic.warnings.PydanticDeprecationWarning")  # of LlamaIndex
@CHAT_MEMORY_IS_NOT_STORED
async def test_all_runs_of_an_agent_in_a_block_are_of_one_session(
    scripted_openrouter: StartScript,
) -> None:
    script = [stream_reply(THOUGHT_CALL), ANSWER] * 2
    server = scripted_openrouter(*script)
    agent = FunctionAgent(tools=[weather], llm=llm_for(server))
    context = Context(agent)
    with session("trip"):
        await agent.run("Weather in Oslo?", ctx=context)
        await agent.run("Once more?", ctx=context)
    assert [request.body.get("session_id") for request in server.requests] == ["trip"] * 4
