"""A request is sent again when that may help, as often as was asked for, and after the wait that was asked for."""

import time
from email.utils import formatdate

import pytest

from glm_openrouter import APIConnectionError, InternalServerError, RateLimitError
from glm_openrouter._client import retry
from glm_openrouter.testing import Close, Reset, bytes_reply, json_reply
from support.surfaces import across
from support.wire import chunk, event_stream, response_body

GOOD = bytes_reply(event_stream(chunk({"content": "Yes."}, "stop")))
DOWN = json_reply({"error": {"code": 503, "message": "Down"}}, status=503)


@pytest.fixture
def waits():
    """The waits between tries, in seconds, none of which are waited."""
    return []


@pytest.mark.parametrize("retries", [0, 1, 3])
def test_a_request_is_sent_once_more_than_there_are_retries(
    surface, scripted_openrouter, waits, retries
):
    server = scripted_openrouter(DOWN)
    with pytest.raises(InternalServerError):
        surface.ask(server.base_url, waits=waits, max_retries=retries)
    assert (len(server.requests), len(waits)) == (retries + 1, retries)


PASSING = {
    **{
        str(status): json_reply({"error": {"code": status, "message": "Down"}}, status=status)
        for status in (408, 429, 500, 502, 503, 504, 520, 524, 529)
    },
    "an error in the body": json_reply({"error": {"code": 502, "message": "Down"}}),
    "no choices": json_reply({"id": "gen-1", "choices": None}),
    "a page": bytes_reply(b"<html>", status=502, headers={"content-type": "text/html"}),
    "a connection that closes": (Close(),),
    "a connection that is reset": (Reset(),),
    "a first event that is an error": bytes_reply(
        event_stream({"error": {"code": 502, "message": "Down"}})
    ),
}


@across("failure", PASSING, "429", "a connection that is reset", "a first event that is an error")
def test_a_passing_failure_is_tried_again(surface, scripted_openrouter, waits, failure):
    server = scripted_openrouter(PASSING[failure], GOOD)
    assert surface.ask(server.base_url, waits=waits, max_retries=1).text == "Yes."
    assert len(server.requests) == 2


@across("status", dict.fromkeys((400, 401, 402, 403, 404, 413, 422)), 400, 404)
def test_a_failure_that_stays_is_not_tried_again(surface, scripted_openrouter, waits, status):
    failure = json_reply({"error": {"code": status, "message": "No"}}, status=status)
    server = scripted_openrouter(failure, GOOD)
    with pytest.raises(Exception, match="No"):
        surface.ask(server.base_url, waits=waits, max_retries=3)
    assert len(server.requests) == 1


def test_only_what_was_not_given_out_is_asked_for_again(surface, scripted_openrouter, waits):
    broken = (*bytes_reply(event_stream(chunk({"content": "Ye"}), done=False)), Reset())
    server = scripted_openrouter(broken, GOOD)
    if surface.streamed:
        with pytest.raises(Exception, match="broke"):
            surface.ask(server.base_url, waits=waits, max_retries=3)
    else:
        assert surface.ask(server.base_url, waits=waits, max_retries=3).text == "Yes."
    assert len(server.requests) == (1 if surface.streamed else 2)


def limited(metadata=None, headers=None, **more):
    error = {"code": 429, "message": "Slow", "metadata": metadata or {}, **more}
    return json_reply({"error": error}, status=429, headers=headers)


def in_milliseconds(seconds):
    return str(int((time.time() + seconds) * 1000))


WAITS = {
    "seconds in the header": lambda: limited(headers={"retry-after": "7"}),
    "a date in the header": lambda: limited(
        headers={"retry-after": formatdate(time.time() + 8, usegmt=True)}
    ),
    "the reset in the body": lambda: limited(
        {"headers": {"X-RateLimit-Reset": in_milliseconds(7.5)}}
    ),
    "the reset in the header": lambda: limited(headers={"x-ratelimit-reset": in_milliseconds(7.5)}),
    "the availability": lambda: limited(availability={"retry_after": 7}),
}


@across("form", WAITS, "seconds in the header", "the reset in the body")
def test_the_wait_that_the_answer_asks_for_is_a_floor(surface, scripted_openrouter, waits, form):
    server = scripted_openrouter(WAITS[form](), GOOD)
    surface.ask(server.base_url, waits=waits, max_retries=1)
    (wait,) = waits
    assert 6 < wait < 10


@pytest.mark.parametrize(
    "metadata",
    [
        {"headers": {"X-RateLimit-Reset": in_milliseconds(15 * 3600)}},
        {"headers": {"Retry-After": "100"}},
        {"limit_source": "openrouter_free_daily"},
    ],
    ids=["hours", "minutes", "a cap of the day"],
)
def test_too_long_a_wait_fails_at_once(surface, scripted_openrouter, waits, metadata):
    server = scripted_openrouter(limited(metadata))
    with pytest.raises(RateLimitError):
        surface.ask(server.base_url, waits=waits, max_retries=3)
    assert (len(server.requests), waits) == (1, [])


def test_each_retry_is_logged_with_its_reason(surface, scripted_openrouter, waits, caplog):
    with caplog.at_level("WARNING", retry.logger.name):
        surface.ask(scripted_openrouter(DOWN, GOOD).base_url, waits=waits, max_retries=1)
    (record,) = [each for each in caplog.records if each.name == retry.logger.name]
    assert "[OpenRouter] Down (503)" in record.getMessage()


def test_a_server_that_is_not_there_is_tried_again_and_then_named(surface, waits):
    with pytest.raises(APIConnectionError, match=r"127\.0\.0\.1:9"):
        surface.ask("http://127.0.0.1:9/api/v1", waits=waits, max_retries=2)
    assert len(waits) == 2


def test_a_plain_answer_is_not_asked_for_twice(surface, scripted_openrouter, waits):
    server = scripted_openrouter(json_reply(response_body({"content": "Yes."})))
    surface.ask(server.base_url, waits=waits, max_retries=3)
    assert len(server.requests) == 1
