"""What we need of LangChain works without us: what fails here is not ours to mend."""

import json
from typing import Any

from langchain.agents import create_agent
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    HumanMessage,
    messages_from_dict,
    messages_to_dict,
)
from langchain_core.tools import tool

CALL = {"name": "add", "args": {"a": 2, "b": 3}, "id": "call_1", "type": "tool_call"}


@tool
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


class Scripted(GenericFakeChatModel):
    """A model that lets tools be bound."""

    def bind_tools(self, tools: Any, **kwargs: Any) -> Any:
        return self


def test_an_agent_runs_a_tool() -> None:
    model = Scripted(messages=iter([AIMessage("", tool_calls=[CALL]), AIMessage("It is 5.")]))
    state = create_agent(model, [add]).invoke({"messages": [HumanMessage("2 + 3?")]})
    assert [message.text for message in state["messages"]] == ["2 + 3?", "", "5", "It is 5."]


def test_a_stream_adds_up() -> None:
    model = GenericFakeChatModel(messages=iter([AIMessage("It is 5.")]))
    first, *rest = model.stream("2 + 3?")
    assert sum(rest, first).text == "It is 5."


def test_calls_in_pieces_add_up() -> None:
    pieces = [
        AIMessageChunk(
            "", tool_call_chunks=[{"name": "add", "args": '{"a": 2', "id": "1", "index": 0}]
        ),
        AIMessageChunk(
            "", tool_call_chunks=[{"name": None, "args": ', "b": 3}', "id": None, "index": 0}]
        ),
    ]
    assert (pieces[0] + pieces[1]).tool_calls[0]["args"] == {"a": 2, "b": 3}


def test_a_message_survives_as_json() -> None:
    message = AIMessage("", tool_calls=[CALL], additional_kwargs={"kept": [1]})
    assert messages_from_dict(json.loads(json.dumps(messages_to_dict([message])))) == [message]
