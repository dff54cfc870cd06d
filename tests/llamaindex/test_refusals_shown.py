"""A model that refuses to answer, or an answer that a filter took: seen, and never asked for a second time."""

from typing import Any

import pytest
from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.prompts import PromptTemplate
from pydantic import BaseModel

from glm_openrouter import EmptyResponseWarning, ModelRefusalError
from glm_openrouter.testing import stream_reply
from glm_openrouter.testing.pytest_plugin import StartScript
from support.llamaindex_models import METHODS, ask, llm_for
from support.models import gather
from support.wire import USAGE, chunk

FOUND = {"safeguard_results": [{"type": "dangerous_tool_use"}], "alignment": {"calls": []}}
REFUSED = stream_reply(
    [
        chunk({"refusal": "I will "}),
        chunk({"refusal": "not."}),
        chunk({}, "content_filter", usage=USAGE, **FOUND),
    ]
)
TAKEN = stream_reply([chunk({}, "content_filter", usage=USAGE)])
PROMPT = PromptTemplate("Where?")


class Berth(BaseModel):
    """Where a ship lies."""

    pier: int


@pytest.mark.parametrize("method", METHODS)
async def test_a_refusal_is_the_text(scripted_openrouter: StartScript, method: str) -> None:
    responses = await ask(llm_for(scripted_openrouter(REFUSED)), method)
    last = responses[-1]
    text = last.text if hasattr(last, "text") else last.message.content
    assert text == "I will not."
    assert {name: last.raw[name] for name in FOUND} == FOUND
    if "stream" in method:
        assert "".join(response.delta for response in responses) == "I will not."


def test_a_refusal_is_told_from_an_answer(scripted_openrouter: StartScript) -> None:
    message = llm_for(scripted_openrouter(REFUSED)).chat([ChatMessage("?")]).message
    assert message.additional_kwargs["refusal"] == "I will not."


@pytest.mark.parametrize("method", METHODS)
async def test_an_answer_that_a_filter_took_is_warned_about(
    scripted_openrouter: StartScript, method: str
) -> None:
    with pytest.warns(EmptyResponseWarning, match="content filter"):
        await ask(llm_for(scripted_openrouter(TAKEN)), method)


@pytest.mark.filterwarnings("ignore::glm_openrouter.EmptyResponseWarning")
@pytest.mark.parametrize("reply", [REFUSED, TAKEN], ids=["refused", "taken"])
@pytest.mark.parametrize(
    "method",
    [
        *("structured_predict", "astructured_predict"),
        *("stream_structured_predict", "astream_structured_predict"),
    ],
)
async def test_a_refused_object_is_a_typed_error_and_not_asked_for_again(
    scripted_openrouter: StartScript, method: str, reply: Any
) -> None:
    server = scripted_openrouter(reply)
    with pytest.raises(ModelRefusalError) as caught:
        await gather(getattr(llm_for(server), method)(Berth, PROMPT))
    assert isinstance(caught.value.raw, ChatMessage)
    assert len(server.requests) == 1
