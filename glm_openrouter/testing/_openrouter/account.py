"""The account behind the keys: who may ask, what has been used, and what is remembered of it."""

from collections import OrderedDict
from datetime import UTC, date, datetime
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from .activity import list_activity
from .bodies import build_record
from .generation import Generation
from .refusal import RefusalError

__all__ = ["Account"]

_RECORDS_KEPT: Final = 10_000
_MANAGEMENT_PREFIX: Final = "sk-or-management"
"""What management keys begin with here; at OpenRouter they look like any other key."""

_BOUGHT: Final = 25.0
"""USD."""


class Account:
    """One account for all keys.

    Args:
        api_key: The only key that is accepted; None accepts every key that starts with `sk-or-`.
    """

    def __init__(self, api_key: str | None) -> None:
        self._api_key = api_key
        self._records: OrderedDict[str, dict[str, Any]] = OrderedDict()
        self._usage = 0.0

    def authorise(self, request: Request) -> str:
        """Return the key of a request.

        Raises:
            RefusalError: It has none that is accepted (401).
        """
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not key.strip():
            raise RefusalError(401, "No auth credentials found")
        is_known = key == self._api_key if self._api_key else key.startswith("sk-or-")
        if not is_known:
            raise RefusalError(401, "User not found.")
        return key

    def _authorise_management(self, request: Request) -> None:
        if not self.authorise(request).startswith(_MANAGEMENT_PREFIX):
            raise RefusalError(403, "Only management keys can perform this operation")

    def keep(self, generation: Generation, *, streamed: bool) -> None:
        """Remember a generation for `/generation` and `/key`."""
        self._records[generation.id] = build_record(generation, streamed=streamed)
        self.charge(generation.cost)
        if len(self._records) > _RECORDS_KEPT:
            self._records.popitem(last=False)

    def charge(self, cost: float) -> None:
        """Add USD to what has been used."""
        self._usage += cost

    def note_cancelled(self, generation: Generation) -> None:
        """Remember that the client left before the end."""
        if record := self._records.get(generation.id):
            record["cancelled"] = True

    async def key(self, request: Request, _: dict[str, Any] | None) -> Response:
        """Answer `/key`."""
        key = self.authorise(request)
        spent = round(self._usage, 10)
        spans = ("usage", "usage_daily", "usage_weekly", "usage_monthly")
        data = {
            "label": "sk-or-v1-off...ine",
            "limit": None,
            "limit_remaining": None,
            "limit_reset": None,
            "include_byok_in_limit": False,
            **dict.fromkeys(spans, spent),
            **{f"byok_{span}": 0 for span in spans},
            "is_free_tier": False,
            "is_management_key": key.startswith(_MANAGEMENT_PREFIX),
            "rate_limit": {"requests": -1, "interval": "10s", "note": "deprecated"},
        }
        return JSONResponse({"data": data})

    async def credits(self, request: Request, _: dict[str, Any] | None) -> Response:
        """Answer `/credits`."""
        self._authorise_management(request)
        before = sum(row["usage"] for row in list_activity(_today()))
        used = round(before + self._usage, 10)
        return JSONResponse({"data": {"total_credits": _BOUGHT, "total_usage": used}})

    async def activity(self, request: Request, _: dict[str, Any] | None) -> Response:
        """Answer `/activity`: the days before; what is used today appears there tomorrow, and not here."""
        self._authorise_management(request)
        rows = list_activity(_today(), request.query_params.get("date"))
        return JSONResponse({"data": rows})

    async def generation(self, request: Request, _: dict[str, Any] | None) -> Response:
        """Answer `/generation`."""
        self.authorise(request)
        wanted = request.query_params.get("id", "")
        if wanted not in self._records:
            raise RefusalError(404, f"Generation {wanted} not found")
        return JSONResponse({"data": self._records[wanted]})


def _today() -> date:
    return datetime.now(UTC).date()
