"""The catalogue client: models, endpoints, the key and past generations."""

import inspect
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glm_openrouter import (
    APIConnectionError,
    APIResponseError,
    APITimeoutError,
    AuthenticationError,
    InvalidRequestError,
    MaxPrice,
    NotFoundError,
    RateLimitError,
)
from glm_openrouter.catalogue.account import list_activity, query_credits, query_key
from glm_openrouter.catalogue.infos import (
    CreditsInfo,
    EndpointInfo,
    GenerationInfo,
    KeyInfo,
    ModelInfo,
)
from glm_openrouter.catalogue.queries import (
    find_generation,
    list_endpoints,
    list_models,
    read_facts,
)
from glm_openrouter.models import find_model
from glm_openrouter.testing import Close, Hold, Send, Status, json_reply
from support.samples import KEY
from support.wire import error

MODEL = {
    "id": "z-ai/glm-4.6",
    "canonical_slug": "z-ai/glm-4.6",
    "name": "Z.AI: GLM 4.6",
    "created": 1759235576,
    "context_length": 202752,
    "architecture": {"modality": "text->text", "input_modalities": ["text"]},
    "pricing": {"prompt": "0.00000043", "completion": "0.00000175", "request": "0.01"},
    "top_provider": {"context_length": 202752, "max_completion_tokens": 16384},
    "supported_parameters": ["tools", "reasoning"],
}
ENDPOINT = {
    "name": "Novita | z-ai/glm-4.6",
    "tag": "novita/bf16",
    "provider_name": "Novita",
    "quantization": "bf16",
    "context_length": 204800,
    "max_completion_tokens": 131072,
    "max_prompt_tokens": None,
    "pricing": {
        "prompt": "0.00000055",
        "completion": "0.0000022",
        "input_cache_read": "0.00000011",
    },
    "supported_parameters": ["tools", "response_format"],
    "supports_tool_choice": {"auto": True, "required": False},
    "status": 0,
    "uptime_last_30m": 99.5,
    "latency_last_30m": {"p50": 1100, "p75": 1500, "p90": 2000, "p99": 9000},
    "throughput_last_30m": {"p50": 47.5, "p75": 40, "p90": 31, "p99": 12},
}
MISSING = json_reply(error(404, "Generation gen-1 not found"), 404)


async def ask(client, method, *arguments):
    """Call a method of either client."""
    answer = getattr(client.inner, method)(*arguments)
    return await answer if inspect.isawaitable(answer) else answer


@pytest.fixture
def get(run):
    """A function that makes one call of the catalogue."""

    def call(server, method, *arguments, **options):
        return run.scenario(
            server.base_url, lambda client: ask(client, method, *arguments), **options
        )

    return call


def page(*names, **more):
    return json_reply({"data": [{**MODEL, "id": name} for name in names], **more})


def paths(server):
    return [
        f"{request.path}?{request.query}" if request.query else request.path
        for request in server.requests
    ]


def test_a_row_of_the_catalogue_is_typed(get, scripted_openrouter):
    server = scripted_openrouter(page("z-ai/glm-4.6"))
    (model,) = get(server, "models")

    assert isinstance(model, ModelInfo)
    assert (model.id, model.context_length, model.created) == ("z-ai/glm-4.6", 202752, 1759235576)
    assert model.architecture.input_modalities == ["text"]
    assert model.top_provider.max_completion_tokens == 16384
    assert model.supported_parameters == ["tools", "reasoning"]
    assert [(r.method, r.path, r.body) for r in server.requests] == [
        ("GET", "/api/v1/models", None)
    ]


def test_an_endpoint_is_typed(get, scripted_openrouter):
    server = scripted_openrouter(json_reply({"data": {"endpoints": [ENDPOINT]}}))
    (endpoint,) = get(server, "endpoints", "z-ai/glm-4.6")

    assert isinstance(endpoint, EndpointInfo)
    assert (endpoint.tag, endpoint.quantization) == ("novita/bf16", "bf16")
    assert (endpoint.context_length, endpoint.max_completion_tokens) == (204800, 131072)
    assert endpoint.latency_last_30m.p50 == 1100
    assert endpoint.throughput_last_30m.p50 == 47.5
    assert endpoint.supports_tool_choice == {"auto": True, "required": False}
    assert endpoint.supports("tools", "response_format")
    assert not endpoint.supports("tools", "structured_outputs")


def test_prices_are_in_the_unit_that_max_price_takes(get, scripted_openrouter):
    server = scripted_openrouter(json_reply({"data": {"endpoints": [ENDPOINT]}}))
    prices = get(server, "endpoints", "z-ai/glm-4.6")[0].pricing

    assert (prices.prompt, prices.completion, prices.input_cache_read) == (0.55, 2.2, 0.11)
    assert MaxPrice(prompt=prices.prompt).to_wire() == {"prompt": 0.55}


@pytest.mark.parametrize(
    ("price", "read"),
    [("0", 0.0), ("-1", None), ("free", None), (None, None), ("NaN", None), (0.000001, 1.0)],
)
def test_a_price_that_is_none_is_not_there(get, scripted_openrouter, price, read):
    row = {**MODEL, "pricing": {"prompt": price, "request": "0.01"}}
    server = scripted_openrouter(json_reply({"data": [row]}))
    prices = get(server, "models")[0].pricing

    assert (prices.prompt, prices.request) == (read, 0.01)


@pytest.mark.parametrize(
    "model", ["z-ai/glm-4.6", "z-ai/glm-4.6:exacto", "z-ai/glm-4.6:nitro@preset/mine"]
)
def test_a_suffix_makes_no_difference_to_the_endpoints(get, scripted_openrouter, model):
    server = scripted_openrouter(json_reply({"data": {"endpoints": []}}))
    get(server, "endpoints", model)

    assert paths(server) == ["/api/v1/models/z-ai/glm-4.6/endpoints"]


def test_the_endpoints_are_those_of_the_default_model(get, scripted_openrouter):
    server = scripted_openrouter(json_reply({"data": {"endpoints": []}}))
    get(server, "endpoints")

    assert paths(server) == ["/api/v1/models/z-ai/glm-4.6/endpoints"]


@pytest.mark.parametrize("model", ["@preset/mine", "glm-4.6", "", "/x", "z-ai/", "z-ai/:exacto"])
def test_what_is_not_the_id_of_a_model_is_refused_before_anything_is_sent(
    get, scripted_openrouter, model
):
    server = scripted_openrouter(json_reply({"data": {}}))
    with pytest.raises(InvalidRequestError, match=r"z-ai/glm-4\.6"):
        get(server, "endpoints", model)

    assert server.requests == []


def test_an_id_cannot_lead_to_another_path(get, scripted_openrouter):
    server = scripted_openrouter(json_reply({"data": {"endpoints": []}}))
    get(server, "endpoints", "a/../../key?x#y")

    assert paths(server) == ["/api/v1/models/a/..%2F..%2Fkey%3Fx%23y/endpoints"]


@pytest.mark.parametrize(
    "link",
    [
        "/api/v1/models?offset=1&limit=1",
        "https://openrouter.ai/api/v1/models?offset=1&limit=1",
        "https://elsewhere.test/steal?offset=1&limit=1",
    ],
)
def test_all_pages_are_read_and_none_from_elsewhere(get, scripted_openrouter, link):
    server = scripted_openrouter(
        page("a/1", links={"next": link}, total_count=2), page("a/2", links={"next": None})
    )

    assert [model.id for model in get(server, "models")] == ["a/1", "a/2"]
    assert paths(server) == ["/api/v1/models", "/api/v1/models?offset=1&limit=1"]


def test_without_links_the_count_says_that_there_is_more(get, scripted_openrouter):
    server = scripted_openrouter(page("a/1", "a/2", total_count=3), page("a/3", total_count=3))

    assert [model.id for model in get(server, "models")] == ["a/1", "a/2", "a/3"]
    assert paths(server)[1] == "/api/v1/models?offset=2"


def test_no_page_is_asked_for_twice_for_the_sake_of_the_count(get, scripted_openrouter):
    server = scripted_openrouter(page("a/1", total_count=9), page(total_count=9))

    assert len(get(server, "models")) == 1
    assert len(server.requests) == 2


def test_a_link_that_leads_to_its_own_page_is_the_last(get, scripted_openrouter):
    server = scripted_openrouter(page("a/1", links={"next": "/models?offset=1"}))
    get(server, "models")

    assert paths(server) == ["/api/v1/models", "/api/v1/models?offset=1"]


def test_the_limits_of_the_key_are_typed(get, scripted_openrouter):
    answer = {"label": "sk-or-v1-ab...9", "limit": None, "usage": 16.75, "is_free_tier": False}
    server = scripted_openrouter(json_reply({"data": answer}))
    key = get(server, "key")

    assert isinstance(key, KeyInfo)
    assert (key.label, key.limit, key.usage, key.is_free_tier) == (
        "sk-or-v1-ab...9",
        None,
        16.75,
        False,
    )
    assert paths(server) == ["/api/v1/key"]
    assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"


def test_a_generation_is_typed(get, scripted_openrouter):
    answer = {"id": "gen-1", "total_cost": 0.0024, "native_tokens_cached": 7, "streamed": True}
    server = scripted_openrouter(json_reply({"data": answer}))
    generation = get(server, "generation", "gen-1 &x=y")

    assert isinstance(generation, GenerationInfo)
    assert (generation.total_cost, generation.native_tokens_cached) == (0.0024, 7)
    assert generation.streamed is True
    assert paths(server) == ["/api/v1/generation?id=gen-1+%26x%3Dy"]


def test_a_generation_is_waited_for(run, get, scripted_openrouter):
    server = scripted_openrouter(MISSING, MISSING, json_reply({"data": {"id": "gen-1"}}))

    assert get(server, "generation", "gen-1").id == "gen-1"
    assert run.slept == [0.5, 1.0]


def test_a_generation_that_does_not_appear_is_not_found(run, get, scripted_openrouter):
    server = scripted_openrouter(MISSING)
    with pytest.raises(NotFoundError, match="gen-1 not found"):
        get(server, "generation", "gen-1")

    assert run.slept == [0.5, 1.0, 2.0, 4.0]
    assert len(server.requests) == 5


def test_a_generation_needs_an_id(get, scripted_openrouter):
    server = scripted_openrouter(MISSING)
    with pytest.raises(InvalidRequestError):
        get(server, "generation", "")

    assert server.requests == []


def test_a_failure_is_tried_again_as_for_a_chat(run, get, scripted_openrouter):
    server = scripted_openrouter(
        json_reply(error(503, "busy"), 503, {"retry-after": "3"}),
        (Status(200, {"content-length": "9"}), Send(b"{"), Close()),
        page("a/1"),
    )

    assert [model.id for model in get(server, "models")] == ["a/1"]
    assert len(run.slept) == 2
    assert run.slept[0] == 3.0


def test_no_more_is_tried_than_asked_for(get, scripted_openrouter):
    server = scripted_openrouter(json_reply(error(429, "slow down"), 429))
    with pytest.raises(RateLimitError, match="slow down"):
        get(server, "models", max_retries=1)

    assert len(server.requests) == 2


def test_another_model_is_not_waited_for(run, get, scripted_openrouter):
    server = scripted_openrouter(json_reply(error(404, "Model a/b not found"), 404))
    with pytest.raises(NotFoundError, match=r"Model: a/b:exacto\."):
        get(server, "endpoints", "a/b:exacto")

    assert run.slept == []


@pytest.mark.parametrize("status", [200, 401])
def test_an_error_is_one_wherever_it_is_and_shows_no_secret(get, scripted_openrouter, status):
    secret = "sk-or-v1-0123456789abcdef"
    server = scripted_openrouter(json_reply(error(401, f"No user for {secret}"), status))
    with pytest.raises(AuthenticationError) as caught:
        get(server, "key")

    assert caught.value.status_code == 401
    assert secret not in f"{caught.value}{caught.value!r}{caught.value.__dict__}"


@pytest.mark.parametrize("answer", ["<html>Welcome</html>", "[]", "{}", "[" * 5000, "null", ""])
def test_an_answer_that_is_none_is_an_error(get, scripted_openrouter, answer):
    server = scripted_openrouter(json_reply(answer))
    with pytest.raises(APIResponseError, match="base_url"):
        get(server, "models", max_retries=0)


def test_a_connection_that_breaks_is_an_error_of_ours(get, scripted_openrouter):
    server = scripted_openrouter((Status(200, {"content-length": "9"}), Send(b"{"), Close()))
    with pytest.raises(APIConnectionError, match="check the network") as caught:
        get(server, "models", max_retries=0)

    assert "Model" not in str(caught.value)


def test_a_connection_that_is_refused_is_an_error_of_ours(run):
    with pytest.raises(APIConnectionError, match="check the network"):
        run.scenario(
            "http://127.0.0.1:1/api/v1", lambda client: ask(client, "models"), max_retries=0
        )


def test_silence_ends_in_a_timeout(get, scripted_openrouter):
    server = scripted_openrouter((Status(200, {"content-length": "9"}), Hold()))
    with pytest.raises(APITimeoutError, match=r"0\.05 s .*the start of the response"):
        get(server, "models", timeout=0.05)

    assert server.connections[0].wait_closed()


def test_the_connection_is_used_again(get, run, scripted_openrouter):
    server = scripted_openrouter(page("a/1"))

    async def twice(client):
        await ask(client, "models")
        await ask(client, "models")

    run.scenario(server.base_url, twice)
    assert len(server.connections) == 1


def follow(inquiry: Any, *answers: Any) -> Any:
    """Make an inquiry with answers from memory; the last one is given forever."""
    next(inquiry)
    for answer in (*answers, *[answers[-1]] * 9):
        try:
            inquiry.send(answer)
        except StopIteration as end:
            return end.value
    raise AssertionError("The inquiry does not end.")


JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2),
    max_leaves=4,
)


@st.composite
def odd_rows(draw, row):
    """Draw a row of which some values are of another type than documented, or not there."""
    names = draw(st.sets(st.sampled_from(sorted(row))))
    return {**row, **{name: draw(JSON) for name in names}, "new_field": draw(JSON)}, names


@given(odd_rows(MODEL))
def test_an_odd_value_costs_that_value_only(drawn):
    row, odd = drawn
    (model,) = follow(list_models(), {"data": [row]})
    (whole,) = follow(list_models(), {"data": [MODEL]})

    for name in MODEL.keys() - odd:
        assert getattr(model, name) == getattr(whole, name)


@given(odd_rows(ENDPOINT))
def test_an_odd_value_of_an_endpoint_costs_that_value_only(drawn):
    row, odd = drawn
    (endpoint,) = follow(list_endpoints("a/b"), {"data": {"endpoints": [row, 5, None]}})
    (whole,) = follow(list_endpoints("a/b"), {"data": {"endpoints": [ENDPOINT]}})

    for name in ENDPOINT.keys() - odd:
        assert getattr(endpoint, name) == getattr(whole, name)


@given(JSON)
def test_whatever_is_in_an_answer_it_can_be_read(data):
    answer = {"data": data, "links": data, "total_count": data}

    assert follow(list_models(), answer) == []
    assert follow(list_endpoints("a/b"), answer) == []
    assert follow(query_key(), answer) == KeyInfo()
    assert follow(query_credits(), answer) == CreditsInfo()
    assert follow(list_activity(), answer) == []
    assert follow(find_generation("gen-1"), answer) == GenerationInfo()


def test_the_facts_of_a_model_are_those_of_all_its_providers():
    small = {**ENDPOINT, "context_length": 131072, "max_completion_tokens": 16384}
    small["supported_parameters"] = ["reasoning", "structured_outputs"]
    architecture = {"input_modalities": ["text", "image"]}
    data = {"name": "New", "architecture": architecture, "endpoints": [ENDPOINT, small]}
    facts = follow(read_facts("a/new:exacto"), {"data": data})

    assert (facts.name, facts.context_window, facts.max_output_tokens) == ("New", 204800, 131072)
    assert (facts.tool_calling, facts.structured_output, facts.reasoning) == (True, True, True)
    assert facts.image_input


def test_the_facts_of_a_known_model_keep_its_name():
    facts = follow(read_facts("z-ai/glm-4.6"), {"data": {"name": "x", "endpoints": [ENDPOINT]}})

    assert facts.name == find_model("z-ai/glm-4.6").name
    assert not facts.structured_output


def test_the_endpoints_of_an_alias_are_those_of_its_target():
    inquiry = list_endpoints("~z-ai/glm-latest:nitro")
    assert next(inquiry).path == "/models"
    alias = {"id": "~z-ai/glm-latest", "alias_target": {"slug": "z-ai/glm-6", "name": "GLM 6"}}
    assert inquiry.send({"data": [MODEL, alias]}).path == "/models/z-ai/glm-6/endpoints"


@pytest.mark.parametrize("target", [None, {}, {"slug": None}, 5])
def test_an_alias_of_nothing_is_asked_for_itself(target):
    inquiry = list_endpoints("~z-ai/glm-latest")
    next(inquiry)
    row = {"id": "~z-ai/glm-latest", "alias_target": target}
    assert inquiry.send({"data": [row]}).path == "/models/~z-ai/glm-latest/endpoints"


@pytest.mark.parametrize(
    ("model", "known"),
    [
        ("z-ai/glm-5v-turbo:nitro", "GLM-5V-Turbo"),
        ("z-ai/glm-5.3-flash", "GLM-5.3-Flash"),
        ("z-ai/glm-5.3-flashx@preset/mine", "GLM-5.3-FlashX"),
        ("z-ai/glm-5.3-prime", "GLM-5.3-Prime"),
        ("~z-ai/glm-latest:exacto", "GLM-5.3"),
        ("~z-ai/glm-flash-latest", "GLM-5.3-Flash"),
    ],
)
def test_the_models_of_the_catalogue_are_known_offline(model, known):
    assert find_model(model).name == known


def test_models_that_see_also_take_video():
    assert find_model("z-ai/glm-5.3-flash").image_input
    assert find_model("~z-ai/glm-flash-latest").video_input
    assert not find_model("z-ai/glm-5.3").image_input


def test_a_model_without_providers_has_no_facts():
    with pytest.raises(NotFoundError, match="No provider serves a/b"):
        follow(read_facts("a/b"), {"data": {"endpoints": []}})


def test_the_offline_server_has_what_a_table_of_endpoints_shows(get, offline_openrouter):
    endpoints = get(offline_openrouter, "endpoints")

    assert {endpoint.provider_name for endpoint in endpoints} >= {"Z.AI", "Novita", "Venice"}
    for endpoint in endpoints:
        shown = (
            *(endpoint.tag, endpoint.quantization, endpoint.context_length, endpoint.status),
            *(endpoint.max_completion_tokens, endpoint.pricing.prompt, endpoint.uptime_last_30m),
            *(endpoint.latency_last_30m.p50, endpoint.throughput_last_30m.p50),
        )
        assert None not in shown
        assert endpoint.supports("tools")


def test_the_offline_server_gives_pages(offline_openrouter):
    url = offline_openrouter.base_url
    first = httpx.get(f"{url}/models", params={"limit": 4}).json()
    rest = httpx.get(f"{url}/models", params={"limit": 4, "offset": 4}).json()
    whole = httpx.get(f"{url}/models").json()

    assert first["links"]["next"] == "/api/v1/models?offset=4&limit=4"
    assert rest["links"]["next"] is None
    assert first["data"] + rest["data"] == whole["data"]


def test_the_offline_server_remembers_what_it_answered(run, offline_openrouter):
    async def ask_and_look(client):
        completion = await client.complete(run.request)
        return completion, await ask(client, "generation", completion.id)

    completion, generation = run.scenario(offline_openrouter.base_url, ask_and_look)
    assert generation.total_cost == completion.usage.cost
    assert run.slept == []
