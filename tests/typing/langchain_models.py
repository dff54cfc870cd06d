"""What the signatures of the LangChain models promise: read by mypy and pyright in `make types`, never run."""

from collections.abc import AsyncIterator, Iterator
from typing import Any, assert_type

from langchain_core.language_models import LanguageModelInput
from langchain_core.language_models.model_profile import ModelProfile
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.runnables import Runnable
from pydantic import BaseModel

from langchain_glm import GLM, ChatGLM


class Berth(BaseModel):
    pier: int


def weather(city: str) -> str:
    """Look up the weather."""
    return city


def chat() -> None:
    model = ChatGLM(max_retries=1)
    assert_type(model.invoke("?"), AIMessage)
    assert_type(model.stream("?"), Iterator[AIMessageChunk])
    assert_type(model.astream("?"), AsyncIterator[AIMessageChunk])
    assert_type(model.bind_tools([weather]), Runnable[LanguageModelInput, AIMessage])
    assert_type(model.bind_tools([weather]).invoke("?"), AIMessage)
    assert_type(model.with_structured_output(Berth), Runnable[LanguageModelInput, Any])
    assert_type(model.refresh_profile(), ModelProfile)
    assert_type(model.get_num_tokens("?"), int)
    assert_type(model.model, str)


async def achat() -> None:
    model = ChatGLM()
    assert_type(await model.ainvoke("?"), AIMessage)
    async for chunk in model.astream("?"):
        assert_type(chunk, AIMessageChunk)
    assert_type(await model.arefresh_profile(), ModelProfile)


async def text() -> None:
    llm = GLM()
    assert_type(llm.invoke("?"), str)
    assert_type(await llm.ainvoke("?"), str)
    assert_type(llm.stream("?"), Iterator[str])
    assert_type(llm.astream("?"), AsyncIterator[str])
