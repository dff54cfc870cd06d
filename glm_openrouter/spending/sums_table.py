"""What a notebook shows of what was spent: a row for each model at a provider, and one for all."""

from collections.abc import Mapping
from typing import Protocol

from glm_openrouter._html import row_table

__all__ = ["sums_table"]


class _Sums(Protocol):
    calls: int
    cost: float
    prompt_tokens: int
    completion_tokens: int

    @property
    def cache_hit_rate(self) -> float: ...


def sums_table(
    by_provider: Mapping[tuple[str, str], _Sums], total: _Sums, *, caption: str = ""
) -> str:
    """Return a table of HTML.

    Args:
        by_provider: The sums by model and provider.
        total: The sums over all.
        caption: What stands above it.
    """
    headings = ("Model", "Provider", "Calls", "USD", "Prompt tokens", "Cached", "Completion tokens")
    rows = (
        (model, provider or "unknown", *_cells(sums))
        for (model, provider), sums in by_provider.items()
    )
    return row_table(headings, rows, caption=caption, texts=2, total=("Total", "", *_cells(total)))


def _cells(sums: _Sums) -> tuple[str, ...]:
    return (
        f"{sums.calls:,}",
        f"{sums.cost:.6f}",
        f"{sums.prompt_tokens:,}",
        f"{sums.cache_hit_rate:.0%}",
        f"{sums.completion_tokens:,}",
    )
