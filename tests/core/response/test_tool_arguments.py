"""Arguments of tool calls that are not JSON, and of which nothing was cut: the repair `tool_arguments`."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from glm_openrouter import REPAIRS, StreamInterruptedError
from glm_openrouter._json.loose import tighten
from glm_openrouter._json.prefix import StrictPrefix
from support.parsing import assemble_body, assemble_stream, assert_joined
from support.wire import call, calls, chunk, finishes, response_body

READ = {
    "a comma too many": ('{"harbour": "Oslo",}', {"harbour": "Oslo"}),
    "commas too many inside": ('{"a": [1, [2,], {"b": 3,},],}', {"a": [1, [2], {"b": 3}]}),
    "a fence": ('```json\n{"harbour": "Oslo"}\n```', {"harbour": "Oslo"}),
    "a fence without a language": ('\n```\n{"harbour": "Oslo"}\n```\n', {"harbour": "Oslo"}),
    "a fence around a literal": ("```python\n{'ferry': True}\n```", {"ferry": True}),
    "Python quotes": ("{'harbour': 'Oslo', 'pier': \"A\"}", {"harbour": "Oslo", "pier": "A"}),
    "Python values": ('{"a": True, "b": False, "c": None}', {"a": True, "b": False, "c": None}),
    "Python and JSON values": ("{'a': true, 'b': None}", {"a": True, "b": None}),
    "quotes in quotes": ("{'a': 'say \"hi\"', \"b\": 'it\\'s'}", {"a": 'say "hi"', "b": "it's"}),
    "an escaped quote": ('{"a": "it\\\'s"}', {"a": "it's"}),
    "escapes": ("{'a': '\\x41\\u0042\\t\\v\\0\\\\'}", {"a": "AB\t\v\0\\"}),
    "a continued line": ("{'a': 'one \\\ntwo'}", {"a": "one two"}),
    "a line break in quotes": ("{'a': 'one\ntwo'}", {"a": "one\ntwo"}),
    "keys without quotes": ("{harbour: 'Oslo', $pier_2: 1}", {"harbour": "Oslo", "$pier_2": 1}),
    "comments": ('{"a": 1, // one\n /* two */ "b": 2 # three\n}', {"a": 1, "b": 2}),
    "numbers": (
        "{a: +1, b: .5, c: 5., d: -.5e-3, e: 0x1F, f: -0xA, g: 1e3}",
        {"a": 1, "b": 0.5, "c": 5.0, "d": -0.0005, "e": 31, "f": -10, "g": 1000.0},
    ),
    "nothing but a comment": ("{ /* none */ }", {}),
}
"""What has one meaning -> the meaning."""

UNREADABLE = {
    "a brace too few": '{"harbour": "Oslo"',
    "a quote too few": "{'harbour': 'Oslo}",
    "a fence that does not close": '```json\n{"harbour": "Oslo"}',
    "a comment that does not close": '{"a": 1, /* }',
    "text before": 'I call it with {"harbour": "Oslo"}',
    "text after": '{"harbour": "Oslo"} to find a berth',
    "a fence and text": '```json\n{"harbour": "Oslo"}\n``` there',
    "two objects": '{"harbour": "Oslo"}{"harbour": "Bergen"}',
    "two fences": '```\n{"a": 1}\n```\n```\n{"a": 2}\n```',
    "nothing of it": "Oslo, please",
    "no comma": '{"a": 1 "b": 2}',
    "only a comma": "{,}",
    "no value": '{"a":,}',
    "a name for a value": "{'harbour': Oslo}",
    "undefined": "{'a': undefined}",
    "a call for a value": "{'a': date(2026, 1, 1)}",
    "a key that is a value of Python": "{True: 1}",
    "a key that is a number": "{1: 2}",
    "a tuple": "{'a': (1, 2)}",
    "a set": "{'a', 'b'}",
    "a list": "['a']",
    "a quoted apostrophe that ends the text": "{'a': 'it's'}",
    "an escape that JSON5 and Python read in two ways": "{'a': '\\d'}",
    "a slash that they read in two ways": "{'a': '\\/'}",
    "a prefix": "{'a': r'x'}",
    "joined texts": "{'a': 'x' 'y'}",
    "a key twice": "{'a': 1, 'a': 2}",
    "a key twice, once escaped": "{'a': 1, '\\x61': 2}",
    "NaN": "{'a': NaN}",
    "infinity": "{'a': -Infinity}",
    "a number that becomes infinity": "{'a': 1e999}",
    "a leading zero": "{'a': 007}",
    "two signs": "{'a': --1}",
}


def of(arguments: str, finish: str = "tool_calls", **options):
    delta = {"tool_calls": [call("find_berth", arguments, 0, "a")]}
    (made,) = assemble_body(response_body(delta, finish), **options).tool_calls
    return made


@pytest.mark.parametrize("shape", READ)
def test_arguments_that_have_one_meaning_are_read(shape: str) -> None:
    arguments, meaning = READ[shape]
    made = of(arguments)
    assert (made.parsed, made.error) == (meaning, None)
    assert json.loads(made.arguments, strict=False) == meaning


@pytest.mark.parametrize("shape", UNREADABLE)
def test_arguments_that_have_none_or_two_make_no_call(shape: str) -> None:
    made = of(UNREADABLE[shape])
    assert made.parsed is None
    assert made.arguments == UNREADABLE[shape]
    assert str(made.error).startswith("The arguments are not a complete JSON object: ")
    assert not made.cut


@pytest.mark.parametrize("shape", [*READ, *UNREADABLE])
@pytest.mark.parametrize("size", [1, 7])
def test_a_stream_adds_up_to_the_repaired_call(shape: str, size: int) -> None:
    arguments = READ[shape][0] if shape in READ else UNREADABLE[shape]
    parts = [arguments[at : at + size] for at in range(0, len(arguments), size)]
    deltas, completion = assemble_stream(
        calls(call("find_berth", "", 0, "a")),
        *(calls(call(None, part, 0)) for part in parts),
        finishes("tool_calls"),
    )
    assert_joined(deltas, completion)
    (made,) = completion.tool_calls
    assert (made.parsed, made.arguments) == (of(arguments).parsed, of(arguments).arguments)


@pytest.mark.parametrize("reason", ["length", "content_filter"])
def test_the_arguments_of_a_cut_response_are_not_repaired(reason: str) -> None:
    made = of('{"harbour": "Oslo",}', reason)
    assert (made.parsed, made.cut) == (None, True)
    assert made.arguments == '{"harbour": "Oslo",}'


def test_a_response_without_an_end_repairs_no_arguments() -> None:
    parts = [chunk({"tool_calls": [call("find_berth", "{'harbour': 'Oslo'}", 0, "a")]})]
    with pytest.raises(StreamInterruptedError):
        assemble_stream(*parts)


@pytest.mark.parametrize("repairs", [(), set(REPAIRS) - {"tool_arguments"}], ids=["none", "others"])
def test_the_repair_of_arguments_can_be_switched_off(repairs: set[str]) -> None:
    made = of('{"harbour": "Oslo",}', repairs=repairs)
    assert (made.parsed, made.arguments) == (None, '{"harbour": "Oslo",}')


def test_a_call_beside_a_malformed_one_may_run() -> None:
    good, bad = call("tide", "{}", 0, "a"), call("find_berth", "Oslo", 1, "b")
    made = assemble_body(response_body({"tool_calls": [good, bad]}, "tool_calls")).tool_calls
    assert [made_call.parsed for made_call in made] == [{}, None]


def test_arguments_that_are_json_go_out_as_they_come() -> None:
    arguments = '{"a": "it\'s \\u00e9", "b": [1.5e3, true, null , {}], "c": -1}'
    prefix, returned = StrictPrefix(), ""
    for at, letter in enumerate(arguments):
        returned += prefix.feed(letter)
        # Held back are a word, a number or a comma, until it is clear what follows.
        assert len(arguments[: at + 1]) - len(returned) <= len("1.5e3, ")
    assert returned == arguments


TEXTS = st.text(st.sampled_from("a\"'\\/\n{}[],:#* é€"), max_size=8)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
OBJECTS = st.dictionaries(TEXTS, VALUES, max_size=4)


@st.composite
def written_objects(draw: st.DrawFn) -> tuple[dict, str]:
    """Draw an object, and the text of it in JSON, in JSON5, as a literal, or in a fence."""
    value = draw(OBJECTS)
    indent = draw(st.sampled_from([None, 1]))
    text = draw(st.sampled_from([json.dumps(value, indent=indent), repr(value)]))
    if value and draw(st.booleans()):
        text = text[:-1] + draw(st.sampled_from([",}", " , }", ", /* x */}", " // x\n}"]))
    fence = draw(st.sampled_from(["{}", "```json\n{}\n```", "```\n{}\n``` "]))
    return value, fence.replace("{}", text)


@given(written_objects())
def test_what_is_read_is_what_was_written(written: tuple[dict, str]) -> None:
    value, text = written
    tight = tighten(text)
    # Python writes texts with both quotes and a backslash in ways that JSON5 reads differently.
    assert tight is None or json.loads(tight) == value


@given(written_objects(), st.data())
@example(({}, "{'a': {'b': 1}}"), None)
def test_no_beginning_of_a_text_is_read_as_an_object(
    written: tuple[dict, str], data: st.DataObject | None
) -> None:
    text = written[1].rstrip()
    ends = range(len(text)) if data is None else [data.draw(st.integers(0, len(text) - 1))]
    assert [text[:end] for end in ends if tighten(text[:end]) is not None] == []


@given(st.text(st.sampled_from("ab1-+.eEx0\"'\\/ \n{}[],:#*TrueNonfals`"), max_size=30), st.data())
def test_what_has_gone_out_is_the_beginning_of_what_is_read(text: str, data: st.DataObject) -> None:
    text = "{" + text + data.draw(st.sampled_from(["", "}", "1}", "'a':1}", '"a":True}']))
    prefix, returned, rest = StrictPrefix(), "", text
    while rest:
        size = data.draw(st.integers(1, 9))
        returned, rest = returned + prefix.feed(rest[:size]), rest[size:]
    assert text.startswith(returned)
    assert (tighten(text) or text).startswith(returned)
