"""A function of the user's answers: what it sees, what it may return, and what becomes of its errors."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from langchain_core.tools import tool
from llama_index.core.llms import ChatMessage
from pydantic import BaseModel

from glm_openrouter import APIError, InternalServerError, RateLimitError
from glm_openrouter.testing import Answer, Call, ErrorAnswer, Message, OfflineServer, Prompt, Tool
from langchain_glm import ChatGLM
from llamaindex_glm import GLM

WEATHER: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "Look up the weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}


class Person(BaseModel):
    """A person."""

    name: str
    age: int


@tool
def weather(city: str) -> str:
    """Look up the weather."""
    return f"Rain in {city}."


def chat(server: OfflineServer, **arguments: Any) -> ChatGLM:
    return ChatGLM(api_key="sk-or-test", base_url=server.base_url, max_retries=0, **arguments)


def llm(server: OfflineServer, **arguments: Any) -> GLM:
    return GLM(api_key="sk-or-test", api_base=server.base_url, max_retries=0, **arguments)


def post(
    server: OfflineServer, text: str = "Hello", *, timeout: float = 60, **options: Any
) -> httpx.Response:
    body = {"messages": [{"role": "user", "content": text}], **options}
    headers = {"authorization": "Bearer sk-or-test"}
    url = f"{server.base_url}/chat/completions"
    return httpx.post(url, json=body, headers=headers, timeout=timeout)


def choice(server: OfflineServer, text: str = "Hello", **options: Any) -> dict[str, Any]:
    found: dict[str, Any] = post(server, text, **options).json()["choices"][0]
    return found


@contextmanager
def seeing(answer: Any = "Yes.") -> Iterator[tuple[OfflineServer, list[Prompt]]]:
    """A server whose function notes the prompts that it sees."""
    prompts: list[Prompt] = []

    def note(prompt: Prompt) -> Any:
        prompts.append(prompt)
        return answer

    with OfflineServer(note) as server:
        yield server, prompts


# What it sees


def test_a_prompt_has_the_texts_of_user_and_system() -> None:
    with seeing() as (server, prompts):
        chat(server).invoke(
            [("system", "Be brief."), ("user", "Who?"), ("ai", "I."), ("user", "Why?")]
        )

    (prompt,) = prompts
    assert (prompt.user_text, prompt.system_text) == ("Why?", "Be brief.")
    assert [message.text for message in prompt.earlier_messages] == ["Be brief.", "Who?", "I."]
    assert prompt.messages[-1] == Message("user", "Why?")


def test_a_prompt_has_tools_and_what_is_said_of_them() -> None:
    named = {"type": "function", "function": {"name": "weather"}}
    with seeing() as (server, prompts):
        post(server, tools=[WEATHER], parallel_tool_calls=False)
        for tool_choice in ("required", named, "none"):
            post(server, tools=[WEATHER], tool_choice=tool_choice)

    function = WEATHER["function"]
    assert prompts[0].tools == (Tool("weather", function["description"], function["parameters"]),)
    assert [prompt.parallel_tool_calls for prompt in prompts] == [False, True, True, True]
    assert [prompt.tool_choice for prompt in prompts] == ["auto", "required", "required", "none"]
    assert [prompt.required_tool for prompt in prompts] == [None, None, "weather", None]


def test_a_prompt_has_the_results_of_the_open_turn_only() -> None:
    def turn(call_id: str, arguments: str, result: str) -> list[dict[str, Any]]:
        function = {"name": "weather", "arguments": arguments}
        call = {"id": call_id, "type": "function", "function": function}
        return [
            {"role": "user", "content": "?"},
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": call_id, "content": result},
        ]

    messages = [*turn("call_1", "{}", "sun"), *turn("call_2", '{"city": "Oslo"}', "rain")]
    with seeing() as (server, prompts):
        post(server, messages=messages)

    (result,) = prompts[0].tool_results
    assert result.content == "rain"
    assert result.call == Call("weather", {"city": "Oslo"}, "call_2", '{"city": "Oslo"}')


def test_a_prompt_has_the_schema_that_the_model_sees() -> None:
    schema = {"type": "object", "properties": {"city": {"type": "string"}}}
    wanted = {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}
    with seeing() as (server, prompts):
        post(server, response_format=wanted)
        post(server, response_format=wanted, provider={"only": ["z-ai"]})

    assert [(prompt.wants_json, prompt.response_schema) for prompt in prompts] == [
        (True, schema),
        (False, None),
    ]
    assert prompts[1].body["response_format"] == wanted


def test_a_prompt_names_the_model_and_holds_the_body() -> None:
    with seeing() as (server, prompts):
        chat(server, model="z-ai/glm-4.5-air:nitro", temperature=0.2).invoke("?")

    assert prompts[0].model == "z-ai/glm-4.5-air"
    assert prompts[0].body["temperature"] == 0.2


def test_a_prompt_holds_long_texts_whole() -> None:
    with seeing() as (server, prompts):
        post(server, "a" * 300_000)

    assert prompts[0].user_text == "a" * 300_000


def test_a_refused_request_asks_no_function() -> None:
    with seeing() as (server, prompts):
        assert post(server, temperature=9).status_code == 400

    assert prompts == []


# What it returns


def test_a_text_reaches_every_surface_as_it_is(server: OfflineServer) -> None:
    server.answer = lambda prompt: f"You said {prompt.user_text}"
    said = "You said so."

    assert chat(server).invoke("so.").text == said
    assert "".join(chunk.text for chunk in chat(server).stream("so.")) == said
    assert llm(server).complete("so.").text == said
    assert [*llm(server).stream_chat([ChatMessage("so.")])][-1].message.content == said
    assert choice(server, "so.")["message"]["content"] == said


@pytest.mark.parametrize("streamed", [False, True])
def test_an_answer_has_reasoning_text_and_calls(server: OfflineServer, streamed: bool) -> None:
    call = Call("weather", {"city": "Oslo"}, "call_7")
    server.answer = lambda _: Answer("Let me look.", "I need the weather.", [call])
    model = chat(server).bind_tools([weather])
    parts = model.stream("?") if streamed else [model.invoke("?")]

    message: Any = None
    for part in parts:
        message = part if message is None else message + part

    assert message.text == "Let me look."
    assert message.additional_kwargs["reasoning_content"] == "I need the weather."
    assert [(made["name"], made["args"], made["id"]) for made in message.tool_calls] == [
        ("weather", {"city": "Oslo"}, "call_7")
    ]
    assert message.response_metadata["finish_reason"] == "tool_calls"


def test_calls_without_ids_get_different_ones(server: OfflineServer) -> None:
    server.answer = lambda _: Answer(tool_calls=[Call("weather"), Call("weather")])
    calls = choice(server, tools=[WEATHER])["message"]["tool_calls"]

    assert len({call["id"] for call in calls}) == 2


def test_raw_arguments_go_out_as_they_are(server: OfflineServer) -> None:
    server.answer = lambda _: Answer(tool_calls=[Call("weather", raw_arguments='{"city": "Os')])
    message = chat(server, tool_call_retries=None).bind_tools([weather]).invoke("?")

    assert message.tool_calls == []
    assert [call["args"] for call in message.invalid_tool_calls] == ['{"city": "Os']


@pytest.mark.parametrize("method", ["json_schema", "function_calling", "json_mode"])
def test_an_answer_function_fills_structured_output(server: OfflineServer, method: str) -> None:
    def ada(prompt: Prompt) -> str | Answer:
        if prompt.tools:
            return Answer(tool_calls=[Call(prompt.tools[0].name, {"name": "Ada", "age": 36})])
        return '{"name": "Ada", "age": 36}'

    server.answer = ada
    expected = Person(name="Ada", age=36)
    assert chat(server).with_structured_output(Person, method=method).invoke("?") == expected
    assert llm(server).as_structured_llm(Person).complete("?").raw == expected


def test_a_function_plays_an_agent_to_its_end(server: OfflineServer) -> None:
    from langchain.agents import create_agent

    def look_once(prompt: Prompt) -> str | Answer:
        if prompt.tool_results:
            return f"They say: {prompt.tool_results[-1].content}"
        return Answer(tool_calls=[Call("weather", {"city": "Oslo"})])

    server.answer = look_once
    result = create_agent(chat(server), [weather]).invoke({"messages": [("user", "Weather?")]})

    assert result["messages"][-1].text == "They say: Rain in Oslo."


def test_limits_of_the_request_hold_for_the_answer(server: OfflineServer) -> None:
    server.answer = lambda _: Answer("one two three four", "Hm, hm.")

    cut = post(server, max_tokens=5).json()
    assert cut["choices"][0]["finish_reason"] == "length"
    assert cut["usage"]["completion_tokens"] == 5
    assert choice(server, stop="three")["message"]["content"] == "one two "
    assert choice(server, reasoning={"enabled": False})["message"]["reasoning"] is None


def test_usage_is_counted_in_the_answer(server: OfflineServer) -> None:
    server.answer = lambda _: "one two three four"
    usage = post(server).json()["usage"]

    assert (usage["completion_tokens"], usage["completion_tokens_details"]["reasoning_tokens"]) == (
        4,
        0,
    )
    assert usage["cost"] > 0


def test_an_error_answer_is_the_response(server: OfflineServer) -> None:
    about = {"provider_name": "Novita", "raw": "Busy"}
    server.answer = lambda _: ErrorAnswer(429, "Slow down", retry_after=7, metadata=about)

    for ask in (chat(server).invoke, lambda text: list(chat(server).stream(text))):
        with pytest.raises(RateLimitError, match="Slow down") as caught:
            ask("?")
        assert (caught.value.retry_after, caught.value.provider_name) == (7, "Novita")


def test_an_error_answer_can_forbid_another_try(server: OfflineServer) -> None:
    server.answer = lambda _: ErrorAnswer(503, "Down", retryable=False)
    response = post(server)

    assert response.headers["x-should-retry"] == "false"
    assert response.json()["error"]["availability"] == {"retryable": False}


@pytest.mark.parametrize("streamed", [False, True])
def test_an_error_after_half_an_answer_has_that_half(server: OfflineServer, streamed: bool) -> None:
    server.answer = lambda _: ErrorAnswer(502, "Gone", partial_text="Half an")
    model = chat(server)

    with pytest.raises(APIError, match="Gone") as caught:
        list(model.stream("?")) if streamed else model.invoke("?")

    assert (caught.value.status_code, caught.value.partial_text) == (502, "Half an")
    assert choice(server)["finish_reason"] == "error"


def test_an_asynchronous_function_is_awaited(server: OfflineServer) -> None:
    async def later(prompt: Prompt) -> str:
        await asyncio.sleep(0)
        return prompt.user_text

    server.answer = later
    assert chat(server).invoke("so.").text == "so."


def test_functions_may_wait_for_each_other() -> None:
    together = threading.Barrier(40, timeout=30)

    def meet(prompt: Prompt) -> str:
        together.wait()
        return prompt.user_text

    async def ask(server: OfflineServer) -> list[Any]:
        model = chat(server)
        return await asyncio.gather(*(model.ainvoke(str(at)) for at in range(40)))

    with OfflineServer(meet) as server:
        messages = asyncio.run(ask(server))
    assert [message.text for message in messages] == [str(at) for at in range(40)]


# For each model


def test_each_model_has_a_function_and_the_rules_answer_for_others() -> None:
    functions = {
        "z-ai/glm-4.6:exacto": lambda _: "the large one",
        "z-ai/glm-4.5-air": lambda _: "the small one",
    }
    with OfflineServer(functions) as server:
        answers = [
            chat(server, model=name).invoke("What is 2 + 2?").text
            for name in ("z-ai/glm-4.6", "z-ai/glm-4.5-air:nitro", "z-ai/glm-5")
        ]
    assert answers == ["the large one", "the small one", "2 + 2 = 4"]


def test_a_model_that_does_not_exist_is_an_error_at_once() -> None:
    with pytest.raises(
        ValueError, match=r"z-ai/glm46 is not a valid model ID.+ has z-ai/glm-4\.6,"
    ):
        OfflineServer({"z-ai/glm46": lambda _: ""})


def test_two_functions_for_a_model_are_an_error() -> None:
    functions = {"z-ai/glm-4.6": lambda _: "", "z-ai/glm-4.6:nitro": lambda _: ""}
    with pytest.raises(ValueError, match="suffixes make no difference"):
        OfflineServer(functions)


@pytest.mark.parametrize("answer", ["Hello", {"z-ai/glm-4.6": "Hello"}])
def test_an_answer_that_is_no_function_is_an_error_at_once(answer: Any) -> None:
    with pytest.raises(TypeError, match="answer must be a function"):
        OfflineServer(answer)


@pytest.mark.parametrize("status_code", [200, 399, 600])
def test_an_error_answer_has_a_status_of_an_error(status_code: int) -> None:
    with pytest.raises(ValueError, match=f"from 400 to 599, not {status_code}"):
        ErrorAnswer(status_code, "Fine")


def test_an_answer_can_be_changed_while_the_server_runs(server: OfflineServer) -> None:
    server.answer = function = lambda _: "mine"
    assert server.answer is function
    assert chat(server).invoke("What is 2 + 2?").text == "mine"

    server.answer = None
    assert chat(server).invoke("What is 2 + 2?").text == "2 + 2 = 4"


# What goes wrong


def fail(_: Prompt) -> str:
    raise KeyError("city")


async def fail_later(_: Prompt) -> str:
    raise KeyError("city")


@pytest.mark.parametrize("function", [fail, fail_later])
def test_what_a_function_raises_is_in_the_error_and_not_tried_again(function: Any) -> None:
    def ask(server: OfflineServer) -> None:
        with pytest.raises(InternalServerError, match=r"fail\w* raised KeyError: 'city'"):
            ChatGLM(api_key="sk-or-test", base_url=server.base_url, max_retries=5).invoke("?")

    with pytest.raises(KeyError, match="city"), OfflineServer(function) as server:
        ask(server)
    assert len(server.requests) == 1


def test_the_error_of_a_block_shows_what_the_function_raised() -> None:
    with pytest.raises(InternalServerError) as caught, OfflineServer(fail) as server:
        chat(server).invoke("?")

    (note,) = caught.value.__notes__
    assert "KeyError: 'city'" in note
    assert "in fail" in note


def test_failures_that_are_cleared_are_not_raised() -> None:
    with OfflineServer(fail) as server:
        assert post(server).status_code == 500
        assert [type(failure) for failure in server.failures] == [KeyError]
        server.clear()


ODD_ERRORS: dict[type[BaseException], Callable[[Prompt], Any]] = {
    pytest.fail.Exception: lambda _: pytest.fail("no call expected"),
    StopIteration: lambda _: next(iter([])),
}


@pytest.mark.parametrize(("error", "function"), ODD_ERRORS.items())
def test_an_error_of_any_class_is_answered_and_raised_once(error: Any, function: Any) -> None:
    server = OfflineServer(function).start()
    assert f"raised {error.__name__}" in post(server).json()["error"]["message"]
    server.stop()
    with pytest.raises(error):
        server.raise_failure()
    server.raise_failure()


NO_CALLS = "whose tool_calls are not a list of Call"
NO_ANSWERS: dict[str, tuple[Any, str]] = {
    "nothing": (None, "returned NoneType, which is no str, Answer or ErrorAnswer"),
    "a mapping": ({"text": "Hello"}, "returned dict"),
    "no text": (Answer(None), "text or reasoning is no str"),  # type: ignore[arg-type]
    "no list of calls": (Answer(tool_calls=None), NO_CALLS),  # type: ignore[arg-type]
    "calls of another type": (Answer(tool_calls=[("weather", {})]), NO_CALLS),  # type: ignore[list-item]
    "arguments as text": (Answer(tool_calls=[Call("weather", "{}")]), NO_CALLS),  # type: ignore[arg-type]
    "arguments without JSON": (Answer(tool_calls=[Call("weather", {"at": object()})]), "as JSON"),
    "half a pair": ("\ud800", "as JSON"),
    "no number": (ErrorAnswer(500, "", metadata={"x": float("nan")}), "as JSON"),
}


@pytest.mark.parametrize(("answer", "problem"), NO_ANSWERS.values(), ids=NO_ANSWERS)
def test_what_is_no_answer_is_said(answer: Any, problem: str) -> None:
    with seeing(answer) as (server, _):
        response = post(server, stream=True)
        (failure,) = server.failures
        server.clear()

    assert response.status_code == 500
    assert problem in response.json()["error"]["message"]
    assert isinstance(failure, TypeError)


def test_a_function_that_never_returns_does_not_keep_the_server_up() -> None:
    gate, outlasted = threading.Event(), []

    def wait(_: Prompt) -> str:
        assert threading.current_thread().daemon
        outlasted.append(gate.wait(20))
        return ""

    with OfflineServer(wait) as server, pytest.raises(httpx.ReadTimeout):
        post(server, timeout=0.05)
    assert outlasted == []
    gate.set()
