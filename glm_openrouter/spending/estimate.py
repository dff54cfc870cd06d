"""What a call is expected to cost: from what earlier ones of its model did, or else from the request itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

from glm_openrouter.completions import Usage

from .amounts import read_count
from .ledger import PlannedCall

__all__ = ["Estimate", "Estimates", "list_price"]

_PROMPT_PRICE: Final = 0.60
_COMPLETION_PRICE: Final = 2.20
"""USD per million tokens, at the dearest provider of GLM 4.6 (https://openrouter.ai/z-ai/glm-4.6, September 2026).

Only calls whose cost nobody knows are estimated with them.
"""

_LONG_ANSWER: Final = 4096
"""Tokens that are expected where the request sets no smaller limit."""


class Estimate(NamedTuple):
    """What a call is expected to cost."""

    amount: float
    """USD."""
    is_guess: bool
    """Whether it comes from the request alone, because the cost of no call of this model is known."""


@dataclass
class _History:
    """What the calls of one model have cost, in USD."""

    calls: int = 0
    cost: float = 0.0
    last: float = 0.0

    def add(self, cost: float) -> None:
        self.calls += 1
        self.cost += cost
        self.last = cost

    @property
    def estimate(self) -> float:
        return max(self.last, self.cost / self.calls) if self.calls else 0.0


class Estimates:
    """Expects of a call what the last one of the same model cost, or the average of all, whichever is more.

    While none of the model is known, it is guessed from the request.
    """

    def __init__(self) -> None:
        self._histories: dict[str, _History] = {}

    def of(self, call: PlannedCall) -> Estimate:
        """Return what a call is expected to cost."""
        if history := self._histories.get(call.model):
            return Estimate(history.estimate, is_guess=False)
        guess = _guess(call) if call.estimate is None else call.estimate
        return Estimate(guess, is_guess=True)

    def learn(self, model: str, cost: float, *, complete: bool) -> None:
        """Take what a call cost.

        A response that broke off may be cheap for that, so it lowers no estimate; and one that was free, because it
        came from a cache or was empty, says nothing of the next.
        """
        history = self._histories.get(model)
        if cost and (complete or (history is not None and cost > history.estimate)):
            self._histories.setdefault(model, _History()).add(cost)


def list_price(usage: Usage | None) -> float:
    """Return the USD that the tokens of a usage cost at GLM 4.6."""
    if usage is None:
        return 0.0
    return _price(read_count(usage.prompt_tokens), read_count(usage.completion_tokens))


def _price(prompt_tokens: int, completion_tokens: int) -> float:
    return (prompt_tokens * _PROMPT_PRICE + completion_tokens * _COMPLETION_PRICE) / 1e6


def _guess(call: PlannedCall) -> float:
    """Return what a call costs if all it holds is read anew and the answer is a long one."""
    from glm_openrouter.tokens import count_prompt_tokens  # few programs need a guess

    try:
        prompt = count_prompt_tokens(call.messages, call.tools, count=_count_roughly)
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError):
        prompt = 0  # it is not for a ledger to refuse odd messages
    return _price(prompt, min(call.max_tokens or _LONG_ANSWER, _LONG_ANSWER))


def _count_roughly(text: str) -> int:
    """Return about how many tokens a text has at most, in no time."""
    return len(text.encode(errors="replace")) // 3 + 1
