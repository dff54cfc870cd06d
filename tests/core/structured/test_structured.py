"""The ladder of structured output: what is asked for, how an answer is read, and what it is while it comes."""

import json
import re
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from glm_openrouter import InvalidRequestError, StructuredOutputError
from glm_openrouter.request.instructions import format_instruction
from glm_openrouter.structured import ModelAnswer, OutputSpec, ask_until_valid, drive

PERSON: dict[str, Any] = {
    "title": "Person",
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
    "required": ["name", "age"],
}
ADA = {"name": "Ada", "age": 36}
WRITTEN = json.dumps(ADA)

FORMS = {
    "bare": WRITTEN,
    "indented": json.dumps(ADA, indent=2),
    "fence": f"```json\n{WRITTEN}\n```",
    "fence without a language": f"```\n{WRITTEN}\n```",
    "fence in one line": f"```json {WRITTEN} ```",
    "prose and fence": f"Sure!\n\n```json\n{WRITTEN}\n```\nAnything else?",
    "between sentences": f"She is:\n\n{WRITTEN}\n\nI think.",
    "box": f"<|begin_of_box|>{WRITTEN}<|end_of_box|>",
    "after thinking": f"<think>Is it {{}}? No.</think>\n{WRITTEN}",
    "after thinking that has no beginning": f'It may be {{"name": "Bob", "age": 1}}.</think>{WRITTEN}',
    "encoded": json.dumps(WRITTEN),
    "after a value that does not fit": f'{{"name": "Bob"}}\nNo:\n{WRITTEN}',
    "before a value that does not fit": f'{WRITTEN}\nis not\n{{"name": "Bob"}}',
    "after one in a sentence": f'Not {{"name": "Bob", "age": 1}}, but:\n{WRITTEN}',
    "twice": f"{WRITTEN}\nI repeat:\n```\n{WRITTEN}\n```",
    "after a list": f"See [1].\n{WRITTEN}",
    "after braces that are no JSON": f"The set {{a, b}} has\n{WRITTEN}",
    "in several fences": f'```json\n{{"name": "Bob"}}\n```\nor rather\n```json\n{WRITTEN}\n```',
    "after newlines": f"\n\n{WRITTEN}\n",
}


def spec(**options: Any) -> OutputSpec:
    return OutputSpec(PERSON, **options)


@pytest.mark.parametrize("form", FORMS)
def test_an_answer_is_read_in_every_form(form: str) -> None:
    assert spec().read(ModelAnswer(FORMS[form])) == ADA


@pytest.mark.parametrize("form", FORMS)
def test_the_arguments_of_a_call_are_read_in_every_form(form: str) -> None:
    assert spec().read(ModelAnswer("", [("Person", FORMS[form])])) == ADA


def test_arguments_may_be_an_object() -> None:
    assert spec().read(ModelAnswer("Here you are.", [("Person", ADA)])) == ADA


def test_a_call_that_does_not_fit_leaves_the_text_to_read() -> None:
    assert spec().read(ModelAnswer(WRITTEN, [("Person", {})])) == ADA


@pytest.mark.parametrize(
    "text",
    [
        '{"name": "Ada", "age": ',
        '{"people": [{"name": "Ada", "age": 36}',
        '[{"name": "Ada", "age": 36}, {"name": "Bob"',
        '{"person": {"name": "Ada", "age": 36}, "happy": True}',
        "",
        "I would rather not.",
        '{"name": "Ada", "age": NaN}',
        "[" * 100_000,
        '{"a":' * 100_000,
    ],
    ids=lambda text: text[:40] or "empty",
)
def test_of_broken_json_nothing_is_taken(text: str) -> None:
    with pytest.raises(StructuredOutputError, match=r"no complete JSON|required|not of type"):
        spec().read(ModelAnswer(text))


QUOTED = {
    "in a sentence": f"The page wants me to say {WRITTEN}. I will not.",
    "at the end of a sentence": f"I must not say {WRITTEN}",
    "at the beginning of one": f"{WRITTEN} is what the page wants.",
    "in inline code": f"It says `{WRITTEN}`.",
    "in a list": f"- {WRITTEN}",
    "in a quote": f"> {WRITTEN}",
    "in quotation marks": f'"{WRITTEN}"',
}


@pytest.mark.parametrize("form", QUOTED)
@pytest.mark.parametrize("called", [False, True])
def test_json_that_a_sentence_quotes_is_no_answer(form: str, called: bool) -> None:
    answer = ModelAnswer("", [("Person", QUOTED[form])]) if called else ModelAnswer(QUOTED[form])
    with pytest.raises(StructuredOutputError, match="no complete JSON on lines of its own"):
        spec().read(answer)


@given(
    st.text(st.characters(exclude_characters='`<{}[]"')),
    st.text(st.characters(exclude_characters='`<{}[]"')),
)
def test_text_on_the_line_of_a_value_makes_it_a_quote(before: str, after: str) -> None:
    text = f"{before}{WRITTEN}{after}"
    alone = not before.rpartition("\n")[2].strip() and not after.partition("\n")[0].strip()
    assume(not alone)
    with pytest.raises(StructuredOutputError):
        spec().read(ModelAnswer(text))


@pytest.mark.parametrize("form", [form for form in QUOTED if not QUOTED[form].startswith("{")])
def test_json_that_a_sentence_quotes_is_not_seen_while_it_comes(form: str) -> None:
    assert spec().partials().feed_text(QUOTED[form]) == []


def test_of_several_values_that_fit_none_is_taken() -> None:
    other = json.dumps({"name": "Bob", "age": 1})
    with pytest.raises(StructuredOutputError, match="several values"):
        spec().read(ModelAnswer(f"The page says\n{other}\nbut I say\n{WRITTEN}"))


def test_a_quoted_answer_is_asked_for_again() -> None:
    (value, _), turns = talk([ModelAnswer(QUOTED["in a sentence"]), ModelAnswer(WRITTEN)])
    assert (value, len(turns)) == (ADA, 2)


def test_a_number_that_would_be_infinite_is_no_answer() -> None:
    height = {"type": "object", "properties": {"m": {"type": "number"}}, "required": ["m"]}
    assert OutputSpec(height).read(ModelAnswer('{"m": 1e300}')) == {"m": 1e300}
    with pytest.raises(StructuredOutputError):
        OutputSpec(height).read(ModelAnswer('{"m": 1e999}'))


def test_a_value_that_has_something_of_the_schema_comes_first() -> None:
    """Without required keys any object would fit."""
    loose = OutputSpec({**PERSON, "required": []})
    assert loose.read(ModelAnswer(f'Unlike\n{{"x": 1}}\n{WRITTEN}')) == ADA


def test_strings_may_hold_fences_and_line_breaks() -> None:
    code = {"name": "```python\nprint()\n```", "age": 1}
    assert spec().read(ModelAnswer(f"```json\n{json.dumps(code)}\n```")) == code
    assert spec().read(ModelAnswer('{"name": "A\nda", "age": 1}')) == {"name": "A\nda", "age": 1}


def test_a_list_may_be_the_answer() -> None:
    people = OutputSpec({"title": "People", "type": "array", "items": PERSON})
    assert people.read(ModelAnswer(f"Two:\n[{WRITTEN}, {WRITTEN}]")) == [ADA, ADA]


def test_any_object_may_be_the_answer() -> None:
    assert OutputSpec(None, method="json_mode").read(ModelAnswer('```json\n{"a": 1}\n```')) == {
        "a": 1
    }


def test_the_error_says_where_the_answer_does_not_fit() -> None:
    with pytest.raises(StructuredOutputError, match=r"\$\.age: 'young' is not of type 'integer'"):
        spec().read(ModelAnswer('{"name": "Ada", "age": "young"}'))


def test_an_answer_that_was_cut_says_so() -> None:
    with pytest.raises(StructuredOutputError, match="max_tokens"):
        spec().read(ModelAnswer('{"name": "Ad', cut=True))


def test_a_call_of_another_tool_is_named() -> None:
    with pytest.raises(StructuredOutputError, match="'search'"):
        spec().read(ModelAnswer("", [("search", {"q": "Ada"})]))


@pytest.mark.parametrize(
    ("schema", "options", "message"),
    [
        (PERSON, {"method": "magic"}, "method must be one of"),
        (None, {"method": "json_schema"}, "needs a schema"),
        ({"title": "L", "type": "array"}, {"method": "function_calling"}, "takes an object"),
        ({"title": "X", "type": "objekt"}, {}, "Not a JSON schema"),
        ({"name": "str", "age": "int"}, {}, "allows anything"),
    ],
)
def test_what_cannot_be_asked_for_is_an_error(
    schema: Any, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidRequestError, match=message):
        OutputSpec(schema, **options)


def test_each_method_asks_in_its_own_way() -> None:
    specs = {
        method: spec(method=method)
        for method in ("json_schema", "function_calling", "json_mode", "prompt")
    }
    arguments = {method: each.arguments for method, each in specs.items()}
    instructions = {method: each.instruction for method, each in specs.items()}
    assert arguments["json_schema"] == {
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "Person", "schema": PERSON},
        }
    }
    tool = arguments["function_calling"]["tools"][0]["function"]
    assert (tool["name"], tool["parameters"]) == ("Person", PERSON)
    assert "`Person`" in instructions["function_calling"]
    assert arguments["json_mode"]["response_format"] == {"type": "json_object"}
    assert json.dumps(PERSON) in instructions["json_mode"]
    assert (arguments["prompt"], instructions["prompt"]) == ({}, instructions["json_mode"])
    assert not any("tool_choice" in given for given in arguments.values())


def test_strict_closes_every_object() -> None:
    team = {
        "title": "Team",
        "type": "object",
        "properties": {"lead": {"$ref": "#/$defs/Person"}},
        "$defs": {"Person": PERSON},
    }
    spec = OutputSpec(team, strict=True).arguments["response_format"]["json_schema"]
    assert spec["strict"] is True
    assert spec["schema"]["additionalProperties"] is False
    assert spec["schema"]["$defs"]["Person"]["additionalProperties"] is False
    assert "additionalProperties" not in team


@pytest.mark.parametrize("title", ["Page[Person]", "größe", "", "x" * 80, "[]", None])
def test_every_schema_has_a_name_that_openrouter_takes(title: str | None) -> None:
    name = OutputSpec({**PERSON, "title": title} if title is not None else {"type": "object"}).name
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,64}", name)


def test_a_recursive_schema_can_be_a_tool() -> None:
    node = {
        "type": "object",
        "properties": {"children": {"type": "array", "items": {"$ref": "#/$defs/Node"}}},
    }
    schema = {"title": "Node", "$defs": {"Node": node}, "$ref": "#/$defs/Node"}
    tree = OutputSpec(schema, method="function_calling")
    assert tree.arguments["tools"][0]["function"]["parameters"]["type"] == "object"
    assert tree.read(ModelAnswer('{"children": [{"children": []}]}')) == {
        "children": [{"children": []}]
    }


def test_only_a_format_with_a_schema_is_said_in_words() -> None:
    wanted = spec().arguments["response_format"]
    assert json.dumps(PERSON) in str(format_instruction(wanted, with_tools=False))
    for other in (None, {"type": "json_object"}, {"type": "text"}, {"type": "json_schema"}, "text"):
        assert format_instruction(other, with_tools=False) is None


def talk(answers: list[ModelAnswer], **options: Any) -> tuple[Any, list[list[str]]]:
    """Hold the conversation with scripted answers; return its result and the messages of each turn."""
    turns: list[list[str]] = []
    script = iter(answers)

    def ask(messages: list[str]) -> ModelAnswer:
        turns.append(messages)
        return next(script)

    conversation = ask_until_valid(
        spec(**options),
        ["Who is Ada?"],
        read=lambda answer: answer,
        correction_messages=lambda answer, words: [answer.text, words],
    )
    return drive(conversation, ask(next(conversation)), ask), turns


def test_a_good_answer_is_asked_for_once() -> None:
    (value, answer), turns = talk([ModelAnswer(WRITTEN)])
    assert (value, answer) == (ADA, ModelAnswer(WRITTEN))
    assert turns == [["Who is Ada?"]]


def test_the_model_sees_its_answer_and_what_was_wrong() -> None:
    (value, _), turns = talk([ModelAnswer('{"name": "Ada"}'), ModelAnswer(WRITTEN)])
    assert value == ADA
    assert turns[1][:2] == ["Who is Ada?", '{"name": "Ada"}']
    assert "'age' is a required property" in turns[1][2]


@pytest.mark.parametrize(
    ("answers", "turns"),
    [
        ([ModelAnswer("No."), ModelAnswer("No!")], 2),
        ([ModelAnswer('{"na', cut=True)], 1),
        ([ModelAnswer("", [("search", {})])], 1),
    ],
    ids=["never fits", "cut", "another tool"],
)
def test_an_answer_that_does_not_fit_is_an_error_that_holds_it(
    answers: list[ModelAnswer], turns: int
) -> None:
    spare = ModelAnswer(WRITTEN)
    with pytest.raises(StructuredOutputError) as caught:
        talk([*answers, spare] if turns == 1 else answers)
    assert caught.value.raw == answers[-1]


json_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-1000, 10**6) | st.floats(-9, 9) | json_text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(json_text, inner, max_size=3),
    max_leaves=8,
)
objects = st.dictionaries(json_text, json_values, min_size=1, max_size=4)
wrappings = st.sampled_from(
    ["%s", "<|begin_of_box|>%s", "```json\n%s\n```", "Sure [1] {a}:\n%s", "<think>{}</think>%s"]
)


def _grows(before: Any, after: Any) -> bool:
    """Return whether `after` is `before` or more of it."""
    if isinstance(before, dict):
        return isinstance(after, dict) and all(
            key in after and _grows(value, after[key]) for key, value in before.items()
        )
    if isinstance(before, list):
        return isinstance(after, list) and all(map(_grows, before, after)) and len(before) <= len(after)  # fmt: skip
    if isinstance(before, str):
        return isinstance(after, str) and after.startswith(before)
    return before == after


@given(objects, wrappings, st.lists(st.integers(0, 400)), st.booleans())
def test_partial_values_only_grow_wherever_the_stream_is_cut(
    value: dict[str, Any], wrapping: str, cuts: list[int], called: bool
) -> None:
    text = json.dumps(value, ensure_ascii=False)
    text = text if called else wrapping % text
    edges = [0, *sorted(cut % (len(text) + 1) for cut in cuts), len(text)]
    pieces = [text[start:end] for start, end in pairwise(edges)]
    partials = spec().partials()
    seen = [
        grown
        for number, piece in enumerate(pieces)
        for grown in (
            partials.feed_call(0, None if number else "Person", piece)
            if called
            else partials.feed_text(piece)
        )
    ]
    assert all(_grows(*pair) for pair in zip([{}, *seen], [*seen, value], strict=True))


@given(objects, st.booleans())
def test_the_last_partial_value_is_the_whole(value: dict[str, Any], encoded: bool) -> None:
    text = json.dumps(value)
    text = json.dumps(text) if encoded else text
    assume(
        len(text) < 512
    )  # of a longer one the end may be missing, and comes with the finished answer
    partials = spec().partials()
    seen = [grown for letter in text for grown in partials.feed_text(letter)]
    assert seen[-1] == value


def test_a_number_is_not_seen_before_it_is_whole() -> None:
    partials = spec().partials()
    pieces = ['{"name": "Ada", "age": ', "3", "6", "}"]
    assert [grown for piece in pieces for grown in partials.feed_text(piece)] == [
        {"name": "Ada"},
        ADA,
    ]


def test_other_calls_have_no_part_in_it() -> None:
    partials = spec().partials()
    assert partials.feed_call(0, "search", '{"name": "x"}') == []
    assert partials.feed_call(1, "Person", '{"name": "Ada"') == [{"name": "Ada"}]
    assert partials.feed_call(0, None, '{"name": "y"}') == []
    assert partials.feed_call(1, None, ', "age": 36}') == [ADA]
    assert partials.feed_text('{"name": "Bob"}') == []


def test_partial_values_of_a_long_answer_cost_no_more_for_each_piece() -> None:
    """Counted in values that are made: one for each piece would be the square of the length in work."""
    letters = "x" * 20_000
    partials = spec().partials()
    partials.feed_text('{"name": "')
    assert sum(len(partials.feed_text(letter)) for letter in letters) < 2_000
