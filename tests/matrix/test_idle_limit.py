"""Silence ends within `timeout`, wherever it begins, in an error that says how long and what came last."""

import time

import pytest

from glm_openrouter import APITimeoutError
from glm_openrouter.testing import Comment, Hold, Send, Status, Wait, bytes_reply
from support.at_once import at_once
from support.surfaces import CORE_PATH, SURFACES
from support.wire import USAGE, chunk, event_stream

HEAD = Status(200, {"content-type": "text/event-stream"})
HALF = Send(event_stream(chunk({"content": "Half"}), done=False))
END = event_stream(chunk({"content": " an answer"}, "stop", usage=USAGE))
COMMENTS = (Comment(), Wait(0.04)) * 100

SILENCES = {
    "before the response": ((Hold(),), "the request"),
    "before the first event": ((HEAD, Hold()), "the start of the response"),
    "before the first event, but for comments": ((HEAD, *COMMENTS), "the start of the response"),
    "between events": ((HEAD, HALF, Hold()), "event 1"),
    "between events, but for comments": ((HEAD, HALF, *COMMENTS), "event 1"),
    "between events, but for data of white space": (
        (HEAD, HALF, *(Send(b"data:  \n\n"), Wait(0.04)) * 100),
        "event 1",
    ),
    "in the middle of an event": ((HEAD, HALF, Send(b'data: {"choi'), Hold()), "event 1"),
}


REPRESENTATIVE = ("before the response", "between events, but for comments")


@pytest.mark.parametrize("place", SILENCES)
def test_silence_is_a_timeout_that_says_what_came_last(scripted_openrouter, place):
    steps, last = SILENCES[place]

    def ask(surface):
        server = scripted_openrouter(steps)
        start = time.monotonic()
        with pytest.raises(APITimeoutError, match=r"Nothing came for 0.2 s \(timeout\)") as caught:
            surface.ask(server.base_url, timeout=0.2, max_retries=2)
        assert time.monotonic() - start < 5
        assert f"the last was {last}" in str(caught.value)
        assert caught.value.partial_text == ("Half" if HALF in steps else "")
        assert len(server.requests) == 1
        assert server.connections[0].wait_closed()

    at_once(ask, SURFACES if place in REPRESENTATIVE else CORE_PATH)


def test_silence_after_the_end_marker_is_not_waited_for(surface, scripted_openrouter):
    server = scripted_openrouter((*bytes_reply(END), Hold()))
    start = time.monotonic()
    assert surface.ask(server.base_url, timeout=20).text == " an answer"
    assert time.monotonic() - start < 5


def test_an_answer_that_keeps_coming_may_take_longer_than_the_timeout(scripted_openrouter):
    words = [Send(event_stream(chunk({"content": "word "}), done=False)), Wait(0.1)] * 6

    def ask(surface):
        server = scripted_openrouter((HEAD, *words, Send(END)))
        return surface.ask(server.base_url, timeout=0.5).text

    assert set(at_once(ask, SURFACES).values()) == {"word " * 6 + " an answer"}
