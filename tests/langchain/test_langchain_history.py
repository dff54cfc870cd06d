"""What of earlier turns goes to the model: content that it takes, and reasoning that it reads."""

import warnings
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, ToolMessage
from langchain_core.messages import content as blocks
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver

from glm_openrouter import InvalidRequestError, UnsupportedContentWarning
from glm_openrouter.testing import ScriptedServer, text_reply, tool_call_reply
from glm_openrouter.testing.pytest_plugin import StartScript
from support.langchain_models import Ask, every_way, model_for

PIXELS = "aW1n" * 100
DATA = f"data:image/png;base64,{PIXELS}"
SHOT = blocks.create_image_block(base64=PIXELS, mime_type="image/png")
CALL = AIMessage("", tool_calls=[{"name": "look", "args": {}, "id": "call_1"}])
LEFT_OUT = "[image/png, 300 bytes, left out: z-ai/glm-4.6 takes text only]"

left_out = pytest.mark.filterwarnings("ignore::glm_openrouter.UnsupportedContentWarning")


def looks(result: Any) -> list[AnyMessage]:
    """Return a conversation in which a tool has returned this."""
    return [HumanMessage("Look."), CALL, ToolMessage(result, tool_call_id="call_1")]


def sent(server: ScriptedServer) -> list[dict[str, Any]]:
    body = server.requests[-1].body
    assert body is not None
    messages: list[dict[str, Any]] = body["messages"]
    return messages


RESULTS: dict[str, tuple[Any, str]] = {
    "an image": (SHOT, LEFT_OUT),
    "an image of the older form": (
        {"type": "image", "source_type": "base64", "data": PIXELS, "mime_type": "image/png"},
        LEFT_OUT,
    ),
    "an image in OpenAI's form": ({"type": "image_url", "image_url": {"url": DATA}}, LEFT_OUT),
    "an image of OpenAI's responses": ({"type": "input_image", "image_url": DATA}, LEFT_OUT),
    "an image in Anthropic's form": (
        {
            "type": "image",
            "source": {"type": "base64", "media_type": "image/png", "data": PIXELS},
        },
        LEFT_OUT,
    ),
    "an image by URL": (
        blocks.create_image_block(url="https://e.org/a.png"),
        "[image, left out: z-ai/glm-4.6 takes text only]",
    ),
    "audio": (
        blocks.create_audio_block(base64="YXVk", mime_type="audio/wav"),
        "[audio/wav, 3 bytes, left out: z-ai/glm-4.6 takes text only]",
    ),
    "audio by URL, which nobody takes": (
        blocks.create_audio_block(url="https://e.org/a.wav"),
        "[audio, left out: it cannot be sent]",
    ),
    "a video": (
        blocks.create_video_block(base64="dmlk" * 500_000, mime_type="video/mp4"),
        "[video/mp4, 1.5 MB, left out: z-ai/glm-4.6 takes text only]",
    ),
    "an image as a file": (
        blocks.create_file_block(base64=PIXELS, mime_type="image/png"),
        LEFT_OUT,
    ),
    "a file by the id of another provider": (
        blocks.create_file_block(file_id="file-1"),
        "[file, left out: it cannot be sent]",
    ),
    "a block that only another provider knows": (
        {"type": "hologram", "of": "a ship"},
        "[hologram, left out: it cannot be sent]",
    ),
}
"""What it is -> the block, and the text that is sent in its place."""


@left_out
@pytest.mark.parametrize("what", RESULTS)
def test_what_a_tool_returned_is_named_where_it_cannot_be_sent(
    scripted_openrouter: StartScript, what: str
) -> None:
    block, text = RESULTS[what]
    server = scripted_openrouter(text_reply("A ship."))
    model_for(server).invoke(looks([{"type": "text", "text": "Here: "}, block]))
    assert sent(server)[-1] == {
        "role": "tool",
        "tool_call_id": "call_1",
        "content": f"Here: {text}",
    }


@every_way
async def test_every_call_goes_on_after_an_image_of_a_tool(
    scripted_openrouter: StartScript, ask: Ask
) -> None:
    server = scripted_openrouter(text_reply("A ship."))
    with pytest.warns(UnsupportedContentWarning, match=r"images.*glm-4\.6 takes text only"):
        answer = await ask(model_for(server), looks([SHOT]))
    assert answer.text == "A ship."
    assert sent(server)[-1]["content"] == LEFT_OUT


def test_a_kind_is_warned_of_once(scripted_openrouter: StartScript) -> None:
    model = model_for(scripted_openrouter(text_reply("A ship.")))
    video = blocks.create_video_block(url="https://e.org/a.mp4")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for result in ([SHOT], [SHOT, SHOT], [video], [SHOT, video]):
            model.invoke(looks(result))
            model.bind_tools([]).invoke(looks(result))
    assert [str(warning.message).split(". ")[0].rpartition(": ")[2] for warning in caught] == [
        "images",
        "video",
    ]


@left_out
def test_an_image_of_another_model_is_named(scripted_openrouter: StartScript) -> None:
    server = scripted_openrouter(text_reply("A ship."))
    drawn = AIMessage(content_blocks=[blocks.create_text_block("Here: "), SHOT])
    model_for(server).invoke([HumanMessage("Draw."), drawn, HumanMessage("What is it?")])
    assert sent(server)[1] == {"role": "assistant", "content": f"Here: {LEFT_OUT}"}


@left_out
def test_results_in_anthropics_form_are_results_too(scripted_openrouter: StartScript) -> None:
    server = scripted_openrouter(text_reply("A ship."))
    result = {"type": "tool_result", "tool_use_id": "call_1", "content": [SHOT]}
    model_for(server).invoke([HumanMessage("Look."), CALL, HumanMessage([result])])
    assert sent(server)[-1]["content"] == LEFT_OUT


@pytest.mark.parametrize("where", ["model", "call"])
def test_whoever_wants_an_error_gets_it(scripted_openrouter: StartScript, where: str) -> None:
    server = scripted_openrouter(text_reply("A ship."))
    options = {"unsupported_content": "raise"}
    model = model_for(server, **(options if where == "model" else {}))
    with pytest.raises(InvalidRequestError, match=r"messages\[2\]: .*takes text only, no images"):
        model.invoke(looks([SHOT]), **(options if where == "call" else {}))
    assert server.requests == []


def test_a_choice_that_is_none_is_refused(scripted_openrouter: StartScript) -> None:
    server = scripted_openrouter(text_reply("A ship."))
    with pytest.raises(ValueError, match="unsupported_content"):
        model_for(server, unsupported_content="drop")
    for name in ("unsupported_content", "reasoning_history"):
        with pytest.raises(InvalidRequestError, match=f"{name} must be one of"):
            model_for(server).invoke("Hi", **{name: "drop"})
    assert server.requests == []


@pytest.mark.parametrize("model", ["z-ai/glm-4.6v", "z-ai/glm-5v-turbo:nitro", "some/model"])
def test_a_model_that_sees_gets_the_image_of_a_tool(
    scripted_openrouter: StartScript, model: str
) -> None:
    server = scripted_openrouter(text_reply("A ship."))
    model_for(server, model=model).invoke(looks([SHOT]))
    assert sent(server)[-1]["content"] == [{"type": "image_url", "image_url": {"url": DATA}}]


def test_a_file_goes_to_the_parser_also_from_a_tool(scripted_openrouter: StartScript) -> None:
    server = scripted_openrouter(text_reply("A manual."))
    pdf = blocks.create_file_block(base64="JVBERg==", mime_type="application/pdf")
    model_for(server).invoke(looks([pdf]))
    assert sent(server)[-1]["content"][0]["type"] == "file"


@tool
def take_shot() -> list[dict[str, Any]]:
    """Take a screenshot."""
    return [{"type": "text", "text": "The screen: "}, dict(SHOT)]


@left_out
@pytest.mark.parametrize("how", ["invoke", "ainvoke"])
async def test_an_agent_goes_on_after_a_screenshot(
    scripted_openrouter: StartScript, how: str
) -> None:
    server = scripted_openrouter(tool_call_reply("take_shot", {}), text_reply("Done."))
    agent = create_agent(model_for(server), [take_shot], checkpointer=InMemorySaver())
    thread: Any = {"configurable": {"thread_id": "1"}}
    for question in ("Take a shot.", "What is 2 + 2?"):
        given: Any = {"messages": [("user", question)]}
        state = (
            await agent.ainvoke(given, thread) if how == "ainvoke" else agent.invoke(given, thread)
        )
        assert state["messages"][-1].text == "Done."


@left_out
def test_a_thread_that_was_stuck_recovers(scripted_openrouter: StartScript) -> None:
    server = scripted_openrouter(tool_call_reply("take_shot", {}), text_reply("Done."))
    thread: Any = {"configurable": {"thread_id": "1"}}
    memory = InMemorySaver()
    strict = model_for(server, unsupported_content="raise")
    question: Any = {"messages": [("user", "Take a shot.")]}
    with pytest.raises(InvalidRequestError):
        create_agent(strict, [take_shot], checkpointer=memory).invoke(question, thread)

    agent = create_agent(model_for(server), [take_shot], checkpointer=memory)
    state = agent.invoke({"messages": [("user", "Never mind.")]}, thread)
    assert state["messages"][-1].text == "Done."
    assert sent(server)[2]["content"].startswith("The screen: [image/png")


def thought(text: str, *, answer: str = "Yes.", **more: Any) -> AIMessage:
    detail = {"type": "reasoning.text", "text": text, "format": "unknown", "index": 0}
    extras = {"reasoning_content": text, "reasoning_details": [detail]}
    return AIMessage(answer, additional_kwargs=extras, **more)


CLOSED: list[AnyMessage] = [HumanMessage("First?"), thought("Old."), HumanMessage("Second?")]
OPEN: list[AnyMessage] = [
    thought("New.", answer="", tool_calls=[{"name": "look", "args": {}, "id": "call_1"}]),
    ToolMessage("A ship.", tool_call_id="call_1"),
]


def thoughts(messages: list[dict[str, Any]]) -> list[str]:
    """Return the reasoning in what was sent, all of it."""
    assert all("reasoning" not in message for message in messages)
    details = [message.get("reasoning_details", []) for message in messages]
    return [detail["text"] for entries in details for detail in entries]


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("z-ai/glm-4.6:exacto", ["New."]),
        ("z-ai/glm-4.5-air", ["New."]),
        ("z-ai/glm-4.6v", ["New."]),
        ("z-ai/glm-4.7", ["Old.", "New."]),
        ("~z-ai/glm-latest", ["Old.", "New."]),
        ("some/model", ["Old.", "New."]),
    ],
)
def test_reasoning_goes_to_models_that_read_it(
    scripted_openrouter: StartScript, model: str, expected: list[str]
) -> None:
    server = scripted_openrouter(text_reply("A ship."))
    model_for(server, model=model).invoke([*CLOSED, *OPEN])
    assert thoughts(sent(server)) == expected


@pytest.mark.parametrize("where", ["model", "call"])
@pytest.mark.parametrize(
    ("history", "expected"), [("all", ["Old.", "New."]), ("turn", ["New."]), ("none", [])]
)
@pytest.mark.parametrize("name", ["z-ai/glm-4.6", "z-ai/glm-5.3"])
def test_whose_reasoning_goes_back_can_be_chosen(
    scripted_openrouter: StartScript, name: str, history: str, expected: list[str], where: str
) -> None:
    server = scripted_openrouter(text_reply("A ship."))
    options = {"reasoning_history": history}
    model = model_for(server, model=name, **(options if where == "model" else {}))
    model.invoke([*CLOSED, *OPEN], **(options if where == "call" else {}))
    assert thoughts(sent(server)) == expected
    assert "reasoning_history" not in (server.requests[-1].body or {})


@every_way
async def test_a_conversation_sends_back_only_what_is_thought_in_its_turn(
    scripted_openrouter: StartScript, ask: Ask
) -> None:
    server = scripted_openrouter(
        tool_call_reply("look", {}, reasoning="Look first."),
        text_reply("A ship.", reasoning="Now I know."),
        text_reply("At noon.", reasoning="Easy."),
    )
    model = model_for(server)
    history: list[AnyMessage] = [HumanMessage("What is it?")]
    history += [await ask(model, history), ToolMessage("A ship.", tool_call_id="call_1")]
    history[-1].tool_call_id = history[-2].tool_calls[0]["id"]
    history.append(await ask(model, history))
    assert thoughts(sent(server)) == ["Look first."]
    history.append(HumanMessage("When?"))
    await ask(model, history)
    assert thoughts(sent(server)) == []


def test_what_is_encrypted_stays_with_its_turn(scripted_openrouter: StartScript) -> None:
    server = scripted_openrouter(text_reply("A ship."))
    details = [{"type": "reasoning.encrypted", "data": "ab", "index": 0}]
    searched = AIMessage("Yes.", additional_kwargs={"reasoning_details": details})
    model_for(server).invoke([HumanMessage("First?"), searched, HumanMessage("Second?")])
    assert sent(server)[1]["reasoning_details"] == details


def test_a_message_is_not_changed(scripted_openrouter: StartScript) -> None:
    server = scripted_openrouter(text_reply("A ship."))
    old = thought("Old.")
    before = old.model_copy(deep=True)
    model_for(server).invoke([HumanMessage("Hi"), old, HumanMessage("Well?")])
    assert old == before
