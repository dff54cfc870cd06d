"""Numbers and other values that no honest provider sends, as LangChain gets to see them."""

import json
from typing import Any

import pytest
from langchain_core.load import dumps
from langchain_core.messages import HumanMessage, ToolMessage

from glm_openrouter.testing import bytes_reply, stream_reply
from glm_openrouter.testing.pytest_plugin import StartScript
from support.langchain_models import Ask, every_way, merge, model_for
from support.samples import WEATHER
from support.wire import USAGE, call, chunk

MARK = "<the number>"
NUMBERS = ["1e400", "NaN", '"inf"', '"nan"', "-1", "9" * 400, "9" * 5_000, "true", "[]"]


def written(events: list[Any], number: str) -> bytes:
    """Return a stream with a number, as it is written, in the place of the mark."""
    texts = [json.dumps(event).replace(json.dumps(MARK), number) for event in events]
    return "".join(f"data: {text}\n\n" for text in [*texts, "[DONE]"]).encode()


@every_way
@pytest.mark.parametrize("number", NUMBERS, ids=lambda number: number[:9])
async def test_usage_without_a_number_is_still_usage(
    scripted_openrouter: StartScript, ask: Ask, number: str
) -> None:
    details = {"cached_tokens": MARK, "audio_tokens": MARK}
    usage = {**USAGE, "completion_tokens": MARK, "cost": MARK, "prompt_tokens_details": details}
    sent = written([chunk({"content": "Hi"}), chunk({}, "stop", usage=usage, created=MARK)], number)
    message = await ask(model_for(scripted_openrouter(bytes_reply(sent))), "?")
    assert message.text == "Hi"
    assert message.usage_metadata["input_tokens"] == 31
    assert message.usage_metadata["output_tokens"] == 17  # what the prompt leaves of the total
    assert "cost" not in message.response_metadata


@every_way
@pytest.mark.parametrize(
    ("usage", "counts"),
    [
        ({"prompt_tokens": "many", "completion_tokens": 5, "total_tokens": 7}, (2, 5, 7)),
        ({"prompt_tokens": 2, "completion_tokens": [5], "total_tokens": 7}, (2, 5, 7)),
        ({"prompt_tokens": None, "completion_tokens": 5, "total_tokens": "all"}, (0, 5, 5)),
        ({"prompt_tokens": 2, "completion_tokens": True, "total_tokens": -1}, (2, 0, 2)),
    ],
)
async def test_a_count_that_is_no_number_costs_no_other(
    scripted_openrouter: StartScript, ask: Ask, usage: dict[str, Any], counts: tuple[int, int, int]
) -> None:
    sent = stream_reply([chunk({"content": "Hi"}), chunk({}, "stop", usage=usage)])
    message = await ask(model_for(scripted_openrouter(sent)), "?")
    found = message.usage_metadata
    assert message.text == "Hi"
    assert (found["input_tokens"], found["output_tokens"], found["total_tokens"]) == counts


@every_way
async def test_usage_of_odd_numbers_is_none(scripted_openrouter: StartScript, ask: Ask) -> None:
    usage = dict.fromkeys(("prompt_tokens", "total_tokens"), MARK)
    sent = written([chunk({"content": "Hi"}), chunk({}, "stop", usage=usage)], "1e400")
    message = await ask(model_for(scripted_openrouter(bytes_reply(sent))), "?")
    assert message.usage_metadata is None


@every_way
async def test_a_tool_sees_no_infinity(scripted_openrouter: StartScript, ask: Ask) -> None:
    sent = [
        chunk({"tool_calls": [call("weather", '{"city": 1e999}', 0, "call_1")]}),
        chunk({}, "tool_calls"),
    ]
    model = model_for(scripted_openrouter(stream_reply(sent)))
    message = await ask(model.bind_tools([WEATHER], tool_call_retries=None), "?")
    assert message.tool_calls == []
    assert [made["name"] for made in message.invalid_tool_calls] == ["weather"]


@every_way
async def test_an_integer_of_many_digits_survives(
    scripted_openrouter: StartScript, ask: Ask
) -> None:
    arguments = '{"city":%s}' % ("9" * 400)
    sent = [
        chunk({"tool_calls": [call("weather", arguments, 0, "call_1")]}),
        chunk({}, "tool_calls"),
    ]
    server = scripted_openrouter(stream_reply(sent), stream_reply(sent))
    model = model_for(server)
    message = await ask(model.bind_tools([WEATHER]), "?")
    assert message.tool_calls[0]["args"] == {"city": int("9" * 400)}
    assert "9" * 400 in message.model_dump_json()
    assert "9" * 400 in dumps(message)
    model.invoke([HumanMessage("?"), message, ToolMessage("4 degrees", tool_call_id="call_1")])
    returned = server.requests[1].body["messages"][1]["tool_calls"][0]["function"]
    assert returned["arguments"] == arguments


def test_odd_log_probabilities_add_up(scripted_openrouter: StartScript) -> None:
    sent = [
        chunk({"content": "a"}),
        chunk({"content": "b"}),
        chunk({"content": "c"}),
        chunk({}, "stop"),
    ]
    odd = (
        {"token": "a", "index": 0, "logprob": -0.5},
        {"token": 5, "index": 0},
        {"token": "c", "index": 0},
    )
    for event, entry in zip(sent, odd, strict=False):
        event["choices"][0]["logprobs"] = {"content": [entry]}
    message = merge(model_for(scripted_openrouter(stream_reply(sent))).stream("?"))
    tokens = message.response_metadata["logprobs"]["content"]
    assert [token["token"] for token in tokens] == ["a", "c"]
