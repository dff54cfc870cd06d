"""The rules of a pace: how many requests may be in flight, and when the next may go.

What a provider bears is learned from what comes back, in two measures, because limits come in two kinds. A provider
with so many places refuses what is beyond them: `limit` is how many requests may be in flight, which goes up by one a
round trip and down by a part with a refusal, as TCP does (RFC 5681). A provider that counts requests in a span of time
refuses them and says when to come back: each such refusal costs that long, so the rate at which it came is measured,
and the next requests come more slowly than that and approach it on the curve of CUBIC (RFC 9438).

There is no clock here and nothing waits: the time comes with each call, in seconds since some moment.
"""

import math
from collections import deque
from typing import NamedTuple

__all__ = ["LONGEST_HOLD", "Flow"]

_FIRST_LIMIT = 10.0
_FIRST_GROWTH = 0.5
"""What each answer adds to the limit before the first refusal, so that it grows by half in a round trip."""

_CUT, _DEEPEST_CUT = 0.85, 0.5
"""What a round of refusals leaves of the limit: at most, and at least."""

_HEAD_START = 0.1
"""Seconds by which requests may be ahead of their rate, because no timer is exact."""

_DIP = 0.1
"""How far below the measured rate requests go on after a refusal."""

_RECOVERY = 10.0
"""How many times as long as the wait that was asked for it takes to come back to the measured rate."""

_SHORTEST_SPAN = 1.0
"""Seconds in which a rate is measured at least."""

_SHORTEST_TIME = 0.001
"""Seconds, where all that there was to measure came at once."""

_REMEMBERED = 1000
"""Answers from which the rate is measured."""

_FIRST_BACK_OFF, _LONGEST_BACK_OFF = 0.5, 8.0
"""Seconds that nothing is sent if nothing but refusals comes; doubled with each round."""

LONGEST_HOLD = 300.0
"""Seconds that nothing is sent at most, whatever was asked for."""


class Flow:
    """What is known of a provider, from the requests that began and how they ended."""

    def __init__(self) -> None:
        self.limit = _FIRST_LIMIT
        """How many requests may be in flight."""
        self.held_until = 0.0
        """When the next may go after a refusal."""
        self._in_flight: dict[object, float] = {}
        """Requests, and when they began."""
        self._first_began = math.inf
        self._round = _Round()
        self._rounds_in_vain = 0
        """Rounds of refusals since the last answer."""
        self._answered: deque[float] = deque(maxlen=_REMEMBERED)
        """When the requests began that were answered last."""
        self._rate: _Rate | None = None
        self._next_at = 0.0

    @property
    def in_flight(self) -> int:
        """How many requests there are now."""
        return len(self._in_flight)

    def seconds_to_wait(self, now: float) -> float | None:
        """Return how long the next request has to wait, or `None` if it has to wait for another one to end."""
        if self.in_flight >= int(self.limit):
            return None
        if now < self.held_until:
            return self.held_until - now
        if self._round.asked_for:
            self._measure_rate()
        return max(0.0, self._next_at - now)

    def begin(self, request: object, now: float) -> None:
        """Note that a request begins."""
        self._first_began = min(self._first_began, now)
        self._in_flight[request] = now
        if self._rate is not None:
            self._next_at = max(self._next_at, now - _HEAD_START) + 1 / self._rate.at(now)

    def give_back(self, request: object) -> None:
        """Note that a request has ended in a way that says nothing of the provider's limits."""
        self._in_flight.pop(request, None)

    def succeed(self, request: object) -> None:
        """Note that a request was answered."""
        was_full = self.in_flight >= int(self.limit) - 1
        self._answered.append(self._in_flight.pop(request))
        self._rounds_in_vain = 0
        if was_full:
            self.limit += 1 / self.limit if self._round.refused else _FIRST_GROWTH

    def refuse(self, request: object, now: float, retry_after: float) -> None:
        """Note that a request was refused because there are too many.

        All that began before the first refusal belong to one round: the limit goes down once for it. A round of more
        refusals takes their number off, but not more than half, because the limit has at most doubled since it was
        right.

        Args:
            request: It is over.
            now: The time.
            retry_after: Seconds after which it may be sent again; 0 if nothing says.
        """
        began = self._in_flight.pop(request)
        if began > self._round.at:
            self._round = _Round(now, self.limit)
            back_off = _back_off(self._rounds_in_vain)
            self._rounds_in_vain += 1
        else:
            back_off = 0.0
        self._round.refused += 1
        self._round.asked_for = max(self._round.asked_for, retry_after)
        self.limit = self._round.limit_left()
        hold = min(max(retry_after, back_off), LONGEST_HOLD)
        self.held_until = max(self.held_until, now + hold)

    def _measure_rate(self) -> None:
        """Find out how fast requests came before they were refused, now that those in flight then are mostly over."""
        end, span = self._round.at, max(self._round.asked_for, _SHORTEST_SPAN)
        self._round.asked_for = 0.0
        all_known = (*self._answered, *self._in_flight.values())
        began = [at for at in all_known if end - span < at <= end]
        rate = self._rate
        if rate and end - rate.since < span / 10 and sum(at >= rate.since for at in began) < 10:
            measured = rate.at(end) * _CUT  # others were faster, so there is nothing to measure yet
        else:
            first = min(began) if len(began) >= _REMEMBERED else self._first_began
            measured = max(len(began), 1) / max(min(span, end - first), _SHORTEST_TIME)
        self._rate = _Rate(measured, self.held_until, span * _RECOVERY)
        self._next_at = self.held_until


class _Round:
    """Refusals of requests that were in flight together."""

    def __init__(self, at: float = -math.inf, limit: float = 0.0) -> None:
        self.at = at
        """When the first came."""
        self.refused = 0
        self.asked_for = 0.0
        """Seconds after which requests may come again; 0 once that is dealt with."""
        self._limit = limit
        """How many requests might be in flight."""

    def limit_left(self) -> float:
        """Return how many requests may be in flight now."""
        left = min(self._limit * _CUT, self._limit - self.refused)
        return max(left, self._limit * _DEEPEST_CUT, 1.0)


class _Rate(NamedTuple):
    """Requests a second: below what was measured, soon near it for long, then beyond it."""

    measured: float
    since: float
    recovery: float
    """Seconds until the rate is the measured one again."""

    def at(self, now: float) -> float:
        """Return the rate at a time."""
        passed = max(0.0, now - self.since) / self.recovery
        return self.measured * (1 + _DIP * (passed - 1) ** 3)


def _back_off(rounds: int) -> float:
    """Return how long to send nothing after so many rounds of refusals without an answer."""
    return min(_FIRST_BACK_OFF * 2.0 ** min(rounds - 1, 10), _LONGEST_BACK_OFF) if rounds else 0.0
