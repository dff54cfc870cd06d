"""Costs and counts of tokens, of which nothing is trusted: other servers send what is none."""

import sys
from typing import Final

from glm_openrouter.completions import Usage

__all__ = ["read_cost", "read_count"]

_MOST_TOKENS: Final = 1 << 40
"""Above this a count is taken for noise."""


def read_cost(usage: Usage | None) -> float | None:
    """Return the USD of a usage, or `None` if it names none, or what is no amount."""
    return _amount(usage.cost, sys.float_info.max) if usage else None


def read_count(value: object) -> int:
    """Return a count of tokens; 0 if it is not known, or no count."""
    return int(_amount(value, _MOST_TOKENS) or 0)


def _amount(value: object, most: float) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value <= most else None  # NaN is neither
