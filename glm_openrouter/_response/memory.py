"""What a response takes in memory: a few bytes of JSON may become many objects, and one character may widen a text."""

import sys
from collections.abc import Iterable, Sized
from typing import Any, Final

import msgspec

from glm_openrouter.completions import Delta

__all__ = ["MAX_RESPONSE_BYTES", "SMALL", "Memory", "weigh"]

_encode: Final = msgspec.json.Encoder().encode

MAX_RESPONSE_BYTES: Final = 64 * 1024 * 1024
"""A hundred times the longest answer of a GLM model."""

SMALL: Final = 1 << 14
"""Bytes of a payload that is not weighed: whatever is in it, it cannot become much."""

_TEXT: Final = sys.getsizeof("\U00010000") - 8
"""Bytes of a text besides its characters, of which there is one more than `len` says."""

_CALL: Final = 1024
"""Bytes of a tool call besides its texts."""

_VALUE: Final = 96
"""Bytes that a comma, a colon or a bracket of JSON may stand for: half of `{"a":1}`, as CPython keeps it."""

_MOST_FOR_A_BYTE: Final = _VALUE + 5
"""Bytes that one of JSON may need at most, as `weigh` counts."""


class Memory:
    """What the parts of a response take that are kept until its end, all in bytes.

    Args:
        limit: What may come.
        answers_are_json: Whether the answer will be read as JSON.
    """

    def __init__(self, limit: int = MAX_RESPONSE_BYTES, *, answers_are_json: bool = False) -> None:
        self._limit = limit + limit // 2
        """The bytes themselves are gone by the time when all is kept."""
        self._answers_are_json = answers_are_json
        self._kept = 0
        self._characters = 0
        self._width = 1
        self._uncounted = self._limit // (4 * _VALUE)
        """How many characters of JSON may still come without being looked at: they make no more than a fourth."""
        self._calls = 0

    def admits(self, payload: bytes) -> bool:
        """Return whether a payload may be read as JSON."""
        if len(payload) * _MOST_FOR_A_BYTE <= self._limit:
            return True  # whatever is in it
        return weigh(payload) <= self._limit

    def keep(self, delta: Delta) -> bool:
        """Note an increment, with its log probabilities; return whether there is room for it."""
        if delta.logprobs:
            self.keep_value(delta.logprobs)
        text = delta.text + delta.reasoning
        size = len(text)
        if not text.isascii():
            self._widen(text)
        if self._answers_are_json:
            self._keep_json(delta.text)
        for call in delta.tool_calls:
            size += len(call.arguments)
            if not call.arguments.isascii():
                self._widen(call.arguments)
            self._keep_json(call.arguments)
        self._characters += size
        return self._kept + self._characters * self._width <= self._limit

    def keep_calls(self, calls: Sized) -> None:
        """Note all tool calls so far, besides their texts."""
        self._kept += (len(calls) - self._calls) * _CALL
        self._calls = len(calls)

    def keep_value(self, value: object) -> None:
        """Note any other part."""
        encoded = _encode(value)
        # To weigh a million values is quick; to walk over them is not, and says more than is needed.
        self._kept += _size(value) if len(encoded) <= SMALL else weigh(encoded)

    def _widen(self, text: str) -> None:
        # The parts are joined in the end, at the width of their widest character.
        if self._width < 4:
            width = (sys.getsizeof(text) - _TEXT) / (len(text) + 1)
            self._width = max(self._width, 1 if width < 2 else 2 if width < 4 else 4)

    def _keep_json(self, text: str) -> None:
        # Counted apart, because it is kept twice: as text, and as what it says.
        self._uncounted -= len(text)
        if self._uncounted < 0:
            self._kept += _VALUE * sum(map(text.count, ",:[{"))


def weigh(payload: bytes) -> int:
    """Return how many bytes a payload of JSON may need once it has been read; it does not need more."""
    values = sum(map(payload.count, (b",", b":", b"[", b"{")))
    # Some texts exist twice for a moment: those with escapes while they are read, those that are repaired.
    return len(payload) * (_width(payload) + 1) + values * _VALUE


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
        part = open_values.pop()
        size += sys.getsizeof(part)
        inner: Iterable[Any] = ()
        if isinstance(part, dict):
            inner = (*part, *part.values())
        elif isinstance(part, list):
            inner = part
        open_values.extend(inner)
    return size
