"""How many requests a call makes, when, and after which wait."""

import json
import logging
import socket
import time
from email.utils import formatdate

import pytest

from glm_openrouter import (
    APIConnectionError,
    APIError,
    APIResponseError,
    APITimeoutError,
    InternalServerError,
    InvalidRequestError,
    PaymentRequiredError,
    RateLimitError,
    StreamInterruptedError,
)
from glm_openrouter.testing import (
    Close,
    Comment,
    Event,
    Hold,
    Reset,
    Send,
    Status,
    Wait,
    bytes_reply,
    json_reply,
    stream_reply,
)
from support.at_once import waiting
from support.samples import KEY
from support.wire import FACTS, error, finishes, response_body, says, uses

BUSY = json_reply(error(503, "Overloaded"), 503)
ANSWER = json_reply(response_body({"content": "Pier two."}))
STREAMED_ANSWER = stream_reply([says("Pier "), says("two."), finishes(), uses("B")])
STREAM = {"content-type": "text/event-stream"}
NULLS = dict.fromkeys(["id", "object", "model", "choices"])

both = pytest.mark.parametrize("streamed", [False, True], ids=["plain", "streamed"])


def good(streamed):
    return STREAMED_ANSWER if streamed else ANSWER


@both
@pytest.mark.parametrize("retries", [0, 1, 2])
def test_n_retries_are_at_most_n_more_requests(run, scripted_openrouter, streamed, retries):
    server = scripted_openrouter(BUSY)

    with pytest.raises(InternalServerError, match="Overloaded"):
        run.either(streamed, server.base_url, max_retries=retries)
    assert len(server.requests) == retries + 1
    assert len(run.slept) == retries


@both
def test_two_retries_are_the_default(run, scripted_openrouter, streamed):
    server = scripted_openrouter(BUSY)

    with pytest.raises(InternalServerError):
        run.either(streamed, server.base_url)
    assert len(server.requests) == 3


def test_a_negative_number_of_retries_is_refused(run):
    with pytest.raises(InvalidRequestError, match="max_retries"):
        run.client("http://127.0.0.1:1", max_retries=-1)


@both
@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524, 529])
def test_what_may_pass_is_tried_again(run, scripted_openrouter, streamed, status):
    server = scripted_openrouter(json_reply(error(status, "No"), status), good(streamed))

    assert run.either(streamed, server.base_url).text == "Pier two."
    assert len(server.requests) == 2


@both
@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 409, 410, 413, 418, 422, 501])
def test_what_will_not_pass_is_not_tried_again(run, scripted_openrouter, streamed, status):
    server = scripted_openrouter(json_reply(error(status, "No"), status), good(streamed))

    with pytest.raises(APIError):
        run.either(streamed, server.base_url)
    assert len(server.requests) == 1


def test_a_second_try_sends_the_same_bytes(run, scripted_openrouter):
    server = scripted_openrouter(BUSY, BUSY, ANSWER)
    run.complete(server.base_url)

    assert len({json.dumps(request.body) for request in server.requests}) == 1


@both
def test_a_code_under_status_200_is_tried_again_like_a_status(run, scripted_openrouter, streamed):
    server = scripted_openrouter(json_reply(error(502, "Gone")), good(streamed))

    assert run.either(streamed, server.base_url).text == "Pier two."
    assert len(server.requests) == 2


@both
@pytest.mark.parametrize("sent", [NULLS, {**FACTS, "choices": []}, {}], ids=repr)
def test_an_answer_without_choices_is_tried_again(run, scripted_openrouter, streamed, sent):
    server = scripted_openrouter(json_reply(sent), good(streamed))

    assert run.either(streamed, server.base_url).text == "Pier two."
    assert len(server.requests) == 2


@both
def test_an_empty_answer_is_tried_again(run, scripted_openrouter, streamed):
    server = scripted_openrouter(json_reply(""), good(streamed))

    assert run.either(streamed, server.base_url).text == "Pier two."


@both
def test_an_empty_stream_is_tried_again(run, scripted_openrouter, streamed):
    server = scripted_openrouter(bytes_reply(b": OPENROUTER PROCESSING\n\n"), good(streamed))

    assert run.either(streamed, server.base_url).text == "Pier two."


def test_a_complete_answer_that_breaks_off_is_tried_again(run, scripted_openrouter):
    cut = (Status(200, {"content-type": "application/json", "content-length": "999"}), Close())
    server = scripted_openrouter(cut, ANSWER)

    assert run.complete(server.base_url).text == "Pier two."
    assert len(server.requests) == 2


@both
def test_a_connection_that_breaks_before_the_answer_is_made_again(
    run, scripted_openrouter, streamed
):
    server = scripted_openrouter((Reset(),), good(streamed))

    assert run.either(streamed, server.base_url).text == "Pier two."
    assert len(server.requests) == 2


@both
def test_a_connection_that_breaks_before_the_answer_counts_as_a_try(
    run, scripted_openrouter, streamed
):
    server = scripted_openrouter((Reset(),))

    with pytest.raises(APIConnectionError):
        run.either(streamed, server.base_url, max_retries=1)
    assert len(server.requests) == 2


@pytest.mark.parametrize("first", [error(502, "Gone"), error(429, "Slow"), NULLS], ids=repr)
def test_an_error_in_the_first_event_is_tried_again(run, scripted_openrouter, first):
    server = scripted_openrouter(stream_reply([Comment(), first]), STREAMED_ANSWER)

    assert run.stream(server.base_url)[1].text == "Pier two."
    assert len(server.requests) == 2


def test_an_error_after_events_without_content_is_tried_again(run, scripted_openrouter):
    server = scripted_openrouter(
        stream_reply([says(""), says("\n"), error(502, "Gone")]), STREAMED_ANSWER
    )

    assert run.stream(server.base_url)[1].text == "Pier two."


@pytest.mark.parametrize(
    "end",
    [[Event(error(502, "Gone"))], [Reset()], [Close()], [Close(clean=True)]],
    ids=["error", "RST", "FIN", "end"],
)
def test_nothing_is_tried_again_after_the_first_increment(run, scripted_openrouter, end):
    reply = (Status(200, STREAM), Event(says("Half a")), *end)
    server = scripted_openrouter(reply, STREAMED_ANSWER)

    with pytest.raises((InternalServerError, StreamInterruptedError)) as caught:
        run.stream(server.base_url)
    assert caught.value.partial_text == "Half a"
    assert len(server.requests) == 1


def test_nothing_is_tried_again_after_reasoning(run, scripted_openrouter):
    first = says("")
    first["choices"][0]["delta"]["reasoning"] = "Hm."
    server = scripted_openrouter(stream_reply([first, error(502, "Gone")]), STREAMED_ANSWER)

    with pytest.raises(InternalServerError):
        run.stream(server.base_url)
    assert len(server.requests) == 1


def test_an_increment_and_an_error_in_one_read_both_arrive(run, scripted_openrouter):
    data = b"".join(
        b"data: %b\n\n" % json.dumps(sent).encode() for sent in (says("Half a"), error(502, "Gone"))
    )
    server = scripted_openrouter(bytes_reply(data))

    async def read(client):
        async with client.stream(run.request) as stream:
            deltas = aiter(stream)
            assert (await anext(deltas)).text == "Half a"
            with pytest.raises(InternalServerError):
                await anext(deltas)

    run.scenario(server.base_url, read)
    assert len(server.requests) == 1


SILENT = {"before the response": (Hold(),), "before the first event": (Status(200, STREAM), Hold())}


@waiting(*SILENT)
def test_a_silence_is_not_tried_again(run, scripted_openrouter, where):
    for streamed in (False, True):
        server = scripted_openrouter(SILENT[where])

        with pytest.raises(APITimeoutError):
            run.either(streamed, server.base_url, timeout=0.3)
        assert run.slept == []
        assert len(server.requests) <= 1


# Waits


def waits(header=None, **envelope):
    sent = error(429, "Slow down")
    sent["error"] |= envelope
    return json_reply(sent, 429, {"retry-after": header} if header else None)


@both
@pytest.mark.parametrize("seconds", [1, 7.5, 59])
def test_a_wait_that_is_asked_for_is_waited(run, scripted_openrouter, streamed, seconds):
    server = scripted_openrouter(waits(str(seconds)), good(streamed))
    run.either(streamed, server.base_url)

    assert len(run.slept) == 1
    assert seconds <= run.slept[0] <= seconds + 1


def test_a_wait_may_be_a_date(run, scripted_openrouter):
    server = scripted_openrouter(waits(formatdate(time.time() + 20, usegmt=True)), ANSWER)
    run.complete(server.base_url)

    assert 18 <= run.slept[0] <= 21


def test_a_wait_may_be_a_reset_in_the_body(run, scripted_openrouter):
    reset = str(int((time.time() + 20) * 1000))
    server = scripted_openrouter(waits(metadata={"headers": {"X-RateLimit-Reset": reset}}), ANSWER)
    run.complete(server.base_url)

    assert 18 <= run.slept[0] <= 21


def test_a_wait_may_be_in_the_availability(run, scripted_openrouter):
    server = scripted_openrouter(waits(availability={"retry_after": 20}), ANSWER)
    run.complete(server.base_url)

    assert 20 <= run.slept[0] <= 21


def test_a_wait_is_a_floor_under_the_back_off(run, scripted_openrouter):
    server = scripted_openrouter(waits("0.001"), ANSWER)
    run.complete(server.base_url)

    assert run.slept[0] >= 0.25


def test_waits_grow_without_a_word_from_the_server(run, scripted_openrouter):
    server = scripted_openrouter(BUSY)

    with pytest.raises(InternalServerError):
        run.complete(server.base_url, max_retries=4)
    assert run.slept == sorted(run.slept)
    assert run.slept[-1] > 2 * run.slept[0]
    assert max(run.slept) < 10


@both
def test_all_waits_of_a_call_end_within_five_minutes(run, scripted_openrouter, streamed):
    server = scripted_openrouter(waits("50"))

    with pytest.raises(RateLimitError):
        run.either(streamed, server.base_url, max_retries=100)
    assert 200 < sum(run.slept) < 300
    assert len(server.requests) == len(run.slept) + 1


@both
@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (waits("61"), "61 s"),
        (waits("54000"), "15.0 h"),
        (waits(availability={"retry_after": 600}), "10 min"),
    ],
)
def test_too_long_a_wait_fails_at_once_and_names_the_time(
    run, scripted_openrouter, streamed, reply, said
):
    server = scripted_openrouter(reply, good(streamed))

    with pytest.raises(RateLimitError, match=f"Retry after {said}"):
        run.either(streamed, server.base_url)
    assert (len(server.requests), run.slept) == (1, [])


@both
@pytest.mark.parametrize(
    "metadata",
    [
        {"limit_source": "openrouter_free_tier_daily"},
        {"raw": "Rate limit exceeded: free-models-per-day. Add 10 credits to unlock 1000"},
    ],
)
def test_a_cap_of_the_day_fails_at_once(run, scripted_openrouter, streamed, metadata):
    server = scripted_openrouter(json_reply(error(429, **metadata), 429), good(streamed))

    with pytest.raises(RateLimitError):
        run.either(streamed, server.base_url)
    assert len(server.requests) == 1


def test_a_status_that_openrouter_calls_final_is_final(run, scripted_openrouter):
    sent = error(503, "No provider meets your requirements")
    sent["error"]["availability"] = {"retryable": False}
    server = scripted_openrouter(json_reply(sent, 503), ANSWER)

    with pytest.raises(InternalServerError):
        run.complete(server.base_url)
    assert len(server.requests) == 1


@pytest.mark.parametrize(("header", "requests"), [(None, 1), ("2", 2)])
def test_a_budget_that_is_in_use_is_waited_for(run, scripted_openrouter, header, requests):
    sent = error(402, "In use", limit_source="openrouter_in_flight_budget")
    headers = {"retry-after": header} if header else None
    server = scripted_openrouter(json_reply(sent, 402, headers), json_reply(sent, 402))

    with pytest.raises(PaymentRequiredError):
        run.complete(server.base_url)
    assert len(server.requests) == requests


# The log


def test_every_further_try_is_logged_with_its_reason(run, scripted_openrouter, caplog):
    server = scripted_openrouter(BUSY, waits("3"), ANSWER)
    with caplog.at_level(logging.INFO, "glm_openrouter"):
        run.complete(server.base_url)
    one, two = (record.getMessage() for record in caplog.records)

    assert "Overloaded (503)" in one
    assert "Slow down (429)" in two
    assert f"{run.slept[1]:.1f} s" in two


def test_a_call_that_works_logs_nothing_above_debug(run, scripted_openrouter, caplog):
    server = scripted_openrouter(ANSWER)
    with caplog.at_level(logging.INFO, "glm_openrouter"):
        run.complete(server.base_url)

    assert [r for r in caplog.records if r.name.startswith("glm_openrouter")] == []


@both
def test_no_key_is_in_the_log(run, scripted_openrouter, caplog, streamed):
    leak = json_reply(error(503, f"Bad {KEY}"), 503)
    server = scripted_openrouter(leak, (Reset(),), good(streamed))
    with caplog.at_level(logging.DEBUG):
        run.either(streamed, server.base_url, api_key=KEY)

    assert caplog.records
    assert KEY not in caplog.text
    assert KEY not in "".join(repr(record.__dict__) for record in caplog.records)


def test_an_answer_that_stays_unreadable_is_the_error_in_the_end(run, scripted_openrouter):
    server = scripted_openrouter(json_reply("not json"))

    with pytest.raises(APIResponseError, match="not json"):
        run.complete(server.base_url, max_retries=1)
    assert len(server.requests) == 2


# What may have been paid for

HALF = json.dumps(response_body({"content": "Pier two."}))[:-30]
HTML = (Status(200, {"content-type": "text/html"}), Send(b"<html><title>Sorry</title></html>"))
MAYBE_BILLED = {
    "closed": (Close(),),
    "reset": (Reset(),),
    "504": json_reply(error(504, "Too slow"), 504),
    "524": (Status(524, {"content-type": "text/html"}), Send(b"<title>A timeout occurred</title>")),
    "504 under status 200": json_reply(error(504, "Too slow")),
    "half a body": json_reply(HALF),
    "half a body, then reset": (Status(200), Send(HALF.encode()), Wait(0.02), Reset()),
    "no body": json_reply(""),
    "204": (Status(204, {"content-length": "0"}),),
    "HTML": HTML,
    "no choices": json_reply({**FACTS, "choices": []}),
    "an empty stream": stream_reply([]),
    "a stream that breaks at once": (Status(200, STREAM), Event(FACTS), Wait(0.02), Close()),
    "unknown compression": bytes_reply(b"a", headers={"content-encoding": "br"}),
}
NOT_BILLED = {
    "429": json_reply(error(429, "Slow down"), 429),
    "500": json_reply(error(500, "Sunk"), 500),
    "502": json_reply(error(502, "Gone"), 502),
    "503": BUSY,
    "529": json_reply(error(529, "Full"), 529),
}


@both
@pytest.mark.parametrize("failure", MAYBE_BILLED.values(), ids=MAYBE_BILLED)
def test_what_may_be_billed_is_tried_once_more(run, scripted_openrouter, streamed, failure):
    server = scripted_openrouter(failure)

    with pytest.raises(APIError) as caught:
        run.either(streamed, server.base_url, max_retries=5)
    assert len(server.requests) == 2
    assert caught.value.may_be_billed


@both
@pytest.mark.parametrize("failure", NOT_BILLED.values(), ids=NOT_BILLED)
def test_what_is_not_billed_is_tried_as_often_as_allowed(
    run, scripted_openrouter, streamed, failure
):
    server = scripted_openrouter(failure)

    with pytest.raises(APIError) as caught:
        run.either(streamed, server.base_url, max_retries=4)
    assert len(server.requests) == 5
    assert not caught.value.may_be_billed


def test_a_call_is_paid_twice_at_most(run, scripted_openrouter):
    close = (Close(),)
    server = scripted_openrouter(BUSY, close, BUSY, BUSY, close, ANSWER)

    with pytest.raises(APIConnectionError):
        run.complete(server.base_url, max_retries=9)
    assert len(server.requests) == 5


def test_each_call_has_a_try_of_its_own(run, scripted_openrouter):
    close = (Close(),)
    server = scripted_openrouter(close, ANSWER, close, ANSWER)

    async def ask_twice(client):
        return [(await client.complete(run.request)).text for _ in range(2)]

    assert run.scenario(server.base_url, ask_twice) == ["Pier two.", "Pier two."]


def test_without_retries_what_may_be_billed_is_sent_once(run, scripted_openrouter):
    server = scripted_openrouter((Close(),))

    with pytest.raises(APIConnectionError):
        run.complete(server.base_url, max_retries=0)
    assert len(server.requests) == 1


def test_a_connection_that_is_not_made_costs_nothing(run):
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]

    with pytest.raises(APIConnectionError) as caught:
        run.complete(f"http://127.0.0.1:{port}/api/v1", max_retries=4)
    assert len(run.slept) == 4
    assert not caught.value.may_be_billed


def test_a_timeout_may_be_billed(run, scripted_openrouter):
    server = scripted_openrouter((Hold(),))

    with pytest.raises(APITimeoutError) as caught:
        run.complete(server.base_url, timeout=0.15)
    assert caught.value.may_be_billed


@pytest.mark.parametrize("failure", ["closed", "504", "half a body"])
def test_asking_the_catalogue_costs_nothing(run, scripted_openrouter, failure):
    server = scripted_openrouter(MAYBE_BILLED[failure])

    async def look_up(client):
        models = client.inner.models()
        return models if run.mode == "sync" else await models

    with pytest.raises(APIError) as caught:
        run.scenario(server.base_url, look_up, max_retries=4)
    assert len(run.slept) == 4
    assert not caught.value.may_be_billed


# What has been paid for is kept

WHOLE = json.dumps(response_body({"content": "Pier two."})).encode()
LENGTH = {"content-type": "application/json", "content-length": str(len(WHOLE) + 20)}
BAD_ENDS = {
    "no end of chunks": (Status(200), Send(WHOLE), Close()),
    "reset": (Status(200), Send(WHOLE), Wait(0.02), Reset()),
    "too long a length, then the end": (Status(200, LENGTH), Send(WHOLE), Close()),
    "too long a length, then reset": (Status(200, LENGTH), Send(WHOLE), Wait(0.02), Reset()),
    "too long a length, then silence": (Status(200, LENGTH), Send(WHOLE), Hold()),
    "blanks, then the end": (Status(200), Send(b"  " + WHOLE + b" \n"), Close()),
    "blanks for ever": (Status(200), Send(WHOLE), *[Send(b" "), Wait(0.01)] * 1000),
    "whole in an event": (Status(200, STREAM), Send(b"data: " + WHOLE), Close()),
}


@waiting(*BAD_ENDS)
def test_a_whole_answer_counts_however_the_connection_ends(run, scripted_openrouter, end):
    for streamed in (False, True):
        server = scripted_openrouter(BAD_ENDS[end])

        answer = run.either(streamed, server.base_url, timeout=1.0)
        assert (answer.text, answer.usage.total_tokens) == ("Pier two.", 48)
        assert len(server.requests) == 1


def test_a_whole_error_counts_however_the_connection_ends(run, scripted_openrouter):
    said = json.dumps(error(402, "Insufficient credits")).encode()
    server = scripted_openrouter((Status(200), Send(said), Close()))

    with pytest.raises(PaymentRequiredError, match="Insufficient credits"):
        run.complete(server.base_url)
    assert len(server.requests) == 1


def test_a_cut_call_does_not_run_however_the_connection_ends(run, scripted_openrouter):
    call = {"index": 0, "id": "a", "function": {"name": "tide", "arguments": "{}"}}
    whole = json.dumps({"choices": [{"delta": {"tool_calls": [call]}}]}).encode()
    server = scripted_openrouter((Status(200, STREAM), Send(b"data: " + whole), Close()))

    with pytest.raises(StreamInterruptedError):
        run.stream(server.base_url)
