"""The clock behind `timeout`: how long nothing may come.

An `IdleTimer` begins with each attempt, whatever brings the response forward restarts it, and no wait for a socket,
from the first byte that is sent to the end of the body, may last longer than it has left: that is all that `timeout`
means, and the sockets of `_http` hold to it. Only making a connection has a limit of its own, which is shorter. Until
the answer begins another limit may stand in its place, which nothing restarts.
"""

import time
from collections.abc import Callable
from threading import TIMEOUT_MAX
from typing import Protocol, runtime_checkable

__all__ = ["IdleTimer", "TimeLimits", "is_time_limit"]

_GRACE = 0.05
"""Seconds to wait for the end of the body once the response has ended, so that the connection can be used again."""


@runtime_checkable
class TimeLimits(Protocol):
    """Limits of time in httpx's form, in seconds; `None` is no limit."""

    connect: float | None
    read: float | None
    write: float | None
    pool: float | None


def is_time_limit(value: object) -> bool:
    """Return whether a value says how long nothing may come."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return isinstance(value, TimeLimits)
    return 0 < value <= TIMEOUT_MAX


class IdleTimer:
    """How long nothing has come of a response, and how long that may last.

    Args:
        limit: Seconds; `None` means forever.
        clock: Returns the seconds since some moment.
        first: Seconds until the answer has to begin, in place of `limit`; `None` means that there is no such limit.
    """

    def __init__(
        self,
        limit: float | None,
        clock: Callable[[], float] = time.monotonic,
        *,
        first: float | None = None,
    ) -> None:
        self.deadline: float | None = None
        """When the wait is over, on `clock`."""
        self.waits_for_answer = first is not None
        """Whether it is the beginning of the answer that is waited for, with a limit of its own."""
        self._limit = limit
        self._first = first
        self._clock = clock
        self._last: str | int = ""
        if first is not None:
            self.deadline = clock() + first
        self.restart("the request itself")

    def restart(self, what: str | int) -> None:
        """Note that something has come, such as the event of a number; the wait starts again."""
        self._last = what
        if self.waits_for_answer:
            return
        if self._limit is not None:
            self.deadline = self._clock() + self._limit

    def begin_answer(self) -> None:
        """Note that the answer has begun; what is waited for now is the next part of it."""
        self.waits_for_answer = False
        self.deadline = None
        self.restart(self._last)

    def end(self, *, wait: bool = True) -> None:
        """Note that all has come; what is left is a moment for the connection to become free, or no time at all."""
        self.waits_for_answer = False
        self._limit = _GRACE if wait else 0
        self.restart("the end of the response")

    def seconds_left(self) -> float | None:
        """Return the seconds that are left, at least 0."""
        return None if self.deadline is None else max(0.0, self.deadline - self._clock())

    def remaining(self) -> float | None:
        """Return the seconds that are left.

        Raises:
            TimeoutError: None are.
        """
        left = self.seconds_left()
        if left == 0:
            raise TimeoutError
        return left

    def seconds_to_send(self) -> float | None:
        """Return how long sending may take: a moment longer, because the limits of a socket say more."""
        left = self.seconds_left()
        return None if left is None else left + _GRACE

    def describe(self) -> str:
        """Say how long nothing came, and what came last."""
        last = f"event {self._last}" if isinstance(self._last, int) else self._last
        if self.waits_for_answer:
            what = "No reasoning, text or tool call came"
            return f"{what} for {self._first:g} s (first_token_timeout); the last was {last}"
        span = "in time" if self._limit is None else f"for {self._limit:g} s (timeout)"
        return f"Nothing came {span}; the last was {last}"
