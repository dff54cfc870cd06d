"""Turns that need a word more, or a part less, than LangChain has, before they may go out."""

from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

from glm_openrouter import InvalidRequestError
from glm_openrouter.testing import ScriptedServer, json_reply
from support.langchain_models import model_for
from support.wire import response_body


@pytest.fixture
def server(scripted_openrouter: Any) -> ScriptedServer:
    return scripted_openrouter(json_reply(response_body({"content": "Yes."})))


def sent(server: ScriptedServer, *messages: Any, **options: Any) -> Any:
    model_for(server, **options).invoke([HumanMessage("?"), *messages])
    return server.requests[0].body["messages"]


def test_a_failed_tool_says_so_before_its_blocks(server: ScriptedServer) -> None:
    block = {"type": "image_url", "image_url": {"url": "https://harbour.test/full.png"}}
    calls = [{"id": "call_1", "name": "moor", "args": {}}]
    result = ToolMessage([block], tool_call_id="call_1", status="error")
    content = sent(server, AIMessage("", tool_calls=calls), result, model="z-ai/glm-4.5v")[-1][
        "content"
    ]
    assert content == [{"type": "text", "text": "Error: "}, block]


def test_the_id_of_an_item_stored_by_openai_stays_here(server: ScriptedServer) -> None:
    detail = {"type": "reasoning.text", "text": "Hm.", "index": 0}
    details = [{**detail, "id": "rs_1"}, {**detail, "id": "other"}]
    turn = AIMessage("Yes.", additional_kwargs={"reasoning_details": details})
    assert sent(server, turn)[-1]["reasoning_details"] == [detail, {**detail, "id": "other"}]


def test_details_that_are_no_list_are_refused(server: ScriptedServer) -> None:
    turn = AIMessage("Yes.", additional_kwargs={"reasoning_details": {"type": "reasoning.text"}})
    with pytest.raises(InvalidRequestError, match=r"must be a list, got dict"):
        sent(server, turn)
    assert not server.requests
