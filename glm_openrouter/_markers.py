"""Find markers such as `<tool_call>` in text that arrives in pieces."""

import functools
import re
from collections.abc import Sequence

__all__ = ["MarkerScanner", "undecided"]

_FENCE = 3
"""Backticks or tildes that make a fence. Fewer backticks are inline code, fewer tildes are nothing."""


def undecided(text: str, markers: Sequence[str]) -> int:
    """Count the characters at the end of a text that may be the beginning of a marker."""
    longest = max(map(len, markers), default=1) - 1
    sizes = range(min(longest, len(text)), 0, -1)
    starts = (size for size in sizes if any(marker.startswith(text[-size:]) for marker in markers))
    return next(starts, 0)


@functools.cache
def _pattern_of(markers: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join((*map(re.escape, markers), "`+", "~{3,}", "\n")))


class MarkerScanner:
    """Find markers; in fenced and in inline code (https://spec.commonmark.org) nothing is a marker.

    Text is held back for no longer than it may be the beginning of a marker, and the result does not depend on how the
    text is cut.
    """

    def __init__(self, *markers: str) -> None:
        self._markers = markers
        self._pattern = _pattern_of(markers)
        self._held = ""
        self._run = ""
        """Backticks or tildes that the text ended with: given out already, but more of them may follow."""
        self._before = "\n"
        """The last character before that run."""
        self._code = ""
        """The run that has begun code, while it lasts."""
        self._inline = False
        """Whether that is inline code."""

    def passes(self, text: str) -> bool:
        """Return whether `text` holds no marker, no part of one, and nothing that decides what is one."""
        if self._held or self._run or self._inline or "<" in text or "`" in text or "~" in text:
            return False
        self._before = text[-1:] or self._before
        return True

    def find(self, text: str) -> tuple[str, str, str]:
        """Return the settled text up to the next marker, the marker (or ""), and what follows it."""
        given = len(self._run)
        text = self._run + self._held + text
        self._run = self._held = ""
        run = text[len(text.rstrip("`")) :] or text[len(text.rstrip("~")) :]
        end = len(text) - (len(run) or undecided(text, self._markers))
        for match in self._pattern.finditer(text, 0, end):
            token = match.group()
            if token[0] in "`~\n":
                before = text[match.start() - 1] if match.start() else self._before
                self._take_mark(token, before)
            elif not self._code:
                self._before = token[-1]
                return text[given : match.start()], token, text[match.end() :]
        self._before = text[end - 1] if end else self._before
        if run:
            self._run = run
            return text[given:], "", ""
        self._held = text[end:]
        return text[given:end], "", ""

    def flush(self) -> str:
        """Return the text that was held back."""
        held, self._held = self._held, ""
        return held

    def _take_mark(self, token: str, before: str) -> None:
        """Take what may begin or end code: backticks, tildes, or the end of a line."""
        if token == "\n":
            ends = self._inline  # a lone backtick does not begin code
        elif self._code[:1] == token[0]:
            longer = len(token) - len(self._code)
            ends = longer == 0 if self._inline else longer >= 0
        else:
            ends = False
        if ends:
            self._code, self._inline = "", False
        elif token[0] == "~":
            if not self._code and before == "\n":
                self._code = token
        elif token[0] == "`" and (not self._code or (self._inline and len(token) >= _FENCE)):
            self._code, self._inline = token, len(token) < _FENCE
