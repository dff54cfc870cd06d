"""What concerns the connection cannot be given with a call, and nobody who listens sees it."""

import asyncio
import inspect
from collections.abc import AsyncGenerator, Generator

import pytest
from pydantic import BaseModel, ValidationError

from glm_openrouter import ChatRequest, ClientOptions, InvalidRequestError
from glm_openrouter.testing import json_reply
from support.models import ModelClass
from support.samples import PROMPT

KEY = "gateway/Key+with=Chars.4711"
QUESTION = [{"role": "user", "content": PROMPT}]
NOWHERE = "http://127.0.0.1:9/api/v1"
GIVEN = {
    "api_key": KEY,
    "base_url": f"https://me:{KEY}@example.com",
    "default_headers": {"X-Api-Key": KEY},
    "http_client": KEY,
    "openrouter_api_key": KEY,
}
given = pytest.mark.parametrize("option", GIVEN)


class Moor(BaseModel):
    pier: int


@pytest.fixture(params=["langchain-chat", "langchain-text"])
def langchain(request):
    return ModelClass(request.param)


def refused(option):
    return pytest.raises(InvalidRequestError, match=f"{option} cannot be given with a call")


@pytest.mark.parametrize(
    "option", [*sorted({*ClientOptions.__annotations__} - {"timeout"}), "http_async_client"]
)
def test_no_option_of_a_client_goes_with_a_call(option):
    with refused(option) as caught:
        ModelClass("langchain-chat").make(NOWHERE).bind(**{option: KEY})
    assert KEY not in str(caught.value)


def test_the_name_of_an_option_here_is_said():
    where = "to the constructor, as default_headers, or to the call as extra_headers"
    with pytest.raises(InvalidRequestError, match=where):
        ModelClass("langchain-chat").make(NOWHERE).bind(headers={})


@pytest.mark.parametrize("name", ["langchain-chat", "langchain-text", "llamaindex"])
@given
def test_no_option_gets_into_the_body_by_another_door(name, option):
    door = "additional_kwargs" if name == "llamaindex" else "model_kwargs"
    with pytest.raises(ValidationError, match=option) as caught:
        ModelClass(name).make(NOWHERE, **{door: {option: GIVEN[option]}})
    assert KEY not in str(caught.value)


@given
def test_binding_an_option_is_refused_at_once(langchain, option):
    model = langchain.make(NOWHERE)
    with refused(option):
        model.bind(**{option: GIVEN[option]})
    if langchain.name == "langchain-chat":
        for bind in (
            model.bind(seed=1).bind,
            lambda **more: model.bind_tools([Moor], **more),
            lambda **more: model.with_structured_output(Moor, **more),
        ):
            with refused(option):
                bind(**{option: GIVEN[option]})


def ways_to_ask(model):
    yield model.invoke
    yield lambda prompt, **more: list(model.stream(prompt, **more))
    yield lambda prompt, **more: model.batch([prompt], **more)
    yield lambda prompt, **more: asyncio.run(model.ainvoke(prompt, **more))
    yield lambda prompt, **more: asyncio.run(model.abatch([prompt], **more))
    yield lambda prompt, **more: asyncio.run(drained(model.astream(prompt, **more)))
    yield lambda prompt, **more: asyncio.run(
        drained(model.astream_events(prompt, version="v2", **more))
    )
    yield lambda prompt, **more: model.with_retry(stop_after_attempt=1).bind(**more).invoke(prompt)


async def drained(stream):
    return [part async for part in stream]


@given
def test_no_tracer_of_langchain_sees_an_option(langchain, option):
    from langchain_core.callbacks import BaseCallbackHandler

    seen = []

    class Handler(BaseCallbackHandler):
        def __getattribute__(self, name):
            if name.startswith("on_"):
                return lambda *arguments, **more: seen.append((name, arguments, more))
            return super().__getattribute__(name)

    model = langchain.make(NOWHERE, callbacks=[Handler()])
    for ask in ways_to_ask(model):
        with refused(option):
            ask(PROMPT, **{option: GIVEN[option]})

    assert KEY not in str(seen)


CALLS = {
    "chat": (),
    "complete": (),
    "stream_chat": (),
    "stream_complete": (),
    "structured_predict": (Moor,),
    "stream_structured_predict": (Moor,),
    "predict_and_call": ((),),
}


async def finished(result):
    if inspect.isawaitable(result):
        result = await result
    if isinstance(result, AsyncGenerator):
        return [part async for part in result]
    return list(result) if isinstance(result, Generator) else result


@given
@pytest.mark.parametrize("prefix", ["", "a"])
@pytest.mark.parametrize("call", CALLS)
def test_no_span_and_no_event_of_llamaindex_sees_an_option(call, prefix, option):
    from llama_index.core.base.llms.types import ChatMessage
    from llama_index.core.prompts import PromptTemplate
    from llama_index_instrumentation import get_dispatcher
    from llama_index_instrumentation.event_handlers import BaseEventHandler
    from llama_index_instrumentation.span_handlers import SimpleSpanHandler

    seen = []

    class Events(BaseEventHandler):
        def handle(self, event, **_):
            seen.append(event.model_dump())

    class Spans(SimpleSpanHandler):
        def new_span(self, id_, bound_args, **more):
            seen.append(bound_args.arguments)
            return super().new_span(id_, bound_args, **more)

    first = [ChatMessage(PROMPT)] if "chat" in call else PROMPT
    arguments = {option: GIVEN[option]}
    if "structured" in call:
        first, arguments = PromptTemplate(PROMPT), {"llm_kwargs": arguments}
    dispatcher, events, spans = get_dispatcher(), Events(), Spans()
    dispatcher.add_event_handler(events)
    dispatcher.add_span_handler(spans)
    llm = ModelClass("llamaindex").make(NOWHERE)
    try:
        with refused(option):
            result = getattr(llm, prefix + call)(*CALLS[call], first, **arguments)
            asyncio.run(finished(result))
    finally:
        dispatcher.event_handlers.remove(events)
        dispatcher.span_handlers.remove(spans)

    assert KEY not in str(seen)


def test_a_prompt_may_have_a_variable_with_the_name_of_an_option(scripted_openrouter):
    from llama_index.core.prompts import PromptTemplate

    message = {"role": "assistant", "content": '{"pier": 2}'}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    server = scripted_openrouter(json_reply({"id": "a", "choices": [choice]}))
    llm = ModelClass("llamaindex").make(server.base_url)

    answer = llm.structured_predict(Moor, PromptTemplate("See {headers}"), headers="the list")
    assert answer == Moor(pier=2)
    assert "See the list" in str(server.requests[0].body)


@pytest.mark.parametrize(
    "arguments",
    [
        {"openai_key": KEY},
        {"temperature": KEY},
        {"provider": {"key": KEY}},
        {"reasoning": {"enabled": KEY}},
        {"plugins": [{"id": "web", "max_results": KEY}]},
        {"cache_control": {"type": KEY}},
    ],
)
def test_a_request_that_is_refused_names_the_field_and_shows_no_value(arguments):
    with pytest.raises(ValidationError) as caught:
        ChatRequest(messages=QUESTION, **arguments)
    assert next(iter(arguments)) in str(caught.value)
    assert KEY not in str(caught.value)
