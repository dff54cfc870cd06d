"""JSON that is still coming."""

import re
from typing import Any, Final

from pydantic_core import from_json

from .in_text import json_opener

__all__ = ["PartialJSON"]


_ESCAPE: Final = re.compile(r"\\(?:[^u].*+|u[0-9a-fA-F]{4}.*+)", re.DOTALL)


class PartialJSON:
    """The JSON value in a text that arrives in pieces, as far as it has come.

    The value only grows: a number counts when something follows it, so that 36 is never seen as 3. A long value is not
    read again for each piece, but when it has grown by a small part of itself: the cost is linear in its length.
    """

    _STEPS: Final = 256
    _NUMBER: Final = "0123456789.eE+-"
    _BEFORE_NUMBER: Final = (" ", "\t", "\n", "\r", ":", ",", "[")
    _ENCODED: Final = re.compile(r'\s*(?="\s*[{\[])')
    """What comes before a string that encodes an object or an array."""

    def __init__(self, kind: str | None = None) -> None:
        """Look for an `object`, an `array`, or either of them."""
        self._opener = json_opener(kind)
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
        text = "".join(self._parts)
        if not self._started:
            text = self._skip_to_value(text)
        self._parts, self._size = [text], len(text)
        self._enough = self._size + self._size // self._STEPS
        value = self._read(text) if self._started else None
        if not value or value == self._value:
            return []
        self._value = value
        return [value]

    def _skip_to_value(self, text: str) -> str:
        """Return the text from where the value begins, or all of it if it has not begun."""
        _, thought, answer = text.rpartition("</think>")
        if not thought and "<think>" in text:
            return text
        start = self._ENCODED.match(answer) or self._opener.search(answer)
        if start is None:
            return text
        self._started = True
        return answer[start.end() :]

    def _read(self, text: str) -> Any:
        try:
            value = self._read_json(text)
            return self._read_json(value) if isinstance(value, str) else value
        except ValueError:
            return None

    def _read_json(self, text: str) -> Any:
        whole = self._without_number(self._without_escape(text))
        return from_json(whole, allow_partial="trailing-strings")

    def _without_escape(self, text: str) -> str:
        """Return the text without half an escape that it ends with, of which older readers make what they like."""
        at = text.rfind("\\", -6)
        if at < 0 or _ESCAPE.fullmatch(text, at):
            return text
        slashes = at + 1 - len(text[: at + 1].rstrip("\\"))
        return text[:at] if slashes % 2 else text

    def _without_number(self, text: str) -> str:
        """Return the text without a number that it ends with; in a string, only a part of a word looks like one."""
        before = text.rstrip(self._NUMBER)
        return before if before[-1:] in self._BEFORE_NUMBER else text
