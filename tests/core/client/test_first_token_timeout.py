"""How long the answer may take to begin, and what counts as its beginning."""

import time

import pytest

from glm_openrouter import (
    REPAIRS,
    APIConnectionError,
    APITimeoutError,
    BadRequestError,
    FirstTokenTimeoutError,
    InvalidRequestError,
)
from glm_openrouter._response.parser import ResponseParser
from glm_openrouter._response.repairs import Repairs
from glm_openrouter._response.sse import ResponseDecoder
from glm_openrouter.testing import (
    Comment,
    Event,
    Hold,
    Send,
    Status,
    Wait,
    json_reply,
    stream_reply,
)
from support.at_once import waiting
from support.samples import REQUEST
from support.wire import (
    FACTS,
    USAGE,
    call,
    calls,
    chunk,
    details,
    error,
    event_stream,
    finishes,
    response_body,
    says,
    thinks,
    uses,
)

OPEN = Status(200, {"content-type": "text/event-stream"})
JSON = Status(200, {"content-type": "application/json"})
SHORT, LONG = 0.2, 20.0
TOGETHER = 0.8
"""The limit of many that wait at once: all of them have to ask in it."""


def for_long(*steps):
    return [*steps, Wait(0.01)] * 300


SILENT = {
    "no response": (Hold(),),
    "no event": (OPEN, Hold()),
    "comments": (OPEN, *for_long(Comment())),
    "blanks": (JSON, *for_long(Send(b" \n"))),
    "newlines of the answer": (OPEN, *for_long(Event(says("\n")))),
}


@waiting(*SILENT)
def test_an_answer_that_does_not_begin_ends_in_its_error(run, scripted_openrouter, name):
    server = scripted_openrouter(SILENT[name])
    with pytest.raises(FirstTokenTimeoutError, match=r"for 0\.8 s \(first_token_timeout\)"):
        run.complete(server.base_url, timeout=LONG, first_token_timeout=TOGETHER)

    assert (len(server.requests), run.slept) == (1, [])


@waiting()
def test_a_stream_that_does_not_begin_ends_in_its_error(run, scripted_openrouter):
    server = scripted_openrouter((OPEN, Event(says("")), Hold()))
    with pytest.raises(FirstTokenTimeoutError):
        run.stream(server.base_url, first_token_timeout=SHORT)


@waiting()
def test_from_the_first_token_on_the_timeout_counts(run, scripted_openrouter):
    server = scripted_openrouter((OPEN, Event(says("Pier")), Hold()))
    with pytest.raises(APITimeoutError, match=r"for 0\.2 s \(timeout\)") as caught:
        run.complete(server.base_url, timeout=SHORT, first_token_timeout=LONG)

    assert not isinstance(caught.value, FirstTokenTimeoutError)


BLANK = {
    "a comment": b": OPENROUTER PROCESSING\n\n",
    "blanks": b" \n \n",
    "the role": event_stream(says(""), done=False),
    "nulls": event_stream(chunk({"content": None, "reasoning": None}), done=False),
    "newlines": event_stream(says("\n"), says("\n"), done=False),
    "blank reasoning": event_stream(thinks(" \n"), done=False),
    "details without a word": event_stream(
        details({"type": "reasoning.text", "text": "", "index": 0}), done=False
    ),
    "a call without a name": event_stream(calls(call(None, "", 0)), done=False),
    "a usage that comes early": event_stream(uses("B"), done=False),
    "citations": event_stream(chunk({"annotations": [{"type": "url_citation"}]}), done=False),
}
TOKENS = {
    "text": says("Pier"),
    "text as parts": chunk({"content": [{"type": "text", "text": "Pier"}]}),
    "reasoning": thinks("Hm"),
    "reasoning as Z.AI names it": chunk({"reasoning_content": "Hm"}),
    "reasoning in details alone": details({"type": "reasoning.text", "text": "Hm", "index": 0}),
    "sealed reasoning": details({"type": "reasoning.encrypted", "data": "eA==", "index": 0}),
    "the name of a call": calls(call("tide", "", 0, "call_1")),
    "arguments of a call": calls(call(None, "{", 0)),
    "a refusal": chunk({"refusal": "No."}),
    "the end": finishes(),
    "an error": error(502, "Gone"),
}


def new_parser():
    return ResponseParser(ResponseDecoder(), Repairs(frozenset(REPAIRS), {}), "z-ai/glm-4.6")


@pytest.mark.parametrize("data", BLANK.values(), ids=BLANK)
def test_what_says_nothing_is_no_beginning(data):
    parser = new_parser()
    parser.feed(data)

    assert not parser.has_begun


@pytest.mark.parametrize("payload", TOKENS.values(), ids=TOKENS)
def test_what_says_something_is_the_beginning(payload):
    parser = new_parser()
    parser.feed(event_stream(says("\n"), payload, done=False))

    assert parser.has_begun


def test_an_answer_in_one_piece_begins_with_its_brace():
    parser = new_parser()
    parser.feed(b" \n \n{")

    assert parser.has_begun


@waiting("streamed", "whole")
def test_an_answer_that_has_begun_may_take_longer(run, scripted_openrouter, way):
    events = [says("Pier "), Wait(1.1 * SHORT), says("two."), finishes(), uses("B")]
    server = scripted_openrouter(stream_reply(events))

    completion = run.either(way == "streamed", server.base_url, first_token_timeout=SHORT)
    assert completion.text == "Pier two."


WAITS_AT = {"before the response": 0, "before the first token": 2}


@waiting(*WAITS_AT)
def test_until_the_first_token_the_timeout_does_not_count(run, scripted_openrouter, where):
    steps = [OPEN, Event(says("")), Event(says("Pier two.")), Event(finishes(usage=USAGE))]
    at = WAITS_AT[where]
    server = scripted_openrouter((*steps[:at], Wait(1.5 * SHORT), *steps[at:]))

    completion = run.complete(server.base_url, timeout=SHORT, first_token_timeout=LONG)
    assert completion.text == "Pier two."


@waiting()
def test_in_one_piece_the_beginning_is_the_answer(run, scripted_openrouter):
    blanks = [Send(b" \n"), Wait(0.01)] * 300
    server = scripted_openrouter(
        (JSON, *blanks), json_reply(response_body({"content": "Pier two."}))
    )
    options = {"first_token_timeout": SHORT, "wire_stream": False}

    async def ask_twice(client):
        with pytest.raises(FirstTokenTimeoutError):
            await client.complete(REQUEST)
        return await client.complete(REQUEST)

    assert run.scenario(server.base_url, ask_twice, **options).text == "Pier two."


@waiting()
def test_an_answer_that_ends_without_a_token_waits_for_none(run, scripted_openrouter):
    steps = (OPEN, Event(finishes()), Wait(1.1 * SHORT), Event(uses("B")))
    server = scripted_openrouter(steps)

    completion = run.complete(server.base_url, first_token_timeout=SHORT)
    assert completion.usage.cost == USAGE["cost"]


def test_an_error_is_the_error_that_was_sent(run, scripted_openrouter):
    server = scripted_openrouter(json_reply(error(400, "No such thing"), 400))
    with pytest.raises(BadRequestError):
        run.complete(server.base_url, first_token_timeout=SHORT)


@waiting()
def test_each_try_has_the_time_for_itself(run, scripted_openrouter):
    busy = (Wait(0.55 * SHORT), *json_reply(error(503, "Busy"), 503))
    answer = stream_reply([says("Pier two."), finishes()])
    server = scripted_openrouter(busy, busy, answer)

    assert run.complete(server.base_url, first_token_timeout=SHORT).text == "Pier two."


@waiting()
def test_the_error_knows_what_to_do_with_it(run, scripted_openrouter):
    server = scripted_openrouter((OPEN, Event({**FACTS, "choices": []}), Event(says("")), Hold()))
    with pytest.raises(FirstTokenTimeoutError) as caught:
        run.complete(server.base_url, first_token_timeout=SHORT)

    shown = caught.value
    assert isinstance(shown, APITimeoutError | APIConnectionError)
    assert (shown.retryable, shown.may_be_billed) == (True, True)
    assert (shown.model, shown.provider_name) == ("z-ai/glm-4.6:exacto", "Novita")


def test_making_a_connection_is_part_of_that_time(run, deaf_port):
    began = time.monotonic()
    with pytest.raises(APITimeoutError):
        run.complete(deaf_port, first_token_timeout=SHORT)
    assert time.monotonic() - began < 5  # without it, a connection has 10 seconds


@waiting()
def test_the_catalogue_says_no_tokens(run, scripted_openrouter):
    server = scripted_openrouter((Wait(1.5 * SHORT), *json_reply({"data": []})))

    async def look_up(client):
        models = client.inner.models()
        return models if run.mode == "sync" else await models

    assert run.scenario(server.base_url, look_up, first_token_timeout=SHORT) == []


@pytest.mark.parametrize("value", [0, -1, True, "20", float("nan"), float("inf")])
def test_a_limit_that_is_none_is_refused(run, value):
    with pytest.raises(InvalidRequestError, match="first_token_timeout must be a positive number"):
        run.client("http://127.0.0.1:1", first_token_timeout=value)


@waiting()
def test_one_read_may_bring_the_first_token_and_more(run, scripted_openrouter):
    data = event_stream(says(""), says("Pier "), done=False)
    rest = event_stream(says("two."), finishes())
    server = scripted_openrouter((OPEN, Send(data), Wait(1.1 * SHORT), Send(rest)))

    assert run.complete(server.base_url, first_token_timeout=SHORT).text == "Pier two."
