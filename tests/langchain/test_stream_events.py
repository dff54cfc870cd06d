"""`stream_events(version="v3")`: the events that the model makes itself, on a real socket."""

from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.language_models._compat_bridge import chunks_to_events
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

from glm_openrouter import RateLimitError, StreamInterruptedError
from glm_openrouter.testing import json_reply, stream_reply
from glm_openrouter.testing.pytest_plugin import StartScript
from support.langchain_models import merge, model_for
from support.samples import THOUGHT_CALL, THOUGHT_TURN, WEATHER
from support.wire import USAGE, call, chunk, thinks

pytestmark = pytest.mark.filterwarnings("ignore:The method .* is in beta")

Events = list[dict[str, Any]]
Collect = Callable[..., Any]


@pytest.fixture(params=["sync", "async"])
def collect(request: pytest.FixtureRequest) -> Collect:
    """Read the events of one response, and return them with the message that they add up to."""

    async def collect(model: Any, prompt: Any = "Hi") -> tuple[Events, AIMessage]:
        if request.param == "sync":
            stream = model.stream_events(prompt, version="v3")
            return list(stream), stream.output
        stream = await model.astream_events(prompt, version="v3")
        return [event async for event in stream], await stream.output

    return collect


def without_index(blocks: list[Any]) -> list[Any]:
    return [{key: value for key, value in block.items() if key != "index"} for block in blocks]


PARALLEL = [
    chunk({"tool_calls": [call("weather", '{"ci', 0, "call_1"), call("weather", "", 1, "call_2")]}),
    chunk({"tool_calls": [call(None, '{"city": "Bergen"}', 1)]}),
    chunk({"tool_calls": [call(None, 'ty": "Oslo"}', 0)]}),
    chunk({}, "tool_calls", usage=USAGE),
]
ANSWERS = {
    "text": [chunk({"content": "Good"}), chunk({"content": " day."}, "stop", usage=USAGE)],
    "reasoning, text and a call": THOUGHT_CALL,
    "parallel calls": PARALLEL,
    "reasoning after the text": [
        chunk({"content": "Yes"}),
        thinks("Was that right?"),
        chunk({}, "stop"),
    ],
    "a cut call": [chunk({"tool_calls": [call("weather", '{"city": "Os', 0, "call_1")]}, "length")],
    "nothing": [chunk({}, "stop", usage=USAGE)],
}


@pytest.mark.parametrize("name", ANSWERS)
async def test_the_output_has_the_blocks_of_the_message_that_is_not_streamed(
    scripted_openrouter: StartScript, collect: Collect, name: str
) -> None:
    model = model_for(scripted_openrouter(stream_reply(ANSWERS[name]))).bind_tools([WEATHER])
    _, output = await collect(model)
    chunks = merge(model.stream("Hi"))

    def kinds(blocks: list[Any]) -> list[Any]:
        return sorted(without_index(blocks), key=str)

    assert kinds(output.content_blocks) == kinds(
        [*chunks.content_blocks, *output.invalid_tool_calls]
    )
    assert output.tool_calls == chunks.tool_calls
    assert output.usage_metadata == chunks.usage_metadata
    assert output.response_metadata == {**chunks.response_metadata, "output_version": "v1"}
    assert output.additional_kwargs == chunks.additional_kwargs


@pytest.mark.usefixtures("separate_reads")
async def test_every_increment_is_one_event_of_its_block(
    scripted_openrouter: StartScript, collect: Collect
) -> None:
    events, _ = await collect(model_for(scripted_openrouter(stream_reply(THOUGHT_CALL))))
    deltas = [(event["index"], *event["delta"].values()) for event in events if "delta" in event]
    assert deltas == [
        (0, "reasoning-delta", "The user wants"),
        (0, "reasoning-delta", " the weather."),
        (1, "text-delta", "Let me"),
        (1, "text-delta", " look."),
        (2, "tool-call-delta", '{"city": '),
        (2, "tool-call-delta", '"Oslo"}'),
    ]


@pytest.mark.parametrize("name", ANSWERS)
async def test_every_block_starts_before_its_increments_and_finishes_once(
    scripted_openrouter: StartScript, collect: Collect, name: str
) -> None:
    events, _ = await collect(model_for(scripted_openrouter(stream_reply(ANSWERS[name]))))
    assert [events[0]["event"], events[-1]["event"]] == ["message-start", "message-finish"]
    by_block: dict[int, list[str]] = {}
    for event in events[1:-1]:
        by_block.setdefault(event["index"], []).append(
            event["event"].removeprefix("content-block-")
        )
    assert list(by_block) == list(range(len(by_block)))
    for seen in by_block.values():
        assert (seen[0], seen[-1]) == ("start", "finish")
        assert set(seen[1:-1]) <= {"delta"}


@pytest.mark.usefixtures("separate_reads")
async def test_the_events_are_those_that_langchain_makes_of_the_chunks(
    scripted_openrouter: StartScript, collect: Collect
) -> None:
    # Without calls, whose increments have another form before langchain-core 1.7.
    words = [*THOUGHT_CALL[:5], chunk({}, "stop", usage=USAGE)]
    model = model_for(scripted_openrouter(stream_reply(words)), output_version="v1")
    events, _ = await collect(model)
    bridged = list(chunks_to_events(model._stream([HumanMessage("Hi")])))

    def comparable(events: Any) -> Any:
        kept = ("event", "index", "delta")
        return [{key: event[key] for key in kept if key in event} for event in events]

    assert comparable(events) == comparable(bridged)


async def test_a_cut_call_is_invalid_and_shows_its_raw_arguments(
    scripted_openrouter: StartScript, collect: Collect
) -> None:
    _, output = await collect(model_for(scripted_openrouter(stream_reply(ANSWERS["a cut call"]))))
    assert output.tool_calls == []
    (invalid,) = output.invalid_tool_calls
    assert (invalid["name"], invalid["args"]) == ("weather", '{"city": "Os')


async def test_the_message_goes_back_as_it_came(
    scripted_openrouter: StartScript, collect: Collect
) -> None:
    server = scripted_openrouter(stream_reply(THOUGHT_CALL))
    model = model_for(server).bind_tools([WEATHER])
    _, output = await collect(model)
    await collect(model, [HumanMessage("Hi"), output, ToolMessage("Rain", tool_call_id="call_1")])
    _, sent, _ = server.requests[1].body["messages"]
    assert sent == THOUGHT_TURN


async def test_a_broken_stream_raises_after_the_events_that_came(
    scripted_openrouter: StartScript, collect: Collect
) -> None:
    server = scripted_openrouter(stream_reply([chunk({"content": "Half an ans"})], done=False))
    with pytest.raises(StreamInterruptedError) as caught:
        await collect(model_for(server))
    assert caught.value.partial_text == "Half an ans"


async def test_a_refused_request_raises_the_error_of_this_package(
    scripted_openrouter: StartScript, collect: Collect
) -> None:
    server = scripted_openrouter(
        json_reply({"error": {"code": 429, "message": "Slow"}}, status=429)
    )
    with pytest.raises(RateLimitError):
        await collect(model_for(server))


async def test_usage_is_left_out_on_request(
    scripted_openrouter: StartScript, collect: Collect
) -> None:
    server = scripted_openrouter(stream_reply(THOUGHT_CALL))
    _, output = await collect(model_for(server, stream_usage=False))
    assert output.usage_metadata is None


async def test_breaking_off_stops_the_server(scripted_openrouter: StartScript) -> None:
    server = scripted_openrouter(stream_reply([chunk({"content": "word "})] * 10_000))
    events = model_for(server)._stream_chat_model_events([HumanMessage("Hi")])
    assert next(events)["event"] == "message-start"
    events.close()
    assert server.connections[0].wait_closed()
