"""A model that refuses to answer, or an answer that a filter took: seen, and never asked for a second time."""

from collections.abc import Callable
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain.agents.structured_output import ProviderStrategy, ToolStrategy
from langchain_core import exceptions
from langchain_core.messages import AIMessage
from pydantic import BaseModel

from glm_openrouter import EmptyResponseWarning
from glm_openrouter.testing import ScriptedServer, stream_reply
from glm_openrouter.testing.pytest_plugin import StartScript
from langchain_glm import ModelRefusalError, StructuredOutputError
from support.langchain_models import Ask, ainvoke, every_way, invoke, model_for, ways
from support.wire import USAGE, chunk

REFUSED = stream_reply(
    [
        chunk({"refusal": "I will "}),
        chunk({"refusal": "not."}),
        chunk({}, "content_filter", usage=USAGE),
    ]
)
TAKEN = stream_reply([chunk({}, "content_filter", usage=USAGE)])
WORDS = {"refused": (REFUSED, "I will not."), "taken": (TAKEN, "")}

empty = pytest.mark.filterwarnings("ignore::glm_openrouter.EmptyResponseWarning")
either = pytest.mark.parametrize("how", WORDS)


class Berth(BaseModel):
    """Where a ship lies."""

    pier: int


@empty
@either
@pytest.mark.parametrize("version", ["v0", "v1"])
@every_way
async def test_a_refusal_is_a_content_block(
    scripted_openrouter: StartScript, ask: Ask, version: str, how: str
) -> None:
    reply, words = WORDS[how]
    message = await ask(model_for(scripted_openrouter(reply), output_version=version))
    (block,) = [
        {key: block[key] for key in ("type", "refusal")} for block in message.content_blocks
    ]
    assert block == {"type": "refusal", "refusal": words}
    assert message.additional_kwargs["refusal"] == words


@empty
@either
@pytest.mark.filterwarnings("ignore:The method .* is in beta")
def test_a_refusal_is_a_block_in_events(scripted_openrouter: StartScript, how: str) -> None:
    reply, words = WORDS[how]
    stream = model_for(scripted_openrouter(reply)).stream_events("?", version="v3")
    finished = [event["content"] for event in stream if event["event"] == "content-block-finish"]
    assert finished == [{"type": "refusal", "refusal": words}]


@every_way
async def test_an_answer_that_a_filter_took_is_warned_about(
    scripted_openrouter: StartScript, ask: Ask
) -> None:
    with pytest.warns(EmptyResponseWarning, match="content filter"):
        await ask(model_for(scripted_openrouter(TAKEN)))


def test_a_filter_that_left_text_is_no_refusal(scripted_openrouter: StartScript) -> None:
    reply = stream_reply([chunk({"content": "Half"}), chunk({}, "content_filter")])
    blocks = model_for(scripted_openrouter(reply)).invoke("?").content_blocks
    assert [block["type"] for block in blocks] == ["text"]


def structured(server: ScriptedServer, **options: Any) -> Any:
    return model_for(server).with_structured_output(Berth, **options)


def agent_with(strategy: Any) -> Callable[[ScriptedServer], Any]:
    def make(server: ScriptedServer) -> Any:
        agent: Any = create_agent(model_for(server), response_format=strategy(Berth))
        return agent.with_config() | (lambda state: state["structured_response"])

    return make


RUNNABLES: dict[str, Callable[[ScriptedServer], Any]] = {
    "json_schema": structured,
    "function_calling": lambda server: structured(server, method="function_calling"),
    "an agent that calls a tool": agent_with(ToolStrategy),
    "an agent that answers in a schema": agent_with(ProviderStrategy),
}


@empty
@either
@pytest.mark.parametrize("what", RUNNABLES)
@ways(invoke, ainvoke)
async def test_a_refused_object_is_a_typed_error_and_not_asked_for_again(
    scripted_openrouter: StartScript, ask: Ask, what: str, how: str
) -> None:
    reply, words = WORDS[how]
    server = scripted_openrouter(reply)
    runnable = RUNNABLES[what](server)
    given: Any = {"messages": [("user", "Where?")]} if "agent" in what else "Where?"
    with pytest.raises(ModelRefusalError, match=words or "content filter") as caught:
        await ask(runnable, given)
    assert isinstance(caught.value, exceptions.ModelError)
    assert isinstance(caught.value.raw, AIMessage)
    assert not isinstance(caught.value, exceptions.OutputParserException)
    assert len(server.requests) == 1


def test_the_error_is_langchains_own() -> None:
    own = getattr(exceptions, "ModelRefusalError", exceptions.ModelError)  # since 1.7.5
    assert issubclass(ModelRefusalError, own)
    assert not issubclass(ModelRefusalError, StructuredOutputError)
    assert ModelRefusalError("No.", AIMessage("")).is_retryable is False


async def test_a_stream_of_an_object_ends_with_the_error(scripted_openrouter: StartScript) -> None:
    runnable = structured(scripted_openrouter(REFUSED))
    with pytest.raises(ModelRefusalError):
        list(runnable.stream("Where?"))
    with pytest.raises(ModelRefusalError):
        [part async for part in runnable.astream("Where?")]


def test_with_the_raw_message_the_error_is_in_the_result(scripted_openrouter: StartScript) -> None:
    result = structured(scripted_openrouter(REFUSED), include_raw=True).invoke("Where?")
    assert isinstance(result["parsing_error"], ModelRefusalError)
    assert result["parsed"] is None
    assert result["raw"].content_blocks == [{"type": "refusal", "refusal": "I will not."}]


def test_what_plugins_found_is_in_the_metadata(scripted_openrouter: StartScript) -> None:
    found = {"safeguard_results": [{"type": "dangerous_tool_use"}], "alignment": {"calls": []}}
    last = chunk({"content": "Yes."}, "stop", usage=USAGE, **found)
    model = model_for(scripted_openrouter(stream_reply([last])))
    for message in (model.invoke("?"), [*model.stream("?")][-1]):
        assert {name: message.response_metadata[name] for name in found} == found
