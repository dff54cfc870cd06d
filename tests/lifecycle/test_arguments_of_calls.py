"""What a call is given works for that call alone, is refused by name if it is wrong, and is shown to nobody."""

import asyncio
import re
import traceback

import pytest
from pydantic import BaseModel

import langchain_glm
from glm_openrouter import APIStatusError, APITimeoutError, InvalidRequestError
from glm_openrouter.testing import Hold, json_reply
from support.listeners import langchain_listener, listening_to_llamaindex, texts_in
from support.models import ModelClass, gather
from support.replies import ANSWER
from support.samples import PROMPT

SECRET = "gateway/Key+with=Chars.4711"
HEADERS = {"X-Api-Key": SECRET}
WRONG = {
    "temprature": (SECRET, "Did you mean `temperature`"),
    "openai_key": (SECRET, "extra_body"),
    "api_key": (SECRET, "to the constructor"),
    "extra_headers": ({"A b": SECRET}, "the name of a header"),
    "temperature": (SECRET, "temperature: Input should be a valid integer"),
    "provider": ({"onyl": SECRET}, "provider.onyl.*Did you mean `only`"),
    "timeout": (SECRET, "timeout: This must be a positive number of seconds"),
    "model": ([SECRET], "model must be text"),
    "tools": (SECRET, "tools: Input should be a valid list|tools must be a list"),
    "extra_body": (SECRET, "extra_body must be an object"),
}
wrong = pytest.mark.parametrize("name", WRONG)
SOME = ("temprature", "api_key", "temperature")
"""One that there is not, one of the constructor, one whose value is wrong."""
HIDDEN = ("temprature", "openai_key", "api_key", "extra_headers")
"""Those whose values nobody gets to see who listens."""


class Moor(BaseModel):
    pier: int


def weather(city: str) -> str:
    """Look up the weather."""
    return city


def langchain_ways(model):
    """Yield the ways to ask a model of LangChain, and their names."""
    yield "invoke", model.invoke
    yield "ainvoke", lambda prompt, **more: model.ainvoke(prompt, **more)
    yield "batch", lambda prompt, **more: model.batch([prompt], **more)
    yield "abatch", lambda prompt, **more: model.abatch([prompt], **more)
    yield "stream", lambda prompt, **more: list(model.stream(prompt, **more))
    yield "astream", lambda prompt, **more: gather(model.astream(prompt, **more))
    yield (
        "events 2",
        lambda prompt, **more: gather(model.astream_events(prompt, version="v2", **more)),
    )
    yield "bind", lambda prompt, **more: model.bind(**more).invoke(prompt)


def chat_ways(model):
    yield from langchain_ways(model)
    yield (
        "events 3",
        lambda prompt, **more: list(model.stream_events(prompt, version="v3", **more)),
    )
    yield "bind_tools", lambda prompt, **more: model.bind_tools([weather], **more).invoke(prompt)
    yield "bound twice", lambda prompt, **more: model.bind(seed=1).bind(**more).invoke(prompt)
    structured = model.with_structured_output
    yield "structured", lambda prompt, **more: structured(Moor, **more).invoke(prompt)
    yield "structured call", lambda prompt, **more: structured(Moor).invoke(prompt, **more)


WAYS = {"langchain-chat": chat_ways, "langchain-text": langchain_ways}
LANGCHAIN = [
    (name, way)
    for name, ways in WAYS.items()
    for way, _ in ways(ModelClass(name).make("http://127.0.0.1:9/api/v1"))
]
beta = pytest.mark.filterwarnings("ignore::langchain_core._api.LangChainBetaWarning")


def ask_langchain(name, way, server, told, **arguments):
    model = ModelClass(name).make(server.base_url, callbacks=[langchain_listener(told)])
    result = dict(WAYS[name](model))[way](PROMPT, **arguments)
    return asyncio.run(finish(result)) if asyncio.iscoroutine(result) else result


async def finish(result):
    return await result


def assert_refused_by_langchain(server, kind, way, name):
    value, words = WRONG[name]
    told = []
    with pytest.raises(langchain_glm.InvalidRequestError, match=words) as caught:
        ask_langchain(kind, way, server, told, **{name: value})
    assert SECRET not in str(caught.value)
    assert not server.requests
    if name in HIDDEN:
        assert not [text for text in texts_in(told) if SECRET in text]


@wrong
def test_a_wrong_argument_is_refused_by_name_in_langchain(offline_openrouter, name):
    assert_refused_by_langchain(offline_openrouter, "langchain-chat", "invoke", name)


@beta
@pytest.mark.parametrize(("kind", "way"), LANGCHAIN)
def test_every_way_to_ask_langchain_refuses_alike(offline_openrouter, kind, way):
    for name in SOME:
        assert_refused_by_langchain(offline_openrouter, kind, way, name)


@pytest.mark.parametrize("name", ["callbacks", "tags", "run_name", "run_id"])
def test_what_belongs_to_the_run_is_sent_to_its_place(offline_openrouter, name):
    model = ModelClass("langchain-chat").make(offline_openrouter.base_url)
    for ask in (
        model.invoke,
        model.bind,
        lambda prompt, **more: list(model.stream(prompt, **more)),
    ):
        with pytest.raises(langchain_glm.InvalidRequestError, match=f"config={{'{name}'"):
            ask(*([] if ask == model.bind else [PROMPT]), **{name: []})
    assert model.invoke(PROMPT, {name: None}).text


@pytest.mark.parametrize("schema", [5, "Person", object()])
def test_a_schema_that_is_none_is_refused(schema):
    model = ModelClass("langchain-chat").make("http://127.0.0.1:9/api/v1")
    with pytest.raises(langchain_glm.InvalidRequestError, match="cannot be the schema") as caught:
        model.with_structured_output(schema)
    assert len(str(caught.value).splitlines()) == 1


def test_a_request_that_is_refused_is_not_tried_again(offline_openrouter):
    from langchain.agents import create_agent
    from langchain.agents.middleware import ModelRetryMiddleware
    from langchain_core.exceptions import ModelError
    from langchain_core.messages import HumanMessage

    tries = []

    def is_retryable(error):
        tries.append(error)
        return isinstance(error, ModelError) and error.is_retryable

    model = ModelClass("langchain-chat").make(offline_openrouter.base_url)
    retry = ModelRetryMiddleware(retry_on=is_retryable, initial_delay=0, on_failure="error")
    picture = {"type": "image", "base64": "aGk=", "mime_type": "image/png"}
    with pytest.raises(langchain_glm.InvalidRequestError):
        create_agent(model, middleware=[retry]).invoke({"messages": [HumanMessage([picture])]})
    assert len(tries) == 1


@beta
@pytest.mark.parametrize(("kind", "way"), LANGCHAIN)
def test_headers_of_a_call_are_sent_and_no_tracer_sees_them(offline_openrouter, kind, way):
    told = []
    ask_langchain(kind, way, offline_openrouter, told, extra_headers=HEADERS, timeout=20)

    assert {request.headers["x-api-key"] for request in offline_openrouter.requests} == {SECRET}
    assert told
    assert not [text for text in texts_in(told) if SECRET in text]


def test_a_header_of_a_call_is_in_no_key_of_a_cache(offline_openrouter):
    from langchain_core.caches import InMemoryCache

    cache = InMemoryCache()
    model = ModelClass("langchain-chat").make(offline_openrouter.base_url, cache=cache)
    model.invoke(PROMPT, extra_headers=HEADERS)
    assert SECRET not in str(cache._cache)


def test_headers_that_are_bound_survive_a_copy(offline_openrouter):
    import copy
    import pickle

    model = ModelClass("langchain-chat").make(offline_openrouter.base_url)
    bound = model.bind(extra_headers=HEADERS)
    for copied in (copy.deepcopy(bound), pickle.loads(pickle.dumps(bound))):
        copied.invoke(PROMPT)
        assert offline_openrouter.requests[-1].headers["x-api-key"] == SECRET
    assert SECRET not in repr(bound)


INDEX_CALLS = [
    f"{prefix}{name}"
    for name in (
        *("chat", "complete", "stream_chat", "stream_complete"),
        *("chat_with_tools", "stream_chat_with_tools", "predict_and_call"),
        *("structured_predict", "stream_structured_predict"),
    )
    for prefix in ("", "a")
]
index_calls = pytest.mark.parametrize("call", INDEX_CALLS)


def ask_llamaindex(server, call, **arguments):
    """Make a call; return the names of the spans of it, and all that was told to those who listen."""
    from llama_index.core.base.llms.types import ChatMessage
    from llama_index.core.prompts import PromptTemplate
    from llama_index.core.tools import FunctionTool

    given = ([ChatMessage(PROMPT)],) if "chat" in call else (PROMPT,)
    if "tools" in call or "predict_and_call" in call:
        given = ([FunctionTool.from_defaults(weather)], "Weather in Oslo?")
    if "structured" in call:
        given, arguments = (Moor, PromptTemplate(PROMPT)), {"llm_kwargs": arguments}
    llm = ModelClass("llamaindex").make(server.base_url)
    with listening_to_llamaindex() as (names, told):
        try:
            asyncio.run(gather(getattr(llm, call)(*given, **arguments)))
        except InvalidRequestError as error:
            return names, told, error
    return names, told, None


def assert_refused_by_llamaindex(server, call, name):
    value, words = WRONG[name]
    _, told, error = ask_llamaindex(server, call, **{name: value})
    assert re.search(words, str(error))
    assert SECRET not in str(error)
    assert not server.requests
    if name in HIDDEN:
        assert not [text for text in texts_in(told) if SECRET in text]


@wrong
def test_a_wrong_argument_is_refused_by_name_in_llamaindex(offline_openrouter, name):
    assert_refused_by_llamaindex(offline_openrouter, "achat", name)


@index_calls
def test_every_way_to_ask_llamaindex_refuses_alike(offline_openrouter, call):
    for name in SOME:
        assert_refused_by_llamaindex(offline_openrouter, call, name)


@index_calls
def test_headers_of_a_call_are_sent_and_no_span_sees_them(offline_openrouter, call):
    arguments = {"extra_headers": HEADERS, "timeout": 20}
    _, told, error = ask_llamaindex(offline_openrouter, call, **arguments)
    assert error is None
    assert {request.headers["x-api-key"] for request in offline_openrouter.requests} == {SECRET}
    assert told
    assert not [text for text in texts_in(told) if SECRET in text]


@index_calls
def test_a_call_has_one_span_and_no_span_sees_the_key(offline_openrouter, call):
    names, told, _ = ask_llamaindex(offline_openrouter, call)
    asks = "chat" if "complete" not in call else "complete"
    ours = [name for name in names if name.startswith("GLM.")]
    of_requests = [name for name in ours if asks in name and "predict" not in name]
    around = [name for name in ours if name not in of_requests]
    assert len(of_requests) == len(offline_openrouter.requests) == 1
    assert around == ([f"GLM.{call}"] if "predict" in call else [])
    key = ModelClass("llamaindex").make(offline_openrouter.base_url).api_key.get_secret_value()
    assert not [text for text in texts_in(told) if key in text]


@pytest.mark.parametrize(
    "model_class", ["langchain-chat", "langchain-text", "llamaindex"], indirect=True
)
def test_a_call_that_is_refused_shows_no_value_in_frames_of_ours(model_class):
    model = model_class.make("http://127.0.0.1:9/api/v1")
    ask = model.complete if model_class.name == "llamaindex" else model.invoke
    for arguments in ({"api_key": SECRET}, {"extra_headers": {"A b": SECRET}}):
        with pytest.raises(InvalidRequestError) as caught:
            ask(PROMPT, **arguments)
        shown = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
        ours = [frame for frame in shown.stack if "glm" in frame.filename.rsplit("/", 2)[-2]]
        assert len(ours) >= 3
        assert not [frame for frame in ours if SECRET in str(frame.locals)]


# What a call alone may say of its connection


def asking(model_class, model, **arguments):
    ask = model.complete if model_class.name == "llamaindex" else model.invoke
    return ask(PROMPT, **arguments)


def test_headers_of_a_call_win_and_the_next_call_has_none(model_class, scripted_openrouter):
    server = scripted_openrouter(ANSWER)
    mine = {"X-Tenant": "mine", "X-Other": "kept"}
    model = model_class.make(server.base_url, default_headers=mine, app_title="Harbour")
    asking(model_class, model, extra_headers={"x-tenant": "yours", "X-Title": "Pier"})
    asking(model_class, model)
    first, second = (request.headers for request in server.requests)
    assert (first["x-tenant"], first["x-other"], second["x-tenant"]) == ("yours", "kept", "mine")
    assert (first["x-openrouter-title"], second["x-openrouter-title"]) == ("Pier", "Harbour")
    assert "x-title" not in first


def test_a_timeout_of_a_call_is_that_of_this_call_alone(model_class, scripted_openrouter):
    server = scripted_openrouter((Hold(),), ANSWER)
    model = model_class.make(server.base_url, max_retries=0)
    with pytest.raises(APITimeoutError, match=r"for 0.05 s \(timeout\)"):
        asking(model_class, model, timeout=0.05)
    asking(model_class, model)
    assert len(server.requests) == 2


def test_an_error_that_repeats_a_header_of_a_call_hides_it(model_class, scripted_openrouter):
    error = {"error": {"code": 400, "message": f"The key {SECRET} is wrong"}}
    model = model_class.make(scripted_openrouter(json_reply(error, 400)).base_url)
    with pytest.raises(APIStatusError, match="redacted") as caught:
        asking(model_class, model, extra_headers=HEADERS)
    assert SECRET not in str(caught.value)
