"""Each call is a span of OpenTelemetry's conventions, with what it cost and what happened on its way."""

import asyncio
import json
import subprocess
import sys
import threading
from importlib.metadata import entry_points

import httpx
import pytest
from opentelemetry.instrumentation.utils import suppress_instrumentation
from opentelemetry.trace import StatusCode

from glm_openrouter import (
    Budget,
    BudgetExceededError,
    ChatRequest,
    Client,
    InternalServerError,
    Journal,
    session,
)
from glm_openrouter.telemetry import OpenRouterInstrumentor
from glm_openrouter.testing import Hold, json_reply, stream_reply
from langchain_glm import ChatGLM
from llamaindex_glm import GLM
from support.samples import KEY, REQUEST
from support.wire import (
    FACTS,
    USAGE,
    call,
    calls,
    error,
    finishes,
    response_body,
    says,
    uses,
)

ANSWER = stream_reply([says("Pier "), says("two."), finishes(), uses("B")])
BUSY = json_reply(error(503, "Overloaded"), 503)
CAPTURE = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
SECRET = "Which pier has the red crane?"

both = pytest.mark.parametrize("streamed", [False, True], ids=["plain", "streamed"])


def event_names(span):
    return [event.name for event in span.events]


@both
def test_a_span_says_what_was_asked_and_what_came(run, scripted_openrouter, traces, streamed):
    server = scripted_openrouter(ANSWER)
    request = ChatRequest(
        messages=REQUEST.messages, temperature=0.5, max_tokens=9_000, stop=["END"], top_k=7
    )
    with session("trip-1"):
        run.either(streamed, server.base_url, request)
    span = traces.call
    seconds = span.attributes["gen_ai.response.time_to_first_chunk"]

    assert span.name == "chat z-ai/glm-4.6:exacto"
    assert span.status.status_code is StatusCode.UNSET
    assert 0 < seconds <= (span.end_time - span.start_time) / 1e9
    assert dict(span.attributes) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openrouter",
        "gen_ai.request.model": "z-ai/glm-4.6:exacto",
        "gen_ai.request.stream": True,
        "gen_ai.request.temperature": 0.5,
        "gen_ai.request.max_tokens": 9_000,
        "gen_ai.request.stop_sequences": ("END",),
        "gen_ai.request.top_k": 7,
        "gen_ai.conversation.id": "trip-1",
        "gen_ai.response.id": FACTS["id"],
        "gen_ai.response.model": FACTS["model"],
        "gen_ai.response.finish_reasons": ("stop",),
        "gen_ai.response.time_to_first_chunk": seconds,
        "gen_ai.usage.input_tokens": USAGE["prompt_tokens"],
        "gen_ai.usage.output_tokens": USAGE["completion_tokens"],
        "gen_ai.usage.cache_read.input_tokens": USAGE["prompt_tokens_details"]["cached_tokens"],
        "gen_ai.usage.cache_write.input_tokens": 0,
        "gen_ai.usage.cache_creation.input_tokens": 0,
        "gen_ai.usage.reasoning.output_tokens": USAGE["completion_tokens_details"][
            "reasoning_tokens"
        ],
        "gen_ai.usage.cost": USAGE["cost"],
        "openrouter.cost": USAGE["cost"],
        "openrouter.is_byok": False,
        "openrouter.provider": FACTS["provider"],
        "openrouter.tries": 1,
        "openrouter.variant": "exacto",
        "server.address": "127.0.0.1",
        "server.port": int(server.base_url.split(":")[2].split("/")[0]),
    }


@both
def test_a_retry_is_an_event(run, scripted_openrouter, traces, streamed):
    server = scripted_openrouter(BUSY, ANSWER)
    run.either(streamed, server.base_url)
    (retry,) = traces.call.events

    assert retry.name == "openrouter.retry"
    assert (retry.attributes["try"], retry.attributes["status_code"]) == (1, 503)
    assert retry.attributes["error.type"] == "InternalServerError"
    assert retry.attributes["wait"] == run.slept[0]
    assert traces.call.attributes["openrouter.tries"] == 2


def test_an_adjustment_is_an_event(run, scripted_openrouter, traces):
    refusal = json_reply(error(400, raw="Tool choice must be auto"), 400)
    server = scripted_openrouter(refusal, ANSWER)
    tool = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}
    run.complete(
        server.base_url,
        ChatRequest(messages=REQUEST.messages, tools=[tool], tool_choice="required"),
    )
    (adjustment,) = traces.call.events

    assert adjustment.name == "openrouter.adjustment"
    assert adjustment.attributes["adjustment"] == "tool_choice: required -> auto"


LEAKED = "<tool_call>look\n<arg_key>at</arg_key>\n<arg_value>it</arg_value>\n</tool_call>"
REPAIRED = {
    "think_tags": ([says("<think>Hm.</think>Yes.")], {}),
    "leaked_tool_calls": ([says(LEAKED)], {}),
    "tool_names": ([calls(call("<tool_call>look", "{}", 0, "call_1"))], {}),
    "leading_newlines": ([says("\n"), says("Yes.")], {}),
    "fenced_json": ([says('```json\n{"a": 1}\n```')], {"response_format": {"type": "json_object"}}),
    "tool_arguments": ([calls(call("look", "{'at': 'it'}", 0, "call_1"))], {}),
}


@pytest.mark.parametrize("name", REPAIRED)
def test_a_repair_that_fires_is_an_event(run, scripted_openrouter, traces, name):
    events, given = REPAIRED[name]
    server = scripted_openrouter(stream_reply([*events, finishes()]))
    tool = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}
    run.complete(server.base_url, ChatRequest(messages=REQUEST.messages, tools=[tool], **given))

    repairs = [event.attributes["repair"] for event in traces.call.events]
    assert repairs == [name]


@both
def test_a_failure_is_an_error_of_the_span(run, scripted_openrouter, traces, streamed):
    server = scripted_openrouter(json_reply(error(500, SECRET), 500))
    with pytest.raises(InternalServerError):
        run.either(streamed, server.base_url, max_retries=0)
    span = traces.call

    assert span.status.status_code is StatusCode.ERROR
    assert span.attributes["error.type"] == "InternalServerError"
    assert span.attributes["http.response.status_code"] == 500
    assert SECRET not in span.to_json()


def test_a_stream_that_breaks_is_an_error_with_what_came(run, scripted_openrouter, traces):
    events = [says("Half "), uses("A"), error(502, "Gone")]
    server = scripted_openrouter(stream_reply(events))
    with pytest.raises(InternalServerError):
        run.stream(server.base_url, max_retries=0)
    span = traces.call

    assert span.attributes["error.type"] == "InternalServerError"
    assert span.attributes["gen_ai.usage.cost"] == USAGE["cost"]
    assert "gen_ai.response.finish_reasons" not in span.attributes


def test_a_stream_that_is_left_ends_its_span_without_an_error(run, scripted_openrouter, traces):
    server = scripted_openrouter(stream_reply([says("Half "), Hold()]))

    async def leave(client):
        async with client.stream(REQUEST) as stream:
            async for _ in stream:
                break

    run.scenario(server.base_url, leave)
    span = traces.call

    assert span.status.status_code is StatusCode.UNSET
    assert "gen_ai.response.finish_reasons" not in span.attributes
    assert span.attributes["gen_ai.response.id"] == FACTS["id"]


def test_a_call_that_was_refused_here_has_no_try(run, scripted_openrouter, traces):
    server = scripted_openrouter(ANSWER)
    with Budget(0.0), pytest.raises(BudgetExceededError):
        run.complete(server.base_url)

    assert traces.call.attributes["error.type"] == "BudgetExceededError"
    assert traces.call.attributes["openrouter.tries"] == 0


def test_a_cached_answer_says_so(run, scripted_openrouter, traces):
    server = scripted_openrouter(
        stream_reply([says("Hi."), finishes()], headers={"X-OpenRouter-Cache-Status": "HIT"})
    )
    run.complete(server.base_url)

    assert traces.call.attributes["openrouter.cached"] is True


def test_vectors_and_orders_are_spans(run, offline_openrouter, traces):
    async def retrieve(client):
        inner = client.inner
        embedded = inner.embed(["red", "blue"], dimensions=1024)
        ranked = inner.rerank("red", ["red", "blue"])
        if run.mode == "async":
            await embedded
            await ranked

    run.scenario(offline_openrouter.base_url, retrieve)
    embeddings, rerank = traces.calls

    assert embeddings.name.startswith("embeddings ")
    assert embeddings.attributes["gen_ai.operation.name"] == "embeddings"
    assert embeddings.attributes["gen_ai.embeddings.dimension.count"] == 1024
    assert embeddings.attributes["gen_ai.usage.input_tokens"] > 0
    assert rerank.attributes["gen_ai.operation.name"] == "rerank"
    assert rerank.attributes["openrouter.cost"] > 0


def test_tokens_may_be_left_to_the_tracer_of_a_framework(run, scripted_openrouter, instrument):
    traces = instrument(token_usage=False)
    run.complete(scripted_openrouter(ANSWER).base_url)

    assert not [name for name in traces.call.attributes if name.endswith("_tokens")]
    assert traces.call.attributes["openrouter.cost"] == USAGE["cost"]
    assert traces.metric("gen_ai.client.token.usage")


# Contents


def ask_secretly(run, server):
    run.complete(
        server.base_url, ChatRequest(messages=[{"role": "user", "content": SECRET}], tools=None)
    )


@pytest.mark.parametrize("value", [None, "", "false", "no_content", "event_only"])
def test_no_contents_are_in_a_span_unless_asked_for(
    run, scripted_openrouter, instrument, monkeypatch, value
):
    if value is not None:
        monkeypatch.setenv(CAPTURE, value)
    traces = instrument()
    ask_secretly(run, scripted_openrouter(ANSWER))

    assert SECRET not in traces.call.to_json()
    assert "Pier" not in traces.call.to_json()


@pytest.mark.parametrize("value", ["true", "TRUE", "span_only", "span_and_event", None])
def test_contents_are_in_a_span_for_those_who_ask(
    run, scripted_openrouter, instrument, monkeypatch, value
):
    if value is not None:
        monkeypatch.setenv(CAPTURE, value)
    traces = instrument(**({"capture_content": True} if value is None else {}))
    ask_secretly(run, scripted_openrouter(ANSWER))
    attributes = traces.call.attributes

    assert json.loads(attributes["gen_ai.input.messages"]) == [
        {"role": "user", "parts": [{"type": "text", "content": SECRET}]}
    ]
    assert json.loads(attributes["gen_ai.output.messages"]) == [
        {
            "role": "assistant",
            "parts": [{"type": "text", "content": "Pier two."}],
            "finish_reason": "stop",
        }
    ]


def test_contents_have_calls_results_and_reasoning(run, scripted_openrouter, instrument):
    traces = instrument(capture_content=True)
    turn = {
        "role": "assistant",
        "content": None,
        "reasoning": "Hm.",
        "tool_calls": [call("look", '{"at": 1}', id="call_1", type="function")],
    }
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    messages = [
        {"role": "user", "content": [{"type": "text", "text": "See"}, image]},
        turn,
        {"role": "tool", "tool_call_id": "call_1", "content": "A crane."},
    ]
    server = scripted_openrouter(
        stream_reply([calls(call("look", '{"at": 2}', 0, "call_2")), finishes("tool_calls")])
    )
    run.complete(server.base_url, ChatRequest(messages=messages))
    attributes = traces.call.attributes
    asked, called, result = json.loads(attributes["gen_ai.input.messages"])
    (answer,) = json.loads(attributes["gen_ai.output.messages"])

    assert asked["parts"] == [{"type": "text", "content": "See"}, {"type": "image_url"}]
    assert called["parts"] == [
        {"type": "reasoning", "content": "Hm."},
        {"type": "tool_call", "id": "call_1", "name": "look", "arguments": {"at": 1}},
    ]
    assert result["parts"] == [
        {"type": "tool_call_response", "id": "call_1", "response": "A crane."}
    ]
    assert answer["parts"] == [
        {"type": "tool_call", "id": "call_2", "name": "look", "arguments": {"at": 2}}
    ]


# Parents and children


def parent_of(span):
    return span.parent and span.parent.span_id


def test_a_call_is_within_the_span_around_it(run, scripted_openrouter, traces):
    server = scripted_openrouter(ANSWER)
    with traces.tracer.start_as_current_span("around") as around:
        run.complete(server.base_url)

    assert parent_of(traces.call) == around.get_span_context().span_id


def test_what_follows_a_call_is_not_within_it(run, scripted_openrouter, traces):
    server = scripted_openrouter(ANSWER)

    async def nest(client):
        with traces.tracer.start_as_current_span("around"):
            async with client.stream(REQUEST) as stream:
                with traces.tracer.start_as_current_span("while it comes"):
                    pass
                async for _ in stream:
                    pass
            with traces.tracer.start_as_current_span("after it"):
                pass

    run.scenario(server.base_url, nest)
    by_name = {span.name: span for span in traces.spans}
    around = by_name["around"].context.span_id

    assert parent_of(by_name["while it comes"]) == around
    assert parent_of(by_name["after it"]) == around


def test_what_an_http_client_traces_is_within_the_call(scripted_openrouter, traces):
    server = scripted_openrouter(ANSWER)

    def trace(_):
        with traces.tracer.start_as_current_span("request"):
            pass

    with (
        httpx.Client(event_hooks={"request": [trace]}) as http_client,
        Client(base_url=server.base_url, api_key=KEY, http_client=http_client) as client,
    ):
        client.complete(REQUEST)
    (request,) = [span for span in traces.spans if span.name == "request"]

    assert parent_of(request) == traces.call.context.span_id


def test_an_answer_out_of_a_journal_is_no_call(run, scripted_openrouter, traces, tmp_path):
    server = scripted_openrouter(ANSWER)
    with Journal(tmp_path / "answers.db") as journal:
        for _ in range(2):
            with journal.row("1"):
                run.complete(server.base_url)

    assert len(traces.calls) == len(server.requests) == 1


def test_a_failed_call_leaves_the_span_around_it_current(run, scripted_openrouter, traces):
    server = scripted_openrouter(BUSY)

    async def fail(client):
        with traces.tracer.start_as_current_span("around"):
            with pytest.raises(InternalServerError):
                await client.complete(REQUEST)
            with traces.tracer.start_as_current_span("after it"):
                pass

    run.scenario(server.base_url, fail, max_retries=0)
    by_name = {span.name: span for span in traces.spans}

    assert parent_of(by_name["after it"]) == by_name["around"].context.span_id


def test_tasks_side_by_side_keep_to_their_own_spans(scripted_openrouter, traces):
    server = scripted_openrouter(ANSWER)
    model = ChatGLM(base_url=server.base_url, api_key=KEY)

    async def ask(name):
        with traces.tracer.start_as_current_span(name):
            async for _ in model.astream(name):
                await asyncio.sleep(0)

    async def main():
        await asyncio.gather(*(ask(f"task {number}") for number in range(5)))

    asyncio.run(main())
    tasks = [span.context.span_id for span in traces.spans if span.name.startswith("task")]

    assert sorted(map(parent_of, traces.calls)) == sorted(tasks)


def test_a_batch_in_threads_is_within_the_span_around_it(scripted_openrouter, traces):
    server = scripted_openrouter(ANSWER)
    with traces.tracer.start_as_current_span("around") as around:
        ChatGLM(base_url=server.base_url, api_key=KEY).batch(["Hi"] * 3)

    assert {parent_of(span) for span in traces.calls} == {around.get_span_context().span_id}


def test_a_thread_of_its_own_begins_a_trace(scripted_openrouter, traces):
    server = scripted_openrouter(ANSWER)
    glm = GLM(api_base=server.base_url, api_key=KEY)
    with traces.tracer.start_as_current_span("around"):
        thread = threading.Thread(target=glm.complete, args=("Hi",))
        thread.start()
        thread.join()

    assert traces.call.parent is None


def test_parts_of_one_embedding_are_within_the_span_around_it(offline_openrouter, run, traces):
    async def embed(client):
        with traces.tracer.start_as_current_span("around"):
            embedding = client.inner.embed(["a", "b", "c"], batch_size=1)
            if run.mode == "async":
                await embedding

    run.scenario(offline_openrouter.base_url, embed)
    (around,) = [span for span in traces.spans if span.name == "around"]

    assert [parent_of(span) for span in traces.calls] == [around.context.span_id] * 3


def test_both_frameworks_leave_a_stream_with_its_span_ended(scripted_openrouter, traces):
    server = scripted_openrouter(stream_reply([says("Half "), Hold()]))
    chat = ChatGLM(base_url=server.base_url, api_key=KEY).stream("Hi")
    index = GLM(api_base=server.base_url, api_key=KEY).stream_complete("Hi")
    for stream in (chat, index):
        next(stream)
        stream.close()

    assert len(traces.calls) == 2


# On and off


def test_nothing_is_traced_while_instrumentation_is_suppressed(run, scripted_openrouter, traces):
    server = scripted_openrouter(ANSWER)
    with suppress_instrumentation():
        run.complete(server.base_url)

    assert traces.calls == []


def test_nothing_is_traced_after_it_was_switched_off(run, scripted_openrouter, traces):
    server = scripted_openrouter(ANSWER)
    OpenRouterInstrumentor().uninstrument()
    run.complete(server.base_url)

    assert traces.calls == []
    assert traces.metric("gen_ai.client.operation.duration") == []


def test_opentelemetry_finds_the_instrumentor():
    (entry,) = entry_points(group="opentelemetry_instrumentor", name="glm_openrouter")

    assert entry.load() is OpenRouterInstrumentor


def test_nothing_of_opentelemetry_is_imported_by_the_core():
    code = "import sys, glm_openrouter; print([m for m in sys.modules if 'opentel' in m])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


def test_without_the_extra_the_error_says_what_to_install():
    code = "import sys; sys.modules['opentelemetry'] = None; import glm_openrouter.telemetry"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)

    assert 'pip install "glm-openrouter[otel]"' in done.stderr


# Metrics


@both
def test_metrics_count_tokens_seconds_and_cost(run, scripted_openrouter, traces, streamed):
    server = scripted_openrouter(ANSWER)
    run.either(streamed, server.base_url)
    tokens = {
        point.attributes["gen_ai.token.type"]: point.sum
        for point in traces.metric("gen_ai.client.token.usage")
    }
    (duration,) = traces.metric("gen_ai.client.operation.duration")
    (first,) = traces.metric("gen_ai.client.operation.time_to_first_chunk")
    (cost,) = traces.metric("openrouter.client.cost")

    assert tokens == {"input": USAGE["prompt_tokens"], "output": USAGE["completion_tokens"]}
    assert 0 < first.sum <= duration.sum
    assert cost.value == pytest.approx(USAGE["cost"])
    assert duration.attributes["gen_ai.request.model"] == "z-ai/glm-4.6:exacto"
    assert duration.attributes["gen_ai.response.model"] == FACTS["model"]
    assert duration.attributes["openrouter.provider"] == FACTS["provider"]


def test_a_failure_counts_with_its_type(run, scripted_openrouter, traces):
    server = scripted_openrouter(BUSY)
    with pytest.raises(InternalServerError):
        run.complete(server.base_url, max_retries=0)
    (duration,) = traces.metric("gen_ai.client.operation.duration")

    assert duration.attributes["error.type"] == "InternalServerError"


def test_an_answer_in_one_piece_has_no_first_chunk(run, scripted_openrouter, traces):
    server = scripted_openrouter(json_reply(response_body({"content": "Hi."})))
    run.complete(server.base_url, wire_stream=False)

    assert traces.metric("gen_ai.client.operation.time_to_first_chunk") == []
    assert "gen_ai.response.time_to_first_chunk" not in traces.call.attributes
