"""The keywords of a text, in a list with commas or another sign between them."""

import re
from collections.abc import Iterator
from typing import Final

from glm_openrouter.testing._answers.prompt import Prompt

from .extract import names
from .labels import last_block
from .words import STOP_WORDS, plain_words

__all__ = ["list_keywords"]

_MOST: Final = re.compile(r"\b(?:up to|give) (\d+)\b", re.IGNORECASE)
_SEPARATOR: Final = re.compile(r"separated by '(.)'")
_OPENING: Final = re.compile(r"'(\w+: ?)<keywords>'")
_INSTRUCTION: Final = re.compile(r"\.? Give \d+ unique keywords")
_FORM: Final = re.compile(r"\bcomma[- ]separated\b|\bseparated by '", re.IGNORECASE)


def list_keywords(prompt: Prompt) -> str | None:
    """Return the names in a text and its other words that carry meaning; None if nobody asks for keywords."""
    text = prompt.user_text
    if not (_FORM.search(text) and "keywords" in text.lower()):
        return None
    separator = _SEPARATOR.search(text)
    opening = _OPENING.search(text)
    most = _MOST.search(text)
    found = list(_keywords(_body(text)))[: int(most[1]) if most else 10]
    return (opening[1] if opening else "") + (separator[1] if separator else ", ").join(found)


def _body(text: str) -> str:
    """Return what the keywords are to be found in: before the instruction, or between rules."""
    if instruction := _INSTRUCTION.search(text):
        return text[: instruction.start()]
    if query := last_block(text, "QUERY:", "---"):
        return query
    return last_block(text.rpartition("-----")[0].rstrip("-"), "-----")


def _keywords(body: str) -> Iterator[str]:
    named = names(body)
    yield from named
    seen = {word.lower() for name in named for word in plain_words(name)}
    for word in plain_words(body):
        if word.lower() not in seen | STOP_WORDS:
            seen.add(word.lower())
            yield word
