"""What is tried again, how often, and after which wait. The scheduling is tenacity's."""

import logging
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from tenacity import AttemptManager, RetryCallState, Retrying, wait_exponential, wait_random

from glm_openrouter.errors import APIError, APITimeoutError

from .steps import Steps

__all__ = ["retry"]

T = TypeVar("T")

logger = logging.getLogger("glm_openrouter")

_MAX_WAIT = 60.0
"""Seconds. If the response asks for a longer wait, the error is raised at once, and names the time."""

_MAX_TOTAL_WAIT = 300.0
"""Seconds that all tries and waits of one request may take together."""

_backoff = wait_exponential(multiplier=0.5, max=8.0) + wait_random(0, 0.25)


def retry(
    attempt: Callable[[], Steps[T]],
    max_retries: int,
    *,
    clock: Callable[[], float],
    sleep: Callable[[float], Any],
) -> Steps[T]:
    """Make attempts until one succeeds, or none is left, and return what it returns.

    Args:
        attempt: Sends the request once.
        max_retries: How many attempts there may be after the first.
        clock: Returns seconds since some moment.
        sleep: Waits some seconds, or returns what has to be awaited for it.

    Raises:
        APIError: The error of the last attempt.
    """
    waits: list[float] = []
    for turn in _schedule(max_retries, clock, waits.append):
        while waits:
            yield sleep(waits.pop())
        with turn:
            return (yield from attempt())
    raise AssertionError("unreachable: the schedule raises the last error")


def _schedule(
    max_retries: int, clock: Callable[[], float], sleep: Callable[[float], None]
) -> Iterator[AttemptManager]:
    """Return a block for each attempt; `sleep` is told how long to wait before the next."""
    deadline = clock() + _MAX_TOTAL_WAIT
    policy = _Policy()

    def is_over(state: RetryCallState) -> bool:
        return state.attempt_number > max_retries or clock() + state.upcoming_sleep >= deadline

    return iter(
        Retrying(
            retry=policy.is_worth_retrying,
            wait=_wait,
            stop=is_over,
            sleep=sleep,
            before_sleep=_log,
            reraise=True,
        )
    )


class _Policy:
    """Whether one request may be sent again.

    Not after a timeout: the provider may still be at work on the first request. And after a failure that may have to
    be paid for, once at most, so that nobody pays three times for one answer.
    """

    def __init__(self) -> None:
        self._may_be_paid_again = True

    def is_worth_retrying(self, state: RetryCallState) -> bool:
        """Return whether to try again after the last try."""
        error = _error_of(state)
        if not isinstance(error, APIError) or not _may_pass(error):
            return False
        if not error.may_be_billed:
            return True
        again, self._may_be_paid_again = self._may_be_paid_again, False
        return again


def _may_pass(error: APIError) -> bool:
    is_timeout = isinstance(error, APITimeoutError)
    return error.retryable and not is_timeout and (error.retry_after or 0) <= _MAX_WAIT


def _wait(state: RetryCallState) -> float:
    """Back off, but for no less than the response asked for."""
    return max(_backoff(state), getattr(_error_of(state), "retry_after", None) or 0.0)


def _log(state: RetryCallState) -> None:
    logger.warning(
        "Try %d failed, trying again in %.1f s: %s",
        state.attempt_number,
        state.upcoming_sleep,
        _error_of(state),
    )


def _error_of(state: RetryCallState) -> BaseException | None:
    return state.outcome.exception() if state.outcome else None
