"""The brackets of a JSON text that comes in parts."""

import re
from typing import Final

__all__ = ["Outline", "cut_mark"]


def cut_mark(arguments: str) -> str:
    """Return an ending with which cut arguments are no JSON however a reader completes them.

    It closes a string that is open, and then a bracket that is not.
    """
    outline = Outline()
    outline.feed(arguments)
    quotes = '"' * (outline.in_string + outline.in_escape)
    return quotes + ("}" if outline.open[-1:] == ["["] else "]")


class Outline:
    """Which brackets and strings of a JSON text are open; each character is looked at once.

    It tells when a look at the whole text is worth its cost. It does not check the text.
    """

    _SIGNS: Final = re.compile(r'["{}\[\]]')
    _SIGNS_IN_STRING: Final = re.compile(r'["\\]')
    _OPENER_OF: Final = {"}": "{", "]": "["}

    __slots__ = ("in_escape", "in_string", "last", "open")

    def __init__(self) -> None:
        self.open: list[str] = []
        """The brackets that are open, the innermost last."""
        self.last = ""
        """The last character outside of strings that is not white space."""
        self.in_string = False
        self.in_escape = False
        """Whether the last character is a backslash that escapes the next."""

    def feed(self, text: str) -> None:
        """Take the next part."""
        at = int(self.in_escape and bool(text))
        self.in_escape = self.in_escape and not text
        while sign := (self._SIGNS_IN_STRING if self.in_string else self._SIGNS).search(text, at):
            at = sign.end()
            if sign[0] == "\\":
                self.in_escape = at == len(text)
                at += 1
            else:
                self._take(sign[0])
        if not self.in_string and (rest := text.rstrip()):
            self.last = rest[-1]

    def _take(self, sign: str) -> None:
        if sign == '"':
            self.in_string = not self.in_string
        elif sign in "{[":
            self.open.append(sign)
        elif self.open and self.open[-1] == self._OPENER_OF[sign]:
            self.open.pop()
