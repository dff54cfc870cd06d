"""What is set is on the wire, whoever sets it and where; or it is refused before anything is sent."""

import copy
import json
import pickle
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.load import dumps, loads
from pydantic import ValidationError

from glm_openrouter import (
    ChatRequest,
    Client,
    InvalidRequestError,
    MaxPrice,
    ModelParameters,
    ProviderPreferences,
    ProviderSort,
    Reasoning,
    RoutingConflictWarning,
    SmallMaxTokensWarning,
)
from glm_openrouter.request.layers import build_request
from glm_openrouter.request.parameters import CacheControl
from glm_openrouter.request.plugins import ContextCompression, FileParser, PDFOptions, WebSearch
from glm_openrouter.testing import ScriptedServer, json_reply
from langchain_glm import ChatGLM
from llamaindex_glm import GLM
from support.wire import response_body

KEY = "sk-or-v1-of-a-test"
MESSAGES = [{"role": "user", "content": "Hi"}]


@pytest.fixture(scope="module")
def server() -> Iterator[ScriptedServer]:
    server = ScriptedServer([json_reply(response_body({"content": "Hello."}))]).start()
    yield server
    server.stop()


def complete(server: ScriptedServer, request: ChatRequest) -> None:
    with Client(base_url=server.base_url, api_key=KEY) as client:
        client.complete(request)


def core(server: ScriptedServer, given: dict[str, Any]) -> None:
    complete(server, ChatRequest(messages=MESSAGES, **given))


def core_defaults(server: ScriptedServer, given: dict[str, Any]) -> None:
    complete(server, build_request(MESSAGES, ModelParameters(**given)))


def chat_glm(server: ScriptedServer, **given: Any) -> ChatGLM:
    return ChatGLM(base_url=server.base_url, api_key=KEY, **given)


def index_glm(server: ScriptedServer, **given: Any) -> GLM:
    return GLM(api_base=server.base_url, api_key=KEY, **given)


WAYS = {
    "core, request": core,
    "core, defaults": core_defaults,
    "LangChain, model": lambda server, given: chat_glm(server, **given).invoke("Hi"),
    "LangChain, bind": lambda server, given: chat_glm(server).bind(**given).invoke("Hi"),
    "LangChain, call": lambda server, given: chat_glm(server).invoke("Hi", **given),
    "LangChain, model_kwargs": lambda server, given: chat_glm(server, model_kwargs=given).invoke(
        "Hi"
    ),
    "LlamaIndex, model": lambda server, given: index_glm(server, **given).complete("Hi"),
    "LlamaIndex, call": lambda server, given: index_glm(server).complete("Hi", **given),
    "LlamaIndex, additional_kwargs": lambda server, given: index_glm(
        server, additional_kwargs=given
    ).complete("Hi"),
}
"""Where settings can be made; each sends one request."""

CONSTRUCTORS = ("core, request", "core, defaults", "LangChain, model", "LlamaIndex, model")
"""Where pydantic makes an object of them at once."""


def refusal(way: str) -> type[ValueError]:
    """Return the error for settings that cannot be sent."""
    return ValidationError if way in CONSTRUCTORS else InvalidRequestError


FREE = ("LangChain, model_kwargs", "LlamaIndex, additional_kwargs")
"""Where an unknown parameter goes into the body."""


def send(server: ScriptedServer, way: str, given: dict[str, Any]) -> dict[str, Any]:
    """Return the body that is sent, without what is always there."""
    server.requests.clear()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RoutingConflictWarning)
        warnings.simplefilter("ignore", SmallMaxTokensWarning)
        WAYS[way](server, given)
    (request,) = server.requests
    sent = dict(request.body)
    assert sent.pop("messages") == MESSAGES
    assert sent.pop("model") == "z-ai/glm-4.6:exacto"
    sent.pop("stream", None)  # not with `response-healing`
    return sent


def exact(value: Any) -> str:
    """Return JSON in which 1 and 1.0 differ and the order of keys does not."""
    return json.dumps(value, sort_keys=True)


def some(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=fields)


def number(low: float, high: float) -> st.SearchStrategy[float]:
    return st.integers(int(low), int(high)) | st.floats(low, high, allow_nan=False)


text = st.text(st.characters(codec="utf-8"), min_size=1, max_size=6)
texts = st.lists(text, min_size=1, max_size=3)
flag = st.booleans()
tokens = st.integers(1, 200_000)
amount = number(0, 1e6)
price = amount | st.sampled_from(["1", "0.25"])
effort = st.sampled_from(["max", "xhigh", "high", "medium", "low", "minimal", "none"])
sort_key = st.sampled_from(["price", "throughput", "latency", "exacto"])
percentiles = some(p50=amount, p75=amount, p90=amount, p99=amount)
free = st.dictionaries(
    text,
    st.recursive(
        st.none() | flag | st.integers(-9, 9) | st.floats(allow_nan=False, allow_infinity=False),
        lambda inner: st.lists(inner, max_size=2) | st.dictionaries(text, inner, max_size=2),
        max_leaves=4,
    ),
    max_size=3,
)

provider = some(
    order=texts,
    allow_fallbacks=flag,
    require_parameters=flag,
    data_collection=st.sampled_from(["allow", "deny"]),
    zdr=flag,
    enforce_distillable_text=flag,
    only=texts,
    ignore=texts,
    quantizations=st.lists(st.sampled_from(["fp4", "fp8", "bf16", "unknown"]), min_size=1),
    sort=sort_key | some(by=sort_key, partition=st.sampled_from(["model", "none"])),
    max_price=some(prompt=price, completion=price, request=price, image=price, audio=price),
    preferred_min_throughput=amount | percentiles,
    preferred_max_latency=amount | percentiles,
    options=st.dictionaries(text, free, max_size=2),
)
reasoning = some(
    enabled=flag, exclude=flag, summary=st.sampled_from(["auto", "concise", "detailed"])
).flatmap(
    lambda base: st.one_of(
        st.just(base),
        effort.map(lambda value: {**base, "effort": value}),
        st.integers(0, 9000).map(lambda value: {**base, "max_tokens": value}),
    )
)


def plugin(name: str, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({"id": st.just(name)}, optional={"enabled": flag, **fields})


plugins = st.lists(
    plugin("web", engine=st.sampled_from(["exa", "native"]), max_results=st.integers(1, 9))
    | plugin("web", search_prompt=text, include_domains=texts, user_location=free)
    | plugin("file-parser", pdf=some(engine=st.sampled_from(["mistral-ocr", "native"])))
    | plugin("response-healing")
    | plugin("context-compression", engine=st.just("middle-out"))
    | plugin("fusion", preset=text, something_new=free)
    | plugin("auto-router", allowed_models=texts),
    max_size=3,
)

PARAMETERS = dict(
    models=st.lists(text.filter(str.strip), min_size=1, max_size=3),
    route=st.just("fallback"),
    preset=text,
    max_tokens=tokens,
    max_completion_tokens=tokens,
    temperature=number(0, 2),
    top_p=number(0, 1),
    top_k=st.integers(0, 100),
    min_p=number(0, 1),
    top_a=number(0, 1),
    frequency_penalty=number(-2, 2),
    presence_penalty=number(-2, 2),
    repetition_penalty=number(0, 2),
    seed=st.integers(-(2**31), 2**31),
    logit_bias=st.dictionaries(st.just("50256"), number(-100, 100), min_size=1),
    logprobs=flag,
    top_logprobs=st.integers(0, 20),
    parallel_tool_calls=flag,
    modalities=st.just(["text"]),
    verbosity=st.sampled_from(["low", "medium", "high"]),
    reasoning=reasoning,
    include_reasoning=flag,
    provider=provider,
    plugins=plugins,
    transforms=st.sampled_from([[], ["middle-out"]]),
    service_tier=st.sampled_from(["auto", "flex", "priority"]),
    web_search_options=free,
    stop_server_tools_when=st.lists(free, max_size=2),
    user=text,
    session_id=text,
    trace=free,
    request_metadata=st.dictionaries(text, text, max_size=3),
    prompt_cache_key=text,
    cache_control=some(ttl=st.sampled_from(["5m", "1h"])).map(
        lambda control: {"type": "ephemeral", **control}
    ),
)


@pytest.mark.parametrize("way", WAYS)
@settings(max_examples=30)
@given(given=some(**PARAMETERS))
def test_what_is_set_is_on_the_wire(server, way, given):
    before = exact(given)
    sent = send(server, way, given)

    expected = dict(given)
    if "request_metadata" in given:
        expected["metadata"] = expected.pop("request_metadata")
    assert exact(sent) == exact(expected)
    assert exact(given) == before


def test_every_parameter_is_among_those_that_are_tested():
    tested_on_their_own = {
        "deferred_tools",
        "extra_body",
        "reasoning_effort",
        "response_cache",
        "server_tools",
    }

    assert PARAMETERS.keys() | tested_on_their_own == set(ModelParameters.model_fields)


TYPED = {
    "reasoning": Reasoning(enabled=True, exclude=True),
    "provider": ProviderPreferences(
        sort=ProviderSort(by="price", partition="none"), max_price=MaxPrice(prompt=1), zdr=True
    ),
    "plugins": [
        WebSearch(max_results=3),
        FileParser(pdf=PDFOptions(engine="native")),
        ContextCompression(enabled=False),
        {"id": "fusion", "preset": "quick"},
    ],
    "cache_control": CacheControl(ttl="1h"),
}
PLAIN = {
    "reasoning": {"enabled": True, "exclude": True},
    "provider": {
        "sort": {"by": "price", "partition": "none"},
        "max_price": {"prompt": 1},
        "zdr": True,
    },
    "plugins": [
        {"id": "web", "max_results": 3},
        {"id": "file-parser", "pdf": {"engine": "native"}},
        {"id": "context-compression", "enabled": False},
        {"id": "fusion", "preset": "quick"},
    ],
    "cache_control": {"type": "ephemeral", "ttl": "1h"},
}


@pytest.mark.parametrize("way", WAYS)
def test_typed_settings_and_plain_objects_are_the_same(server, way):
    assert exact(send(server, way, TYPED)) == exact(send(server, way, PLAIN)) == exact(PLAIN)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("value", "sent"),
    [
        (True, {"enabled": True}),
        (False, {"enabled": False}),
        ("none", {"effort": "none"}),
        ({"max_tokens": 9}, {"max_tokens": 9}),
    ],
)
def test_reasoning_has_short_forms(server, way, value, sent):
    assert send(server, way, {"reasoning": value}) == {"reasoning": sent}


@pytest.mark.parametrize("way", WAYS)
def test_extra_body_is_merged_last(server, way):
    given = {"temperature": 0.5, "extra_body": {"temperature": 0.6, "new": {"x": None}}}

    assert send(server, way, given) == {"temperature": 0.6, "new": {"x": None}}


NOT_TAKEN_BY_THE_FRAMEWORK = (
    "core, request",
    "LangChain, bind",
    "LangChain, call",
    "LangChain, model_kwargs",
    "LlamaIndex, call",
    "LlamaIndex, additional_kwargs",
)


@pytest.mark.parametrize("way", NOT_TAKEN_BY_THE_FRAMEWORK)
def test_metadata_may_have_the_name_of_the_wire(server, way):
    assert send(server, way, {"metadata": {"team": "a"}}) == {"metadata": {"team": "a"}}


@pytest.mark.parametrize("way", WAYS)
def test_a_level_of_effort_may_have_the_name_of_openai(server, way):
    assert send(server, way, {"reasoning_effort": "low"}) == {"reasoning_effort": "low"}


UNKNOWN = {
    "top": {"temprature": 1},
    "reasoning": {"reasoning": {"enable": True}},
    "provider": {"provider": {"orders": ["z-ai"]}},
    "sort": {"provider": {"sort": {"by": "price", "partitions": "none"}}},
    "max_price": {"provider": {"max_price": {"input": 1}}},
    "percentiles": {"provider": {"preferred_max_latency": {"p95": 1}}},
    "plugin": {"plugins": [{"id": "web", "max_result": 3}]},
    "pdf": {"plugins": [{"id": "file-parser", "pdf": {"motor": "native"}}]},
    "cache_control": {"cache_control": {"type": "ephemeral", "time": "1h"}},
}


@pytest.mark.parametrize("way", sorted(FREE))
def test_an_unknown_key_at_the_top_may_go_out_in_the_body(server, way):
    assert send(server, way, UNKNOWN["top"]) == UNKNOWN["top"]


@pytest.mark.parametrize(
    ("way", "place"),
    [(way, place) for way in WAYS for place in UNKNOWN if place != "top" or way not in FREE],
)
def test_an_unknown_key_is_refused_before_anything_is_sent(server, way, place):
    with pytest.raises(refusal(way)):
        send(server, way, UNKNOWN[place])

    assert server.requests == []


WRONG = {
    "effort and a budget": {"reasoning": {"effort": "high", "max_tokens": 9}},
    "two efforts": {"reasoning": "high", "reasoning_effort": "low"},
    "an unknown effort": {"reasoning": "some"},
    "a negative budget": {"reasoning": {"max_tokens": -1}},
    "a text for a list": {"provider": {"order": "z-ai"}},
    "an unknown order": {"provider": {"sort": "beauty"}},
    "an unknown quantization": {"provider": {"quantizations": ["fp-8"]}},
    "a negative price": {"provider": {"max_price": {"prompt": -1}}},
    "a price in words": {"provider": {"max_price": {"prompt": "cheap"}}},
    "no number": {"temperature": float("nan")},
    "no end": {"repetition_penalty": float("inf")},
    "no number deep inside": {"trace": {"a": [float("nan")]}},
    "no number in the extra body": {"extra_body": {"a": float("inf")}},
    "no JSON": {"extra_body": {"a": object()}},
    "no JSON in a plugin": {"plugins": [{"id": "new", "a": object()}]},
    "a plugin without a name": {"plugins": [{"enabled": True}]},
    "a plugin that is none": {"plugins": ["web"]},
    "a plugin whose name is none": {"plugins": [{"id": ["web"]}]},
    "too hot": {"temperature": 2.5},
    "no token": {"max_tokens": 0},
    "a session id that is too long": {"session_id": "x" * 257},
    "too much metadata": {"request_metadata": {str(at): "x" for at in range(17)}},
    "metadata that is no text": {"request_metadata": {"a": 1}},
    "metadata that is too long": {"request_metadata": {"a": "x" * 513}},
    "a tier that is none": {"service_tier": "first"},
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("what", WRONG)
def test_what_makes_no_sense_is_refused_before_anything_is_sent(server, way, what):
    with pytest.raises(refusal(way)):
        send(server, way, WRONG[what])

    assert server.requests == []


@pytest.mark.parametrize(
    ("settings", "meant"),
    [
        (lambda: ModelParameters(temprature=1), "temperature"),
        (lambda: ProviderPreferences(onyl=["z-ai"]), "only"),
        (lambda: ModelParameters(provider={"sort": {"bye": "price"}}), "by"),
        (lambda: ChatGLM(api_key=KEY, base_ulr="x"), "base_url"),
        (lambda: GLM(api_key=KEY, temprature=1), "temperature"),
    ],
)
def test_a_name_that_was_meant_is_suggested(settings, meant):
    with pytest.raises(ValidationError, match=rf"not permitted\. Did you mean `{meant}`\?"):
        settings()


@pytest.mark.parametrize(
    "model", ["@preset/mine", "z-ai/glm-4.6@preset/mine", "~z-ai/glm-latest", "openrouter/auto"]
)
def test_any_model_id_is_taken(server, model):
    server.requests.clear()
    core(server, {"model": model})
    chat_glm(server, model=model).invoke("Hi")
    index_glm(server, model=model).complete("Hi")

    assert [request.body["model"] for request in server.requests] == [model] * 3


def test_server_tools_go_through(server):
    tools = [{"type": "openrouter:web_search", "parameters": {"max_results": 3}}]
    server.requests.clear()
    core(server, {"tools": tools})
    chat_glm(server).bind_tools(tools).invoke("Hi")
    index_glm(server).complete("Hi", tools=tools)

    assert [request.body["tools"] for request in server.requests] == [tools] * 3


COPIES = {
    "pickle": lambda model: pickle.loads(pickle.dumps(model)),
    "deepcopy": copy.deepcopy,
    "dumps and loads": lambda model: loads(
        dumps(model),
        secrets_map={"OPENROUTER_API_KEY": KEY},
        valid_namespaces=["langchain_glm"],
        allowed_objects=[ChatGLM],
    ),
    "from_dict": lambda model: type(model).from_dict({**model.to_dict(), "api_key": KEY}),
}


@pytest.mark.filterwarnings("ignore:The function `loads` is in beta")
@pytest.mark.parametrize("how", COPIES)
def test_a_copy_has_the_same_settings(server, how):
    given = {**PLAIN, "request_metadata": {"team": "a"}, "trace": {"x": 1}}
    make = index_glm if how == "from_dict" else chat_glm
    model = COPIES[how](make(server, **given))
    server.requests.clear()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RoutingConflictWarning)
        model.complete("Hi") if how == "from_dict" else model.invoke("Hi")
    sent = server.requests[0].body

    assert {name: sent[name] for name in PLAIN} == PLAIN
    assert (sent["metadata"], sent["trace"]) == ({"team": "a"}, {"x": 1})


def test_order_and_provider_go_together_in_llamaindex(server):
    server.requests.clear()
    model = "z-ai/glm-4.6"
    for provider in (ProviderPreferences(zdr=True), {"zdr": True}):
        index_glm(server, model=model, provider=provider, order=["z-ai"]).complete("Hi")

    expected = {"zdr": True, "order": ["z-ai"]}
    assert [request.body["provider"] for request in server.requests] == [expected] * 2


def test_unknown_parameters_keep_their_order_in_the_bytes():
    unknown = {f"knob_{position}": position for position in range(20)}
    request = build_request(MESSAGES, ModelParameters(), model_kwargs=unknown)
    assert list(request.to_wire())[-20:] == list(unknown)
