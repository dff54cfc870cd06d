"""Functions in a script, and replies that say something: streamed or not, as the request asks."""

import json
from typing import Any

import httpx
import pytest
from langchain_core.tools import tool

from glm_openrouter import APIError, InternalServerError, RateLimitError
from glm_openrouter.testing import (
    Answer,
    Call,
    ErrorAnswer,
    ReceivedRequest,
    Reply,
    ScriptedServer,
    answer_reply,
    error_reply,
    json_reply,
    text_reply,
    tool_call_reply,
)
from glm_openrouter.testing.pytest_plugin import StartScript
from langchain_glm import ChatGLM
from llamaindex_glm import GLM


@tool
def weather(city: str) -> str:
    """Look up the weather."""
    return f"Rain in {city}."


def post(server: ScriptedServer, **body: Any) -> httpx.Response:
    return httpx.post(f"{server.base_url}/chat/completions", json=body)


def chat(server: ScriptedServer, **arguments: Any) -> ChatGLM:
    given = {"api_key": "sk-or-test", "base_url": server.base_url, "max_retries": 0, **arguments}
    return ChatGLM(**given)


def ask(model: Any, *, streamed: bool) -> Any:
    if not streamed:
        return model.invoke("?")
    first, *rest = model.stream("?")
    for chunk in rest:
        first += chunk
    return first


# Functions


def path_and_greeting(request: ReceivedRequest) -> Reply:
    return json_reply({"path": request.path, "said": (request.body or {}).get("say")})


def test_a_function_in_place_of_a_script_replies_to_all_requests() -> None:
    with ScriptedServer(path_and_greeting, repeat_last=False) as server:
        said = [post(server, say=word).json()["said"] for word in ("a", "b", "c")]
    assert said == ["a", "b", "c"]


def test_a_function_in_a_script_has_its_turn(scripted_openrouter: StartScript) -> None:
    server = scripted_openrouter(
        json_reply({"said": 1}), path_and_greeting, json_reply({"said": 3})
    )

    assert [post(server, say="two").json()["said"] for _ in range(4)] == [1, "two", 3, 3]


def test_a_function_may_return_a_function(scripted_openrouter: StartScript) -> None:
    def echo(request: ReceivedRequest) -> Any:
        assert request.body is not None
        return text_reply(request.body["messages"][-1]["content"])

    assert chat(scripted_openrouter(echo)).invoke("So?").text == "So?"


def test_what_a_function_raises_is_in_the_error_and_not_tried_again() -> None:
    def fail(request: ReceivedRequest) -> Reply:
        raise KeyError("city")

    with pytest.raises(InternalServerError) as caught, ScriptedServer(fail) as server:
        chat(server, max_retries=5).invoke("?")

    assert "raised KeyError: 'city'" in str(caught.value)
    assert "in fail" in caught.value.__notes__[0]
    assert len(server.requests) == 1


def test_a_failure_that_nobody_saw_is_raised_at_the_end() -> None:
    server = ScriptedServer(lambda request: request.body["nothing"])  # type: ignore[index]
    with pytest.raises(KeyError, match="nothing"), server:
        assert post(server).status_code == 500


def test_a_function_that_returns_no_reply_is_said() -> None:
    server = ScriptedServer(lambda _: "Hello")  # type: ignore[arg-type,return-value]
    with pytest.raises(TypeError, match="returned str"), server:
        assert "returned str" in post(server).json()["error"]["message"]


# Replies


@pytest.mark.parametrize("streamed", [False, True])
def test_a_text_reply_is_streamed_if_asked(
    scripted_openrouter: StartScript, streamed: bool
) -> None:
    server = scripted_openrouter(text_reply("Hello there.", reasoning="Who is it?"))
    response = post(server, stream=streamed)

    kind = "text/event-stream" if streamed else "application/json"
    assert response.headers["content-type"].startswith(kind)
    message = ask(chat(server), streamed=streamed)
    assert message.text == "Hello there."
    assert message.additional_kwargs["reasoning_content"] == "Who is it?"
    assert message.response_metadata["finish_reason"] == "stop"
    assert message.usage_metadata["output_tokens"] > 3


def test_a_text_reply_serves_llamaindex(scripted_openrouter: StartScript) -> None:
    server = scripted_openrouter(text_reply("Hello there."))
    llm = GLM(api_key="sk-or-test", api_base=server.base_url)

    assert llm.complete("?").text == "Hello there."
    assert [*llm.stream_complete("?")][-1].text == "Hello there."


def test_a_text_reply_ends_as_it_is_told(scripted_openrouter: StartScript) -> None:
    server = scripted_openrouter(text_reply("Half an", finish_reason="length"))

    for streamed in (False, True):
        message = ask(chat(server), streamed=streamed)
        assert message.response_metadata["finish_reason"] == "length"


def test_a_reply_heeds_no_limit_of_the_request(scripted_openrouter: StartScript) -> None:
    server = scripted_openrouter(text_reply("one two three", reasoning="Hm."))
    response = post(server, max_tokens=1, stop="two", reasoning={"enabled": False})

    message = response.json()["choices"][0]["message"]
    assert (message["content"], message["reasoning"]) == ("one two three", "Hm.")


def test_a_reply_is_made_to_whatever_was_sent(scripted_openrouter: StartScript) -> None:
    server = scripted_openrouter(text_reply("Hello"))

    assert httpx.get(f"{server.base_url}/models").status_code == 200
    assert post(server, messages=7, model=7, stream="yes").status_code == 200
    assert post(server, model="some/model:nitro").json()["model"] == "some/model"


@pytest.mark.parametrize("streamed", [False, True])
def test_a_tool_call_reply_calls_the_tool(scripted_openrouter: StartScript, streamed: bool) -> None:
    reply = tool_call_reply("weather", {"city": "Oslo"}, text="Let me look.", reasoning="Hm.")
    model = chat(scripted_openrouter(reply)).bind_tools([weather])
    message = ask(model, streamed=streamed)

    assert [(call["name"], call["args"]) for call in message.tool_calls] == [
        ("weather", {"city": "Oslo"})
    ]
    assert message.text == "Let me look."
    assert message.additional_kwargs["reasoning_content"] == "Hm."
    assert message.response_metadata["finish_reason"] == "tool_calls"


def test_arguments_that_are_text_go_out_as_they_are(scripted_openrouter: StartScript) -> None:
    server = scripted_openrouter(tool_call_reply("weather", '{"city": "Os'))
    message = post(server).json()["choices"][0]["message"]

    assert message["tool_calls"][0]["function"]["arguments"] == '{"city": "Os'


def test_a_tool_call_reply_may_have_no_arguments(scripted_openrouter: StartScript) -> None:
    message = post(scripted_openrouter(tool_call_reply("now"))).json()["choices"][0]["message"]

    assert message["tool_calls"][0]["function"] == {"name": "now", "arguments": "{}"}


def test_arguments_without_json_are_an_error_at_once() -> None:
    with pytest.raises(TypeError):
        tool_call_reply("weather", {"at": object()})


@pytest.mark.parametrize("streamed", [False, True])
def test_an_error_reply_is_an_error_with_its_status(
    scripted_openrouter: StartScript, streamed: bool
) -> None:
    about = {"provider_name": "Novita"}
    server = scripted_openrouter(error_reply(429, "Slow down", retry_after=3, metadata=about))

    with pytest.raises(RateLimitError, match="Slow down") as caught:
        ask(chat(server), streamed=streamed)

    assert (caught.value.retry_after, caught.value.provider_name) == (3, "Novita")


@pytest.mark.parametrize("streamed", [False, True])
def test_an_error_reply_may_come_after_half_an_answer(
    scripted_openrouter: StartScript, streamed: bool
) -> None:
    server = scripted_openrouter(error_reply(502, "Gone", partial_text="Half an"))

    assert post(server, stream=streamed).status_code == 200
    with pytest.raises(APIError, match="Gone") as caught:
        ask(chat(server), streamed=streamed)
    assert (caught.value.status_code, caught.value.partial_text) == (502, "Half an")


def test_replies_of_all_kinds_take_turns(scripted_openrouter: StartScript) -> None:
    script = (error_reply(503, "Down"), text_reply("Hello"), json_reply({}, status=418))
    server = scripted_openrouter(*script)

    assert [post(server).status_code for _ in script] == [503, 200, 418]


def test_an_answer_reply_has_several_calls(scripted_openrouter: StartScript) -> None:
    calls = [Call("weather", {"city": "Oslo"}), Call("weather", {"city": "Rome"})]
    model = chat(scripted_openrouter(answer_reply(Answer(tool_calls=calls)))).bind_tools([weather])

    assert [call["args"]["city"] for call in model.invoke("?").tool_calls] == ["Oslo", "Rome"]


def test_an_answer_reply_may_be_an_error(scripted_openrouter: StartScript) -> None:
    server = scripted_openrouter(answer_reply(ErrorAnswer(402, "No credits", retryable=False)))

    response = post(server)
    assert response.status_code == 402
    assert response.headers["x-should-retry"] == "false"


def test_the_stream_of_a_reply_adds_up_to_its_body(scripted_openrouter: StartScript) -> None:
    server = scripted_openrouter(text_reply("\nOne\n\ntwo, three.", reasoning="Count.\n"))

    lines = post(server, stream=True).text.splitlines()
    chunks = [json.loads(line[6:]) for line in lines if line.startswith("data: {")]
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks]
    message = post(server).json()["choices"][0]["message"]
    for field in ("content", "reasoning"):
        assert "".join(delta.get(field) or "" for delta in deltas) == message[field]
