"""The bytes of a stream, as OpenRouter sends them for GLM."""

import json

import httpx
import pytest

from glm_openrouter.testing import OfflineServer

KEY = {"Authorization": "Bearer sk-or-test"}
WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        },
    },
}


@pytest.fixture
def post(server):
    with httpx.Client(base_url=server.base_url, headers=KEY) as client:

        def post(text, **options):
            body = {"messages": [{"role": "user", "content": text}], **options}
            return client.post("/chat/completions", json=body)

        yield post


@pytest.fixture
def stream(post):
    return lambda text="Hello", **options: post(text, stream=True, **options)


def chunks_of(response):
    data = [line[6:] for line in response.text.splitlines() if line.startswith("data: ")]
    assert data.pop() == "[DONE]"
    return [json.loads(line) for line in data]


def deltas_of(response):
    return [chunk["choices"][0]["delta"] for chunk in chunks_of(response)]


def test_a_stream_opens_with_a_comment_and_ends_with_done(stream):
    response = stream()

    assert response.headers["content-type"].startswith("text/event-stream")
    assert response.text.startswith(": OPENROUTER PROCESSING\n\n")
    assert response.text.endswith("data: [DONE]\n\n")


def test_every_chunk_names_the_same_generation(stream):
    response = stream()

    assert {chunk["id"] for chunk in chunks_of(response)} == {response.headers["X-Generation-Id"]}


def test_a_line_feed_precedes_the_reasoning_and_that_the_answer(stream):
    first, *deltas = deltas_of(stream())

    assert first["content"] == "\n"
    kinds = ["reasoning" if delta.get("reasoning") else "content" for delta in deltas]
    assert kinds == sorted(kinds, reverse=True)


def test_reasoning_comes_as_text_and_as_details_with_the_same_words(stream):
    thoughts = [delta for delta in deltas_of(stream()) if delta.get("reasoning")]

    assert all(d["reasoning_details"][0]["text"] == d["reasoning"] for d in thoughts)


@pytest.mark.parametrize("options", [{}, {"tools": [WEATHER]}, {"max_tokens": 9}])
def test_a_stream_adds_up_to_the_response_that_is_not_streamed(post, stream, options):
    text = "weather in Oslo"
    deltas = deltas_of(stream(text, **options))
    message = post(text, **options).json()["choices"][0]["message"]

    assert "".join(delta.get("content") or "" for delta in deltas) == (message["content"] or "")
    assert "".join(delta.get("reasoning") or "" for delta in deltas) == message["reasoning"]


def test_a_tool_call_comes_with_its_name_first_and_its_arguments_next(stream):
    deltas = deltas_of(stream("weather in Oslo", tools=[WEATHER]))

    opening, arguments = (call for delta in deltas for call in delta.get("tool_calls") or [])
    assert opening["function"] == {"name": "weather", "arguments": ""}
    assert opening["id"].startswith("call_")
    assert arguments == {"index": 0, "function": {"arguments": '{"city":"Oslo"}'}}


def test_the_finish_reason_comes_twice_and_the_usage_with_the_second(stream):
    *_, finish, last = chunks_of(stream())

    assert finish["choices"][0]["finish_reason"] == last["choices"][0]["finish_reason"] == "stop"
    assert "usage" not in finish
    assert last["usage"]["total_tokens"] > 0


def test_a_refusal_is_plain_json_even_when_a_stream_was_asked_for(stream):
    response = stream(temperature=9)

    assert response.status_code == 400
    assert response.headers["content-type"] == "application/json"


async def test_a_client_may_leave_in_the_middle_of_a_stream():
    with OfflineServer(chunk_delay=0.001) as server:
        body = {"messages": [{"role": "user", "content": "Count to 500"}], "stream": True}
        async with httpx.AsyncClient(base_url=server.base_url, headers=KEY) as client:
            async with client.stream("POST", "/chat/completions", json=body) as response:
                async for _ in response.aiter_lines():
                    break
            again = await client.post("/chat/completions", json=body | {"stream": False})
    assert again.status_code == 200
