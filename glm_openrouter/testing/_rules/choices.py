"""Choose from a numbered list."""

import re
from typing import Final

from .matching import best_choice
from .passages import find_question

__all__ = ["read_choice", "state_choice"]

_OPTION: Final = re.compile(
    r"^[ \t]*\((\d+)\)[ \t]*(.+?)\s*(?=^[ \t]*(?:\(\d+\)|-{3,})|\Z)", re.MULTILINE | re.DOTALL
)
_ASKS_TO_CHOOSE: Final = re.compile(r"\bchoices?\b", re.IGNORECASE)


def read_choice(text: str) -> tuple[str, str] | None:
    """Return the number and the words of the best choice, if a text asks to choose from a list."""
    options = dict(_OPTION.findall(text))
    if len(options) < 2 or not _ASKS_TO_CHOOSE.search(text):
        return None
    number = best_choice(options, find_question(_OPTION.sub("", text)))
    return number, options[number]


def state_choice(text: str) -> str:
    """Return what is chosen, under the names that forms give it; the text itself if it asks for no choice."""
    if (chosen := read_choice(text)) is None:
        return text
    number, about = chosen
    return f"index: {number}\nchoice: {number}\nreason: {about}"
