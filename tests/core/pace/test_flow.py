"""The rules of a pace, held to providers that are only imagined, in a time that is only counted."""

import heapq
import itertools
import random
from collections import deque
from dataclasses import dataclass, field

import pytest

from glm_openrouter.pace.flow import Flow


class Slots:
    """A provider that has so many places and refuses what is beyond them."""

    def __init__(self, places, seconds, retry_after=0.0):
        self.rate = places / seconds
        self.retry_after = retry_after
        self._places, self._seconds, self._taken = places, seconds, []

    def takes(self, now):
        """Return the seconds that the answer takes, or `None` if the request is refused."""
        while self._taken and self._taken[0] <= now:
            heapq.heappop(self._taken)
        if len(self._taken) >= self._places:
            return None
        heapq.heappush(self._taken, now + self._seconds)
        return self._seconds


class PerSecond:
    """A provider that takes so many requests in any second."""

    retry_after = 1.0

    def __init__(self, rate, seconds):
        self.rate = rate
        self._seconds, self._times = seconds, deque()

    def takes(self, now):
        while self._times and self._times[0] <= now - 1:
            self._times.popleft()
        if len(self._times) >= self.rate:
            return None
        self._times.append(now)
        return self._seconds


class Bucket:
    """A provider that takes so many requests a second, and as many at once as it has not taken in the last second."""

    retry_after = 1.0

    def __init__(self, rate, seconds):
        self.rate = rate
        self._seconds, self._tokens, self._at = seconds, rate, 0.0

    def takes(self, now):
        self._tokens = min(self.rate, self._tokens + (now - self._at) * self.rate)
        self._at = now
        if self._tokens < 1:
            return None
        self._tokens -= 1
        return self._seconds


@dataclass
class Job:
    """Requests that wait for one flow."""

    waiting: int
    flow: Flow = field(default_factory=Flow)
    looks_at: float = -1.0


@dataclass
class Outcome:
    requests: int = 0
    answers: int = 0
    seconds: float = 0.0


def simulate(provider, jobs, refused_after=0.01):
    """Let jobs run beside each other until all their requests are answered."""
    outcome, order, chance = Outcome(), itertools.count(), random.Random(1)
    events = [(0.0, next(order), job, None, False) for job in jobs]
    while events:
        now, _, job, request, answered = heapq.heappop(events)
        if answered:
            job.flow.succeed(request)
            outcome.answers += 1
            outcome.seconds = now
        elif request is not None:
            job.flow.refuse(request, now, provider.retry_after)
            job.waiting += 1
        while job.waiting and (wait := job.flow.seconds_to_wait(now)) == 0:
            outcome.requests += 1
            request = outcome.requests
            job.waiting -= 1
            job.flow.begin(request, now)
            takes = provider.takes(now)
            after = refused_after if takes is None else takes * chance.uniform(0.8, 1.2)
            heapq.heappush(events, (now + after, next(order), job, request, takes is not None))
        if job.waiting and wait is not None and job.looks_at <= now:
            job.looks_at = now + wait
            heapq.heappush(events, (now + wait, next(order), job, None, False))
    return outcome


@pytest.mark.parametrize("jobs", [1, 4])
@pytest.mark.parametrize(
    "provider",
    [
        lambda: Slots(64, 0.2),
        lambda: PerSecond(200, 0.2),
        lambda: PerSecond(200, 0.05),
        lambda: Bucket(200, 0.05),
    ],
    ids=["64 places", "200 in any second", "200 fast ones", "a bucket"],
)
def test_most_of_a_limit_is_used_with_few_refusals(provider, jobs):
    limit = provider()
    outcome = simulate(limit, [Job(4000 // jobs) for _ in range(jobs)])

    assert outcome.answers == 4000
    assert outcome.requests / outcome.answers <= 1.1
    assert outcome.answers / outcome.seconds >= 0.8 * limit.rate
