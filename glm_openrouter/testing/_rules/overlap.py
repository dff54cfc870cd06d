"""How much of one text is in another."""

from collections import Counter
from collections.abc import Sequence

from .words import content_stems, sentences

__all__ = ["is_supported", "relevances", "share"]

_ENOUGH = 0.75
"""The share of the words of a sentence that another has to have, to say the same."""


def share(wanted: str, text: str) -> float:
    """Return how many of the words that carry meaning are in another text, from 0 to 1."""
    words = content_stems(wanted)
    return len(words & content_stems(text)) / len(words) if words else 0.0


def relevances(question: str, texts: Sequence[str]) -> list[float]:
    """Return how well each text fits a question, from 0 to 1; words that few of the texts have count more."""
    wanted = content_stems(question)
    bags = [wanted & content_stems(text) for text in texts]
    spread = Counter(word for bag in bags for word in bag)
    whole = sum(1 / count for count in spread.values())
    return [sum(1 / spread[word] for word in bag) / whole if whole else 0.0 for bag in bags]


def is_supported(claim: str, context: str) -> bool:
    """Return whether each sentence of a claim has one in the context that says as much."""
    known = [content_stems(sentence) for sentence in sentences(context)]
    claimed = [words for sentence in sentences(claim) if (words := content_stems(sentence))]
    return bool(claimed) and all(_is_among(words, known) for words in claimed)


def _is_among(words: frozenset[str], known: Sequence[frozenset[str]]) -> bool:
    figures = {word for word in words if word.isdigit()}
    return any(figures <= other and len(words & other) >= _ENOUGH * len(words) for other in known)
