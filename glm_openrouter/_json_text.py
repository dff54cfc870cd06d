"""JSON in the text of an answer: bare, in a fence, in GLM's box, between sentences; whole, or as far as it has come."""

import re
from collections.abc import Iterator
from typing import Any, Final

from pydantic_core import from_json

from .messages import json_decoder

__all__ = ["PartialJSON", "json_values"]

_THINKING: Final = re.compile(r"^.*</think>", re.DOTALL)
_BOX: Final = re.compile(r"<\|(?:begin|end)_of_box\|>")
_FENCE: Final = re.compile(r"```[\w-]*\s*\n(.*?)```", re.DOTALL)
_OPENERS: Final = {
    "object": re.compile(r'\{(?=\s*["}])'),
    "array": re.compile(r'\[(?=\s*["\]\[{\d\-tfn])'),
}
_OPENER: Final = re.compile("|".join(opener.pattern for opener in _OPENERS.values()))
"""Where an object or an array begins; a bracket in a sentence is neither."""


def json_values(text: str) -> Iterator[Any]:
    """Yield the JSON values in an answer, the likeliest first; after a string that is itself JSON, what it encodes.

    Nothing is taken from JSON that is incomplete or incorrect, not even a correct part of it.
    """
    text = _BOX.sub("", _THINKING.sub("", text)).strip()
    for candidate in (text, *_FENCE.findall(text)):
        try:
            value = json_decoder.decode(candidate)
        except (ValueError, RecursionError):
            continue
        yield value
        if isinstance(value, str):
            yield from json_values(value)
    yield from _values_in_sentences(text)


def _values_in_sentences(text: str) -> Iterator[Any]:
    position = 0
    while opener := _OPENER.search(text, position):
        try:
            value, position = json_decoder.raw_decode(text, opener.start())
        except (ValueError, RecursionError):
            return
        yield value


class PartialJSON:
    """The JSON value in a text that arrives in pieces, as far as it has come.

    The value only grows: a number counts when something follows it, so that 36 is never seen as 3. A long value is not
    read again for each piece, but when it has grown by a small part of itself: the cost is linear in its length.
    """

    _STEPS: Final = 256
    _NUMBER: Final = re.compile(r"(?<=[\s:,\[])-?(?:\d[\d.eE+-]*)?$")
    _ENCODED: Final = re.compile(r'\s*(?="\s*[{\[])')
    """What comes before a string that encodes an object or an array."""

    def __init__(self, kind: str | None = None) -> None:
        """Look for an `object`, an `array`, or either of them."""
        self._opener = _OPENERS.get(kind or "", _OPENER)
        self._parts: list[str] = []
        self._size = 0
        self._enough = 0
        """The size from which it is worth reading again."""
        self._started = False
        self._value: Any = None

    def feed(self, text: str) -> list[Any]:
        """Take the next piece and return the value, if it has grown."""
        self._parts.append(text)
        self._size += len(text)
        if not text or self._size < self._enough:
            return []
        written = "".join(self._parts)
        if not self._started:
            written = self._skip_to_value(written)
        self._parts, self._size = [written], len(written)
        self._enough = self._size + self._size // self._STEPS
        value = self._read(written) if self._started else None
        if not value or value == self._value:
            return []
        self._value = value
        return [value]

    def _skip_to_value(self, written: str) -> str:
        """Return the text from where the value begins, or all of it if it has not begun."""
        _, thought, answer = written.rpartition("</think>")
        if not thought and "<think>" in written:
            return written
        start = self._ENCODED.match(answer) or self._opener.search(answer)
        if start is None:
            return written
        self._started = True
        return answer[start.end() if start.re is self._ENCODED else start.start() :]

    def _read(self, written: str) -> Any:
        try:
            value = self._read_json(written)
            return self._read_json(value) if isinstance(value, str) else value
        except ValueError:
            return None

    def _read_json(self, written: str) -> Any:
        return from_json(self._NUMBER.sub("", written), allow_partial="trailing-strings")
