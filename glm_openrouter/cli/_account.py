"""What OpenRouter says of an account, for `glm-openrouter spend --account`."""

from __future__ import annotations

import argparse
import os
from dataclasses import asdict, dataclass
from typing import Any, Final

import msgspec

from glm_openrouter import (
    Activity,
    ActivityInfo,
    ActivitySums,
    AuthenticationError,
    Client,
    CreditsInfo,
    LogReport,
)

from ._common import connection

__all__ = ["Account", "read_account", "sum_as_logged"]

_MANAGEMENT_KEY: Final = "OPENROUTER_MANAGEMENT_KEY"


@dataclass
class Account:
    """What the account bought and used."""

    credits: CreditsInfo
    activity: Activity

    def to_dict(self) -> dict[str, Any]:
        """Return all figures, by name."""
        return {
            "credits": {**msgspec.to_builtins(self.credits), "remaining": self.credits.remaining},
            "by_provider": [
                {"model": model, "provider": provider, **asdict(sums)}
                for (model, provider), sums in self.activity.by_provider.items()
            ],
            "by_day": [{"day": day, **asdict(sums)} for day, sums in self.activity.by_day.items()],
            "total": asdict(self.activity.total),
        }

    def describe_credits(self) -> str:
        """Return a sentence about what was bought, used and is left."""
        amounts = (
            (self.credits.total_credits, "bought"),
            (self.credits.total_usage, "used"),
            (self.credits.remaining, "left"),
        )
        known = (f"{amount:,.2f} USD {what}" for amount, what in amounts if amount is not None)
        return f"Credits: {', '.join(known) or 'unknown'}."


def sum_as_logged(activity: Activity, report: LogReport) -> dict[tuple[str, str], ActivitySums]:
    """Return the sums by model and provider; a model has the name that a log has for it."""

    def name(row: ActivityInfo) -> tuple[str, str]:
        names = [
            (model or "", row.provider_name or "") for model in (row.model, row.model_permaslug)
        ]
        return next((name for name in names if name in report.by_provider), names[0])

    return activity.sum_by(name)


def read_account(options: argparse.Namespace) -> Account:
    """Ask OpenRouter for the account.

    Raises:
        APIError: OpenRouter did not answer.
        AuthenticationError: There is no key.
        PermissionDeniedError: The key is no management key.
    """
    with connection(options) as client_options:
        client_options["api_key"] = "sk-or-management-offline" if options.offline else _find_key()
        with Client(**client_options) as client:
            return Account(client.credits(), client.activity())


def _find_key() -> str:
    for name in (_MANAGEMENT_KEY, "OPENROUTER_API_KEY"):
        if key := os.environ.get(name, "").strip():
            return key
    raise AuthenticationError(
        "--account needs a management key: make one at https://openrouter.ai/settings/management-keys, "
        f"and set {_MANAGEMENT_KEY}."
    )
