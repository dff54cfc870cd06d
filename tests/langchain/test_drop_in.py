"""Every argument of `ChatOpenRouter` works on `ChatGLM`, and the table in the docs says so."""

import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.rate_limiters import InMemoryRateLimiter
from pydantic import ValidationError

from glm_openrouter import errors
from glm_openrouter.testing import Comment, Hold, ScriptedServer, json_reply, stream_reply
from glm_openrouter.testing.pytest_plugin import StartScript
from langchain_glm import ChatGLM
from support.wire import USAGE, chunk, response_body

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from langchain_openrouter import ChatOpenRouter

PAGE = Path(__file__).resolve().parents[2] / "docs" / "langchain-arguments.md"
HELLO = stream_reply([chunk({"content": "Hi"}), chunk({}, "stop", usage=USAGE)])


def peer_names() -> dict[str, set[str]]:
    """Return the arguments of the peer, each with all its names."""
    return {
        name: {name, field.alias or name, str(field.validation_alias or name)}
        for name, field in ChatOpenRouter.model_fields.items()
    }


PEER = peer_names()


def documented() -> dict[str, set[str]]:
    """Return the first column of the table of the peer's arguments, each with its other names."""
    section = PAGE.read_text().partition("## Arguments of ChatOpenRouter")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \| ([^|]*)\|", section, re.MULTILINE)
    return {name: {name, *re.findall(r"`(\w+)`", others)} for name, others in rows}


def test_the_table_has_every_argument_and_every_name() -> None:
    table = documented()
    assert {
        name: names for name, names in PEER.items() if not names <= table.get(name, set())
    } == {}
    assert table.keys() == PEER.keys()


def test_the_page_has_every_other_argument() -> None:
    named = set(re.findall(r"`(\w+)`", PAGE.read_text()))
    assert ChatGLM.model_fields.keys() - named == set()


IN_THE_BODY: dict[str, tuple[Any, dict[str, Any]]] = {
    "model_name": ("z-ai/glm-4.5", {"model": "z-ai/glm-4.5"}),
    "temperature": (0.5, {"temperature": 0.5}),
    "max_tokens": (9000, {"max_tokens": 9000}),
    "max_completion_tokens": (9000, {"max_completion_tokens": 9000}),
    "top_p": (0.5, {"top_p": 0.5}),
    "frequency_penalty": (0.5, {"frequency_penalty": 0.5}),
    "presence_penalty": (0.5, {"presence_penalty": 0.5}),
    "seed": (7, {"seed": 7}),
    "stop": (["END"], {"stop": ["END"]}),
    "streaming": (True, {}),
    "model_kwargs": ({"top_k": 4, "new": 1}, {"top_k": 4, "new": 1}),
    "reasoning": ({"effort": "high"}, {"reasoning": {"effort": "high"}}),
    "openrouter_provider": (
        {"only": ["z-ai"], "max_price": {"prompt": 1}},
        {"provider": {"only": ["z-ai"], "max_price": {"prompt": 1}}},
    ),
    "route": ("fallback", {"route": "fallback"}),
    "plugins": ([{"id": "web"}], {"plugins": [{"id": "web"}]}),
    "session_id": ("trip", {"session_id": "trip"}),
    "trace": ({"trace_id": "1"}, {"trace": {"trace_id": "1"}}),
}
"""Argument -> a value, and what it puts into the body."""

IN_THE_HEADERS: dict[str, tuple[Any, dict[str, str]]] = {
    "openrouter_api_key": ("sk-or-mine", {"authorization": "Bearer sk-or-mine"}),
    "app_url": ("https://my.app", {"http-referer": "https://my.app"}),
    "app_title": ("My App", {"x-openrouter-title": "My App"}),
    "app_categories": (["cli-agent"], {"x-openrouter-categories": "cli-agent"}),
    "default_headers": ({"X-Mine": "1"}, {"x-mine": "1"}),
}
"""Argument -> a value, and what it puts into the headers."""

HANDLER = BaseCallbackHandler()
CACHE, LIMITER = InMemoryCache(), InMemoryRateLimiter(requests_per_second=1000)

OF_LANGCHAIN: dict[str, Any] = {
    "name": "chat",
    "cache": CACHE,
    "verbose": True,
    "callbacks": [HANDLER],
    "tags": ["mine"],
    "metadata": {"mine": 1},
    "custom_get_token_ids": lambda text: [*map(ord, text)],
    "rate_limiter": LIMITER,
    "disable_streaming": True,
    "output_version": "v1",
    "profile": {"max_input_tokens": 1000},
}
"""Argument -> a value; what it does is LangChain's affair, and tested where it is ours."""

OF_THEIR_OWN = {
    "openrouter_api_base",
    "request_timeout",
    "max_retries",
    "client",
    "n",
    "stream_usage",
}
"""Arguments with a test of their own below."""


def all_names(arguments: dict[str, Any]) -> list[Any]:
    return [
        pytest.param(name, alias, id=alias) for name in arguments for alias in sorted(PEER[name])
    ]


def test_every_argument_has_a_test() -> None:
    assert PEER.keys() == {*IN_THE_BODY, *IN_THE_HEADERS, *OF_LANGCHAIN, *OF_THEIR_OWN}


def make(server: ScriptedServer, **arguments: Any) -> ChatGLM:
    key = {} if {"api_key", "openrouter_api_key"} & arguments.keys() else {"api_key": "sk-or-test"}
    return ChatGLM(**{"base_url": server.base_url, **key, **arguments})


@pytest.mark.parametrize(("name", "alias"), all_names(IN_THE_BODY))
def test_an_argument_is_in_the_body(
    scripted_openrouter: StartScript, name: str, alias: str
) -> None:
    value, expected = IN_THE_BODY[name]
    server = scripted_openrouter(HELLO)
    make(server, **{alias: value}).invoke("?")
    body = server.requests[0].body
    assert body is not None
    message = {"messages": [{"role": "user", "content": "?"}], "model": "z-ai/glm-4.6:exacto"}
    assert body == {**message, "stream": True, **expected}


@pytest.mark.parametrize(("name", "alias"), all_names(IN_THE_HEADERS))
def test_an_argument_is_in_the_headers(
    scripted_openrouter: StartScript, name: str, alias: str
) -> None:
    value, expected = IN_THE_HEADERS[name]
    server = scripted_openrouter(HELLO)
    make(server, **{alias: value}).invoke("?")
    assert server.requests[0].headers.items() >= expected.items()


@pytest.mark.parametrize("name", OF_LANGCHAIN)
def test_an_argument_of_langchain_is_kept(scripted_openrouter: StartScript, name: str) -> None:
    model = make(scripted_openrouter(HELLO), **{name: OF_LANGCHAIN[name]})
    kept = getattr(model, name)
    expected = OF_LANGCHAIN[name]
    assert kept.items() >= expected.items() if name == "metadata" else kept == expected
    assert "Hi" in model.invoke("?").text


@pytest.mark.parametrize("alias", sorted(PEER["openrouter_api_base"]))
def test_the_base_url_is_where_requests_go(scripted_openrouter: StartScript, alias: str) -> None:
    server = scripted_openrouter(HELLO)
    ChatGLM(api_key="sk-or-test", **{alias: server.base_url}).invoke("?")
    assert server.requests[0].path == "/api/v1/chat/completions"


@pytest.mark.parametrize("alias", sorted(PEER["request_timeout"]))
@pytest.mark.parametrize("value", [0.1, httpx.Timeout(0.1)], ids=["seconds", "httpx"])
def test_the_timeout_is_in_seconds(
    scripted_openrouter: StartScript, alias: str, value: object
) -> None:
    server = scripted_openrouter(stream_reply([Comment(), Hold()], done=False))
    model = make(server, max_retries=0, **{alias: value})
    assert model.request_timeout == value
    with pytest.raises(errors.APITimeoutError, match=r"for 0\.1 s"):
        list(model.stream("?"))


@pytest.mark.usefixtures("waits")
@pytest.mark.parametrize("retries", [0, 1])
def test_retries_are_counted(scripted_openrouter: StartScript, retries: int) -> None:
    refusal = json_reply({"error": {"code": 503, "message": "No"}}, 503)
    server = scripted_openrouter(refusal)
    model = make(server, max_retries=retries)
    with pytest.raises(errors.InternalServerError):
        model.invoke("?")
    assert len(server.requests) == retries + 1


@pytest.mark.parametrize("wanted", [True, False])
def test_usage_of_a_stream_can_be_left_out(scripted_openrouter: StartScript, wanted: bool) -> None:
    chunks = list(make(scripted_openrouter(HELLO), stream_usage=wanted).stream("?"))
    assert any(chunk.usage_metadata for chunk in chunks) is wanted


TWICE: list[dict[str, Any]] = [
    {"temperature": 0.5, "model_kwargs": {"temperature": 0.7}},
    {"provider": {"sort": "price"}, "model_kwargs": {"openrouter_provider": {"order": ["z-ai"]}}},
    {"extra_body": {"new": 1}, "model_kwargs": {"extra_body": {"new": 2}}},
]


@pytest.mark.parametrize("arguments", TWICE, ids=str)
def test_a_parameter_that_is_given_twice_is_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="is given twice, once in model_kwargs"):
        ChatGLM(api_key="sk-or-test", **arguments)


ELSEWHERE = {
    "model": "model_name",
    "model_name": "model_name",
    "stop": "stop",
    "stop_sequences": "stop",
    "stream": "streaming",
    "timeout": "timeout",
    "extra_headers": "default_headers",
}
"""What does not go into `model_kwargs` -> the argument that it is."""


@pytest.mark.parametrize("name", ELSEWHERE)
def test_an_argument_that_model_kwargs_would_lose_is_refused(name: str) -> None:
    with pytest.raises(ValidationError, match=f"{name} does not .*: pass it as {ELSEWHERE[name]}"):
        ChatGLM(api_key="sk-or-test", model_kwargs={name: "x"})


def test_there_is_one_answer_to_a_request() -> None:
    assert ChatGLM(api_key="sk-or-test", n=1).n == 1
    with pytest.raises(ValidationError, match="n\n"):
        ChatGLM(api_key="sk-or-test", n=2)


def test_there_is_no_client_of_an_sdk() -> None:
    assert ChatGLM(api_key="sk-or-test", client=None).client is None
    with pytest.raises(ValidationError, match="http_client"):
        ChatGLM(api_key="sk-or-test", client=object())


OPTIONAL = [
    name for name, field in ChatOpenRouter.model_fields.items() if "None" in str(field.annotation)
]


@pytest.mark.parametrize("name", OPTIONAL)
def test_none_means_not_set(
    scripted_openrouter: StartScript, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    server = scripted_openrouter(HELLO)
    monkeypatch.setenv("OPENROUTER_API_KEY", "sk-or-test")
    monkeypatch.setenv("OPENROUTER_API_BASE", server.base_url)
    ChatGLM(**{name: None}).invoke("?")
    body = server.requests[0].body
    assert body is not None
    assert body.keys() == {"messages", "model", "stream"}


VARIABLES: dict[str, tuple[str, Callable[[Any], object]]] = {
    "OPENROUTER_API_KEY": ("sk-or-mine", lambda request: request.headers["authorization"][7:]),
    "OPENROUTER_APP_URL": ("https://my.app", lambda request: request.headers["http-referer"]),
    "OPENROUTER_APP_TITLE": ("Mine", lambda request: request.headers["x-openrouter-title"]),
    "OPENROUTER_SESSION_ID": ("trip", lambda request: request.body["session_id"]),
}
"""Variable -> a value, and where it arrives."""


@pytest.mark.parametrize("variable", VARIABLES)
def test_the_environment_is_read_as_the_peer_does(
    scripted_openrouter: StartScript, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    value, read = VARIABLES[variable]
    server = scripted_openrouter(HELLO)
    monkeypatch.setenv("OPENROUTER_API_KEY", "sk-or-test")
    monkeypatch.setenv("OPENROUTER_API_BASE", server.base_url)
    monkeypatch.setenv(variable, value)
    ChatGLM().invoke("?")
    assert read(server.requests[0]) == value


def test_an_empty_session_is_none(scripted_openrouter: StartScript) -> None:
    server = scripted_openrouter(HELLO)
    make(server, session_id="").invoke("?")
    assert "session_id" not in (server.requests[0].body or {})


@pytest.mark.parametrize("attribute", ["model", "request_timeout", "openrouter_provider"])
def test_attributes_of_the_peer_can_be_read(attribute: str) -> None:
    arguments: dict[str, Any] = {
        "model": "z-ai/glm-4.6",
        "timeout": 9.0,
        "openrouter_provider": {"sort": "price"},
    }
    ours = ChatGLM(api_key="sk-or-test", **arguments)
    expected = [*arguments.values()][
        ["model", "request_timeout", "openrouter_provider"].index(attribute)
    ]
    read = getattr(ours, attribute)
    assert (read.to_wire() if hasattr(read, "to_wire") else read) == expected


def test_both_send_the_same_request(scripted_openrouter: StartScript) -> None:
    server = scripted_openrouter(
        json_reply(
            {
                **response_body({"content": "Hi"}),
                "system_fingerprint": "",
                "object": "chat.completion",
            }
        )
    )
    arguments: dict[str, Any] = {
        "model": "z-ai/glm-4.6",
        "api_key": "sk-or-test",
        "base_url": server.base_url,
        "temperature": 0.5,
        "stop_sequences": ["END"],
        "reasoning": {"effort": "high"},
        "openrouter_provider": {"sort": "price"},
        "session_id": "trip",
        "model_kwargs": {"top_k": 4},
    }
    peer = ChatOpenRouter(**arguments)
    peer.invoke("Hi")
    peer.client.sdk_configuration.client.close()
    ChatGLM(**arguments).invoke("Hi")
    theirs, ours = (request.body or {} for request in server.requests)
    assert ours == {**theirs, "stream": True}
