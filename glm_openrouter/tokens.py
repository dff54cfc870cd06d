"""How many tokens a text or a prompt has for GLM: an estimate, offline and without a vocabulary.

A prompt is counted as GLM's own template builds it
(https://huggingface.co/zai-org/GLM-4.6/blob/main/chat_template.jinja). Its texts are cut as the tokenizer cuts them
before it looks into its vocabulary, which for Latin script is that of GPT-4 (https://arxiv.org/abs/2406.12793,
section 2). Each piece counts as many tokens as pieces of its kind and length have on average.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from math import ceil
from typing import Any

from ._json.strict import parse_arguments
from ._json.values import JSONObject

__all__ = ["count_prompt_tokens", "count_tokens"]

_IDEOGRAPHS = r"\u2e80-\ua4cf\uf900-\ufaff\U00020000-\U0003ffff"
"""Chinese and Japanese, which are written without spaces."""

_PIECE = re.compile(
    rf"""
      [^\r\n\w]?(?:(?![{_IDEOGRAPHS}])[^\W\d_])+  # a word, with the space or the sign before it
    | [{_IDEOGRAPHS}]+
    | \d{{1,3}}
    | [ ]?(?:[^\w\s]|_)+[\r\n]*  # signs
    | \s*[\r\n]+
    | \s+(?!\S)
    | \s+
    | .
    """,
    re.VERBOSE,
)

_IDEOGRAPH = re.compile(f"[{_IDEOGRAPHS}]")

_HUMP = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
"""A word inside a name such as `getUserName`."""

_FAMILIAR = re.compile(
    r"(?:tion|sion|ing|ed|ly|ment|ity|able|ible|[ea]nce|[ea]nt|ful|ness|ous|ive|at[eo]r?|ese|is[hmt]|ture|[ao]ry|al)s?$",
    re.I,
)
"""Endings of English words, which are in the vocabulary as a whole up to a greater length than those of others."""


def count_tokens(text: str) -> int:
    """Return about how many tokens `text` has: within some 15 % for prose and code, in English or not."""
    return ceil(sum(map(_weigh, _PIECE.findall(text))))


@lru_cache(maxsize=1 << 15)
def _weigh(piece: str) -> float:
    """Return about how many tokens one piece has."""
    last = piece[-1]
    if _IDEOGRAPH.match(last):
        return 0.75 * len(piece)
    if last.isalpha():
        return _weigh_word(piece if piece[0].isalpha() else piece[1:])
    signs = piece.strip()
    return 1 if last.isalnum() or not signs else _weigh_signs(signs)


def _weigh_word(word: str) -> float:
    foreign = sum(letter > "\x7f" for letter in word)
    if 2 * foreign > len(word):
        # Greek, Cyrillic and the like, or scripts that say more in a letter.
        return max(1, len(word) * (0.35 if word[-1] < "\u0900" else 0.6))
    humps = _HUMP.findall(word) if word.isascii() else [word]
    return 0.35 * foreign + sum(map(_weigh_hump, humps))


def _weigh_hump(word: str) -> float:
    if _FAMILIAR.search(word):
        return 1 + max(0, len(word) - 10) / 6
    return 1 + max(0, len(word) - 5) * 0.23


def _weigh_signs(signs: str) -> float:
    if not signs.isascii():
        return sum(2 if sign > "\uffff" else 1 for sign in signs)
    # Signs that are often seen together are one token, and so are lines of the same sign.
    unusual = min(len(signs), 2 * len(set(signs))) - 3
    return 1 + max(0, unusual) * 0.4


TextCounter = Callable[[str], int]

_START = 4
"""`[gMASK]<sop>` at the beginning, `<|assistant|><think>` at the end."""
_ROLE = 2
"""A tag and a line feed."""
_TOOLS_PROMPT = 98
"""What the template says of tools and how to call them."""
_THINKING_OFF = 2
"""What ends the thinking before it begins."""
_QUESTION_WITHOUT_THINKING = 1
"""`/nothink`, after each message of the user."""
_ANSWER = 2
"""`<think></think>`, before each message of the model."""
_CALL = 4
"""`<tool_call>name</tool_call>`, and line feeds."""
_ARGUMENT = 6
"""`<arg_key>name</arg_key><arg_value>value</arg_value>`, and line feeds."""
_RESULT = 4
"""`<tool_response>text</tool_response>`, and line feeds."""
_IMAGE = 1000
"""One of usual size, for the models that see."""


def count_prompt_tokens(
    messages: Sequence[Mapping[str, Any]],
    tools: Sequence[Mapping[str, Any]] = (),
    *,
    thinking: bool = True,
    count: TextCounter = count_tokens,
) -> int:
    """Return about how many `prompt_tokens` a request will have.

    Reasoning that goes back is not counted: the template leaves out that of earlier turns, and few providers read the
    rest. Nor are files, whose text only OpenRouter's parser knows.

    Args:
        messages: In OpenRouter's form.
        tools: In OpenRouter's form.
        thinking: Whether the model may think.
        count: Counts the tokens of a text. With a real tokenizer the result is exact, except for what a provider
            changes in the template.
    """
    total = _START + sum(_count_message(message, count) for message in messages)
    if tools:
        total += _ROLE + _TOOLS_PROMPT + sum(_count_tool(tool, count) for tool in tools)
    if not thinking:
        questions = sum(message.get("role") == "user" for message in messages)
        total += _THINKING_OFF + _QUESTION_WITHOUT_THINKING * questions
    return total


def _count_tool(tool: Mapping[str, Any], count: TextCounter) -> int:
    # `strict` is for the provider; most leave it out of the prompt.
    function = {name: part for name, part in tool.get("function", {}).items() if name != "strict"}
    return 1 + count(json.dumps({**tool, "function": function}, ensure_ascii=False))


def _count_message(message: Mapping[str, Any], count: TextCounter) -> int:
    total = _ROLE + _count_content(message.get("content"), count)
    role, name = message.get("role"), message.get("name")
    if name:
        total += count(f"{name}: ")
    if role == "tool":
        return total + _RESULT
    if role != "assistant":
        return total
    calls = message.get("tool_calls") or ()
    return total + _ANSWER + sum(_count_call(call["function"], count) for call in calls)


def _count_content(content: object, count: TextCounter) -> int:
    if isinstance(content, str):
        return count(content.strip())
    parts: list[JSONObject] = content if isinstance(content, list) else []
    texts = "".join(part.get("text") or "" for part in parts)
    images = [part for part in parts if part.get("type") == "image_url"]
    return count(texts) + _IMAGE * len(images)


def _count_call(function: Mapping[str, Any], count: TextCounter) -> int:
    total = _CALL + count(function["name"])
    arguments = parse_arguments(function["arguments"])
    if arguments is None:
        return total + count(function["arguments"])
    for name, value in arguments.items():
        written = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        total += _ARGUMENT + count(name) + count(written)
    return total
