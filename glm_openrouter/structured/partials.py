"""An answer that is still coming, as far as it can be read."""

from typing import Any

from glm_openrouter._json.partial import PartialJSON

__all__ = ["Partials"]


class Partials:
    """Read an answer while it comes: increments of text and of tool calls -> the JSON value as far as it has come."""

    def __init__(self, name: str, kind: str | None) -> None:
        self._name = name
        self._kind = kind
        self._text = PartialJSON(kind)
        self._call: PartialJSON | None = None
        self._index: int | None = None

    def feed_text(self, text: str) -> list[Any]:
        """Take the next piece of the text and return the value, if it has grown."""
        return [] if self._call else self._text.feed(text)

    def feed_call(self, index: int | None, name: str | None, arguments: str) -> list[Any]:
        """Take an increment of a tool call and return the value, if it has grown; the name comes once."""
        if self._call is None and name == self._name:
            self._call, self._index = PartialJSON(self._kind), index
        if self._call is None or index != self._index:
            return []
        return self._call.feed(arguments)
