"""A tool call that cannot be read, though nothing was cut, costs an agent of LlamaIndex one more request."""

from typing import Any

import pytest
from llama_index.core.agent.workflow import AgentWorkflow, FunctionAgent
from llama_index.core.base.llms.types import ChatMessage, ToolCallBlock
from llama_index.core.tools import FunctionTool

from glm_openrouter import InvalidToolCallError, TruncatedToolCallError, track_spend
from glm_openrouter.testing.pytest_plugin import StartScript
from support.bad_calls import BAD, GOOD, calls_reply, results_sent, says_reply
from support.llamaindex_models import llm_for
from support.models import CHAT, gather

# LlamaIndex looks at every attribute of an agent, and asks its own workflows what is deprecated there.
pytestmark = pytest.mark.filterwarnings(
    "ignore::pydantic.warnings.PydanticDeprecationWarning",
    "ignore:is_running called from within a step:DeprecationWarning",
)

RAN: list[str] = []


@pytest.fixture(autouse=True)
def ran() -> list[str]:
    RAN.clear()
    return RAN


def weather(city: str = "nowhere") -> str:
    """Look up the weather."""
    RAN.append(city)
    return f"4 degrees in {city}"


TOOLS = [FunctionTool.from_defaults(weather)]


def agents(llm: Any) -> dict[str, Any]:
    plain = {"name": "A", "description": "Knows the weather.", "tools": [weather], "llm": llm}
    return {
        "agent": FunctionAgent(**plain),
        "agent that does not stream": FunctionAgent(**plain, streaming=False),
        "workflow": AgentWorkflow(agents=[FunctionAgent(**plain)], root_agent="A"),
    }


KINDS = ("agent", "agent that does not stream", "workflow")


@pytest.mark.parametrize("kind", KINDS)
async def test_an_agent_goes_on_after_a_call_that_cannot_be_read(
    scripted_openrouter: StartScript, ran: list[str], kind: str
) -> None:
    server = scripted_openrouter(
        calls_reply(GOOD), calls_reply(BAD, text="Now..."), calls_reply(GOOD), says_reply("Cold.")
    )
    assert str(await agents(llm_for(server))[kind].run("Weather?")) == "Cold."
    assert ran == ["Oslo", "Oslo"]
    assert len(server.requests) == 4


@pytest.mark.parametrize("method", CHAT)
async def test_the_model_is_told_what_was_wrong_with_its_call(
    scripted_openrouter: StartScript, method: str
) -> None:
    server = scripted_openrouter(calls_reply(BAD), calls_reply(GOOD))
    llm = llm_for(server)
    with track_spend() as spend:
        messages = [ChatMessage("Weather?")]
        arguments = llm._prepare_chat_with_tools(TOOLS, chat_history=messages)
        last = (await gather(getattr(llm, method)(**arguments)))[-1]
    assert [call.tool_kwargs for call in llm.get_tool_calls_from_response(last)] == [
        {"city": "Oslo"}
    ]
    (result,) = results_sent(server, 1).values()
    assert result.startswith("Error: this call was not run.")
    assert "Expecting value: line 1 column 10" in result
    assert BAD in result
    assert spend.total.calls == 2
    assert messages == [ChatMessage("Weather?")]


@pytest.mark.parametrize("kind", KINDS)
async def test_an_agent_asks_no_more_than_three_times(
    scripted_openrouter: StartScript, ran: list[str], kind: str
) -> None:
    server = scripted_openrouter(calls_reply(BAD))
    with pytest.raises(InvalidToolCallError, match=r"'weather' must not run.*Novita") as caught:
        await agents(llm_for(server))[kind].run("Weather?")
    assert (caught.value.name, caught.value.arguments) == ("weather", BAD)
    assert ran == []
    assert len(server.requests) == 3


async def test_the_number_of_tries_is_an_argument(scripted_openrouter: StartScript) -> None:
    server = scripted_openrouter(calls_reply(BAD))
    with pytest.raises(InvalidToolCallError):
        llm_for(server, tool_call_retries=0).chat_with_tools(TOOLS, "Weather?")
    assert len(server.requests) == 1
    kept = llm_for(server).chat_with_tools(TOOLS, "Weather?", tool_call_retries=None)
    (block,) = (block for block in kept.message.blocks if isinstance(block, ToolCallBlock))
    assert block.tool_kwargs == BAD
    assert len(server.requests) == 2


@pytest.mark.parametrize("kind", KINDS)
async def test_a_good_call_beside_a_bad_one_runs(
    scripted_openrouter: StartScript, ran: list[str], kind: str
) -> None:
    server = scripted_openrouter(calls_reply(BAD, GOOD), says_reply("Cold."))
    assert str(await agents(llm_for(server))[kind].run("Weather?")) == "Cold."
    assert ran == ["Oslo"]
    results = results_sent(server, 1)
    assert "not run" in results["call_0"]
    assert results["call_1"] == "4 degrees in Oslo"


@pytest.mark.parametrize("method", ["predict_and_call", "apredict_and_call"])
@pytest.mark.parametrize("bad", [[BAD], [GOOD, BAD]], ids=["alone", "beside a good one"])
async def test_predict_and_call_runs_all_calls_or_asks_again(
    scripted_openrouter: StartScript, ran: list[str], method: str, bad: list[str]
) -> None:
    server = scripted_openrouter(calls_reply(*bad), calls_reply(*[GOOD] * len(bad)))
    running = getattr(llm_for(server), method)(TOOLS, "Weather?", allow_parallel_tool_calls=True)
    (response,) = await gather(running)
    assert str(response) == "\n\n".join(["4 degrees in Oslo"] * len(bad))
    assert ran == ["Oslo"] * len(bad)
    assert all("not run" in result for result in results_sent(server, 1).values())


@pytest.mark.parametrize("method", CHAT)
async def test_a_cut_call_is_not_asked_for_again(
    scripted_openrouter: StartScript, method: str
) -> None:
    server = scripted_openrouter(calls_reply(BAD, finish="length"))
    llm = llm_for(server)
    with pytest.raises(TruncatedToolCallError):
        await gather(getattr(llm, method)(**llm._prepare_chat_with_tools(TOOLS, "Weather?")))
    assert len(server.requests) == 1


async def test_a_call_without_a_name_is_corrected_in_words(
    scripted_openrouter: StartScript,
) -> None:
    server = scripted_openrouter(calls_reply(GOOD, name=""), calls_reply(GOOD))
    llm_for(server).chat_with_tools(TOOLS, "Weather?")
    *_, answer, correction = server.requests[1].body["messages"]
    assert "tool_calls" not in answer
    assert correction == {"role": "user", "content": "The call has no name."}


def test_a_bad_call_of_an_old_conversation_does_not_spoil_it(
    scripted_openrouter: StartScript,
) -> None:
    block = ToolCallBlock(tool_call_id="call_0", tool_name="weather", tool_kwargs=BAD)
    history = [ChatMessage("Weather?"), ChatMessage(role="assistant", blocks=[block])]
    given = ChatMessage("Failed.", role="tool", additional_kwargs={"tool_call_id": "call_0"})
    server = scripted_openrouter(says_reply("Hello"))
    llm = llm_for(server)
    llm.chat([*history, ChatMessage("And now?")])
    llm.chat([*history, given, ChatMessage("And now?")])
    assert "not run" in results_sent(server, 0)["call_0"]
    assert results_sent(server, 1)["call_0"].startswith("Failed.\nError: this call was not run.")
