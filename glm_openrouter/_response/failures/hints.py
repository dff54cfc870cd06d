"""What an error says about another try: whether it may help, when, and with how many tokens."""

import re
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from typing import Any

from glm_openrouter._json.lenient import to_number

__all__ = ["affordable_tokens", "is_retryable", "read_number", "retry_after"]

_RETRYABLE = frozenset((408, 429, 500, 502, 503, 504, 529, *range(520, 525)))

_AFFORDABLE = re.compile(r"can only afford ([\d,]+)")
"""What a 402 says of the `max_tokens` that the balance allows."""

_LONGEST_NUMBER = 64
"""Characters of a number or a date."""


def is_retryable(
    status: int,
    text: str,
    wait: float | None,
    metadata: Mapping[str, Any],
    availability: Mapping[str, Any],
) -> bool:
    """Return whether the same request may succeed later, after the `wait` that the response names."""
    limit = metadata.get("limit_source")
    if (isinstance(limit, str) and "daily" in limit) or "per-day" in text:
        return False
    if isinstance(availability.get("retryable"), bool):
        return bool(availability["retryable"])
    if status == 402:
        return limit == "openrouter_in_flight_budget" and wait is not None
    return status in _RETRYABLE


def retry_after(
    headers: Mapping[str, str],
    inner_headers: Mapping[str, Any],
    availability: Mapping[str, Any],
    now: Callable[[], float],
) -> float | None:
    """Return the longest of the waits that the response names, in seconds.

    Args:
        headers: Those of the response.
        inner_headers: Those that the provider sent to OpenRouter, by their names in lower case.
        availability: What the envelope says about it.
        now: Returns the time in seconds since the epoch.
    """
    milliseconds = read_number(headers.get("retry-after-ms"))
    waits = [
        None if milliseconds is None else milliseconds / 1000,
        read_number(availability.get("retry_after")),
        _to_seconds(headers.get("retry-after"), now),
        _to_seconds(inner_headers.get("retry-after"), now),
    ]
    for source in (headers, inner_headers):
        reset = read_number(source.get("x-ratelimit-reset"))  # milliseconds since the epoch
        waits.append(None if reset is None else reset / 1000 - now())
    return max((wait for wait in waits if wait is not None and wait > 0), default=None)


def affordable_tokens(text: str) -> int | None:
    """Return the `max_tokens` for which the balance is enough, as the text of a 402 says."""
    match = _AFFORDABLE.search(text)
    number = to_number(match[1].replace(",", "")) if match else None
    return None if number is None else int(number)


def read_number(value: object) -> float | None:
    """Return a number, also one that is written as text, or `None`."""
    if not isinstance(value, str):
        return to_number(value)
    return to_number(value.strip()) if len(value) <= _LONGEST_NUMBER else None


def _to_seconds(value: object, now: Callable[[], float]) -> float | None:
    """Read `Retry-After`: seconds, or a date (https://www.rfc-editor.org/rfc/rfc9110#field.retry-after)."""
    seconds = read_number(value)
    if seconds is not None or not isinstance(value, str) or len(value) > _LONGEST_NUMBER:
        return seconds
    try:
        return parsedate_to_datetime(value).timestamp() - now()
    except (ValueError, OverflowError, OSError):
        return None
