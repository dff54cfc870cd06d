"""Token counts of `ChatGLM`, without a network and without a vocabulary."""

import json
import re
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from langchain_core.language_models import BaseLanguageModel
from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
    convert_to_messages,
    trim_messages,
)
from langchain_core.tools import tool

from langchain_glm import GLM, ChatGLM
from support.samples import WEATHER

FOLDER = Path(__file__).resolve().parents[3] / "shared" / "recordings"

_SYSTEM = {"role": "system", "content": "You are a friendly pilot"}
_QUESTION = {"role": "user", "content": "What's the current in Bergen,Norway?"}
_CURRENT = {
    "type": "function",
    "function": {
        "name": "current",
        "strict": False,
        "description": "Get current information for a harbour",
        "parameters": {
            "type": "object",
            "properties": {"harbour": {"type": "string", "description": "the town"}},
            "required": ["harbour"],
        },
    },
}
_TURN = {
    "role": "assistant",
    "content": "\nI'll get the current information for Bergen, Norway for you.\n",
    "tool_calls": [
        {
            "id": "call_1",
            "type": "function",
            "function": {"name": "current", "arguments": '{"harbour": "Bergen,Norway"}'},
        }
    ],
}
_RESULT = {"role": "tool", "tool_call_id": "call_1", "content": "40 K"}
_GLM: dict[str, Any] = {"model": "z-ai/glm-4.6"}

OWN: dict[str, tuple[dict[str, Any], int]] = {
    "a question without thinking": (
        {
            **_GLM,
            "messages": [{"role": "user", "content": "Answer with the single word: no"}],
            "reasoning": {"effort": "none"},
        },
        16,
    ),
    "a system text and a question": (
        {**_GLM, "messages": [_SYSTEM, {"role": "user", "content": "Say bye in Norwegian"}]},
        16,
    ),
    "a tool": ({**_GLM, "messages": [_SYSTEM, _QUESTION], "tools": [_CURRENT]}, 187),
    "a tool and its result": (
        {**_GLM, "messages": [_SYSTEM, _QUESTION, _TURN, _RESULT], "tools": [_CURRENT]},
        229,
    ),
}
"""Requests, and what GLM counted for some of the same form, word for word as long."""


def recorded_counts() -> dict[str, tuple[dict[str, Any], int]]:
    """Return the requests to GLM that were recorded, if they are here, and their `prompt_tokens`."""
    counts = {}
    for path in sorted(FOLDER.glob("*.json")):
        recorded = json.loads(path.read_text())
        reported = re.findall(r'"prompt_tokens"\s*:\s*(\d+)', recorded["response_body"])
        if reported and "glm" in recorded["request"]["model"]:
            counts[path.stem] = (recorded["request"], int(reported[-1]))
    return counts


COUNTED = {**OWN, **recorded_counts()}


def to_langchain(message: dict[str, Any]) -> BaseMessage:
    if message["role"] == "assistant":
        details = message.get("reasoning_details")
        (converted,) = convert_to_messages([{"content": "", **message}])
        converted.additional_kwargs = {"reasoning_details": details} if details else {}
        return converted
    return convert_to_messages([message])[0]


@pytest.fixture(autouse=True)
def _offline(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise AssertionError("A count has asked the network.")

    monkeypatch.setattr(socket.socket, "connect", refuse)


@pytest.mark.parametrize("thinking_is_known", [True, False])
@pytest.mark.parametrize("name", COUNTED)
def test_a_count_is_within_15_percent_of_glms_own(name: str, thinking_is_known: bool) -> None:
    request, reported = COUNTED[name]
    reasoning = request.get("reasoning") if thinking_is_known else None
    model = ChatGLM(model=request["model"], api_key="sk-or-test", reasoning=reasoning)
    messages = [to_langchain(message) for message in request["messages"]]
    counted = model.get_num_tokens_from_messages(messages, tools=request.get("tools"))
    assert counted == pytest.approx(reported, rel=0.15)


@pytest.fixture(params=[ChatGLM, GLM])
def model(request: pytest.FixtureRequest) -> BaseLanguageModel[Any]:
    made: BaseLanguageModel[Any] = request.param(api_key="sk-or-test")
    return made


def test_a_text_is_counted(model: BaseLanguageModel[Any]) -> None:
    assert model.get_num_tokens("Which way to the harbour?") == pytest.approx(6, abs=1)


def test_thinking_that_is_off_costs_a_few_tokens() -> None:
    counts = [
        ChatGLM(api_key="sk-or-test", reasoning=reasoning).get_num_tokens_from_messages(
            [HumanMessage("Hi")]
        )
        for reasoning in (None, True, False, "none")
    ]
    on, also_on, off, also_off = counts
    assert on == also_on < off == also_off < on + 5


def test_tools_count_in_every_form(model: BaseLanguageModel[Any]) -> None:
    @tool
    def weather(city: str) -> str:
        """Look up the weather."""
        return city

    messages: list[BaseMessage] = [HumanMessage("Hi")]
    bare = model.get_num_tokens_from_messages(messages)
    with_tool = model.get_num_tokens_from_messages(messages, tools=[weather])
    assert with_tool > bare + 100
    assert model.get_num_tokens_from_messages(messages, tools=[WEATHER]) == pytest.approx(
        with_tool, abs=9
    )


def test_a_tokenizer_of_the_user_is_exact(model: BaseLanguageModel[Any]) -> None:
    exact = type(model)(api_key="sk-or-test", custom_get_token_ids=lambda text: [*map(ord, text)])  # type: ignore[call-arg]
    assert exact.get_token_ids("Hi") == [72, 105]
    assert exact.get_num_tokens("Hello") == 5
    longer, shorter = ([HumanMessage("x" * count)] for count in (500, 100))
    counts = map(exact.get_num_tokens_from_messages, (longer, shorter))
    assert int.__sub__(*counts) == 400


def test_tokens_themselves_need_a_tokenizer(model: BaseLanguageModel[Any]) -> None:
    with pytest.raises(NotImplementedError, match="custom_get_token_ids"):
        model.get_token_ids("Hi")


def conversation(turns: int) -> list[BaseMessage]:
    call = {"name": "weather", "args": {"city": "Oslo"}, "id": "1"}
    turn: list[Callable[[int], BaseMessage]] = [
        lambda number: HumanMessage(f"What is the weather in Oslo on day {number}? " * 8),
        lambda _: AIMessage("", tool_calls=[call]),
        lambda _: ToolMessage('{"degrees": 4, "sky": "clear"}' * 10, tool_call_id="1"),
        lambda number: AIMessage(f"On day {number} it is clear, with 4 degrees Celsius. " * 8),
    ]
    made = [make(number) for number in range(turns) for make in turn]
    return [SystemMessage("Be brief."), *made]


def test_messages_are_trimmed_to_what_fits() -> None:
    model = ChatGLM(api_key="sk-or-test")
    trimmed = trim_messages(
        conversation(25),
        max_tokens=1500,
        token_counter=model,
        include_system=True,
        start_on="human",
    )
    assert isinstance(trimmed[0], SystemMessage)
    assert isinstance(trimmed[1], HumanMessage)
    assert 1000 < model.get_num_tokens_from_messages(trimmed) <= 1500


def test_what_the_model_cannot_take_is_not_counted() -> None:
    image = {"type": "image", "url": "https://example.com/cat.png"}
    with pytest.raises(ValueError, match="takes text only"):
        ChatGLM(api_key="sk-or-test").get_num_tokens_from_messages([HumanMessage([image])])
