"""The answer to a request for vectors -> vectors: one for each text, all of one length, nothing in them but numbers.

Vectors are asked for as base64, which is a third of the bytes of decimal numbers and is read without looking at each:
the bytes are little-endian `float32`, as OpenAI's API has them. A provider that answers in decimals all the same is
read, too.
"""

from __future__ import annotations

import math
import sys
from array import array
from collections.abc import Sequence
from typing import Any

import msgspec

from .rows import UnreadableAnswerError, place_rows

__all__ = ["check_one_length", "read_vectors"]


def read_vectors(rows: object, count: int, dimensions: int | None) -> list[array[float]]:
    """Return the vectors of an answer, in the order of the texts.

    Args:
        rows: The `data` of the answer.
        count: How many texts were sent.
        dimensions: How long the vectors have to be, if that was asked for.

    Raises:
        UnreadableAnswerError: Rows are missing, doubled or misnumbered, or they are no vectors of one length.
    """
    vectors = [_read_vector(row.get("embedding")) for row in place_rows(rows, count)]
    length = check_one_length(vectors)
    if dimensions is not None and length != dimensions:
        raise UnreadableAnswerError(
            f"the vectors have {length} dimensions instead of {dimensions}; the model may not be able to shorten them"
        )
    return vectors


def check_one_length(vectors: Sequence[array[float]]) -> int:
    """Return how long all vectors are.

    Raises:
        UnreadableAnswerError: Some are longer than others.
    """
    lengths = {len(vector) for vector in vectors}
    if len(lengths) > 1:
        raise UnreadableAnswerError(f"the vectors have different lengths: {sorted(lengths)}")
    return lengths.pop()


def _read_vector(value: object) -> array[float]:
    try:
        vector = _decode(value) if isinstance(value, str) else _convert(value)
    except (msgspec.ValidationError, TypeError, ValueError, OverflowError) as error:
        raise UnreadableAnswerError(f"a row holds no vector: {error}") from None
    if not vector:
        raise UnreadableAnswerError("a vector is empty")
    if not _is_finite(vector):
        raise UnreadableAnswerError("a vector holds a number that is not finite")
    return vector


def _decode(text: str) -> array[float]:
    vector = array("f")
    vector.frombytes(msgspec.convert(text, bytes))  # which reads base64, twice as quick as binascii
    if sys.byteorder == "big":
        vector.byteswap()
    return vector


def _convert(value: Any) -> array[float]:
    if not isinstance(value, Sequence) or not all(type(number) in (int, float) for number in value):
        raise TypeError("expected numbers, or text in base64")
    return array("f", value)


_HIGHEST_BYTE = 3 if sys.byteorder == "little" else 0


def _is_finite(vector: array[float]) -> bool:
    # To look at one byte of each number is a hundred times as quick as to look at the numbers, and is enough for all
    # below 10^38: the exponent of what is not finite is full of ones.
    highest = vector.tobytes()[_HIGHEST_BYTE::4]
    if b"\x7f" not in highest and b"\xff" not in highest:
        return True
    return math.isfinite(sum(vector))  # one that is not finite makes the sum so
