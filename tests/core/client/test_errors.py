"""What OpenRouter and its providers report as a failure, and what a user gets to see of it."""

import copy
import json
import pickle
import time
from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

import glm_openrouter.errors
from glm_openrouter import (
    DEFAULT_MODEL,
    APIError,
    APIResponseError,
    APIStatusError,
    AuthenticationError,
    BadRequestError,
    ConflictError,
    ContextLengthExceededError,
    GLMError,
    InternalServerError,
    NotFoundError,
    PaymentRequiredError,
    PermissionDeniedError,
    RateLimitError,
    RequestTooLargeError,
    StructuredOutputError,
    TruncatedToolCallError,
    UnprocessableEntityError,
    Usage,
)
from glm_openrouter._response.failures import error_from_body, error_from_envelope
from glm_openrouter.testing import Close, Send, Status, bytes_reply, json_reply, stream_reply
from support.parsing import assemble_body, assemble_stream
from support.samples import KEY
from support.wire import chunk, error, finishes, response_body, says

USER = "user_2xKq9mBv71LpTn"
NOW = 1_760_000_000.0
UPSTREAM = "This model is busy at the moment"


def read(envelope, status=None, headers=None):
    return error_from_envelope(
        envelope, {"model": "z-ai/glm-4.6"}, status=status, headers=headers, now=lambda: NOW
    )


def page(data, status, headers=None):
    return error_from_body(data, status, headers or {}, {"model": "z-ai/glm-4.6"})


def in_a_choice(envelope):
    sent = response_body({"content": "Half a"}, "error")
    sent["choices"][0]["error"] = envelope["error"]
    return sent


PLACES = {
    "the status": lambda envelope: json_reply(envelope, status=envelope["error"]["code"]),
    "a body with status 200": json_reply,
    "a choice": lambda envelope: json_reply(in_a_choice(envelope)),
    "the first chunk": lambda envelope: stream_reply([envelope]),
    "a later chunk": lambda envelope: stream_reply(
        [says("Half a"), {**finishes("error"), **envelope}]
    ),
}
TYPES = {
    400: BadRequestError,
    401: AuthenticationError,
    402: PaymentRequiredError,
    403: PermissionDeniedError,
    404: NotFoundError,
    408: InternalServerError,
    409: ConflictError,
    412: APIStatusError,
    413: RequestTooLargeError,
    422: UnprocessableEntityError,
    429: RateLimitError,
    500: InternalServerError,
    502: InternalServerError,
    503: InternalServerError,
    504: InternalServerError,
    520: InternalServerError,
    524: InternalServerError,
    529: InternalServerError,
    599: InternalServerError,
    410: APIStatusError,
    418: APIStatusError,
}
RETRYABLE = {408, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524, 529}


# Where an error is


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
@pytest.mark.parametrize("streamed", [False, True], ids=["plain", "streamed"])
@pytest.mark.parametrize("code", [400, 429, 502])
def test_an_error_is_the_same_wherever_it_is(run, scripted_openrouter, place, streamed, code):
    sent = error(code, raw=UPSTREAM, provider_name="Z.AI", error_type="of_some_kind")
    server = scripted_openrouter(place(sent))

    with pytest.raises(TYPES[code]) as caught:
        run.either(streamed, server.base_url, max_retries=0)

    found = caught.value
    assert type(found) is TYPES[code]
    assert (found.status_code, found.code, found.error_type) == (code, code, "of_some_kind")
    assert (found.provider_name, found.raw, found.model) == ("Z.AI", UPSTREAM, DEFAULT_MODEL)
    assert found.retryable == (code in RETRYABLE)
    assert str(found).startswith(f"[Z.AI] {UPSTREAM} ({code})")


@pytest.mark.parametrize(("status", "kind"), TYPES.items())
def test_a_status_has_a_type(status, kind):
    assert type(page(json.dumps(error(status, "No")).encode(), status)) is kind


@pytest.mark.parametrize(("status", "kind"), TYPES.items())
def test_a_code_under_status_200_has_the_same_type(status, kind):
    with pytest.raises(APIError) as caught:
        assemble_body(error(status, "No"))
    assert type(caught.value) is kind


@pytest.mark.parametrize("status", [*TYPES, 521, 522, 523, 405, 451, 501, 505, 530])
def test_retryable_says_what_may_succeed_later(status):
    assert read(error(status, "No")).retryable == (status in RETRYABLE)


# What an error says


@pytest.mark.parametrize(
    ("sent", "status", "expected"),
    [
        ({"code": 429}, None, 429),
        ({"code": "429"}, None, 429),
        ({"code": 429.0}, None, 429),
        ({"code": 429}, 502, 429),
        ({"code": "server_error"}, 502, 502),
        ({"code": "server_error"}, None, 500),
        ({"code": "rate_limit_exceeded"}, None, 429),
        ({"code": "RATE_LIMIT_EXCEEDED"}, None, 429),
        ({"code": "rate_limit_exceeded"}, 503, 503),
        ({"code": "oops", "error_type": "payment_required"}, None, 402),
        ({"metadata": {"error_type": "rate_limit_exceeded"}}, None, 429),
        ({"availability": {"code": "capacity_exhausted"}}, None, 429),
        ({"availability": {"code": "model_deprecated"}}, None, 404),
        ({"error_type": "invalid_prompt"}, None, 400),
        ({"error_type": "content_policy_violation"}, None, 400),
        ({"error_type": "refusal"}, None, 400),
        ({"error_type": "image_not_found"}, None, 404),
        ({"error_type": "precondition_failed"}, None, 412),
        ({"error_type": "timeout"}, None, 504),
        ({"metadata": {"error_type": ["odd"]}}, None, 500),
        ({"code": 200}, None, 500),
        ({"code": 0}, None, 500),
        ({"code": None}, 503, 503),
        ({"http_status": 503}, None, 503),
        ({"http_status": 503}, 500, 503),
        ({"http_status": "503", "code": "capacity_exhausted"}, None, 503),
        ({}, 404, 404),
        ({}, None, 500),
        ({"code": 1302}, 429, 429),
        ({"code": True}, 429, 429),
        ({"code": {"a": 1}}, 429, 429),
        ({"code": []}, 429, 429),
    ],
)
def test_the_status_is_the_code_or_the_next_best(sent, status, expected):
    found = read({"error": {"message": "No", **sent}}, status)

    assert found.status_code == expected
    assert type(found) is TYPES[expected]


@pytest.mark.parametrize("code", [429, "429", "server_error", None])
def test_the_code_is_kept_as_it_was_sent(code):
    assert read(error(code, "No"), 429).code == code


@pytest.mark.parametrize(
    "raw",
    [
        UPSTREAM,
        f"  {UPSTREAM}\n",
        json.dumps({"error": {"message": UPSTREAM, "code": "1302"}}),
        json.dumps({"message": UPSTREAM}),
        json.dumps({"detail": UPSTREAM}),
        json.dumps({"msg": UPSTREAM, "code": 1302}),
        json.dumps({"error": UPSTREAM}),
        json.dumps([{"error": {"message": UPSTREAM}}]),
        json.dumps({"error": {"metadata": 1, "message": json.dumps({"message": UPSTREAM})}}),
        {"error": {"message": UPSTREAM, "type": "busy"}},
        {"message": UPSTREAM},
        {"details": [{"msg": UPSTREAM}]},
        f"<html><head><title>{UPSTREAM}</title></head><body>Ray 12</body></html>",
        f"<!DOCTYPE html>\n<body><h1>{UPSTREAM}</h1></body>",
    ],
)
def test_the_upstream_is_quoted_however_it_is_wrapped(raw):
    found = read(error(429, raw=raw, provider_name="Z.AI"))

    assert found.message.startswith(f"[Z.AI] {UPSTREAM} (429).")
    assert found.raw == UPSTREAM


def test_a_telling_message_is_kept_beside_the_raw_one():
    found = read(error(400, "Provider refused the tools", raw="tools[0] has no type"))

    assert "Provider refused the tools: tools[0] has no type (400)" in str(found)


def test_a_message_that_quotes_the_raw_text_is_not_said_twice():
    assert str(read(error(400, f"Upstream said: {UPSTREAM}", raw=UPSTREAM))).count(UPSTREAM) == 1


@pytest.mark.parametrize("raw", [None, "", {}, [], "{}", 17, True, {"a": 1}])
def test_without_a_raw_text_the_message_stands(raw):
    found = read(error(429, "Slow down", raw=raw))

    assert "Slow down" in str(found)
    assert "(429)" in str(found)


def test_without_any_text_the_status_stands():
    assert str(read({"error": {"code": 429}})).startswith("[OpenRouter] The request failed")


def test_broken_json_in_raw_is_text():
    assert '{"error": {"mess' in str(read(error(429, raw='{"error": {"mess')))


@pytest.mark.parametrize("sent", ["Slow down", ["Slow down"], {"message": "Slow down"}])
def test_an_error_may_be_less_than_an_object(sent):
    assert "Slow down" in str(read({"error": sent}, 429))


def test_the_name_of_the_provider_may_come_from_the_response():
    with pytest.raises(InternalServerError) as caught:
        assemble_stream(says("a"), error(502, "Gone"))
    assert caught.value.provider_name == "Novita"
    assert str(caught.value).startswith("[Novita] Gone (502).")


@pytest.mark.parametrize("name", [None, 17, {}, ""])
def test_an_error_of_openrouter_itself_names_no_provider(name):
    found = read(error(402, "No credits", provider_name=name))

    assert found.provider_name is None
    assert str(found).startswith("[OpenRouter] No credits (402).")


def test_the_model_is_named():
    assert "z-ai/glm-4.6" in str(read(error(404, "No endpoints")))


def test_the_request_id_is_that_of_the_header():
    found = read(error(429, "No"), 429, {"x-generation-id": "gen-17"})

    assert found.request_id == "gen-17"


@pytest.mark.parametrize("streamed", [False, True], ids=["plain", "streamed"])
def test_the_request_id_is_read_from_the_response(run, scripted_openrouter, streamed):
    server = scripted_openrouter(json_reply(error(400, "No"), 400, {"X-Generation-Id": "gen-18"}))

    with pytest.raises(BadRequestError) as caught:
        run.either(streamed, server.base_url)
    assert caught.value.request_id == "gen-18"


def test_reasons_of_a_moderation_are_shown():
    found = read(error(403, "Input was flagged", reasons=["violence", "piracy"]))

    assert "violence, piracy" in str(found)


def test_a_wrong_key_is_answered_with_where_to_look():
    assert "OPENROUTER_API_KEY" in str(read(error(401, "No auth credentials found")))


def test_a_long_page_is_cut():
    assert len(str(page(b"word " * 100_000, 502))) < 2000


# Pages


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"<html><head><title>502 Bad Gateway</title></head></html>", "502 Bad Gateway"),
        (b"<!doctype html><p>The <b>edge</b> is down</p>", "The edge is down"),
        (b"upstream connect error", "upstream connect error"),
        (b"error code: 1015", "error code: 1015"),
        (b"", "without a message"),
        (b"\xff\xfe", "(502)"),
        (b"[]", "(502)"),
        (b'"gone"', "gone"),
        (b"17", "17"),
        (b'{"message": "gone"}', "(502)"),
        (b'{"detail": "gone"}', "(502)"),
    ],
)
def test_a_page_that_is_no_envelope_is_quoted(data, said):
    found = page(data, 502)

    assert type(found) is InternalServerError
    assert said in str(found)
    assert "<" not in str(found)


@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf", b": OPENROUTER PROCESSING\n\n"])
def test_an_envelope_may_come_as_an_event_stream(start):
    sent = json.dumps(error(429, raw="busy", provider_name="Z.AI")).encode()
    found = page(start + b"data: " + sent + b"\n\ndata: [DONE]\n\n", 429)

    assert type(found) is RateLimitError
    assert str(found).startswith("[Z.AI] busy (429)")


CUT_PAGES = {
    "a cut page": (
        Status(429, {"content-length": "999"}),
        Send(b'{"error": {"message": "Busy'),
        Close(),
    ),
    "a page that is not compressed": (
        Status(429, {"content-encoding": "gzip", "content-length": "4"}),
        Send(b"Busy"),
    ),
}


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("cut", CUT_PAGES)
def test_the_status_of_a_page_that_cannot_be_read_counts(run, scripted_openrouter, streamed, cut):
    server = scripted_openrouter(CUT_PAGES[cut])

    with pytest.raises(RateLimitError, match="429"):
        run.either(streamed, server.base_url, max_retries=0)


@pytest.mark.parametrize("key", ["message", "detail", "msg"])
def test_an_object_that_is_no_envelope_is_quoted(key):
    assert "gone fishing" in str(page(json.dumps({key: "gone fishing"}).encode(), 502))


@pytest.mark.parametrize("streamed", [False, True], ids=["plain", "streamed"])
def test_a_page_of_html_with_status_200_is_an_error(run, scripted_openrouter, streamed):
    html = b"<html>\n<title>Checking your browser</title>\n</html>"
    server = scripted_openrouter(bytes_reply(html, headers={"content-type": "text/html"}))

    with pytest.raises(APIResponseError, match="Checking your browser"):
        run.either(streamed, server.base_url, max_retries=0)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
@pytest.mark.parametrize("streamed", [False, True], ids=["plain", "streamed"])
def test_a_redirect_is_not_followed_but_named(run, scripted_openrouter, streamed, status):
    server = scripted_openrouter(json_reply("", status, {"location": "https://elsewhere.test/v1"}))

    with pytest.raises(APIStatusError, match=r"https://elsewhere\.test/v1") as caught:
        run.either(streamed, server.base_url)
    assert caught.value.status_code == status
    assert len(server.requests) == 1


# How long to wait


@pytest.mark.parametrize(
    ("envelope", "headers", "seconds"),
    [
        ({}, {"retry-after": "7"}, 7),
        ({}, {"retry-after": "0.5"}, 0.5),
        ({}, {"retry-after": formatdate(NOW + 30, usegmt=True)}, 30),
        ({}, {"retry-after": formatdate(NOW - 30, usegmt=True)}, None),
        ({}, {"retry-after": "soon"}, None),
        ({}, {"retry-after": "-5"}, None),
        ({}, {"retry-after": ""}, None),
        ({}, {"retry-after": "nan"}, None),
        ({}, {"x-ratelimit-reset": str(int((NOW + 9) * 1000))}, 9),
        ({"metadata": {"headers": {"X-RateLimit-Reset": str(int((NOW + 9) * 1000))}}}, {}, 9),
        ({"metadata": {"headers": {"X-RateLimit-Reset": int((NOW + 9) * 1000)}}}, {}, 9),
        ({"metadata": {"headers": {"Retry-After": "4"}}}, {}, 4),
        ({"metadata": {"headers": None}}, {}, None),
        ({"metadata": {"headers": {"X-RateLimit-Reset": "later"}}}, {}, None),
        ({}, {"retry-after-ms": "1500"}, 1.5),
        ({}, {"retry-after-ms": "soon"}, None),
        ({"availability": {"retry_after": 40}}, {}, 40),
        ({"availability": {"retry_after": "40"}}, {}, 40),
        ({"availability": {"retry_after": None}}, {}, None),
        ({"availability": {"retry_after": 3}}, {"retry-after": "5"}, 5),
        ({"availability": {"retry_after": 5}}, {"retry-after": "3"}, 5),
        ({}, {}, None),
    ],
)
def test_the_wait_is_read_wherever_it_is(envelope, headers, seconds):
    found = read({"error": {"code": 429, "message": "No", **envelope}}, 429, headers)

    assert found.retry_after == (None if seconds is None else pytest.approx(seconds))


def test_availability_may_stand_beside_the_error():
    found = read({**error(503, "No"), "availability": {"retry_after": 4, "code": "x"}})

    assert (found.retry_after, found.error_type) == (4, "x")


def test_a_reset_in_the_body_is_counted_from_now():
    reset = str(int((time.time() + 30) * 1000))
    found = page(json.dumps(error(429, headers={"X-RateLimit-Reset": reset})).encode(), 429)

    assert 25 < found.retry_after < 31


@pytest.mark.parametrize(
    ("seconds", "said"), [(7, "7 s"), (1.5, "1.5 s"), (600, "10 min"), (15 * 3600, "15.0 h")]
)
def test_the_message_names_the_wait(seconds, said):
    assert f"Retry after {said}." in str(read(error(429, "No"), 429, {"retry-after": str(seconds)}))


@pytest.mark.parametrize(
    "metadata",
    [
        {"limit_source": "openrouter_free_tier_daily"},
        {"raw": "Rate limit exceeded: free-models-per-day. Add 10 credits"},
        {"raw": "Rate limit exceeded: free-models-per-day-high-balance"},
    ],
)
def test_a_cap_of_the_day_is_not_worth_a_retry(metadata):
    assert not read(error(429, **metadata)).retryable


def test_a_cap_of_the_day_may_stand_in_the_message():
    assert not read(error(429, "Rate limit exceeded: free-models-per-day")).retryable


def test_a_cap_of_the_minute_is_worth_a_retry():
    assert read(error(429, "Rate limit exceeded: free-models-per-min.")).retryable


@pytest.mark.parametrize(("code", "retryable"), [(503, False), (404, True), (429, False)])
def test_what_openrouter_says_about_retries_wins_over_the_status(code, retryable):
    sent = error(code, "No")
    sent["error"]["availability"] = {"retryable": retryable}

    assert read(sent).retryable is retryable


@pytest.mark.parametrize(
    "name",
    [
        "context_length_exceeded",
        "max_tokens_exceeded",
        "string_too_long",
        "token_limit_exceeded",
    ],
)
@pytest.mark.parametrize("status", [None, 400])
def test_what_does_not_fit_has_its_type_by_name_alone(name, status):
    found = read({"error": {"error_type": name, "message": "No"}}, status)

    assert (type(found), found.status_code, found.retryable) == (
        ContextLengthExceededError,
        400,
        False,
    )


AVAILABILITY = {
    "model_not_found": "Check the model id",
    "wrong_endpoint": "cannot be asked here",
    "no_endpoints": "`provider` and the settings of the account",
    "model_deprecated": "retired the model",
    "model_unavailable_upstream": "No provider offers the model",
    "free_variant_ended": "without `:free`",
    "capacity_exhausted": "at their limits",
    "temporarily_unavailable": "have failed",
    "region_restricted": "your region",
}


@pytest.mark.parametrize("code", AVAILABILITY)
def test_the_message_says_what_an_availability_means(code):
    found = read({"error": {"message": "No", "availability": {"code": code}}})

    assert AVAILABILITY[code] in str(found)
    assert found.availability == code


def test_models_that_openrouter_suggests_are_kept_and_said(run, scripted_openrouter):
    sent = error(404, "No endpoints", error_type="not_found")
    models = ["z-ai/glm-5.1", "z-ai/glm-5"]
    sent["error"]["availability"] = {"code": "model_deprecated", "fallback_models": models}
    server = scripted_openrouter(json_reply(sent, 404))
    with pytest.raises(NotFoundError, match=r"suggests z-ai/glm-5.1 or z-ai/glm-5[.]") as caught:
        run.complete(server.base_url)

    assert caught.value.fallback_models == models
    assert (caught.value.error_type, caught.value.availability) == ("not_found", "model_deprecated")


@pytest.mark.parametrize("models", [None, "z-ai/glm-5", {"a": 1}, [None, 5, ["x"]], [""]])
def test_odd_suggestions_cost_nothing(models):
    sent = error(404, "No endpoints")
    sent["error"]["availability"] = {"fallback_models": models}
    assert isinstance(read(sent), NotFoundError)


NOT_OPENROUTERS = {
    "a page": bytes_reply(b"<html><title>Nothing here</title></html>", status=404),
    "text": bytes_reply(b"404 page not found", status=404),
    "nothing": bytes_reply(b"", status=404),
    "JSON": json_reply({"detail": "Not Found"}, 404),
    "an envelope that says no more": json_reply(
        {"error": {"code": 404, "message": "Not Found"}}, 404
    ),
    "an error of another API": json_reply(
        {"error": {"message": "Invalid URL", "type": "invalid_request_error", "code": None}}, 404
    ),
}


@pytest.mark.parametrize("what", NOT_OPENROUTERS)
def test_a_404_of_another_server_names_the_path_of_the_api(run, scripted_openrouter, what):
    server = scripted_openrouter(NOT_OPENROUTERS[what])
    with pytest.raises(NotFoundError, match=r"no answer of OpenRouter.* end with /api/v1"):
        run.complete(server.base_url.removesuffix("/api/v1"))
    with pytest.raises(NotFoundError, match="no answer of OpenRouter: check base_url, http"):
        run.complete(server.base_url)


def test_a_404_of_openrouter_does_not_blame_the_base_url(run, scripted_openrouter):
    server = scripted_openrouter(json_reply(error(404, "No endpoints"), 404))
    with pytest.raises(NotFoundError) as caught:
        run.complete(server.base_url)
    assert "base_url" not in str(caught.value)


@pytest.mark.parametrize("name", ["langchain-chat", "langchain-text", "llamaindex"])
def test_an_error_names_the_argument_of_the_framework(scripted_openrouter, name):
    from support.models import ModelClass

    model_class = ModelClass(name)
    argument = "api_base" if name == "llamaindex" else "base_url"
    other = scripted_openrouter(NOT_OPENROUTERS["JSON"]).base_url.removesuffix("/api/v1")
    elsewhere = scripted_openrouter(bytes_reply(b"", status=307, headers={"location": "/v1"}))
    for base_url, options in (
        ("ftp://example.com", {}),
        ("http://example.com/api/v1", {}),
        (other, {}),
        (elsewhere.base_url, {}),
        ("http://127.0.0.1:9/api/v1", {"max_retries": 0}),
    ):
        with pytest.raises(GLMError, match=rf"\b{argument}\b") as caught:
            model_class.call(model_class.make(base_url, **options))
        assert ("base_url" in str(caught.value)) is (argument == "base_url")


def test_an_unknown_availability_is_read_by_its_status():
    sent = error(503, "No")
    sent["error"]["availability"] = {"code": "brand_new", "retryable": "perhaps"}

    found = read(sent)
    assert (found.retryable, found.error_type) == (True, "brand_new")


@pytest.mark.parametrize(
    ("limit_source", "headers", "retryable"),
    [
        (None, {}, False),
        (None, {"retry-after": "3"}, False),
        ("openrouter_in_flight_budget", {}, False),
        ("openrouter_in_flight_budget", {"retry-after": "3"}, True),
    ],
)
def test_payment_is_only_worth_a_retry_if_other_requests_hold_the_budget(
    limit_source, headers, retryable
):
    assert read(error(402, "No", limit_source=limit_source), 402, headers).retryable is retryable


# What to do about it


def test_an_affordable_number_of_tokens_is_read_and_named():
    found = read(
        error(
            402,
            "This request requires more credits, or fewer max_tokens. You requested up to 131072 "
            "tokens, but can only afford 2178. To increase, visit https://openrouter.ai/settings",
        )
    )

    assert found.affordable_max_tokens == 2178
    assert "max_tokens to at most 2178" in str(found)
    grouped = read(error(402, "You requested up to 131,072 tokens, but can only afford 2,178."))
    assert grouped.affordable_max_tokens == 2178


def test_without_a_number_no_tokens_are_affordable():
    assert read(error(402, "Insufficient credits.")).affordable_max_tokens is None


@pytest.mark.parametrize(
    ("cause", "field"),
    [
        ("data_policy:zdr", "`provider.zdr`"),
        ("data_policy:training", "`provider.data_collection`"),
        ("max_price", "`provider.max_price`"),
        ("require_parameters", "`provider.require_parameters`"),
        ("quantization", "`provider.quantizations`"),
        ("allowed_providers", "`provider.only`"),
        ("context_length", "`max_tokens`"),
        ("brand_new", "brand_new"),
    ],
)
@pytest.mark.parametrize("listed", [True, False])
def test_a_404_names_the_field_that_excluded_the_endpoints(cause, field, listed):
    sent = error(404, "No endpoints")
    sent["error"]["availability"] = {"excluded_by": [cause] if listed else cause}
    step = read(error(404, "No endpoints", failed_routing_step=cause))

    assert field in str(read(sent))
    assert field in str(step)


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ('No endpoints found that support tool use. Try disabling "tide".', "`tools`"),
        ("No endpoints found that support the provided 'tool_choice' value", "`tool_choice`"),
        ("No endpoints found that support image input", "an image in `messages`"),
        ("No endpoints found that support the requested output modalities: image", "`modalities`"),
        ("No endpoints found matching your data policy (Free model training)", "privacy settings"),
        (
            "No endpoints available matching your guardrail restrictions and data policy",
            "`provider.zdr`",
        ),
        ("No allowed providers are available for the selected model.", "`provider.only`"),
    ],
)
def test_known_texts_of_a_404_name_the_field_too(text, field):
    assert field in str(read(error(404, text)))


def test_an_unknown_model_is_answered_with_where_to_look():
    found = read(error(400, "z-ai/glm-46 is not a valid model ID"))

    assert "https://openrouter.ai/models" in str(found)


@pytest.mark.parametrize(
    "sent",
    [
        error(
            400, "This endpoint's maximum context length is 202752 tokens. However, you requested"
        ),
        error(400, error_type="context_length_exceeded"),
        error(400, raw='{"error":{"code":"1261","message":"the prompt is too long"}}'),
        error(400, raw='{"error":{"code":"1261","message":"Prompt too long"}}'),
        error(400, raw="context_length_exceeded"),
        error(413, raw="The prompt is too long: 300000 tokens"),
        error(422, "maximum context length"),
        error("context_length_exceeded", "No"),
        error(400, raw='{"error":{"code":"1261","message":"Prompt exceeds max length"}}'),
        error(400, "Your input exceeds the context window of this model"),
        error(400, "The context length is exceeded"),
        error(400, "The input token count exceeds the maximum number of tokens"),
        error(400, "Input tokens exceed the configured limit of 272000 tokens."),
    ],
)
def test_too_long_a_prompt_has_a_type_of_its_own(sent):
    found = read(sent)

    assert type(found) is ContextLengthExceededError
    assert not found.retryable


@pytest.mark.parametrize(
    "text",
    [
        "max_tokens exceeds the limit",
        "The schema of the tool input exceeds the limit of 100 properties",
        "Prompt is missing",
    ],
)
def test_no_other_bad_request_is_too_long_a_prompt(text):
    assert type(read(error(400, text))) is BadRequestError


@pytest.mark.parametrize("code", [429, 500, 404])
def test_no_other_status_is_too_long_a_prompt(code):
    assert not isinstance(read(error(code, "maximum context length")), ContextLengthExceededError)


# What nobody may see


def everything_of(found):
    return " ".join(
        [str(found), repr(found), repr(found.args), repr(found.details), repr(vars(found))]
        + [str(getattr(found, name, "")) for name in dir(APIError)]
    )


LEAKS = {
    "in the envelope": {**error(429, "No"), "user_id": USER},
    "in the message": error(401, f"Key {KEY} of {USER} is disabled"),
    "in raw": error(429, raw=f"{USER} with {KEY} is too fast"),
    "in raw as JSON": error(429, raw=json.dumps({"error": {"message": f"{KEY} {USER}"}})),
    "in raw as an object": error(429, raw={"detail": f"{KEY} {USER}", "user_id": USER}),
    "in the error": {"error": {"code": 429, "message": "No", "user_id": USER}},
    "in the metadata": error(429, "No", user_id=USER, key=KEY),
    "in the reasons": error(403, "No", reasons=[USER, KEY]),
    "as text": {"error": f"{USER} {KEY}"},
}


@pytest.mark.parametrize("sent", LEAKS.values(), ids=LEAKS)
def test_neither_key_nor_account_is_in_an_error(sent):
    for found in (read(sent), page(json.dumps(sent).encode(), 429), copied(read(sent))):
        assert KEY not in everything_of(found)
        assert USER not in everything_of(found)


LEAKS_STILL = {
    "as code": {"error": {"code": KEY, "message": "No"}},
    "as error type": error(429, "No", error_type=USER),
    "as provider": error(429, "No", provider_name=KEY),
    "in what excluded": {
        "error": {"code": 404, "message": "No", "availability": {"excluded_by": [USER]}}
    },
}


@pytest.mark.parametrize("sent", LEAKS_STILL.values(), ids=LEAKS_STILL)
def test_neither_key_nor_account_is_in_a_field_of_an_error(sent):
    found = read(sent)

    assert KEY not in everything_of(found)
    assert USER not in everything_of(found)


@pytest.mark.parametrize(
    "data", [f"<html><body>{KEY} {USER}</body></html>".encode(), f"{KEY} {USER}".encode()]
)
def test_neither_key_nor_account_is_in_a_page(data):
    found = page(data, 502)

    assert KEY not in everything_of(found)
    assert USER not in everything_of(found)


def test_neither_key_nor_account_is_in_an_excerpt():
    with pytest.raises(APIResponseError) as caught:
        assemble_body(f"Access denied to {USER} with {KEY}".encode())

    assert KEY not in everything_of(caught.value)
    assert USER not in everything_of(caught.value)


@pytest.mark.parametrize("streamed", [False, True], ids=["plain", "streamed"])
def test_the_key_of_the_client_is_in_no_error_of_a_call(run, scripted_openrouter, streamed):
    server = scripted_openrouter(json_reply({**error(401, f"Bad key {KEY}"), "user_id": USER}, 401))

    with pytest.raises(AuthenticationError) as caught:
        run.either(streamed, server.base_url, api_key=KEY)
    assert KEY not in everything_of(caught.value)
    assert USER not in everything_of(caught.value)


def test_the_key_is_not_in_the_representation_of_a_client(run):
    assert KEY not in repr(run.client("http://127.0.0.1:1", api_key=KEY).inner)


# Copies


def copied(found):
    return pickle.loads(pickle.dumps(found))


FULL = {
    "status_code": 429,
    "code": "429",
    "error_type": "rate_limit_exceeded",
    "provider_name": "Z.AI",
    "model": "z-ai/glm-4.6",
    "raw": UPSTREAM,
    "request_id": "gen-1",
    "retry_after": 7.5,
    "retryable": True,
    "affordable_max_tokens": 3,
    "partial_text": "Half a",
    "partial_reasoning": "Hm.",
    "usage": Usage(prompt_tokens=3, cost=0.1),
}
API_ERRORS = [
    kind
    for kind in vars(glm_openrouter.errors).values()
    if isinstance(kind, type) and issubclass(kind, APIError)
]


@pytest.mark.parametrize("kind", API_ERRORS)
@pytest.mark.parametrize("copy_of", [copied, copy.copy, copy.deepcopy])
def test_a_copy_of_an_error_has_all_of_it(kind, copy_of):
    found = copy_of(kind("What happened", **FULL))

    assert type(found) is kind
    assert found.message == "What happened"
    assert {name: getattr(found, name) for name in FULL} == FULL


def test_a_copy_of_a_truncated_call_has_all_of_it():
    found = copied(TruncatedToolCallError("Cut", name="tide", arguments='{"a'))

    assert (found.message, found.name, found.arguments) == ("Cut", "tide", '{"a')


def test_a_copy_of_a_structured_output_error_has_all_of_it():
    found = copied(StructuredOutputError("No", raw={"a": 1}))

    assert (found.message, found.raw) == ("No", {"a": 1})


@pytest.mark.parametrize("kind", [*API_ERRORS, TruncatedToolCallError, StructuredOutputError])
def test_every_error_has_one_base(kind):
    assert issubclass(kind, GLMError)


# Anything


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=8,
)
known_keys = st.sampled_from(
    ["code", "message", "http_status", "metadata", "availability", "error_type"]
)
inner_keys = st.sampled_from(
    [
        "raw",
        "provider_name",
        "headers",
        "limit_source",
        "reasons",
        "retry_after",
        "retryable",
        "excluded_by",
        "code",
        "failed_routing_step",
        "error_type",
    ]
)
metadata = st.dictionaries(inner_keys, anything, max_size=4)


@given(
    st.dictionaries(known_keys, anything | metadata, max_size=5) | anything,
    st.sampled_from([None, 400, 402, 404, 429, 503]),
    st.dictionaries(st.sampled_from(["retry-after", "x-ratelimit-reset"]), st.text(max_size=9)),
)
def test_any_envelope_becomes_an_error(sent, status, headers):
    found = read({"error": sent}, status, headers)

    assert isinstance(found, APIStatusError)
    assert f"({found.status_code})" in str(found)
    assert type(copied(found)) is type(found)


@given(st.binary(max_size=60), st.sampled_from([400, 429, 503]))
def test_any_page_becomes_an_error(data, status):
    assert isinstance(page(data, status), APIStatusError)


@pytest.mark.parametrize("opener", ["[", '{"error":'])
def test_a_page_nested_without_end_becomes_an_error(opener):
    assert isinstance(page(opener.encode() * 100_000, 502), APIStatusError)


def test_a_partial_answer_is_on_the_error_of_a_stream(run, scripted_openrouter):
    sent = [
        chunk({"reasoning": "Hm."}),
        says("Half a"),
        {**finishes("error"), **error(502, "Gone")},
    ]
    server = scripted_openrouter(stream_reply(sent))

    with pytest.raises(InternalServerError) as caught:
        run.stream(server.base_url)
    assert (caught.value.partial_text, caught.value.partial_reasoning) == ("Half a", "Hm.")
    assert len(server.requests) == 1
