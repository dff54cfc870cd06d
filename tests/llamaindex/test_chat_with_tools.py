"""`chat_with_tools` and its kin, and what runs the tools at once."""

from typing import Any

import pytest
from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.base.llms.types import ChatMessage, TextBlock, ToolCallBlock
from llama_index.core.tools import FunctionTool

from glm_openrouter import TruncatedToolCallError
from glm_openrouter.testing import json_reply, stream_reply
from glm_openrouter.testing.pytest_plugin import StartScript
from llamaindex_glm import GLM
from support.llamaindex_models import llm_for
from support.models import gather
from support.samples import THOUGHT_CALL
from support.wire import USAGE, call, chunk, response_body

WITH_TOOLS = (
    "chat_with_tools",
    "achat_with_tools",
    "stream_chat_with_tools",
    "astream_chat_with_tools",
)
RUNNING = ("predict_and_call", "apredict_and_call")

CALL = stream_reply(THOUGHT_CALL)
TEXT = stream_reply([chunk({"content": "No idea."}), chunk({}, "stop", usage=USAGE)])
TWO_CALLS = stream_reply(
    [
        chunk({"content": "Both."}),
        chunk({"tool_calls": [call("weather", '{"city": "Oslo"}', 0, "call_1")]}),
        chunk({"tool_calls": [call("weather", '{"city": "Rome"}', 1, "call_2")]}),
        chunk({}, "tool_calls", usage=USAGE),
    ]
)


def weather(city: str) -> str:
    """Look up the weather."""
    if city == "Atlantis":
        msg = "It has sunk."
        raise ValueError(msg)
    return f"4 degrees in {city}"


TOOLS = [FunctionTool.from_defaults(weather)]


async def use(llm: GLM, method: str, *arguments: Any, **named: Any) -> Any:
    """Call a method; return the last of what comes."""
    return (await gather(getattr(llm, method)(*arguments, **named)))[-1]


@pytest.mark.parametrize("method", WITH_TOOLS)
@pytest.mark.parametrize("question", ["Weather?", ChatMessage("Weather?")], ids=["text", "message"])
async def test_the_question_follows_the_history_which_is_left_alone(
    scripted_openrouter: StartScript, method: str, question: Any
) -> None:
    server = scripted_openrouter(CALL)
    history = [ChatMessage("Be brief.", role="system")]
    await use(llm_for(server), method, TOOLS, question, chat_history=history)
    assert server.requests[0].body["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Weather?"},
    ]
    assert history == [ChatMessage("Be brief.", role="system")]
    assert question in ("Weather?", ChatMessage("Weather?"))


CHOICES: dict[str, tuple[dict[str, Any], Any]] = {
    "by default nothing is forced": ({}, None),
    "required": ({"tool_required": True}, "required"),
    "a choice wins": ({"tool_required": True, "tool_choice": "auto"}, "auto"),
    "any": ({"tool_choice": "any"}, "required"),
    "none": ({"tool_choice": "none"}, "none"),
    "by name": (
        {"tool_choice": "weather"},
        {"type": "function", "function": {"name": "weather"}},
    ),
}


@pytest.mark.parametrize("method", WITH_TOOLS)
@pytest.mark.parametrize("choice", CHOICES)
async def test_a_tool_is_forced_only_if_one_says_so(
    scripted_openrouter: StartScript, method: str, choice: str
) -> None:
    server = scripted_openrouter(CALL)
    arguments, expected = CHOICES[choice]
    await use(llm_for(server), method, TOOLS, "Weather?", **arguments)
    assert server.requests[0].body.get("tool_choice") == expected


@pytest.mark.parametrize("method", WITH_TOOLS)
async def test_without_tools_none_are_asked_for(
    scripted_openrouter: StartScript, method: str
) -> None:
    server = scripted_openrouter(TEXT)
    await use(llm_for(server), method, [], "Weather?", tool_required=True)
    assert server.requests[0].body.keys() == {"model", "messages", "stream"}


PARALLEL: dict[str, tuple[dict[str, Any], dict[str, Any], Any, int]] = {
    "by default one": ({}, {}, False, 1),
    "several": ({}, {"allow_parallel_tool_calls": True}, None, 2),
    "the model says so": (
        {"parallel_tool_calls": True},
        {"allow_parallel_tool_calls": True},
        True,
        2,
    ),
    "the call wins": ({"parallel_tool_calls": True}, {}, False, 1),
    "the model forbids it": (
        {"parallel_tool_calls": False},
        {"allow_parallel_tool_calls": True},
        False,
        1,
    ),
}


@pytest.mark.parametrize("method", WITH_TOOLS)
@pytest.mark.parametrize("case", PARALLEL)
async def test_several_calls_come_if_they_may(
    scripted_openrouter: StartScript, method: str, case: str
) -> None:
    server = scripted_openrouter(TWO_CALLS)
    of_the_model, of_the_call, sent, count = PARALLEL[case]
    llm = llm_for(server, **of_the_model)
    response = await use(llm, method, TOOLS, "Weather?", **of_the_call)
    assert server.requests[0].body.get("parallel_tool_calls") == sent
    assert len(llm.get_tool_calls_from_response(response)) == count
    assert response.message.blocks[:2] == [
        TextBlock(text="Both."),
        ToolCallBlock(tool_call_id="call_1", tool_name="weather", tool_kwargs='{"city": "Oslo"}'),
    ]


@pytest.mark.parametrize("method", WITH_TOOLS)
async def test_no_response_of_a_stream_shows_more_calls_than_may_come(
    scripted_openrouter: StartScript, method: str
) -> None:
    llm = llm_for(scripted_openrouter(TWO_CALLS))
    responses = await gather(getattr(llm, method)(TOOLS, "Weather?"))
    shown = [
        [
            block.tool_call_id
            for block in response.message.blocks
            if isinstance(block, ToolCallBlock)
        ]
        for response in responses
    ]
    assert shown[-1] == ["call_1"]
    assert max(map(len, shown)) == 1


@pytest.mark.parametrize("method", WITH_TOOLS)
@pytest.mark.parametrize(("several", "ids"), [(False, ["call_1"]), (True, ["call_1", "call_2"])])
async def test_calls_are_also_where_they_were_before_there_were_blocks(
    scripted_openrouter: StartScript, method: str, several: bool, ids: list[str]
) -> None:
    llm = llm_for(scripted_openrouter(TWO_CALLS))
    response = await use(llm, method, TOOLS, "Weather?", allow_parallel_tool_calls=several)
    calls = response.message.additional_kwargs["tool_calls"]
    assert [call["id"] for call in calls] == ids
    assert calls[0]["function"] == {"name": "weather", "arguments": '{"city": "Oslo"}'}


@pytest.mark.parametrize("method", WITH_TOOLS)
async def test_a_call_beyond_the_first_that_was_cut_is_an_error_all_the_same(
    scripted_openrouter: StartScript, method: str
) -> None:
    cut = [
        chunk({"tool_calls": [call("weather", '{"city": "Oslo"}', 0, "call_1")]}),
        chunk({"tool_calls": [call("weather", '{"city": "Ro', 1, "call_2")]}),
        chunk({}, "length"),
    ]
    with pytest.raises(TruncatedToolCallError):
        await use(llm_for(scripted_openrouter(stream_reply(cut))), method, TOOLS, "Weather?")


@pytest.mark.filterwarnings("ignore::pydantic.warnings.PydanticDeprecationWarning")  # of LlamaIndex
@pytest.mark.parametrize("streaming", [True, False])
@pytest.mark.parametrize(
    ("settings", "count"), [({}, 2), ({"allow_parallel_tool_calls": False}, 1)], ids=str
)
async def test_an_agent_runs_all_calls_unless_it_allows_one_only(
    scripted_openrouter: StartScript, streaming: bool, settings: dict[str, bool], count: int
) -> None:
    ran = []

    def weather(city: str) -> str:
        """Look up the weather."""
        ran.append(city)
        return "4 degrees"

    server = scripted_openrouter(TWO_CALLS, TEXT)
    llm = llm_for(server)
    agent = FunctionAgent(tools=[weather], llm=llm, streaming=streaming, **settings)
    await agent.run("Weather?")
    assert sorted(ran) == ["Oslo", "Rome"][:count]


@pytest.mark.parametrize("method", RUNNING)
async def test_the_tool_that_was_called_runs(scripted_openrouter: StartScript, method: str) -> None:
    response = await use(llm_for(scripted_openrouter(CALL)), method, TOOLS, "Weather?")
    assert str(response) == "4 degrees in Oslo"
    assert [source.tool_name for source in response.sources] == ["weather"]


@pytest.mark.parametrize("method", RUNNING)
async def test_all_tools_that_were_called_run_if_they_may(
    scripted_openrouter: StartScript, method: str
) -> None:
    llm = llm_for(scripted_openrouter(TWO_CALLS))
    several = await use(llm, method, TOOLS, "Weather?", allow_parallel_tool_calls=True)
    one = await use(llm, method, TOOLS, "Weather?")
    assert str(several) == "4 degrees in Oslo\n\n4 degrees in Rome"
    assert str(one) == "4 degrees in Oslo"


@pytest.mark.parametrize("method", RUNNING)
async def test_no_call_is_an_error_or_an_answer(
    scripted_openrouter: StartScript, method: str
) -> None:
    llm = llm_for(scripted_openrouter(TEXT))
    with pytest.raises(ValueError, match="No idea"):
        await use(llm, method, TOOLS, "Weather?")
    answer = await use(llm, method, TOOLS, "Weather?", error_on_no_tool_call=False)
    assert str(answer) == "No idea."


@pytest.mark.parametrize("method", RUNNING)
async def test_what_a_tool_fails_with_is_said(
    scripted_openrouter: StartScript, method: str
) -> None:
    sunk = {"tool_calls": [call("weather", '{"city": "Atlantis"}', 0, "call_1")]}
    llm = llm_for(scripted_openrouter(json_reply(response_body(sunk, "tool_calls"))))
    assert "It has sunk" in str(await use(llm, method, TOOLS, "Weather?"))
    with pytest.raises(ValueError, match="It has sunk"):
        await use(llm, method, TOOLS, "Weather?", error_on_tool_error=True)


@pytest.mark.parametrize("method", RUNNING)
async def test_a_cut_call_does_not_run(scripted_openrouter: StartScript, method: str) -> None:
    cut = {"tool_calls": [call("weather", '{"city": "Os', 0, "call_1")]}
    llm = llm_for(scripted_openrouter(json_reply(response_body(cut, "length"))))
    with pytest.raises(TruncatedToolCallError):
        await use(llm, method, TOOLS, "Weather?")
