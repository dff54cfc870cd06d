"""Every argument of LlamaIndex's `OpenRouter` and its parents works on `GLM`, and the table in the docs says so."""

import inspect
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.callbacks import CallbackManager, CBEventType, LlamaDebugHandler
from llama_index.core.prompts import PromptTemplate
from llama_index.core.rate_limiter import BaseRateLimiter
from llama_index.core.tools import FunctionTool
from llama_index.core.types import BaseOutputParser, PydanticProgramMode
from llama_index.llms.openrouter import OpenRouter
from pydantic import BaseModel, ValidationError

from glm_openrouter import APITimeoutError, InternalServerError, InvalidRequestError
from glm_openrouter.testing import Hold, json_reply, stream_reply
from glm_openrouter.testing.pytest_plugin import StartScript
from llamaindex_glm import GLM
from support.llamaindex_models import METHODS, ask, llm_for
from support.models import CHAT, TEXT_COMPLETION, gather
from support.wire import USAGE, call, chunk, response_body

PAGE = Path(__file__).resolve().parents[2] / "docs" / "llamaindex-arguments.md"
HELLO = stream_reply([chunk({"content": "Hi"}), chunk({}, "stop", usage=USAGE)])


def peer_names() -> set[str]:
    """Return the arguments of the peer: its fields, and what the constructors name beside them."""
    constructors = [
        vars(parent)["__init__"]
        for parent in OpenRouter.__mro__
        if parent.__module__.startswith("llama_index.llms.") and "__init__" in vars(parent)
    ]
    named = [inspect.signature(each).parameters.values() for each in constructors]
    return {
        *OpenRouter.model_fields,
        *(
            parameter.name
            for parameters in named
            for parameter in parameters
            if parameter.kind is not parameter.VAR_KEYWORD and parameter.name != "self"
        ),
    }


PEER = peer_names()


def documented() -> set[str]:
    """Return the first column of the table of the peer's arguments."""
    section = PAGE.read_text().partition("## Arguments of OpenRouter")[2].partition("\n## ")[0]
    return set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE))


def test_the_table_has_every_argument_of_the_peer_and_no_other() -> None:
    assert documented() == PEER


def test_the_page_has_every_other_argument() -> None:
    named = set(re.findall(r"`(\w+)`", PAGE.read_text()))
    assert GLM.model_fields.keys() - named == set()


IN_THE_BODY: dict[str, tuple[Any, dict[str, Any]]] = {
    "model": ("z-ai/glm-4.5", {"model": "z-ai/glm-4.5"}),
    "temperature": (0.5, {"temperature": 0.5}),
    "max_tokens": (9000, {"max_tokens": 9000}),
    "order": (["z-ai"], {"provider": {"order": ["z-ai"]}}),
    "allow_fallbacks": (False, {"provider": {"allow_fallbacks": False}}),
    "additional_kwargs": (
        {"top_k": 4, "new": 1, "extra_body": {"newer": 2}},
        {"top_k": 4, "new": 1, "newer": 2},
    ),
    "logprobs": (True, {"logprobs": True}),
    "top_logprobs": (3, {"top_logprobs": 3}),
    "reasoning_effort": ("low", {"reasoning_effort": "low"}),
    "modalities": (["text"], {"modalities": ["text"]}),
}
"""Argument -> a value, and what it puts into the body."""

IN_THE_HEADERS: dict[str, tuple[Any, dict[str, str]]] = {
    "api_key": ("sk-or-mine", {"authorization": "Bearer sk-or-mine"}),
    "default_headers": ({"X-Mine": "1"}, {"x-mine": "1"}),
}
"""Argument -> a value, and what it puts into the headers."""

IN_THE_METADATA: dict[str, Any] = {
    "context_window": 10_000,
    "is_chat_model": False,
    "is_function_calling_model": False,
}
"""Argument -> a value, which the metadata have, too."""

NOWHERE: dict[str, tuple[Any, Any]] = {
    "reuse_client": (False, "perhaps"),
    "api_version": ("v1", "2024-02-01"),
    "audio_config": ({}, {"voice": "alloy"}),
    "openai_client": (None, object()),
    "async_openai_client": (None, object()),
}
"""Argument -> a value that makes sense, and one that does not."""

OF_THEIR_OWN = {
    "api_base",
    "async_http_client",
    "callback_manager",
    "completion_to_prompt",
    "http_client",
    "max_retries",
    "messages_to_prompt",
    "output_parser",
    "pydantic_program_mode",
    "query_wrapper_prompt",
    "rate_limiter",
    "should_use_structured_outputs",
    "strict",
    "system_prompt",
    "timeout",
    "tokenizer",
}
"""Arguments with a test of their own below."""


def test_every_argument_has_a_test() -> None:
    assert {*IN_THE_BODY, *IN_THE_HEADERS, *IN_THE_METADATA, *NOWHERE, *OF_THEIR_OWN} == PEER


def only_difference(body: dict[str, Any], plain: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if plain.get(name) != value}


@pytest.mark.parametrize("name", IN_THE_BODY)
def test_an_argument_is_in_the_body(scripted_openrouter: StartScript, name: str) -> None:
    server = scripted_openrouter(HELLO)
    value, expected = IN_THE_BODY[name]
    llm_for(server, model="z-ai/glm-4.6").complete(
        "Hi"
    )  # whose routing an order does not contradict
    llm_for(server, **{"model": "z-ai/glm-4.6", name: value}).complete("Hi")
    plain, body = [request.body for request in server.requests]
    assert only_difference(body, plain) == expected


@pytest.mark.parametrize("name", IN_THE_HEADERS)
def test_an_argument_is_in_the_headers(scripted_openrouter: StartScript, name: str) -> None:
    server = scripted_openrouter(HELLO)
    value, expected = IN_THE_HEADERS[name]
    llm_for(server, **{name: value}).complete("Hi")
    assert expected.items() <= server.requests[0].headers.items()


@pytest.mark.parametrize("name", IN_THE_METADATA)
def test_an_argument_is_in_the_metadata(name: str) -> None:
    value = IN_THE_METADATA[name]
    assert getattr(GLM(api_key="sk-or-test").metadata, name) != value
    assert getattr(GLM(api_key="sk-or-test", **{name: value}).metadata, name) == value


@pytest.mark.parametrize("name", NOWHERE)
def test_an_argument_that_means_nothing_here_changes_nothing(
    scripted_openrouter: StartScript, name: str
) -> None:
    server = scripted_openrouter(HELLO)
    llm_for(server).complete("Hi")
    llm_for(server, **{name: NOWHERE[name][0]}).complete("Hi")
    plain, other = server.requests
    assert (plain.body, plain.headers) == (other.body, other.headers)


@pytest.mark.parametrize("name", NOWHERE)
def test_a_value_that_cannot_be_meant_is_an_error(name: str) -> None:
    with pytest.raises(ValidationError, match=name):
        GLM(api_key="sk-or-test", **{name: NOWHERE[name][1]})


def test_the_model_may_come_first(scripted_openrouter: StartScript) -> None:
    assert GLM("z-ai/glm-4.5", api_key="sk-or-test").model == "z-ai/glm-4.5"


def test_max_tokens_has_an_older_name() -> None:
    assert GLM(api_key="sk-or-test", max_new_tokens=9000).max_tokens == 9000


@pytest.mark.parametrize(
    "name", ["api_key", "extra_headers", "extra_query", "max_retries", "model", "stream", "timeout"]
)
def test_what_would_get_lost_in_additional_kwargs_is_refused(name: str) -> None:
    with pytest.raises(ValidationError, match=f"{name} does not go into additional_kwargs"):
        GLM(api_key="sk-or-test", additional_kwargs={name: {}})


@pytest.mark.parametrize(
    "elsewhere",
    [
        {"provider": {"sort": "price"}},
        {"openrouter_provider": {"sort": "price"}},
        {"additional_kwargs": {"provider": {"sort": "price"}}},
        {"additional_kwargs": {"extra_body": {"provider": {"sort": "price"}}}},
    ],
    ids=str,
)
def test_an_order_joins_the_routing_that_is_given_elsewhere(
    scripted_openrouter: StartScript, elsewhere: dict[str, Any]
) -> None:
    server = scripted_openrouter(HELLO)
    llm_for(server, model="z-ai/glm-4.6", order=["z-ai"], **elsewhere).complete("Hi")
    assert server.requests[0].body["provider"] == {"sort": "price", "order": ["z-ai"]}


def test_additional_arguments_win_over_the_constructor_a_call_over_both(
    scripted_openrouter: StartScript,
) -> None:
    server = scripted_openrouter(HELLO)
    llm = llm_for(server, temperature=0.1, additional_kwargs={"temperature": 0.2})
    llm.complete("Hi")
    llm.complete("Hi", temperature=0.3)
    assert [request.body["temperature"] for request in server.requests] == [0.2, 0.3]


async def test_the_base_url_is_asked(scripted_openrouter: StartScript) -> None:
    server = scripted_openrouter(HELLO)
    llm = GLM(api_key="sk-or-test", api_base=server.base_url)
    await ask(llm, "achat")
    assert len(server.requests) == 1


@pytest.mark.parametrize("method", METHODS)
async def test_the_timeout_is_in_seconds(scripted_openrouter: StartScript, method: str) -> None:
    server = scripted_openrouter((Hold(),))
    with pytest.raises(APITimeoutError, match=r"0\.05"):
        await ask(llm_for(server, timeout=0.05), method)


@pytest.mark.usefixtures("waits")
async def test_retries_are_counted_once(scripted_openrouter: StartScript) -> None:
    server = scripted_openrouter(json_reply({"error": {"code": 500, "message": "Oh"}}, 500))
    llm = llm_for(server, max_retries=2)
    with pytest.raises(InternalServerError):
        llm.complete("Hi")
    assert len(server.requests) == 3


async def test_clients_of_ones_own_are_used(scripted_openrouter: StartScript) -> None:
    server = scripted_openrouter(HELLO)
    asked = []

    def note(request: httpx.Request) -> None:
        asked.append("sync")

    async def note_async(request: httpx.Request) -> None:
        asked.append("async")

    with httpx.Client(event_hooks={"request": [note]}) as mine:
        await ask(llm_for(server, http_client=mine), "chat")
    async with httpx.AsyncClient(event_hooks={"request": [note_async]}) as mine_async:
        await ask(llm_for(server, async_http_client=mine_async), "achat")
    assert asked == ["sync", "async"]


@pytest.mark.parametrize("method", METHODS)
async def test_the_callback_manager_sees_each_call_once(
    scripted_openrouter: StartScript, method: str
) -> None:
    handler = LlamaDebugHandler(print_trace_on_end=False)
    llm = llm_for(scripted_openrouter(HELLO), callback_manager=CallbackManager([handler]))
    await ask(llm, method)
    (pair,) = handler.get_event_pairs(CBEventType.LLM)
    assert len(pair) == 2


class Counting(BaseRateLimiter):
    """Counts, and never waits."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def acquire(self, num_tokens: int = 0) -> None:
        self.calls.append("sync")

    async def async_acquire(self, num_tokens: int = 0) -> None:
        self.calls.append("async")


@pytest.mark.parametrize("method", METHODS)
async def test_the_rate_limiter_is_asked_once_for_each_call(
    scripted_openrouter: StartScript, method: str
) -> None:
    limiter = Counting()
    await ask(llm_for(scripted_openrouter(HELLO), rate_limiter=limiter), method)
    assert limiter.calls == ["async" if method.startswith("a") else "sync"]


TEMPLATE = PromptTemplate("What is {thing}?")
PREDICTIONS = ("predict", "apredict", "stream", "astream")


@pytest.mark.parametrize("method", PREDICTIONS)
async def test_a_prediction_fills_the_template_after_the_system_prompt(
    scripted_openrouter: StartScript, method: str
) -> None:
    server = scripted_openrouter(HELLO)
    llm = llm_for(server, system_prompt="Be brief.")
    said = await predict(llm, method)
    assert server.requests[0].body["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "What is tea?"},
    ]
    assert "".join(said) == "Hi"


async def predict(llm: GLM, method: str, template: PromptTemplate = TEMPLATE) -> list[str]:
    return await gather(getattr(llm, method)(template, thing="tea"))


@pytest.mark.parametrize("method", TEXT_COMPLETION)
async def test_a_completion_is_made_a_prompt(scripted_openrouter: StartScript, method: str) -> None:
    server = scripted_openrouter(HELLO)
    llm = llm_for(server, completion_to_prompt=lambda prompt: f"Q: {prompt} A:")
    await ask(llm, method, "Tea?")
    await ask(llm, method, "Tea?", formatted=True)
    asked = [request.body["messages"][0]["content"] for request in server.requests]
    assert asked == ["Q: Tea? A:", "Tea?"]


@pytest.mark.parametrize("method", CHAT)
async def test_a_model_that_is_no_chat_model_gets_a_conversation_as_one_text(
    scripted_openrouter: StartScript, method: str
) -> None:
    server = scripted_openrouter(HELLO)
    conversation = [ChatMessage("Be brief.", role="system"), ChatMessage("Tea?")]
    await ask(llm_for(server, is_chat_model=False), method, conversation)
    assert server.requests[0].body["messages"] == [
        {"role": "user", "content": "system: Be brief.\nuser: Tea?\nassistant: "}
    ]


def test_messages_are_made_that_text_by_a_function_of_ones_own(
    scripted_openrouter: StartScript,
) -> None:
    server = scripted_openrouter(HELLO)
    llm = llm_for(
        server,
        is_chat_model=False,
        messages_to_prompt=lambda messages: " | ".join(str(each.content) for each in messages),
    )
    llm.chat([ChatMessage("Tea?"), ChatMessage("Coffee?")])
    assert server.requests[0].body["messages"] == [{"role": "user", "content": "Tea? | Coffee?"}]


@pytest.mark.parametrize("method", PREDICTIONS)
async def test_a_prediction_of_such_a_model_is_wrapped(
    scripted_openrouter: StartScript, method: str
) -> None:
    server = scripted_openrouter(HELLO)
    llm = llm_for(
        server,
        is_chat_model=False,
        system_prompt="Be brief.",
        query_wrapper_prompt=PromptTemplate("<{query_str}>"),
    )
    await predict(llm, method)
    (message,) = server.requests[0].body["messages"]
    assert message == {"role": "user", "content": "<Be brief.\n\nWhat is tea?>"}


class Characters:
    """Counts each character as a token."""

    def encode(self, text: str) -> list[int]:
        return [*map(ord, text)]


@pytest.mark.parametrize(
    ("arguments", "limit"),
    [
        ({"is_chat_model": False}, 9_995),
        ({"is_chat_model": False, "max_tokens": 5_000}, 5_000),
        ({"is_chat_model": False, "additional_kwargs": {"max_tokens": 5_000}}, 5_000),
        ({"is_chat_model": True}, None),
    ],
    ids=str,
)
def test_a_tokenizer_says_what_the_window_leaves(
    scripted_openrouter: StartScript, arguments: dict[str, Any], limit: int | None
) -> None:
    server = scripted_openrouter(HELLO)
    llm = llm_for(server, tokenizer=Characters(), context_window=10_000, **arguments)
    llm.complete("Hello")
    assert server.requests[0].body.get("max_tokens") == limit


def test_a_prompt_that_leaves_no_room_is_not_sent(scripted_openrouter: StartScript) -> None:
    server = scripted_openrouter(HELLO)
    llm = llm_for(server, tokenizer=Characters(), context_window=5, is_chat_model=False)
    with pytest.raises(InvalidRequestError, match=r"5 tokens, the context window of .* 5"):
        llm.complete("Hello")
    assert server.requests == []


def test_a_named_tokenizer_needs_transformers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("llamaindex_glm._compat.find_spec", lambda _: None)
    with pytest.raises(ImportError, match="pip install transformers"):
        GLM(api_key="sk-or-test", tokenizer="zai-org/GLM-4.6")


class Shouting(BaseOutputParser):
    """Asks for capitals, and makes them."""

    def parse(self, output: str) -> str:
        return output.upper()

    def format(self, query: str) -> str:
        return f"{query} Shout!"


@pytest.mark.parametrize("method", ["predict", "apredict"])
async def test_an_output_parser_formats_and_parses(
    scripted_openrouter: StartScript, method: str
) -> None:
    server = scripted_openrouter(HELLO)
    (said,) = await predict(llm_for(server, output_parser=Shouting()), method)
    (message,) = server.requests[0].body["messages"]
    assert (message["content"], said) == ("What is tea? Shout!", "HI")


class City(BaseModel):
    """A city."""

    name: str


@pytest.mark.parametrize(
    ("arguments", "by_schema"),
    [
        ({}, True),
        ({"should_use_structured_outputs": True}, True),
        ({"should_use_structured_outputs": False}, False),
        ({"pydantic_program_mode": PydanticProgramMode.FUNCTION}, False),
        (
            {
                "pydantic_program_mode": PydanticProgramMode.FUNCTION,
                "should_use_structured_outputs": True,
            },
            True,
        ),
    ],
    ids=str,
)
def test_a_schema_is_asked_for_as_one_wants(
    scripted_openrouter: StartScript, arguments: dict[str, Any], by_schema: bool
) -> None:
    answer = {"content": '{"name": "Oslo"}'} if by_schema else ANSWER_BY_TOOL
    server = scripted_openrouter(json_reply(response_body(answer)))
    city = llm_for(server, **arguments).structured_predict(City, PromptTemplate("A city?"))
    body = server.requests[0].body
    assert city == City(name="Oslo")
    assert ("response_format" in body, "tools" in body) == (by_schema, not by_schema)


ANSWER_BY_TOOL = {"content": None, "tool_calls": [call("City", '{"name": "Oslo"}', 0, "call_1")]}


def weather(city: str) -> str:
    """Look up the weather."""
    return city


@pytest.mark.parametrize(
    ("of_the_model", "of_the_call", "expected"),
    [(False, None, None), (True, None, True), (True, False, None), (False, True, True)],
)
def test_strict_tools_are_marked(
    scripted_openrouter: StartScript,
    of_the_model: bool,
    of_the_call: bool | None,
    expected: bool | None,
) -> None:
    server = scripted_openrouter(HELLO)
    tool = FunctionTool.from_defaults(weather)
    llm = llm_for(server, strict=of_the_model)
    llm.chat_with_tools([tool], "Weather?", strict=of_the_call)
    assert server.requests[0].body["tools"][0]["function"].get("strict") == expected
