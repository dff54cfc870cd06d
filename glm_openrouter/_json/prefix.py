"""How much of an object that comes in parts is JSON for certain."""

import re
from typing import Final

__all__ = ["StrictPrefix"]

_BLANKS = r"[ \t\r\n]*+"
_NUMBER = r"-?+(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?+(?:[eE][+-]?+[0-9]++)?+"
_IN_STRING: Final = re.compile(r'(?:[^"\\]|\\["\\/bfnrtu])*+')
_TOKEN: Final = re.compile(
    rf'[ \t\r\n{{}}\[\]:]++|,{_BLANKS}(?=["\[{{\-0-9tfn])|(?:true|false|null|{_NUMBER})(?={_BLANKS}[,\]}}])'
)
"""A token of JSON that is no string, whole.

A comma counts once a value follows, because the last of a list is a mistake. A value that is a word counts once what
follows shows that it is no key.
"""

_MOST_UNDECIDED: Final = 64
_UNDECIDED: Final = re.compile(rf"(?:,|[tfn][a-z]{{0,4}}+|-?+(?:[0-9][0-9.eE+\-]*+)?+)?+{_BLANKS}")
"""What may become a token of JSON with what comes next."""


class StrictPrefix:
    """How much of an object that comes in parts is JSON for certain: what a reader of a looser form leaves as it is.

    Once a part is not, nothing that follows is. Of each part, at most 64 characters are looked at again with the next.
    """

    __slots__ = ("_in_string", "_is_over", "_undecided")

    def __init__(self) -> None:
        self._in_string = False
        self._is_over = False
        self._undecided = ""

    def feed(self, text: str) -> str:
        """Take the next part of the object; return what is JSON now, and has not been returned before."""
        if self._is_over:
            return ""
        if self._in_string and not self._undecided and '"' not in text and "\\" not in text:
            return text  # the middle of a long text, which is most of all that comes
        text = self._undecided + text
        end = self._find_end(text)
        self._undecided = text[end:]
        return text[:end]

    def _find_end(self, text: str) -> int:
        """Return where what is JSON for certain ends."""
        at = self._skip_string(text, 0) if self._in_string else 0
        while not self._in_string:
            if text[at : at + 1] == '"':
                self._in_string = True
                at = self._skip_string(text, at + 1)
            elif token := _TOKEN.match(text, at):
                at = token.end()
            else:
                is_long = len(text) - at > _MOST_UNDECIDED
                self._is_over = is_long or not _UNDECIDED.fullmatch(text, at)
                break
        return at

    def _skip_string(self, text: str, at: int) -> int:
        """Return where a string ends, or where what has come of it does."""
        string = _IN_STRING.match(text, at)
        at = string.end() if string else at
        rest = text[at : at + 2]
        if rest[:1] == '"':
            self._in_string = False
            return at + 1
        self._is_over = rest not in ("", "\\")
        return at
