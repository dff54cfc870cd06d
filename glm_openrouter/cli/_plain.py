"""What is shown is text: nothing that comes from a model, a server or a program can command the terminal."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import TextIO
from unicodedata import category

__all__ = ["escaped", "plain", "plain_errors", "plain_output"]

_COMMANDING = frozenset(("Cc", "Cf", "Cs"))
"""Control characters, C1 among them; formats, such as those that turn the direction; halves of surrogate pairs."""


class _Plain(dict[int, str]):
    """What each character is shown as; filled as it is used."""

    def __missing__(self, code: int) -> str:
        kind = category(chr(code))
        shown = chr(code)
        if kind in _COMMANDING and shown not in "\n\t":
            shown = "" if kind == "Cf" or shown == "\r" else "\N{REPLACEMENT CHARACTER}"
        return self.setdefault(code, shown)


class _Escaped(dict[int, str]):
    """What each character of JSON is written as."""

    def __missing__(self, code: int) -> str:
        written = chr(code)
        if category(written) in _COMMANDING and written not in "\n\t":
            units = written.encode("utf-16-be", "surrogatepass").hex()
            written = "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))
        return self.setdefault(code, written)


_plain = _Plain()
_escaped = _Escaped()


def plain(text: str) -> str:
    """Return text without characters that command a terminal; line feeds and tabs stay.

    Each character counts alone, so that it makes no difference how a text is cut. Those that have no look of their own
    vanish, others are replaced. What is left of a control sequence is shown.
    """
    return text if text.isascii() and text.isprintable() else text.translate(_plain)


def escaped(written: str) -> str:
    """Return JSON in which characters that command a terminal are escaped; it means the same."""
    return written.translate(_escaped)


class _PlainStream:
    """A stream that takes text and passes it on as plain text.

    It says that it is no terminal, so that Python itself writes no colours into it.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.encoding = stream.encoding
        self.errors = stream.errors

    def write(self, text: str) -> int:
        self._stream.write(plain(text))
        return len(text)

    def flush(self) -> None:
        self._stream.flush()

    def isatty(self) -> bool:
        return False


@contextmanager
def plain_output() -> Iterator[None]:
    """Pass on what is printed in the block as plain text."""
    with redirect_stdout(_PlainStream(sys.stdout)), plain_errors():
        yield


@contextmanager
def plain_errors() -> Iterator[None]:
    """Pass on what is written to `stderr` in the block, such as tracebacks and warnings, as plain text."""
    with redirect_stderr(_PlainStream(sys.stderr)):
        yield
