"""Lines that a user types, with editing, completion and history where the terminal has them."""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType

from ._history import History

__all__ = ["LineReader"]


class LineReader:
    """Reads lines.

    Args:
        history: What the arrow keys bring back.
        words: What the Tab key completes the beginning of a line to.
    """

    def __init__(self, history: History, words: Sequence[str] = ()) -> None:
        self._history = history
        self._words = words
        self._readline = _import_readline()
        if self._readline is not None:
            self._set_up(self._readline)

    def read(self, prompt: str) -> str:
        """Return the next line, without white space around it.

        Raises:
            EOFError: There are no more.
            KeyboardInterrupt: Ctrl-C was pressed.
        """
        line = input(prompt).strip()
        if line and self._readline is not None:
            self._history.add(line)
        return line

    def _set_up(self, readline: ModuleType) -> None:
        for line in self._history.load():
            readline.add_history(line)
        readline.set_completer(self._complete)
        readline.set_completer_delims(" \t\n")
        if "libedit" in (readline.__doc__ or ""):  # as on macOS
            readline.parse_and_bind("bind ^I rl_complete")
            return
        readline.parse_and_bind("tab: complete")
        # Lines that are pasted together are one question.
        readline.parse_and_bind("set enable-bracketed-paste on")

    def _complete(self, begun: str, number: int) -> str | None:
        fitting = [word for word in self._words if begun and word.startswith(begun)]
        return fitting[number] if number < len(fitting) else None


def _import_readline() -> ModuleType | None:
    """Return the module, which Python does not have everywhere."""
    try:
        import readline
    except ImportError:
        return None
    return readline
