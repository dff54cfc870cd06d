"""What is asked for whole streams on the wire, and is what it would have been in one piece."""

import json

import pytest

from glm_openrouter import (
    APIError,
    Budget,
    ChatRequest,
    InternalServerError,
    StreamInterruptedError,
    track_spend,
)
from glm_openrouter._client.transport import BaseTransport, Clock
from glm_openrouter.testing import (
    Close,
    Comment,
    Event,
    Reset,
    Status,
    bytes_reply,
    json_reply,
    stream_reply,
)
from support.event_form import to_events
from support.exchanges import EXCHANGES
from support.parsing import assemble_body, facts, read_whole
from support.samples import REQUEST
from support.wire import (
    USAGE,
    call,
    calls,
    error,
    event_stream,
    finishes,
    response_body,
    says,
    thinks,
    uses,
)

STREAM = {"content-type": "text/event-stream"}
GOOD = stream_reply([Comment(), says("Pier "), says("two."), finishes(), uses("B")])
HALF = (Status(200, STREAM), Event(thinks("Hm.")), Event(says("Half a")))
BREAKS = {
    "RST": (*HALF, Reset()),
    "FIN": (*HALF, Close()),
    "the end without a reason": stream_reply([thinks("Hm."), says("Half a")]),
    "an error": stream_reply([thinks("Hm."), says("Half a"), error(502, "Gone")]),
    "a reason that is an error": stream_reply([thinks("Hm."), says("Half a"), finishes("error")]),
}


# The same answer

_LOGPROBS = {"content": [{"token": "Pi", "logprob": -0.1}, {"token": "er", "logprob": -0.2}]}
_CITED = {"type": "url_citation", "url_citation": {"url": "https://pier.example", "title": "P"}}


def with_logprobs():
    body = response_body({"content": "Pier"})
    body["choices"][0]["logprobs"] = _LOGPROBS
    return body


WHOLE = {
    "logprobs": with_logprobs(),
    "citations": response_body({"content": "Pier two.", "annotations": [_CITED]}),
    "a refusal": response_body({"content": "", "refusal": "No."}, "content_filter"),
    "a reason of its own": response_body({"content": "Pier"}, "length", service_tier="flex"),
    "what looks like tags": response_body({"content": "<think>Hm.</think>Pier two."}),
    "arguments beyond ASCII": response_body(
        {"content": None, "tool_calls": [call("tide", '{"at": "Skagen ⚓"}', 0, "call_1")]},
        "tool_calls",
    ),
    "a cut call": response_body(
        {"content": None, "tool_calls": [call("tide", '{"at": "Sk', 0, "call_1")]}, "length"
    ),
    **{
        name: body
        for name, exchange in EXCHANGES.items()
        if not exchange.is_stream
        and exchange.status == 200
        and "choices" in (body := json.loads(exchange.body))
    },
}


@pytest.mark.parametrize("size", [1, 7, 10_000])
@pytest.mark.parametrize("name", WHOLE)
def test_an_answer_in_events_is_the_answer_in_one_piece(name, size):
    events = event_stream(*to_events(WHOLE[name], size))

    expected = facts(assemble_body(WHOLE[name]))
    assert facts(read_whole([events])) == expected
    reads = [events[at : at + 100] for at in range(0, len(events), 100)]
    assert facts(read_whole(reads)) == expected


@pytest.mark.parametrize("name", WHOLE)
def test_both_clients_put_it_together(run, scripted_openrouter, name):
    body = WHOLE[name]
    server = scripted_openrouter(stream_reply([Comment(), *to_events(body, 5)]), json_reply(body))

    in_events = run.complete(server.base_url)
    in_one_piece = run.complete(server.base_url, wire_stream=False)
    assert facts(in_events) == facts(in_one_piece)
    assert ["stream" in request.body for request in server.requests] == [True, False]


def test_one_piece_is_an_answer_to_a_request_for_a_stream(run, scripted_openrouter):
    server = scripted_openrouter(json_reply(response_body({"content": "Pier two."})))

    assert run.complete(server.base_url).text == "Pier two."
    assert server.requests[0].body["stream"] is True


HEALING = {"id": "response-healing"}


@pytest.mark.parametrize(
    ("parameters", "streams"),
    [
        ({}, True),
        ({"plugins": [HEALING]}, False),
        ({"plugins": [{"id": "web"}, HEALING]}, False),
        ({"plugins": [{**HEALING, "enabled": False}]}, True),
        ({"extra_body": {"plugins": [HEALING]}}, False),
        ({"extra_body": {"plugins": "of a kind that nobody knows"}}, True),
        ({"extra_body": {"stream": False}}, False),
    ],
    ids=str,
)
def test_what_works_only_in_one_piece_is_asked_for_so(
    run, scripted_openrouter, parameters, streams
):
    request = ChatRequest(messages=REQUEST.messages, **parameters)
    server = scripted_openrouter(GOOD)
    run.complete(server.base_url, request)

    assert bool(server.requests[0].body.get("stream")) == streams


def test_a_call_may_say_how_its_answer_comes(run, scripted_openrouter):
    server = scripted_openrouter(GOOD)

    async def ask(client):
        await client.complete(REQUEST, wire_stream=False)
        await client.complete(REQUEST)

    run.scenario(server.base_url, ask)
    assert ["stream" in request.body for request in server.requests] == [False, True]


def test_a_stream_streams_whatever_whole_answers_do(run, scripted_openrouter):
    server = scripted_openrouter(GOOD)
    run.stream(server.base_url, wire_stream=False)

    assert server.requests[0].body["stream"] is True


# What breaks off


@pytest.mark.parametrize("broken", BREAKS.values(), ids=BREAKS)
def test_what_breaks_off_is_read_again_from_the_beginning(run, scripted_openrouter, broken):
    server = scripted_openrouter(broken, GOOD)
    completion = run.complete(server.base_url)

    assert (completion.text, completion.reasoning) == ("Pier two.", "")
    assert len(server.requests) == 2


@pytest.mark.parametrize("broken", BREAKS.values(), ids=BREAKS)
def test_an_answer_that_fails_in_the_middle_is_paid_twice_at_most(run, scripted_openrouter, broken):
    server = scripted_openrouter(broken)
    with pytest.raises((InternalServerError, StreamInterruptedError)) as caught:
        run.complete(server.base_url, max_retries=5)

    assert len(server.requests) == 2
    assert caught.value.may_be_billed


def test_calls_alone_are_work_that_may_be_billed(run, scripted_openrouter):
    begun = calls(call("tide", '{"a', 0, "call_1"))
    server = scripted_openrouter(stream_reply([begun, error(502, "Gone")]))
    with pytest.raises(InternalServerError) as caught:
        run.complete(server.base_url, max_retries=5)

    assert len(server.requests) == 2
    assert caught.value.may_be_billed


def test_an_error_before_the_answer_is_tried_as_often_as_allowed(run, scripted_openrouter):
    server = scripted_openrouter(stream_reply([says(""), error(502, "Gone")]))
    with pytest.raises(InternalServerError) as caught:
        run.complete(server.base_url, max_retries=4)

    assert len(server.requests) == 5
    assert not caught.value.may_be_billed


def test_the_last_error_holds_what_came_of_the_last_try(run, scripted_openrouter):
    first = stream_reply([says("First"), error(502, "Gone")])
    last = stream_reply([thinks("Hm."), says("Last"), {**uses("B"), **error(502, "Gone")}])
    server = scripted_openrouter(first, last)
    with pytest.raises(InternalServerError) as caught:
        run.complete(server.base_url)

    assert (caught.value.partial_text, caught.value.partial_reasoning) == ("Last", "Hm.")
    assert caught.value.usage.cost == USAGE["cost"]


def test_each_try_that_reported_usage_is_spent(run, scripted_openrouter):
    failed = stream_reply([says("First"), {**uses("B"), **error(502, "Gone")}])
    server = scripted_openrouter(failed, GOOD)
    with track_spend() as spend:
        run.complete(server.base_url)

    assert (spend.total.calls, spend.total.unreported_calls) == (2, 0)
    assert spend.total.cost == pytest.approx(2 * USAGE["cost"])


def test_a_try_that_broke_without_usage_counts_at_its_estimate(run, scripted_openrouter):
    server = scripted_openrouter(BREAKS["RST"], GOOD)
    with Budget(1.0) as budget:
        run.complete(server.base_url)

    assert (budget.total.calls, budget.total.unreported_calls) == (2, 1)


class _SlowClock(Clock):
    """An hour passes with each look at the clock."""

    def __init__(self):
        self._hours = 0

    def now(self):
        self._hours += 1
        return 3600.0 * self._hours

    def sleep(self, seconds):
        pass

    async def asleep(self, seconds):
        pass


def test_an_answer_that_breaks_off_after_hours_is_tried_again(
    run, scripted_openrouter, monkeypatch
):
    server = scripted_openrouter(BREAKS["the end without a reason"], GOOD)
    monkeypatch.setattr(BaseTransport, "clock", _SlowClock())

    assert run.complete(server.base_url, timeout=1e6).text == "Pier two."


def test_a_whole_answer_whose_end_breaks_is_not_asked_for_again(run, scripted_openrouter):
    said = event_stream(says("Pier two."), finishes(usage=USAGE), done=False)
    server = scripted_openrouter((*bytes_reply(said), Reset()))

    assert run.complete(server.base_url).text == "Pier two."
    assert len(server.requests) == 1


def test_an_error_of_the_request_is_not_tried_again(run, scripted_openrouter):
    server = scripted_openrouter(stream_reply([says("Half"), error(403, "Flagged")]), GOOD)
    with pytest.raises(APIError, match="Flagged"):
        run.complete(server.base_url)

    assert len(server.requests) == 1
