"""Stop texts hold, whatever the provider makes of them."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glm_openrouter import ChatRequest, track_spend
from glm_openrouter import _idle as _silence
from glm_openrouter._response.stop import StopSequences
from glm_openrouter.completions import Delta
from glm_openrouter.testing import Close, Wait, json_reply, stream_reply
from glm_openrouter.testing.pytest_plugin import StartScript
from support.wire import USAGE, call, chunk, response_body, thinks


def asking(stop: str | list[str] | None) -> ChatRequest:
    return ChatRequest(messages=[{"role": "user", "content": "Which way?"}], stop=stop)


def trim(stop: list[str], pieces: list[str]) -> str:
    texts = StopSequences(*stop)
    trimmed = "".join(texts.feed(Delta(piece)).text for piece in pieces)
    return trimmed if texts.is_over else trimmed + texts.flush()


@given(
    text=st.text("ab\n", max_size=12),
    stop=st.lists(st.text("ab\n", max_size=4), max_size=3),
    cuts=st.sets(st.integers(0, 12)),
)
def test_the_answer_ends_at_the_stop_text_that_is_complete_first(
    text: str, stop: list[str], cuts: set[int]
) -> None:
    ends = [0, *sorted(cuts), len(text)]
    pieces = [text[start:end] for start, end in pairwise(ends)]
    found = [
        (text.find(word) + len(word), text.find(word)) for word in stop if word and word in text
    ]
    _, start = min(found, default=(0, len(text)))
    assert trim(stop, pieces) == text[:start]


def test_text_that_is_held_back_is_thought_where_all_before_was() -> None:
    texts = StopSequences("\n\nX")
    assert texts.feed(Delta("a\n")).text == "a"
    delta = texts.feed(Delta("b", "c", text_was_reasoning=True))
    assert (delta.reasoning, delta.text, texts.flush()) == ("\nc", "b", "")


def test_a_stop_text_takes_back_nothing_that_was_thought() -> None:
    delta = StopSequences("X").feed(Delta("aXb", "c", text_was_reasoning=True))
    assert (delta.text, delta.reasoning, delta.text_was_reasoning) == ("a", "c", True)


@pytest.mark.parametrize(
    ("stop", "text", "expected"),
    [
        (["abb", "b"], "abb", "a"),
        (["aab", "ab"], "aab", ""),
        (["y", "x"], "1x2y", "1"),
        (["aa"], "aaa", ""),
    ],
)
def test_of_several_stop_texts_the_one_that_is_complete_first_counts(
    stop: list[str], text: str, expected: str
) -> None:
    assert trim(stop, [text]) == trim(stop, [*text]) == expected


@given(st.text(), st.text(min_size=1))
def test_text_is_held_back_no_longer_than_it_may_be_a_stop_text(text: str, stop: str) -> None:
    texts = StopSequences(stop)
    given_out = texts.feed(Delta(text)).text
    held = texts.flush()
    assert texts.is_over or (text == given_out + held and stop.startswith(held) and held != stop)


@pytest.mark.parametrize("stop", [None, [], "", [""]])
def test_without_stop_texts_there_is_nothing_to_do(stop: str | list[str] | None) -> None:
    assert StopSequences.of(stop) is None


PIECES = ["Thought: look", " it up.\nObs", "erva", "tion", ": none\nThought: ", "more"]


def test_a_stream_is_closed_at_the_stop_text(
    run: Any, scripted_openrouter: StartScript, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_silence, "_GRACE", 30)  # longer than the server waits before it closes
    events = [chunk({"content": piece}) for piece in PIECES]
    server = scripted_openrouter(stream_reply([*events, Wait(3), Close()], done=False))
    deltas, finished = run.stream(server.base_url, asking(["\nObservation"]))
    assert "".join(delta.text for delta in deltas) == "Thought: look it up."
    assert finished.text == "Thought: look it up."
    assert finished.finish_reason == "stop"
    assert server.connections[0].wait_closed()
    assert server.connections[0].client_left_at is not None


def test_nothing_is_invented_for_a_stream_that_is_closed(
    run: Any, scripted_openrouter: StartScript
) -> None:
    events = [
        chunk({"content": "One. "}),
        chunk({"content": "Two."}),
        chunk({}, "stop", usage=USAGE),
    ]
    server = scripted_openrouter(stream_reply(events))
    with track_spend() as spend:
        _, finished = run.stream(server.base_url, asking("Two"))
    assert finished.usage is None
    assert (finished.model, finished.provider) == ("z-ai/glm-4.6", "Novita")
    assert (spend.total.calls, spend.total.cost) == (1, 0)


def test_a_whole_answer_is_trimmed(run: Any, scripted_openrouter: StartScript) -> None:
    body = response_body({"content": "".join(PIECES)}, "length")
    finished = run.complete(scripted_openrouter(json_reply(body)).base_url, asking("\nObservation"))
    assert (finished.text, finished.finish_reason) == ("Thought: look it up.", "stop")
    assert finished.usage is not None


@pytest.mark.parametrize("streamed", [True, False])
def test_an_answer_without_a_stop_text_is_whole(
    run: Any, scripted_openrouter: StartScript, streamed: bool
) -> None:
    events = [chunk({"content": "Left, then\nOb"}), chunk({}, "stop", usage=USAGE)]
    server = scripted_openrouter(stream_reply(events))
    finished = run.either(streamed, server.base_url, asking(["\nObservation"]))
    assert finished.text == "Left, then\nOb"
    assert finished.usage is not None


@pytest.mark.parametrize("streamed", [True, False])
def test_calls_after_a_stop_text_are_not_made(
    run: Any, scripted_openrouter: StartScript, streamed: bool
) -> None:
    calls: dict[str, Any] = {"tool_calls": [call("delete_records", "{}", 0, "call_1")]}
    events = [chunk({"content": "Done. STOP"}), chunk(calls), chunk({}, "tool_calls", usage=USAGE)]
    server = scripted_openrouter(stream_reply(events))
    finished = run.either(streamed, server.base_url, asking("STOP"))
    assert (finished.text, finished.tool_calls) == ("Done. ", [])


def test_reasoning_may_hold_a_stop_text(run: Any, scripted_openrouter: StartScript) -> None:
    events = [thinks("STOP? No."), chunk({"content": "Go."}), chunk({}, "stop", usage=USAGE)]
    server = scripted_openrouter(stream_reply(events))
    finished = run.stream(server.base_url, asking("STOP"))[1]
    assert (finished.reasoning, finished.text) == ("STOP? No.", "Go.")
