"""`Pace`: requests wait for their turn, in threads and on event loops, and the context in which they do."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import OrderedDict
from contextvars import ContextVar
from typing import Protocol, Self

from glm_openrouter.errors import APIError

from .flow import Flow

__all__ = ["Clock", "Pace", "Turn", "is_refusal", "open_pace"]

_REFUSALS = frozenset((402, 429, 503, 529))
"""Statuses that say that there are too many requests, if they say that they may be sent again; a 402 may do so where
those in flight cover the balance."""


def is_refusal(error: APIError) -> bool:
    """Return whether a request was turned away because there are too many, before anybody worked on it."""
    return error.status_code in _REFUSALS and error.retryable and not error.may_be_billed


class Clock(Protocol):
    """The time, and how to wait."""

    def now(self) -> float:
        """Return the seconds since some moment."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait."""

    async def asleep(self, seconds: float) -> None:
        """Wait, and let others work."""


class Pace:
    """Finds out how many requests a provider takes, and keeps to it: `with Pace(): chain.batch(rows)`.

    All requests that may cost something, chat, vectors and orders, wait for their turn inside its block, in the order
    in which they come, with each of their tries. How many may be in flight begins at ten. While all of these places are
    taken, each round trip adds half of them, until the first refusal, and one from then on. A refusal, which is a
    status of 429, 503 or 529, takes 15 % of the places away, or as many as were refused together, up to half; once
    for all that were in flight. If it says when to come back, nothing at all is sent until then, and later requests
    begin evenly spread, at first a tenth more slowly than those that were answered before, and faster again in time. If
    nothing but refusals comes, nothing is sent for half a second, then twice as long each time, up to eight.

    So a refusal is no failure of a call. It uses up no try of `max_retries`: a call that is refused waits, 0.5 to 8
    seconds or as long as it is told to, and then for its turn. Only if these waits would take more than five minutes
    together, its own turn not counted, it ends with the error. Other errors are what they are elsewhere; they change
    nothing about the pace.

    An answer holds its place until it is over, also a stream that is being read. So whoever makes a call while a stream
    is open, and waits for it, needs two places.

    The block holds in its own context and in all that are copied from it: asyncio tasks, `asyncio.to_thread`, the
    threads of both frameworks. The same object may be entered any number of times, in other threads and event loops,
    too. Processes that know nothing of each other find their share of one limit. Models with limits of their own are
    better off with a pace for each: the innermost block counts.
    """

    def __init__(self) -> None:
        self._flow = Flow()
        self._lock = threading.Lock()
        self._queue: OrderedDict[_Waiter, None] = OrderedDict()
        """Who waits; only the first looks at the clock."""

    @property
    def limit(self) -> int:
        """How many requests may be in flight now."""
        return int(self._flow.limit)

    @property
    def in_flight(self) -> int:
        """How many requests there are now."""
        return self._flow.in_flight

    @property
    def waiting(self) -> int:
        """How many requests wait for their turn."""
        return len(self._queue)

    def __enter__(self) -> Self:
        _open.set((*_open.get(), self))
        return self

    def __exit__(self, *_: object) -> None:
        """End the block; nothing happens if it ends in another context, as that of a fixture may."""
        paces = _open.get()
        if self in paces:
            at = len(paces) - 1 - paces[::-1].index(self)
            _open.set(paces[:at] + paces[at + 1 :])

    def __repr__(self) -> str:
        return f"Pace(limit={self.limit}, in_flight={self.in_flight}, waiting={self.waiting})"

    def wait(self, clock: Clock) -> Turn:
        """Wait until a request may be sent, and return its turn, which has to be ended."""
        turn, waiter = Turn(self, clock), _Waiter()
        try:
            while (seconds := self._try(turn, waiter)) != 0:
                if seconds is None:
                    waiter.wait()
                else:
                    clock.sleep(seconds)
        except BaseException:
            self._leave_queue(turn, waiter)
            raise
        return turn

    async def await_turn(self, clock: Clock) -> Turn:
        """Do what `wait` does, and let others work meanwhile."""
        turn, waiter = Turn(self, clock), _AsyncWaiter()
        try:
            while (seconds := self._try(turn, waiter)) != 0:
                if seconds is None:
                    await waiter.await_call()
                else:
                    await clock.asleep(seconds)
        except BaseException:
            self._leave_queue(turn, waiter)
            raise
        return turn

    def _try(self, turn: Turn, waiter: _Waiter) -> float | None:
        """Take a place and return 0; else return the seconds to wait, or `None` if the waiter will be called."""
        with self._lock:
            now = turn.clock.now()
            if self._queue and waiter not in self._queue:
                self._queue[waiter] = None
            if self._queue and next(iter(self._queue)) is not waiter:
                return None
            seconds = self._flow.seconds_to_wait(now)
            if seconds != 0:
                self._queue[waiter] = None
                return seconds
            self._queue.pop(waiter, None)
            self._flow.begin(turn, now)
            self._call_next()
            return 0

    def _leave_queue(self, turn: Turn, waiter: _Waiter) -> None:
        """Give up waiting, whatever came of it."""
        with self._lock:
            self._flow.give_back(turn)
            self._queue.pop(waiter, None)
            self._call_next()

    def _end(self, turn: Turn, error: BaseException | None, *, answered: bool) -> None:
        with self._lock:
            if isinstance(error, APIError) and is_refusal(error):
                self._flow.refuse(turn, turn.clock.now(), error.retry_after or 0.0)
            elif answered:
                self._flow.succeed(turn)
            else:
                self._flow.give_back(turn)
            self._call_next()

    def _call_next(self) -> None:
        for waiter in self._queue:
            waiter.call()
            break


class Turn:
    """The place of one request among those in flight."""

    def __init__(self, pace: Pace, clock: Clock) -> None:
        self.clock = clock
        self._pace: Pace | None = pace

    def end(self, error: BaseException | None, *, answered: bool) -> None:
        """Give the place to the next request; nothing happens the second time.

        Args:
            error: What has ended the request, if anything has.
            answered: Whether a whole answer came.
        """
        pace, self._pace = self._pace, None
        if pace is not None:
            pace._end(self, error, answered=answered)


class _Waiter:
    """Waits in a thread until it is called."""

    def __init__(self) -> None:
        self._called = threading.Event()

    def wait(self) -> None:
        self._called.wait()
        self._called.clear()

    def call(self) -> None:
        """Have it look again; it may be in any thread."""
        self._called.set()


class _AsyncWaiter(_Waiter):
    """Waits on the running event loop until it is called."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._awaited = asyncio.Event()

    async def await_call(self) -> None:
        await self._awaited.wait()
        self._awaited.clear()

    def call(self) -> None:
        if asyncio._get_running_loop() is self._loop:
            self._awaited.set()
        else:
            with contextlib.suppress(RuntimeError):  # a loop that is closed waits for nothing
                self._loop.call_soon_threadsafe(self._awaited.set)


_open: ContextVar[tuple[Pace, ...]] = ContextVar("glm_openrouter_paces", default=())


def open_pace() -> Pace | None:
    """Return the pace whose block is the innermost here."""
    paces = _open.get()
    return paces[-1] if paces else None
