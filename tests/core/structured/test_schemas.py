"""Schemas from elsewhere: nothing is fetched for them, and neither they nor the answers raise or take long."""

import json
import sys
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glm_openrouter import ChatRequest, GLMError, InvalidRequestError, StructuredOutputError
from glm_openrouter._json.schema import kinds_of
from glm_openrouter.structured import ModelAnswer, OutputSpec, check_schema, schema_check
from glm_openrouter.testing import json_reply
from glm_openrouter.testing.pytest_plugin import StartScript

DRAFT_4 = "http://json-schema.org/draft-04/schema#"
DRAFT_7 = "http://json-schema.org/draft-07/schema#"
LATEST = "https://json-schema.org/draft/2020-12/schema"

ELSEWHERE = {
    "a URL": {"$ref": "http://127.0.0.1:9/latest/meta-data"},
    "a file": {"$ref": "file:///etc/hostname"},
    "a part of a URL": {"$ref": "https://example.com/a.json#/$defs/a"},
    "in a property": {"type": "object", "properties": {"a": {"$ref": "http://127.0.0.1:9/"}}},
    "in definitions": {"type": "object", "$defs": {"a": {"$ref": "http://127.0.0.1:9/"}}},
    "deep inside": {"anyOf": [{"items": {"not": {"allOf": [{"$ref": "file:///etc/hostname"}]}}}]},
    "a dynamic one": {"type": "object", "$dynamicRef": "http://127.0.0.1:9/#a"},
    "beside an id": {"$id": "http://127.0.0.1:9/a", "type": "object", "items": {"$ref": "b"}},
    "an id inside": {"items": {"$id": "file:///etc/", "items": {"$ref": "hostname"}}},
    "of draft 7": {"$schema": DRAFT_7, "items": [{"$ref": "http://127.0.0.1:9/"}]},
    "of draft 4": {"$schema": DRAFT_4, "id": "file:///etc/", "items": {"$ref": "hostname"}},
    "of no draft": {"$schema": "http://127.0.0.1:9/", "$ref": "http://127.0.0.1:9/a"},
    "a schema of schemas": {"$ref": LATEST},
    "where no schema should be": {"$ref": "#/x/y", "x": {"y": {"$ref": "http://127.0.0.1:9/"}}},
}
NOWHERE = {
    "missing": {"type": "object", "properties": {"a": {"$ref": "#/$defs/a"}}},
    "missing anchor": {"type": "object", "properties": {"a": {"$ref": "#a"}}},
    "text": {"$ref": "#/title", "title": "Text"},
    "no place": {"$ref": "#/required/a", "required": ["a"]},
    "itself": {"$ref": "#"},
    "each other": {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#"}}},
    "itself as a choice": {"anyOf": [{"type": "string"}, {"$ref": "#"}]},
    "itself as a condition": {"type": "object", "if": {"not": {"$ref": "#"}}},
}
TREE = {
    "type": "object",
    "properties": {"c": {"type": "array", "items": {"$ref": "#"}}},
    "additionalProperties": False,
}
RECURSIVE = {
    "at the root": TREE,
    "of draft 7": {**TREE, "$schema": DRAFT_7},
    "by its id": {
        **TREE,
        "$id": "http://127.0.0.1:9/tree",
        "properties": {"c": {"items": {"$ref": "http://127.0.0.1:9/tree"}}},
    },
    "in definitions": {"$ref": "#/$defs/a", "$defs": {"a": {"items": {"$ref": "#/$defs/a"}}}},
    "by an anchor": {**TREE, "$anchor": "a", "properties": {"c": {"items": {"$ref": "#a"}}}},
    "dynamically": {
        **TREE,
        "$dynamicAnchor": "a",
        "properties": {"c": {"items": {"$dynamicRef": "#a"}}},
    },
}

_opened: list[str] = []
_watching = [False]


def _note(event: str, arguments: tuple[Any, ...]) -> None:
    if _watching[0] and event in ("open", "socket.connect", "socket.getaddrinfo", "urllib.Request"):
        _opened.append(f"{event} {arguments}")


@pytest.fixture(scope="module")
def _hook() -> None:
    sys.addaudithook(_note)  # for good: Python takes none of them away


@pytest.fixture
def opened(_hook: None) -> Iterator[list[str]]:
    """All files and addresses that Python opens during the test."""
    check_schema({}, TREE)  # whatever is imported for it
    _opened.clear()
    _watching[0] = True
    yield _opened
    _watching[0] = False


@pytest.mark.parametrize("schema", ELSEWHERE.values(), ids=ELSEWHERE)
def test_a_reference_to_elsewhere_is_refused_and_opens_nothing(
    schema: dict[str, Any], opened: list[str]
) -> None:
    with pytest.raises(InvalidRequestError, match="nothing is fetched"):
        OutputSpec(schema)
    assert opened == []


@pytest.mark.parametrize("schema", RECURSIVE.values(), ids=RECURSIVE)
def test_a_recursive_schema_checks_answers_and_opens_nothing(
    schema: dict[str, Any], opened: list[str]
) -> None:
    spec = OutputSpec(schema, method="prompt")
    value = {"c": [{"c": []}, {}]}
    assert spec.read(ModelAnswer(json.dumps(value))) == value
    if "additionalProperties" in schema:
        with pytest.raises(StructuredOutputError, match=r"\$\.c\[1\]\.c\[0\]"):
            spec.read(ModelAnswer('{"c": [{}, {"c": [{"d": 1}]}]}'))
    assert opened == []


@pytest.mark.parametrize("schema", NOWHERE.values(), ids=NOWHERE)
def test_a_reference_to_nothing_or_in_a_circle_is_refused(schema: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequestError, match=r"is not in it|no schema|circle"):
        OutputSpec(schema, method="prompt")


def _nested(levels: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(levels):
        schema = {"type": "array", "items": schema}
    return schema


_CIRCLE: dict[str, Any] = {"type": "object"}
_CIRCLE["properties"] = {"a": _CIRCLE}


@pytest.mark.parametrize(
    "schema",
    [
        _nested(500),
        _nested(50_000),
        _CIRCLE,
        {"type": "object", "default": object()},
        {"type": "number", "minimum": float("nan")},
        {"type": "string", "pattern": "("},
        {"type": "string", "pattern": "((a{1000}){1000}){1000}"},
        {"type": "object", "$schema": 7},
        {"type": "object", "properties": {"a": {"$schema": DRAFT_7}}},
        {"type": ["a", {}] * 2000},
        {"type": "object", **{f"x-{n}": n for n in range(1000)}},
        {"enum": ["x" * 1000] * 1000},
        {"type": "object", "patternProperties": {"a": {}}, "unevaluatedProperties": False},
        {"$ref": "#/x", "x": {"type": 7}},
        True,
        [{"type": "object"}],
    ],
    ids=lambda schema: repr(schema)[:40] if isinstance(schema, bool) else "",
)
def test_a_schema_that_cannot_be_used_is_a_typed_error(schema: Any) -> None:
    for method in ("json_schema", "function_calling", "json_mode", "prompt"):
        with pytest.raises(InvalidRequestError, match="Not a JSON schema"):
            OutputSpec(schema, method=method)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        ({"type": "number", "multipleOf": 0.1}, "1e999"),
        ({"type": "number", "multipleOf": 0.1}, "9" * 400),
        ({"type": "number", "multipleOf": 3}, "1e999"),
        (TREE, '{"c": [' * 180 + "{}" + "]}" * 180),
        (TREE, '{"c": [' * 400 + "{}" + "]}" * 400),
        ({"type": "array", "uniqueItems": True}, '[1, {"a": 1}, {"a": 1.0}]'),
    ],
)
def test_what_the_checker_stumbles_over_is_a_misfit(schema: dict[str, Any], text: str) -> None:
    with pytest.raises(StructuredOutputError):
        OutputSpec(schema).read(ModelAnswer(text))


def test_how_deep_a_value_may_be_does_not_depend_on_the_stack() -> None:
    def check_below(frames: int, levels: int) -> Any:
        if frames:
            return check_below(frames - 1, levels)
        value: dict[str, Any] = {}
        for _ in range(levels):
            value = {"c": [value]}
        return check_schema(value, TREE)

    for frames in (0, 250):
        check_below(frames, 59)
        with pytest.raises(StructuredOutputError, match="nested too deeply"):
            check_below(frames, 60)


@pytest.mark.parametrize("levels", [175, 400, 970])
def test_a_value_too_deep_for_the_stack_is_a_misfit(levels: int) -> None:
    value: dict[str, Any] = {}
    for _ in range(levels):
        value = {"c": [value]}
    with pytest.raises(StructuredOutputError, match="nested too deeply"):
        check_schema(value, TREE)


def test_a_validator_that_runs_out_of_stack_is_a_misfit() -> None:
    def validate(value: Any) -> Any:
        return validate([value])

    with pytest.raises(StructuredOutputError, match="nested too deeply"):
        OutputSpec(TREE, validate).read(ModelAnswer("{}"))


def _choices(levels: int) -> dict[str, Any]:
    twice = {f"a{n}": {"anyOf": [{"$ref": f"#/$defs/a{n + 1}"}] * 2} for n in range(levels)}
    return {"$ref": "#/$defs/a0", "$defs": {**twice, f"a{levels}": {"type": "string"}}}


_RUN_OF_A = "a" * 5000 + "!"


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "string", "pattern": "^(a+)+$"}, _RUN_OF_A),
        ({"$schema": DRAFT_7, "type": "string", "pattern": "^(a+)+$"}, _RUN_OF_A),
        ({"patternProperties": {"^(a+)+$": False}, "type": "string"}, {_RUN_OF_A: 1}),
        (
            {"patternProperties": {"^(a+)+$": {}}, "type": "object", "additionalProperties": False},
            {_RUN_OF_A: 1},
        ),
        ({"type": "object", "propertyNames": {"pattern": "^(a+)+$"}}, {_RUN_OF_A: 1}),
        (
            {
                **TREE,
                "$schema": DRAFT_7,
                "properties": {**TREE["properties"], "p": {"pattern": "^(a+)+$"}},
            },
            {"c": [{"p": _RUN_OF_A}]},
        ),
        ({"type": "string", "pattern": r"(.{0,1000}){10}!\d"}, "a" * 1_000_000),
        ({"type": "array", "uniqueItems": True}, [{"a": n} for n in range(50_000)] + [{"a": 1.0}]),
        (_choices(40), 7),
        ({"allOf": [{"type": "string"}] * 2000}, list(range(100_000))),
        ({"items": {"enum": [[n] for n in range(20_000)]}, "type": "array"}, [[0.5]] * 20_000),
    ],
)
def test_a_check_without_end_is_a_misfit(schema: dict[str, Any], value: Any) -> None:
    """Each would take minutes, hours, or for ever."""
    with pytest.raises(StructuredOutputError):
        check_schema(value, schema)


def test_unique_items_are_told_apart_as_json_does() -> None:
    check = schema_check({"type": "array", "uniqueItems": True})
    assert check([1, True, "1", 0, False, None, [], {}, {"a": 1}, {"a": True}, [1], [[1]]])
    for twice in ([1, 1.0], [{"a": 1, "b": 2}, {"b": 2, "a": 1}], [[1, [2]], [1.0, [2.0]]]):
        with pytest.raises(StructuredOutputError, match="non-unique"):
            check(twice)


def test_names_that_match_a_pattern_are_not_additional() -> None:
    check = schema_check(
        {"type": "object", "patternProperties": {"^x-": True}, "additionalProperties": False}
    )
    assert check({"x-a": 1}) == {"x-a": 1}
    with pytest.raises(StructuredOutputError, match="'b' was unexpected"):
        check({"x-a": 1, "b": 1})


def test_a_pattern_with_look_around_is_left_to_the_provider() -> None:
    """Pydantic writes one for each `Decimal`."""
    schema = {"type": "string", "pattern": r"^(?!^[-+.]*$)[+-]?0*\d*\.?\d*$"}
    assert check_schema("anything", schema) == "anything"


def test_a_message_about_a_large_value_is_short() -> None:
    with pytest.raises(StructuredOutputError, match=r"not of type 'string'") as caught:
        check_schema(list(range(100_000)), {"type": "string"})
    assert len(str(caught.value)) < 3000


def test_a_type_that_is_a_list_can_be_streamed() -> None:
    partials = OutputSpec({"type": ["object", "null"], "properties": {}}).partials()
    assert partials.feed_text('{"a": 1, ') == [{"a": 1}]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=10,
)
_KEYWORDS = (
    *("type", "properties", "items", "enum", "const", "anyOf", "oneOf", "allOf", "not", "if"),
    *("$ref", "$defs", "$id", "$schema", "$anchor", "$dynamicRef", "$dynamicAnchor", "pattern"),
    *("patternProperties", "additionalProperties", "uniqueItems", "multipleOf", "required"),
    *("title", "description", "dependentSchemas", "unevaluatedProperties", "contains", "id"),
)
_WORDS = (
    *("object", "string", "#", "#/$defs/a", "#a", "http://127.0.0.1:9/", "a", "http://[", "(", ""),
    *(DRAFT_4, DRAFT_7, "#/properties/a", "#/%", "/a", "urn:a", "(?!a)"),
)
SCHEMAS = st.recursive(
    JSON | st.sampled_from(_WORDS) | st.sampled_from(_WORDS).map(lambda word: {"$ref": word}),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*_KEYWORDS, "a"]), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(SCHEMAS, JSON, st.sampled_from(("json_schema", "function_calling", "json_mode", "prompt")))
def test_any_schema_and_any_answer_give_a_value_or_a_typed_error(
    inner: Any, value: Any, method: Any
) -> None:
    for schema in (inner, {"type": "object", "properties": {"a": inner}}, {"anyOf": [inner]}):
        before = deepcopy(schema)
        try:
            spec = OutputSpec(schema, method=method)
            spec.partials().feed_text('{"a": 1, ')
            spec.validate(value)
            assert spec.read(ModelAnswer(json.dumps(value))) is not ...
        except GLMError:
            pass
        assert repr(schema) == repr(before)


@given(SCHEMAS, SCHEMAS)
def test_the_types_of_any_schema_can_be_asked_for(schema: Any, root: Any) -> None:
    assert all(isinstance(kind, str) for kind in kinds_of(schema, root))


def test_the_types_of_a_schema_take_one_look_at_each_reference() -> None:
    schema = _choices(2000)
    assert kinds_of(schema, schema) == {"string"}
    assert kinds_of(_nested(10) | {"anyOf": [{"$ref": "#"}]}, {"$ref": "#"}) == {"array"}


@pytest.mark.parametrize("parameters", [7, [], {"properties": []}, {"properties": {"city": 7}}])
def test_a_tool_without_a_proper_schema_can_be_called(
    parameters: Any, run: Any, scripted_openrouter: StartScript
) -> None:
    leaked = (
        "<tool_call>weather\n<arg_key>city</arg_key>\n<arg_value>Oslo</arg_value>\n</tool_call>"
    )
    choice = {"index": 0, "finish_reason": "stop", "message": {"content": leaked}}
    server = scripted_openrouter(json_reply({"id": "gen-1", "choices": [choice]}))
    tool = {"type": "function", "function": {"name": "weather", "parameters": parameters}}
    request = ChatRequest(messages=[{"role": "user", "content": "Weather?"}], tools=[tool])
    (call,) = run.complete(server.base_url, request).tool_calls
    assert call.parsed == {"city": "Oslo"}
