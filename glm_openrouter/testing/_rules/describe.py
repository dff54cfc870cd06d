"""Titles, keywords, summaries and questions for a text that stands before the request for them."""

import re
from collections.abc import Callable
from typing import Final

from . import extract
from .passages import readable
from .words import STOP_WORDS, plain_words

__all__ = ["describe"]

_REQUEST: Final = re.compile(
    r"(?:\.[ ]|\n[ \t]*)(?P<request>(?:Give|Given|Based on|Generate|Summari[sz]e)\b.*)\Z",
    re.DOTALL,
)
_LEAD_IN: Final = re.compile(r"\A\s*(?:here is the [\w ]+|context)\s*:\s*", re.IGNORECASE)
_SHORTEST_KEYWORD: Final = 4


def describe(text: str) -> str | None:
    """Return what is asked for at the end of a text, about the text before; None if it is something else."""
    asked = _REQUEST.search(text)
    body = _LEAD_IN.sub("", text[: asked.start()]) if asked else ""
    lines = readable(body)
    if asked is None or not lines:
        return None
    wanted = asked["request"].partition("\n")[0].lower()
    number = int((extract.numbers(wanted) or [3])[0])
    for word, rule in _RULES.items():
        if word in wanted:
            return rule(lines, number)
    return None


def _keywords(lines: list[str], number: int) -> str:
    text = " ".join(lines)
    longer = (word for word in plain_words(text) if len(word) >= _SHORTEST_KEYWORD)
    words = [*extract.names(text), *(word for word in longer if word.lower() not in STOP_WORDS)]
    return ", ".join(list(dict.fromkeys(words))[:number])


def _title(lines: list[str], _: int) -> str:
    return lines[0].partition(",")[0].rstrip(".")


def _questions(lines: list[str], number: int) -> str:
    about = [(extract.names(line) or [extract.topic(line)])[-1] for line in lines[:number]]
    return "\n".join(f"{at}. What is known of {each}?" for at, each in enumerate(about, 1))


def _summary(lines: list[str], _: int) -> str:
    return " ".join(lines[:2])


_RULES: Final[dict[str, Callable[[list[str], int], str]]] = {
    "keyword": _keywords,
    "title": _title,
    "questions": _questions,
    "summarize": _summary,
    "summarise": _summary,
}
