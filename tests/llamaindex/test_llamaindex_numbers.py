"""Numbers and other values that no honest provider sends, as LlamaIndex gets to see them."""

import json
from typing import Any

import pytest
from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.tools import FunctionTool

from glm_openrouter import InvalidToolCallError
from glm_openrouter.testing import bytes_reply, stream_reply
from glm_openrouter.testing.pytest_plugin import StartScript
from support import llamaindex_models
from support.llamaindex_models import llm_for
from support.models import CHAT
from support.wire import USAGE, call, chunk

MARK = "<the number>"
NUMBERS = ["1e400", "NaN", '"inf"', '"nan"', "-1", "9" * 400, "9" * 5_000, "true", "[]"]
every_way = pytest.mark.parametrize("way", CHAT)


def weather(city: str) -> str:
    """Look up the weather."""
    return f"4 degrees in {city}"


def written(events: list[Any], number: str) -> bytes:
    """Return a stream with a number, as it is written, in the place of the mark."""
    texts = [json.dumps(event).replace(json.dumps(MARK), number) for event in events]
    return "".join(f"data: {text}\n\n" for text in [*texts, "[DONE]"]).encode()


@every_way
@pytest.mark.parametrize("number", NUMBERS, ids=lambda number: number[:9])
async def test_usage_without_a_number_is_still_usage(
    scripted_openrouter: StartScript, way: str, number: str
) -> None:
    details = {"reasoning_tokens": MARK}
    usage = {**USAGE, "total_tokens": MARK, "cost": MARK, "completion_tokens_details": details}
    sent = [
        chunk({"content": "Hi", "reasoning": "Hm."}),
        chunk({}, "stop", usage=usage, created=MARK),
    ]
    server = scripted_openrouter(bytes_reply(written(sent, number)))
    *_, last = await llamaindex_models.ask(llm_for(server), way, "?")
    assert last.message.content == "Hi"
    assert last.additional_kwargs["prompt_tokens"] == 31
    assert not {"total_tokens", "cost", "reasoning_tokens"} & last.additional_kwargs.keys()


def test_a_call_with_infinity_does_not_run(scripted_openrouter: StartScript) -> None:
    sent = [
        chunk({"tool_calls": [call("weather", '{"city": 1e999}', 0, "call_1")]}),
        chunk({}, "tool_calls"),
    ]
    llm = llm_for(scripted_openrouter(stream_reply(sent)))
    with pytest.raises(InvalidToolCallError):
        llm.chat_with_tools([FunctionTool.from_defaults(weather)], "?")


def test_odd_log_probabilities_and_citations_cost_only_themselves(
    scripted_openrouter: StartScript,
) -> None:
    cited = {"type": "url_citation", "url_citation": {"url": 5, "title": [[]], "content": "Wind."}}
    sent = [chunk({"content": "a", "annotations": [cited, {"url_citation": 7}]}), chunk({}, "stop")]
    sent[0]["choices"][0]["logprobs"] = {"content": [{"token": "a", "top_logprobs": 5}]}
    response = llm_for(scripted_openrouter(stream_reply(sent))).chat([ChatMessage("?")])
    assert response.message.content == "a"
    assert response.logprobs is None
    assert [
        block.source for block in response.message.blocks if block.block_type == "citation"
    ] == [""]
