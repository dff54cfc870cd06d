"""Estimates of tokens.

The numbers of the samples are those of the tokenizers of GPT-4o and GPT-4. GLM has the vocabulary of the second for
Latin script and a larger one for others, for Chinese larger than that of the first, too.
"""

import json
import string
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glm_openrouter.tokens import count_prompt_tokens, count_tokens

ENGLISH = (
    "The harbour lies two miles beyond the old lighthouse, and the path along the cliffs is narrow. In the evening the "
    "fishermen come home, their boats low in the water, and sell what they have caught before the sun is down."
)
CODE = '''def mean(values: list[float]) -> float:
    """Return the arithmetic mean."""
    if not values:
        raise ValueError("There are no values.")
    return sum(values) / len(values)
'''
JSON = '{"id": 4711, "name": "Ada Lovelace", "tags": ["math", "poetry"], "active": true, "score": 0.75}'
GERMAN = (
    "Der Hafen liegt zwei Meilen hinter dem alten Leuchtturm, und der Pfad an den Klippen ist schmal. Am Abend kehren "
    "die Fischer heim und verkaufen, was sie gefangen haben, bevor die Sonne untergeht."
)
CHINESE = "港口在旧灯塔后面两英里处，沿着悬崖的小路很窄。傍晚时分，渔民们回家，在太阳落山之前卖掉他们捕到的鱼。"  # noqa: RUF001 -- it is Chinese
RUSSIAN = "Гавань лежит в двух милях за старым маяком, и тропа вдоль скал узкая. Вечером рыбаки возвращаются домой."
EMOJI = "Great job 🎉🎉 see you tomorrow 👋"

SAMPLES = {
    "English": (ENGLISH, 46, 47),
    "code": (CODE, 40, 42),
    "JSON": (JSON, 39, 39),
    "German": (GERMAN, 48, 58),
    "Chinese": (CHINESE, 33, 50),
    "Russian": (RUSSIAN, 36, 58),
    "emoji": (EMOJI, 11, 13),
}
"""Language -> text, and how many tokens it has for the newer and for the older tokenizer."""


@pytest.mark.parametrize("language", SAMPLES)
def test_an_estimate_is_near_what_tokenizers_say(language: str) -> None:
    text, fewest, most = SAMPLES[language]
    assert 0.85 * fewest <= count_tokens(text) <= 1.15 * most


def test_nothing_has_no_tokens() -> None:
    assert count_tokens("") == 0


@given(st.text())
def test_any_text_has_no_more_tokens_than_bytes(text: str) -> None:
    assert bool(text) <= count_tokens(text) <= max(1, 2 * len(text.encode(errors="replace")))


@given(st.text(string.printable), st.text(string.printable))
def test_more_text_has_more_tokens(text: str, more: str) -> None:
    assert count_tokens(f"{text}\n{more}") >= max(count_tokens(text), count_tokens(more)) - 1


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


TOOL = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "Look up the weather.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}
CALL = {
    "id": "1",
    "type": "function",
    "function": {"name": "weather", "arguments": '{"city": "Oslo"}'},
}
QUESTION = user("Which way to the harbour?")


@pytest.mark.parametrize(
    ("messages", "tools"),
    [
        ([QUESTION, user("And back?")], []),
        ([QUESTION], [TOOL]),
        ([QUESTION, {"role": "assistant", "content": None, "tool_calls": [CALL]}], []),
        ([QUESTION, {"role": "tool", "tool_call_id": "1", "content": "4"}], []),
        ([{**QUESTION, "name": "Ada"}], []),
        ([user("Which way to the harbour, and back?")], []),
        ([{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}], []),
    ],
    ids=["message", "tool", "call", "result", "name", "text", "image"],
)
def test_everything_that_is_in_a_prompt_counts(
    messages: list[dict[str, Any]], tools: list[dict[str, Any]]
) -> None:
    assert count_prompt_tokens(messages, tools) > count_prompt_tokens([QUESTION])


@pytest.mark.parametrize(
    "message",
    [
        {"role": "assistant", "content": "Left.", "reasoning": "Where is the sea?"},
        {
            "role": "assistant",
            "content": "Left.",
            "reasoning_details": [{"text": "Where is the sea?"}],
        },
    ],
)
def test_reasoning_that_goes_back_does_not_count(message: dict[str, Any]) -> None:
    assert count_prompt_tokens([QUESTION, message]) == count_prompt_tokens(
        [QUESTION, {"role": "assistant", "content": "Left."}]
    )


def test_text_parts_count_as_the_text_they_are() -> None:
    parts = [{"type": "text", "text": "Which way "}, {"type": "text", "text": "to the harbour?"}]
    assert count_prompt_tokens([{"role": "user", "content": parts}]) == count_prompt_tokens(
        [QUESTION]
    )


@pytest.mark.parametrize("arguments", ['{"city": "Os', "", "[1]", '{"a": {"b": [1, null]}}'])
def test_any_arguments_count(arguments: str) -> None:
    call = {**CALL, "function": {"name": "weather", "arguments": arguments}}
    message = {"role": "assistant", "content": None, "tool_calls": [call]}
    assert count_prompt_tokens([message]) > 0


def test_an_exact_tokenizer_counts_each_text() -> None:
    counted: list[str] = []

    def count(text: str) -> int:
        counted.append(text)
        return 1000

    conversation = [
        QUESTION,
        {"role": "assistant", "content": "Let me look.", "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "1", "content": "4 degrees"},
    ]
    assert 7000 <= count_prompt_tokens(conversation, [TOOL], count=count) < 7300
    assert sorted(counted) == sorted(
        [
            QUESTION["content"],
            "Let me look.",
            "weather",
            "city",
            "Oslo",
            "4 degrees",
            json.dumps(TOOL),
        ]
    )


@pytest.mark.parametrize("count", [count_tokens, len])
def test_a_prompt_with_nothing_has_its_frame(count: Callable[[str], int]) -> None:
    assert 0 < count_prompt_tokens([], count=count) < 10


def test_thinking_that_is_off_is_told_to_the_model() -> None:
    assert count_prompt_tokens([QUESTION], thinking=False) > count_prompt_tokens([QUESTION])
