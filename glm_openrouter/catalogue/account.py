"""What OpenRouter tells of an account: the limits of a key, the credits, and what was used on which day."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import date
from typing import Any, Final, TypeVar
from urllib.parse import urlencode

from glm_openrouter._json.lenient import fit
from glm_openrouter._json.values import JSONObject
from glm_openrouter.errors import InvalidRequestError, PermissionDeniedError

from .infos import ActivityInfo, CreditsInfo, KeyInfo
from .queries import GetRequest, Query, object_of, objects_of

__all__ = ["Activity", "ActivitySums", "list_activity", "query_credits", "query_key"]

_MANAGEMENT_KEYS: Final = "https://openrouter.ai/settings/management-keys"

K = TypeVar("K")


@dataclass
class ActivitySums:
    """The sums over some rows of an `Activity`."""

    usage: float = 0.0
    """USD charged to the account."""
    byok_usage_inference: float = 0.0
    """USD that providers charge to your own keys with them; `usage` does not include it."""
    requests: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    reasoning_tokens: int = 0

    def add(self, row: ActivityInfo) -> None:
        """Add a row; what it does not say counts as 0."""
        for field in fields(self):
            value = getattr(self, field.name) + (getattr(row, field.name) or 0)
            setattr(self, field.name, value)


class Activity(list[ActivityInfo]):
    """What an account used: a row for each day, model and provider."""

    @property
    def by_day(self) -> dict[str, ActivitySums]:
        """The sums by day in UTC, the first one first."""
        return dict(sorted(self.sum_by(lambda row: row.date or "").items()))

    @property
    def by_provider(self) -> dict[tuple[str, str], ActivitySums]:
        """The sums by model and provider, the dearest first."""
        sums = self.sum_by(lambda row: (row.model or "", row.provider_name or ""))
        return dict(sorted(sums.items(), key=lambda item: (-item[1].usage, item[0])))

    def _repr_html_(self) -> str:
        from glm_openrouter._html import row_table  # which a program needs in a notebook alone

        def cells(sums: ActivitySums) -> tuple[str, ...]:
            tokens = (sums.prompt_tokens, sums.completion_tokens)
            return f"{sums.requests:,}", f"{sums.usage:.6f}", *(f"{count:,}" for count in tokens)

        days = [day for day in self.by_day if day]
        return row_table(
            ("Model", "Provider", "Requests", "USD", "Prompt tokens", "Completion tokens"),
            ((*key, *cells(sums)) for key, sums in self.by_provider.items()),
            caption=f"{days[0]} to {days[-1]}, UTC" if days else "",
            texts=2,
            total=("Total", "", *cells(self.total)),
        )

    @property
    def total(self) -> ActivitySums:
        """The sums over all rows."""
        return self.sum_by(lambda _: None).get(None, ActivitySums())

    def sum_by(self, key: Callable[[ActivityInfo], K]) -> dict[K, ActivitySums]:
        """Return the sums over the rows that have a key in common.

        Args:
            key: Takes a row and returns its key.
        """
        sums: dict[K, ActivitySums] = {}
        for row in self:
            sums.setdefault(key(row), ActivitySums()).add(row)
        return sums


def query_key() -> Query[KeyInfo]:
    """Return what is known of the client's key."""
    answer = yield GetRequest("/key")
    return fit(KeyInfo, object_of(answer.get("data")))


def query_credits() -> Query[CreditsInfo]:
    """Return what the account has bought and used.

    Raises:
        PermissionDeniedError: The key is no management key.
    """
    answer = yield from _ask_account("/credits")
    return fit(CreditsInfo, object_of(answer.get("data")))


def list_activity(day: date | str | None = None) -> Query[Activity]:
    """Return what the account used on a day, or on each of the last 30.

    Raises:
        InvalidRequestError: `day` is no day.
        PermissionDeniedError: The key is no management key.
    """
    query = f"?{urlencode({'date': _write_day(day)})}" if day is not None else ""
    answer = yield from _ask_account(f"/activity{query}")
    return Activity(fit(ActivityInfo, row) for row in objects_of(answer.get("data")))


def _write_day(day: Any) -> str:
    try:
        return (day if isinstance(day, date) else date.fromisoformat(day)).strftime("%Y-%m-%d")
    except (TypeError, ValueError):
        raise InvalidRequestError(f"A day is a date such as 2026-11-30, got {day!r}.") from None


def _ask_account(path: str) -> Query[JSONObject]:
    """Return what is at a path that only management keys may ask for."""
    try:
        return (yield GetRequest(path))
    except PermissionDeniedError as error:
        raise PermissionDeniedError(
            f"{error.message} This needs a management key, which is good for no chats: make one at {_MANAGEMENT_KEYS}, "
            "and pass it as api_key to a client of its own (the command line reads OPENROUTER_MANAGEMENT_KEY).",
            **error.details,
        ) from None
