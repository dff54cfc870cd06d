"""`with_structured_output` and agents that answer in a schema: they work without force, and never return nothing."""

import asyncio
import json
import pickle
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, TypedDict

import pydantic.v1
import pytest
import typing_extensions
from langchain.agents import create_agent
from langchain.agents.structured_output import (
    AutoStrategy,
    ProviderStrategy,
    StructuredOutputValidationError,
    ToolStrategy,
)
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.exceptions import OutputParserException
from langchain_core.load import dumpd
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import Runnable
from langchain_core.tools import StructuredTool
from pydantic import BaseModel, ConfigDict

from glm_openrouter import InvalidRequestError
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
from langchain_glm import ChatGLM, StructuredOutputError
from support.langchain_models import Ask, model_for
from support.samples import WEATHER
from support.wire import call, chunk, response_body


class Person(BaseModel):
    """A person."""

    name: str
    age: int


class OldPerson(pydantic.v1.BaseModel):
    """A person."""

    name: str
    age: int


class PersonDict(TypedDict):
    """A person."""

    name: Annotated[str, ..., "the first name"]
    age: int


class LaterPersonDict(typing_extensions.TypedDict):
    """A person."""

    name: typing_extensions.Required[str]
    age: int


@dataclass
class PersonData:
    """A person."""

    name: str
    age: int


PROPERTIES = {"name": {"type": "string"}, "age": {"type": "integer"}}
JSON_SCHEMA = {"type": "object", "properties": PROPERTIES, "required": ["name", "age"]}
ADA = {"name": "Ada", "age": 36}
WRITTEN = json.dumps(ADA)

SCHEMAS: dict[str, tuple[Any, Any]] = {
    "pydantic": (Person, Person(name="Ada", age=36)),
    "pydantic v1": (OldPerson, OldPerson(name="Ada", age=36)),
    "dataclass": (PersonData, PersonData("Ada", 36)),
    "TypedDict": (PersonDict, ADA),
    "TypedDict of typing_extensions": (LaterPersonDict, ADA),
    "JSON schema": ({"title": "Person", **JSON_SCHEMA}, ADA),
    "JSON schema without a title": (JSON_SCHEMA, ADA),
    "function": ({"name": "Person", "description": "A person.", "parameters": JSON_SCHEMA}, ADA),
    "tool": ({"type": "function", "function": {"name": "Person", "parameters": JSON_SCHEMA}}, ADA),
    "response format": (
        {"type": "json_schema", "json_schema": {"name": "Person", "schema": JSON_SCHEMA}},
        ADA,
    ),
}
METHODS = ["json_schema", "function_calling", "json_mode", "prompt"]

TEXTS = {
    "bare": WRITTEN,
    "fence": f"```json\n{WRITTEN}\n```",
    "prose and fence": f"Sure!\n\n```json\n{WRITTEN}\n```\nAnything else?",
    "between sentences": f"She is:\n{WRITTEN}\nI think.",
    "box": f"<|begin_of_box|>{WRITTEN}<|end_of_box|>",
    "thinking": f"<think>Who?</think>\n{WRITTEN}",
}


@pytest.fixture(params=["invoke", "ainvoke", "stream", "astream", "batch"])
def ask(request: pytest.FixtureRequest) -> Ask:
    """Ask a runnable, in each of the ways, for its result: of a stream, the last part."""

    async def ask(
        runnable: Runnable[Any, Any], given: Any = "Who is Ada?", **arguments: Any
    ) -> Any:
        match request.param:
            case "invoke":
                return runnable.invoke(given, **arguments)
            case "ainvoke":
                return await runnable.ainvoke(given, **arguments)
            case "stream":
                return list(runnable.stream(given, **arguments))[-1]
            case "astream":
                return [part async for part in runnable.astream(given, **arguments)][-1]
            case _:
                return runnable.batch([given], **arguments)[0]

    return ask


@pytest.fixture(params=["stream", "astream"])
def parts_of(request: pytest.FixtureRequest) -> Ask:
    """Return all parts of a stream."""

    async def parts_of(runnable: Runnable[Any, Any], given: Any = "Who is Ada?") -> list[Any]:
        if request.param == "stream":
            return list(runnable.stream(given))
        return [part async for part in runnable.astream(given)]

    return parts_of


def said(text: str, finish: str = "stop") -> Reply:
    return json_reply(response_body({"content": text}, finish))


def called(name: str, arguments: str) -> Reply:
    calls = [call(name, arguments, 0, "call_1")]
    return json_reply(response_body({"content": "", "tool_calls": calls}, "tool_calls"))


def streamed(*pieces: str) -> Reply:
    return stream_reply([*(chunk({"content": piece}) for piece in pieces), chunk({}, "stop")])


def streamed_call(name: str, *pieces: str) -> Reply:
    calls = [call(name, "", 0, "call_1"), *(call(None, piece, 0) for piece in pieces)]
    deltas = [chunk({"content": None, "tool_calls": [part]}) for part in calls]
    return stream_reply([*deltas, chunk({}, "tool_calls")])


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("form", TEXTS)
async def test_an_answer_is_read_in_every_form(
    scripted_openrouter: StartScript, ask: Ask, method: Any, form: str
) -> None:
    model = model_for(scripted_openrouter(said(TEXTS[form])))
    assert await ask(model.with_structured_output(Person, method=method)) == Person(**ADA)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("arguments", [WRITTEN, json.dumps(WRITTEN)], ids=["call", "encoded call"])
async def test_a_call_is_an_answer_whatever_the_method(
    scripted_openrouter: StartScript, ask: Ask, method: Any, arguments: str
) -> None:
    model = model_for(scripted_openrouter(called("Person", arguments)))
    assert await ask(model.with_structured_output(Person, method=method)) == Person(**ADA)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("kind", SCHEMAS)
async def test_every_kind_of_schema_works_with_every_method(
    scripted_openrouter: StartScript, method: Any, kind: str
) -> None:
    schema, expected = SCHEMAS[kind]
    server = scripted_openrouter(said(TEXTS["fence"]))
    model = model_for(server).with_structured_output(schema, method=method)
    assert model.invoke("Who is Ada?") == expected
    assert list(model.stream("Who is Ada?"))[-1] == expected
    assert '"age"' in json.dumps(server.requests[0].body).replace("\\", "")


@pytest.mark.parametrize("kind", SCHEMAS)
def test_what_does_not_fit_a_schema_of_any_kind_is_an_error(
    scripted_openrouter: StartScript, kind: str
) -> None:
    server = scripted_openrouter(said('{"name": "Ada", "age": "young"}'))
    with pytest.raises(StructuredOutputError, match="age"):
        model_for(server).with_structured_output(SCHEMAS[kind][0]).invoke("Who is Ada?")
    assert len(server.requests) == 2


def test_types_that_are_no_class_work_too(scripted_openrouter: StartScript) -> None:
    model = model_for(scripted_openrouter(said(f"Two:\n[{WRITTEN}, {WRITTEN}]")))
    people = model.with_structured_output(list[Person]).invoke("Who?")
    assert people == [Person(**ADA), Person(**ADA)]


class Meeting(BaseModel):
    """Something on a day."""

    model_config = ConfigDict(strict=True)

    day: date
    guests: tuple[Person, ...] = ()
    follows: "Meeting | None" = None


def test_nested_recursive_and_strict_models_are_read_as_json(
    scripted_openrouter: StartScript,
) -> None:
    answer = {"day": "2026-09-01", "guests": [ADA], "follows": {"day": "2026-08-01"}}
    server = scripted_openrouter(said(json.dumps(answer)))
    meeting = model_for(server).with_structured_output(Meeting).invoke("When?")
    assert (meeting.day, meeting.guests[0].name, meeting.follows.day.month) == (
        date(2026, 9, 1),
        "Ada",
        8,
    )
    spec = server.requests[0].body["response_format"]["json_schema"]
    assert spec == {"name": "Meeting", "schema": Meeting.model_json_schema()}


@pytest.mark.parametrize("method", METHODS)
def test_nothing_is_forced_and_the_prompt_says_what_is_wanted_once(
    scripted_openrouter: StartScript, method: Any
) -> None:
    server = scripted_openrouter(said(WRITTEN))
    model_for(server).with_structured_output(Person, method=method).invoke(
        [("system", "Be brief."), ("user", "Who is Ada?")]
    )
    body = server.requests[0].body
    assert "tool_choice" not in body
    system, user = body["messages"]
    assert system["content"].startswith("Be brief.\n\n")
    wanted = "`Person`" if method == "function_calling" else json.dumps(Person.model_json_schema())
    assert system["content"].count(wanted) == 1
    assert user == {"role": "user", "content": "Who is Ada?"}


REFUSED = json_reply(
    {"error": {"code": 400, "message": "response_format is not supported by this provider"}}, 400
)


@pytest.mark.parametrize("method", ["json_schema", "json_mode"])
def test_a_provider_that_takes_no_format_is_asked_in_words(
    scripted_openrouter: StartScript, method: Any
) -> None:
    server = scripted_openrouter(REFUSED, said(TEXTS["fence"]))
    structured = model_for(server).with_structured_output(Person, method=method, include_raw=True)
    answer: Any = structured.invoke("Who is Ada?")
    assert answer["parsed"] == Person(**ADA)
    assert answer["raw"].response_metadata["adjustments"] == [
        f"response_format: {server.requests[0].body['response_format']['type']} -> the prompt"
    ]


def test_strict_is_sent_only_if_asked_for(scripted_openrouter: StartScript) -> None:
    server = scripted_openrouter(said(WRITTEN))
    for strict in (None, True):
        model_for(server).with_structured_output(Person, strict=strict).invoke("Who?")
    loose, strict_one = (
        request.body["response_format"]["json_schema"] for request in server.requests
    )
    assert "strict" not in loose
    assert strict_one["strict"] is True
    assert strict_one["schema"]["additionalProperties"] is False


@pytest.mark.parametrize("method", METHODS)
async def test_the_model_gets_one_chance_to_mend_its_answer(
    scripted_openrouter: StartScript, ask: Ask, method: Any
) -> None:
    server = scripted_openrouter(said('{"name": "Ada", "age": "young"}'), said(WRITTEN))
    model = model_for(server).with_structured_output(Person, method=method)
    assert await ask(model) == Person(**ADA)
    first, second = (request.body["messages"] for request in server.requests)
    assert second[: len(first)] == first
    answer, complaint = second[len(first) :]
    assert answer["content"] == '{"name": "Ada", "age": "young"}'
    assert "age: Input should be a valid integer" in complaint["content"]


async def test_a_call_that_does_not_fit_gets_the_complaint_as_its_result(
    scripted_openrouter: StartScript, ask: Ask
) -> None:
    server = scripted_openrouter(called("Person", '{"name": "Ada"}'), called("Person", WRITTEN))
    model = model_for(server).with_structured_output(Person, method="function_calling")
    assert await ask(model) == Person(**ADA)
    *_, answer, result = server.requests[1].body["messages"]
    assert (result["role"], result["tool_call_id"]) == ("tool", answer["tool_calls"][0]["id"])
    assert "age" in result["content"]


@pytest.mark.parametrize("method", METHODS)
async def test_an_answer_that_never_fits_is_an_error_with_the_message(
    scripted_openrouter: StartScript, ask: Ask, method: Any
) -> None:
    server = scripted_openrouter(said("I would rather not."))
    with pytest.raises(StructuredOutputError) as caught:
        await ask(model_for(server).with_structured_output(Person, method=method))
    assert isinstance(caught.value, OutputParserException)
    assert isinstance(caught.value.raw, AIMessage)
    assert caught.value.raw.text == "I would rather not."
    assert len(server.requests) == 2


async def test_an_answer_that_was_cut_is_not_asked_for_again(
    scripted_openrouter: StartScript, ask: Ask
) -> None:
    server = scripted_openrouter(said('{"name": "Ada", "a', "length"))
    with pytest.raises(StructuredOutputError, match="max_tokens"):
        await ask(model_for(server).with_structured_output(Person))
    assert len(server.requests) == 1


async def test_a_cut_call_is_no_answer(scripted_openrouter: StartScript, ask: Ask) -> None:
    calls = [call("Person", '{"name": "Ada", "age": 3', 0, "call_1")]
    reply = json_reply(response_body({"content": "", "tool_calls": calls}, "length"))
    model = model_for(scripted_openrouter(reply))
    with pytest.raises(StructuredOutputError, match="max_tokens"):
        await ask(model.with_structured_output(Person, method="function_calling"))


def test_include_raw_gives_the_message_and_the_object(scripted_openrouter: StartScript) -> None:
    model = model_for(scripted_openrouter(said(TEXTS["fence"])))
    both = model.with_structured_output(Person, include_raw=True).invoke("Who?")
    assert both.keys() == {"raw", "parsed", "parsing_error"}
    assert (both["parsed"], both["parsing_error"]) == (Person(**ADA), None)
    assert isinstance(both["raw"], AIMessage)


async def test_include_raw_gives_the_error_and_does_not_raise(
    scripted_openrouter: StartScript, ask: Ask
) -> None:
    model = model_for(scripted_openrouter(said("No.")))
    both = await ask(model.with_structured_output(Person, include_raw=True))
    assert both["parsed"] is None
    assert isinstance(both["parsing_error"], StructuredOutputError)


def test_any_object_can_be_asked_for(scripted_openrouter: StartScript) -> None:
    model = model_for(scripted_openrouter(said('```json\n{"a": 1}\n```')))
    assert model.with_structured_output(method="json_mode").invoke("Go.") == {"a": 1}


@pytest.mark.parametrize(
    ("schema", "method"),
    [
        (None, "json_schema"),
        (Person, "magic"),
        ({"name": "str"}, "json_schema"),
        (list[Person], "function_calling"),
    ],
)
def test_what_cannot_be_asked_for_is_an_error_at_once(schema: Any, method: Any) -> None:
    with pytest.raises(InvalidRequestError):
        ChatGLM(api_key="sk-or-test").with_structured_output(schema, method=method)


def _titled(part: dict[str, Any], **more: Any) -> dict[str, Any]:
    about = {"title": "Report", "description": "A report."}
    return {**about, "type": "object", "properties": {"city": part}, **more}


ELSEWHERE = {
    "a URL": _titled({"$ref": "http://127.0.0.1:9/latest/meta-data"}),
    "a file": _titled({"$ref": "file:///etc/hostname"}),
    "nothing": _titled({"$ref": "#/$defs/City"}),
    "a URL by an id": _titled({"$ref": "City"}, **{"$id": "http://127.0.0.1:9/"}),
}


@pytest.mark.parametrize("schema", ELSEWHERE.values(), ids=ELSEWHERE)
@pytest.mark.parametrize(
    "bind",
    [
        lambda model, schema: model.with_structured_output(schema),
        lambda model, schema: model.with_structured_output(schema, method="function_calling"),
        lambda model, schema: model.with_structured_output(schema, method="json_mode", strict=True),
        lambda model, schema: create_agent(model, [], response_format=schema),
        lambda model, schema: create_agent(model, [], response_format=ToolStrategy(schema)),
        lambda model, schema: create_agent(model, [], response_format=ProviderStrategy(schema)),
    ],
)
async def test_a_schema_that_refers_elsewhere_is_refused_before_a_request(
    scripted_openrouter: StartScript, ask: Ask, bind: Any, schema: dict[str, Any]
) -> None:
    server = scripted_openrouter(said("{}"))
    question = {"messages": [("user", "Where?")]}
    with pytest.raises(InvalidRequestError, match=r"not in it|not found|URI fragments"):
        await ask(bind(model_for(server), schema), question)
    assert server.requests == []


# Other tools.


def search(query: str) -> str:
    """Search the web."""
    return query


def names_of(body: dict[str, Any]) -> list[str]:
    return [tool["function"]["name"] for tool in body["tools"]]


@pytest.mark.parametrize(
    ("method", "names"), [("json_schema", ["search"]), ("function_calling", ["search", "Person"])]
)
@pytest.mark.parametrize("bound", [False, True], ids=["given", "bound before"])
def test_other_tools_stay(
    scripted_openrouter: StartScript, method: Any, names: list[str], bound: bool
) -> None:
    server = scripted_openrouter(said(WRITTEN))
    model = model_for(server)
    if bound:
        structured: Any = model.bind_tools([search]).with_structured_output(Person, method=method)
    else:
        structured = model.with_structured_output(Person, method=method, tools=[search])
    assert structured.invoke("Who?") == Person(**ADA)
    assert names_of(server.requests[0].body) == names
    assert "tool_choice" not in server.requests[0].body


def test_other_arguments_that_are_bound_stay(scripted_openrouter: StartScript) -> None:
    server = scripted_openrouter(said(WRITTEN))
    bound: Any = model_for(server).bind(temperature=0.1).with_config(tags=["mine"])
    seen: list[Any] = []

    class Tags(BaseCallbackHandler):
        def on_chat_model_start(self, *_: Any, tags: Any = None, **__: Any) -> None:
            seen.append(tags)

    bound.with_structured_output(Person).invoke("Who?", {"callbacks": [Tags()]})
    assert server.requests[0].body["temperature"] == 0.1
    assert "mine" in seen[0]


def test_the_last_form_that_was_asked_for_counts(scripted_openrouter: StartScript) -> None:
    server = scripted_openrouter(said(WRITTEN))
    other = {"type": "json_schema", "json_schema": {"name": "Other", "schema": {"type": "string"}}}
    model: Any = model_for(server).bind_tools([search], response_format=other)
    assert model.with_structured_output(Person).invoke("Who?") == Person(**ADA)
    (request,) = server.requests
    assert request.body["response_format"]["json_schema"]["name"] == "Person"
    assert names_of(request.body) == ["search"]


async def test_a_call_of_another_tool_is_in_raw(scripted_openrouter: StartScript, ask: Ask) -> None:
    """The model wants to look something up first: that is no error, and no answer either."""
    server = scripted_openrouter(called("search", '{"query": "Ada"}'))
    model = model_for(server).with_structured_output(Person, include_raw=True, tools=[search])
    both = await ask(model)
    assert (both["parsed"], both["parsing_error"]) == (None, None)
    assert len(server.requests) == 1


async def test_a_call_of_another_tool_without_raw_is_an_error_that_names_it(
    scripted_openrouter: StartScript, ask: Ask
) -> None:
    server = scripted_openrouter(called("search", '{"query": "Ada"}'))
    with pytest.raises(StructuredOutputError, match="'search'") as caught:
        await ask(model_for(server).with_structured_output(Person, tools=[search]))
    assert caught.value.raw.tool_calls[0]["args"] == {"query": "Ada"}
    assert len(server.requests) == 1


# Streams.

PIECES = ['```json\n{"na', 'me": "A', 'da", "a', 'ge": 3', "6}\n", "```"]


@pytest.mark.usefixtures("separate_reads")
async def test_a_stream_gives_a_dict_while_it_grows(
    scripted_openrouter: StartScript, parts_of: Ask
) -> None:
    model = model_for(scripted_openrouter(streamed(*PIECES)))
    parts = await parts_of(model.with_structured_output(PersonDict))
    assert parts == [{"name": "A"}, {"name": "Ada"}, ADA]


@pytest.mark.usefixtures("separate_reads")
async def test_a_stream_gives_an_object_from_when_it_is_one(
    scripted_openrouter: StartScript, parts_of: Ask
) -> None:
    class Letter(BaseModel):
        to: str
        text: str = ""

    pieces = ['{"to": "A', 'da", "te', 'xt": "De', "ar ", 'Ada"}']
    model = model_for(scripted_openrouter(streamed(*pieces)))
    parts = await parts_of(model.with_structured_output(Letter))
    assert all(isinstance(part, Letter) for part in parts)
    assert [(part.to, part.text) for part in parts] == [
        ("A", ""),
        ("Ada", ""),
        ("Ada", "De"),
        ("Ada", "Dear "),
        ("Ada", "Dear Ada"),
    ]


async def test_an_object_that_has_not_changed_does_not_come_again(
    scripted_openrouter: StartScript, parts_of: Ask
) -> None:
    pieces = ['{"name": "Ada", "age": 36, "born', '": "London"', ', "died": "London"', "}"]
    model = model_for(scripted_openrouter(streamed(*pieces)))
    assert await parts_of(model.with_structured_output(Person)) == [Person(**ADA)]


@pytest.mark.usefixtures("separate_reads")
async def test_a_call_is_streamed_too(scripted_openrouter: StartScript, parts_of: Ask) -> None:
    server = scripted_openrouter(streamed_call("PersonDict", '{"na', 'me": "Ada", "age"', ": 36}"))
    model = model_for(server).with_structured_output(PersonDict, method="function_calling")
    assert await parts_of(model) == [{"name": "Ada"}, ADA]


@pytest.mark.usefixtures("separate_reads")
async def test_a_stream_ends_with_the_mended_object(
    scripted_openrouter: StartScript, parts_of: Ask
) -> None:
    server = scripted_openrouter(streamed('{"name": "Ad', 'a", "age": "x"}'), said(WRITTEN))
    parts = await parts_of(model_for(server).with_structured_output(PersonDict))
    assert parts[-1] == ADA
    assert parts[0] == {"name": "Ad"}


async def test_the_parts_of_a_stream_with_raw_add_up(
    scripted_openrouter: StartScript, parts_of: Ask
) -> None:
    model = model_for(scripted_openrouter(streamed(*PIECES)))
    first, *rest = await parts_of(model.with_structured_output(PersonDict, include_raw=True))
    whole = sum(rest, start=first)
    assert whole.keys() == {"raw", "parsed", "parsing_error"}
    assert (whole["raw"].text, whole["parsed"]) == (WRITTEN, ADA)


@pytest.mark.parametrize(
    ("second", "parsed"), [(WRITTEN, ADA), ("Never.", None)], ids=["mended", "not mended"]
)
async def test_the_parts_of_a_stream_with_raw_end_with_the_last_answer(
    scripted_openrouter: StartScript, parts_of: Ask, second: str, parsed: Any
) -> None:
    server = scripted_openrouter(streamed('{"name": "Ad', 'a"}'), said(second))
    model = model_for(server).with_structured_output(PersonDict, include_raw=True)
    first, *rest = await parts_of(model)
    whole = sum(rest, start=first)
    assert (whole["raw"].text, whole["parsed"]) == (second, parsed)


async def test_leaving_a_stream_closes_the_connection(scripted_openrouter: StartScript) -> None:
    first = Event(chunk({"content": '{"name": "Ada", '}))
    server = scripted_openrouter(stream_reply([first, Hold()]))
    stream = model_for(server).with_structured_output(PersonDict).astream("Who?")
    assert await anext(stream) == {"name": "Ada"}
    await stream.aclose()
    assert await asyncio.to_thread(server.connections[0].wait_closed)


# In chains.


class Runs(BaseCallbackHandler):
    """Notes the runs that start."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.formats: list[Any] = []
        self.errors: list[BaseException] = []

    def on_chain_start(self, *_: Any, name: str = "", **__: Any) -> None:
        self.names.append(name)

    def on_chain_error(self, error: BaseException, **_: Any) -> None:
        self.errors.append(error)

    def on_chat_model_start(self, serialized: Any, *_: Any, options: Any, **__: Any) -> None:
        self.names.append(serialized["name"])
        self.formats.append(options.get("ls_structured_output_format"))


async def test_the_runs_have_sensible_names(scripted_openrouter: StartScript, ask: Ask) -> None:
    runs = Runs()
    prompt = ChatPromptTemplate.from_messages([("user", "Who is {who}?")])
    model = model_for(scripted_openrouter(said("No."), said(WRITTEN)))
    chain = prompt | model.with_structured_output(Person)
    assert await ask(chain, {"who": "Ada"}, config={"callbacks": [runs]}) == Person(**ADA)
    expected = ["RunnableSequence", "ChatPromptTemplate", "StructuredOutput", "ChatGLM", "ChatGLM"]
    assert runs.names == expected
    assert [traced["schema"]["title"] for traced in runs.formats] == ["Person", "Person"]
    assert runs.formats[0]["kwargs"] == {"method": "json_schema", "strict": None}


def test_an_error_is_noted_by_the_run(scripted_openrouter: StartScript) -> None:
    runs = Runs()
    model = model_for(scripted_openrouter(said("No."))).with_structured_output(Person)
    with pytest.raises(StructuredOutputError):
        model.invoke("Who?", {"callbacks": [runs]})
    assert [type(error) for error in runs.errors] == [StructuredOutputError]


def test_retry_and_fallbacks_act_on_the_error(scripted_openrouter: StartScript) -> None:
    bad = scripted_openrouter(said("No."), said("No."), said(WRITTEN))
    model = model_for(bad).with_structured_output(Person)
    again = model.with_retry(
        retry_if_exception_type=(StructuredOutputError,),
        wait_exponential_jitter=False,
        stop_after_attempt=2,
    )
    assert again.invoke("Who?") == Person(**ADA)
    never = model_for(scripted_openrouter(said("No."))).with_structured_output(Person)
    good = model_for(scripted_openrouter(said(WRITTEN))).with_structured_output(Person)
    assert never.with_fallbacks([good]).invoke("Who?") == Person(**ADA)


def test_arguments_of_a_call_reach_the_model(scripted_openrouter: StartScript) -> None:
    server = scripted_openrouter(said("No."), said(WRITTEN))
    model_for(server).with_structured_output(Person).bind(seed=7).invoke("Who?", temperature=0.2)
    assert [(sent.body["seed"], sent.body["temperature"]) for sent in server.requests] == [
        (7, 0.2),
        (7, 0.2),
    ]


def test_types_are_known(scripted_openrouter: StartScript) -> None:
    model = model_for(scripted_openrouter(said(WRITTEN)))
    assert model.with_structured_output(Person).get_output_jsonschema()["title"] == "Person"
    assert model.with_structured_output(Person).OutputType is Person
    assert model.with_structured_output(JSON_SCHEMA).OutputType == dict[str, Any]


def test_a_copy_works(scripted_openrouter: StartScript) -> None:
    model = model_for(scripted_openrouter(said(WRITTEN))).with_structured_output(Person)
    assert pickle.loads(pickle.dumps(model)).invoke("Who?") == Person(**ADA)


def test_the_users_schema_and_tools_are_left_alone(scripted_openrouter: StartScript) -> None:
    schema = {"title": "Person", **JSON_SCHEMA}
    tools = [dict(WEATHER)]
    before = json.dumps([schema, tools])
    model = model_for(scripted_openrouter(said(WRITTEN)))
    for method in ("json_schema", "function_calling"):
        model.with_structured_output(schema, method=method, tools=tools, strict=True).invoke("Who?")  # type: ignore[arg-type]
    assert json.dumps([schema, tools]) == before


# A `response_format` by itself.


def test_a_bound_format_is_in_the_prompt_too(scripted_openrouter: StartScript) -> None:
    server = scripted_openrouter(said(WRITTEN))
    wanted = {"type": "json_schema", "json_schema": {"name": "Person", "schema": JSON_SCHEMA}}
    model_for(server).bind(response_format=wanted).invoke("Who is Ada?")
    body = server.requests[0].body
    assert body["response_format"] == wanted
    assert json.dumps(JSON_SCHEMA) in body["messages"][0]["content"]


async def test_the_answer_to_a_bound_format_is_json_alone(
    scripted_openrouter: StartScript,
) -> None:
    model = model_for(scripted_openrouter(streamed(*PIECES)))
    bound = model.bind(response_format={"type": "json_object"})
    assert bound.invoke("Who is Ada?").text == WRITTEN
    assert "".join(str(part.text) for part in bound.stream("Who is Ada?")) == WRITTEN


@pytest.mark.parametrize(
    "arguments",
    [
        {"response_format": {"type": "json_object"}},
        {
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "P", "schema": JSON_SCHEMA},
            },
            "instruction": "",
        },
        {"extra_body": {"response_format": {"type": "json_schema", "json_schema": {"name": "P"}}}},
    ],
    ids=["no schema", "an empty instruction", "extra_body"],
)
def test_the_prompt_can_be_left_alone(
    scripted_openrouter: StartScript, arguments: dict[str, Any]
) -> None:
    server = scripted_openrouter(said(WRITTEN))
    model_for(server).invoke("Who is Ada?", **arguments)
    assert server.requests[0].body["messages"] == [{"role": "user", "content": "Who is Ada?"}]


def test_a_binding_is_serialised_as_langchains_own() -> None:
    bound = ChatGLM(api_key="sk-or-test").bind_tools([search], response_format={"type": "text"})
    assert dumpd(bound)["id"][-1] == "RunnableBinding"


# Agents.


class Report(BaseModel):
    """A weather report."""

    city: str
    celsius: int


class Refusal(BaseModel):
    """Why there is no report."""

    reason: str


FORMATS: dict[str, Any] = {
    "schema": Report,
    "AutoStrategy": AutoStrategy(Report),
    "ToolStrategy": ToolStrategy(Report),
    "ToolStrategy of several": ToolStrategy(Report | Refusal),
    "ProviderStrategy": ProviderStrategy(Report),
    "strict ProviderStrategy": ProviderStrategy(Report, strict=True),
}


def get_weather(city: str) -> str:
    """Get the current weather in a city."""
    return f"21 degrees Celsius in {city}"


@pytest.fixture(params=["invoke", "ainvoke", "stream"])
def run_agent(request: pytest.FixtureRequest) -> Any:
    """Run an agent and return its last state."""

    async def run_agent(agent: Any, text: str) -> Any:
        given = {"messages": [("user", text)]}
        if request.param == "invoke":
            return agent.invoke(given)
        if request.param == "ainvoke":
            return await agent.ainvoke(given)
        modes = list(agent.stream(given, stream_mode=["values", "messages"]))
        return [state for mode, state in modes if mode == "values"][-1]

    return run_agent


@pytest.mark.parametrize(
    ("run_agent", "tools", "model_id"),
    [
        ("invoke", [], "z-ai/glm-4.6:exacto"),
        ("invoke", [get_weather], "z-ai/glm-4.5"),
        ("ainvoke", [get_weather], "z-ai/glm-4.6:exacto"),
        ("stream", [], "z-ai/glm-4.5"),
    ],
    indirect=["run_agent"],
)
@pytest.mark.parametrize("wanted", FORMATS)
async def test_an_agent_answers_in_a_schema_and_forces_no_tool(
    offline_openrouter: OfflineServer,
    run_agent: Any,
    wanted: str,
    tools: Sequence[Any],
    model_id: str,
) -> None:
    model = model_for(offline_openrouter, model=model_id)
    agent = create_agent(model, tools=tools, response_format=FORMATS[wanted])
    question = "What is the weather in Oslo? It was 21 degrees Celsius."
    state = await run_agent(agent, question)
    assert state["structured_response"] == Report(city="Oslo", celsius=21)
    choices = [request.body.get("tool_choice", "auto") for request in offline_openrouter.requests]
    assert choices == ["auto"] * (2 if tools else 1)


def agent_for(server: ScriptedServer, wanted: Any) -> Any:
    return create_agent(model_for(server), tools=[get_weather], response_format=wanted)


REPORT = '{"city": "Oslo", "celsius": 21}'


@pytest.mark.parametrize("wanted", ["ToolStrategy", "ToolStrategy of several"])
async def test_tools_that_are_the_answer_are_named_in_the_prompt(
    scripted_openrouter: StartScript, run_agent: Any, wanted: str
) -> None:
    server = scripted_openrouter(called("Report", REPORT))
    state = await run_agent(agent_for(server, FORMATS[wanted]), "Weather in Oslo?")
    assert state["structured_response"] == Report(city="Oslo", celsius=21)
    body = server.requests[0].body
    assert "tool_choice" not in body
    assert "`Report`" in body["messages"][0]["content"]
    assert "`get_weather`" not in body["messages"][0]["content"]


@pytest.mark.parametrize("wanted", FORMATS)
@pytest.mark.parametrize(
    "text",
    [REPORT, f"```json\n{REPORT}\n```", f"Here it is:\n```json\n{REPORT}\n```\nBye!"],
    ids=["bare", "fence", "prose and fence"],
)
async def test_an_agent_reads_an_answer_in_every_form(
    scripted_openrouter: StartScript, run_agent: Any, wanted: str, text: str
) -> None:
    server = scripted_openrouter(said(text))
    state = await run_agent(agent_for(server, FORMATS[wanted]), "Weather in Oslo?")
    assert state["structured_response"] == Report(city="Oslo", celsius=21)
    assert len(server.requests) == 1


@pytest.mark.parametrize("wanted", FORMATS)
async def test_an_agent_gives_the_model_one_chance_to_mend_its_answer(
    scripted_openrouter: StartScript, run_agent: Any, wanted: str
) -> None:
    server = scripted_openrouter(said("It is warm."), said(REPORT))
    state = await run_agent(agent_for(server, FORMATS[wanted]), "Weather in Oslo?")
    assert state["structured_response"] == Report(city="Oslo", celsius=21)
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("wanted", "error"),
    [
        ("ToolStrategy", StructuredOutputError),
        ("ProviderStrategy", StructuredOutputValidationError),
    ],
)
def test_an_agent_never_ends_without_its_answer(
    scripted_openrouter: StartScript, wanted: str, error: type[Exception]
) -> None:
    server = scripted_openrouter(said("It is warm."))
    with pytest.raises(error):
        agent_for(server, FORMATS[wanted]).invoke({"messages": [("user", "Weather?")]})
    assert len(server.requests) == 2


def test_a_call_of_a_tool_goes_before_the_answer(scripted_openrouter: StartScript) -> None:
    server = scripted_openrouter(called("get_weather", '{"city": "Oslo"}'), said(REPORT))
    state = agent_for(server, Report).invoke({"messages": [("user", "Weather?")]})
    assert state["structured_response"] == Report(city="Oslo", celsius=21)
    assert len(server.requests) == 2


def test_a_tool_is_forced_if_the_user_asks_for_it(scripted_openrouter: StartScript) -> None:
    server = scripted_openrouter(called("search", '{"query": "Ada"}'))
    runnable = StructuredTool.from_function(search)
    for tools in ([search], [runnable], [WEATHER]):
        model_for(server).bind_tools(tools, tool_choice="any").invoke("Go.")
    assert [request.body["tool_choice"] for request in server.requests] == ["required"] * 3


def test_no_tools_are_no_empty_list(scripted_openrouter: StartScript) -> None:
    server = scripted_openrouter(said("Hello."))
    model_for(server).bind_tools([]).invoke("Hello.")
    assert "tools" not in server.requests[0].body


def test_threads_may_share_one(scripted_openrouter: StartScript) -> None:
    model = model_for(scripted_openrouter(said(TEXTS["fence"]))).with_structured_output(Person)
    found: list[Any] = []
    threads = [
        threading.Thread(target=lambda: found.append(model.invoke("Who?"))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [Person(**ADA)] * 4


def test_prompts_of_every_kind_are_taken(scripted_openrouter: StartScript) -> None:
    model = model_for(scripted_openrouter(said(WRITTEN))).with_structured_output(Person)
    prompt = ChatPromptTemplate.from_messages([("user", "Who is {who}?")])
    messages: list[BaseMessage] = prompt.format_messages(who="Ada")
    for given in ("Who?", messages, prompt.invoke({"who": "Ada"}), [("user", "Who?")]):
        assert model.invoke(given) == Person(**ADA)
