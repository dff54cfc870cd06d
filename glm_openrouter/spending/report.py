"""What a log of calls says: sums by model and provider and by day, and how fast providers were."""

from __future__ import annotations

import os
from array import array
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC
from statistics import median

from .call_log import LoggedCall, read_log

__all__ = ["LogReport", "LogSums", "read_report"]


@dataclass
class LogSums:
    """The sums over some lines of a log."""

    calls: int = 0
    """Those that were sent."""
    failed: int = 0
    """Those of them that ended with an error."""
    cost: float = 0.0
    """USD, as far as it is known."""
    unreported: int = 0
    """Calls without an error whose cost is not known, such as streams that were left."""
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    reasoning_tokens: int = 0
    cached: int = 0
    """Calls that OpenRouter answered from its response cache."""
    replayed: int = 0
    """Answers from a `Journal`; they are not among the calls."""
    _first_tokens: array[float] = field(default_factory=lambda: array("d"), repr=False)
    _speeds: array[float] = field(default_factory=lambda: array("d"), repr=False)

    @property
    def cache_hit_rate(self) -> float:
        """The share of the prompt tokens that came from a cache, from 0 to 1."""
        return self.cached_tokens / self.prompt_tokens if self.prompt_tokens else 0.0

    @property
    def seconds_to_first_token(self) -> float | None:
        """The median; `None` if no answer came in parts."""
        return median(self._first_tokens) if self._first_tokens else None

    @property
    def tokens_per_second(self) -> float | None:
        """The median, after the first token; `None` if no answer came in parts."""
        return median(self._speeds) if self._speeds else None

    def add(self, call: LoggedCall) -> None:
        """Add a line."""
        if call.replayed:
            self.replayed += 1
            return
        self.calls += 1
        self.failed += call.error is not None
        self.cost += call.cost or 0.0
        self.unreported += call.cost is None and call.error is None
        self.prompt_tokens += call.prompt_tokens
        self.cached_tokens += call.cached_tokens
        self.completion_tokens += call.completion_tokens
        self.reasoning_tokens += call.reasoning_tokens
        self.cached += call.cached
        if not (call.cached or call.error):
            self._add_speed(call)

    def _add_speed(self, call: LoggedCall) -> None:
        if call.seconds_to_first_token is None:
            return
        self._first_tokens.append(call.seconds_to_first_token)
        seconds = call.seconds - call.seconds_to_first_token
        if seconds > 0 and call.completion_tokens > 1:
            self._speeds.append(call.completion_tokens / seconds)

    def to_dict(self) -> dict[str, int | float | None]:
        """Return all figures, by name."""
        sums = {name: value for name, value in vars(self).items() if not name.startswith("_")}
        return {
            **sums,
            "cache_hit_rate": self.cache_hit_rate,
            "seconds_to_first_token": self.seconds_to_first_token,
            "tokens_per_second": self.tokens_per_second,
        }


@dataclass
class LogReport:
    """What a log says."""

    by_provider: dict[tuple[str, str], LogSums]
    """By model and provider, the dearest first."""
    by_day: dict[str, LogSums]
    """By day in UTC, such as `2026-11-30`, the first one first."""
    total: LogSums
    skipped: int
    """Lines that are no call: cut off, or not ours."""


def read_report(path: str | os.PathLike[str]) -> LogReport:
    """Return what a log says.

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
