"""The server around the model: its life, its paths, its bookkeeping."""

import subprocess
import sys
import threading
import time
from datetime import UTC, datetime

import httpx
import pytest

from glm_openrouter.testing import OfflineServer

KEY = {"Authorization": "Bearer sk-or-test"}
LONG = "Please remember this sentence about tea, it is rather long for a sentence. " * 4


@pytest.fixture
def client(server):
    with httpx.Client(base_url=server.base_url, headers=KEY) as client:
        yield client


@pytest.fixture
def chat(client):
    def chat(text="Hello", **options):
        body = {"messages": [{"role": "user", "content": text}], **options}
        return client.post("/chat/completions", json=body)

    return chat


# Life


def test_a_server_can_be_stopped_and_started_again():
    server = OfflineServer()
    for _ in range(2):
        with server:
            assert httpx.get(f"{server.base_url}/models").status_code == 200
    with pytest.raises(RuntimeError, match="not running"):
        _ = server.base_url


def test_stopping_leaves_no_thread_behind():
    before = threading.active_count()
    with OfflineServer() as server:
        httpx.get(f"{server.base_url}/models")
    assert threading.active_count() == before


def test_stopping_does_not_wait_for_idle_connections():
    server = OfflineServer().start()
    with httpx.Client() as client:
        client.get(f"{server.base_url}/models")
        begun = time.monotonic()
        server.stop()
    assert time.monotonic() - begun < 0.9


def test_a_port_that_is_taken_is_an_error():
    with OfflineServer() as server:
        port = httpx.URL(server.base_url).port
        with pytest.raises(OSError, match="in use"):
            OfflineServer(port=port).start()


def test_a_server_with_a_key_accepts_no_other():
    with OfflineServer(api_key="sk-or-mine") as server:
        url = f"{server.base_url}/key"
        mine = {"Authorization": "Bearer sk-or-mine"}
        assert httpx.get(url, headers=mine).status_code == 200
        assert httpx.get(url, headers=KEY).status_code == 401


def test_serve_prints_the_address_and_ends_quietly_at_an_interrupt():
    code = "from glm_openrouter.testing import serve; serve(port=0)"
    with subprocess.Popen(
        [sys.executable, "-W", "error", "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        line = process.stdout.readline()
        url = line.split()[-1]
        assert httpx.get(f"{url}/models").status_code == 200
        process.send_signal(2)
        rest, errors = process.communicate(timeout=10)
    assert (process.returncode, rest, errors) == (0, "", "")


# Requests


def test_requests_are_recorded_with_body_and_headers(server, chat):
    chat("Hello", seed=7)

    (request,) = server.requests
    assert (request.method, request.path) == ("POST", "/api/v1/chat/completions")
    assert request.body["seed"] == 7
    assert request.headers["authorization"] == "Bearer sk-or-test"


def test_the_key_is_not_in_the_repr_of_a_request(server, chat):
    chat()

    assert "sk-or-test" not in repr(server.requests)


# Paths


def test_the_catalogue_has_no_row_for_a_variant(client):
    ids = [row["id"] for row in client.get("/models").json()["data"]]

    assert "z-ai/glm-4.6" in ids
    assert not any(":" in model_id for model_id in ids)


@pytest.mark.parametrize("suffix", ["", ":exacto", ":nitro", ":floor", ":online"])
def test_a_model_is_found_under_every_routing_suffix(client, suffix):
    endpoints = client.get(f"/models/z-ai/glm-4.6{suffix}/endpoints").json()["data"]
    model = client.get(f"/model/z-ai/glm-4.6{suffix}").json()["data"]

    assert endpoints["id"] == model["id"] == "z-ai/glm-4.6"
    assert {"tag", "pricing", "supported_parameters"} <= set(endpoints["endpoints"][0])


@pytest.mark.parametrize("path", ["/models/no/such/endpoints", "/model/no/such", "/elsewhere"])
def test_what_does_not_exist_is_not_found(client, path):
    response = client.get(path)

    assert (response.status_code, response.json()["error"]["code"]) == (404, 404)


def test_a_generation_can_be_looked_up_afterwards(client, chat):
    response = chat()
    generation_id = response.json()["id"]

    record = client.get("/generation", params={"id": generation_id}).json()["data"]

    assert response.headers["X-Generation-Id"] == generation_id
    assert record["total_cost"] == response.json()["usage"]["cost"]
    assert client.get("/generation", params={"id": "gen-0"}).status_code == 404


def test_the_key_endpoint_knows_what_was_spent(client, chat):
    before = client.get("/key").json()["data"]["usage"]
    cost = chat().json()["usage"]["cost"]

    assert client.get("/key").json()["data"]["usage"] == pytest.approx(before + cost)


@pytest.mark.parametrize("path", ["/credits", "/activity"])
def test_the_account_answers_management_keys_alone(client, path):
    refused = client.get(path)
    answered = client.get(path, headers={"Authorization": "Bearer sk-or-management"})

    assert (refused.status_code, answered.status_code) == (403, 200)
    assert "management keys" in refused.json()["error"]["message"]


def test_activity_has_days_that_are_over(client):
    management = {"Authorization": "Bearer sk-or-management"}
    rows = client.get("/activity", headers=management).json()["data"]
    days = sorted({row["date"] for row in rows})
    last = client.get("/activity", params={"date": days[-1]}, headers=management).json()["data"]

    assert days[-1] < datetime.now(UTC).date().isoformat()
    assert last == [row for row in rows if row["date"] == days[-1]]
    assert (
        client.get("/activity", params={"date": "2020-01-01"}, headers=management).status_code
        == 400
    )


def test_the_credits_know_what_was_spent(client, chat):
    management = {"Authorization": "Bearer sk-or-management"}
    before = client.get("/credits", headers=management).json()["data"]["total_usage"]
    cost = chat().json()["usage"]["cost"]
    after = client.get("/credits", headers=management).json()["data"]["total_usage"]

    assert after == pytest.approx(before + cost)


# What an answer says about itself


def test_the_answering_model_has_no_suffix(chat):
    assert chat(model="z-ai/glm-4.6:exacto").json()["model"] == "z-ai/glm-4.6"


def test_the_first_model_that_exists_answers(chat):
    body = chat(model="no/such-model", models=["z-ai/glm-4.7:exacto", "z-ai/glm-4.5"]).json()

    assert body["model"] == "z-ai/glm-4.7"


@pytest.mark.parametrize(
    ("preferences", "name"),
    [
        ({"only": ["novita"]}, "Novita"),
        ({"order": ["deepinfra/fp4"]}, "DeepInfra"),
        ({"ignore": ["venice", "novita"]}, "Z.AI"),
        ({"quantizations": ["bf16"]}, "Novita"),
        ({"sort": "price"}, "Venice"),
        ({"max_price": {"completion": "2.1"}, "ignore": ["venice"]}, "DeepInfra"),
    ],
)
def test_provider_preferences_choose_who_answers(chat, preferences, name):
    assert chat(provider=preferences).json()["provider"] == name


def test_an_endpoint_without_response_format_never_sees_it(chat):
    schema = {"type": "object", "properties": {"word": {"type": "string"}}, "required": ["word"]}
    wanted = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}

    def content(**options):
        body = chat("Hello", response_format=wanted, **options).json()
        return body["choices"][0]["message"]["content"]

    assert content().startswith("\n{")
    assert not content(provider={"only": ["z-ai"]}).startswith("\n{")


def test_usage_adds_up(chat):
    usage = chat("Tell me about tea").json()["usage"]

    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
    assert 0 < usage["completion_tokens_details"]["reasoning_tokens"] < usage["completion_tokens"]
    parts = usage["cost_details"]
    assert usage["cost"] == pytest.approx(
        parts["upstream_inference_prompt_cost"] + parts["upstream_inference_completions_cost"]
    )


def test_a_prompt_that_was_read_before_is_cached(chat):
    first = chat(LONG).json()["usage"]
    second = chat(LONG).json()["usage"]

    assert first["prompt_tokens_details"]["cached_tokens"] < 20
    assert 50 < second["prompt_tokens_details"]["cached_tokens"] < second["prompt_tokens"]
    assert second["cost"] < first["cost"]


# Thinking


def first_choice(response):
    return response.json()["choices"][0]


def test_the_model_thinks_unless_told_otherwise(chat):
    message = first_choice(chat())["message"]

    assert message["reasoning_details"] == [
        {"type": "reasoning.text", "text": message["reasoning"], "format": "unknown", "index": 0}
    ]


@pytest.mark.parametrize(
    "options",
    [
        {"reasoning": {"enabled": False}},
        {"reasoning": {"effort": "none"}},
        {"reasoning_effort": "none"},
    ],
)
def test_thinking_can_be_switched_off(chat, options):
    response = chat(**options)

    assert first_choice(response)["message"]["reasoning"] is None
    assert response.json()["usage"]["completion_tokens_details"]["reasoning_tokens"] == 0


@pytest.mark.parametrize(
    "options", [{"reasoning": {"exclude": True}}, {"include_reasoning": False}]
)
def test_hidden_thinking_is_billed(chat, options):
    response = chat(**options)

    assert first_choice(response)["message"]["reasoning"] is None
    assert response.json()["usage"]["completion_tokens_details"]["reasoning_tokens"] > 0


# Limits


@pytest.mark.parametrize("field", ["max_tokens", "max_completion_tokens"])
def test_thinking_can_eat_the_whole_budget(chat, field):
    response = chat(**{field: 5})
    choice = first_choice(response)

    assert choice["finish_reason"] == "length"
    assert choice["message"]["content"] is None
    assert choice["message"]["reasoning"]
    assert response.json()["usage"]["completion_tokens"] == 5


def test_a_budget_cuts_the_answer(chat):
    choice = first_choice(chat(max_tokens=6, reasoning={"enabled": False}))

    assert choice["finish_reason"] == "length"
    assert choice["message"]["content"].startswith("\nHello!")


def test_a_budget_can_cut_a_tool_call_in_the_middle(chat):
    parameters = {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
    }
    weather = {"type": "function", "function": {"name": "weather", "parameters": parameters}}
    response = chat(
        "weather in Oslo",
        tools=[weather],
        tool_choice="required",
        max_tokens=9,
        reasoning={"enabled": False},
    )
    choice = first_choice(response)

    assert choice["finish_reason"] == "length"
    assert choice["message"]["tool_calls"][0]["function"]["arguments"] == '{"city'


@pytest.mark.parametrize("stop", ["good", ["nowhere", "good"]])
def test_the_answer_ends_before_a_stop_sequence(chat, stop):
    choice = first_choice(chat("Hello", stop=stop))

    assert choice["message"]["content"] == "\nHello! It is "
    assert choice["finish_reason"] == "stop"


def test_the_line_feed_that_glm_begins_with_is_no_stop_sequence(chat):
    content = first_choice(chat("Hello", stop="\n"))["message"]["content"]

    assert content.startswith("\nHello!")


def test_the_rules_look_at_the_beginning_and_the_end_of_a_long_message(chat):
    long = "a" * 60_000
    texts = (f"17 * 23 {long}{long}", f"{long} 17 * 23 {long}", f"{long}{long} 17 * 23")
    contents = [first_choice(chat(text))["message"]["content"] for text in texts]

    assert ["391" in content for content in contents] == [True, False, True]
