"""Ends the waits of an asynchronous body in time, with one timer of the event loop for the whole body."""

from __future__ import annotations

import asyncio
from types import TracebackType

from glm_openrouter._idle import IdleTimer

__all__ = ["Watchdog"]


class Watchdog:
    """A block that ends with `TimeoutError` once nothing may come any longer; it is entered for each read.

    It does what `asyncio.timeout_at` does, which would set a timer for each read and take it back. This one rings at
    the deadline that there was when it was set, looks at the deadline that there is by then, and sets itself again.
    """

    def __init__(self, timer: IdleTimer) -> None:
        self._timer = timer
        self._alarm: asyncio.TimerHandle | None = None
        self._rings_at = 0.0
        """The deadline that the alarm was set for."""
        self._task: asyncio.Task[object] | None = None
        """The one that waits now."""
        self._cancelling = 0
        """How often others had asked that task to stop before it began to wait."""
        self._has_bitten = False

    def __enter__(self) -> None:
        deadline = self._timer.deadline
        if deadline is None:
            return
        task = self._task = asyncio.current_task()
        assert task is not None  # for the type checker; only tasks wait
        self._cancelling = task.cancelling()
        if self._alarm is None or deadline < self._rings_at:
            self._set_alarm(deadline)

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        _: TracebackType | None,
    ) -> None:
        task, self._task = self._task, None
        if not self._has_bitten or task is None:
            return
        self._has_bitten = False
        if task.uncancel() <= self._cancelling and error_type is asyncio.CancelledError:
            raise TimeoutError from error

    def close(self) -> None:
        """Take back the timer of the event loop."""
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None

    def _set_alarm(self, deadline: float) -> None:
        self.close()
        self._rings_at = deadline
        left = self._timer.seconds_left() or 0.0
        self._alarm = asyncio.get_running_loop().call_later(left, self._ring)

    def _ring(self) -> None:
        self._alarm = None
        deadline = self._timer.deadline
        if self._task is None or deadline is None:
            return  # whoever waits next sets it again
        if self._timer.seconds_left():
            self._set_alarm(deadline)
        else:
            self._has_bitten = True
            self._task.cancel()
