"""Rank numbered documents, and say how relevant each is."""

import re
from typing import Final

from glm_openrouter.testing._answers.prompt import Prompt

from .labels import last_block
from .overlap import relevances

__all__ = ["rank_documents"]

_EXAMPLE: Final = re.compile(r"^Doc: \d+, Relevance: \d+$", re.MULTILINE)
_NUMBER: Final = re.compile(r"^Document (\d+):$", re.MULTILINE)
_RELEVANT: Final = 0.3


def rank_documents(prompt: Prompt) -> str | None:
    """Return the documents that a question is about as the example writes them; None without an example."""
    examples = list(_EXAMPLE.finditer(prompt.user_text))
    if not examples:
        return None
    text = prompt.user_text[examples[-1].end() :]
    _, *numbered = _NUMBER.split(text.rpartition("Question:")[0])
    numbers, documents = numbered[::2], numbered[1::2]
    found = relevances(last_block(text, "Question:", "\nAnswer:"), documents)
    ranked = sorted(zip(found, numbers, strict=True), key=lambda pair: -pair[0])
    lines = [
        f"Doc: {number}, Relevance: {max(1, round(10 * relevance))}"
        for relevance, number in ranked
        if relevance >= _RELEVANT
    ]
    return "\n".join(lines) or "None of the documents is about the question."
