"""What a turn brought goes back with the next one as it came, and what is wished is on the wire, in both frameworks."""

import asyncio
import json

import pytest
from langchain_core.messages import HumanMessage, ToolMessage
from llama_index.core.base.llms.types import ChatMessage

from glm_openrouter.testing import bytes_reply, json_reply
from langchain_glm import ChatGLM
from llamaindex_glm import GLM
from support.langchain_models import merge
from support.models import CHAT, RUNNABLE, gather
from support.samples import KEY
from support.surfaces import QUESTION, TOOLS
from support.wire import call, chunk, event_stream, response_body, thinks

ANSWER = bytes_reply(event_stream(chunk({"content": "Frost."}, "stop")))


class LangChainTurns:
    """Two turns of `ChatGLM`, with the result of a tool between."""

    def __init__(self, base_url, in_loop, streamed, **options):
        self._model = ChatGLM(api_key=KEY, base_url=base_url, max_retries=0, **options)
        self._bound = self._model.bind_tools(TOOLS)
        self._in_loop, self._streamed = in_loop, streamed

    async def run(self):
        first = await self._ask([HumanMessage(QUESTION)])
        result = ToolMessage("Frost", tool_call_id=first.tool_calls[0]["id"])
        await self._ask([HumanMessage(QUESTION), first, result])

    async def _ask(self, messages):
        method = RUNNABLE.choose(self._in_loop, self._streamed)
        return merge(await gather(getattr(self._bound, method)(messages)))


class LlamaIndexTurns:
    """Two turns of LlamaIndex's `GLM`, with the result of a tool between."""

    def __init__(self, base_url, in_loop, streamed, **options):
        self._llm = GLM(api_key=KEY, api_base=base_url, max_retries=0, **options)
        self._in_loop, self._streamed = in_loop, streamed

    async def run(self):
        question = ChatMessage(QUESTION)
        first = await self._ask([question])
        (made,) = self._llm.get_tool_calls_from_response(first)
        result = ChatMessage(
            role="tool", content="Frost", additional_kwargs={"tool_call_id": made.tool_id}
        )
        await self._ask([question, first.message, result])

    async def _ask(self, messages):
        method = CHAT.choose(self._in_loop, self._streamed)
        return (await gather(getattr(self._llm, method)(messages, tools=TOOLS)))[-1]


@pytest.fixture(params=[LangChainTurns, LlamaIndexTurns], ids=["langchain", "llamaindex"])
def framework(request):
    return request.param


@pytest.fixture(params=[False, True], ids=["sync", "async"])
def in_loop(request):
    return request.param


@pytest.fixture(params=[False, True], ids=["whole", "stream"])
def streamed(request):
    return request.param


ARGUMENTS = '{ "city" : "Troms\\u00f8" }'
CALL = call("weather", ARGUMENTS, 0, "call_1")
LAST = chunk({"content": None, "tool_calls": [CALL]}, "tool_calls")


def text(**keys):
    return {"type": "reasoning.text", "format": "unknown", "index": 0, **keys}


def sealed(**keys):
    return {"type": "reasoning.encrypted", "format": "google-gemini-v1", "id": "a", **keys}


def details(*entries):
    return chunk({"content": "", "reasoning_details": list(entries)})


FIRST_TURNS = {
    "fragments": (
        [chunk({"content": "\n"}), thinks("Hm, "), thinks("well."), LAST],
        {"reasoning_details": [text(text="Hm, well.")]},
    ),
    "a signature at the end": (
        [details(text(text="Hm.")), details(text(text=None, signature="s1")), LAST],
        {"reasoning_details": [text(text="Hm.", signature="s1")]},
    ),
    "nothing that can be read": (
        [details(sealed(data="ab", index=0)), LAST],
        {"reasoning_details": [sealed(data="ab", index=0)]},
    ),
    "a text, and what cannot be read": (
        [details(text(text="Hm.")), details(sealed(data="ab", index=1)), LAST],
        {"reasoning_details": [text(text="Hm."), sealed(data="ab", index=1)]},
    ),
    "a summary": (
        [
            details({"type": "reasoning.summary", "summary": "In ", "index": 0}),
            details({"type": "reasoning.summary", "summary": "short", "index": 0}),
            LAST,
        ],
        {"reasoning_details": [{"type": "reasoning.summary", "summary": "In short", "index": 0}]},
    ),
    "no details": (
        [chunk({"reasoning": "Hm, "}), chunk({"reasoning": "well."}), LAST],
        {"reasoning": "Hm, well."},
    ),
    "the name that Z.AI gives it": (
        [chunk({"reasoning_content": "Hm, "}), chunk({"reasoning_content": "well."}), LAST],
        {"reasoning": "Hm, well."},
    ),
    "no reasoning": ([LAST], {}),
}


def second_request(server, framework, in_loop, streamed):
    asyncio.run(framework(server.base_url, in_loop, streamed).run())
    return server.requests[1].body["messages"]


@pytest.mark.parametrize("form", FIRST_TURNS)
def test_a_turn_goes_back_as_it_came(scripted_openrouter, framework, streamed, form):
    events, expected = FIRST_TURNS[form]
    server = scripted_openrouter(bytes_reply(event_stream(*events)), ANSWER)
    turn = second_request(server, framework, False, streamed)[1]
    kept = {key: turn[key] for key in turn if key.startswith("reasoning")}
    assert kept == expected
    assert turn["tool_calls"] == [
        {
            "id": "call_1",
            "type": "function",
            "function": {"name": "weather", "arguments": ARGUMENTS},
        }
    ]
    assert turn["content"] is None


def test_a_turn_that_came_in_one_piece_goes_back_as_it_came(
    scripted_openrouter, framework, in_loop, streamed
):
    entries = [text(text="Hm."), text(text="Well.", signature=None), sealed(data="ab", index=1)]
    message = {"content": None, "reasoning_details": entries, "tool_calls": [CALL]}
    server = scripted_openrouter(json_reply(response_body(message, "tool_calls")), ANSWER)
    turn = second_request(server, framework, in_loop, streamed)[1]
    assert turn["reasoning_details"] == entries
    assert turn["tool_calls"][0]["function"]["arguments"] == ARGUMENTS


def test_what_was_sent_is_sent_again_byte_for_byte(
    scripted_openrouter, framework, in_loop, streamed
):
    events, _ = FIRST_TURNS["fragments"]
    server = scripted_openrouter(bytes_reply(event_stream(*events)), ANSWER)
    asyncio.run(framework(server.base_url, in_loop, streamed).run())
    first, second = (json.dumps(request.body["messages"])[:-1] for request in server.requests)
    assert second.startswith(first)


WISHES = {
    "off": (False, {"enabled": False}),
    "on": (True, {"enabled": True}),
    "an effort": ("high", {"effort": "high"}),
    "hidden": ({"exclude": True}, {"exclude": True}),
    "a budget": ({"max_tokens": 2000}, {"max_tokens": 2000}),
    "off, as an object": ({"enabled": False}, {"enabled": False}),
}


@pytest.mark.parametrize("wish", WISHES)
def test_what_is_wished_of_reasoning_is_on_the_wire(scripted_openrouter, framework, wish):
    given, sent = WISHES[wish]
    server = scripted_openrouter(bytes_reply(event_stream(LAST)), ANSWER)
    asyncio.run(framework(server.base_url, False, True, reasoning=given).run())
    assert [request.body["reasoning"] for request in server.requests] == [sent, sent]


def test_nothing_is_said_of_reasoning_unless_it_is_wished(
    scripted_openrouter, framework, in_loop, streamed
):
    server = scripted_openrouter(bytes_reply(event_stream(LAST)), ANSWER)
    asyncio.run(framework(server.base_url, in_loop, streamed).run())
    assert not {"reasoning", "include_reasoning", "reasoning_effort"} & {*server.requests[0].body}


def test_an_effort_and_a_budget_at_once_are_refused(framework):
    with pytest.raises(ValueError, match="max_tokens"):
        framework(
            "http://127.0.0.1:9/api/v1", False, False, reasoning={"effort": "low", "max_tokens": 9}
        )
