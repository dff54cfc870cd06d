"""What is too large is refused, what only looks busy ends, and what has been paid for is kept, on every surface."""

import gzip
import json

import pytest

from glm_openrouter import APIConnectionError, APITimeoutError, ResponseTooLargeError
from glm_openrouter.testing import Close, Send, Status, Wait, bytes_reply, stream_reply
from support.at_once import at_once
from support.surfaces import CORE_PATH, SURFACES, across
from support.wire import USAGE, call, chunk, event_stream, response_body

HEAD = Status(200, {"content-type": "text/event-stream"})
LIMIT = 1 << 16
"""Bytes."""


@pytest.fixture
def waits():
    """The waits between tries, in seconds, none of which are waited."""
    return []


FLOODS = {
    "a line": bytes_reply(b"data: " + b"a" * 4 * LIMIT),
    "comments": bytes_reply(b":\n\n" * 4 * LIMIT),
    "a bomb": bytes_reply(
        gzip.compress(b"data: " + b"a" * 64 * LIMIT), headers={"content-encoding": "gzip"}
    ),
    "many small values": bytes_reply(
        b'{"choices": [{"message": {"annotations": [%s{}]}}]}' % (b"{}," * (LIMIT // 4))
    ),
}


@across("flood", FLOODS, "a bomb", "comments")
def test_too_large_a_response_is_refused(surface, scripted_openrouter, waits, flood):
    server = scripted_openrouter(FLOODS[flood])
    with pytest.raises(ResponseTooLargeError, match="max_response_bytes"):
        surface.ask(server.base_url, waits=waits, max_response_bytes=LIMIT)
    assert len(server.requests) == 1


def test_the_error_holds_what_came(surface, scripted_openrouter):
    comments = [Send(b": OPENROUTER PROCESSING\n\n" * 500)] * 20
    events = [chunk({"content": "Half"}), chunk(usage=USAGE), *comments]
    server = scripted_openrouter(stream_reply(events))
    with pytest.raises(ResponseTooLargeError) as caught:
        surface.ask(server.base_url, max_response_bytes=LIMIT)
    assert caught.value.partial_text == "Half"
    assert caught.value.usage.cost == USAGE["cost"]


EMPTY = {
    "objects": {},
    "increments": chunk({"content": ""}),
    "fragments of calls": chunk({"tool_calls": [call(None, None, 0)]}),
}


@pytest.mark.parametrize("empty", EMPTY)
def test_events_that_bring_nothing_do_not_go_on(scripted_openrouter, empty):
    flood = (Send(event_stream(EMPTY[empty], done=False)), Wait(0.04)) * 500
    half = Send(event_stream(chunk({"content": "Half"}), done=False))

    def ask(surface):
        server = scripted_openrouter((HEAD, half, *flood))
        with pytest.raises(APITimeoutError) as caught:
            surface.ask(server.base_url, timeout=0.3)
        assert caught.value.partial_text == "Half"
        assert server.connections[0].wait_closed()

    at_once(ask, SURFACES if empty == "increments" else CORE_PATH)


WHOLE = json.dumps(response_body({"content": "Yes."})).encode()
KEPT = {
    "a body": (Status(200), Send(WHOLE), Close()),
    "a body that is shorter than it says": (
        Status(200, {"content-length": str(len(WHOLE) + 20)}),
        Send(WHOLE),
        Close(),
    ),
    "a stream": (
        HEAD,
        Send(event_stream(chunk({"content": "Yes."}, "stop", usage=USAGE), done=False)),
        Close(),
    ),
}


@across("answer", KEPT, "a stream")
def test_a_whole_answer_is_not_bought_again(surface, scripted_openrouter, waits, answer):
    server = scripted_openrouter(KEPT[answer])
    assert surface.ask(server.base_url, waits=waits).text == "Yes."
    assert len(server.requests) == 1


def test_what_may_be_billed_is_asked_for_once_more(surface, scripted_openrouter, waits):
    server = scripted_openrouter((Close(),))
    with pytest.raises(APIConnectionError) as caught:
        surface.ask(server.base_url, waits=waits, max_retries=5)
    assert len(server.requests) == 2
    assert caught.value.may_be_billed
