"""What the offline account used on the days before: made up, and the same whenever it is asked for."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any, Final

from .catalogue import DEFAULT_MODEL, ENDPOINTS, Endpoint
from .refusal import RefusalError

__all__ = ["DAYS", "list_activity"]

DAYS: Final = 30
"""How many days back OpenRouter remembers; those of today are not among them."""

_DAYS_USED: Final = 7
_PROMPT_TOKENS: Final = 900
_REASONING_TOKENS: Final = 120
_COMPLETION_TOKENS: Final = 320
"""Of each request, the reasoning included."""


def list_activity(today: date, day: str | None = None) -> list[dict[str, Any]]:
    """Return the rows of all days, the newest first, or of one day.

    Raises:
        RefusalError: `day` is none of the last ones (400).
    """
    days = [(today - timedelta(days=back)).isoformat() for back in range(1, DAYS + 1)]
    if day is not None and day not in days:
        raise RefusalError(400, "Invalid request parameters")
    rows = _rows(days[:_DAYS_USED])
    return [row for row in rows if day in (None, row["date"])]


def _rows(days: list[str]) -> Iterator[dict[str, Any]]:
    for back, day in enumerate(days):
        for rank, endpoint in enumerate(ENDPOINTS):
            # The endpoint that routing prefers answers most; none answers equally often each day.
            if requests := (40 + 9 * (back * 5 % 7)) // (1 + 3 * rank) // (1 + rank % 2 * back):
                yield _row(day, endpoint, requests)


def _row(day: str, endpoint: Endpoint, requests: int) -> dict[str, Any]:
    prompt, completion = requests * _PROMPT_TOKENS, requests * _COMPLETION_TOKENS
    price = prompt * endpoint.prompt_price + completion * endpoint.completion_price
    return {
        "date": day,
        "model": DEFAULT_MODEL,
        "model_permaslug": DEFAULT_MODEL,
        "endpoint_id": f"offline-{endpoint.slug}",
        "provider_name": endpoint.provider_name,
        "usage": round(price / 1e6, 10),
        "byok_usage_inference": 0,
        "requests": requests,
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "reasoning_tokens": requests * _REASONING_TOKENS,
    }
