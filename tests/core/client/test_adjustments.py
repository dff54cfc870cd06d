"""A request that is refused for one of its fields is sent again without what it was refused for, once."""

import copy
import logging

import pytest

from glm_openrouter import (
    BadRequestError,
    ChatRequest,
    InternalServerError,
    NotFoundError,
    PaymentRequiredError,
    PermissionDeniedError,
)
from glm_openrouter.request.instructions import (
    add_instruction,
    format_instruction,
    schema_instruction,
)
from glm_openrouter.testing import bytes_reply, json_reply, stream_reply
from support.samples import HARBOUR_TOOL, TOOLS
from support.wire import call as wire_call
from support.wire import calls, error, event_stream, finishes, response_body, says, uses

REFUSALS = {
    "z-ai": error(
        400, raw='{"error":{"message":"Tool choice must be auto"}}', provider_name="Z.AI"
    ),
    "routing": error(
        404, "No endpoints found that support the provided 'tool_choice' value. To learn more, ..."
    ),
    "vllm": error(400, "tool_choice 'required' is not supported by this model"),
    "validation": error(422, "toolChoice: only auto is allowed"),
}
NAMED = {"type": "function", "function": {"name": "find_berth"}}
TOOL_CALL = wire_call("find_berth", '{"harbour": "Skagen"}', 0, "call_1", type="function")
ANSWER = json_reply(response_body({"tool_calls": [TOOL_CALL]}, "tool_calls"))
STREAMED_ANSWER = bytes_reply(
    event_stream(calls(TOOL_CALL), finishes("tool_calls"), uses("C", reason="tool_calls"))
)
MESSAGES = [{"role": "user", "content": "A berth in Skagen?"}]


def affords(tokens):
    message = f"This request requires more credits. You requested up to 65536 tokens, but can only afford {tokens}"
    return json_reply(error(402, message), 402)


POOR = affords(1200)

both = pytest.mark.parametrize("streamed", [False, True], ids=["plain", "streamed"])


def good(streamed):
    return STREAMED_ANSWER if streamed else ANSWER


def refusal(name="z-ai"):
    body = REFUSALS[name]
    return json_reply(body, body["error"]["code"])


def asking(tool_choice="required", messages=MESSAGES, **settings):
    return ChatRequest(messages=messages, tools=TOOLS, tool_choice=tool_choice, **settings)


@both
@pytest.mark.parametrize("name", REFUSALS)
@pytest.mark.parametrize("choice", ["required", NAMED], ids=["any tool", "one tool"])
def test_a_refused_tool_choice_becomes_auto(run, scripted_openrouter, streamed, name, choice):
    server = scripted_openrouter(refusal(name), good(streamed))

    completion = run.either(streamed, server.base_url, asking(choice), max_retries=0)

    assert [request.body["tool_choice"] for request in server.requests] == [choice, "auto"]
    assert [call.name for call in completion.tool_calls] == ["find_berth"]


def test_the_second_request_differs_in_tool_choice_and_system_prompt_only(run, scripted_openrouter):
    server = scripted_openrouter(refusal(), ANSWER)
    run.complete(server.base_url, asking(temperature=0.5))

    first, second = (copy.deepcopy(request.body) for request in server.requests)
    assert second.pop("messages")[1:] == first.pop("messages")
    del first["tool_choice"], second["tool_choice"]
    assert first == second


def test_a_tool_that_cannot_be_forced_is_asked_for_by_name(run, scripted_openrouter):
    server = scripted_openrouter(refusal(), ANSWER)
    run.complete(server.base_url, asking(NAMED))

    system = server.requests[1].body["messages"][0]
    assert system["role"] == "system"
    assert "`find_berth`" in system["content"]


@pytest.mark.parametrize(
    "content", ["You know ports.", [{"type": "text", "text": "You know ports."}]]
)
def test_the_words_are_added_to_the_system_prompt(run, scripted_openrouter, content):
    server = scripted_openrouter(refusal(), ANSWER)
    system = {"role": "system", "content": content}
    run.complete(server.base_url, asking(messages=[system, *MESSAGES]))

    sent, *rest = server.requests[1].body["messages"]
    text = (
        sent["content"] if isinstance(content, str) else "".join(p["text"] for p in sent["content"])
    )
    assert text.startswith("You know ports.\n\n")
    assert "call one of the tools" in text
    assert rest == MESSAGES


def test_the_request_of_the_caller_stays_as_it_is(run, scripted_openrouter):
    server = scripted_openrouter(refusal(), ANSWER)
    request = asking(messages=[{"role": "system", "content": "You know ports."}, *MESSAGES])
    before = copy.deepcopy(request.to_wire())

    run.complete(server.base_url, request)
    assert request.to_wire() == before


@both
def test_the_completion_says_what_was_changed(run, scripted_openrouter, streamed):
    server = scripted_openrouter(refusal(), good(streamed))
    completion = run.either(streamed, server.base_url, asking(NAMED))

    assert completion.adjustments == ["tool_choice: find_berth -> auto"]
    assert completion.metadata()["adjustments"] == completion.adjustments


def test_a_completion_of_an_unchanged_request_says_nothing(run, scripted_openrouter):
    completion = run.complete(scripted_openrouter(ANSWER).base_url, asking())

    assert completion.adjustments == []
    assert "adjustments" not in completion.metadata()


def test_a_change_is_logged_as_a_warning_with_its_reason(run, scripted_openrouter, caplog):
    run.complete(scripted_openrouter(refusal(), ANSWER).base_url, asking())

    (record,) = [r for r in caplog.records if r.name == "glm_openrouter"]
    assert record.levelno == logging.WARNING
    assert "tool_choice: required -> auto" in record.getMessage()
    assert "[Z.AI] Tool choice must be auto" in record.getMessage()


@both
def test_a_change_is_made_once(run, scripted_openrouter, streamed):
    server = scripted_openrouter(refusal())

    with pytest.raises(BadRequestError, match="must be auto"):
        run.either(streamed, server.base_url, asking())
    assert len(server.requests) == 2


@both
def test_a_refusal_inside_a_stream_counts_too(run, scripted_openrouter, streamed):
    server = scripted_openrouter(stream_reply([REFUSALS["z-ai"]]), good(streamed))

    assert run.either(streamed, server.base_url, asking()).adjustments


@both
def test_a_change_takes_none_of_the_retries(run, scripted_openrouter, streamed):
    busy = json_reply(error(503, "Overloaded"), 503)
    server = scripted_openrouter(busy, refusal(), busy, good(streamed))

    completion = run.either(streamed, server.base_url, asking(), max_retries=2)
    assert completion.adjustments == ["tool_choice: required -> auto"]
    assert len(server.requests) == 4


@both
def test_a_change_gives_no_retries_either(run, scripted_openrouter, streamed):
    busy = json_reply(error(503, "Overloaded"), 503)
    server = scripted_openrouter(busy, refusal(), busy, good(streamed))

    with pytest.raises(InternalServerError):
        run.either(streamed, server.base_url, asking(), max_retries=1)
    assert len(server.requests) == 3


def test_a_retry_after_a_change_sends_what_was_changed(run, scripted_openrouter):
    busy = json_reply(error(503, "Overloaded"), 503)
    server = scripted_openrouter(refusal(), busy, ANSWER)
    run.complete(server.base_url, asking())

    assert [r.body["tool_choice"] for r in server.requests] == ["required", "auto", "auto"]


@pytest.mark.parametrize("choice", ["auto", "none", None])
def test_a_choice_that_forces_nothing_is_not_changed(run, scripted_openrouter, choice):
    server = scripted_openrouter(refusal(), ANSWER)

    with pytest.raises(BadRequestError):
        run.complete(server.base_url, asking(choice))
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("kind", "sent"),
    [
        (BadRequestError, error(400, "Invalid value for temperature")),
        (BadRequestError, error(400, "tool_choice: there is no tool named 'tide'")),
        (NotFoundError, error(404, "No endpoints found that support tool use")),
        (PermissionDeniedError, error(403, "tool_choice is not supported for your key")),
    ],
)
def test_another_refusal_is_an_error_at_once(run, scripted_openrouter, kind, sent):
    server = scripted_openrouter(json_reply(sent, sent["error"]["code"]), ANSWER)

    with pytest.raises(kind):
        run.complete(server.base_url, asking())
    assert len(server.requests) == 1


def test_nothing_is_changed_once_something_was_given_out(run, scripted_openrouter):
    server = scripted_openrouter(stream_reply([says("A berth"), REFUSALS["z-ai"]]), ANSWER)

    with pytest.raises(BadRequestError) as caught:
        run.stream(server.base_url, asking())
    assert caught.value.partial_text == "A berth"
    assert len(server.requests) == 1


@both
def test_what_the_balance_allows_is_asked_for_if_the_user_wants_that(
    run, scripted_openrouter, streamed
):
    server = scripted_openrouter(POOR, good(streamed))
    request = ChatRequest(messages=MESSAGES, tools=[HARBOUR_TOOL])

    completion = run.either(streamed, server.base_url, request, retry_affordable=True)
    assert [r.body.get("max_tokens") for r in server.requests] == [None, 1200]
    assert completion.adjustments == ["max_tokens: unset -> 1200"]


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
def test_only_the_affordable_limit_is_sent(run, scripted_openrouter, name):
    server = scripted_openrouter(POOR, ANSWER)
    request = ChatRequest(messages=MESSAGES, tools=[HARBOUR_TOOL], **{name: 8000})

    completion = run.complete(server.base_url, request, retry_affordable=True)
    sent = server.requests[1].body
    assert sent["max_tokens"] == 1200
    assert "max_completion_tokens" not in sent
    assert completion.adjustments == ["max_tokens: 8000 -> 1200"]


@both
def test_by_default_a_balance_that_is_too_low_is_an_error(run, scripted_openrouter, streamed):
    server = scripted_openrouter(POOR, good(streamed))

    with pytest.raises(PaymentRequiredError) as caught:
        run.either(streamed, server.base_url)
    assert caught.value.affordable_max_tokens == 1200
    assert len(server.requests) == 1


@pytest.mark.parametrize("affordable", [0, 15])
def test_a_balance_for_a_few_tokens_is_an_error(run, scripted_openrouter, affordable):
    server = scripted_openrouter(affords(affordable), ANSWER)

    with pytest.raises(PaymentRequiredError):
        run.complete(server.base_url, retry_affordable=True)
    assert len(server.requests) == 1


def test_a_balance_that_shrinks_is_followed_once(run, scripted_openrouter):
    server = scripted_openrouter(affords(1200), affords(1100), ANSWER)

    with pytest.raises(PaymentRequiredError):
        run.complete(server.base_url, retry_affordable=True)
    assert len(server.requests) == 2


def test_a_refusal_of_what_is_affordable_is_an_error(run, scripted_openrouter):
    server = scripted_openrouter(affords(1200), ANSWER)
    request = ChatRequest(messages=MESSAGES, max_tokens=1200)

    with pytest.raises(PaymentRequiredError):
        run.complete(server.base_url, request, retry_affordable=True)
    assert len(server.requests) == 1


def test_each_kind_of_change_is_made_once(run, scripted_openrouter):
    server = scripted_openrouter(POOR, refusal(), ANSWER)

    completion = run.complete(server.base_url, asking(), retry_affordable=True)
    assert completion.adjustments == ["max_tokens: unset -> 1200", "tool_choice: required -> auto"]
    assert len(server.requests) == 3


SCHEMA = {"type": "object", "properties": {"pier": {"type": "integer"}}, "required": ["pier"]}
FORMATS = {
    "json_schema": {"type": "json_schema", "json_schema": {"name": "Berth", "schema": SCHEMA}},
    "json_object": {"type": "json_object"},
}
NO_FORMAT = {
    "by a host": error(
        400,
        "Provider returned error",
        raw='{"error":{"message":"response_format json_object is not supported for this model"}}',
    ),
    "by routing": error(404, "No endpoints found that support response_format"),
    "by a validation": error(422, "response_format.type must be one of ['text']"),
    "by the name of the feature": error(400, "This model does not support structured outputs."),
}
BERTH = json_reply(response_body({"content": '{"pier": 2}'}))


def said_in_words(kind, messages=MESSAGES):
    form = FORMATS[kind]
    words = format_instruction(form, with_tools=False) or schema_instruction(SCHEMA)
    return ChatRequest(messages=add_instruction(messages, words), response_format=form)


def refused_format(name="by a host"):
    return json_reply(NO_FORMAT[name], NO_FORMAT[name]["error"]["code"])


@pytest.mark.parametrize("name", NO_FORMAT)
@pytest.mark.parametrize("kind", FORMATS)
def test_a_refused_format_that_the_prompt_says_too_is_left_out(
    run, scripted_openrouter, kind, name
):
    server = scripted_openrouter(refused_format(name), BERTH)
    request = said_in_words(kind)
    completion = run.complete(server.base_url, request, max_retries=0)

    first, second = (dict(received.body) for received in server.requests)
    assert first.pop("response_format") == FORMATS[kind]
    assert second == first
    assert completion.adjustments == [f"response_format: {kind} -> the prompt"]


PARTS = [{"type": "text", "text": "You know ports."}]


@pytest.mark.parametrize("content", ["You know ports.", PARTS], ids=["text", "parts"])
def test_the_words_count_at_the_end_of_a_longer_prompt(run, scripted_openrouter, content):
    server = scripted_openrouter(refused_format(), BERTH)
    messages = [{"role": "system", "content": content}, *MESSAGES]

    assert run.complete(server.base_url, said_in_words("json_schema", messages)).adjustments


WORDLESS = {
    "no system prompt": MESSAGES,
    "another one": [{"role": "system", "content": "You know ports."}, *MESSAGES],
    "that of another schema": add_instruction(MESSAGES, schema_instruction({"type": "object"})),
}


@pytest.mark.parametrize("messages", WORDLESS.values(), ids=WORDLESS)
def test_a_refused_format_that_nothing_else_asks_for_is_an_error(
    run, scripted_openrouter, messages
):
    server = scripted_openrouter(refused_format(), BERTH)
    request = ChatRequest(messages=messages, response_format=FORMATS["json_schema"])

    with pytest.raises(BadRequestError, match="not supported"):
        run.complete(server.base_url, request)
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "message", ["Invalid value for temperature", "response_format: the name has 80 letters"]
)
def test_a_format_stays_where_it_is_not_what_was_refused(run, scripted_openrouter, message):
    server = scripted_openrouter(json_reply(error(400, message), 400), BERTH)

    with pytest.raises(BadRequestError):
        run.complete(server.base_url, said_in_words("json_schema"))
    assert len(server.requests) == 1
