"""What a response takes in memory: a few bytes of JSON may become many objects, and one character may widen a text."""

import sys
from collections.abc import Iterable, Sized
from typing import Any, Final

__all__ = ["MAX_RESPONSE_BYTES", "Memory", "weigh"]

MAX_RESPONSE_BYTES: Final = 64 * 1024 * 1024
"""A hundred times the longest answer of a GLM model."""

_SMALL: Final = 1 << 14
"""Bytes of a payload that is not weighed: whatever is in it, it cannot become much."""

_TEXT: Final = sys.getsizeof("\U00010000") - 8
"""Bytes of a text besides its characters, of which there is one more than `len` says."""

_CALL: Final = 1024
"""Bytes of a tool call besides its texts."""

_VALUE: Final = 96
"""Bytes that a comma, a colon or a bracket of JSON may stand for: half of `{"a":1}`, as CPython keeps it."""


class Memory:
    """What the parts of a response take that are kept until its end, all in bytes.

    Args:
        limit: What may come.
        answers_are_json: Whether the answer will be read as JSON.
    """

    def __init__(self, limit: int = MAX_RESPONSE_BYTES, *, answers_are_json: bool = False) -> None:
        self._limit = limit + limit // 2
        """The bytes themselves are gone by the time when all is kept."""
        self.keep_answer = self.keep_json if answers_are_json else self.keep_text
        """Note a part of the answer."""
        self._kept = 0
        self._calls = 0
        self._characters = 0
        self._width = 1

    @property
    def is_full(self) -> bool:
        """Whether it is more than may be."""
        return self._kept + self._characters * self._width > self._limit

    def admits(self, payload: bytes) -> bool:
        """Return whether a payload may be read as JSON."""
        return len(payload) <= _SMALL or weigh(payload) <= self._limit

    def keep_text(self, text: str) -> None:
        """Note a part of the texts, which are joined in the end, at the width of their widest character."""
        self._characters += len(text)
        if self._width < 4 and not text.isascii():
            each = (sys.getsizeof(text) - _TEXT) / (len(text) + 1)
            self._width = max(self._width, 1 if each < 2 else 2 if each < 4 else 4)

    def keep_json(self, text: str) -> None:
        """Note a part of a text that is JSON, and will be read as such."""
        self.keep_text(text)
        self._kept += _VALUE * sum(map(text.count, ",:[{"))

    def keep_calls(self, calls: Sized) -> None:
        """Note all tool calls so far."""
        self._kept += (len(calls) - self._calls) * _CALL
        self._calls = len(calls)

    def keep(self, value: object) -> None:
        """Note any other part."""
        self._kept += _size(value)


def weigh(payload: bytes) -> int:
    """Return how many bytes a payload of JSON may need once it has been read; it does not need more."""
    values = sum(map(payload.count, (b",", b":", b"[", b"{")))
    return len(payload) * _width(payload) + values * _VALUE


def _width(payload: bytes) -> int:
    """Return how many bytes each character needs in CPython, where the widest one decides."""
    if payload.isascii():
        return 4 if rb"\u" in payload else 1
    return (
        4 if rb"\u" in payload or any(bytes([lead]) in payload for lead in range(0xF0, 0xF5)) else 2
    )


def _size(value: object) -> int:
    """Return the bytes of decoded JSON."""
    size = 0
    open_values: list[Any] = [value]
    while open_values:
        each = open_values.pop()
        size += sys.getsizeof(each)
        inner: Iterable[Any] = ()
        if isinstance(each, dict):
            inner = (*each, *each.values())
        elif isinstance(each, list):
            inner = each
        open_values.extend(inner)
    return size
