"""Agents of LlamaIndex with tools that OpenRouter runs, and with more tools than a prompt should hold."""

from typing import Any

import pytest
from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.tools import FunctionTool

from glm_openrouter.testing.pytest_plugin import StartScript
from llamaindex_glm import GLM
from support.bad_calls import GOOD, calls_reply, says_reply
from support.llamaindex_models import llm_for

# LlamaIndex looks at every attribute of an agent, and asks its own workflows what is deprecated there.
pytestmark = pytest.mark.filterwarnings(
    "ignore::pydantic.warnings.PydanticDeprecationWarning",
    "ignore:is_running called from within a step:DeprecationWarning",
)

SEARCH = {"type": "openrouter:web_search"}


def weather(city: str) -> str:
    """Look up the weather."""
    return f"4 degrees in {city}"


@pytest.mark.parametrize("streaming", [True, False], ids=["streamed", "whole"])
@pytest.mark.parametrize(
    "given",
    [
        {"server_tools": ["openrouter:web_search"]},
        {"additional_kwargs": {"tools": [SEARCH]}},
        {"extra_body": {"tools": [SEARCH]}},
    ],
    ids=str,
)
async def test_tools_of_openrouter_go_with_those_of_an_agent(
    scripted_openrouter: StartScript, given: dict[str, Any], streaming: bool
) -> None:
    server = scripted_openrouter(calls_reply(GOOD), says_reply("Cold."))
    agent = FunctionAgent(tools=[weather], llm=llm_for(server, **given), streaming=streaming)
    assert str(await agent.run("Weather?")) == "Cold."
    for request in server.requests:
        own, theirs = request.body["tools"]
        assert own["function"]["name"] == "weather"
        assert theirs == SEARCH


def test_tools_of_openrouter_go_with_any_call(scripted_openrouter: StartScript) -> None:
    server = scripted_openrouter(says_reply("Cold."))
    llm_for(server, server_tools=["openrouter:web_search"]).complete("Weather?")
    assert server.requests[0].body["tools"] == [SEARCH]


def numbered(number: int) -> FunctionTool:
    def look_up(city: str) -> str:
        return f"{number} in {city}"

    return FunctionTool.from_defaults(look_up, name=f"look_up_{number}", description="Look up.")


async def test_an_agent_with_150_tools_defers_all_but_a_few(
    scripted_openrouter: StartScript,
) -> None:
    server = scripted_openrouter(calls_reply(GOOD, name="look_up_140"), says_reply("140."))
    tools = [numbered(number) for number in range(150)]
    deferred = [f"look_up_{number}" for number in range(5, 150)]
    llm = llm_for(server, deferred_tools=deferred)
    assert str(await FunctionAgent(tools=tools, llm=llm).run("Look up 140.")) == "140."
    first, second = (request.body for request in server.requests)
    assert [tool.get("defer_loading", False) for tool in first["tools"]] == [False] * 5 + [
        True
    ] * 145
    assert first["deferred_tools"]["search"] == {"type": "bm25"}
    assert second["tools"] == first["tools"]
    assert second["messages"][-1]["content"] == "140 in Oslo"


def test_a_dump_keeps_which_tools_are_deferred() -> None:
    llm = GLM(api_key="sk-or-test", deferred_tools=["tide"], server_tools=["openrouter:datetime"])
    copied = GLM.from_dict({**llm.to_dict(), "api_key": "sk-or-test"})
    assert copied.deferred_tools == llm.deferred_tools
    assert copied.server_tools == [{"type": "openrouter:datetime"}]
