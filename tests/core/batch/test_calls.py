"""What may be called for each row, and what is refused before anything runs."""

import functools

import pytest
from langchain_core.runnables import RunnableLambda
from llama_index.core.program import FunctionCallingProgram
from pydantic import BaseModel

from glm_openrouter import InvalidRequestError
from glm_openrouter.batch import answer_row, read_call
from glm_openrouter.testing import tool_call_reply
from llamaindex_glm import GLM
from support.samples import KEY


class Harbour(BaseModel):
    """A harbour."""

    name: str


async def name_of(row, ending=""):
    return row["name"] + ending


class Callable:
    async def __call__(self, row):
        return row["name"]


@pytest.mark.parametrize(
    "call",
    [
        name_of,
        functools.partial(name_of, ending=""),
        Callable(),
        RunnableLambda(lambda row: row["name"]),
    ],
    ids=["function", "partial", "object", "runnable"],
)
async def test_what_answers_asynchronously_can_be_called(call):
    assert await read_call(call)({"name": "Oslo"}) == "Oslo"


async def test_a_program_gets_the_columns_as_variables_of_its_prompt(scripted_openrouter):
    server = scripted_openrouter(tool_call_reply("Harbour", {"name": "Oslo"}))
    program = FunctionCallingProgram.from_defaults(
        Harbour,
        "Which harbour is in {text}?",
        llm=GLM(api_key=KEY, api_base=server.base_url),
    )
    answered = await answer_row(read_call(program), {"id": 7, "text": "the north"})

    assert answered.answer == Harbour(name="Oslo")
    assert server.requests[0].body["messages"][-1]["content"] == "Which harbour is in the north?"


@pytest.mark.parametrize(
    "call",
    [lambda row: row, len, RunnableLambda, object(), "chain", None],
    ids=["lambda", "builtin", "class", "object", "text", "nothing"],
)
def test_what_would_block_the_other_rows_is_refused(call):
    with pytest.raises(InvalidRequestError, match="asynchronous function of a row"):
        read_call(call)
