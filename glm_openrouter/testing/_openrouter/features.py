"""What a text is about, without a model: its words and parts of words, hashed; related texts have many in common."""

from __future__ import annotations

import re
import zlib
from array import array
from collections import Counter
from collections.abc import Mapping
from functools import lru_cache
from math import log1p, sqrt
from typing import Final

__all__ = ["coverage", "features_of", "to_vector"]

_WORD: Final = re.compile(r"[^\W_]+")
_COMMON_TEXT: Final = """
    a an and are as at be but by can do does for from had has have he her him his how i if in is it its me my no not of
    on or our she so some than that the their them then there these they this to was we were what when where which who
    why will with would you your
"""
_COMMON: Final = frozenset(_COMMON_TEXT.split())
_COMMON_WEIGHT: Final = 0.05
_PART_WEIGHT: Final = 0.25
_PART: Final = 3
"""Characters of a part of a word: parts make `harbour` and `harbours` relatives."""


def features_of(text: str) -> dict[int, float]:
    """Return the weight of each feature of a text, by its hash."""
    words = Counter(_WORD.findall(text.casefold()))
    weights: dict[int, float] = {}
    for word, count in words.items():
        weight = (1 + log1p(count - 1)) * (_COMMON_WEIGHT if word in _COMMON else 1.0)
        for feature, share in _features_of_word(word):
            weights[feature] = weights.get(feature, 0.0) + weight * share
    return weights


def to_vector(features: Mapping[int, float], dimensions: int) -> array[float]:
    """Return a vector of length 1; of related texts, the vectors are near."""
    vector = array("f", bytes(4 * dimensions))
    for feature, weight in features.items():
        vector[(feature >> 1) % dimensions] += weight if feature & 1 else -weight
    length = sqrt(sum(value * value for value in vector))
    if not length:
        vector[0] = length = 1.0  # no word at all, or words that cancel each other out
    return array("f", (value / length for value in vector))


def coverage(query: Mapping[int, float], document: Mapping[int, float]) -> float:
    """Return how much of a query is in a document, from 0 to 1."""
    found = sum(weight for feature, weight in query.items() if feature in document)
    return found / (sum(query.values()) or 1.0)


@lru_cache(maxsize=1 << 16)
def _features_of_word(word: str) -> tuple[tuple[int, float], ...]:
    padded = f"<{word[:64]}>"
    parts = {padded[at : at + _PART] for at in range(len(padded) - _PART + 1)}
    shares = [(word, 1.0), *((f"part {part}", _PART_WEIGHT) for part in sorted(parts))]
    return tuple((zlib.crc32(name.encode(errors="replace")), share) for name, share in shares)
