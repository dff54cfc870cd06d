"""Find markers such as `<tool_call>` in text that arrives in pieces."""

import functools
import re
from collections.abc import Iterator, Sequence
from typing import Final

__all__ = ["MarkerScanner", "undecided"]

_FENCE: Final = 3
"""Backticks or tildes that make a fence. Fewer backticks are inline code, fewer tildes are nothing."""

_MOST_MARKS: Final = 30_000
"""Markers, backticks and tildes that are looked at in one text. After that all is text: no answer needs more."""

_ENDS_OF_CODE: Final = {
    "inline": re.compile("`+|\n"),  # also a line's end: a lone backtick does not begin code
    "`": re.compile("`{3,}"),
    "~": re.compile("~{3,}"),
    "all": re.compile("(?!)"),
}
"""What may end each kind of code."""


def undecided(text: str, markers: Sequence[str]) -> int:
    """Count the characters at the end of a text that may be the beginning of a marker."""
    longest = max(map(len, markers), default=1) - 1
    sizes = range(min(longest, len(text)), 0, -1)
    starts = (size for size in sizes if any(marker.startswith(text[-size:]) for marker in markers))
    return next(starts, 0)


@functools.cache
def _pattern_of(markers: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join((*map(re.escape, markers), "`+", "~{3,}")))


class MarkerScanner:
    """Find markers; in fenced and in inline code (https://spec.commonmark.org) nothing is a marker.

    `feed` takes the next piece of the text, and then `find` is called until it finds no more. Text is held back for no
    longer than it may be the beginning of a marker, the result does not depend on how the text is cut, and each
    character is looked at once.
    """

    def __init__(self, *markers: str) -> None:
        self.text = ""
        """What is being looked through: the piece that came last, after what was held back before it."""
        self.settled = 0
        """Up to where it can be given out, once `find` finds no more."""
        self.begins_line = False
        """Whether the marker that was found last is at the beginning of a line."""
        self._markers = markers
        self._longest = max(map(len, markers))
        self._pattern = _pattern_of(markers)
        self._position = 0
        """Up to where `text` has been looked through."""
        self._end = 0
        """Where `text` ends, without backticks or tildes that more may follow."""
        self._last = "\n"
        """The last character before `text`."""
        self._run = ""
        """The character of the backticks or tildes that the text ended with: given out, but more may follow."""
        self._run_length = 0
        self._run_begins_line = False
        self._code = ""
        """The kind of code that the text is in."""
        self._code_length = 0
        """The length of the run that has begun it."""
        self._marks = 0

    def passes(self, text: str) -> bool:
        """Return whether `text` holds no marker, no part of one, and nothing that decides what is one."""
        if self.settled < len(self.text) or self._run or self._code == "inline":
            return False
        if "<" in text or "`" in text or "~" in text:
            return False
        self._last = text[-1:] or self._last
        return True

    def feed(self, text: str) -> None:
        """Take the next piece."""
        self.text = self.text[self.settled :] + text
        self._position = self.settled = 0
        if self._run:
            rest = text.lstrip(self._run)
            self._position = len(text) - len(rest)
            self._run_length += self._position
            if rest:
                self._last = self._run
                self._take_run(self._run, self._run_length, self._run_begins_line)
                self._run = ""
        last = "" if self._run else self.text[-1:]
        self._end = len(self.text.rstrip(last)) if last in ("`", "~") else len(self.text)

    def find(self) -> tuple[int, int] | None:
        """Return where in `text` the next marker begins and ends, or `None` if there is none any more."""
        while match := self._pattern_here.search(self.text, self._position, self._end):
            self._position = match.end()
            token = match.group()
            begins_line = self._before(match.start()) == "\n"
            if token == "\n":
                self._code = ""
            elif token[0] in "`~":
                self._take_run(token[0], len(token), begins_line)
            else:
                self._count()
                self.begins_line = begins_line
                return match.span()
        self._settle()
        return None

    def __iter__(self) -> Iterator[tuple[str, str]]:
        """Yield the text up to each marker with the marker, and at last the settled text after them with nothing."""
        position = 0
        while found := self.find():
            start, end = found
            yield self.text[position:start], self.text[start:end]
            position = end
        yield self.text[position : self.settled], ""

    def leave(self, start: int) -> None:
        """Take `text` for over at the marker which begins at `start`: it comes again, or it is no text."""
        self._last = self._before(start)
        self.text, self.settled, self._run = "", 0, ""
        self._marks -= 1

    def flush(self) -> str:
        """Return the text that was held back."""
        held, self.text = self.text[self.settled :], ""
        self.settled = 0
        return held

    @property
    def _pattern_here(self) -> re.Pattern[str]:
        return _ENDS_OF_CODE.get(self._code) or self._pattern

    def _before(self, start: int) -> str:
        return self.text[start - 1] if start else self._last

    def _settle(self) -> None:
        """Decide what of the text can be given out, when all of it has been looked through."""
        size = len(self.text)
        if self._end < size:
            self._run, self._run_length = self.text[-1], size - self._end
            self._run_begins_line = self._before(self._end) == "\n"
        rest = self.text[max(self._position, size - self._longest) :]
        held = 0 if self._run or self._code else undecided(rest, self._markers)
        self._position = self.settled = size - held
        if self.settled:
            self._last = self.text[self.settled - 1]

    def _take_run(self, character: str, length: int, begins_line: bool) -> None:
        """Take backticks or tildes, which may begin or end code."""
        self._count()
        inline = self._code == "inline"
        if self._code == "all":
            # Too many have come: they decide nothing any more.
            return
        if inline and character == "`" and length == self._code_length:
            # Inline code ends with as many backticks as it began with.
            self._code = ""
        elif character == self._code:
            # A fence ends with at least as many as it began with; fewer are text in it.
            self._code = "" if length >= self._code_length else self._code
        elif character == "`" and (not self._code or (inline and length >= _FENCE)):
            # Code begins. A fence does so within what looked like inline code, too: a lone backtick may be a typo.
            self._code, self._code_length = "`" if length >= _FENCE else "inline", length
        elif character == "~" and not self._code and length >= _FENCE and begins_line:
            # Tildes in the middle of a line are text.
            self._code, self._code_length = "~", length

    def _count(self) -> None:
        self._marks += 1
        if self._marks > _MOST_MARKS:
            self._code = "all"
