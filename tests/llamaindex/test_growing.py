"""The responses of a stream: ordinary to anyone who looks, and cheap to those who do not."""

import copy
import json
import pickle
import tracemalloc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import Any, Literal

import pytest
from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    CompletionResponse,
    MessageRole,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
)
from llama_index.core.chat_engine import SimpleChatEngine
from llama_index.core.instrumentation.events.llm import (
    LLMChatInProgressEvent,
    LLMCompletionInProgressEvent,
)
from llama_index.core.memory import ChatMemoryBuffer
from pydantic import VERSION, BaseModel

from glm_openrouter import Delta, ToolCallDelta, TruncatedToolCallError
from glm_openrouter.testing import stream_reply
from glm_openrouter.testing.pytest_plugin import StartScript
from llamaindex_glm import GLM
from llamaindex_glm._streaming import choice
from llamaindex_glm._streaming.eager import EagerChatBuilder, EagerCompletionBuilder
from llamaindex_glm._streaming.growing import GrowingText
from llamaindex_glm._streaming.lazy import LazyChatBuilder, LazyCompletionBuilder
from support.llamaindex_models import STREAMS, ask, listening, llm_for
from support.samples import THOUGHT_CALL
from support.wire import chunk

LETTERS = [*(chunk({"content": letter}) for letter in "abc"), chunk({}, "stop")]

Kind = Literal["chat", "text"]


@pytest.fixture(autouse=True, params=["eager", "lazy"])
def builders(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways of making responses; what a test says of one holds for the other."""
    way: str = getattr(request, "param", "lazy")
    monkeypatch.setattr(choice, "LAZY", way == "lazy")
    return way


only_lazy = pytest.mark.parametrize("builders", ["lazy"], indirect=True)


@pytest.fixture(params=["chat", "text"])
def kind(request: pytest.FixtureRequest) -> Kind:
    """Both kinds of responses."""
    kind: Kind = request.param
    return kind


def new_builder(kind: Kind) -> Any:
    chat = kind == "chat"
    return choice.new_chat_builder(one_call=False) if chat else choice.new_completion_builder()


def grow(kind: Kind, *deltas: Delta | str) -> list[Any]:
    builder = new_builder(kind)
    return [
        builder.feed(Delta(text=delta) if isinstance(delta, str) else delta) for delta in deltas
    ]


def shown(response: Any) -> str:
    """Return the text of a response."""
    return str(response.message.content if isinstance(response, ChatResponse) else response.text)


@pytest.mark.usefixtures("separate_reads")
@pytest.mark.parametrize("method", STREAMS)
async def test_a_response_shows_what_had_come_when_it_came(
    scripted_openrouter: StartScript, method: str
) -> None:
    responses = await ask(llm_for(scripted_openrouter(stream_reply(LETTERS))), method)
    texts = [(response.delta, shown(response)) for response in responses]
    assert texts == [("a", "a"), ("b", "ab"), ("c", "abc"), ("", "abc")]


def ordinary_chat() -> ChatResponse:
    function = {"name": "weather", "arguments": '{"city'}
    message = ChatMessage(
        role=MessageRole.ASSISTANT,
        additional_kwargs={
            "tool_calls": [{"id": "call_1", "type": "function", "function": function}]
        },
        blocks=[
            ThinkingBlock(content="Hm."),
            TextBlock(text="ab"),
            ToolCallBlock(tool_call_id="call_1", tool_name="weather", tool_kwargs='{"city'),
        ],
    )
    return ChatResponse(message=message, delta="b", additional_kwargs={"in_progress": True})


def grown_chat() -> ChatResponse:
    call = ToolCallDelta(0, "call_1", "weather", '{"city')
    steps = [Delta(reasoning="Hm."), Delta(text="a"), Delta(text="b", tool_calls=[call])]
    response: ChatResponse = grow("chat", *steps, "c")[2]
    return response


def ordinary_text() -> CompletionResponse:
    return CompletionResponse(text="ab", delta="b", additional_kwargs={})


def grown_text() -> CompletionResponse:
    response: CompletionResponse = grow("text", "a", "b", "c")[1]
    return response


def with_new_message(response: Any) -> Any:
    response.message = ChatMessage("other")
    return response.model_dump()


def with_content(response: Any) -> Any:
    response.message.blocks = response.message.blocks[:1]
    response.message.blocks.append(TextBlock(text="other"))
    response.message.additional_kwargs["seen"] = True
    response.message.role = MessageRole.USER
    return response.model_dump()


def set_content(response: Any) -> Any:
    try:
        response.message.content = "other"
    except ValueError as error:
        return str(error)
    return response.model_dump()


def event_of(response: Any) -> Any:
    if isinstance(response, ChatResponse):
        dumped = LLMChatInProgressEvent(messages=[], response=response).model_dump()
    else:
        dumped = LLMCompletionInProgressEvent(prompt="", response=response).model_dump()
    return dumped["response"]


LOOKS: dict[str, Callable[[Any], Any]] = {
    "repr": repr,
    "str": str,
    "dump": lambda response: response.model_dump(),
    "dump of what is not None": lambda response: response.model_dump(exclude_none=True),
    "dump of what was set": lambda response: response.model_dump(exclude_unset=True),
    "dump of the message only": lambda response: response.model_dump(include={"message", "text"}),
    "set fields": lambda response: response.model_fields_set,
    "hash": lambda response: response.__hash__,
    "copy with a new value": lambda response: response.model_copy(update={"raw": "new"}),
    "dump as JSON": lambda response: response.model_dump_json(),
    "JSON and back": lambda response: type(response).model_validate_json(
        response.model_dump_json()
    ),
    "values": lambda response: dict(response),
    "validation": lambda response: type(response).model_validate(response).model_dump(),
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "model_copy": lambda response: response.model_copy(update={"delta": "new"}, deep=True),
    "pickle": lambda response: pickle.loads(pickle.dumps(response)),
    "an event": event_of,
}
LOOKS_AT_MESSAGES: dict[str, Callable[[Any], Any]] = {
    "repr": lambda response: repr(response.message),
    "str": lambda response: str(response.message),
    "content": lambda response: response.message.content,
    "blocks": lambda response: response.message.blocks,
    "dump": lambda response: response.message.model_dump(),
    "dump as JSON": lambda response: response.message.model_dump_json(),
    "values": lambda response: dict(response.message),
    "vars": lambda response: vars(response.message),
    "set fields": lambda response: response.message.model_fields_set,
    "role": lambda response: response.message.role,
    "additional_kwargs": lambda response: response.message.additional_kwargs,
    "dump of what was set": lambda response: response.message.model_dump(exclude_unset=True),
    "model_copy": lambda response: response.message.model_copy(deep=True),
    "copy": lambda response: copy.copy(response.message),
    "deepcopy": lambda response: copy.deepcopy(response.message),
    "pickle": lambda response: pickle.loads(pickle.dumps(response.message)),
    "validation": lambda response: ChatMessage.model_validate(response.message).model_dump(),
    "a new message": with_new_message,
    "changed": with_content,
    "new content": set_content,
}


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize(
    ("grown", "ordinary"),
    [(grown_chat, ordinary_chat), (grown_text, ordinary_text)],
    ids=["chat", "text"],
)
def test_a_response_is_an_ordinary_one_to_anyone_who_looks(
    grown: Callable[[], Any], ordinary: Callable[[], Any], look: str
) -> None:
    assert LOOKS[look](grown()) == LOOKS[look](ordinary())


@pytest.mark.parametrize("look", LOOKS_AT_MESSAGES)
def test_a_message_is_an_ordinary_one_to_anyone_who_looks(look: str) -> None:
    seen = LOOKS_AT_MESSAGES[look]
    assert seen(grown_chat()) == seen(ordinary_chat())


@pytest.mark.parametrize(
    ("grown", "ordinary"),
    [
        (grown_chat, ordinary_chat),
        (grown_text, ordinary_text),
        (lambda: grown_chat().message, lambda: ordinary_chat().message),
    ],
    ids=["chat", "text", "message"],
)
def test_both_sides_of_an_equation_may_have_grown(
    grown: Callable[[], Any], ordinary: Callable[[], Any]
) -> None:
    assert grown() == grown()
    assert grown() == ordinary()
    assert ordinary() == grown()
    assert grown() != "something else"
    assert isinstance(grown(), type(ordinary()))


def test_what_was_seen_is_of_the_ordinary_class() -> None:
    chat, text = grown_chat(), grown_text()
    _ = chat.message.blocks, text.text
    assert [type(seen) for seen in (chat, chat.message, text)] == [
        ChatResponse,
        ChatMessage,
        CompletionResponse,
    ]


def test_the_class_of_a_response_makes_others() -> None:
    text = type(grown_text())(text="mine")
    message = type(grown_chat().message)("mine")
    chat = type(grown_chat())(message=message)
    assert text == CompletionResponse(text="mine")
    assert chat == ChatResponse(message=ChatMessage("mine"))
    assert (text.text, chat.message.content) == ("mine", "mine")


def test_a_lazy_class_makes_ordinary_objects(kind: Kind) -> None:
    (response,) = grow(kind, "word")
    made = type(response.message)("mine") if kind == "chat" else type(response)(text="mine")
    validated = type(made).model_validate(made.model_dump())
    assert (
        validated
        == made
        == (ChatMessage("mine") if kind == "chat" else CompletionResponse(text="mine"))
    )


def test_what_was_changed_stays_changed() -> None:
    first, second = grow("chat", "a", "b")
    first.message.blocks.append(TextBlock(text="mine"))
    assert [block.text for block in first.message.blocks] == ["a", "mine"]
    assert [block.text for block in second.message.blocks] == ["ab"]


def test_a_value_that_was_given_out_stays_that_of_the_message() -> None:
    (response,) = grow("chat", "a")
    response.message.additional_kwargs["seen"] = True
    assert response.message.blocks == [TextBlock(text="a")]
    assert response.message.additional_kwargs == {"seen": True}


ORDERS: dict[str, list[int]] = {
    "forwards": [0, 1, 2, 3, 4, 5],
    "backwards": [5, 4, 3, 2, 1, 0],
    "the last first": [5, 0, 1, 2, 3, 4],
    "one behind the other": [1, 0, 2, 1, 3, 2, 5, 4],
    "twice": [2, 2, 0, 0, 2],
}


@pytest.mark.parametrize("order", ORDERS)
def test_responses_may_be_looked_at_in_any_order(kind: Kind, order: str) -> None:
    responses = grow(kind, *"abcdef")
    assert [shown(responses[index]) for index in ORDERS[order]] == [
        "abcdef"[: index + 1] for index in ORDERS[order]
    ]


def test_responses_may_be_looked_at_while_more_come(kind: Kind) -> None:
    builder = new_builder(kind)
    first = builder.feed(Delta(text="a"))
    second = builder.feed(Delta(text="b"))
    assert shown(second) == "ab"
    third = builder.feed(Delta(text="c"))
    assert [shown(third), shown(first)] == ["abc", "a"]


def random_increments(rng: Random) -> list[Delta]:
    calls = [
        ToolCallDelta(0, "call_1", "weather", '{"ci'),
        ToolCallDelta(1, None, "time"),
        ToolCallDelta(0, None, None, 'ty": "Oslo"}'),
        ToolCallDelta(1, "call_2", None, "{}"),
    ]
    deltas = []
    for _ in range(rng.randint(1, 12)):
        parts = [calls.pop(0)] if calls and rng.random() < 0.3 else []
        text, reasoning = rng.choice(["", "a", "語😀"]), rng.choice(["", "", "hm "])
        deltas.append(Delta(text, reasoning, parts, text_was_reasoning=rng.random() < 0.1))
    return deltas


def looks_in_random_order(rng: Random, responses: list[Any]) -> dict[int, str]:
    order = rng.choices(range(len(responses)), k=len(responses))
    return {at: repr(responses[at]) + responses[at].model_dump_json() for at in order}


@only_lazy
@pytest.mark.parametrize("seed", range(30))
def test_lazy_responses_look_as_eager_ones(kind: Kind, seed: int) -> None:
    deltas = random_increments(Random(seed))
    one_call = seed % 2 == 0
    eager_builder: Any = EagerChatBuilder(one_call=one_call)
    lazy_builder: Any = LazyChatBuilder(one_call=one_call)
    if kind == "text":
        eager_builder, lazy_builder = EagerCompletionBuilder(), LazyCompletionBuilder()
    eager = [eager_builder.feed(delta) for delta in deltas]
    lazy = [lazy_builder.feed(delta) for delta in deltas]
    assert looks_in_random_order(Random(seed), lazy) == looks_in_random_order(Random(seed), eager)
    assert lazy == eager


def test_text_that_proves_to_be_reasoning_moves() -> None:
    moved = [Delta(text="think"), Delta(text="answer", text_was_reasoning=True)]
    first, second = grow("chat", *moved)
    assert first.message.blocks == [TextBlock(text="think")]
    assert second.message.blocks == [ThinkingBlock(content="think"), TextBlock(text="answer")]
    assert [shown(response) for response in grow("text", *moved)] == ["think", "answer"]


LOOKS_OF_LAZY: dict[str, Callable[[Any, Any], Any]] = {
    "attribute": lambda kind, model: kind.__getattribute__(model, "additional_kwargs"),
    "repr": lambda kind, model: kind.__repr__(model),
    "equality": lambda kind, model: kind.__eq__(model, model),
    "copy": lambda kind, model: kind.__copy__(model),
}


def test_threads_may_look_at_once(kind: Kind) -> None:
    responses = grow(kind, *["word "] * 500)
    expected = ["word " * count for count in range(1, 501)]
    with ThreadPoolExecutor(4) as threads:
        looks = [threads.submit(lambda: [*map(shown, responses)]) for _ in range(4)]
        assert all(look.result() == expected for look in looks)


@only_lazy
@pytest.mark.parametrize("look", [*LOOKS_OF_LAZY])
def test_a_look_may_be_overtaken_by_that_of_another_thread(kind: Kind, look: str) -> None:
    (response,) = grow(kind, "word")
    model = response.message if kind == "chat" else response
    lazy_class = type(model)
    ordinary = model.model_copy()
    assert type(model) is not lazy_class
    assert LOOKS_OF_LAZY[look](lazy_class, model) == LOOKS_OF_LAZY[look](type(ordinary), ordinary)


def test_a_tool_call_grows(scripted_openrouter: StartScript) -> None:
    llm = llm_for(scripted_openrouter(stream_reply(THOUGHT_CALL)))
    grown = [
        (block.tool_call_id, block.tool_name, block.tool_kwargs)
        for response in llm.stream_chat([ChatMessage("?")])
        for block in response.message.blocks
        if isinstance(block, ToolCallBlock)
    ]
    assert grown[:3] == [
        ("call_1", "weather", ""),
        ("call_1", "weather", '{"city": '),
        ("call_1", "weather", '{"city": "Oslo"}'),
    ]


@pytest.mark.parametrize("way", ["as it is", "after a dump", "after pickling"])
def test_a_call_that_still_grows_is_left_out_wherever_the_response_was(way: str) -> None:
    llm = GLM(api_key="sk-or-test")
    response = grown_chat()
    if way == "after a dump":
        response = ChatResponse.model_validate(json.loads(response.model_dump_json()))
    elif way == "after pickling":
        response = pickle.loads(pickle.dumps(response))
    assert llm.get_tool_calls_from_response(response, error_on_no_tool_call=False) == []


def test_a_call_that_is_cut_is_an_error_unless_its_response_is_in_progress() -> None:
    response = grown_chat()
    del response.additional_kwargs["in_progress"]
    with pytest.raises(TruncatedToolCallError):
        GLM(api_key="sk-or-test").get_tool_calls_from_response(response)


@pytest.mark.parametrize("method", STREAMS)
async def test_the_last_response_of_a_stream_is_not_in_progress(
    scripted_openrouter: StartScript, method: str
) -> None:
    responses = await ask(llm_for(scripted_openrouter(stream_reply(THOUGHT_CALL))), method)
    marks = [response.additional_kwargs.get("in_progress", False) for response in responses]
    shows_calls = isinstance(responses[0], ChatResponse)
    assert (any(marks), marks[-1]) == (shows_calls, False)


def bytes_of(kind: Kind, count: int) -> int:
    """Return the peak of memory for a stream all of whose responses are kept, as an exporter of events keeps them."""
    tracemalloc.start()
    kept = grow(kind, *["word "] * count)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(kept) == count
    return peak


@only_lazy
def test_memory_grows_with_the_length_of_the_answer_and_not_its_square(kind: Kind) -> None:
    assert bytes_of(kind, 8_000) < 10 * bytes_of(kind, 1_000)


def count_looks(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    positions: list[int] = []
    monkeypatch.setattr(GrowingText, "until", lambda _, position: positions.append(position))
    return positions


@pytest.mark.usefixtures("separate_reads")
@only_lazy
@pytest.mark.parametrize("method", STREAMS)
async def test_who_only_reads_deltas_has_nothing_put_together(
    scripted_openrouter: StartScript, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    positions = count_looks(monkeypatch)
    with listening() as events:
        llm = llm_for(scripted_openrouter(stream_reply(LETTERS)))
        assert [response.delta for response in await ask(llm, method)] == ["a", "b", "c", ""]
    in_progress = (LLMChatInProgressEvent, LLMCompletionInProgressEvent)
    assert sum(isinstance(event, in_progress) for event in events) == 4
    assert positions == []


@only_lazy
def test_a_chat_engine_has_nothing_put_together_either(
    scripted_openrouter: StartScript, monkeypatch: pytest.MonkeyPatch
) -> None:
    positions = count_looks(monkeypatch)
    engine = SimpleChatEngine.from_defaults(
        llm=llm_for(scripted_openrouter(stream_reply(LETTERS))),
        memory=ChatMemoryBuffer.from_defaults(token_limit=1000, tokenizer_fn=str.split),
    )
    assert "".join(engine.stream_chat("?").response_gen) == "abc"
    assert positions == []


class Watched(BaseModel):
    """Notes what is asked of it, and how."""

    value: int = 1

    def __getattribute__(self, name: str) -> Any:
        asked.append(name)
        return super().__getattribute__(name)


class Holder(BaseModel):
    watched: Watched


class Plain(BaseModel):
    value: int = 1


asked: list[str] = []

WAYS: dict[str, Callable[[Watched], object]] = {
    "model_dump": lambda model: Holder(watched=model).model_dump(),
    "model_dump_json": lambda model: Holder(watched=model).model_dump_json(),
    "repr": repr,
    "==": lambda model: model == Plain(),
    "== from the other side": lambda model: Plain() == model,
    "iteration": list,
    "deepcopy": copy.deepcopy,
    "pickle": lambda model: model.__reduce_ex__(2),
    "an assignment": lambda model: setattr(model, "value", 2),
}
BROKEN = "so that lazy responses are not safe with it. Set LAZY = False in llamaindex_glm/_streaming/choice.py."


@only_lazy
@pytest.mark.parametrize("way", WAYS)
def test_pydantic_asks_a_model_for_an_attribute_before_all_else(way: str) -> None:
    model = Watched()
    holder = Holder(watched=model)
    assert holder.watched is model, f"pydantic {VERSION} copies models while it validates, {BROKEN}"
    asked.clear()
    WAYS[way](model)
    assert asked, f"For {way}, pydantic {VERSION} reads a model past its __getattribute__, {BROKEN}"


@only_lazy
def test_pydantic_keeps_all_values_of_a_model_where_lazy_ones_put_them() -> None:
    model = ChatMessage("word")
    values = object.__getattribute__(model, "__dict__")
    assert list(values) == list(ChatMessage.model_fields), (
        f"pydantic {VERSION} does not keep the values of a model in its __dict__, {BROKEN}"
    )
    slots = {"__dict__", *BaseModel.__slots__}
    assert slots == {
        "__dict__",
        "__pydantic_fields_set__",
        "__pydantic_extra__",
        "__pydantic_private__",
    }, f"pydantic {VERSION} keeps more of a model than lazy ones get, {BROKEN}"
