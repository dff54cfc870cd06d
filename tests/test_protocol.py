"""Facts of docs/protocol.md that concern both adapters and no other test."""

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from llama_index.core.base.llms.types import ChatMessage, TextBlock, ThinkingBlock

from glm_openrouter.testing import json_reply
from langchain_glm import ChatGLM
from llamaindex_glm import GLM

ENTRY = {"type": "reasoning.encrypted", "data": "c2VhbGVk", "id": "rs_1", "index": 0}


def ask_through_langchain(base_url):
    said = AIMessage("Pier two.", additional_kwargs={"reasoning_details": [ENTRY]})
    ChatGLM(api_key="sk-or-test", base_url=base_url).invoke([HumanMessage("Where?"), said])


def ask_through_llamaindex(base_url):
    thought = ThinkingBlock(content=None, additional_information={"reasoning_details": [ENTRY]})
    said = ChatMessage(role="assistant", blocks=[thought, TextBlock(text="Pier two.")])
    GLM(api_key="sk-or-test", api_base=base_url).chat([ChatMessage("Where?"), said])


@pytest.mark.parametrize("ask", [ask_through_langchain, ask_through_llamaindex])
def test_the_id_of_a_stored_item_does_not_go_back(scripted_openrouter, ask):
    server = scripted_openrouter(json_reply({"choices": [{"message": {"content": "Yes."}}]}))
    ask(server.base_url)
    (entry,) = server.requests[0].body["messages"][1]["reasoning_details"]

    assert entry == {key: value for key, value in ENTRY.items() if key != "id"}
