"""A failure has one type and one message on every surface, wherever OpenRouter puts it."""

import json
import warnings

import pytest
from langchain_core.exceptions import ContextOverflowError, ModelError

from glm_openrouter import errors
from glm_openrouter.testing import Close, Send, Status, bytes_reply, json_reply
from support.samples import KEY
from support.surfaces import Surface, across
from support.wire import chunk, event_stream

HALF = chunk({"content": "Half"})
TYPES = {
    400: errors.BadRequestError,
    401: errors.AuthenticationError,
    402: errors.PaymentRequiredError,
    403: errors.PermissionDeniedError,
    404: errors.NotFoundError,
    408: errors.InternalServerError,
    409: errors.ConflictError,
    413: errors.RequestTooLargeError,
    422: errors.UnprocessableEntityError,
    429: errors.RateLimitError,
    500: errors.InternalServerError,
    502: errors.InternalServerError,
    503: errors.InternalServerError,
    504: errors.InternalServerError,
    524: errors.InternalServerError,
    529: errors.InternalServerError,
}


def envelope(code, message="Provider returned error", **metadata):
    return {"error": {"code": code, "message": message, "metadata": metadata}}


def limited(code):
    return envelope(code, provider_name="Z.AI", raw="temporarily rate-limited upstream")


PLACES = {
    "the status": lambda code: json_reply(limited(code), status=code),
    "the body": lambda code: json_reply(limited(code)),
    "a chunk": lambda code: bytes_reply(
        event_stream({**chunk({"content": ""}, "error"), **limited(code)})
    ),
    "a chunk of nothing else": lambda code: bytes_reply(event_stream(limited(code), done=False)),
    "a choice": lambda code: json_reply(
        {"choices": [{"message": {"content": ""}, "finish_reason": "error", **limited(code)}]}
    ),
}


CODES_AND_PLACES = {
    **{f"{code} in the status": (code, "the status") for code in TYPES},
    **{f"429 in {place}": (429, place) for place in PLACES},
}


@across("where", CODES_AND_PLACES, "404 in the status", "429 in a chunk", "503 in the status")
def test_an_error_reads_the_same_wherever_it_is(surface, scripted_openrouter, where):
    code, place = CODES_AND_PLACES[where]
    server = scripted_openrouter(PLACES[place](code))
    with pytest.raises(TYPES[code]) as caught:
        surface.ask(server.base_url)
    error = caught.value
    assert str(error).startswith(f"[Z.AI] temporarily rate-limited upstream ({code}).")
    assert (error.status_code, error.provider_name) == (code, "Z.AI")
    assert isinstance(error, ModelError) == (surface.framework == "langchain")
    assert KEY not in repr(error)


@pytest.mark.parametrize("code", TYPES)
def test_every_status_is_an_error_of_both_families(scripted_openrouter, code):
    server = scripted_openrouter(PLACES["the status"](code))
    with pytest.raises(TYPES[code]) as caught:
        Surface("langchain", "sync", streamed=False).ask(server.base_url)
    assert isinstance(caught.value, ModelError)


WORDINGS = {
    "the code as text": ({"error": {"code": "429", "message": "Slow down"}}, errors.RateLimitError),
    "a known word as code": (
        {"error": {"code": "rate_limit_exceeded", "message": "Slow down"}},
        errors.RateLimitError,
    ),
    "only a type": (
        {"error": {"message": "Slow down", "metadata": {"error_type": "rate_limit_exceeded"}}},
        errors.RateLimitError,
    ),
    "a code that is no error": (
        {"error": {"code": 200, "message": "Slow down"}},
        errors.InternalServerError,
    ),
    "a code of the provider": (
        {"error": {"code": "1302", "message": "Slow down"}},
        errors.InternalServerError,
    ),
    "a word as code": ({"error": {"code": "oops", "message": "Slow down"}}, errors.APIStatusError),
    "no code": ({"error": {"message": "Slow down"}}, errors.APIStatusError),
    "text for an error": ({"error": "Slow down"}, errors.APIStatusError),
    "JSON in text in raw": (
        envelope(429, raw=json.dumps({"error": {"message": "Slow down"}})),
        errors.RateLimitError,
    ),
    "an object in raw": (
        envelope(429, raw={"detail": {"message": "Slow down"}}),
        errors.RateLimitError,
    ),
    "a list in raw": (envelope(429, raw=[{"msg": "Slow down"}]), errors.RateLimitError),
}


@across("wording", WORDINGS, "no code", "JSON in text in raw")
def test_the_text_is_found_however_it_is_wrapped(surface, scripted_openrouter, wording):
    body, kind = WORDINGS[wording]
    with pytest.raises(kind, match="Slow down"):
        surface.ask(scripted_openrouter(json_reply(body)).base_url)


PAGES = {
    "HTML": (b"<html><title>502 Bad Gateway</title><body>nginx</body></html>", "502 Bad Gateway"),
    "plain text": (b"upstream timed out", "upstream timed out"),
    "nothing": (b"", "502"),
    "broken JSON": (b'{"error": {"mess', "mess"),
}


@across("page", PAGES, "HTML", "nothing")
def test_a_page_of_a_proxy_is_an_error_of_its_status(surface, scripted_openrouter, page):
    body, said = PAGES[page]
    reply = bytes_reply(body, status=502, headers={"content-type": "text/html"})
    with pytest.raises(errors.InternalServerError, match=said):
        surface.ask(scripted_openrouter(reply).base_url)


UNREADABLE = {
    "cut": (Status(429, {"content-length": "99"}), Send(b'{"error": {"mess'), Close()),
    "not compressed": (
        Status(429, {"content-encoding": "gzip", "content-length": "4"}),
        Send(b"Slow"),
    ),
}


@pytest.mark.parametrize("page", UNREADABLE)
def test_a_page_that_cannot_be_read_is_an_error_of_its_status(surface, scripted_openrouter, page):
    with pytest.raises(errors.RateLimitError):
        surface.ask(scripted_openrouter(UNREADABLE[page]).base_url)


def test_an_error_page_may_be_an_event_stream(surface, scripted_openrouter):
    reply = bytes_reply(event_stream(limited(429)), status=429)
    with pytest.raises(errors.RateLimitError, match=r"^\[Z\.AI\] temporarily rate-limited"):
        surface.ask(scripted_openrouter(reply).base_url)


@pytest.mark.parametrize("choices", [None, []])
def test_a_body_without_choices_is_an_error(surface, scripted_openrouter, choices):
    server = scripted_openrouter(json_reply({"id": "gen-1", "choices": choices}))
    with pytest.raises(errors.APIResponseError, match="without choices"):
        surface.ask(server.base_url)


FAILURES = {
    "an error in a chunk": {**chunk({"content": ""}, "error"), **limited(502)},
    "an error and nothing else": limited(502),
    "an error in a choice": {"choices": [{"delta": {}, "finish_reason": "error", **limited(502)}]},
    "an error in a choice that has no finish reason": {
        "choices": [{"delta": {}, "finish_reason": None, **limited(502)}]
    },
    "an error as finish reason": chunk({}, "error"),
}


@across("failure", FAILURES, "an error in a chunk", "an error as finish reason")
def test_an_error_after_text_holds_the_text(surface, scripted_openrouter, failure):
    body = event_stream(HALF, FAILURES[failure])
    with pytest.raises(errors.APIStatusError) as caught:
        surface.ask(scripted_openrouter(bytes_reply(body)).base_url)
    assert caught.value.partial_text == "Half"


@pytest.mark.parametrize("late", ["an error in a chunk", "an error and nothing else"])
def test_an_error_after_the_length_was_reached_is_no_failure(surface, scripted_openrouter, late):
    body = event_stream(HALF, chunk({}, "length"), FAILURES[late])
    answer = surface.ask(scripted_openrouter(bytes_reply(body)).base_url)
    assert (answer.text, answer.finish_reason) == ("Half", "length")


@pytest.mark.parametrize(
    "said",
    [
        "This endpoint's maximum context length is 202752 tokens. You requested 300000.",
        "Prompt exceeds max length",
    ],
)
def test_too_long_a_prompt_is_the_error_that_frameworks_know(surface, scripted_openrouter, said):
    server = scripted_openrouter(json_reply(envelope(400, said), status=400))
    with pytest.raises(errors.ContextLengthExceededError) as caught:
        surface.ask(server.base_url)
    assert isinstance(caught.value, ContextOverflowError) == (surface.framework == "langchain")


def test_a_402_names_the_tokens_that_the_balance_allows(surface, scripted_openrouter):
    said = "You requested up to 65536 tokens, but can only afford 1234."
    server = scripted_openrouter(json_reply(envelope(402, said), status=402))
    with pytest.raises(errors.PaymentRequiredError, match="max_tokens to at most 1234") as caught:
        surface.ask(server.base_url)
    assert caught.value.affordable_max_tokens == 1234


def test_a_404_names_the_part_of_the_request_that_left_no_endpoint(surface, scripted_openrouter):
    said = "No endpoints found matching your data policy"
    server = scripted_openrouter(json_reply(envelope(404, said), status=404))
    with pytest.raises(errors.NotFoundError, match=r"Excluded by `provider\.data_collection`"):
        surface.ask(server.base_url)


def test_an_answer_that_thinking_left_no_room_for_is_told(surface, scripted_openrouter):
    thought = chunk({"content": "", "reasoning": "Let me see"})
    body = event_stream(thought, chunk({"content": ""}, "length"))
    server = scripted_openrouter(bytes_reply(body))
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        answer = surface.ask(server.base_url)
    assert (answer.text, answer.reasoning) == ("", "Let me see")
    (warning,) = [each for each in told if each.category is errors.EmptyResponseWarning]
    assert "max_tokens" in str(warning.message)
