"""The sums over some lines of a log of calls."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from statistics import median

from .call_log import LoggedCall

__all__ = ["LogSums"]


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
