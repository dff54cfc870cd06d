"""The numbered rows of an answer: each names the place of what it belongs to."""

from collections.abc import Iterator
from typing import Any

from glm_openrouter._json.values import JSONObject

__all__ = ["UnreadableAnswerError", "index_of", "objects", "place_rows"]


class UnreadableAnswerError(ValueError):
    """An answer with status 200 that is not what was asked for; the message says in which way."""


def objects(rows: object) -> Iterator[JSONObject]:
    """Return the rows of an answer.

    Raises:
        UnreadableAnswerError: There is no list, or one of them is no object.
    """
    if not isinstance(rows, list):
        raise UnreadableAnswerError("it has no rows")
    for row in rows:
        if not isinstance(row, dict):
            raise UnreadableAnswerError("a row is not an object")
        yield row


def index_of(row: JSONObject, count: int) -> int:
    """Return the place that a row names, from 0 to `count`.

    Raises:
        UnreadableAnswerError: It names none, or one outside.
    """
    index: Any = row.get("index")
    if isinstance(index, bool) or not isinstance(index, int) or not 0 <= index < count:
        raise UnreadableAnswerError(f"a row has the number {index!r:.40}, of {count}")
    return index


def place_rows(rows: object, count: int) -> list[JSONObject]:
    """Return one row for each of `count` things, in their order, whatever the order of the rows.

    Rows without numbers are in order (https://openrouter.ai/docs/api_reference/embeddings: `index` is optional).

    Raises:
        UnreadableAnswerError: Rows are missing, doubled or misnumbered.
    """
    found = list(objects(rows))
    if len(found) != count:
        raise UnreadableAnswerError(f"it has {len(found)} rows instead of {count}")
    if all(row.get("index") is None for row in found):
        return found
    placed = {index_of(row, count): row for row in found}
    if len(placed) != count:
        raise UnreadableAnswerError("two of its rows have the same number")
    return [placed[index] for index in range(count)]
