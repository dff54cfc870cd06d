"""A clock for tests: nothing waits, the waits are noted, and time goes on by as much."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from glm_openrouter._client.transport import BaseTransport, Clock

__all__ = ["noted_waits"]


class _NotingClock(Clock):
    def __init__(self, waits: list[float]) -> None:
        self._waits = waits

    def now(self) -> float:
        return time.monotonic() + sum(self._waits)

    def sleep(self, seconds: float) -> None:
        self._waits.append(seconds)

    async def asleep(self, seconds: float) -> None:
        self._waits.append(seconds)


@contextmanager
def noted_waits(waits: list[float]) -> Iterator[None]:
    """Have every client note in this block the seconds between its tries, instead of waiting."""
    real = BaseTransport.clock
    BaseTransport.clock = _NotingClock(waits)
    try:
        yield
    finally:
        BaseTransport.clock = real
