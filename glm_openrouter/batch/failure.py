"""What a row comes back with that could not be answered, and which errors are no row's."""

from collections.abc import Iterator
from typing import TypedDict

from glm_openrouter.errors import (
    AuthenticationError,
    BudgetExceededError,
    GLMError,
    PaymentRequiredError,
    StoreError,
)

__all__ = ["Failure", "describe_failure", "find_fatal"]

_FATAL = (AuthenticationError, BudgetExceededError, PaymentRequiredError, StoreError)


class Failure(TypedDict):
    """Why a row was not answered; as a dict it is the same in Python, in a file and in a column."""

    type: str
    """The name of the error, such as `RateLimitError`."""
    message: str
    """What happened, where, and what to do; without the address of a page, which the type leads to."""
    retryable: bool
    """Whether the same request may succeed later."""
    status_code: int | None
    """As OpenRouter or the provider sent it."""
    raw: str | None
    """What came instead of an answer: the answer that does not fit the schema, the text before a stream broke, or what
    the upstream said."""


def describe_failure(error: BaseException) -> Failure:
    """Return what is said of an error of any kind."""
    status = getattr(error, "status_code", None)
    return Failure(
        type=type(error).__name__,
        message=error.message if isinstance(error, GLMError) else str(error),
        retryable=getattr(error, "retryable", False) is True,
        status_code=status if isinstance(status, int) else None,
        raw=_to_text(getattr(error, "raw", None)) or _to_text(getattr(error, "partial_text", None)),
    )


def find_fatal(error: BaseException) -> GLMError | None:
    """Return what ends a job, in an error or among its causes; `None` if it is the row that failed.

    A key that is refused, credits that are used up, a budget that is spent and a journal that cannot be written would
    fail all rows that are left.
    """
    return next((cause for cause in _causes(error) if isinstance(cause, _FATAL)), None)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error, what it was raised from, and the members of groups, each once."""
    left, seen = [error], set[int]()
    while left:
        cause = left.pop()
        if id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        if cause.__cause__ is not None:
            left.append(cause.__cause__)
        if isinstance(cause, BaseExceptionGroup):
            left.extend(cause.exceptions)


def _to_text(raw: object) -> str | None:
    """Return what an error holds as text: of a framework's message, what it says."""
    if raw is None:
        return None
    text = (
        raw if isinstance(raw, str) else getattr(raw, "text", None) or getattr(raw, "content", None)
    )
    return str(text if isinstance(text, str) else raw) or None
