"""Structured prediction of the LlamaIndex `GLM`: it works without force, and never returns nothing."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.prompts import PromptTemplate
from pydantic import BaseModel
from wire import chunk, completion

from glm_openrouter import StructuredOutputError
from glm_openrouter.testing import ScriptedServer, json_reply, stream_reply
from glm_openrouter.testing.pytest_plugin import StartScript
from llamaindex_glm import GLM


class Person(BaseModel):
    """A person."""

    name: str
    age: int


PROMPT = PromptTemplate("Who is {who}?")
ADA = Person(name="Ada", age=36)

Predict = Callable[[GLM], Awaitable[Any]]


async def _predict(llm: GLM) -> Any:
    return llm.structured_predict(Person, PROMPT, who="Ada")


async def _apredict(llm: GLM) -> Any:
    return await llm.astructured_predict(Person, PROMPT, who="Ada")


async def _structured_llm(llm: GLM) -> Any:
    return llm.as_structured_llm(Person).chat([ChatMessage("Who is Ada?")]).raw


async def _stream(llm: GLM) -> Any:
    return list(llm.stream_structured_predict(Person, PROMPT, who="Ada"))[-1]


async def _astream(llm: GLM) -> Any:
    stream = await llm.astream_structured_predict(Person, PROMPT, who="Ada")
    return [part async for part in stream][-1]


@pytest.fixture(
    params=[_predict, _apredict, _structured_llm, _stream, _astream],
    ids=lambda predict: predict.__name__.strip("_"),
)
def predict(request: pytest.FixtureRequest) -> Predict:
    return request.param


def llm_for(server: ScriptedServer) -> GLM:
    return GLM(api_key="sk-or-test", api_base=server.base_url, max_retries=0)


ANSWERS = {
    "bare": '{"name": "Ada", "age": 36}',
    "fence": '```json\n{"name": "Ada", "age": 36}\n```',
    "prose and fence": 'Sure!\n\n```json\n{"name": "Ada", "age": 36}\n```\nAnything else?',
    "between sentences": 'She is {"name": "Ada", "age": 36}, I think.',
    "box": '<|begin_of_box|>{"name": "Ada", "age": 36}<|end_of_box|>',
}


@pytest.mark.parametrize("form", ANSWERS)
async def test_an_answer_is_read_in_every_form(
    scripted_openrouter: StartScript, predict: Predict, form: str
) -> None:
    server = scripted_openrouter(json_reply(completion({"content": ANSWERS[form]})))
    assert await predict(llm_for(server)) == ADA


async def test_no_tool_is_forced(scripted_openrouter: StartScript, predict: Predict) -> None:
    server = scripted_openrouter(json_reply(completion({"content": ANSWERS["bare"]})))
    await predict(llm_for(server))
    assert not {"tools", "tool_choice"} & server.requests[0].body.keys()


async def test_the_schema_is_in_the_request_and_in_the_prompt(
    scripted_openrouter: StartScript, predict: Predict
) -> None:
    server = scripted_openrouter(json_reply(completion({"content": ANSWERS["bare"]})))
    await predict(llm_for(server))
    body = server.requests[0].body
    assert body["response_format"]["json_schema"]["schema"] == Person.model_json_schema()
    assert '"age"' in body["messages"][0]["content"]


async def test_the_model_gets_one_chance_to_mend_its_answer(
    scripted_openrouter: StartScript, predict: Predict
) -> None:
    bad, good = '{"name": "Ada", "age": "young"}', ANSWERS["bare"]
    server = scripted_openrouter(
        json_reply(completion({"content": bad})), json_reply(completion({"content": good}))
    )
    assert await predict(llm_for(server)) == ADA
    *_, answer, complaint = server.requests[1].body["messages"]
    assert answer["content"] == bad
    assert "age" in complaint["content"]


async def test_an_answer_that_never_fits_is_an_error(
    scripted_openrouter: StartScript, predict: Predict
) -> None:
    server = scripted_openrouter(json_reply(completion({"content": "I would rather not."})))
    with pytest.raises(StructuredOutputError) as caught:
        await predict(llm_for(server))
    assert caught.value.raw.content == "I would rather not."
    assert len(server.requests) == 2


def test_a_stream_gives_the_object_while_it_grows(scripted_openrouter: StartScript) -> None:
    pieces = ['{"name": "A', 'da", "a', 'ge": 3', "6}"]
    events = [*(chunk({"content": piece}) for piece in pieces), chunk({}, "stop")]
    llm = llm_for(scripted_openrouter(stream_reply(events)))
    parts = [
        (part.name, part.age) for part in llm.stream_structured_predict(Person, PROMPT, who="Ada")
    ]
    assert parts == [("A", None), ("Ada", None), ("Ada", 3), ("Ada", 36), ("Ada", 36)]
