"""What was typed in earlier conversations, in a file that only its user can read."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

__all__ = ["History", "history_path"]

_MOST_LINES = 1000
_MOST_BYTES = 1_000_000
"""Of the end of the file, which is all that is read."""


def history_path() -> Path | None:
    """Return where the history is kept: in `XDG_STATE_HOME`, by default `~/.local/state`; `None` without a home."""
    given = Path(os.environ.get("XDG_STATE_HOME", ""))
    try:
        state = given if given.is_absolute() else Path.home() / ".local" / "state"
    except RuntimeError:
        return None
    return state / "glm-openrouter" / "chat_history"


class History:
    """The last lines that were typed, each a JSON string on a line of its own; it is lost where it cannot be written.

    Args:
        path: The file; `None` keeps nothing.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path

    def load(self) -> Sequence[str]:
        """Return the lines of earlier conversations, the oldest first, and shorten a file that has grown long."""
        if self._path is None:
            return ()
        try:
            with self._path.open("rb") as file:
                size = file.seek(0, os.SEEK_END)
                file.seek(max(0, size - _MOST_BYTES))
                written = file.read(_MOST_BYTES).splitlines()
        except OSError:
            return ()
        lines = [line for line in map(_read, written) if line][-_MOST_LINES:]
        if size > _MOST_BYTES or len(written) > 2 * _MOST_LINES:
            self._write(lines, os.O_TRUNC)
        return lines

    def add(self, line: str) -> None:
        """Remember a line."""
        self._write([line], os.O_APPEND)

    def _write(self, lines: Sequence[str], how: int) -> None:
        if self._path is None:
            return
        written = "".join(f"{json.dumps(line)}\n" for line in lines)
        with suppress(OSError):
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | how, 0o600)
            with open(descriptor, "w", encoding="utf-8") as file:
                file.write(written)


def _read(written: bytes) -> str:
    try:
        line = json.loads(written)
    except ValueError:
        return ""
    return line if isinstance(line, str) else ""
