"""`langchain-openrouter` takes the offline server for OpenRouter."""

import pytest
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openrouter import ChatOpenRouter
from openrouter.errors import BadRequestResponseError, PaymentRequiredResponseError
from pydantic import BaseModel, Field

from glm_openrouter.testing import Answer, Call, ErrorAnswer


@tool
def get_weather(location: str) -> str:
    """Get the weather at a location."""
    return f"It is 7 degrees in {location}."


@pytest.fixture
async def build_model(server):
    models = []

    def build(name="z-ai/glm-4.6:exacto"):
        models.append(ChatOpenRouter(model=name, api_key="sk-or-test", base_url=server.base_url))
        return models[-1]

    yield build
    for model in models:
        # It has no way to be closed, and would leave its sockets to the garbage collector.
        model.client.sdk_configuration.client.close()
        await model.client.sdk_configuration.async_client.aclose()


@pytest.fixture
def model(build_model):
    return build_model()


def merge(chunks):
    whole = None
    for chunk in chunks:
        whole = chunk if whole is None else whole + chunk
    assert isinstance(whole, AIMessageChunk)
    return whole


def test_invoke_answers_with_reasoning_and_usage(model):
    message = model.invoke("Hello")

    assert message.content.startswith("\nHello!")
    assert "Hello" in message.additional_kwargs["reasoning_content"]
    assert message.usage_metadata["output_token_details"]["reasoning"] > 0
    assert message.response_metadata["finish_reason"] == "stop"


async def test_ainvoke_answers_like_invoke(model):
    assert (await model.ainvoke("Hello")).content == model.invoke("Hello").content


def test_stream_adds_up_to_invoke(model):
    streamed = merge(model.stream("Tell me a story about a cat"))

    assert streamed.content == model.invoke("Tell me a story about a cat").content
    assert streamed.usage_metadata["output_tokens"] > 50


async def test_astream_adds_up_to_invoke(model):
    streamed = merge([chunk async for chunk in model.astream("Hello")])

    assert streamed.content == model.invoke("Hello").content


@pytest.mark.parametrize("streamed", [False, True])
def test_a_tool_is_called_and_its_result_reported(model, streamed):
    with_tools = model.bind_tools([get_weather])
    question = HumanMessage("What is the weather in Florence, Italy?")

    call_message = (
        merge(with_tools.stream([question])) if streamed else with_tools.invoke([question])
    )
    assert [call["args"] for call in call_message.tool_calls] == [{"location": "Florence, Italy"}]

    result = get_weather.invoke(call_message.tool_calls[0])
    assert isinstance(result, ToolMessage)
    answer = with_tools.invoke([question, call_message, result])
    assert isinstance(answer, AIMessage)
    assert "It is 7 degrees in Florence, Italy" in answer.content
    assert not answer.tool_calls


@pytest.mark.parametrize("method", ["function_calling", "json_schema"])
def test_structured_output_is_filled_from_the_prompt(model, method):
    class Person(BaseModel):
        """A person."""

        name: str
        age: int = Field(description="age in years")

    filled = model.with_structured_output(Person, method=method).invoke(
        "Ann Lee is 41 years old and likes chess."
    )

    assert filled == Person(name="Ann Lee", age=41)


@pytest.mark.parametrize("streamed", [False, True])
def test_a_function_of_the_users_answers(server, model, streamed):
    call = Call("get_weather", {"location": "Oslo"})
    server.answer = lambda prompt: Answer(f"Of {prompt.user_text}:", "Hm.", [call])
    with_tools = model.bind_tools([get_weather])

    message = merge(with_tools.stream("Oslo")) if streamed else with_tools.invoke("Oslo")

    assert message.content == "Of Oslo:"
    assert message.additional_kwargs["reasoning_content"] == "Hm."
    assert [made["args"] for made in message.tool_calls] == [{"location": "Oslo"}]


def test_an_error_answer_is_an_error(server, model):
    server.answer = lambda _: ErrorAnswer(402, "No credits")

    with pytest.raises(PaymentRequiredResponseError, match="No credits"):
        model.invoke("Hello")


def test_a_refused_model_id_is_an_error(build_model):
    with pytest.raises(BadRequestResponseError, match="not a valid model ID"):
        build_model("no/such-model").invoke("Hello")
