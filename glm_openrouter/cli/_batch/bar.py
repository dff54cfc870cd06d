"""A bar on a terminal."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.segment import Segment
from rich.text import Text

from .tally import Tally, fit_lines

__all__ = ["live_bar"]


@contextmanager
def live_bar(console: Console, tally: Tally) -> Iterator[None]:
    """Show a tally as a bar, with its words below, for as long as the block lasts."""
    with Live(_Bar(tally), console=console, refresh_per_second=4, transient=True):
        yield


class _Bar:
    def __init__(self, tally: Tally) -> None:
        self._tally = tally

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        tally, width = self._tally, options.max_width
        yield ProgressBar(total=max(tally.total, 1), completed=tally.finished, width=width)
        yield Segment.line()
        yield Text(fit_lines(tally.parts(), width))
