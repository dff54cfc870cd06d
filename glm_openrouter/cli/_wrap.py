"""Lines that break between words, in text that comes in pieces."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from typing import TextIO

from rich.cells import cell_len

__all__ = ["WordWrap", "wrapped_output"]

_PIECE = re.compile(r"\n|[^\S\n]+|[\u2e80-\ua4cf\uac00-\ud7af\uf900-\ufaff\uff00-\uff60]|\S")
"""A line break, white space, a character of a script without spaces, any other."""


class WordWrap:
    """Breaks lines between words.

    A word is held back until it is known how long it is, and no longer than a line. The last one waits for a line feed.

    Args:
        width: Columns of the terminal.
    """

    def __init__(self, width: int) -> None:
        self._width = max(width, 1)
        self._column = 0
        self._space = ""
        self._word = ""
        self._size = 0
        self._is_rest = False
        """Whether the word began on this line, and was longer than a line."""

    def feed(self, text: str) -> str:
        """Return what may be shown, once this text has come."""
        shown = []
        for piece in _PIECE.findall(text):
            size = cell_len(piece)
            if piece.isspace():
                shown.append(self._release())
                self._take_space(piece, shown)
                continue
            if size > 1 or self._size >= self._width:
                shown.append(self._release(goes_on=size == 1))
            self._word += piece
            self._size += size
        return "".join(shown)

    def flush(self) -> str:
        """Return the word that is held back."""
        return self._release()

    def _take_space(self, piece: str, shown: list[str]) -> None:
        if piece == "\n":
            shown.append("\n")
            self._column, self._space = 0, ""
        else:
            self._space += piece.expandtabs(8)
        self._is_rest = False

    def _release(self, *, goes_on: bool = False) -> str:
        """Return the word, on the next line if it does not fit on this one."""
        if not self._word:
            return ""
        space, word, size = self._space, self._word, self._size
        self._space, self._word, self._size = "", "", 0
        fits = self._column + len(space) + size <= self._width
        if fits or self._is_rest or not self._column:
            self._column += len(space) + size
        else:
            space, self._column = "\n", size
        self._column %= self._width + 1
        self._is_rest = goes_on
        return space + word


class _WrappedStream:
    """A stream that passes text on in lines that break between words."""

    def __init__(self, stream: TextIO, width: int) -> None:
        self._stream = stream
        self._wrap = WordWrap(width)
        self.encoding = stream.encoding
        self.errors = stream.errors

    def write(self, text: str) -> int:
        self._stream.write(self._wrap.feed(text))
        return len(text)

    def flush(self) -> None:
        self._stream.flush()

    def isatty(self) -> bool:
        return self._stream.isatty()

    def end(self) -> None:
        self._stream.write(self._wrap.flush())


@contextmanager
def wrapped_output(width: int) -> Iterator[None]:
    """Break the lines of what is printed in the block between words.

    Args:
        width: Columns of the terminal.
    """
    stream = _WrappedStream(sys.stdout, width)
    with redirect_stdout(stream):
        try:
            yield
        finally:
            stream.end()
