"""What the signatures of the LangChain models promise: read by mypy and pyright in `make types`, never run."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any, TypedDict, assert_type

from langchain_core.language_models import LanguageModelInput
from langchain_core.language_models.model_profile import ModelProfile
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.runnables import Runnable
from pydantic import BaseModel

from langchain_glm import GLM, ChatGLM


class Berth(BaseModel):
    pier: int


class Tide(TypedDict):
    height: float


@dataclass
class Ship:
    name: str


def weather(city: str) -> str:
    """Look up the weather."""
    return city


def chat() -> None:
    model = ChatGLM(max_retries=1)
    assert_type(model.invoke("?"), AIMessage)
    assert_type(model.stream("?"), Iterator[AIMessageChunk])
    assert_type(model.astream("?"), AsyncIterator[AIMessageChunk])

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


def tools() -> None:
    model = ChatGLM()
    bound = model.bind_tools([weather], tool_choice="any", strict=True, temperature=0)
    message: Runnable[LanguageModelInput, AIMessage] = bound
    assert_type(bound.invoke("?"), AIMessage)
    assert_type(bound.stream("?"), Iterator[AIMessageChunk])
    assert_type(bound.bind(seed=7).stream("?"), Iterator[AIMessageChunk])
    assert_type(bound.with_structured_output(Berth).invoke("?"), Berth)
    assert_type(bound.with_structured_output(Berth, include_raw=True).invoke("?"), Any)
    model.bind_tools(weather)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    model.bind_tools([weather], tool_choice=7)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def structured(raw: bool) -> None:
    model = ChatGLM()
    objects = model.with_structured_output(Berth)
    assert_type(objects, Runnable[LanguageModelInput, Berth])
    assert_type(objects.invoke("?").pier, int)
    assert_type(objects.stream("?"), Iterator[Berth])
    assert_type(model.with_structured_output(Tide, method="prompt").invoke("?"), Tide)
    assert_type(model.with_structured_output(Ship, strict=True).invoke("?"), Ship)
    assert_type(model.with_structured_output(list[Berth]).invoke("?"), list[Berth])
    assert_type(model.with_structured_output({"title": "Berth"}).invoke("?"), dict[str, Any])
    assert_type(model.with_structured_output(method="json_mode").invoke("?"), dict[str, Any])
    assert_type(model.with_structured_output(Berth, include_raw=True).invoke("?"), dict[str, Any])
    assert_type(model.with_structured_output(Berth, include_raw=raw).invoke("?"), Any)
    model.with_structured_output(Berth, method="json")  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType]


async def astructured() -> None:
    objects = ChatGLM().with_structured_output(Berth)
    assert_type(await objects.ainvoke("?"), Berth)
    async for part in objects.astream("?"):
        assert_type(part, Berth)
