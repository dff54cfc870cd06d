"""What GLM and its hosts send wrongly is mended on every surface, wherever a marker is cut; all else is left alone."""

import pytest

from glm_openrouter.testing import bytes_reply
from support.surfaces import TOOLS, across, core_path
from support.wire import chunk, event_stream, thinks

STOP = chunk({}, "stop")
WEATHER = "<tool_call>weather\n<arg_key>city</arg_key>\n<arg_value>Oslo</arg_value>\n</tool_call>"
CLOCK = "<tool_call>clock\n<arg_key>zone</arg_key>\n<arg_value>3</arg_value>\n</tool_call>"
SIZES = {1: "character by character", 5: "in pieces", 1000: "whole"}


def said(text, size):
    return [chunk({"content": text[at : at + size]}) for at in range(0, len(text), size)]


def thought(text, size):
    return [thinks(text[at : at + size]) for at in range(0, len(text), size)]


def reply(*events):
    return bytes_reply(event_stream(*events, STOP))


def runnable(answer):
    return [(name, arguments) for _, name, arguments in answer.calls]


@across("size", SIZES, 5)
def test_calls_that_leaked_into_the_text_are_calls(surface, scripted_openrouter, size):
    server = scripted_openrouter(reply(*said(f"I look.\n{WEATHER}\n{CLOCK}", size)))
    answer = surface.ask(server.base_url, tools=TOOLS)
    assert runnable(answer) == [("weather", {"city": "Oslo"}), ("clock", {"zone": 3})]
    assert len({call_id for call_id, _, _ in answer.calls}) == 2
    assert answer.text.strip() == answer.streamed.strip() == "I look."


@across("size", SIZES, 5)
def test_calls_that_leaked_into_the_reasoning_are_calls(surface, scripted_openrouter, size):
    server = scripted_openrouter(reply(*thought(f"I look.\n{WEATHER}", size)))
    answer = surface.ask(server.base_url, tools=TOOLS)
    assert runnable(answer) == [("weather", {"city": "Oslo"})]
    assert answer.reasoning.strip() == "I look."


@core_path
def test_a_leaked_call_is_found_wherever_it_is_cut(surface, scripted_openrouter):
    cuts = range(1, len(WEATHER))
    server = scripted_openrouter(
        *(
            reply(chunk({"content": WEATHER[:cut]}), chunk({"content": WEATHER[cut:]}))
            for cut in cuts
        )
    )
    for _ in cuts:
        answer = surface.ask(server.base_url, tools=TOOLS)
        assert (answer.text, runnable(answer)) == ("", [("weather", {"city": "Oslo"})])


LEFT_ALONE = {
    "a fence": f"Write:\n```\n{WEATHER}\n```\nand see.",
    "a fence of tildes": f"Write:\n~~~\n{WEATHER}\n~~~\nand see.",
    "a fence in a longer fence": f"````\n```\n{WEATHER}\n```\n{WEATHER}\n````",
    "inline code of two backticks": f"Write ``{CLOCK}``.".replace("\n", ""),
    "inline code": f"Write `{WEATHER}`.",
    "an unknown tool": WEATHER.replace("weather", "volcano"),
    "half of a call": WEATHER[:-4],
    "the name of the marker": "The tag <tool_call> begins a call, </tool_call> ends it.",
    "what begins like a marker": "a < b, <t, <tool, <thin, </thi and <tool_call",
    "thinking in the middle": "In XML, <think> is an element like others.",
    "thinking with its end": "In XML, <think>x</think> is an element like others.",
}


ALONE_IN_PIECES = {
    f"{name}, {cut}": (text, size)
    for name, text in LEFT_ALONE.items()
    for size, cut in SIZES.items()
}


@across(
    "name",
    ALONE_IN_PIECES,
    "a fence, in pieces",
    "half of a call, character by character",
    "thinking with its end, whole",
)
def test_text_that_only_looks_like_a_marker_is_unchanged(surface, scripted_openrouter, name):
    text, size = ALONE_IN_PIECES[name]
    answer = surface.ask(scripted_openrouter(reply(*said(text, size))).base_url, tools=TOOLS)
    assert (answer.text, answer.streamed, answer.calls) == (text, text, [])


def test_without_tools_nothing_is_a_call(surface, scripted_openrouter):
    answer = surface.ask(scripted_openrouter(reply(*said(WEATHER, 9))).base_url)
    assert (answer.text, answer.calls) == (WEATHER, [])


@across("size", SIZES, 5)
def test_thinking_that_leaked_into_the_text_is_reasoning(surface, scripted_openrouter, size):
    server = scripted_openrouter(reply(*said("<think>Hm, well.</think>\nYes.", size)))
    answer = surface.ask(server.base_url)
    assert (answer.reasoning, answer.text, answer.streamed) == ("Hm, well.", "Yes.", "Yes.")


@across("size", SIZES, 5)
def test_the_newlines_before_the_answer_are_dropped(surface, scripted_openrouter, size):
    answer = surface.ask(scripted_openrouter(reply(*said("\n\nYes.\n\nNo.\n", size))).base_url)
    assert (answer.text, answer.streamed) == ("Yes.\n\nNo.\n", "Yes.\n\nNo.\n")


@pytest.mark.parametrize(
    ("repair", "text"),
    [
        ("leaked_tool_calls", WEATHER),
        ("think_tags", "<think>Hm.</think>Yes."),
        ("leading_newlines", "\nYes."),
    ],
)
def test_a_repair_can_be_switched_off(surface, scripted_openrouter, repair, text):
    server = scripted_openrouter(reply(*said(text, 5)))
    others = {"leaked_tool_calls", "think_tags", "tool_names", "leading_newlines"} - {repair}
    answer = surface.ask(server.base_url, tools=TOOLS, repairs=sorted(others))
    assert (answer.text, answer.calls) == (text, [])
