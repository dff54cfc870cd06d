"""Tool calls in every shape that was seen on the wire: one emission for each call, and no cut call runs."""

import pytest

from glm_openrouter import APIStatusError, StreamInterruptedError
from glm_openrouter.testing import Close, Reset, bytes_reply
from support.call_shapes import CLOCK, END, FULL, SHAPES, WEATHER
from support.surfaces import TOOLS, across
from support.wire import call, calls, chunk, event_stream


@across("shape", SHAPES, "interleaved", "no id", "null arguments")
def test_a_call_arrives_once_and_whole(surface, scripted_openrouter, shape):
    events, expected = SHAPES[shape]
    server = scripted_openrouter(bytes_reply(event_stream(*events)))
    answer = surface.ask(server.base_url, tools=TOOLS)
    ids = [call_id for call_id, _, _ in answer.calls]
    named = [
        (call_id if call_id.startswith("call_") and len(call_id) < 10 else "made up", *rest)
        for call_id, *rest in answer.calls
    ]
    assert named == expected
    assert answer.cut == []
    assert len({*ids}) == len(ids)
    assert not {"", "null"} & {*ids}


def test_half_of_a_call_needs_a_finish_reason(surface, scripted_openrouter):
    body = event_stream(calls(CLOCK), calls(call("weather", '{"city":"Os', 0, "call_1")))
    with pytest.raises(StreamInterruptedError):
        surface.ask(scripted_openrouter(bytes_reply(body)).base_url, tools=TOOLS)


OPEN = calls(call("weather", '{"city":"Os', 0, "call_1"))
CUT = {
    "the length was reached": [OPEN, chunk({}, "length")],
    "the length was reached after the last bracket": [calls(WEATHER), chunk({}, "length")],
    "the finish reason says stop": [OPEN, chunk({}, "stop")],
    "the finish reason says tool_calls": [OPEN, END],
    "the arguments are a list": [calls(call("weather", '["Oslo"]', 0, "call_1")), END],
    "the arguments hold what JSON does not know": [
        calls(call("weather", '{"city":NaN}', 0, "call_1")),
        END,
    ],
    "the arguments go on after their end": [calls(call("weather", FULL + "}", 0, "call_1")), END],
}


@pytest.mark.filterwarnings("ignore::glm_openrouter.TruncatedToolCallWarning")
@across(
    "reason",
    CUT,
    "the length was reached",
    "the finish reason says stop",
    "the arguments are a list",
)
def test_a_call_that_is_not_complete_may_not_run(surface, scripted_openrouter, reason):
    server = scripted_openrouter(bytes_reply(event_stream(*CUT[reason])))
    answer = surface.ask(server.base_url, tools=TOOLS)
    assert (answer.calls, answer.cut) == ([], ["weather"])


def test_a_cut_call_does_not_harm_a_complete_one(surface, scripted_openrouter):
    body = event_stream(calls(CLOCK), calls(call("weather", '{"ci', 0, "call_1")), END)
    answer = surface.ask(scripted_openrouter(bytes_reply(body)).base_url, tools=TOOLS)
    assert (answer.calls, answer.cut) == ([("call_2", "clock", {"zone": 3})], ["weather"])


def test_an_open_call_and_the_end_marker_are_a_stream_that_broke_off(surface, scripted_openrouter):
    server = scripted_openrouter(bytes_reply(event_stream(OPEN)))
    with pytest.raises(StreamInterruptedError):
        surface.ask(server.base_url, tools=TOOLS)


BREAKS = {
    f"{end} {place} a call": (arguments, step)
    for place, arguments in (("in", '{"city":"Os'), ("after", FULL))
    for end, step in (("close", Close(clean=True)), ("cut", Close()), ("reset", Reset()))
}


@across("end", BREAKS, "cut in a call", "close after a call", "reset after a call")
def test_a_stream_that_breaks_off_gives_out_no_call(surface, scripted_openrouter, end):
    arguments, step = BREAKS[end]
    body = event_stream(calls(call("weather", arguments, 0, "call_1")), done=False)
    server = scripted_openrouter((*bytes_reply(body), step))
    with pytest.raises(StreamInterruptedError):
        surface.ask(server.base_url, tools=TOOLS)


def test_a_stream_that_ends_in_an_error_gives_out_no_call(surface, scripted_openrouter):
    body = event_stream(calls(WEATHER), chunk({}, "error"))
    with pytest.raises(APIStatusError):
        surface.ask(scripted_openrouter(bytes_reply(body)).base_url, tools=TOOLS)
