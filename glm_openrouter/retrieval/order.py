"""The answer to a request for an order -> documents with scores, the best first."""

from __future__ import annotations

import math
from collections.abc import Iterable
from operator import attrgetter

from glm_openrouter._json.values import JSONObject

from .results import RankedDocument
from .rows import UnreadableAnswerError, index_of, objects

__all__ = ["best", "read_order"]


def read_order(rows: object, count: int, top_n: int | None, start: int) -> list[RankedDocument]:
    """Return the documents of an answer.

    Args:
        rows: The `results` of the answer.
        count: How many documents were sent.
        top_n: How many were asked for, if not all.
        start: The place of the first one among all documents.

    Raises:
        UnreadableAnswerError: Rows are missing, doubled or misnumbered, or have no score.
    """
    documents = [
        RankedDocument(start + index_of(row, count), _score_of(row)) for row in objects(rows)
    ]
    wanted = min(count, top_n or count)
    if len(documents) < wanted:
        raise UnreadableAnswerError(f"it has {len(documents)} rows instead of {wanted}")
    if len({document.index for document in documents}) < len(documents):
        raise UnreadableAnswerError("two of its rows have the same number")
    return documents


def best(documents: Iterable[RankedDocument], top_n: int | None) -> list[RankedDocument]:
    """Return the documents with the highest scores, the best first; equal ones in the order that they came in."""
    return sorted(documents, key=attrgetter("score"), reverse=True)[:top_n]


def _score_of(row: JSONObject) -> float:
    score = row.get("relevance_score")
    if isinstance(score, bool) or not isinstance(score, int | float) or not math.isfinite(score):
        raise UnreadableAnswerError("a row has no relevance_score")
    return float(score)
