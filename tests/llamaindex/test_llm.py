"""The LlamaIndex `GLM` on a real socket."""

import copy
import json
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
)
from llama_index.core.tools import FunctionTool

from glm_openrouter import AuthenticationError, RateLimitError, TruncatedToolCallError
from glm_openrouter.testing import ScriptedServer, json_reply, stream_reply
from glm_openrouter.testing.pytest_plugin import StartScript
from llamaindex_glm import GLM
from support import llamaindex_models
from support.llamaindex_models import llm_for
from support.models import CHAT
from support.samples import THOUGHT_CALL, THOUGHT_TURN
from support.wire import USAGE, call, chunk

Ask = Callable[..., Any]


@pytest.fixture(params=CHAT)
def ask(request: pytest.FixtureRequest) -> Ask:
    """Ask a model, in each of the four ways; return the last response."""

    async def ask(llm: GLM, prompt: str | list[ChatMessage] = "?") -> ChatResponse:
        *_, last = await llamaindex_models.ask(llm, request.param, prompt)
        return last

    return ask


def weather(city: str) -> str:
    """Look up the weather."""
    return f"4 degrees in {city}"


WEATHER = FunctionTool.from_defaults(weather)


def thoughtful(start: StartScript) -> ScriptedServer:
    return start(stream_reply(THOUGHT_CALL))


async def test_an_answer_has_thinking_text_and_calls(
    scripted_openrouter: StartScript, ask: Ask
) -> None:
    response = await ask(llm_for(thoughtful(scripted_openrouter)))
    assert response.message.blocks == [
        ThinkingBlock(
            content="The user wants the weather.",
            num_tokens=9,
            additional_information={"reasoning_details": THOUGHT_TURN["reasoning_details"]},
        ),
        TextBlock(text="Let me look."),
        ToolCallBlock(tool_call_id="call_1", tool_name="weather", tool_kwargs='{"city": "Oslo"}'),
    ]


async def test_usage_and_cost_have_the_wires_names(
    scripted_openrouter: StartScript, ask: Ask
) -> None:
    response = await ask(llm_for(thoughtful(scripted_openrouter)))
    expected = {
        "prompt_tokens": 31,
        "completion_tokens": 17,
        "total_tokens": 48,
        "cached_tokens": 12,
        "reasoning_tokens": 9,
        "cost": USAGE["cost"],
        "provider": "Novita",
        "finish_reason": "tool_calls",
    }
    assert expected.items() <= response.additional_kwargs.items()


async def test_raw_has_the_usage(scripted_openrouter: StartScript, ask: Ask) -> None:
    raw = (await ask(llm_for(thoughtful(scripted_openrouter)))).raw
    assert raw["usage"]["prompt_tokens"] == 31


async def test_raw_reads_as_that_of_the_peers(scripted_openrouter: StartScript, ask: Ask) -> None:
    raw = (await ask(llm_for(thoughtful(scripted_openrouter)))).raw
    choice = raw.choices[0]
    assert raw["choices"][0]["message"] is choice.message
    assert (raw.model, raw["model"], raw.object) == ("z-ai/glm-4.6",) * 2 + ("chat.completion",)
    assert raw.usage.total_tokens == raw["usage"]["total_tokens"] == 48
    assert raw.usage.prompt_tokens_details.cached_tokens == 12
    assert (raw.id, choice.index, choice.finish_reason) == (raw["id"], 0, "tool_calls")
    assert choice.message.tool_calls[0].function.name == "weather"
    assert choice.message.role == "assistant"
    assert json.loads(json.dumps(raw)) == copy.deepcopy(raw) == pickle.loads(pickle.dumps(raw))
    with pytest.raises(AttributeError, match="no 'nonsense'"):
        _ = raw.nonsense


@pytest.mark.parametrize("usage", ["many", 5, [], {"prompt_tokens": "many", "cost": [1]}])
async def test_usage_that_is_none_leaves_the_rest(
    scripted_openrouter: StartScript, ask: Ask, usage: Any
) -> None:
    chunks = [chunk({"content": "Hi"}), chunk({}, "stop", usage=usage)]
    response = await ask(llm_for(scripted_openrouter(stream_reply(chunks))))
    assert response.message.content == "Hi"
    assert response.raw.choices[0].message.content == "Hi"
    assert response.raw.usage in (None, {})
    if response.raw.usage is not None:
        assert response.raw.usage.prompt_tokens is response.raw.usage.cost is None


async def test_a_turn_goes_back_as_it_came(scripted_openrouter: StartScript, ask: Ask) -> None:
    server = thoughtful(scripted_openrouter)
    llm = llm_for(server)
    first = (await ask(llm)).message
    result = ChatMessage("4 degrees", role="tool", additional_kwargs={"tool_call_id": "call_1"})
    await ask(llm, [ChatMessage("?"), first, result])
    assert server.requests[-1].body["messages"][1:] == [
        THOUGHT_TURN,
        {"role": "tool", "tool_call_id": "call_1", "content": "4 degrees"},
    ]


CUT = [
    chunk(
        {"tool_calls": [call("delete_records", '{"target": "prod", "confirm": tr', 0, "call_1")]}
    ),
    chunk({}, "length", usage=USAGE),
]


async def test_a_cut_tool_call_is_an_error(scripted_openrouter: StartScript, ask: Ask) -> None:
    with pytest.raises(TruncatedToolCallError, match="delete_records") as caught:
        await ask(llm_for(scripted_openrouter(stream_reply(CUT))))
    assert caught.value.arguments == '{"target": "prod", "confirm": tr'


async def test_an_error_says_where_and_what(scripted_openrouter: StartScript, ask: Ask) -> None:
    error = {
        "code": 429,
        "message": "Provider returned error",
        "metadata": {"raw": "concurrency limit", "provider_name": "Z.AI"},
    }
    with pytest.raises(RateLimitError, match=r"^\[Z\.AI\] concurrency limit \(429\)"):
        await ask(llm_for(scripted_openrouter(json_reply({"error": error}, 429))))


def test_metadata_fits_agents_out_of_the_box() -> None:
    metadata = GLM(api_key="sk-or-test").metadata
    facts = (
        metadata.context_window,
        metadata.is_chat_model,
        metadata.is_function_calling_model,
        metadata.num_output,
    )
    assert facts == (202_752, True, True, 16_384)


def test_nothing_is_sent_that_nobody_set(scripted_openrouter: StartScript) -> None:
    server = thoughtful(scripted_openrouter)
    llm_for(server).chat([ChatMessage("Hi")])
    assert server.requests[0].body == {
        "model": "z-ai/glm-4.6:exacto",
        "messages": [{"role": "user", "content": "Hi"}],
        "stream": True,
    }


def test_what_is_set_is_on_the_wire(scripted_openrouter: StartScript) -> None:
    server = thoughtful(scripted_openrouter)
    llm = llm_for(
        server,
        model="z-ai/glm-4.6",
        max_tokens=2000,
        order=["z-ai"],
        allow_fallbacks=False,
        reasoning_effort="low",
        additional_kwargs={"top_k": 5, "new_field": 1, "extra_body": {"another": 2}},
    )
    llm.chat([ChatMessage("Hi")], temperature=0.5)
    body = server.requests[0].body
    del body["messages"], body["model"], body["stream"]
    assert body == {
        "max_tokens": 2000,
        "provider": {"order": ["z-ai"], "allow_fallbacks": False},
        "reasoning_effort": "low",
        "top_k": 5,
        "new_field": 1,
        "another": 2,
        "temperature": 0.5,
    }


def test_an_unknown_argument_is_an_error() -> None:
    with pytest.raises(ValueError, match="temprature"):
        GLM(api_key="sk-or-test", temprature=0.5)


def test_a_missing_key_is_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENROUTER_API_KEY", raising=False)
    with pytest.raises(AuthenticationError, match="OPENROUTER_API_KEY"):
        GLM()


def test_tool_calls_are_read_from_a_response(scripted_openrouter: StartScript) -> None:
    llm = llm_for(thoughtful(scripted_openrouter))
    (selection,) = llm.get_tool_calls_from_response(
        llm.chat_with_tools([WEATHER], "Weather in Oslo?")
    )
    assert (selection.tool_id, selection.tool_name, selection.tool_kwargs) == (
        "call_1",
        "weather",
        {"city": "Oslo"},
    )


def test_the_arguments_of_the_constructor_are_left_alone() -> None:
    arguments: dict[str, Any] = {"extra_body": {"provider": {"sort": "price"}}}
    GLM(api_key="sk-or-test", additional_kwargs=arguments, order=["z-ai"])
    assert arguments == {"extra_body": {"provider": {"sort": "price"}}}


@pytest.mark.usefixtures("separate_reads")
async def test_completions_go_through_the_chat_endpoint(scripted_openrouter: StartScript) -> None:
    llm = llm_for(
        scripted_openrouter(
            stream_reply([chunk({"content": "Os"}), chunk({"content": "lo"}, "stop")])
        )
    )
    texts = [
        llm.complete("Capital of Norway?").text,
        (await llm.acomplete("Capital of Norway?")).text,
        [response.text for response in llm.stream_complete("Capital of Norway?")],
        [response.text async for response in await llm.astream_complete("Capital of Norway?")],
    ]
    assert texts == ["Oslo", "Oslo", ["Os", "Oslo", "Oslo"], ["Os", "Oslo", "Oslo"]]


COPIES: dict[str, Callable[[GLM], GLM]] = {
    "deepcopy": copy.deepcopy,
    "pickle": lambda llm: pickle.loads(pickle.dumps(llm)),
    "from_dict": lambda llm: GLM.from_dict({**llm.to_dict(), "api_key": "sk-or-test"}),
}


@pytest.mark.parametrize("how", COPIES)
def test_a_copy_makes_a_call(scripted_openrouter: StartScript, how: str) -> None:
    server = thoughtful(scripted_openrouter)
    llm = llm_for(server, temperature=0.5, reasoning=True, provider={"zdr": True})
    llm.chat([ChatMessage("Hi")])
    COPIES[how](llm).chat([ChatMessage("Hi")])
    first, second = server.requests
    assert first.body == second.body


def test_the_key_is_nowhere_to_be_seen() -> None:
    llm = GLM(api_key="sk-or-secret", default_headers={"x-secret": "sk-or-secret"})
    shown = [
        repr(llm),
        str(llm),
        repr(llm.to_dict()),
        llm.to_json(),
        repr(getattr(llm, "to_payload", llm.to_dict)()),  # since llama-index-core 0.14.23
    ]
    assert not [text for text in shown if "sk-or-secret" in text]


@pytest.mark.filterwarnings("ignore::pydantic.warnings.PydanticDeprecationWarning")  # of LlamaIndex
async def test_an_agent_reads_a_call_that_comes_in_fragments(
    scripted_openrouter: StartScript,
) -> None:
    answer = stream_reply([chunk({"content": "4 degrees"}), chunk({}, "stop", usage=USAGE)])
    server = scripted_openrouter(stream_reply(THOUGHT_CALL), answer)
    result = await FunctionAgent(tools=[weather], llm=llm_for(server)).run("Weather in Oslo?")
    assert str(result) == "4 degrees"
    assert server.requests[1].body["messages"][-1]["content"] == "4 degrees in Oslo"
