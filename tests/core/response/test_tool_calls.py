"""Tool calls in every shape in which GLM and its providers send them."""

import json

import pytest

from glm_openrouter import APIError, StreamInterruptedError, ToolCallDelta
from glm_openrouter._response.tool_calls import ToolCallAccumulator
from support.parsing import assemble, assemble_body, assemble_stream, assert_joined, facts, joined
from support.samples import SCHEMAS
from support.wire import call, calls, chunk, event_stream, finishes, response_body, says, uses

OSLO = '{"harbour": "Oslo"}'
BERGEN = '{"harbour":"Bergen"}'
OSLO_CALL = ("find_berth", {"harbour": "Oslo"})
BERGEN_CALL = ("find_berth", {"harbour": "Bergen"})
TIDE_CALL = ("tide", {})


def per_character(text, **entry):
    return [calls(call(None, character, **entry)) for character in text]


STREAMED = {
    "whole in one delta": (
        [calls(call("find_berth", OSLO, 0, "a", type="function"))],
        [OSLO_CALL],
    ),
    "whole in the finish chunk": (
        [says("One moment."), calls(call("find_berth", OSLO, 0, "a"), finish="tool_calls")],
        [OSLO_CALL],
    ),
    "id and name, then arguments": (
        [calls(call("find_berth", "", 0, "a", type="function")), calls(call(None, OSLO, 0))],
        [OSLO_CALL],
    ),
    "fragmented per character": (
        [calls(call("find_berth", "", 0, "a")), *per_character(OSLO, index=0)],
        [OSLO_CALL],
    ),
    "one after the other": (
        [
            calls(call("find_berth", OSLO, 0, "a")),
            calls(call("find_berth", "", 1, "b")),
            *per_character(BERGEN, index=1),
        ],
        [OSLO_CALL, BERGEN_CALL],
    ),
    "two calls in one delta": (
        [calls(call("find_berth", OSLO, 0, "a"), call("find_berth", BERGEN, 1, "b"))],
        [OSLO_CALL, BERGEN_CALL],
    ),
    "interleaved indexes": (
        [
            calls(call("find_berth", OSLO[:9], 0, "a"), call("find_berth", BERGEN[:3], 1, "b")),
            calls(call(None, OSLO[9:15], 0)),
            calls(call(None, BERGEN[3:11], 1)),
            calls(call(None, OSLO[15:], 0), call(None, BERGEN[11:], 1)),
        ],
        [OSLO_CALL, BERGEN_CALL],
    ),
    "interleaved, the id on every delta": (
        [
            calls(call("find_berth", OSLO[:9], 0, "a"), call("find_berth", BERGEN[:3], 1, "b")),
            calls(call(None, BERGEN[3:], 1, "b"), call(None, OSLO[9:], 0, "a")),
        ],
        [OSLO_CALL, BERGEN_CALL],
    ),
    "indexes that do not start at 0": (
        [calls(call("find_berth", OSLO, 3, "a")), calls(call("tide", "{}", 7, "b"))],
        [OSLO_CALL, TIDE_CALL],
    ),
    "the later index first": (
        [calls(call("tide", "{}", 1, "b")), calls(call("find_berth", OSLO, 0, "a"))],
        [TIDE_CALL, OSLO_CALL],
    ),
    "index missing": (
        [calls(call("find_berth", OSLO[:5], id="a")), calls(call(None, OSLO[5:]))],
        [OSLO_CALL],
    ),
    "index missing, fragments told apart by id": (
        [
            calls(call("find_berth", OSLO[:5], id="a"), call("find_berth", BERGEN[:5], id="b")),
            calls(call(None, OSLO[5:], id="a"), call(None, BERGEN[5:], id="b")),
        ],
        [OSLO_CALL, BERGEN_CALL],
    ),
    "index missing, two whole calls": (
        [calls(call("find_berth", OSLO, id="a")), calls(call("find_berth", BERGEN, id="b"))],
        [OSLO_CALL, BERGEN_CALL],
    ),
    "index and id missing, two whole calls": (
        [calls(call("find_berth", OSLO)), calls(call("find_berth", BERGEN))],
        [OSLO_CALL, BERGEN_CALL],
    ),
    "index null": (
        [calls(call("find_berth", OSLO, None, "a"), call("tide", "{}", None, "b"))],
        [OSLO_CALL, TIDE_CALL],
    ),
    "all on index 0, other names": (
        [calls(call("find_berth", OSLO, 0, "a")), calls(call("tide", "{}", 0, "b"))],
        [OSLO_CALL, TIDE_CALL],
    ),
    "all on index 0, the same name": (
        [calls(call("find_berth", OSLO, 0, "a")), calls(call("find_berth", BERGEN, 0, "b"))],
        [OSLO_CALL, BERGEN_CALL],
    ),
    "all on index 0, fragmented": (
        [
            calls(call("find_berth", "", 0, "a")),
            *per_character(OSLO, index=0),
            calls(call("find_berth", "", 0, "b")),
            *per_character(BERGEN, index=0),
        ],
        [OSLO_CALL, BERGEN_CALL],
    ),
    "all on index 0, without arguments": (
        [calls(call("tide", "", 0, "a")), calls(call("tide", "", 0, "b"))],
        [TIDE_CALL, TIDE_CALL],
    ),
    "all on index 0 in one delta": (
        [calls(call("find_berth", OSLO, 0, "a"), call("tide", "", 0, "b"))],
        [OSLO_CALL, TIDE_CALL],
    ),
    "id missing": ([calls(call("find_berth", OSLO, 0))], [OSLO_CALL]),
    "id empty": ([calls(call("find_berth", OSLO, 0, ""))], [OSLO_CALL]),
    "id null": ([calls(call("find_berth", OSLO, 0, None))], [OSLO_CALL]),
    "id the word null": ([calls(call("find_berth", OSLO, 0, "null"))], [OSLO_CALL]),
    "id a number": ([calls(call("find_berth", OSLO, 0, 17))], [OSLO_CALL]),
    "ids missing on two calls": (
        [calls(call("find_berth", OSLO, 0)), calls(call("find_berth", BERGEN, 1))],
        [OSLO_CALL, BERGEN_CALL],
    ),
    "id late": (
        [calls(call("find_berth", OSLO[:4], 0)), calls(call(None, OSLO[4:], 0, "a"))],
        [OSLO_CALL],
    ),
    "id repeated on every delta": (
        [calls(call("find_berth", "", 0, "a")), *per_character(OSLO, index=0, id="a")],
        [OSLO_CALL],
    ),
    "id the word null on later deltas": (
        [calls(call("find_berth", "", 0, "a")), *per_character(OSLO, index=0, id="null")],
        [OSLO_CALL],
    ),
    "id empty on later deltas": (
        [calls(call("find_berth", "", 0, "a")), *per_character(OSLO, index=0, id="")],
        [OSLO_CALL],
    ),
    "another id on every delta": (
        [
            calls(call("find_berth", "", 0, "a0")),
            *[calls(call(None, c, 0, f"a{at}")) for at, c in enumerate(OSLO, 1)],
        ],
        [OSLO_CALL],
    ),
    "another id on every delta of two calls": (
        [
            calls(call("find_berth", OSLO[:6], 0, "a"), call("find_berth", BERGEN[:6], 1, "b")),
            calls(call(None, OSLO[6:], 0, "c"), call(None, BERGEN[6:], 1, "d")),
        ],
        [OSLO_CALL, BERGEN_CALL],
    ),
    "name repeated": (
        [
            calls(call("find_berth", "", 0, "a")),
            *[calls(call("find_berth", c, 0)) for c in OSLO],
        ],
        [OSLO_CALL],
    ),
    "name and id repeated": (
        [
            calls(call("find_berth", "", 0, "a")),
            *[calls(call("find_berth", c, 0, "a")) for c in OSLO],
        ],
        [OSLO_CALL],
    ),
    "name repeated with another id": (
        [
            calls(call("find_berth", OSLO[:2], 0, "a")),
            *[calls(call("find_berth", c, 0, f"a{at}")) for at, c in enumerate(OSLO[2:])],
        ],
        [OSLO_CALL],
    ),
    "name empty on later deltas": (
        [
            calls(call("find_berth", OSLO[:5], 0, "a")),
            calls({"index": 0, "function": {"name": "", "arguments": OSLO[5:]}}),
            calls({"index": 0, "function": {"name": None, "arguments": ""}}),
        ],
        [OSLO_CALL],
    ),
    "arguments null": ([calls(call("tide", None, 0, "a"))], [TIDE_CALL]),
    "arguments empty": ([calls(call("tide", "", 0, "a"))], [TIDE_CALL]),
    "arguments absent": ([calls(call("tide", ..., 0, "a"))], [TIDE_CALL]),
    "arguments the word null": ([calls(call("tide", "null", 0, "a"))], [TIDE_CALL]),
    "arguments the word null, fragmented": (
        [calls(call("tide", "", 0, "a")), *per_character("null", index=0)],
        [TIDE_CALL],
    ),
    "arguments white space": ([calls(call("tide", " \n", 0, "a"))], [TIDE_CALL]),
    "arguments an empty object": ([calls(call("tide", "{}", 0, "a"))], [TIDE_CALL]),
    "arguments an object": (
        [calls(call("find_berth", {"harbour": "Oslo"}, 0, "a"))],
        [OSLO_CALL],
    ),
    "arguments encoded twice": (
        [calls(call("find_berth", json.dumps(OSLO), 0, "a"))],
        [OSLO_CALL],
    ),
    "arguments encoded twice, fragmented": (
        [calls(call("find_berth", "", 0, "a")), *per_character(json.dumps(OSLO), index=0)],
        [OSLO_CALL],
    ),
    "arguments null after they came": (
        [calls(call("find_berth", OSLO, 0, "a")), calls(call(None, None, 0))],
        [OSLO_CALL],
    ),
    "arguments with white space around": (
        [calls(call("find_berth", f" \n{OSLO}\n", 0, "a"))],
        [OSLO_CALL],
    ),
    "delta without function": (
        [
            calls({"index": 0, "id": "a", "type": "function"}),
            calls(call("find_berth", OSLO, 0)),
            calls({"index": 0}),
            calls({"index": 0, "function": None}),
        ],
        [OSLO_CALL],
    ),
    "empty deltas": (
        [
            chunk({"tool_calls": None}),
            calls(),
            calls({}),
            calls(call("find_berth", OSLO, 0, "a")),
            calls({}),
        ],
        [OSLO_CALL],
    ),
    "null among the calls": ([calls(None, call("find_berth", OSLO, 0, "a"))], [OSLO_CALL]),
    "index as text": ([calls(call("find_berth", OSLO, "0", "a"))], [OSLO_CALL]),
    "trailing white space": (
        [calls(call("find_berth", OSLO, 0, "a")), calls(call(None, " ", 0))],
        [OSLO_CALL],
    ),
    "trailing white space with name and id": (
        [calls(call("find_berth", OSLO, 0, "a")), calls(call("find_berth", "\n", 0, "a"))],
        [OSLO_CALL],
    ),
    "sent again in a second finish chunk": (
        [calls(call("find_berth", OSLO, 0, "a"), finish="tool_calls")] * 2,
        [OSLO_CALL],
    ),
    "fragmented, then sent again as a whole": (
        [
            calls(call("find_berth", "", 0, "a")),
            *per_character(OSLO, index=0),
            calls(call("find_berth", OSLO, 0, "a"), finish="tool_calls"),
        ],
        [OSLO_CALL],
    ),
    "two calls sent again": (
        [calls(call("find_berth", OSLO, 0, "a"), call("tide", "", 1, "b"), finish="tool_calls")]
        * 2,
        [OSLO_CALL, TIDE_CALL],
    ),
    "sent again without name": (
        [calls(call("find_berth", OSLO, 0, "a")), calls(call(None, OSLO, 0))],
        [OSLO_CALL],
    ),
    "name with the opener": (
        [calls(call("<tool_call>find_berth", OSLO, 0, "a"))],
        [OSLO_CALL],
    ),
    "name with the opener and a newline": (
        [calls(call("<tool_call>find_berth\n", OSLO, 0, "a"))],
        [OSLO_CALL],
    ),
    "one id on two indexes": (
        [calls(call("find_berth", OSLO, 0, "a")), calls(call("find_berth", BERGEN, 1, "a"))],
        [OSLO_CALL, BERGEN_CALL],
    ),
    "one id on two indexes, fragmented": (
        [
            calls(call("find_berth", OSLO[:4], 0, "a"), call("find_berth", BERGEN[:4], 1, "a")),
            calls(call(None, OSLO[4:], 0, "a"), call(None, BERGEN[4:], 1, "a")),
        ],
        [OSLO_CALL, BERGEN_CALL],
    ),
    "text between": (
        [calls(call("find_berth", OSLO, 0, "a")), says("and"), calls(call("tide", "", 1, "b"))],
        [OSLO_CALL, TIDE_CALL],
    ),
    "trailing white space, then sent again": (
        [
            calls(call("find_berth", OSLO, 0, "a")),
            calls(call(None, " ", 0)),
            calls(call("find_berth", OSLO, 0, "a"), finish="tool_calls"),
        ],
        [OSLO_CALL],
    ),
    "sent again with other white space": (
        [calls(call("find_berth", OSLO, 0, "a")), calls(call(None, OSLO.replace(" ", ""), 0))],
        [OSLO_CALL],
    ),
    "sent again as a whole, before its last brace": (
        [
            calls(call("find_berth", "", 0, "a")),
            *per_character(BERGEN[:-1], index=0),
            calls(call(None, BERGEN.replace(":", ": "), 0), finish="tool_calls"),
        ],
        [BERGEN_CALL],
    ),
    "an object in an object of the same key": (
        [
            calls(call("tide", '{"a": {"a": ', 0, "a")),
            *[calls(call(None, part, 0)) for part in ('{"a": 1}', "}", "}")],
        ],
        [("tide", {"a": {"a": {"a": 1}}})],
    ),
    "sent again without an id": (
        [calls(call("find_berth", OSLO, 0), finish="tool_calls")] * 2,
        [OSLO_CALL],
    ),
}

WHOLE = {
    "one call": ([call("find_berth", OSLO, 0, "a", type="function")], [OSLO_CALL]),
    "index missing": (
        [call("find_berth", OSLO, id="a"), call("find_berth", BERGEN, id="b")],
        [OSLO_CALL, BERGEN_CALL],
    ),
    "all on index 0": (
        [call("find_berth", OSLO, 0, "a"), call("find_berth", BERGEN, 0, "b")],
        [OSLO_CALL, BERGEN_CALL],
    ),
    "id missing": ([call("find_berth", OSLO, 0), call("tide", "", 1)], [OSLO_CALL, TIDE_CALL]),
    "id empty": ([call("tide", "{}", 0, "")], [TIDE_CALL]),
    "id the word null": ([call("tide", "{}", 0, "null")], [TIDE_CALL]),
    "index and id missing": (
        [call("find_berth", OSLO), call("find_berth", BERGEN)],
        [OSLO_CALL, BERGEN_CALL],
    ),
    "the same call twice": (
        [call("find_berth", OSLO, 0, "a"), call("find_berth", OSLO, 1, "b")],
        [OSLO_CALL, OSLO_CALL],
    ),
    "arguments null": ([call("tide", None, 0, "a")], [TIDE_CALL]),
    "arguments empty": ([call("tide", "", 0, "a")], [TIDE_CALL]),
    "arguments absent": ([call("tide", ..., 0, "a")], [TIDE_CALL]),
    "arguments the word null": ([call("tide", "null", 0, "a")], [TIDE_CALL]),
    "arguments an object": ([call("find_berth", {"harbour": "Oslo"}, 0, "a")], [OSLO_CALL]),
    "arguments encoded twice": ([call("find_berth", json.dumps(OSLO), 0, "a")], [OSLO_CALL]),
    "name with the opener": ([call("<tool_call>find_berth", OSLO, 0, "a")], [OSLO_CALL]),
    "one id on two indexes": (
        [call("find_berth", OSLO, 0, "a"), call("find_berth", BERGEN, 1, "a")],
        [OSLO_CALL, BERGEN_CALL],
    ),
    "one id on two calls without index": (
        [call("find_berth", OSLO, id="a"), call("find_berth", BERGEN, id="a")],
        [OSLO_CALL, BERGEN_CALL],
    ),
    "one id on two equal calls without index": (
        [call("find_berth", OSLO, id="a"), call("find_berth", OSLO, id="a")],
        [OSLO_CALL, OSLO_CALL],
    ),
    "no arguments, no ids, no index": ([call("tide"), call("tide")], [TIDE_CALL, TIDE_CALL]),
    "first without arguments, then with": (
        [call("find_berth", "", id="a"), call("find_berth", OSLO, id="b")],
        [("find_berth", {}), OSLO_CALL],
    ),
    "null among the calls": ([None, call("tide", "", 0, "a")], [TIDE_CALL]),
}

CUT = ['{"harbour": "Os', '{"harbour": "Oslo"', '{"harbour":', "{", '"{', "nul", '{"a": 1} x', "[]"]


def outcome(completion):
    return [(made.name, made.parsed) for made in completion.tool_calls]


def shapes(table):
    return pytest.mark.parametrize(("sent", "expected"), table.values(), ids=table)


@shapes(STREAMED)
def test_every_streamed_shape_becomes_the_calls_that_were_meant(sent, expected):
    _, completion = assemble_stream(*sent, finishes("tool_calls"), tools=SCHEMAS)

    assert outcome(completion) == expected


@shapes(WHOLE)
def test_every_complete_shape_becomes_the_calls_that_were_meant(sent, expected):
    completion = assemble_body(response_body({"tool_calls": sent}, "tool_calls"), tools=SCHEMAS)

    assert outcome(completion) == expected


@shapes(STREAMED)
def test_every_call_has_an_id_of_its_own(sent, expected):
    _, completion = assemble_stream(*sent, finishes("tool_calls"))
    ids = [made.id for made in completion.tool_calls]

    assert all(ids)
    assert "null" not in ids
    assert len(set(ids)) == len(ids)


@shapes(WHOLE)
def test_every_complete_call_has_an_id_of_its_own(sent, expected):
    completion = assemble_body(response_body({"tool_calls": sent}, "tool_calls"))
    ids = [made.id for made in completion.tool_calls]

    assert all(ids)
    assert len(set(ids)) == len(ids)


@shapes(STREAMED)
def test_increments_add_up_to_the_calls_with_name_and_id_once(sent, expected):
    assert_joined(*assemble_stream(*sent, finishes("tool_calls")))


@shapes(STREAMED)
@pytest.mark.parametrize("form", ["A", "B", "C"])
def test_the_form_of_the_usage_changes_no_call(sent, expected, form):
    _, plain = assemble_stream(*sent, finishes("tool_calls"))
    _, completion = assemble_stream(*sent, finishes("tool_calls"), uses(form, reason="tool_calls"))

    assert outcome(completion) == outcome(plain)


@pytest.mark.parametrize("finish", ["length", "error", None])
@pytest.mark.parametrize("arguments", [OSLO, "", *CUT])
def test_a_call_of_a_cut_response_does_not_run(finish, arguments):
    accumulator = ToolCallAccumulator()
    accumulator.feed([ToolCallDelta(0, "a", "find_berth", arguments)])
    accumulator.flush(finish)
    (made,) = accumulator.build(finish)

    assert made.parsed is None
    assert made.error


@pytest.mark.parametrize("arguments", [OSLO, "", *CUT])
def test_a_call_does_not_run_if_the_tokens_ran_out(arguments):
    sent = call("find_berth", arguments, 0, "a")
    _, streamed = assemble_stream(calls(sent), finishes("length"))
    complete = assemble_body(response_body({"tool_calls": [sent]}, "length"))

    for made in (*streamed.tool_calls, *complete.tool_calls):
        assert made.parsed is None
        assert made.error


@pytest.mark.parametrize("reason", ["error", None])
def test_no_call_comes_out_of_a_response_that_failed(reason):
    with pytest.raises(APIError):
        assemble_stream(calls(call("find_berth", OSLO, 0, "a")), finishes(reason), done=False)


@pytest.mark.parametrize("arguments", CUT)
@pytest.mark.parametrize("finish", ["tool_calls", "stop"])
def test_a_call_with_cut_arguments_does_not_run(arguments, finish):
    _, completion = assemble_stream(calls(call("find_berth", arguments, 0, "a")), finishes(finish))
    (made,) = completion.tool_calls

    assert made.parsed is None
    assert made.error


@pytest.mark.parametrize("arguments", ["", " "])
def test_an_empty_fragment_makes_no_call(arguments):
    _, completion = assemble_stream(
        says("Pier two."), calls(call(None, arguments, 0)), finishes("stop")
    )

    assert completion.tool_calls == []


def test_cut_arguments_do_not_stop_another_call():
    _, completion = assemble_stream(
        calls(call("find_berth", OSLO, 0, "a"), call("find_berth", '{"har', 1, "b")),
        finishes("tool_calls"),
    )

    assert outcome(completion) == [OSLO_CALL, ("find_berth", None)]


@pytest.mark.parametrize("arguments", ['{"harbour": "Os', "", " ", "null", '"{}"'])
def test_arguments_of_a_cut_response_stay_as_they_came(arguments):
    sent = call("find_berth", arguments, 0, "a")
    deltas, completion = assemble_stream(calls(sent), finishes("length"))
    complete = assemble_body(response_body({"tool_calls": [sent]}, "length"))

    assert completion.tool_calls[0].arguments == arguments
    assert complete.tool_calls[0].arguments == arguments
    assert_joined(deltas, completion)


def test_a_call_without_a_name_does_not_run():
    _, completion = assemble_stream(calls(call(None, OSLO, 0, "a")), finishes("tool_calls"))

    assert outcome(completion) == [("", None)]
    assert completion.tool_calls[0].error


@pytest.mark.parametrize(
    "arguments",
    [
        *('{"a": NaN}', '{"a": Infinity}', '{"a": -Infinity}', '{"a": 1e999}', '{"a": [-1e999]}'),
        '{"a": %s}' % ("9" * 5_000),
    ],
    ids=lambda arguments: arguments[:16],
)
def test_what_json_does_not_have_is_no_argument(arguments):
    _, completion = assemble_stream(calls(call("tide", arguments, 0, "a")), finishes("tool_calls"))

    assert outcome(completion) == [("tide", None)]


def test_arguments_nested_without_end_of_a_cut_response_do_not_run():
    sent = call("tide", '{"a": ' + "[" * 100_000, 0, "a")
    _, completion = assemble_stream(calls(sent), finishes("length"))

    assert outcome(completion) == [("tide", None)]


def test_arguments_nested_without_end_do_not_run():
    sent = call("tide", '{"a": ' + "[" * 100_000, 0, "a")
    _, completion = assemble_stream(calls(sent), finishes("tool_calls"))

    assert outcome(completion) == [("tide", None)]


@pytest.mark.parametrize(
    "arguments",
    ['{ "b":1,\n "a" : [1,2 ] }', '{"ß":"\\u00e4"}', '{"a":1}\n', '{"a":"line\nline"}', "{}"],
)
def test_arguments_stay_byte_for_byte_as_they_came(arguments):
    _, completion = assemble_stream(
        calls(call("tide", arguments[:3], 0, "a")),
        calls(call(None, arguments[3:], 0)),
        finishes("tool_calls"),
    )

    assert completion.tool_calls[0].arguments == arguments
    assert completion.tool_calls[0].parsed == json.loads(arguments, strict=False)


def test_arguments_go_out_while_they_come():
    deltas, _ = assemble_stream(
        calls(call("find_berth", "", 0, "a")), *per_character(OSLO, index=0), finishes("tool_calls")
    )

    assert [part.arguments for d in deltas for part in d.tool_calls if part.arguments] == list(OSLO)


def test_name_and_id_go_out_with_the_first_delta():
    deltas, _ = assemble_stream(
        calls(call("find_berth", "", 0, "a")), *per_character(OSLO, index=0), finishes("tool_calls")
    )
    first = deltas[0].tool_calls[0]

    assert (first.index, first.id, first.name) == (0, "a", "find_berth")


@pytest.mark.parametrize("finish", ["stop", "tool_calls"])
def test_calls_count_whatever_the_finish_reason_says(finish):
    _, completion = assemble_stream(calls(call("tide", "", 0, "a")), finishes(finish))

    assert outcome(completion) == [TIDE_CALL]


def test_a_stream_with_calls_that_is_done_needs_no_finish_reason():
    _, completion = assemble_stream(calls(call("find_berth", OSLO, 0, "a")))

    assert completion.finish_reason == "tool_calls"
    assert outcome(completion) == [OSLO_CALL]


@pytest.mark.parametrize("arguments", CUT)
def test_a_stream_with_a_cut_call_that_is_done_needs_one(arguments):
    sent = call("find_berth", OSLO, 0, "a"), call("find_berth", arguments, 1, "b")

    with pytest.raises(StreamInterruptedError):
        assemble_stream(calls(*sent))


def test_a_complete_message_with_calls_needs_no_finish_reason():
    completion = assemble_body(
        response_body({"tool_calls": [call("find_berth", OSLO, 0, "a")]}, None)
    )

    assert completion.finish_reason == "tool_calls"
    assert outcome(completion) == [OSLO_CALL]


@pytest.mark.parametrize("listed", [None, []])
def test_a_finish_reason_of_tool_calls_without_any_is_a_stop(listed):
    _, completion = assemble_stream(
        says("There is no wind."), chunk({"tool_calls": listed}, "tool_calls")
    )

    assert (completion.finish_reason, completion.tool_calls) == ("stop", [])


@shapes(STREAMED)
def test_a_stream_of_calls_may_be_cut_into_any_reads(sent, expected):
    data = event_stream(*sent, finishes("tool_calls"))
    _, plain = assemble(data)
    deltas, completion = assemble([data[at : at + 7] for at in range(0, len(data), 7)])

    assert facts(completion) == facts(plain)
    assert len(joined(deltas)[2]) == len(plain.tool_calls)
