"""Structured prediction of the LlamaIndex `GLM`: it works without force, and never returns nothing."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import date
from typing import Any

import pytest
from llama_index.core.agent.workflow import AgentWorkflow, FunctionAgent
from llama_index.core.base.llms.types import ChatMessage, MessageRole
from llama_index.core.instrumentation.events.llm import (
    LLMStructuredPredictEndEvent,
    LLMStructuredPredictInProgressEvent,
    LLMStructuredPredictStartEvent,
)
from llama_index.core.llms.structured_llm import StructuredLLM
from llama_index.core.program import FunctionCallingProgram
from llama_index.core.program.utils import FlexibleModel
from llama_index.core.prompts import ChatPromptTemplate, PromptTemplate
from llama_index.core.types import PydanticProgramMode
from pydantic import BaseModel, ConfigDict, RootModel

from glm_openrouter import InvalidRequestError, StructuredOutputError, TruncatedToolCallError
from glm_openrouter.testing import (
    Event,
    Hold,
    OfflineServer,
    Reply,
    ScriptedServer,
    json_reply,
    stream_reply,
)
from glm_openrouter.testing.pytest_plugin import StartScript
from llamaindex_glm import GLM
from support.llamaindex_models import listening, llm_for
from support.models import gather
from support.wire import call, chunk, response_body

# LlamaIndex itself uses what pydantic has deprecated, in agents and in `StructuredLLM`.
pytestmark = pytest.mark.filterwarnings(
    "ignore::pydantic.warnings.PydanticDeprecationWarning",
    "ignore:is_running called from within a step:DeprecationWarning",
)


class Person(BaseModel):
    """A person."""

    name: str
    age: int


PROMPT = PromptTemplate("Who is {who}?")
ADA = Person(name="Ada", age=36)
WRITTEN = '{"name": "Ada", "age": 36}'

Predict = Callable[..., Awaitable[Any]]


async def _predict(llm: GLM, output_cls: type[BaseModel] = Person, **options: Any) -> Any:
    return llm.structured_predict(output_cls, PROMPT, who="Ada", **options)


async def _apredict(llm: GLM, output_cls: type[BaseModel] = Person, **options: Any) -> Any:
    return await llm.astructured_predict(output_cls, PROMPT, who="Ada", **options)


async def _stream(llm: GLM, output_cls: type[BaseModel] = Person, **options: Any) -> Any:
    return list(llm.stream_structured_predict(output_cls, PROMPT, who="Ada", **options))[-1]


async def _astream(llm: GLM, output_cls: type[BaseModel] = Person, **options: Any) -> Any:
    stream = await llm.astream_structured_predict(output_cls, PROMPT, who="Ada", **options)
    return [part async for part in stream][-1]


@pytest.fixture(
    params=[_predict, _apredict, _stream, _astream],
    ids=lambda predict: predict.__name__.strip("_"),
)
def predict(request: pytest.FixtureRequest) -> Predict:
    return request.param


@pytest.fixture(params=["stream", "astream"])
def parts_of(request: pytest.FixtureRequest) -> Predict:
    """Return all parts of a stream."""

    async def parts_of(llm: GLM, output_cls: type[BaseModel] = Person) -> list[Any]:
        if request.param == "stream":
            return list(llm.stream_structured_predict(output_cls, PROMPT, who="Ada"))
        stream = await llm.astream_structured_predict(output_cls, PROMPT, who="Ada")
        return [part async for part in stream]

    return parts_of


MODES = [
    PydanticProgramMode.DEFAULT,
    PydanticProgramMode.FUNCTION,
    PydanticProgramMode.OPENAI,
    PydanticProgramMode.LLM,
]


def said(text: str, finish: str = "stop") -> Reply:
    return json_reply(response_body({"content": text}, finish))


def called(name: str, arguments: str, finish: str = "tool_calls") -> Reply:
    calls = [call(name, arguments, 0, "call_1")]
    return json_reply(response_body({"content": "", "tool_calls": calls}, finish))


def streamed(*pieces: str) -> Reply:
    return stream_reply([*(chunk({"content": piece}) for piece in pieces), chunk({}, "stop")])


ANSWERS = {
    "bare": WRITTEN,
    "fence": f"```json\n{WRITTEN}\n```",
    "prose and fence": f"Sure!\n\n```json\n{WRITTEN}\n```\nAnything else?",
    "between sentences": f"She is:\n{WRITTEN}\nI think.",
    "box": f"<|begin_of_box|>{WRITTEN}<|end_of_box|>",
    "thinking": f"<think>Who?</think>{WRITTEN}",
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("form", ANSWERS)
async def test_an_answer_is_read_in_every_form(
    scripted_openrouter: StartScript, predict: Predict, form: str, mode: PydanticProgramMode
) -> None:
    llm = llm_for(scripted_openrouter(said(ANSWERS[form])), pydantic_program_mode=mode)
    assert await predict(llm) == ADA


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("arguments", [WRITTEN, json.dumps(WRITTEN)], ids=["call", "encoded call"])
async def test_a_call_is_an_answer_in_every_mode(
    scripted_openrouter: StartScript, predict: Predict, mode: PydanticProgramMode, arguments: str
) -> None:
    server = scripted_openrouter(called("Person", arguments))
    assert await predict(llm_for(server, pydantic_program_mode=mode)) == ADA


@pytest.mark.parametrize("several", [False, True])
@pytest.mark.parametrize("method", ["stream_call", "astream_call"])
async def test_a_program_of_llamaindex_streams_the_object_of_a_call(
    scripted_openrouter: StartScript, method: str, several: bool
) -> None:
    pieces = [chunk({"tool_calls": [call("Person", WRITTEN[:9], 0, "call_1")]})]
    pieces += [chunk({"tool_calls": [call(None, WRITTEN[9:], 0)]}), chunk({}, "tool_calls")]
    program = FunctionCallingProgram.from_defaults(
        Person,
        "Who is {who}?",
        llm=llm_for(scripted_openrouter(stream_reply(pieces))),
        allow_parallel_tool_calls=several,
    )
    *_, last = await gather(getattr(program, method)(who="Ada"))
    assert last == ([ADA] if several else ADA)


@pytest.mark.parametrize("mode", MODES)
async def test_no_tool_is_forced(
    scripted_openrouter: StartScript, predict: Predict, mode: PydanticProgramMode
) -> None:
    server = scripted_openrouter(said(WRITTEN))
    forceful = {"tool_required": True, "tool_choice": "required", "allow_parallel_tool_calls": True}
    await predict(llm_for(server, pydantic_program_mode=mode), llm_kwargs=forceful)
    body = server.requests[0].body
    assert "tool_choice" not in body
    functions = mode in (PydanticProgramMode.FUNCTION, PydanticProgramMode.OPENAI)
    assert ("tools" in body) == functions
    assert forceful.keys() == {"tool_required", "tool_choice", "allow_parallel_tool_calls"}


async def test_the_schema_is_in_the_request_and_once_in_the_prompt(
    scripted_openrouter: StartScript, predict: Predict
) -> None:
    server = scripted_openrouter(said(WRITTEN))
    await predict(llm_for(server, system_prompt="Be brief."))
    body = server.requests[0].body
    schema = Person.model_json_schema()
    assert body["response_format"]["json_schema"] == {"name": "Person", "schema": schema}
    system, user = body["messages"]
    assert system["content"].startswith("Be brief.\n\n")
    assert system["content"].count(json.dumps(schema)) == 1
    assert user == {"role": "user", "content": "Who is Ada?"}


async def test_a_provider_that_takes_no_format_is_asked_in_words(
    scripted_openrouter: StartScript, predict: Predict
) -> None:
    message = "response_format is not supported by this provider"
    refused = json_reply({"error": {"code": 400, "message": message}}, 400)
    server = scripted_openrouter(refused, said(WRITTEN))
    assert await predict(llm_for(server)) == ADA
    assert "response_format" not in server.requests[1].body


async def test_the_mode_for_any_model_sends_words_only(
    scripted_openrouter: StartScript, predict: Predict
) -> None:
    server = scripted_openrouter(said(WRITTEN))
    await predict(llm_for(server, pydantic_program_mode=PydanticProgramMode.LLM))
    body = server.requests[0].body
    assert not {"response_format", "tools"} & body.keys()
    assert json.dumps(Person.model_json_schema()) in body["messages"][0]["content"]


async def test_a_mode_that_needs_another_program_is_refused(
    scripted_openrouter: StartScript, predict: Predict
) -> None:
    server = scripted_openrouter(said(WRITTEN))
    llm = llm_for(server, pydantic_program_mode=PydanticProgramMode.LM_FORMAT_ENFORCER)
    with pytest.raises(InvalidRequestError, match="pydantic_program_mode"):
        await predict(llm)
    assert not server.requests


async def test_arguments_of_the_call_are_sent(
    scripted_openrouter: StartScript, predict: Predict
) -> None:
    server = scripted_openrouter(said("No."), said(WRITTEN))
    await predict(llm_for(server), llm_kwargs={"temperature": 0.1})
    assert [request.body["temperature"] for request in server.requests] == [0.1, 0.1]


async def test_the_model_gets_one_chance_to_mend_its_answer(
    scripted_openrouter: StartScript, predict: Predict
) -> None:
    bad = '{"name": "Ada", "age": "young"}'
    server = scripted_openrouter(said(bad), said(WRITTEN))
    assert await predict(llm_for(server)) == ADA
    first, second = (request.body["messages"] for request in server.requests)
    assert second[: len(first)] == first
    answer, complaint = second[len(first) :]
    assert answer["content"] == bad
    assert "age: Input should be a valid integer" in complaint["content"]


async def test_a_call_that_does_not_fit_gets_the_complaint_as_its_result(
    scripted_openrouter: StartScript, predict: Predict
) -> None:
    server = scripted_openrouter(called("Person", '{"name": "Ada"}'), called("Person", WRITTEN))
    llm = llm_for(server, pydantic_program_mode=PydanticProgramMode.FUNCTION)
    assert await predict(llm) == ADA
    *_, answer, result = server.requests[1].body["messages"]
    assert (result["role"], result["tool_call_id"]) == ("tool", answer["tool_calls"][0]["id"])
    assert "age" in result["content"]


async def test_an_answer_that_never_fits_is_an_error(
    scripted_openrouter: StartScript, predict: Predict
) -> None:
    server = scripted_openrouter(said("I would rather not."))
    with pytest.raises(StructuredOutputError) as caught:
        await predict(llm_for(server))
    assert caught.value.raw.content == "I would rather not."
    assert len(server.requests) == 2


async def test_an_answer_that_was_cut_is_not_asked_for_again(
    scripted_openrouter: StartScript, predict: Predict
) -> None:
    server = scripted_openrouter(said('{"name": "Ada", "a', "length"))
    with pytest.raises(StructuredOutputError, match="max_tokens"):
        await predict(llm_for(server))
    assert len(server.requests) == 1


async def test_a_cut_call_is_no_answer(scripted_openrouter: StartScript, predict: Predict) -> None:
    server = scripted_openrouter(called("Person", '{"name": "Ada", "age": 3', "length"))
    with pytest.raises(TruncatedToolCallError):
        await predict(llm_for(server, pydantic_program_mode=PydanticProgramMode.FUNCTION))


class Meeting(BaseModel):
    """Who meets when, and what came before."""

    model_config = ConfigDict(strict=True)

    day: date
    guests: list[Person] = []
    place: str | None = None
    leader: Person | str | None = None
    follows: "Meeting | None" = None


@pytest.mark.parametrize("mode", MODES)
async def test_nested_optional_and_recursive_models_work(
    scripted_openrouter: StartScript, predict: Predict, mode: PydanticProgramMode
) -> None:
    answer = {
        "day": "2026-09-01",
        "guests": [ADA.model_dump()],
        "leader": ADA.model_dump(),
        "follows": {"day": "2026-08-01", "leader": "Bob"},
    }
    server = scripted_openrouter(said(json.dumps(answer)))
    expected = Meeting(
        day=date(2026, 9, 1),
        guests=[ADA],
        leader=ADA,
        follows=Meeting(day=date(2026, 8, 1), leader="Bob"),
    )
    assert await predict(llm_for(server, pydantic_program_mode=mode), Meeting) == expected


class People(RootModel[list[Person]]):
    """Several persons."""


async def test_a_list_may_be_the_answer(scripted_openrouter: StartScript, predict: Predict) -> None:
    llm = llm_for(scripted_openrouter(said(f"Two:\n[{WRITTEN}, {WRITTEN}]")))
    assert await predict(llm, People) == People([ADA, ADA])


# Streams.


@pytest.mark.usefixtures("separate_reads")
async def test_a_stream_gives_the_object_while_it_grows(
    scripted_openrouter: StartScript, parts_of: Predict
) -> None:
    pieces = ['```json\n{"name": "A', 'da", "a', 'ge": 3', "6}\n", "```"]
    parts = await parts_of(llm_for(scripted_openrouter(streamed(*pieces))))
    assert [(part.name, part.age) for part in parts] == [("A", None), ("Ada", None), ("Ada", 36)]
    assert [isinstance(part, FlexibleModel) for part in parts] == [True, True, False]
    assert parts[-1] == ADA


@pytest.mark.usefixtures("separate_reads")
async def test_the_arguments_of_a_call_grow_too(
    scripted_openrouter: StartScript, parts_of: Predict
) -> None:
    pieces = ["", '{"name": "A', 'da", "age": ', "36}"]
    calls = [call(None if number else "Person", piece, 0, "c") for number, piece in enumerate(pieces)]  # fmt: skip
    deltas = [chunk({"content": None, "tool_calls": [part]}) for part in calls]
    server = scripted_openrouter(stream_reply([*deltas, chunk({}, "tool_calls")]))
    parts = await parts_of(llm_for(server, pydantic_program_mode=PydanticProgramMode.FUNCTION))
    assert [(part.name, part.age) for part in parts] == [("A", None), ("Ada", None), ("Ada", 36)]


@pytest.mark.usefixtures("separate_reads")
async def test_a_stream_ends_with_the_mended_object(
    scripted_openrouter: StartScript, parts_of: Predict
) -> None:
    server = scripted_openrouter(streamed('{"name": "Ad', 'a", "age": "x"}'), said(WRITTEN))
    parts = await parts_of(llm_for(server))
    assert parts[0].name == "Ad"
    assert parts[-1] == ADA


@pytest.mark.usefixtures("separate_reads")
async def test_a_list_grows_by_whole_objects(
    scripted_openrouter: StartScript, parts_of: Predict
) -> None:
    pieces = [f"[{WRITTEN}", ', {"name": "Bob"', ', "age": 1}', "]"]
    parts = await parts_of(llm_for(scripted_openrouter(streamed(*pieces))), People)
    assert parts == [People([ADA]), People([ADA, Person(name="Bob", age=1)])]


async def test_leaving_a_stream_closes_the_connection(scripted_openrouter: StartScript) -> None:
    first = Event(chunk({"content": '{"name": "Ada", '}))
    server = scripted_openrouter(stream_reply([first, Hold()]))
    stream: Any = await llm_for(server).astream_structured_predict(Person, PROMPT, who="Ada")
    assert (await anext(stream)).name == "Ada"
    await stream.aclose()
    assert await asyncio.to_thread(server.connections[0].wait_closed)


# The LLM that always answers in a class.


def structured(server: ScriptedServer) -> StructuredLLM:
    return llm_for(server).as_structured_llm(Person)


MESSAGES = [ChatMessage("Who is {Ada}?")]


async def test_a_structured_llm_chats_and_completes(scripted_openrouter: StartScript) -> None:
    server = scripted_openrouter(said(ANSWERS["fence"]))
    llm = structured(server)
    answers = [
        llm.chat(MESSAGES),
        await llm.achat(MESSAGES),
        llm.complete("Who is {Ada}?"),
        await llm.acomplete("Who is {Ada}?"),
    ]
    assert [answer.raw for answer in answers] == [ADA] * 4
    asked = [request.body["messages"][-1]["content"] for request in server.requests]
    assert asked == ["Who is {Ada}?"] * 4


@pytest.mark.usefixtures("separate_reads")
async def test_a_structured_llm_streams_partial_objects(scripted_openrouter: StartScript) -> None:
    llm = structured(scripted_openrouter(streamed('{"name": "A', 'da", "age": ', "36}")))
    parts = [response.raw for response in llm.stream_chat(MESSAGES)]
    assert [(part.name, part.age) for part in parts] == [("A", None), ("Ada", None), ("Ada", 36)]
    stream = await llm.astream_chat(MESSAGES)
    assert [response.raw.model_dump() async for response in stream] == [
        part.model_dump() for part in parts
    ]


# Agents and the rest of the framework.


def get_weather(city: str) -> str:
    """Get the current weather in a city."""
    return f"21 degrees Celsius in {city}"


class Report(BaseModel):
    """A weather report."""

    city: str
    celsius: int


@pytest.mark.parametrize("workflow", [False, True], ids=["agent", "workflow"])
async def test_an_agent_answers_in_a_class_and_forces_no_tool(
    offline_openrouter: OfflineServer, workflow: bool
) -> None:
    agent: Any = FunctionAgent(
        tools=[get_weather],
        llm=llm_for(offline_openrouter, api_key="sk-or-v1-test"),
        output_cls=Report,
    )
    if workflow:
        agent = AgentWorkflow(agents=[agent], output_cls=Report)
    output = await agent.run("What is the weather in Oslo?")
    assert output.get_pydantic_model(Report) == Report(city="Oslo", celsius=21)
    choices = {request.body.get("tool_choice", "auto") for request in offline_openrouter.requests}
    assert choices == {"auto"}


async def test_a_function_of_the_user_may_make_the_answer(
    offline_openrouter: OfflineServer,
) -> None:
    llm = llm_for(offline_openrouter, api_key="sk-or-v1-test")

    async def to_report(messages: list[ChatMessage]) -> dict[str, Any]:
        report = await llm.as_structured_llm(Report).achat(messages)
        return report.raw.model_dump()

    agent = FunctionAgent(tools=[get_weather], llm=llm, structured_output_fn=to_report)
    output = await agent.run("What is the weather in Oslo?")
    assert output.structured_response == {"city": "Oslo", "celsius": 21}


async def test_the_events_of_the_framework_are_there(
    scripted_openrouter: StartScript, predict: Predict
) -> None:
    with listening() as events:
        await predict(llm_for(scripted_openrouter(said(WRITTEN))))
    start, *parts, end = (each for each in events if "StructuredPredict" in each.class_name())
    assert type(start) is LLMStructuredPredictStartEvent
    assert {type(part) for part in parts} <= {LLMStructuredPredictInProgressEvent}
    assert type(end) is LLMStructuredPredictEndEvent
    assert end.output == ADA


async def test_chat_prompts_keep_their_roles(
    scripted_openrouter: StartScript,
) -> None:
    server = scripted_openrouter(said(WRITTEN))
    prompt = ChatPromptTemplate(
        [
            ChatMessage("Be kind.", role=MessageRole.SYSTEM),
            ChatMessage("Who is {who}?", role=MessageRole.USER),
        ]
    )
    assert llm_for(server).structured_predict(Person, prompt, who="Ada") == ADA
    system, user = server.requests[0].body["messages"]
    assert system["content"].startswith("Be kind.\n\nAnswer with one JSON value")
    assert user["content"] == "Who is Ada?"
