"""Tools that OpenRouter runs itself, and tools that a model has to search for first."""

from typing import Any

import pytest

from glm_openrouter import ChatRequest, DeferredTools, InvalidRequestError, ToolSearch
from glm_openrouter.request.layers import build_request
from glm_openrouter.request.parameters import ModelParameters

SEARCH = {"type": "openrouter:web_search"}
FETCH = {"type": "openrouter:web_fetch", "parameters": {"max_uses": 1}}


def own(name: str) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, "parameters": {"type": "object"}}}


def body(**arguments: Any) -> dict[str, Any]:
    return ChatRequest(messages=[{"role": "user", "content": "?"}], **arguments).to_wire()


@pytest.mark.parametrize("given", [["openrouter:web_search"], [SEARCH]], ids=["type", "object"])
def test_server_tools_go_with_the_tools_of_a_request(given: list[Any]) -> None:
    assert body(server_tools=given)["tools"] == [SEARCH]
    sent = body(server_tools=[*given, FETCH], tools=[own("tide"), SEARCH])
    assert sent["tools"] == [own("tide"), SEARCH, FETCH]
    assert "server_tools" not in sent


def test_a_server_tool_may_be_chosen() -> None:
    assert body(server_tools=[SEARCH], tool_choice=SEARCH)["tool_choice"] == SEARCH


@pytest.mark.parametrize("name", ["model_kwargs", "extra_body"])
def test_server_tools_of_a_default_go_with_the_tools_of_a_call(name: str) -> None:
    class Parameters(ModelParameters):
        """A model."""

    given = {"tools": [SEARCH]}
    parameters = Parameters(extra_body=given) if name == "extra_body" else Parameters()
    defaults = given if name == "model_kwargs" else None
    messages = [{"role": "user", "content": "?"}]
    request = build_request(messages, parameters, {"tools": [own("tide")]}, model_kwargs=defaults)
    assert request.to_wire()["tools"] == [own("tide"), SEARCH]
    alone = build_request(messages, parameters, {}, model_kwargs=defaults)
    assert alone.to_wire()["tools"] == [SEARCH]


def test_other_tools_of_extra_body_take_the_place_of_all() -> None:
    sent = body(tools=[own("tide")], extra_body={"tools": [own("berth")]})
    assert sent["tools"] == [own("berth")]


DEFAULT = {
    "protocol": "v1",
    "profile": "portable",
    "validation": "runtime",
    "search": {"type": "bm25"},
}


def test_tools_are_deferred_by_their_names() -> None:
    sent = body(tools=[own("tide"), own("berth")], deferred_tools=["berth", "unknown"])
    assert sent["tools"] == [own("tide"), {**own("berth"), "defer_loading": True}]
    assert sent["deferred_tools"] == DEFAULT


def test_tools_are_deferred_that_say_so() -> None:
    marked = {**own("berth"), "defer_loading": True}
    sent = body(tools=[own("tide"), marked], deferred_tools=True)
    assert sent["tools"] == [own("tide"), marked]
    assert sent["deferred_tools"] == DEFAULT
    assert "deferred_tools" not in body(tools=[own("tide")], deferred_tools=False)


def test_the_search_for_deferred_tools_has_settings() -> None:
    wanted = DeferredTools(names=["tide"], search=ToolSearch(type="regex", max_results=5))
    plain = {"names": ["tide"], "search": {"type": "regex", "max_results": 5}}
    for given in (wanted, plain):
        sent = body(tools=[own("tide")], deferred_tools=given)
        assert sent["deferred_tools"] == {
            **DEFAULT,
            "search": {"type": "regex", "max_results": 5},
        }
        assert sent["tools"][0]["defer_loading"] is True


def test_a_request_without_tools_defers_none() -> None:
    assert not {"tools", "deferred_tools"} & body(deferred_tools=["tide"]).keys()


@pytest.mark.parametrize(
    "search", [{"type": "custom"}, {"type": "bm25", "tool_id": "find"}, {"type": "bm26"}], ids=str
)
def test_a_search_that_cannot_be_is_refused(search: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequestError, match="search"):
        build_request(
            [{"role": "user", "content": "?"}],
            ModelParameters(),
            {"deferred_tools": {"search": search}},
        )
