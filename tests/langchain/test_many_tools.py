"""Agents of LangChain with tools that OpenRouter runs, and with more tools than a prompt should hold."""

import os
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.load import dumpd, load
from langchain_core.tools import BaseTool, StructuredTool, tool

from glm_openrouter.testing.pytest_plugin import StartScript
from langchain_glm import ChatGLM
from support.bad_calls import GOOD, calls_reply, says_reply
from support.langchain_models import model_for

SEARCH = {"type": "openrouter:web_search"}


def look_up(city: str) -> str:
    """Look up something."""
    return f"It is in {city}"


def numbered(number: int, extras: dict[str, Any] | None = None) -> BaseTool:
    return StructuredTool.from_function(look_up, name=f"look_up_{number}", extras=extras)


@pytest.mark.parametrize("given", ["model", "agent"])
def test_tools_of_openrouter_go_with_those_of_an_agent(
    scripted_openrouter: StartScript, given: str
) -> None:
    server = scripted_openrouter(calls_reply(GOOD, name="look_up_1"), says_reply("Cold."))
    theirs: list[Any] = [SEARCH] if given == "agent" else []
    settings = {"server_tools": ["openrouter:web_search"]} if given == "model" else {}
    agent = create_agent(model_for(server, **settings), [numbered(1), *theirs])
    agent.invoke({"messages": [("user", "Weather?")]})
    for request in server.requests:
        assert [entry["type"] for entry in request.body["tools"]] == ["function", SEARCH["type"]]


@pytest.mark.parametrize("by", ["extras", "names"])
def test_an_agent_with_150_tools_defers_all_but_a_few(
    scripted_openrouter: StartScript, by: str
) -> None:
    server = scripted_openrouter(calls_reply(GOOD, name="look_up_140"), says_reply("In Oslo."))
    extras = {"defer_loading": True} if by == "extras" else None
    tools = [numbered(at) if at < 5 else numbered(at, extras) for at in range(150)]
    names = [f"look_up_{at}" for at in range(5, 150)]
    model = model_for(server, deferred_tools=True if by == "extras" else names)
    state = create_agent(model, tools).invoke({"messages": [("user", "Look up 140.")]})
    assert state["messages"][-1].text == "In Oslo."
    first, second = (request.body for request in server.requests)
    assert [entry.get("defer_loading", False) for entry in first["tools"]] == [False] * 5 + [
        True
    ] * 145
    assert first["deferred_tools"]["search"] == {"type": "bm25"}
    assert second["tools"] == first["tools"]
    assert second["messages"][-1]["content"] == "It is in Oslo"


@pytest.mark.parametrize("deferred", [True, False])
def test_a_tool_that_says_whether_it_is_deferred_is_bound_so(deferred: bool) -> None:
    @tool(extras={"defer_loading": deferred, "other": 1})
    def tide(harbour: str) -> str:
        """Look up the tide."""
        return harbour

    (entry,) = ChatGLM(api_key="sk-or-test").bind_tools([tide]).kwargs["tools"]
    assert entry["defer_loading"] is deferred
    assert "other" not in entry


@pytest.mark.filterwarnings("ignore:The function `load` is in beta")
def test_a_dump_keeps_which_tools_are_deferred(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "OPENROUTER_API_KEY", "sk-or-test")
    model = ChatGLM(deferred_tools=["tide"], server_tools=["openrouter:datetime"])
    copied = load(
        dumpd(model),
        allowed_objects=[ChatGLM],
        valid_namespaces=["langchain_glm"],
        secrets_from_env=True,
    )
    assert copied.deferred_tools == model.deferred_tools
    assert copied.server_tools == [{"type": "openrouter:datetime"}]
