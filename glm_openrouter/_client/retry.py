"""What is tried again, how often, and after which wait."""

import logging
import random
from collections.abc import Callable
from typing import Any, TypeVar

from glm_openrouter.errors import APIError, APITimeoutError
from glm_openrouter.pace import is_refusal, open_pace

from .call_record import CallRecord
from .steps import Steps

__all__ = ["retry"]

T = TypeVar("T")

logger = logging.getLogger("glm_openrouter")

_MAX_WAIT = 60.0
"""Seconds. If the response asks for a longer wait, the error is raised at once, and names the time."""

_MAX_TOTAL_WAIT = 300.0
"""Seconds that all waits of one request may take together; a long answer that breaks off is still tried again."""

_FIRST_BACK_OFF, _LONGEST_BACK_OFF, _JITTER = 0.5, 8.0, 0.25
"""Seconds. The back-off doubles with each try; the jitter keeps clients apart that failed together."""


def retry(
    attempt: Callable[[], Steps[T]],
    max_retries: int,
    *,
    sleep: Callable[[float], Any],
    record: CallRecord | None = None,
) -> Steps[T]:
    """Make attempts until one succeeds, or none is left, and return what it returns.

    A failure that may have to be paid for is tried again once at most, so that nobody pays three times for one answer.
    Under a pace an attempt that is refused because there are too many does not count. Then the limit for all waits
    together is the only one, also for the wait that the refusal asks for.

    Args:
        attempt: Sends the request once.
        max_retries: How many attempts there may be after the first.
        sleep: Waits some seconds, or returns what has to be awaited for it.
        record: That of the call, if somebody watches it.

    Raises:
        APIError: The error of the last attempt.
    """
    tries = _Tries(max_retries)
    while True:
        try:
            return (yield from attempt())
        except APIError as error:
            wait = tries.wait_after(error)
            if wait is None:
                raise
            if record is not None:
                record.note_retry(error, wait)
        yield sleep(wait)


class _Tries:
    """What has become of the tries of one request so far."""

    def __init__(self, max_retries: int) -> None:
        self._max_retries = max_retries
        self._paced = open_pace() is not None
        self._retries = 0
        self._refusals = 0
        """Tries that a pace takes for no failures."""
        self._waited = 0.0
        self._may_be_paid_again = True

    def wait_after(self, error: APIError) -> float | None:
        """Return how long to wait before the next try, or `None` if there is none."""
        refused = self._paced and is_refusal(error)
        back_off = _back_off(self._refusals if refused else self._retries)
        wait = max(back_off, error.retry_after or 0.0)
        is_last = self._retries >= self._max_retries or not _may_pass(error)
        if (is_last and not refused) or self._waited + wait >= _MAX_TOTAL_WAIT:
            return None
        if error.may_be_billed and not self._may_be_paid_again:
            return None
        self._may_be_paid_again = self._may_be_paid_again and not error.may_be_billed
        self._waited += wait
        if refused:
            self._refusals += 1
            logger.info("Refused, taking another turn in %.1f s: %s", wait, error.message)
        else:
            self._retries += 1
            logger.warning(
                "Try %d failed, trying again in %.1f s: %s", self._retries, wait, error.message
            )
        return wait


def _may_pass(error: APIError) -> bool:
    """Return whether another try may help. Not after a timeout: the provider may still be at work on the first."""
    is_timeout = isinstance(error, APITimeoutError)
    return error.retryable and not is_timeout and (error.retry_after or 0) <= _MAX_WAIT


def _back_off(retries: int) -> float:
    """Return how long to wait at least after so many retries."""
    doubled = _FIRST_BACK_OFF * 2.0 ** min(retries, 10)  # a thousand doublings would overflow
    return min(doubled, _LONGEST_BACK_OFF) + random.uniform(0, _JITTER)
