"""`llama-index-llms-openrouter` takes the offline server for OpenRouter."""

import httpx
import pytest
from llama_index.core.agent.workflow import AgentWorkflow, FunctionAgent, ReActAgent
from llama_index.core.llms import ChatMessage
from llama_index.core.program import FunctionCallingProgram
from llama_index.core.prompts.chat_prompts import CHAT_REFINE_PROMPT, CHAT_TEXT_QA_PROMPT
from llama_index.core.tools import FunctionTool
from llama_index.llms.openrouter import OpenRouter
from pydantic import BaseModel

from glm_openrouter.testing import Answer, Call

# LlamaIndex uses what pydantic and its own workflows have deprecated.
pytestmark = pytest.mark.filterwarnings(
    "ignore::pydantic.warnings.PydanticDeprecatedSince20",
    "ignore::pydantic.warnings.PydanticDeprecatedSince211",
    "ignore:is_running called from within a step:DeprecationWarning",
)


def multiply(a: int, b: int) -> int:
    """Multiply two numbers."""
    return a * b


def get_weather(city: str) -> str:
    """Get the weather in a city."""
    return f"It is 7 degrees in {city}."


@pytest.fixture
async def llm(server):
    with httpx.Client() as client:
        async with httpx.AsyncClient() as async_client:
            yield OpenRouter(
                model="z-ai/glm-4.6:exacto",
                api_key="sk-or-test",
                api_base=server.base_url,
                is_function_calling_model=True,
                max_tokens=1000,
                http_client=client,
                async_http_client=async_client,
            )


def test_complete_answers(llm):
    assert "391" in llm.complete("What is 17 * 23?").text


def test_chat_and_stream_chat_give_the_same_text(llm):
    messages = [ChatMessage(role="user", content="Tell me a story about a cat")]

    *_, last = llm.stream_chat(messages)

    assert last.message.content == llm.chat(messages).message.content


async def test_achat_and_astream_chat_give_the_same_text(llm):
    messages = [ChatMessage(role="user", content="Hello")]

    *_, last = [response async for response in await llm.astream_chat(messages)]

    assert last.message.content == (await llm.achat(messages)).message.content


def test_a_function_of_the_users_answers(llm, server):
    call = Call("multiply", {"a": 6, "b": 7})
    server.answer = lambda prompt: Answer(tool_calls=[call]) if prompt.tools else prompt.user_text

    assert llm.complete("So?").text == "So?"
    assert [*llm.stream_complete("So?")][-1].text == "So?"
    response = llm.chat_with_tools([FunctionTool.from_defaults(multiply)], user_msg="?")
    (made,) = llm.get_tool_calls_from_response(response)
    assert (made.tool_name, made.tool_kwargs) == ("multiply", {"a": 6, "b": 7})


def test_stream_complete_yields_many_chunks(llm):
    assert len(list(llm.stream_complete("Tell me a story about a cat"))) > 24


def test_chat_with_tools_calls_the_tool(llm):
    response = llm.chat_with_tools(
        [FunctionTool.from_defaults(multiply)], user_msg="multiply 6 and 7"
    )

    (call,) = llm.get_tool_calls_from_response(response)
    assert (call.tool_name, call.tool_kwargs) == ("multiply", {"a": 6, "b": 7})


async def test_astream_chat_with_tools_calls_the_tool(llm):
    responses = await llm.astream_chat_with_tools(
        [FunctionTool.from_defaults(multiply)], user_msg="multiply 6 and 7"
    )
    *_, last = [response async for response in responses]

    (call,) = llm.get_tool_calls_from_response(last)
    assert call.tool_kwargs == {"a": 6, "b": 7}


def test_a_program_gets_its_object(llm):
    class Booking(BaseModel):
        """A booking of a table."""

        name: str
        guests: int
        day: str

    program = FunctionCallingProgram.from_defaults(
        output_cls=Booking, llm=llm, prompt_template_str="{text}"
    )

    booking = program(text="Book a table for Ann Lee, 4 guests, on 2026-03-05.")

    assert booking == Booking(name="Ann Lee", guests=4, day="2026-03-05")


def test_the_question_answering_template_is_answered_from_its_context(llm):
    context = "file_path: tea.txt\n\nTea came to Lisbon in 1610. Coffee was known before that."
    messages = CHAT_TEXT_QA_PROMPT.format_messages(
        context_str=context, query_str="When did tea come to Lisbon?"
    )

    assert llm.chat(messages).message.content.strip() == "Tea came to Lisbon in 1610."


def test_the_refine_template_keeps_the_answer_when_the_context_is_useless(llm):
    messages = CHAT_REFINE_PROMPT.format_messages(
        context_msg="Bananas are yellow and grow in warm countries.",
        query_str="When did tea come to Lisbon?",
        existing_answer="Tea came to Lisbon in 1610.",
    )

    assert llm.chat(messages).message.content.strip() == "Tea came to Lisbon in 1610."


async def test_a_function_agent_uses_tools_one_after_the_other(llm):
    agent = FunctionAgent(tools=[multiply, get_weather], llm=llm)

    answer = str(await agent.run("Get the weather in Oslo, then multiply 6 and 7"))

    assert "It is 7 degrees in Oslo" in answer
    assert "42" in answer


async def test_a_react_agent_reads_its_own_protocol(llm):
    agent = ReActAgent(tools=[multiply, get_weather], llm=llm)

    answer = str(await agent.run("What is the weather in Oslo?"))

    assert "It is 7 degrees in Oslo" in answer


async def test_agents_hand_over_to_each_other(llm):
    front = FunctionAgent(
        name="FrontDesk",
        description="Receives visitors and knows who does what",
        system_prompt="You receive visitors.",
        tools=[],
        llm=llm,
        can_handoff_to=["Calculator"],
    )
    calculator = FunctionAgent(
        name="Calculator",
        description="Multiplies numbers",
        system_prompt="You multiply numbers.",
        tools=[multiply],
        llm=llm,
        can_handoff_to=["FrontDesk"],
    )
    workflow = AgentWorkflow(agents=[front, calculator], root_agent="FrontDesk")

    answer = str(await workflow.run("Please multiply the numbers 6 and 7"))

    assert "42" in answer
