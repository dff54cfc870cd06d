"""How a job stands, in numbers and in words."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

__all__ = ["Tally", "fit_lines", "say_usd"]

_WINDOW = 30.0
"""Seconds over which rows are counted for the rate."""


@dataclass
class Tally:
    """Counts rows as they come."""

    total: int
    """Rows of the input."""
    done: int = 0
    """Those that have an answer, those of earlier runs among them."""
    failed: int = 0
    cost: float = 0.0
    """USD, those of earlier runs among them."""
    paid: int = 0
    """Rows that have cost something."""
    budget: float | None = None
    """USD."""
    in_flight: int = 0
    replayed: int = 0
    """Calls whose answers were in the journal."""
    clock: Callable[[], float] = time.monotonic
    _samples: deque[tuple[float, int]] = field(default_factory=deque)
    """When how many rows were finished, in the last seconds."""

    @property
    def finished(self) -> int:
        """Rows that nothing more comes for in this run."""
        return self.done + self.failed

    def sample(self) -> None:
        """Remember how many rows are finished now."""
        now = self.clock()
        if not self._samples or now - self._samples[-1][0] >= 1:
            self._samples.append((now, self.finished))
        while self._samples[0][0] < now - _WINDOW:
            self._samples.popleft()

    @property
    def rate(self) -> float | None:
        """Rows a second, lately; `None` as long as it is not known."""
        if not self._samples:
            return None
        since, finished = self._samples[0]
        seconds = self.clock() - since
        return (self.finished - finished) / seconds if seconds > 0 else None

    def parts(self) -> list[str]:
        """Return what there is to say while it runs."""
        share = self.finished / self.total if self.total else 1.0
        left = self.total - self.finished
        parts = [f"{int(100 * share)} %", f"{self.finished:,} of {self.total:,}"]
        rate = self.rate
        if rate is not None:
            parts.append(f"{rate:,.0f}/s" if rate >= 10 else f"{rate:.1f}/s")
        parts.append(self._say_cost(left))
        if self.failed:
            parts.append(f"{self.failed:,} failed")
        parts.append(f"{self.in_flight:,} in flight")
        if self.replayed:
            parts.append(f"{self.replayed:,} replayed")
        if rate and left:
            parts.append(f"{timedelta(seconds=round(left / rate))} left")
        return parts

    def _say_cost(self, left: int) -> str:
        said = f"{say_usd(self.cost)} USD"
        if self.budget is not None:
            said += f" of {say_usd(self.budget)}"
        if self.paid and left:
            said += f" ({say_usd(self.cost + self.cost / self.paid * left)} in the end)"
        return said


def say_usd(amount: float) -> str:
    """Return an amount with as many digits as it needs."""
    digits = 2 if amount >= 1 or not amount else 4 if amount >= 0.01 else 6
    return f"{amount:,.{digits}f}"


def fit_lines(parts: list[str], width: int) -> str:
    """Return parts side by side, in as many lines as they need; none is broken."""
    lines: list[str] = []
    for part in parts:
        if lines and len(lines[-1]) + 2 + len(part) <= width:
            lines[-1] += f"  {part}"
        else:
            lines.append(part)
    return "\n".join(lines)
