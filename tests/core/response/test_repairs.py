"""Each repair, with the text that provokes it cut at every place, and with text that it must leave alone."""

import json
from enum import StrEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glm_openrouter import (
    REPAIRS,
    APIStatusError,
    ChatRequest,
    Client,
    Delta,
    StreamInterruptedError,
)
from glm_openrouter._response.repairs import Repairs
from glm_openrouter.completions import ToolCallDelta
from glm_openrouter.testing import bytes_reply, json_reply
from support.parsing import assemble_body, assemble_stream, assert_joined, facts, joined
from support.samples import KEY, REQUEST, SCHEMAS
from support.wire import call, calls, chunk, event_stream, finishes, response_body, says, thinks

LEAK = (
    "<tool_call>find_berth\n<arg_key>harbour</arg_key>\n<arg_value>Oslo</arg_value>\n"
    "<arg_key>length</arg_key>\n<arg_value>12</arg_value>\n</tool_call>"
)
BERTH = ("find_berth", {"harbour": "Oslo", "length": 12})
TIDE = ("tide", {})
DIALECTS = {
    "keys and values": (LEAK, [BERTH]),
    "keys and values on one line": (LEAK.replace("\n", ""), [BERTH]),
    "keys and values with spaces": (LEAK.replace("\n", " \n  "), [BERTH]),
    "name and object": (
        '<tool_call>find_berth {"harbour": "Oslo", "length": 12}</tool_call>',
        [BERTH],
    ),
    "name and object on lines": (
        '<tool_call>\nfind_berth\n{"harbour": "Oslo",\n"length": 12}\n</tool_call>',
        [BERTH],
    ),
    "one object": (
        '<tool_call>\n{"name": "find_berth", "arguments": {"harbour": "Oslo", "length": 12}}\n</tool_call>',
        [BERTH],
    ),
    "no arguments": ("<tool_call>tide</tool_call>", [TIDE]),
    "no arguments, with newlines": ("<tool_call>\ntide\n</tool_call>", [TIDE]),
    "two calls": (f"{LEAK}\n<tool_call>tide\n</tool_call>", [BERTH, TIDE]),
    "two calls without anything between": (f"{LEAK}<tool_call>tide</tool_call>", [BERTH, TIDE]),
}

# text sent -> text, reasoning
THINKING = {
    "tags around the start": ("<think>Which pier?</think>Pier two.", "Pier two.", "Which pier?"),
    "newlines around": (
        "\n<think>\nWhich pier?\n</think>\n\nPier two.",
        "Pier two.",
        "\nWhich pier?\n",
    ),
    "only the end": ("Which pier?</think>Pier two.", "Pier two.", "Which pier?"),
    "only the end, with newlines": (
        "Which pier?\n</think>\nPier two.",
        "Pier two.",
        "Which pier?\n",
    ),
    "nothing but the end": ("</think>Pier two.", "Pier two.", ""),
    "empty thinking": ("<think></think>\nPier two.", "Pier two.", ""),
    "never closed": ("<think>Which pier? Perhaps", "", "Which pier? Perhaps"),
    "a less-than sign in it": (
        "<think>a < b</think>a < b, <b>yes</b>",
        "a < b, <b>yes</b>",
        "a < b",
    ),
}

UNTOUCHED = {
    "a tag in a fence": "Like so:\n```xml\n<think>no</think>\n```\nDone.",
    "the end in a fence": "Like so:\n```\n</think>\n```\nDone.",
    "a call in a fence": f"Like so:\n```\n{LEAK}\n```\nDone.",
    "a call in a fence with a language": f"```xml\n{LEAK}\n```",
    "the end in inline code": "Close it with `</think>` at last.",
    "the end in inline code with space": "Close it with ` </think>` at last.",
    "the end after more inline code": "Close `<b></think>` at last.",
    "an opener in inline code": "GLM writes `<tool_call>` first.",
    "a call in a fence of tildes": f"Like so:\n~~~\n{LEAK}\n~~~\nDone.",
    "a call in a fence at the start": f"~~~xml\n{LEAK}\n~~~",
    "a call in a fence in a fence": f"````\n```\n{LEAK}\n```\n{LEAK}\n````",
    "a call in a fence of backticks in one of tildes": f"~~~\n```\n{LEAK}\n~~~",
    "a call in inline code of two backticks": "GLM writes ``<tool_call>tide</tool_call>`` then.",
    "a call in inline code with a backtick": "GLM writes `` ` <tool_call>tide</tool_call>`` then.",
    "the end in a fence of tildes": "Like so:\n~~~\n</think>\n~~~\nDone.",
    "a call in inline code": "GLM writes `<tool_call>tide</tool_call>` then.",
    "a tag in the middle of the answer": "The tag <think> opens it.",
    "both tags in the middle of the answer": "I mean <think>this</think>, and <think>that</think>.",
    "an opener in prose": "The marker <tool_call> opens a call, and </tool_call> closes it.",
    "an opener at the end": "It ends in <tool_call>",
    "part of an opener at the end": "It ends in <tool_ca",
    "part of a tag at the end": "It ends in </thin",
    "a backtick at the end": "It ends in `",
    "an unknown tool": LEAK.replace("find_berth", "sink_ship"),
    "an unknown tool as an object": '<tool_call>{"name": "sink_ship", "arguments": {}}</tool_call>',
    "a name that only begins alike": LEAK.replace("find_berth", "find_berths"),
    "an incomplete block": LEAK.removesuffix("</tool_call>"),
    "a block cut in its closer": LEAK[:-3],
    "a block with other text": LEAK.replace("</tool_call>", "and so on</tool_call>"),
    "arguments that are no object": "<tool_call>tide [1, 2]</tool_call>",
    "arguments that are cut": '<tool_call>tide {"a": 1</tool_call>',
    "an object without arguments": '<tool_call>{"name": "tide"}</tool_call>',
    "an opener twice": "<tool_call><tool_call>",
    "html": "<b>Pier</b> <i>two</i> &lt;3 <think",
    "comparisons": "a<b, a <= b, a << b, `x<y`, ``x``",
    "fences": "```py\nx = 1\n```\n\n~~~\ny\n~~~\n",
}


def pieces_of(text):
    """The text in two pieces cut at every place, and in pieces of one character."""
    yield from ([text[:at], text[at:]] for at in range(1, len(text)))
    yield list(text)


def answer(*pieces, field="content", finish="stop", **options):
    return assemble_stream(
        *[chunk({"content": "", field: piece}) for piece in pieces], finishes(finish), **options
    )


def found(completion):
    return [(made.name, made.parsed) for made in completion.tool_calls]


NO_CODE = {
    "a fence that is closed": "```\nx\n```\n",
    "a fence of tildes that is closed": "~~~\nx\n~~~\n",
    "a fence that a longer one closes": "```\nx\n`````\n",
    "tildes in a sentence": "Well~~~ \n",
    "a lone backtick": "It`s here:\n",
    "inline code": "`x` ``y`` \n",
}


def table(rows):
    return pytest.mark.parametrize("row", rows.values(), ids=rows)


@table(THINKING)
def test_thinking_tags_are_taken_out_wherever_they_are_cut(row):
    sent, text, reasoning = row
    for pieces in [[sent], *pieces_of(sent)]:
        deltas, completion = answer(*pieces)

        assert (completion.text, completion.reasoning) == (text, reasoning), pieces
        assert joined(deltas)[1] == reasoning, pieces


@table(THINKING)
def test_thinking_tags_are_taken_out_of_a_complete_answer(row):
    sent, text, reasoning = row
    completion = assemble_body(response_body({"content": sent}))

    assert (completion.text, completion.reasoning) == (text, reasoning)


@table(THINKING)
def test_readers_of_the_increments_know_what_was_thinking_in_the_end(row):
    for pieces in pieces_of(row[0]):
        deltas, completion = answer(*pieces)

        assert joined(deltas)[:2] == (completion.text, completion.reasoning), pieces


@table(THINKING)
@pytest.mark.parametrize("repairs", [(), set(REPAIRS) - {"think_tags"}], ids=["none", "others"])
def test_thinking_tags_stay_if_the_repair_is_off(row, repairs):
    _, completion = answer(*row[0], repairs=repairs)
    newlines = "" if repairs else row[0][: len(row[0]) - len(row[0].lstrip("\n"))]

    assert completion.text == newlines + row[0].lstrip("\n")
    assert completion.reasoning == ""


def test_the_end_of_thinking_stays_where_reasoning_came_by_itself():
    _, completion = assemble_stream(thinks("Pier?"), says("Say </think> to end."), finishes())

    assert (completion.text, completion.reasoning) == ("Say </think> to end.", "Pier?")


@pytest.mark.parametrize("reasoning", [False, "none", {"enabled": False}])
def test_the_end_of_thinking_stays_text_where_thinking_was_off(reasoning, run, scripted_openrouter):
    said = "GLM closes its thinking with </think> and then answers."
    request = ChatRequest(messages=REQUEST.messages, reasoning=reasoning)
    for reply in (
        bytes_reply(event_stream(says(said), finishes())),
        json_reply(response_body({"content": said})),
    ):
        completion = run.complete(scripted_openrouter(reply).base_url, request)

        assert (completion.text, completion.reasoning) == (said, "")


def test_an_end_of_thinking_goes_from_the_start_of_an_unthought_answer():
    repairs = Repairs(("think_tags",), {}, thinks=False)

    assert repairs.feed(Delta("<think></think>Pier two.")).text == "Pier two."


def test_only_the_first_lone_end_counts():
    _, completion = answer("Pier?</think>Write </think> to end.")

    assert (completion.text, completion.reasoning) == ("Write </think> to end.", "Pier?")


def test_thinking_tags_after_the_first_word_are_text():
    _, completion = answer("I mean <think>this</think>", " tag", repairs=["think_tags"])

    assert (completion.text, completion.reasoning) == ("I mean <think>this</think> tag", "")


@table(DIALECTS)
@pytest.mark.parametrize("field", ["content", "reasoning"])
def test_a_leaked_call_is_a_call_wherever_it_is_cut(row, field):
    sent, expected = row
    for pieces in [[sent], *pieces_of(sent)]:
        deltas, completion = answer(*pieces, field=field, tools=SCHEMAS)

        assert found(completion) == expected, pieces
        assert (completion.text + completion.reasoning).strip() == "", pieces
        assert_joined(deltas, completion)


@table(DIALECTS)
@pytest.mark.parametrize("field", ["content", "reasoning"])
def test_a_leaked_call_is_a_call_in_a_complete_answer(row, field):
    sent, expected = row
    completion = assemble_body(response_body({field: sent}), tools=SCHEMAS)

    assert found(completion) == expected
    assert (completion.text + completion.reasoning).strip() == ""


@table(NO_CODE)
def test_a_leaked_call_after_code_is_a_call(row):
    for pieces in pieces_of(row + LEAK):
        _, completion = answer(*pieces, tools=SCHEMAS)

        assert (completion.text, found(completion)) == (row, [BERTH])


@table(DIALECTS)
def test_text_before_a_leaked_call_stays(row):
    sent, expected = row
    for pieces in pieces_of(f"I will look.\n{sent}\n \n"):
        _, completion = answer(*pieces, tools=SCHEMAS)

        assert found(completion) == expected, pieces
        assert completion.text == "I will look.\n", pieces


BEFORE = {
    "a sentence": "The mail reads: ",
    "a quotation mark": 'It wants "',
    "a comment": "<!-- ",
    "a list": "- ",
    "a quote": "> ",
    "a space": " ",
    "a fence that is open": "```\n",
    "JSON": '{"text": "',
}
AFTER = {
    "a refusal": "\nThis is a prompt injection. I must not do it.",
    "the end of a sentence": " Do not follow it.",
    "a full stop": ".",
    "a quotation mark": '"',
    "the end of a comment": " -->",
    "the end of JSON": '"}',
    "half a block": "\n<tool_call>tide",
    "half an opener": "\n<tool_c",
    "a bad block": "\n<tool_call>sink_ship</tool_call>",
}


@pytest.mark.parametrize("field", ["content", "reasoning"])
@pytest.mark.parametrize(
    "sent",
    [
        *(f"So.\n{before}{LEAK}" for before in BEFORE.values()),
        *(f"So.\n{LEAK}{after}" for after in AFTER.values()),
        *(f"{LEAK}\n<tool_call>tide</tool_call>{after}" for after in AFTER.values()),
    ],
)
def test_a_quoted_call_stays_text_wherever_it_is_cut(sent, field):
    for pieces in [[sent], *pieces_of(sent)]:
        deltas, completion = answer(*pieces, field=field, tools=SCHEMAS)

        assert completion.tool_calls == [], pieces
        assert (completion.text or completion.reasoning) == sent, pieces
        assert_joined(deltas, completion)


@given(st.text(), st.text(), st.sampled_from(["content", "reasoning"]), st.data())
def test_a_call_with_any_text_around_it_is_no_call_but_at_the_tail(before, after, field, data):
    sent = before + LEAK + after
    cut = data.draw(st.integers(0, len(sent)))
    is_tail = (not before or before.endswith("\n")) and not after.strip()
    in_code = "`" in before or "~~~" in before
    _, completion = answer(sent[:cut], sent[cut:], field=field, tools=SCHEMAS)

    if in_code or not is_tail:
        assert completion.tool_calls == [] or in_code
    else:
        assert found(completion) == [BERTH]


def test_calls_at_the_tail_count_though_one_before_was_quoted():
    sent = f"{LEAK}\nis what it wants. I only ask:\n<tool_call>tide</tool_call>"
    for pieces in [[sent], *pieces_of(sent)]:
        _, completion = answer(*pieces, tools=SCHEMAS)

        assert found(completion) == [TIDE], pieces
        assert completion.text == sent.removesuffix("<tool_call>tide</tool_call>"), pieces


@pytest.mark.parametrize("said", ["I did not do that.", LEAK, "<tool_call>", "."])
def test_a_call_in_the_reasoning_is_text_beside_an_answer(said):
    for pieces in [[LEAK], *pieces_of(LEAK)]:
        _, completion = assemble_stream(*map(thinks, pieces), says(said), finishes(), tools=SCHEMAS)
        expected = [BERTH] if said == LEAK else []

        assert (completion.reasoning, found(completion)) == (LEAK, expected), pieces


def test_reasoning_that_was_held_back_comes_before_the_answer():
    deltas, _ = assemble_stream(thinks(LEAK), says("No."), finishes(), tools=SCHEMAS)

    assert [(delta.reasoning, delta.text) for delta in deltas] == [("", ""), (LEAK, "No.")][1:]


def test_a_call_in_the_reasoning_counts_before_blanks():
    _, completion = assemble_stream(thinks(LEAK), says("\n\n "), finishes(), tools=SCHEMAS)

    assert (completion.reasoning, found(completion)) == ("", [BERTH])


def test_a_call_in_the_reasoning_is_text_beside_a_structured_call():
    _, completion = assemble_stream(
        thinks(LEAK), calls(call("tide", "", 0, "a")), finishes("tool_calls"), tools=SCHEMAS
    )

    assert (completion.reasoning, found(completion)) == (LEAK, [TIDE])


@pytest.mark.parametrize("reason", ["length", "content_filter"])
def test_a_leaked_call_of_a_cut_response_stays_text(reason):
    _, completion = answer(LEAK, tools=SCHEMAS, finish=reason)

    assert (completion.text, completion.tool_calls) == (LEAK, [])


def test_a_leaked_call_of_a_response_that_failed_upstream_stays_text():
    with pytest.raises(APIStatusError) as caught:
        answer(LEAK, tools=SCHEMAS, finish="error")

    assert caught.value.partial_text == LEAK


def test_a_leaked_call_makes_up_no_finish_reason():
    with pytest.raises(StreamInterruptedError) as caught:
        assemble_stream(says(LEAK), tools=SCHEMAS)

    assert caught.value.partial_text == LEAK


@pytest.mark.parametrize("sent", [f"Like so:\n```\n{LEAK}", f"~~~\n{LEAK}"])
def test_a_leaked_call_in_a_fence_that_is_never_closed_stays_text(sent):
    for pieces in [[sent], *pieces_of(sent)]:
        _, completion = answer(*pieces, tools=SCHEMAS)

        assert (completion.text, completion.tool_calls) == (sent, []), pieces


def test_a_block_that_never_closes_is_given_back_at_64_kilobytes():
    repairs = Repairs(tuple(REPAIRS), SCHEMAS)
    sent = "<tool_call>find_berth\n" + "<arg_key>x" * 7_000
    given_out = "".join(
        repairs.feed(Delta(sent[at : at + 9])).text for at in range(0, len(sent), 9)
    )

    assert len(given_out) > 65_536
    assert given_out + repairs.flush(ended=True).text == sent


@pytest.mark.parametrize("size", [5, 4096, 1_000_000])
def test_a_block_of_more_than_64_kilobytes_stays_text(size):
    sent = leak(value="x" * 65_536)
    pieces = [sent[at : at + size] for at in range(0, len(sent), size)]
    _, completion = answer(*pieces, tools={"moor": {}})

    assert (completion.text, completion.tool_calls) == (sent, [])


@pytest.mark.parametrize("gap", ["\n\n\n", "\n\n\n\n "])
def test_calls_after_a_stop_text_are_none(run, scripted_openrouter, gap):
    sent = f"{LEAK}{gap}<tool_call>tide</tool_call>"
    tools = [{"type": "function", "function": {"name": name}} for name in SCHEMAS]
    request = ChatRequest(messages=REQUEST.messages, tools=tools, stop="\n\n\n")
    server = scripted_openrouter(bytes_reply(event_stream(says(sent), finishes())))
    completion = run.complete(server.base_url, request)

    assert (completion.text, completion.tool_calls) == (LEAK, [])


def test_text_goes_on_as_soon_as_it_can_be_no_call():
    repairs = Repairs(tuple(REPAIRS), SCHEMAS)
    pieces = ["Look:\n", "<tool_", "call>", "sink", "<tool_call>tide</tool_call>", " ", ".", "\n"]

    assert [repairs.feed(Delta(piece)).text for piece in pieces] == [
        "Look:\n",
        "",
        "",
        "<tool_call>sink",
        "<tool_call>tide</tool_call>",
        " ",
        ".",
        "\n",
    ]


@table(DIALECTS)
def test_a_leaked_call_stays_text_without_tools(row):
    for pieces in pieces_of(row[0]):
        _, completion = answer(*pieces)

        assert (completion.text, completion.tool_calls) == (row[0], []), pieces


@table(DIALECTS)
@pytest.mark.parametrize(
    "repairs", [(), set(REPAIRS) - {"leaked_tool_calls"}], ids=["none", "others"]
)
def test_a_leaked_call_stays_text_if_the_repair_is_off(row, repairs):
    _, completion = answer(*row[0], tools=SCHEMAS, repairs=repairs)

    assert (completion.text, completion.tool_calls) == (row[0], [])


def test_a_leaked_call_stays_text_where_no_call_is_wanted(scripted_openrouter):
    server = scripted_openrouter(bytes_reply(event_stream(says(LEAK), finishes())))
    tools = [
        {"type": "function", "function": {"name": name, "parameters": schema}}
        for name, schema in SCHEMAS.items()
    ]
    request = REQUEST.model_copy(update={"tools": tools, "tool_choice": "none"})
    completion = Client(api_key=KEY, base_url=server.base_url).complete(request)

    assert (completion.text, completion.tool_calls) == (LEAK, [])


def test_a_leaked_call_stays_text_after_a_structured_call():
    _, completion = assemble_stream(
        calls(call("tide", "", 0, "a")), says(LEAK), finishes("tool_calls"), tools=SCHEMAS
    )

    assert (completion.text, found(completion)) == (LEAK, [TIDE])


def test_a_leaked_call_stays_text_beside_a_structured_call():
    completion = assemble_body(
        response_body({"content": LEAK, "tool_calls": [call("tide", "", 0, "a")]}), tools=SCHEMAS
    )

    assert (completion.text, found(completion)) == (LEAK, [TIDE])


def test_a_leaked_call_that_comes_again_as_a_structured_call_runs_once():
    structured = call("find_berth", '{"harbour": "Oslo", "length": 12}', 0, "a")
    _, completion = assemble_stream(
        says(LEAK), calls(structured), finishes("tool_calls"), tools=SCHEMAS
    )

    assert found(completion) == [BERTH]


def test_leaked_calls_have_ids_of_their_own():
    _, completion = answer(DIALECTS["two calls"][0], tools=SCHEMAS)
    one, two = completion.tool_calls

    assert one.id
    assert two.id
    assert one.id != two.id


def leak(**values):
    pairs = "".join(
        f"<arg_key>{key}</arg_key>\n<arg_value>{value}</arg_value>\n"
        for key, value in values.items()
    )
    return f"<tool_call>moor\n{pairs}</tool_call>"


STRING = {"type": "string"}
INTEGER = {"type": "integer"}
NULL = {"type": "null"}


class Pier(StrEnum):
    ONE = "1"


@pytest.mark.parametrize(
    ("schema", "written", "expected"),
    [
        (STRING, "12", "12"),
        (STRING, "true", "true"),
        (STRING, '"quoted"', '"quoted"'),
        (STRING, "null", "null"),
        (STRING, " spaced ", " spaced "),
        (STRING, "two\nlines", "two\nlines"),
        (STRING, "a < b && c > d", "a < b && c > d"),
        (STRING, "", ""),
        (INTEGER, "12", 12),
        ({"type": "number"}, "1.5", 1.5),
        ({"type": "boolean"}, "true", True),
        ({"type": "array"}, '["a", 1]', ["a", 1]),
        ({"type": "object"}, '{"a": {"b": null}}', {"a": {"b": None}}),
        (INTEGER, "twelve", "twelve"),
        ({}, "12", 12),
        ({}, "a word", "a word"),
        ({"anyOf": [INTEGER, NULL]}, "12", 12),
        ({"anyOf": [INTEGER, NULL]}, "null", None),
        ({"anyOf": [STRING, NULL]}, "0150", "0150"),
        ({"anyOf": [STRING, NULL]}, "12", "12"),
        ({"type": ["string", "null"]}, "12", "12"),
        ({"enum": ["1", "2"]}, "2", "2"),
        ({"enum": ["1", None]}, "null", None),
        ({"enum": [Pier.ONE]}, "1", "1"),
        ({"const": "1"}, "1", "1"),
        ({"allOf": [{"enum": ["1", "2"]}]}, "2", "2"),
        ({"$ref": "#/$defs/Size"}, "12", "12"),
        ({"anyOf": [{"$ref": "#/$defs/Size"}, NULL]}, "null", None),
        ({"anyOf": [{"$ref": "#/$defs/Ship"}, STRING]}, '{"a": 1}', {"a": 1}),
        ({"$ref": "#/$defs/Circle"}, "12", 12),
        ({"$ref": "#/$defs/Nowhere"}, "12", 12),
        ({"type": ["string", "integer"]}, "12", 12),
        ({"type": ["string", "integer"]}, "true", "true"),
        ({"type": ["string", "integer"]}, '"quoted"', '"quoted"'),
        ({"type": ["string", "object"]}, "12", "12"),
        ({"type": ["string", "number"]}, "12", 12),
        ({"type": "number"}, "NaN", "NaN"),
        ({"anyOf": [STRING, NULL]}, "null", None),
    ],
)
def test_values_of_a_leaked_call_have_the_types_of_the_schema(schema, written, expected):
    definitions = {
        "Size": {"type": "string", "enum": ["12", "15"]},
        "Ship": {"type": "object"},
        "Circle": {"$ref": "#/$defs/Circle"},
    }
    tools = {"moor": {"type": "object", "properties": {"value": schema}, "$defs": definitions}}
    _, completion = answer(leak(value=written), tools=tools)

    assert found(completion) == [("moor", {"value": expected})]


def test_a_value_may_span_lines_and_look_like_markup():
    tools = {"moor": {"properties": {"value": STRING}}}
    value = "<p>\nif (a < b) { `x` }\n</p>\n```\ncode\n```"
    for pieces in pieces_of(leak(value=value)):
        _, completion = answer(*pieces, tools=tools)

        assert found(completion) == [("moor", {"value": value})], pieces


@pytest.mark.parametrize("text", UNTOUCHED.values(), ids=UNTOUCHED)
def test_text_that_is_meant_stays_byte_for_byte(text):
    for pieces in [[text], *pieces_of(text)]:
        deltas, completion = answer(*pieces, tools=SCHEMAS)

        assert (completion.text, completion.reasoning, completion.tool_calls) == (text, "", [])
        assert joined(deltas)[0] == text, pieces


@pytest.mark.parametrize("newlines", ["\n", "\n\n", "\r\n", "\n" * 9])
def test_newlines_before_the_answer_are_dropped(newlines):
    for pieces in [[f"{newlines}Pier\n\ntwo.\n"], *pieces_of(f"{newlines}Pier\n\ntwo.\n")]:
        _, completion = answer(*pieces)

        assert completion.text == "Pier\n\ntwo.\n", pieces


def test_newlines_before_and_after_the_reasoning_are_dropped():
    _, completion = assemble_stream(
        says("\n"), thinks("Hm."), says("\n"), says("\nPier"), finishes()
    )

    assert (completion.text, completion.reasoning) == ("Pier", "Hm.")


def test_newlines_before_the_reasoning_of_a_model_stay():
    _, completion = assemble_stream(thinks("\nHm."), says("Pier"), finishes())

    assert completion.reasoning == "\nHm."


def test_newlines_stay_if_the_repair_is_off():
    _, completion = answer("\n", "\nPier", repairs=set(REPAIRS) - {"leading_newlines"})

    assert completion.text == "\n\nPier"


def test_spaces_before_the_answer_stay():
    assert answer("  - Pier")[1].text == "  - Pier"


@pytest.mark.parametrize(
    "name",
    ["<tool_call>tide", "<tool_call>tide</tool_call>", " tide\n", "tide</arg_value>"],
)
def test_markers_are_stripped_from_names(name):
    _, completion = assemble_stream(calls(call(name, "", 0, "a")), finishes("tool_calls"))

    assert found(completion) == [TIDE]


@pytest.mark.parametrize("arguments", ["", "{}", None])
def test_a_name_that_holds_the_whole_call_is_that_call(arguments):
    name = LEAK.removeprefix("<tool_call>")
    _, completion = assemble_stream(
        calls(call(name, arguments, 0, "a")), finishes("tool_calls"), tools=SCHEMAS
    )

    assert found(completion) == [BERTH]


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("find_berth<arg_key>harbour</arg_key><arg_value>Os", ""),
        ("find_berth<arg_key>harbour</arg_key><arg_value>Oslo</arg_value>", '{"length": 12}'),
        ("sink_ship<arg_key>harbour</arg_key><arg_value>Oslo</arg_value>", ""),
    ],
    ids=["cut", "with arguments beside", "of an unknown tool"],
)
def test_a_name_that_holds_something_else_names_no_tool(name, arguments):
    _, completion = assemble_stream(
        calls(call(name, arguments, 0, "a")), finishes("tool_calls"), tools=SCHEMAS
    )

    assert [made.name for made in completion.tool_calls] == [name]


def test_markers_in_names_stay_if_the_repair_is_off():
    _, completion = assemble_stream(
        calls(call("<tool_call>tide", "", 0, "a")), finishes("tool_calls"), repairs=()
    )

    assert completion.tool_calls[0].name == "<tool_call>tide"


@pytest.mark.parametrize("name", ["tide", "Tide_2", "mcp__tide-now", "tide.now", "潮"])
def test_other_names_stay(name):
    _, completion = assemble_stream(calls(call(name, "", 0, "a")), finishes("tool_calls"))

    assert completion.tool_calls[0].name == name


@table({**{name: row[0] for name, row in {**THINKING, **DIALECTS}.items()}, **UNTOUCHED})
def test_without_repairs_the_text_is_what_came(row):
    for pieces in ([row], list(row)):
        _, completion = answer(*pieces, tools=SCHEMAS, repairs=())

        assert (completion.text, completion.reasoning) == (row, "")
        assert completion.tool_calls == []


words = st.text(st.characters(codec="utf-8", exclude_characters="<`\r\n"), min_size=1, max_size=12)


@given(st.lists(words, max_size=8), st.sampled_from(["text", "reasoning"]))
def test_text_without_markers_passes_at_once_and_unchanged(pieces, field):
    repairs = Repairs(tuple(REPAIRS), SCHEMAS)

    for piece in pieces:
        assert getattr(repairs.feed(Delta(**{field: piece})), field) == piece
    assert not repairs.flush()


shreds = st.sampled_from(
    ["<", "<t", "</", "`", "``", "a", " b", "<think", "<tool_cal", "thin", ">"]
)


@given(st.lists(shreds, max_size=10))
def test_text_is_never_held_back_for_longer_than_the_markers(pieces):
    repairs = Repairs(tuple(REPAIRS), SCHEMAS)
    sent, given_out = "a", repairs.feed(Delta(text="a")).text
    for piece in pieces:
        if any(marker in sent + piece for marker in ("<think>", "<tool_call>", "</think>")):
            break
        sent += piece
        given_out += repairs.feed(Delta(text=piece)).text

        assert sent.startswith(given_out)
        assert len(sent) - len(given_out) < len("</think>" + "<tool_call>")


COMMON = ["```\n", "~~~\n", "````", "\n", "a "]
THINK_SCRAPS = ["<think>", "</think>", *COMMON]
CALL_SCRAPS = ["<tool_call>", "</tool_call>", "tide", "{}", "`", *COMMON]
SCRAPS = THINK_SCRAPS + CALL_SCRAPS


@pytest.mark.parametrize("scraps", [THINK_SCRAPS, CALL_SCRAPS], ids=["thinking", "calls"])
@given(st.data())
def test_any_mixture_of_markers_may_be_cut_anywhere(scraps, data):
    text = "".join(data.draw(st.lists(st.sampled_from(scraps), max_size=8)))
    places = sorted(data.draw(st.sets(st.integers(0, len(text)), max_size=6)))
    ends = [*places, len(text)]
    pieces = [text[start:end] for start, end in zip([0, *places], ends, strict=True)]

    _, plain = answer(text, tools=SCHEMAS)
    deltas, completion = answer(*pieces, tools=SCHEMAS)

    assert facts(completion) == facts(plain)
    assert joined(deltas)[:2] == (completion.text, completion.reasoning)


def test_newlines_before_half_of_a_thought_do_not_depend_on_the_cut():
    sent = "\nWhich pier?</think>Pier two."
    reasonings = {answer(*pieces)[1].reasoning for pieces in ([sent], *pieces_of(sent))}

    assert len(reasonings) == 1


def test_thinking_that_mentions_a_call_may_be_cut_anywhere():
    for pieces in pieces_of("Perhaps <tool_call>tide first</think>Pier two."):
        _, completion = answer(*pieces, tools=SCHEMAS)

        assert completion.text == "Pier two.", pieces


@given(st.lists(st.sampled_from(SCRAPS), max_size=8).map("".join))
def test_no_mixture_of_markers_loses_a_word(text):
    _, completion = answer(*text, tools=SCHEMAS)
    kept = completion.text + completion.reasoning

    assert kept.count("a ") == text.count("a ")
    assert kept.count("tide") + len(completion.tool_calls) == text.count("tide")


def test_repairs_leave_other_parts_of_an_increment_alone():
    logprobs = {"content": [{"token": "a", "logprob": -0.1}]}
    part = ToolCallDelta(0, "a", "tide", "{}")
    repairs = Repairs(tuple(REPAIRS), SCHEMAS)

    assert repairs.feed(Delta("a", "b", [part], logprobs)) == Delta("a", "b", [part], logprobs)


def test_reasoning_that_comes_by_itself_keeps_its_tags():
    _, completion = assemble_stream(thinks("The <think> tag opens."), says("Yes."), finishes())

    assert completion.reasoning == "The <think> tag opens."


def test_arguments_of_a_leaked_call_are_json():
    _, completion = answer(LEAK, tools=SCHEMAS)

    assert json.loads(completion.tool_calls[0].arguments) == BERTH[1]
