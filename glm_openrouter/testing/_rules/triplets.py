"""What a text says, as triplets of subject, predicate and object."""

import json
import re
from collections.abc import Iterator
from typing import Final

from glm_openrouter.testing._answers.prompt import Prompt

from .extract import NAME_PATTERN
from .labels import last_block
from .words import sentences, split_words

__all__ = ["find_triplets"]

_ASKS: Final = re.compile(r"\btriplets? (?:in|should be in) the form of \(")
_MOST: Final = re.compile(r"\bup to (\d+) knowledge triplets\b")
_KEYS: Final = re.compile(r"\[\{\{?('[^{}]{1,300})\}\}?\]")
_KEY: Final = re.compile(r"'(\w+)': ''")
_NAME: Final = re.compile(NAME_PATTERN)
_PREPOSITIONS: Final = split_words("about at by for from in into near of on to with")
_ARTICLES: Final = split_words("a an the")
_VERBS: Final = split_words(
    "are became came can did does had has have is lives made makes sells was went were will wrote"
)


def find_triplets(prompt: Prompt) -> str | None:
    """Return triplets in the form that a prompt shows: in brackets or as JSON; None if it asks for none."""
    text = prompt.user_text
    if not _ASKS.search(text):
        return None
    body = last_block(text, "Text:", "\nTriplets:", "\nOutput:")
    most = _MOST.search(text)
    found = [triplet for sentence in sentences(body) for triplet in _read(sentence)]
    found = list(dict.fromkeys(found))[: int(most[1]) if most else 10]
    if keys := _KEYS.search(text):
        return json.dumps([_as_object(_KEY.findall(keys[1]), triplet) for triplet in found])
    return "\n".join(f"({', '.join(triplet)})" for triplet in found) or "There are none."


def _as_object(keys: list[str], triplet: tuple[str, str, str]) -> dict[str, str]:
    values = iter(triplet)
    return {key: "ENTITY" if key.endswith("type") else next(values, "") for key in keys}


def _read(sentence: str) -> Iterator[tuple[str, str, str]]:
    """Yield the object of the verb, and what each preposition adds."""
    words = sentence.replace(",", " ").replace("(", " ").replace(")", " ").rstrip(".!?").split()
    words = words[words[0].lower() in _ARTICLES :] if words else []
    at = _find_verb(words)
    subject, verb = " ".join(words[:at]), " ".join(words[at : at + 1])
    if not subject or not verb:
        return
    link, part = "", list[str]()
    for word in [*words[at + 1 :], "of"]:
        if word.lower() not in _PREPOSITIONS:
            part += [] if word.lower() in _ARTICLES else [word]
            continue
        if part:
            yield subject, f"{verb} {link}".strip(), " ".join(part)
        link, part = word, []


def _find_verb(words: list[str]) -> int:
    """Return where the verb stands: a word that is known as one or looks like one, else what follows a name."""
    for at, word in enumerate(words[1:], 1):
        if word in _VERBS or (word.islower() and word.endswith("ed")):
            return at
    name = _NAME.match(" ".join(words))
    return len(name.group().split()) if name else 1
