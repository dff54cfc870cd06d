"""What the rule-based model answers in words and in JSON."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glm_openrouter.testing._openrouter.tokens import count_tokens, split_tokens
from support.rule_model import ADD, SEARCH, WEATHER, ask, json_for

# Answers in JSON


def test_a_schema_is_filled_from_the_prompt():
    schema = {
        "type": "object",
        "properties": {
            "name": {"type": "string"},
            "age": {"type": "integer"},
            "hobbies": {"type": "array", "items": {"type": "string"}},
        },
        "required": ["name", "age", "hobbies"],
    }

    assert json_for("Ann Lee is 41 years old. Hobbies: chess, tennis and golf.", schema) == {
        "name": "Ann Lee",
        "age": 41,
        "hobbies": ["chess", "tennis", "golf"],
    }


def test_json_mode_takes_the_keys_that_the_prompt_names():
    answer = ask(
        "Describe tea. Answer as JSON with 'origin' and 'taste' keys.",
        response_format={"type": "json_object"},
    )

    assert set(json.loads(answer.text)) == {"origin", "taste"}


def test_a_schema_in_the_prompt_is_enough_to_get_json():
    schema = {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
    }
    text = f"She lives in Turin.\n\nAnswer with JSON only, after this schema:\n{json.dumps(schema)}"

    assert json.loads(ask(text).text) == {"city": "Turin"}


def test_an_optional_text_is_left_out_when_the_prompt_declines_it():
    schema = {
        "type": "object",
        "properties": {
            "title": {"type": "string"},
            "subtitle": {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None},
        },
        "required": ["title"],
    }

    assert json_for("A headline about tea", schema)["subtitle"]
    assert json_for("A headline about tea, no subtitle", schema).get("subtitle") is None


# Context


FACTS = "The bridge was built in 1890. It is 512 metres long. Ferries ran before that."


@pytest.mark.parametrize(
    "text",
    [
        f"Context information:\n-----\n{FACTS}\n-----\nQuery: How long is the bridge?\nAnswer: ",
        f"<context>\n{FACTS}\n</context>\n\nHow long is the bridge?",
        f"Answer from the context.\n\nContext: {FACTS}\n\nQuestion: How long is the bridge?",
    ],
)
def test_a_question_is_answered_by_quoting_the_context(text):
    assert "It is 512 metres long." in ask(text).text


def test_context_in_the_system_prompt_is_quoted_too():
    system = f"Use the following pieces of context to answer.\n\n{FACTS}"

    assert ask("When was the bridge built?", system=system).text == "The bridge was built in 1890."


def test_what_the_context_does_not_say_is_not_known():
    text = f"<context>{FACTS}</context>\nQuestion: Who is the king of Denmark?"

    assert "don't know" in ask(text).text


def test_an_answer_is_refined_with_what_the_new_context_adds():
    text = (
        f"New Context: {FACTS}\nQuery: How long is the bridge, in metres?\n"
        "Original Answer: It is a long bridge.\nNew Answer: "
    )

    assert ask(text).text.startswith("It is a long bridge.")
    assert "512 metres" in ask(text).text


# Small talk


def test_arithmetic_is_done():
    assert "= 391" in ask("What is 17 * 23?").text


def test_what_was_said_earlier_is_remembered():
    history = [
        {"role": "user", "content": "Hi! My name is Ada."},
        {"role": "assistant", "content": "Hello Ada."},
    ]

    assert "Ada" in ask("What is my name?", history=history).text


def test_counting_gives_every_number():
    assert ask("Count to 5").text == "1, 2, 3, 4, 5"


def test_a_story_has_dozens_of_tokens():
    assert count_tokens(ask("Tell me a story about a fox").text) > 48


def test_the_same_prompt_gets_the_same_answer():
    assert ask("Tell me about tea", [SEARCH]) == ask("Tell me about tea", [SEARCH])


@given(st.text(max_size=200))
def test_any_text_gets_an_answer(text):
    answer = ask(text, [WEATHER, ADD, SEARCH])

    assert answer.text or answer.tool_calls
    assert answer.reasoning


@given(st.text())
def test_tokens_join_to_the_text(text):
    assert "".join(split_tokens(text)) == text


# The text protocol of agents


REACT = """Answer the questions. You have access to these tools:

get_weather: Get the weather at a location.

Use this format:
Question: the input question
Thought: what to do
Action: one of [get_weather]
Action Input: the input
Observation: the result
Final Answer: the answer

Question: What is the weather in Oslo?
Thought:{scratchpad}"""


def test_the_text_protocol_names_an_action():
    text = ask(REACT.format(scratchpad="")).text

    assert "Action: get_weather\nAction Input: Oslo" in text


def test_the_text_protocol_ends_with_an_answer_once_the_tool_has_answered():
    scratchpad = " I need it.\nAction: get_weather\nAction Input: Oslo\nObservation: rain\nThought:"
    text = ask(REACT.format(scratchpad=scratchpad)).text

    assert "Final Answer:" in text
    assert "rain" in text
