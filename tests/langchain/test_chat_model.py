"""`ChatGLM` on a real socket."""

import copy
import json
import pickle
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.exceptions import (
    ContextOverflowError,
    ModelAuthenticationError,
    ModelError,
    ModelRateLimitError,
)
from langchain_core.load import dumps, loads
from langchain_core.messages import (
    AIMessageChunk,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)
from langchain_core.utils.json import parse_partial_json

import langchain_glm
from glm_openrouter import (
    AuthenticationError,
    RateLimitError,
    TruncatedToolCallWarning,
    errors,
)
from glm_openrouter._json.outline import cut_mark
from glm_openrouter.testing import ScriptedServer, json_reply, stream_reply
from glm_openrouter.testing.pytest_plugin import StartScript
from langchain_glm import ChatGLM
from support.langchain_models import Ask, every_way, merge, model_for
from support.samples import THOUGHT_CALL, THOUGHT_TURN, WEATHER
from support.wire import USAGE, call, chunk, response_body


def thoughtful(start: StartScript) -> ScriptedServer:
    """Start a server that gives the same answer streamed and not."""
    return start(stream_reply(THOUGHT_CALL))


@every_way
async def test_an_answer_has_text_reasoning_and_calls(
    scripted_openrouter: StartScript, ask: Ask
) -> None:
    message = await ask(
        model_for(thoughtful(scripted_openrouter)).bind_tools([WEATHER]), "Weather in Oslo?"
    )
    assert message.content == "Let me look."
    assert message.additional_kwargs["reasoning_content"] == "The user wants the weather."
    assert message.tool_calls == [
        {"name": "weather", "args": {"city": "Oslo"}, "id": "call_1", "type": "tool_call"}
    ]


@every_way
async def test_metadata_comes_once(scripted_openrouter: StartScript, ask: Ask) -> None:
    message = await ask(model_for(thoughtful(scripted_openrouter)), "Weather in Oslo?")
    expected = {
        "model_provider": "openrouter",
        "id": "gen-1760000000-Harbour",
        "model_name": "z-ai/glm-4.6",
        "provider": "Novita",
        "created": 1760000000,
        "finish_reason": "tool_calls",
        "native_finish_reason": "tool_calls",
        "cost": USAGE["cost"],
        "cost_details": USAGE["cost_details"],
        "is_byok": False,
    }
    assert message.response_metadata == expected


@every_way
async def test_usage_is_counted_once(scripted_openrouter: StartScript, ask: Ask) -> None:
    everywhere = [{**event, "usage": USAGE} for event in THOUGHT_CALL]
    message = await ask(model_for(scripted_openrouter(stream_reply(everywhere))), "?")
    assert message.usage_metadata == {
        "input_tokens": 31,
        "output_tokens": 17,
        "total_tokens": 48,
        "input_token_details": {"cache_read": 12, "cache_creation": 0, "audio": 0},
        "output_token_details": {"reasoning": 9},
    }


def test_a_total_is_what_was_reported(scripted_openrouter: StartScript) -> None:
    usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 0}
    server = scripted_openrouter(stream_reply([chunk({"content": "Hi"}, "stop", usage=usage)]))
    message = model_for(server).invoke("?")
    assert message.usage_metadata is not None
    assert message.usage_metadata["total_tokens"] == 0


def with_logprobs(token: str) -> dict[str, Any]:
    event = chunk({"content": token})
    event["choices"][0]["logprobs"] = {"content": [{"token": token, "logprob": -0.1}]}
    return event


@every_way
async def test_logprobs_come_once(scripted_openrouter: StartScript, ask: Ask) -> None:
    events = [with_logprobs("Hel"), with_logprobs("lo"), chunk({}, "stop")]
    message = await ask(model_for(scripted_openrouter(stream_reply(events))), "?")
    tokens = message.response_metadata["logprobs"]["content"]
    assert [token["token"] for token in tokens] == ["Hel", "lo"]


def test_logprobs_come_with_their_tokens(scripted_openrouter: StartScript) -> None:
    events = [with_logprobs("Hel"), with_logprobs("lo"), chunk({}, "stop")]
    *parts, last = model_for(scripted_openrouter(stream_reply(events))).stream("?")
    for part in parts:
        tokens = part.response_metadata["logprobs"]["content"]
        assert [token["token"] for token in tokens] == [part.text]
    assert "logprobs" not in last.response_metadata


@every_way
async def test_unreported_usage_is_not_invented(scripted_openrouter: StartScript, ask: Ask) -> None:
    server = scripted_openrouter(stream_reply([chunk({"content": "Hi"}), chunk({}, "stop")]))
    assert (await ask(model_for(server), "?")).usage_metadata is None


@every_way
async def test_a_turn_goes_back_as_it_came(scripted_openrouter: StartScript, ask: Ask) -> None:
    server = thoughtful(scripted_openrouter)
    model = model_for(server)
    first = await ask(model, "Weather in Oslo?")
    await ask(
        model,
        [HumanMessage("Weather in Oslo?"), first, ToolMessage("4 degrees", tool_call_id="call_1")],
    )
    assert server.requests[-1].body["messages"][1:] == [
        THOUGHT_TURN,
        {"role": "tool", "tool_call_id": "call_1", "content": "4 degrees"},
    ]


def test_changed_arguments_go_back_changed(scripted_openrouter: StartScript) -> None:
    server = thoughtful(scripted_openrouter)
    model = model_for(server)
    message = model.invoke("?")
    message.tool_calls[0]["args"] = {"city": "Bergen"}
    model.invoke([message, ToolMessage("4", tool_call_id="call_1")])
    function = server.requests[-1].body["messages"][0]["tool_calls"][0]["function"]
    assert json.loads(function["arguments"]) == {"city": "Bergen"}


CUT = '{"target": "prod", "confirm": tr'


@pytest.mark.parametrize(
    "arguments", [CUT, '{"target": "prod"}', '{"target": "pr', "", '{"a": [1, {"b": "x\\']
)
@every_way
async def test_a_cut_tool_call_is_invalid(
    scripted_openrouter: StartScript, ask: Ask, arguments: str
) -> None:
    events = [
        chunk({"tool_calls": [call("delete_records", "", 0, "call_1")]}),
        *(chunk({"tool_calls": [call(None, letter, 0)]}) for letter in arguments),
        chunk({}, "length", usage=USAGE),
    ]
    message = await ask(model_for(scripted_openrouter(stream_reply(events))), "?")
    assert not message.tool_calls
    (invalid,) = message.invalid_tool_calls
    assert (invalid["name"], invalid["id"]) == ("delete_records", "call_1")
    assert invalid["args"].startswith(arguments)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(arguments=st.dictionaries(st.text(), JSON_VALUES, max_size=4), data=st.data())
def test_no_part_of_any_arguments_can_be_completed(
    arguments: dict[str, Any], data: st.DataObject
) -> None:
    text = json.dumps(arguments, ensure_ascii=data.draw(st.booleans()))
    cut = text[: data.draw(st.integers(0, len(text)))]
    try:
        completed = parse_partial_json(cut + cut_mark(cut))
    except ValueError:
        completed = None
    assert not isinstance(completed, dict)


def test_an_agent_does_not_run_a_cut_call(scripted_openrouter: StartScript) -> None:
    from langchain.agents import create_agent

    ran = []

    def delete_records(target: str = "*", confirm: bool = False) -> str:
        """Delete records."""
        ran.append((target, confirm))
        return "deleted"

    cut = response_body(
        {"content": None, "tool_calls": [call("delete_records", CUT, 0, "call_1")]}, "length"
    )
    server = scripted_openrouter(json_reply(cut))
    agent = create_agent(model_for(server), [delete_records])
    with pytest.warns(TruncatedToolCallWarning, match="length.*Raise max_tokens"):
        agent.invoke({"messages": [HumanMessage("Delete!")]})
    assert not ran


@pytest.mark.parametrize("mode", [["messages"], ["messages", "values"]])
def test_an_agent_that_streams_does_not_run_a_cut_call(
    scripted_openrouter: StartScript, mode: list[str]
) -> None:
    from langchain.agents import create_agent

    ran = []

    def delete_records(target: str = "*", confirm: bool = False) -> str:
        """Delete records."""
        ran.append((target, confirm))
        return "deleted"

    cut = [
        chunk({"tool_calls": [call("delete_records", CUT, 0, "call_1")]}),
        chunk({}, "length", usage=USAGE),
    ]
    agent = create_agent(model_for(scripted_openrouter(stream_reply(cut))), [delete_records])
    with pytest.warns(TruncatedToolCallWarning, match="length.*Raise max_tokens"):
        parts = list(agent.stream({"messages": [HumanMessage("Delete!")]}, stream_mode=mode))
    assert parts
    assert not ran


def error_reply(status: int, message: str, **metadata: Any) -> Any:
    return json_reply({"error": {"code": status, "message": message, "metadata": metadata}}, status)


@pytest.mark.parametrize(
    ("status", "theirs", "ours"),
    [
        (401, ModelAuthenticationError, errors.AuthenticationError),
        (429, ModelRateLimitError, errors.RateLimitError),
    ],
)
@every_way
async def test_errors_are_of_both_families(
    scripted_openrouter: StartScript,
    ask: Ask,
    status: int,
    theirs: type[Exception],
    ours: type[Exception],
) -> None:
    model = model_for(scripted_openrouter(error_reply(status, "No.")))
    with pytest.raises(theirs) as caught:
        await ask(model, "?")
    assert isinstance(caught.value, ours)


@every_way
async def test_an_error_says_where_and_what(scripted_openrouter: StartScript, ask: Ask) -> None:
    reply = error_reply(
        429, "Provider returned error", raw="concurrency limit", provider_name="Z.AI"
    )
    with pytest.raises(RateLimitError, match=r"^\[Z\.AI\] concurrency limit \(429\)"):
        await ask(model_for(scripted_openrouter(reply)), "?")


@every_way
async def test_a_context_that_overflows_is_langchains_own_error(
    scripted_openrouter: StartScript, ask: Ask
) -> None:
    text = "This endpoint's maximum context length is 202752 tokens. However, you requested about 300000 tokens."
    with pytest.raises(ContextOverflowError):
        await ask(model_for(scripted_openrouter(error_reply(400, text))), "?")


def test_an_error_knows_whether_to_try_again(scripted_openrouter: StartScript) -> None:
    with pytest.raises(ModelError) as caught:
        model_for(scripted_openrouter(error_reply(503, "Overloaded"))).invoke("?")
    assert caught.value.is_retryable


def test_fallbacks_act_on_our_errors(scripted_openrouter: StartScript) -> None:
    broken = model_for(scripted_openrouter(error_reply(429, "Slow down")))
    sound = model_for(scripted_openrouter(json_reply(response_body({"content": "Hello"}))))
    chain = broken.with_fallbacks([sound], exceptions_to_handle=(ModelRateLimitError,))
    assert chain.invoke("?").content == "Hello"


def test_what_is_bound_to_a_model_with_fallbacks_is_bound_to_the_fallbacks(
    scripted_openrouter: StartScript,
) -> None:
    failing = error_reply(429, "Slow down")
    broken = model_for(scripted_openrouter(failing, failing))
    server = scripted_openrouter(
        json_reply(response_body({"content": "Hello"})),
        json_reply(response_body({"content": '{"name": "Ada"}'})),
    )
    chain = broken.with_fallbacks([model_for(server)])
    assert chain.bind_tools([WEATHER]).invoke("?").content == "Hello"
    schema = {"title": "person", "type": "object", "properties": {"name": {"type": "string"}}}
    assert chain.with_structured_output(schema).invoke("?") == {"name": "Ada"}
    assert server.requests[0].body["tools"]
    assert server.requests[1].body["response_format"]
    assert chain.get_num_tokens_from_messages([]) >= 0


def test_a_missing_key_is_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENROUTER_API_KEY", raising=False)
    with pytest.raises(AuthenticationError, match="OPENROUTER_API_KEY"):
        ChatGLM()


def test_an_unknown_argument_is_an_error() -> None:
    with pytest.raises(ValueError, match="temprature"):
        ChatGLM(api_key="sk-or-test", temprature=0.5)


def test_an_unknown_argument_of_a_call_is_an_error(scripted_openrouter: StartScript) -> None:
    server = thoughtful(scripted_openrouter)
    with pytest.raises(ValueError, match="temprature"):
        model_for(server).invoke("?", temprature=0.5)
    assert not server.requests


def test_what_is_set_is_on_the_wire(scripted_openrouter: StartScript) -> None:
    server = thoughtful(scripted_openrouter)
    provider = {
        "only": ["z-ai"],
        "data_collection": "deny",
        "max_price": {"prompt": 1, "completion": 2.5},
    }
    model = model_for(
        server,
        model="z-ai/glm-4.6:nitro",
        temperature=0.5,
        reasoning=False,
        openrouter_provider=provider,
        stop_sequences=["END"],
        model_kwargs={"top_k": 5, "new_field": {"deep": True}},
        extra_body={"another": 1},
    )
    model.invoke("Hi", max_tokens=50)
    assert server.requests[0].body == {
        "messages": [{"role": "user", "content": "Hi"}],
        "model": "z-ai/glm-4.6:nitro",
        "temperature": 0.5,
        "reasoning": {"enabled": False},
        "provider": provider,
        "stop": ["END"],
        "top_k": 5,
        "max_tokens": 50,
        "new_field": {"deep": True},
        "another": 1,
        "stream": True,
    }


def test_nothing_is_sent_that_nobody_set(scripted_openrouter: StartScript) -> None:
    server = thoughtful(scripted_openrouter)
    model_for(server).invoke("Hi")
    (request,) = server.requests
    assert request.body == {
        "model": "z-ai/glm-4.6:exacto",
        "messages": [{"role": "user", "content": "Hi"}],
        "stream": True,
    }
    assert not {"http-referer", "x-title", "x-openrouter-title"} & {
        name.lower() for name in request.headers
    }


def test_attribution_is_the_users(scripted_openrouter: StartScript) -> None:
    server = thoughtful(scripted_openrouter)
    model_for(
        server, app_url="https://my.app", app_title="My App", app_categories=["cli-agent"]
    ).invoke("Hi")
    headers = {name.lower(): value for name, value in server.requests[0].headers.items()}
    found = [
        headers[name] for name in ("http-referer", "x-openrouter-title", "x-openrouter-categories")
    ]
    assert found == ["https://my.app", "My App", "cli-agent"]


@pytest.mark.parametrize("suffix", ["", ":exacto", ":nitro", ":floor", ":online"])
def test_every_routing_suffix_has_the_profile_of_the_model(suffix: str) -> None:
    profile = ChatGLM(model=f"z-ai/glm-4.6{suffix}", api_key="sk-or-test").profile
    assert profile is not None
    assert (profile["max_input_tokens"], profile["tool_calling"]) == (202_752, True)


COPIES: dict[str, Callable[[ChatGLM], ChatGLM]] = {
    "deepcopy": copy.deepcopy,
    "copy": copy.copy,
    "pickle": lambda model: pickle.loads(pickle.dumps(model)),
    "loads": lambda model: loads(
        dumps(model),
        valid_namespaces=["langchain_glm"],
        allowed_objects=[ChatGLM],
        secrets_map={"OPENROUTER_API_KEY": "sk-or-test"},
    ),
}


@pytest.mark.filterwarnings("ignore:The function `loads` is in beta")
@pytest.mark.parametrize("how", COPIES)
def test_a_copy_makes_a_call(scripted_openrouter: StartScript, how: str) -> None:
    server = thoughtful(scripted_openrouter)
    model = model_for(server, reasoning="high", provider={"data_collection": "deny"})
    model.invoke("Hi")
    COPIES[how](model).invoke("Hi")
    first, second = server.requests
    assert first.body == second.body


def test_a_copy_in_this_process_keeps_the_users_client() -> None:
    client = httpx.Client(
        transport=httpx.MockTransport(
            lambda _: httpx.Response(200, json=response_body({"content": "Hi"}))
        )
    )
    model = ChatGLM(api_key="sk-or-test", http_client=client)
    assert copy.deepcopy(model).invoke("?").content == "Hi"


def test_the_key_is_nowhere_to_be_seen(scripted_openrouter: StartScript) -> None:
    model = model_for(
        scripted_openrouter(error_reply(401, "Bad key sk-or-secret")), api_key="sk-or-secret"
    )
    with pytest.raises(AuthenticationError) as caught:
        model.invoke("?")
    shown = [
        repr(model),
        str(model),
        dumps(model),
        repr(model.asdict()),
        repr(caught.value),
        str(caught.value),
    ]
    assert not [text for text in shown if "sk-or-secret" in text]


def test_arguments_are_left_alone(scripted_openrouter: StartScript) -> None:
    tools, provider, messages = (
        [copy.deepcopy(WEATHER)],
        {"data_collection": "deny"},
        [SystemMessage("Be brief."), HumanMessage("Hi")],
    )
    before = copy.deepcopy((tools, provider, messages))
    model = model_for(thoughtful(scripted_openrouter), provider=provider)
    model.bind_tools(tools).with_config(tags=["x"]).invoke(messages)
    assert (tools, provider, messages) == before


@pytest.mark.parametrize("choice", ["any", True, "weather"])
def test_a_tool_is_forced_only_if_asked(
    scripted_openrouter: StartScript, choice: str | bool
) -> None:
    server = thoughtful(scripted_openrouter)
    model = model_for(server)
    model.bind_tools([WEATHER]).invoke("?")
    model.bind_tools([WEATHER], tool_choice=choice).invoke("?")
    assert ["tool_choice" in request.body for request in server.requests] == [False, True]


def test_a_stream_says_where_it_ends(scripted_openrouter: StartScript) -> None:
    chunks = list(model_for(thoughtful(scripted_openrouter)).stream("?"))
    assert [chunk.chunk_position for chunk in chunks if chunk.chunk_position] == ["last"]


def test_chunks_are_what_pydantic_would_make_of_them(scripted_openrouter: StartScript) -> None:
    for part in model_for(thoughtful(scripted_openrouter)).stream("?"):
        made = AIMessageChunk(**part.model_dump(exclude_unset=True))
        assert (made.content, made.additional_kwargs, made.tool_call_chunks) == (
            part.content,
            part.additional_kwargs,
            part.tool_call_chunks,
        )
        assert made.__dict__.keys() == part.__dict__.keys()


def test_a_chunk_of_text_counts_as_set_what_it_holds(scripted_openrouter: StartScript) -> None:
    chunks = [*model_for(thoughtful(scripted_openrouter)).stream("?")]
    by_langchain = {"id", "response_metadata"}
    texts = [chunk.model_fields_set - by_langchain for chunk in chunks if chunk.content]
    assert texts
    assert all(fields == {"content"} for fields in texts)


def test_every_public_name_is_there() -> None:
    assert all(hasattr(langchain_glm, name) for name in langchain_glm.__all__)


def test_standard_blocks_stream_in_order(scripted_openrouter: StartScript) -> None:
    model = model_for(thoughtful(scripted_openrouter), output_version="v1").bind_tools([WEATHER])
    message = merge(model.stream("?"))
    assert [block["type"] for block in message.content_blocks] == ["reasoning", "text", "tool_call"]
