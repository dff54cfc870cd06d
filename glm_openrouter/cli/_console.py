"""The terminal, which takes all text for nothing but text."""

from typing import Any

from rich.console import Console
from rich.text import Text

from ._plain import plain

__all__ = ["PlainConsole"]


class PlainConsole(Console):
    """A console in which text is plain: no markup, no codes of emojis, no control characters.

    What is written here may hold words of a model or a server; what is to be in colour says so with a style.
    """

    def __init__(self) -> None:
        super().__init__(markup=False, emoji=False, highlight=False)

    def render_str(self, text: str, **options: Any) -> Text:
        """Return text for what is printed, and for the cells of tables."""
        return super().render_str(plain(text), **options)

    def on_broken_pipe(self) -> None:
        """Let the command end as it does where something else than rich writes."""
        raise BrokenPipeError
