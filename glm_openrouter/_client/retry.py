"""What is tried again, how often, and after which wait. The scheduling is tenacity's."""

import logging
from typing import Any

from tenacity import (
    RetryCallState,
    retry_base,
    stop_after_attempt,
    stop_any,
    stop_before_delay,
    wait_exponential,
    wait_random,
)

from glm_openrouter.errors import APIError, APITimeoutError

__all__ = ["retry_policy"]

logger = logging.getLogger("glm_openrouter")

_MAX_WAIT = 60.0
"""Seconds. If the response asks for a longer wait, the error is raised at once, and names the time."""

_MAX_TOTAL_WAIT = 300.0
"""Seconds that all tries and waits of one request may take together."""

_backoff = wait_exponential(multiplier=0.5, max=8.0) + wait_random(0, 0.25)


class _IsWorthRetrying(retry_base):
    """Whether the request of one call may be sent again.

    Not after a timeout: the provider may still be at work on the first request. And after a failure that may have to
    be paid for, once at most, so that nobody pays three times for one answer.
    """

    def __init__(self) -> None:
        self._may_be_paid_again = True

    def __call__(self, retry_state: RetryCallState) -> bool:
        error = _error_of(retry_state)
        if not isinstance(error, APIError) or not _may_pass(error):
            return False
        if not error.may_be_billed:
            return True
        again, self._may_be_paid_again = self._may_be_paid_again, False
        return again


def _may_pass(error: APIError) -> bool:
    is_timeout = isinstance(error, APITimeoutError)
    return error.retryable and not is_timeout and (error.retry_after or 0) <= _MAX_WAIT


def retry_policy(max_retries: int) -> dict[str, Any]:
    """Return the arguments for `tenacity.Retrying` and `tenacity.AsyncRetrying`, for one call."""
    return {
        "stop": stop_any(stop_after_attempt(max_retries + 1), stop_before_delay(_MAX_TOTAL_WAIT)),
        "wait": _wait,
        "retry": _IsWorthRetrying(),
        "before_sleep": _log,
        "reraise": True,
    }


def _wait(state: RetryCallState) -> float:
    """Back off, but for no less than the response asked for."""
    return max(_backoff(state), getattr(_error_of(state), "retry_after", None) or 0.0)


def _log(state: RetryCallState) -> None:
    wait = state.next_action.sleep if state.next_action else 0.0
    logger.warning(
        "Try %d failed, trying again in %.1f s: %s", state.attempt_number, wait, _error_of(state)
    )


def _error_of(state: RetryCallState) -> BaseException | None:
    return state.outcome.exception() if state.outcome else None
