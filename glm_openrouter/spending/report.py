"""What a log of calls says: sums by model and provider and by day, and how fast providers were."""

from __future__ import annotations

import os
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING

from .call_log import read_log
from .log_sums import LogSums

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["LogReport", "read_log_report"]


@dataclass
class LogReport:
    """What a log says."""

    by_provider: dict[tuple[str, str], LogSums]
    """By model and provider, the dearest first."""
    by_day: dict[str, LogSums]
    """By day in UTC, such as `2026-11-30`, the first one first."""
    total: LogSums
    skipped: int = 0
    """Lines that are no call: cut off, or not ours."""

    def _repr_html_(self) -> str:
        from .sums_table import sums_table  # which a program needs in a notebook alone

        return sums_table(self.by_provider, self.total)

    def plot(self) -> Figure:
        """Return a figure: cost, time to first token, tokens a second and cached tokens, by provider; cost by day.

        It needs no display. A notebook shows it; `savefig` writes it.

        Raises:
            ImportError: matplotlib is missing; the message names the extra.
        """
        from .plot import draw  # and with it matplotlib, which nothing else needs

        return draw(self.by_provider, self.by_day, self.total)


def read_log_report(path: str | os.PathLike[str]) -> LogReport:
    """Return what a log says that `track_spend(log=...)` has written.

    Args:
        path: Of the file.

    Raises:
        OSError: It cannot be read.
    """
    by_provider: defaultdict[tuple[str, str], LogSums] = defaultdict(LogSums)
    by_day: defaultdict[str, LogSums] = defaultdict(LogSums)
    total, skipped = LogSums(), 0
    for call in read_log(path):
        if call is None:
            skipped += 1
            continue
        day = call.time.astimezone(UTC).date().isoformat()
        for sums in (by_provider[call.model, call.provider], by_day[day], total):
            sums.add(call)
    dearest = sorted(by_provider.items(), key=lambda item: (-item[1].cost, item[0]))
    return LogReport(dict(dearest), dict(sorted(by_day.items())), total, skipped)
