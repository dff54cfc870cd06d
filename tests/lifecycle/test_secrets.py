"""Neither the key nor a header with credentials is ever shown, or sent to where it does not belong."""

import asyncio
import json
import logging
import pickle
import traceback
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from glm_openrouter import APIError, APIStatusError, AuthenticationError, GLMError
from glm_openrouter.testing import (
    Close,
    ScriptedServer,
    Status,
    bytes_reply,
    json_reply,
    stream_reply,
)
from support.models import MAKERS
from support.replies import ANSWER, TEXT
from support.wire import chunk

KEYS = {
    "of OpenRouter": "sk-or-v1-0123456789abcdef0123456789abcdef",
    "of a gateway": "gateway/Key+with=Chars.4711",
}
CREDENTIAL = "Hush-hush-4711"
HEADERS = {"X-Api-Key": CREDENTIAL, "Cookie": f"session={CREDENTIAL}"}
NOWHERE = "http://127.0.0.1:9/api/v1"
PACKAGES = [
    Path(__file__).parents[2] / name
    for name in ("glm_openrouter", "langchain_glm", "llamaindex_glm")
]


@pytest.fixture(params=KEYS.values(), ids=KEYS)
def key(request):
    return request.param


def assert_hidden(shown, key):
    """Assert that neither secret is in the texts, not even the beginning of one."""
    for text in map(str, shown):
        assert key[:14] not in text
        assert CREDENTIAL not in text


# What can be asked of an instance


def views_of_core(model):
    for client in (model.client, model.async_client):
        yield from (repr(client), str(client), repr(vars(client)))


def views_of_langchain(model):
    from langchain_core.load import dumpd, dumps

    yield from (dumps(model), dumpd(model), model.to_json(), model._identifying_params)
    yield from (model._get_ls_params(), model.lc_attributes, model.get_graph().to_json())
    yield from (dumps(model.bind(stop=["a"])), repr(model.bind(stop=["a"])))
    yield model.config_schema().model_json_schema()


def views_of_llamaindex(model):
    yield from (model.to_dict(), model.to_json(), model.metadata)


def views(model_class, model):
    if model_class.name == "core":
        yield from views_of_core(model)
        return
    yield from (repr(model), str(model), repr(vars(model)), list(model))
    yield from (model.model_dump(), model.model_dump(mode="json"), model.model_dump_json())
    yield from (list(model.__rich_repr__()), list(model.__pretty__(repr)))
    yield from (views_of_llamaindex if model_class.name == "llamaindex" else views_of_langchain)(
        model
    )


@pytest.mark.parametrize("given", [str, SecretStr])
def test_no_view_of_an_instance_shows_a_secret(model_class, key, given):
    model = model_class.make(NOWHERE, api_key=given(key), default_headers=HEADERS)

    assert_hidden(views(model_class, model), key)


def test_no_view_shows_a_key_of_the_environment(model_class, key, monkeypatch):
    monkeypatch.setenv("OPENROUTER_API_KEY", key)
    model = model_class.make(NOWHERE, api_key=None)

    assert_hidden(views(model_class, model), key)


@pytest.mark.parametrize("model_class", ["langchain-chat", "langchain-text"], indirect=True)
def test_callbacks_of_langchain_get_no_secret(model_class, key, scripted_openrouter):
    from langchain_core.callbacks import BaseCallbackHandler

    seen = []

    class Handler(BaseCallbackHandler):
        def __getattribute__(self, name):
            if name.startswith("on_"):
                return lambda *arguments, **more: seen.append((name, arguments, more))
            return super().__getattribute__(name)

    server = scripted_openrouter(ANSWER)
    model = model_class.make(server.base_url, api_key=key, default_headers=HEADERS)
    model.invoke("a", {"callbacks": [Handler()]})

    assert len(seen) >= 2
    assert_hidden(seen, key)


@pytest.mark.parametrize("model_class", ["llamaindex"], indirect=True)
def test_events_of_llamaindex_hold_no_secret(model_class, key, scripted_openrouter):
    from llama_index_instrumentation import get_dispatcher
    from llama_index_instrumentation.event_handlers import BaseEventHandler

    seen = []

    class Handler(BaseEventHandler):
        def handle(self, event, **_):
            seen.extend((repr(event), event.model_dump(), event.model_dump_json()))

    server = scripted_openrouter(ANSWER)
    model = model_class.make(server.base_url, api_key=key, default_headers=HEADERS)
    dispatcher, handler = get_dispatcher(), Handler()
    dispatcher.add_event_handler(handler)
    try:
        model_class.call(model)
    finally:
        dispatcher.event_handlers.remove(handler)

    assert "model_dict" in str(seen)
    assert_hidden(seen, key)


# What a failure shows


def frames_of_ours(error):
    """Yield the variables of our own frames, as a tool that reports errors would show them."""
    remaining = [traceback.TracebackException.from_exception(error, capture_locals=True)]
    while remaining:
        current = remaining.pop()
        remaining += filter(None, (current.__cause__, current.__context__))
        for frame in current.stack:
            if any(package in Path(frame.filename).parents for package in PACKAGES):
                yield frame.locals


def views_of_error(error):
    yield from (str(error), repr(error), error.args, getattr(error, "__notes__", ()))
    yield from frames_of_ours(error)
    yield "".join(traceback.format_exception(error))
    if isinstance(error, GLMError):
        yield from (vars(error), pickle.dumps(error))


def echoes(key):
    """Failures that repeat the key in every place that a message takes its words from."""
    said = {"code": 400, "message": "Provider returned error"}
    inner = json.dumps({"error": {"message": f"no {key}"}})
    yield json_reply(
        {
            "error": {
                "code": 401,
                "message": f"Key {key} is wrong",
                "metadata": {"raw": f"Bearer {key}", "provider_name": key, "error_type": key},
            }
        },
        401,
    )
    yield json_reply({"error": {"code": key, "message": f"Cookie: {CREDENTIAL}"}}, 400)
    yield json_reply({"error": {**said, "metadata": {"raw": inner}}}, 400)
    yield json_reply({"error": {**said, "metadata": {"failed_routing_step": key}}}, 404)
    yield json_reply({"error": {"code": 503, "message": f"Busy with {key}"}}, 503)
    yield bytes_reply(f"<html><title>{key}".encode(), status=403, headers={"x-a": "b"})
    # Where a long text is cut, the beginning of a key must not stay.
    yield bytes_reply(f"{'x' * 986}{key}".encode(), status=502, headers={"x-a": "b"})
    yield bytes_reply(f"{'x' * 186}{key}".encode(), headers={"content-type": "application/json"})
    yield json_reply({"error": {"code": 500, "message": f"In a 200: {key}"}})
    yield stream_reply([chunk({"content": "a"}), {"error": {"code": 502, "message": f"No {key}"}}])
    yield stream_reply([chunk({}, "error", error={"code": 502, "message": f"No {key}"})])
    yield (Status(307, {"location": f"http://example.com/?key={key}"}),)


@pytest.mark.parametrize("number", range(len(list(echoes("")))))
def test_a_server_that_repeats_the_key_does_not_bring_it_into_an_error(
    model_class, key, scripted_openrouter, number
):
    server = scripted_openrouter(list(echoes(key))[number])
    model = model_class.make(server.base_url, api_key=key, default_headers=HEADERS, max_retries=0)

    for call in (
        lambda: model_class.call(model),
        lambda: list(model_class.stream(model)),
        lambda: asyncio.run(model_class.acall(model)),
        lambda: asyncio.run(model_class.adrain(model)),
    ):
        with pytest.raises(APIError) as caught:
            call()
        assert_hidden(views_of_error(caught.value), key)


@pytest.mark.parametrize("secret", ["long-enough-a-key", "short"])
def test_only_what_is_long_enough_to_be_a_secret_is_taken_out(
    model_class, scripted_openrouter, secret
):
    server = scripted_openrouter(json_reply({"error": {"code": 400, "message": f"A {secret}."}}))
    model = model_class.make(server.base_url, api_key=secret)

    with pytest.raises(APIStatusError) as caught:
        model_class.call(model)
    assert (secret in str(caught.value)) == (secret == "short")


def test_an_answer_that_repeats_the_key_stays_as_it_is(model_class, key, scripted_openrouter):
    server = scripted_openrouter(stream_reply([chunk({"content": key}), chunk({}, "stop")]))

    assert model_class.call(model_class.make(server.base_url, api_key=key)) == key


MISTAKES = {
    "key under a wrong name": lambda key: {"openai_api_key": key},
    "key in a list": lambda key: {"api_key": [key]},
    "key that HTTP does not allow": lambda key: {"api_key": f"{key}\nÅ"},
    "header that HTTP does not allow": lambda key: {"default_headers": {"X-Key": f"{key}\n"}},
    "headers that are none": lambda key: {"default_headers": key},
    "temperature": lambda key: {"temperature": key},
    "retries": lambda key: {"max_retries": -1},
    "repairs": lambda key: {"repairs": ["x"]},
    "address": lambda key: {"base_url": "http://example.com"},
    "address with a password": lambda key: {"base_url": f"https://me:{key}@example.com/v1"},
    "wrong address with a password": lambda key: {"base_url": f"ftp://me:{key}@example.com/v1"},
    "address with a query": lambda key: {"base_url": f"https://example.com/v1?key={key}"},
}
UNKNOWN_TO_THE_CORE = ("key under a wrong name", "temperature")
"""For a type checker to find there."""


@pytest.mark.parametrize(
    ("model_class", "mistake"),
    [
        (name, mistake)
        for name in MAKERS
        for mistake in MISTAKES
        if name != "core" or mistake not in UNKNOWN_TO_THE_CORE
    ],
    indirect=["model_class"],
)
def test_a_mistake_in_the_arguments_shows_no_secret(model_class, key, mistake):
    options = {"api_key": key, "default_headers": HEADERS, **MISTAKES[mistake](key)}
    base_url = options.pop("base_url", NOWHERE)

    with pytest.raises(ValueError) as caught:  # noqa: PT011 -- pydantic's error, or ours
        model_class.make(base_url, **options)
    shown = views_of_error(caught.value) if base_url == NOWHERE else [str(caught.value)]
    assert_hidden(shown, key)


@pytest.mark.parametrize(
    "misplaced",
    ["base_url", "timeout", "max_retries", "allow_http", "http_client", "http_async_client"],
)
def test_a_key_at_a_wrong_place_is_not_in_the_message(model_class, key, misplaced):
    options = {"base_url": NOWHERE, misplaced: key}

    with pytest.raises(ValueError, match="base_url|api_base|" + misplaced) as caught:
        model_class.make(**options)
    assert_hidden([str(caught.value), repr(caught.value)], key)


def test_a_connection_that_fails_shows_no_secret(model_class, key, scripted_openrouter):
    server = scripted_openrouter((Close(),))
    model = model_class.make(server.base_url, api_key=key, default_headers=HEADERS, max_retries=0)

    for call in (lambda: model_class.call(model), lambda: asyncio.run(model_class.acall(model))):
        with pytest.raises(APIError) as caught:
            call()
        assert_hidden(views_of_error(caught.value), key)


LOGGERS = ("glm_openrouter", "httpx", "httpcore", "aiohttp", "asyncio", "langchain", "llama_index")


@pytest.mark.usefixtures("waits")
def test_no_log_shows_a_secret(model_class, key, scripted_openrouter, caplog):
    busy = json_reply({"error": {"code": 503, "message": f"Busy with {key}, {CREDENTIAL}"}}, 503)
    server = scripted_openrouter(busy, ANSWER)
    for name in (None, *LOGGERS):
        caplog.set_level(logging.DEBUG, name)
    model = model_class.make(server.base_url, api_key=key, default_headers=HEADERS, max_retries=1)
    model_class.call(model)
    asyncio.run(model_class.acall(model))
    with httpx.Client() as mine:
        model_class.call(
            model_class.make(
                server.base_url, api_key=key, default_headers=HEADERS, http_client=mine
            )
        )

    assert "trying again" in caplog.text
    assert "receive_response_headers" in caplog.text
    assert_hidden([caplog.text, *map(vars, caplog.records)], key)


# Where the key goes


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(model_class, scripted_openrouter, status):
    with ScriptedServer([ANSWER]) as other:
        location = other.base_url.replace("127.0.0.1", "localhost")
        server = scripted_openrouter(
            (Status(status, {"location": location, "content-length": "0"}),)
        )

        async def ask_both():
            async with httpx.AsyncClient(follow_redirects=True) as mine:
                for own in (mine, None):
                    model = model_class.make(server.base_url, http_async_client=own, max_retries=0)
                    with pytest.raises(APIError, match="Redirected to http://localhost"):
                        await model_class.acall(model)

        with httpx.Client(follow_redirects=True) as mine:
            for own in (mine, None):
                model = model_class.make(server.base_url, http_client=own, max_retries=0)
                with pytest.raises(APIError, match="Redirected to http://localhost"):
                    model_class.call(model)
        asyncio.run(ask_both())
        assert len(server.requests) == 4
        assert other.connections == []


@pytest.mark.usefixtures("_alone")  # for the environment to be looked at
@pytest.mark.parametrize("proxy", ["", "http://127.0.0.1:9"], ids=["direct", "with a proxy"])
def test_cookies_of_one_user_do_not_go_to_another(
    model_class, scripted_openrouter, monkeypatch, proxy
):
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    server = scripted_openrouter(
        stream_reply([chunk({}, "stop")], headers={"set-cookie": "a=b; path=/"})
    )
    models = [model_class.make(server.base_url, max_retries=0) for _ in range(2)]

    async def ask():
        for model in models:
            model_class.call(model)
            await model_class.acall(model)

    asyncio.run(ask())
    assert len(server.requests) == 4
    assert not any("cookie" in request.headers for request in server.requests)
    for model in models:
        model.close()


@pytest.mark.parametrize("url", ["http://openrouter.ai/api/v1", "http://10.0.0.7/v1"])
def test_an_address_that_would_send_the_key_in_the_clear_is_refused(model_class, url):
    with pytest.raises(ValueError, match="unencrypted"):
        model_class.make(url)
    model_class.make(url, allow_http=True)


def sent_keys(server):
    return [request.headers["authorization"].removeprefix("Bearer ") for request in server.requests]


@pytest.mark.parametrize("given", [str, SecretStr])
def test_white_space_around_a_key_is_not_sent(model_class, key, scripted_openrouter, given):
    server = scripted_openrouter(ANSWER)
    model_class.call(model_class.make(server.base_url, api_key=given(f" {key}\n")))

    assert sent_keys(server) == [key]


def test_an_instance_keeps_to_the_environment_that_it_was_made_in(
    model_class, scripted_openrouter, monkeypatch
):
    server = scripted_openrouter(ANSWER)
    monkeypatch.setenv("OPENROUTER_API_KEY", "sk-or-before")
    monkeypatch.setenv("OPENROUTER_API_BASE", server.base_url)
    model = model_class.make(None, api_key=None)
    monkeypatch.setenv("OPENROUTER_API_KEY", "sk-or-after")
    monkeypatch.setenv("OPENROUTER_API_BASE", NOWHERE)
    model_class.call(model)
    asyncio.run(model_class.acall(model))
    monkeypatch.delenv("OPENROUTER_API_KEY")
    assert model_class.call(pickle.loads(pickle.dumps(model))) == TEXT

    assert sent_keys(server) == ["sk-or-before"] * 3


def test_a_key_that_is_missing_is_named(model_class):
    with pytest.raises(AuthenticationError, match="OPENROUTER_API_KEY"):
        model_class.make(NOWHERE, api_key=None)
