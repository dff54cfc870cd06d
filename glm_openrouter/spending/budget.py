"""A limit for what a run may cost."""

import math

from glm_openrouter.errors import BudgetExceededError, InvalidRequestError

from .estimate import Estimate, Estimates
from .spend import Spend, SpendEntry

__all__ = ["Budget"]

_NANO_DOLLAR = 1e-9
"""USD. Sums of floats are not exact."""


class Budget(Spend):
    """Stops a run before the call that would make it cost more than a limit: `with Budget(0.50) as budget: ...`.

    It is a `Spend` that can say no. A call is refused with `BudgetExceededError`, before anything is sent, if three
    sums together are over the limit: what has been spent, what is reserved for the calls in flight, and the estimate
    for this one. The estimate is the cost of the last call of the same model, or the average of all of them, whichever
    is more. So calls that run side by side share one limit.

    A call that was sent and whose cost does not become known is spent as well, at its estimate: see
    `SpendEntry.unreported`. So the bill can pass the limit only by what calls cost more than their estimates, and by
    one call of a model that nothing is known of.

    Args:
        limit: USD.
        first_call: USD that a call of a model is estimated at while none of that model has told its cost; 0 if calls
            are free. By default this is guessed, from the length of the request, `max_tokens` or 4,096 tokens of
            answer, whichever is less, and the price of GLM 4.6. A guess refuses no call that is alone, only those that
            would run beside others.

    Raises:
        InvalidRequestError: An amount is negative, or not a number.
    """

    def __init__(self, limit: float, *, first_call: float | None = None) -> None:
        super().__init__()
        for name, amount in (("limit", limit), ("first_call", first_call or 0.0)):
            if not (isinstance(amount, int | float) and 0 <= amount < math.inf):
                raise InvalidRequestError(f"{name} must be an amount in USD, got {amount!r}.")
        self.limit = limit
        """USD."""
        self._estimates = Estimates(first_call)

    @property
    def spent(self) -> float:
        """USD that the calls have cost, and the estimates of those whose cost is unreported."""
        total = self.total
        return total.cost + total.unreported

    @property
    def remaining(self) -> float:
        """USD; what is reserved for calls in flight is not taken off."""
        return max(0.0, self.limit - self.spent)

    def _check(self, estimate: Estimate) -> None:
        reserved = sum(held.estimate.amount for held in self._reserved.values())
        total = self.total
        spent = total.cost + total.unreported
        alone = estimate.is_guess and not self._reserved
        fits = alone or spent + reserved + estimate.amount <= self.limit + _NANO_DOLLAR
        if spent >= self.limit or not fits:
            raise _exceeded(self.limit, total, reserved, estimate)


def _exceeded(
    limit: float, total: SpendEntry, reserved: float, estimate: Estimate
) -> BudgetExceededError:
    spent = total.cost + total.unreported
    unreported = (
        f" ({total.unreported:.6f} of them estimated, because the cost was not reported)"
        if total.unreported_calls
        else ""
    )
    in_flight = f", {reserved:.6f} are reserved for calls in flight" if reserved else ""
    advice = "Raise the limit to go on."
    if estimate.is_guess and spent < limit:
        advice += " The estimate is a guess, as no call of this model has told its cost yet; first_call replaces it."
    return BudgetExceededError(
        f"The budget of {limit:g} USD does not cover the next call: {spent:.6f} USD are spent{unreported}{in_flight}, "
        f"and the call is estimated at {estimate.amount:.6f}. {advice}",
        limit=limit,
        spent=spent,
        estimate=estimate.amount,
    )
