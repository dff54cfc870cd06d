"""What is tried again, how often, and after which wait. The scheduling is tenacity's."""

import logging
from typing import Any

from tenacity import (
    RetryCallState,
    retry_if_exception,
    stop_after_attempt,
    stop_any,
    stop_before_delay,
    wait_exponential,
    wait_random,
)

from .errors import APIError, APITimeoutError

__all__ = ["retry_policy"]

logger = logging.getLogger("glm_openrouter")

_MAX_WAIT = 60.0
"""Seconds. If the response asks for a longer wait, the error is raised at once, and names the time."""

_MAX_TOTAL_WAIT = 300.0
"""Seconds that all tries and waits of one request may take together."""

_backoff = wait_exponential(multiplier=0.5, max=8.0) + wait_random(0, 0.25)


def _is_worth_retrying(error: BaseException) -> bool:
    """Return whether the request may be sent again.

    A timeout is not: the provider may still be at work on the first request, and bill for it.
    """
    return (
        isinstance(error, APIError)
        and error.retryable
        and not isinstance(error, APITimeoutError)
        and (error.retry_after or 0) <= _MAX_WAIT
    )


def retry_policy(max_retries: int) -> dict[str, Any]:
    """Return the arguments for `tenacity.Retrying` and `tenacity.AsyncRetrying`."""
    return {
        "stop": stop_any(stop_after_attempt(max_retries + 1), stop_before_delay(_MAX_TOTAL_WAIT)),
        "wait": _wait,
        "retry": retry_if_exception(_is_worth_retrying),
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
