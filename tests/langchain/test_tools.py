"""Tools of every kind, and what becomes of a choice that a provider refuses."""

import warnings
from typing import Annotated, Any, TypedDict

import pytest
from langchain_core._api import LangChainBetaWarning
from langchain_core.runnables import RunnableLambda
from langchain_core.tools import BaseTool, StructuredTool, tool
from pydantic import BaseModel, Field

from glm_openrouter import InvalidRequestError
from glm_openrouter.testing import json_reply, stream_reply
from glm_openrouter.testing.pytest_plugin import StartScript
from langchain_glm import BadRequestError, ChatGLM, NotFoundError
from support.langchain_models import Ask, every_way, model_for
from support.samples import THOUGHT_CALL, WEATHER
from support.wire import response_body

ANSWER = stream_reply(THOUGHT_CALL)
SEARCH = {"type": "openrouter:web_search", "parameters": {"max_results": 2}}


@tool
def decorated(city: Annotated[str, "Where"]) -> str:
    """Look up the weather."""
    return city


def function(city: str) -> str:
    """Look up the weather.

    Args:
        city: Where
    """
    return city


class Model(BaseModel):
    """Look up the weather."""

    city: str = Field(description="Where")


class Typed(TypedDict):
    """Look up the weather."""

    city: Annotated[str, ..., "Where"]


class Tool(BaseTool):
    name: str = "tool"
    description: str = "Look up the weather."

    def _run(self, city: str) -> str:
        return city


SCHEMA = {
    "title": "schema",
    "description": "Look up the weather.",
    "type": "object",
    "properties": {"city": {"type": "string", "description": "Where"}},
    "required": ["city"],
}

with warnings.catch_warnings():
    warnings.simplefilter("ignore", LangChainBetaWarning)
    RUNNABLE = RunnableLambda(lambda given: given["city"]).as_tool(
        arg_types={"city": str}, name="runnable", description="Look up the weather."
    )

KINDS: dict[str, Any] = {
    "decorated": decorated,
    "function": function,
    "Model": Model,
    "Typed": Typed,
    "tool": Tool(),
    "structured": StructuredTool.from_function(function, name="structured"),
    "runnable": RUNNABLE,
    "schema": SCHEMA,
    "weather": WEATHER,
    "anthropic": {
        "name": "anthropic",
        "description": "Look up the weather.",
        "input_schema": {key: SCHEMA[key] for key in ("type", "properties", "required")},
    },
}
"""Name -> a tool of a kind that LangChain knows."""


@pytest.mark.parametrize("name", KINDS)
def test_a_tool_of_any_kind_is_sent(scripted_openrouter: StartScript, name: str) -> None:
    server = scripted_openrouter(ANSWER)
    model_for(server).bind_tools([KINDS[name]]).invoke("?")
    (sent,) = server.requests[0].body["tools"]
    assert (sent["type"], sent["function"]["name"]) == ("function", name)
    assert sent["function"]["description"].startswith("Look up the weather.")
    parameters = sent["function"]["parameters"]
    assert (parameters["type"], parameters["required"]) == ("object", ["city"])
    assert parameters["properties"]["city"]["type"] == "string"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({}, None),
        ({"strict": True}, True),
        ({"strict": False}, False),
    ],
)
def test_strictness_is_as_it_is_asked_for(
    scripted_openrouter: StartScript, arguments: dict[str, Any], expected: bool | None
) -> None:
    server = scripted_openrouter(ANSWER)
    model_for(server).bind_tools([decorated], **arguments).invoke("?")
    assert server.requests[0].body["tools"][0]["function"].get("strict") is expected


@pytest.mark.parametrize("wanted", [True, False, None])
def test_parallel_calls_are_as_they_are_asked_for(
    scripted_openrouter: StartScript, wanted: bool | None
) -> None:
    server = scripted_openrouter(ANSWER)
    model_for(server).bind_tools([decorated], parallel_tool_calls=wanted).invoke("?")
    assert server.requests[0].body.get("parallel_tool_calls") is wanted


def test_a_server_tool_stands_beside_others(scripted_openrouter: StartScript) -> None:
    server = scripted_openrouter(ANSWER)
    model_for(server).bind_tools([SEARCH, decorated], strict=True).invoke("?")
    search, other = server.requests[0].body["tools"]
    assert search == SEARCH
    assert other["function"]["name"] == "decorated"


def named(name: str) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name}}


CHOICES: list[tuple[Any, list[Any], Any]] = [
    ("auto", [WEATHER], "auto"),
    ("none", [WEATHER], "none"),
    ("required", [WEATHER], "required"),
    ("any", [WEATHER], "required"),
    ("weather", [WEATHER, decorated], named("weather")),
    (True, [WEATHER], named("weather")),
    (named("weather"), [WEATHER], named("weather")),
    ("openrouter:web_search", [SEARCH, WEATHER], {"type": "openrouter:web_search"}),
    (True, [SEARCH], {"type": "openrouter:web_search"}),
    (False, [WEATHER], None),
    (None, [WEATHER], None),
]


@pytest.mark.parametrize(("choice", "tools", "expected"), CHOICES)
def test_a_choice_is_sent_as_it_is_asked_for(
    scripted_openrouter: StartScript, choice: Any, tools: list[Any], expected: Any
) -> None:
    server = scripted_openrouter(ANSWER)
    model_for(server).bind_tools(tools, tool_choice=choice).invoke("?")
    assert server.requests[0].body.get("tool_choice") == expected


@pytest.mark.parametrize(
    ("choice", "tools", "text"),
    [
        ("wether", [WEATHER], "no tool; the tools are.*Did you mean `weather`"),
        (True, [WEATHER, decorated], "exactly one tool, got 2"),
        (True, [], "exactly one tool, got 0"),
    ],
)
def test_a_choice_that_makes_no_sense_is_an_error(choice: Any, tools: list[Any], text: str) -> None:
    with pytest.raises(InvalidRequestError, match=text):
        ChatGLM(api_key="sk-or-test").bind_tools(tools, tool_choice=choice)


def test_tools_are_left_alone(scripted_openrouter: StartScript) -> None:
    given = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
    model_for(scripted_openrouter(ANSWER)).bind_tools([given], strict=True).invoke("?")
    assert given == {
        "type": "function",
        "function": {"name": "f", "parameters": {"type": "object"}},
    }


# A choice that the provider refuses


BAD = json_reply(
    {
        "error": {
            "code": 400,
            "message": "Provider returned error",
            "metadata": {"raw": "Tool choice must be auto", "provider_name": "Z.AI"},
        }
    },
    400,
)
MISSING = json_reply(
    {
        "error": {
            "code": 404,
            "message": "No endpoints found that support the provided 'tool_choice' value.",
        }
    },
    404,
)


@every_way
@pytest.mark.parametrize("refusal", [BAD, MISSING], ids=["400", "404"])
@pytest.mark.parametrize(
    ("choice", "note"),
    [("any", "tool_choice: required -> auto"), ("weather", "tool_choice: weather -> auto")],
)
async def test_a_refused_choice_is_asked_for_in_words_once(
    scripted_openrouter: StartScript, ask: Ask, refusal: Any, choice: str, note: str
) -> None:
    server = scripted_openrouter(refusal, ANSWER)
    message = await ask(model_for(server).bind_tools([WEATHER], tool_choice=choice))
    assert message.tool_calls[0]["args"] == {"city": "Oslo"}
    assert message.response_metadata["adjustments"] == [note]
    refused, sent = (request.body for request in server.requests)
    assert (refused["tool_choice"] == "auto", sent["tool_choice"]) == (False, "auto")
    assert sent["messages"][0]["role"] == "system"
    assert sent["messages"][1:] == refused["messages"]


@every_way
@pytest.mark.parametrize(
    ("refusal", "error"), [(BAD, BadRequestError), (MISSING, NotFoundError)], ids=["400", "404"]
)
async def test_a_choice_that_is_refused_again_is_an_error(
    scripted_openrouter: StartScript, ask: Ask, refusal: Any, error: type[Exception]
) -> None:
    server = scripted_openrouter(refusal)
    with pytest.raises(error):
        await ask(model_for(server).bind_tools([WEATHER], tool_choice="any"))
    assert len(server.requests) == 2


@every_way
async def test_nothing_is_said_of_a_choice_that_is_taken(
    scripted_openrouter: StartScript, ask: Ask
) -> None:
    message = await ask(
        model_for(scripted_openrouter(ANSWER)).bind_tools([WEATHER], tool_choice="any")
    )
    assert "adjustments" not in message.response_metadata


def test_another_refusal_is_an_error_at_once(scripted_openrouter: StartScript) -> None:
    server = scripted_openrouter(json_reply({"error": {"code": 400, "message": "No."}}, 400))
    with pytest.raises(BadRequestError):
        model_for(server).bind_tools([WEATHER], tool_choice="any").invoke("?")
    assert len(server.requests) == 1


def test_an_answer_in_text_is_an_answer(scripted_openrouter: StartScript) -> None:
    server = scripted_openrouter(json_reply(response_body({"content": "It rains."})))
    message = model_for(server).bind_tools([WEATHER], tool_choice="any").invoke("?")
    assert (message.text, message.tool_calls) == ("It rains.", [])


@pytest.mark.parametrize("tools", [WEATHER, "weather", {"name": "weather"}, 5])
def test_tools_that_are_no_list_are_refused(tools: Any) -> None:
    with pytest.raises(InvalidRequestError, match="tools must be a list of tools"):
        ChatGLM(api_key="sk-or-x").bind_tools(tools)
