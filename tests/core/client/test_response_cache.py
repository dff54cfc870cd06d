"""OpenRouter's response cache: what is asked for goes out as headers, and what comes from it says so."""

import json

import pytest

from glm_openrouter import ChatRequest, Client, track_spend
from glm_openrouter.request.layers import build_request
from glm_openrouter.request.parameters import ModelParameters
from glm_openrouter.testing import Hold, json_reply, stream_reply
from langchain_glm import ChatGLM
from llamaindex_glm import GLM
from support.samples import KEY, REQUEST
from support.wire import USAGE, chunk, finishes, response_body, says, uses

MESSAGES = [{"role": "user", "content": "Hi"}]
FREE = {**USAGE, "prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0, "cost": 0}
HIT = {"X-OpenRouter-Cache-Status": "HIT", "X-Generation-Id": "gen-from-the-headers"}

both = pytest.mark.parametrize("streamed", [False, True], ids=["plain", "streamed"])


def hit(usage=FREE, **headers):
    return stream_reply(
        [says("Pier two."), finishes(), uses("B", usage)], headers={**HIT, **headers}
    )


def core(server, **given):
    with Client(base_url=server.base_url, api_key=KEY) as client:
        client.complete(build_request(MESSAGES, ModelParameters(), given))


WAYS = {
    "core": core,
    "LangChain, model": lambda server, **given: ChatGLM(
        base_url=server.base_url, api_key=KEY, **given
    ).invoke("Hi"),
    "LangChain, call": lambda server, **given: ChatGLM(
        base_url=server.base_url, api_key=KEY
    ).invoke("Hi", **given),
    "LlamaIndex, model": lambda server, **given: GLM(
        api_base=server.base_url, api_key=KEY, **given
    ).complete("Hi"),
    "LlamaIndex, call": lambda server, **given: GLM(api_base=server.base_url, api_key=KEY).complete(
        "Hi", **given
    ),
}


def cache_headers(request):
    """The headers for the cache, without their common beginning."""
    name = "x-openrouter-cache"
    return {key.removeprefix(name): request.headers[key] for key in request.headers if name in key}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("asked", "sent"),
    [
        (True, {"": "true"}),
        (False, {"": "false"}),
        (3600, {"": "true", "-ttl": "3600"}),
        (None, {}),
    ],
)
def test_the_response_cache_is_asked_for_by_headers(scripted_openrouter, way, asked, sent):
    server = scripted_openrouter(json_reply(response_body({"content": "Hi."})))
    WAYS[way](server, response_cache=asked)

    assert cache_headers(server.requests[0]) == sent
    assert "response_cache" not in server.requests[0].body


@pytest.mark.parametrize("asked", [0, -1, 86_401, 0.5, "true", "300"])
def test_no_other_time_is_taken_for_the_response_cache(asked):
    with pytest.raises(ValueError, match="response_cache"):
        ChatRequest(messages=MESSAGES, response_cache=asked)


def test_headers_of_a_call_win_over_its_response_cache(run, scripted_openrouter):
    server = scripted_openrouter(json_reply(response_body({"content": "Hi."})))
    headers = {"x-openrouter-cache-ttl": "60"}
    run.complete(
        server.base_url,
        ChatRequest(messages=MESSAGES, response_cache=3600, extra_headers=headers),
    )

    assert cache_headers(server.requests[0]) == {"": "true", "-ttl": "60"}


def test_a_response_cache_of_a_call_wins_over_headers_of_the_client(run, scripted_openrouter):
    server = scripted_openrouter(json_reply(response_body({"content": "Hi."})))
    run.complete(
        server.base_url,
        ChatRequest(messages=MESSAGES, response_cache=False),
        default_headers={"x-openrouter-cache": "true"},
    )

    assert cache_headers(server.requests[0]) == {"": "false"}


@both
@pytest.mark.parametrize(
    ("status", "cached"), [("HIT", True), ("hit", True), ("MISS", False), (None, None)]
)
def test_a_completion_says_whether_it_was_cached(
    run, scripted_openrouter, streamed, status, cached
):
    headers = {} if status is None else {"X-OpenRouter-Cache-Status": status}
    body = response_body({"content": "Hi."})
    server = scripted_openrouter(
        stream_reply([body], headers=headers) if streamed else json_reply(body, headers=headers)
    )
    completion = run.either(streamed, server.base_url)

    assert completion.cached is cached
    assert completion.metadata().get("cached") is cached


def test_the_generation_id_is_that_of_the_headers_if_the_body_has_none(run, scripted_openrouter):
    events = [says("Hi."), finishes()]
    server = scripted_openrouter(
        stream_reply([{**event, "id": None} for event in events], headers=HIT),
        stream_reply(events, headers=HIT),
    )

    assert run.complete(server.base_url).id == "gen-from-the-headers"
    assert run.complete(server.base_url).id == chunk({})["id"]


@both
@pytest.mark.parametrize("usage", [FREE, {"prompt_tokens": 9}, None], ids=["0", "no cost", "none"])
def test_a_cached_answer_costs_nothing(run, scripted_openrouter, streamed, usage):
    server = scripted_openrouter(hit(usage))
    with track_spend() as spend:
        run.either(streamed, server.base_url)

    assert (spend.total.calls, spend.total.cached_calls) == (1, 1)
    assert (spend.total.cost, spend.total.unreported_calls) == (0, 0)


def test_a_cached_stream_that_is_left_costs_nothing(run, scripted_openrouter):
    server = scripted_openrouter(stream_reply([says("Pier "), Hold()], headers=HIT))

    async def leave(client):
        async with client.stream(REQUEST) as stream:
            async for _ in stream:
                break

    with track_spend() as spend:
        run.scenario(server.base_url, leave)

    assert (spend.total.cached_calls, spend.total.unreported_calls) == (1, 0)


def test_a_sum_says_how_many_answers_were_cached(run, scripted_openrouter):
    server = scripted_openrouter(hit(), json_reply(response_body({"content": "Hi."})))
    with track_spend() as spend:
        run.complete(server.base_url)
        run.complete(server.base_url)

    assert "2 calls" in str(spend.total)
    assert "1 call answered from the response cache" in str(spend.total)


@pytest.mark.parametrize("streamed", [False, True], ids=["plain", "streamed"])
def test_both_frameworks_show_what_was_cached(scripted_openrouter, streamed):
    server = scripted_openrouter(hit())
    chat = ChatGLM(base_url=server.base_url, api_key=KEY)
    glm = GLM(api_base=server.base_url, api_key=KEY)
    message = [*chat.stream("Hi")][-1] if streamed else chat.invoke("Hi")
    response = [*glm.stream_complete("Hi")][-1] if streamed else glm.complete("Hi")

    assert message.response_metadata["cached"] is True
    assert response.raw["cached"] is True
    assert response.additional_kwargs["cached"] is True


@pytest.mark.parametrize(("reported", "paid"), [({}, 0.0), ({"usage": {"cost": 0.002}}, 0.002)])
def test_sum_and_log_of_a_cached_answer_have_the_cost_that_was_reported(
    run, scripted_openrouter, tmp_path, reported, paid
):
    body = {**response_body({"content": "Hi."}), "usage": None, **reported}
    server = scripted_openrouter(json_reply(body, headers=HIT))
    with track_spend(log=tmp_path / "calls.jsonl") as spend:
        run.complete(server.base_url)

    line = json.loads((tmp_path / "calls.jsonl").read_text())
    assert (spend.total.cost, line["cost"], line["cached"]) == (paid, paid, True)
