"""The `openrouter` SDK takes the offline server for OpenRouter."""

import pytest
from openrouter import OpenRouter

QUESTION = [{"role": "user", "content": "What is 6 * 7?"}]
WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "Look up the weather",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        },
    },
}


@pytest.fixture
def client(server):
    with OpenRouter(api_key="sk-or-test", server_url=server.base_url) as client:
        yield client


def test_send_returns_a_completion(client):
    completion = client.chat.send(model="z-ai/glm-4.6", messages=QUESTION)

    assert completion.choices[0].message.content == "\n6 * 7 = 42"


async def test_send_async_returns_a_completion(server):
    async with OpenRouter(api_key="sk-or-test", server_url=server.base_url) as client:
        completion = await client.chat.send_async(model="z-ai/glm-4.6", messages=QUESTION)

    assert completion.choices[0].message.content == "\n6 * 7 = 42"


def test_a_stream_adds_up_to_the_completion(client):
    with client.chat.send(model="z-ai/glm-4.6", messages=QUESTION, stream=True) as events:
        chunks = list(events)

    text = "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)
    assert text == "\n6 * 7 = 42"
    assert chunks[-1].usage.total_tokens > 0


async def test_an_async_stream_adds_up_to_the_completion(server):
    async with (
        OpenRouter(api_key="sk-or-test", server_url=server.base_url) as client,
        await client.chat.send_async(
            model="z-ai/glm-4.6", messages=QUESTION, stream=True
        ) as events,
    ):
        chunks = [chunk async for chunk in events]

    text = "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)
    assert text == "\n6 * 7 = 42"


@pytest.mark.parametrize("streamed", [False, True])
def test_a_tool_is_called(client, streamed):
    answer = client.chat.send(
        model="z-ai/glm-4.6",
        messages=[{"role": "user", "content": "Weather in Oslo?"}],
        tools=[WEATHER],
        stream=streamed,
    )

    if streamed:
        with answer as events:
            deltas = [choice.delta for chunk in events for choice in chunk.choices]
        fragments = [call.function for delta in deltas for call in delta.tool_calls or []]
        assert fragments[0].name == "weather"
        arguments = "".join(fragment.arguments or "" for fragment in fragments)
    else:
        (call,) = answer.choices[0].message.tool_calls
        assert call.function.name == "weather"
        arguments = call.function.arguments
    assert arguments == '{"city":"Oslo"}'


@pytest.mark.parametrize("streamed", [False, True])
def test_a_function_of_the_users_answers(server, client, streamed):
    server.answer = lambda prompt: f"You said {prompt.user_text}"
    answer = client.chat.send(model="z-ai/glm-4.6", messages=QUESTION, stream=streamed)

    if streamed:
        with answer as events:
            deltas = [choice.delta.content for chunk in events for choice in chunk.choices]
        said = "".join(text or "" for text in deltas)
    else:
        said = answer.choices[0].message.content
    assert said == "You said What is 6 * 7?"
