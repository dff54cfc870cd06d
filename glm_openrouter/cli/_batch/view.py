"""Shows how a job stands while it runs: a bar on a terminal, lines anywhere else."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from glm_openrouter.cli._common import write_line

from .tally import Tally

if TYPE_CHECKING:
    from glm_openrouter.cli._console import PlainConsole

__all__ = ["View", "show"]

_BETWEEN_LINES = 10.0
"""Seconds."""

_IN_A_KERNEL = "JPY_PARENT_PID"
"""Set where a cell of a notebook runs a command, on a terminal that never goes back to what it has shown."""


class View(Protocol):
    """Takes note that there is something new."""

    def __call__(self) -> None:
        """Show the tally as it is now, if it is time."""


@contextmanager
def show(tally: Tally) -> Iterator[View]:
    """Show a tally for as long as the block lasts."""
    console = _terminal()
    if console is None:
        yield _Lines(tally)
        return
    from .bar import live_bar

    with live_bar(console, tally):
        yield lambda: None  # it looks at the tally by itself


def _terminal() -> PlainConsole | None:
    """Return the terminal; `None` if there is none that can be drawn on, or no rich to draw."""
    if not sys.stdout.isatty() or _IN_A_KERNEL in os.environ:
        return None
    try:
        from glm_openrouter.cli._console import PlainConsole
    except ImportError:
        return None
    console = PlainConsole()
    return console if console.is_terminal else None


class _Lines:
    """Writes a line now and then."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._last = tally.clock()

    def __call__(self) -> None:
        now = self._tally.clock()
        if now - self._last >= _BETWEEN_LINES:
            self._last = now
            write_line("  ".join(self._tally.parts()))
