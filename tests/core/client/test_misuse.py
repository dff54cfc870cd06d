"""What is easily done wrong with the clients has one clear error, and nothing is sent."""

import math
from typing import get_type_hints

import httpx
import httpx2
import pytest
from pydantic import TypeAdapter, ValidationError

from glm_openrouter import Budget, ChatRequest, ClientOptions, InvalidRequestError, session
from glm_openrouter._client import options
from glm_openrouter._client.options import ConnectionOptions

QUESTION = [{"role": "user", "content": "Which way to the harbour?"}]


def test_reading_a_stream_that_was_not_entered_is_an_error(run, offline_openrouter):
    async def read(client):
        stream = client.inner.stream(run.request)
        return list(stream) if run.mode == "sync" else [delta async for delta in stream]

    with pytest.raises(RuntimeError, match="is not open yet"):
        run.scenario(offline_openrouter.base_url, read)
    assert not offline_openrouter.requests


def test_reading_a_stream_that_was_left_early_is_an_error(run, offline_openrouter):
    async def read(client):
        async with client.stream(run.request) as stream:
            pass
        return [delta async for delta in stream]

    with pytest.raises(RuntimeError, match="closed before its end"):
        run.scenario(offline_openrouter.base_url, read)


def test_a_stream_that_was_read_to_its_end_has_nothing_more(run, offline_openrouter):
    async def read(client):
        async with client.stream(run.request) as stream:
            assert [delta async for delta in stream]
            inside = [delta async for delta in stream]
        return inside, [delta async for delta in stream]

    assert run.scenario(offline_openrouter.base_url, read) == ([], [])


@pytest.mark.parametrize("request_", [{"messages": QUESTION}, QUESTION, "Which way?", None])
def test_what_is_no_request_is_refused_by_name(run, offline_openrouter, request_):
    with pytest.raises(InvalidRequestError, match=f"got {type(request_).__name__}"):
        run.complete(offline_openrouter.base_url, request_)
    assert not offline_openrouter.requests


def _nested():
    innermost = outermost = []
    for _ in range(100_000):
        innermost.append([])
        innermost = innermost[0]
    return outermost


@pytest.mark.parametrize(
    "content", [object(), "\ud800", _nested()], ids=["object", "surrogate", "deep"]
)
def test_a_message_that_is_not_json_is_refused(run, offline_openrouter, content):
    request = ChatRequest(messages=[{"role": "user", "content": content}])
    with pytest.raises(InvalidRequestError, match="cannot be written as JSON"):
        run.complete(offline_openrouter.base_url, request)
    assert not offline_openrouter.requests


@pytest.mark.parametrize("function", [{}, {"name": ""}, "tide", None])
def test_a_tool_without_a_name_is_refused(function):
    weather = {"type": "function", "function": {"name": "weather"}}
    nameless = {"type": "function", "function": function}
    with pytest.raises(ValidationError, match=r"tools\[1\].function must be an object with a name"):
        ChatRequest(messages=QUESTION, tools=[weather, nameless])


def test_a_tool_that_openrouter_runs_needs_no_function():
    ChatRequest(messages=QUESTION, tools=[{"type": "openrouter:web_search"}])


@pytest.mark.parametrize("retries", [-1, 1.5, "2", None, True])
def test_retries_that_are_not_a_count_are_refused(run, retries):
    with pytest.raises(InvalidRequestError, match=r"max_retries must be .*, got "):
        run.client("http://127.0.0.1:1", max_retries=retries)


SECRET = "gateway/Key+with=Chars.4711"
WRONG = {
    "api_key": [7, [SECRET], {SECRET: SECRET}, SECRET.encode()],
    "base_url": [7, SECRET, SECRET.encode(), [SECRET]],
    "timeout": [SECRET, [7], True, 0, -1, math.nan, math.inf, 10**400],
    "first_token_timeout": [SECRET, [7], True, 0, -1, math.nan, math.inf],
    "max_retries": [SECRET, [2], None, True, -1, 1.5],
    "max_response_bytes": [SECRET, [2], None, True, 0, -1, 1.5],
    "app_url": [7, [SECRET], f"{SECRET}\n"],
    "app_title": [7, [SECRET], f"{SECRET}é"],
    "app_categories": [7, SECRET, [7]],
    "default_headers": [7, SECRET, [SECRET], [("a", SECRET)], {7: SECRET}, {"a": [SECRET]}],
    "repairs": [0, None, SECRET, "think_tags", [7], {7: 7}],
    "allow_http": [None, SECRET, 1],
    "wire_stream": [None, SECRET, 1],
    "retry_affordable": [None, SECRET, 1],
    "pin_provider": [None, SECRET, 1],
    "pickle_secrets": [None, SECRET, 1],
}
"""Option -> values of wrong types, or of no sense."""


@pytest.mark.parametrize("option", WRONG)
def test_an_option_of_a_wrong_type_is_named_without_its_value(run, option):
    for value in WRONG[option]:
        with pytest.raises(InvalidRequestError) as caught:
            run.client(**{"base_url": "http://127.0.0.1:1", option: value})
        assert str(caught.value).startswith((f"{option} must be", f"{option}: ", "The value of"))
        assert SECRET not in str(caught.value)


def test_no_option_is_left_out_here():
    assert ClientOptions.__annotations__.keys() == WRONG.keys()


def test_clients_take_the_options_that_models_have_as_fields():
    of_models = ConnectionOptions.model_fields.keys()
    assert ClientOptions.__annotations__.keys() == {"api_key", "base_url", *of_models}


@pytest.mark.parametrize("option", ConnectionOptions.model_fields)
def test_what_models_have_by_default_is_an_option_of_clients(option):
    names = {**vars(options), "Timeout": httpx.Timeout}
    expected = get_type_hints(ClientOptions, names)[option]
    default = ConnectionOptions.model_fields[option].get_default(call_default_factory=True)
    TypeAdapter(expected, config={"arbitrary_types_allowed": True}).validate_python(default)


def test_an_option_that_does_not_exist_is_no_argument(run):
    with pytest.raises(TypeError, match="'api_kye'"):
        run.client("http://127.0.0.1:1", api_kye=SECRET)


@pytest.mark.parametrize("client", [7, "x", httpx.AsyncClient, httpx2.Client, object()])
def test_an_own_client_that_is_none_is_named(run, client):
    option = "http_client" if run.mode == "sync" else "http_async_client"
    words = rf"{option} must be an httpx\.(\w+), or an httpx2\.\1, got "
    with pytest.raises(InvalidRequestError, match=words):
        run.client("http://127.0.0.1:1", **{option: client})


@pytest.mark.parametrize("option", ["repairs", "app_categories"])
def test_a_text_in_the_place_of_a_list_is_refused(run, option):
    with pytest.raises(InvalidRequestError, match=rf"{option} must be a list of texts"):
        run.client("http://127.0.0.1:1", **{option: "think_tags"})


@pytest.mark.parametrize("name", ["", "X Key", "X-Key:", "X-Schlüssel"])
def test_a_header_that_http_has_no_name_for_is_refused(run, name):
    with pytest.raises(InvalidRequestError, match="as the name of a header"):
        run.client("http://127.0.0.1:1", default_headers={name: "value"})


@pytest.mark.parametrize("amount", [-1, math.nan, math.inf, "1", None])
def test_a_budget_that_is_not_an_amount_is_refused(amount):
    with pytest.raises(InvalidRequestError, match="limit must be an amount in USD"):
        Budget(amount)


@pytest.mark.parametrize("name", ["", "x" * 257, 7])
def test_a_session_that_openrouter_would_not_take_is_refused(name):
    with pytest.raises(InvalidRequestError, match="text of 1 to 256"), session(name):
        pass
