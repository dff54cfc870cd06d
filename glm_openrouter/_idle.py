"""How long nothing may come: the clock behind `timeout`. Pure; the drivers hand it to the sockets."""

import time
from collections.abc import Callable

__all__ = ["IdleTimer"]

_GRACE = 0.05
"""Seconds to wait for the end of the body once the response has ended, so that the connection can be used again."""


class IdleTimer:
    """How long nothing has been heard of a response, and how long that may last.

    `limit` is in seconds; `None` means forever.
    """

    def __init__(self, limit: float | None, clock: Callable[[], float] = time.monotonic) -> None:
        self.deadline: float | None = None
        """When the wait is over, on `clock`."""
        self._limit = limit
        self._clock = clock
        self._last: str | int = ""
        self.restart("the request itself")

    def restart(self, what: str | int) -> None:
        """Note that something has come, such as the event of a number; the wait starts again."""
        self._last = what
        if self._limit is not None:
            self.deadline = self._clock() + self._limit

    def end(self, *, wait: bool = True) -> None:
        """Note that all has come; what is left is a moment for the connection to become free, or no time at all."""
        self._limit = _GRACE if wait else 0
        self.restart("the end of the response")

    def remaining(self) -> float | None:
        """Return the seconds that are left.

        Raises:
            TimeoutError: None are.
        """
        if self.deadline is None:
            return None
        left = self.deadline - self._clock()
        if left <= 0:
            raise TimeoutError
        return left

    @property
    def send_deadline(self) -> float | None:
        """When sending must be over: a moment after `deadline`, because the limits of a socket say more."""
        return None if self.deadline is None else self.deadline + _GRACE

    def describe(self) -> str:
        """Say how long the silence was and what came last."""
        last = f"event {self._last}" if isinstance(self._last, int) else self._last
        span = "in time" if self._limit is None else f"for {self._limit:g} s (timeout)"
        return f"Nothing came {span}; the last was {last}"
