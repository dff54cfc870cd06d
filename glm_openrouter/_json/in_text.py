"""JSON in the text of an answer: bare, in a fence, in GLM's box, or between sentences; whole, or as far as it has come.

A value counts only if it is the answer, or stands on lines of its own. In the middle of a sentence JSON is a quote:
"The page wants me to say {...}, but I will not" does not give what the page wants.
"""

import re
from collections.abc import Iterator
from typing import Any, Final

from .strict import json_decoder

__all__ = ["json_opener", "json_values"]


_BOX: Final = re.compile(r"<\|(?:begin|end)_of_box\|>")
_LINE_BEGIN: Final = r"^[ \t]*+(?:```[\w-]*+[ \t]*+)?+(?:<\|begin_of_box\|>[ \t]*+)?+"
_LINE_END: Final = re.compile(r"[ \t\r]*+(?:```[ \t\r]*+)?+(?:\n|\Z)")
_OBJECT: Final = r'\{(?=\s*+["}])'
_ARRAY: Final = r'\[(?=\s*+["\]\[{\d\-tfn])'


def _opener(*brackets: str) -> re.Pattern[str]:
    return re.compile(f"{_LINE_BEGIN}(?={'|'.join(brackets)})", re.MULTILINE)


_OPENERS: Final = {
    "object": _opener(_OBJECT),
    "array": _opener(_ARRAY),
    None: _opener(_OBJECT, _ARRAY),
}
"""Where a value of a kind begins on a line of its own, or one of either kind; a bracket in words is neither."""


def json_opener(kind: str | None = None) -> re.Pattern[str]:
    """Return what finds the beginning of an `object`, of an `array`, or for any other kind of either of them."""
    return _OPENERS.get(kind, _OPENERS[None])


def json_values(text: str) -> Iterator[Any]:
    """Yield the JSON value that an answer is, and what that encodes if it is text, or else those on lines of their own.

    Nothing is taken from JSON that is incomplete or incorrect, not even a correct part of it.
    """
    text = _BOX.sub("", text.rpartition("</think>")[2]).strip()
    try:
        value = json_decoder.decode(text)
    except (ValueError, RecursionError):
        yield from _values_on_lines(text)
        return
    yield value
    if isinstance(value, str):
        yield from json_values(value)


def _values_on_lines(text: str) -> Iterator[Any]:
    position = 0
    while opener := json_opener().search(text, position):
        try:
            value, position = json_decoder.raw_decode(text, opener.end())
        except (ValueError, RecursionError):
            return
        if _LINE_END.match(text, position):
            yield value
